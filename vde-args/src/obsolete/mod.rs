//! Options that QEMU has lost, and what says exactly the same to a QEMU that has.
//!
//! An option stands here only if nothing is lost or guessed in the translation: it does what the
//! option did, on every QEMU from the one on that lost it. `-no-frame`, say, has no successor, and
//! `-virtioconsole stdio` has several that differ. What is not here is QEMU's to refuse.

mod devices;
mod surroundings;
mod user_net;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use surroundings::Surroundings;

use crate::ids::Ids;
use crate::keyval::{KeyVal, Rules, escape};
use crate::note::Why;
use crate::{CommandLine, OptionItem, QemuVersion};

/// What stands in the place of an option that is gone.
enum Successor {
    /// These words; none if the option had no effect any more before it went.
    Words(Vec<OsString>),
    /// A parameter of the only `user` network of the line.
    UserNet(Vec<u8>),
}

/// What becomes of the options of a line that a QEMU has lost.
#[derive(Default)]
pub(crate) struct Successors {
    /// The words in place of the option at each word of argv, and why.
    words: BTreeMap<usize, (Vec<OsString>, Why)>,
    /// The word with the option of a `user` network, and what its argument gets in addition.
    user_net: Option<(usize, Vec<u8>)>,
}

/// The options of a line that a QEMU has lost.
struct Obsolete<'a> {
    line: &'a CommandLine<'a>,
    /// What is started with it.
    program: &'a OsStr,
    version: QemuVersion,
    /// Looked for when first needed.
    surroundings: OnceCell<Surroundings>,
}

/// What a translation has to go by.
struct Case<'a> {
    /// Which word the option is.
    word: usize,
    /// The option's argument; empty if it has none.
    value: &'a [u8],
    version: QemuVersion,
    around: &'a Surroundings,
}

/// An option that is gone.
struct Gone {
    name: &'static str,
    /// The first release without it, or one of the first: it may be gone in releases between the
    /// last that is known to have it and this, whose users then have QEMU's own refusal.
    since: QemuVersion,
    /// `None` if this use of it has no exact successor.
    successor: fn(&Case<'_>, &mut Ids<'_>) -> Option<Successor>,
}

const fn gone(
    name: &'static str,
    (major, minor): (u32, u32),
    successor: fn(&Case<'_>, &mut Ids<'_>) -> Option<Successor>,
) -> Gone {
    Gone { name, since: QemuVersion::new(major, minor, 0), successor }
}

/// Sorted by name. That the words on the right are taken is tried on real QEMUs.
const GONE: &[Gone] = &[
    gone("async-teardown", (9, 0), |_, _| words(["-run-with", "async-teardown=on"])),
    gone("balloon", (3, 1), |case, _| devices::balloon(case.value)),
    gone("bootp", (3, 1), |case, _| user_net::parameter(case, "bootfile")),
    gone("chroot", (9, 0), |case, _| option("-run-with", b"chroot=", &escape(case.value))),
    gone("cirrusvga", (0, 10), |_, _| words(["-vga", "cirrus"])),
    // Had no effect from 1.7 on.
    gone("clock", (4, 0), |_, _| words([])),
    gone("curses", (7, 1), |_, _| words(["-display", "curses"])),
    gone("isa", (0, 8), |_, _| words(["-M", "isapc"])),
    gone("localtime", (3, 1), |case, _| local_time(case)),
    gone("no-acpi", (9, 0), |_, _| words(["-machine", "acpi=off"])),
    gone("no-hpet", (9, 0), |_, _| words(["-machine", "hpet=off"])),
    // Without the accelerator there is nothing to switch off.
    gone("no-kqemu", (0, 12), |_, _| words([])),
    gone("no-kvm", (5, 2), |case, _| no_kvm(case)),
    gone("no-kvm-irqchip", (3, 0), |_, _| words(["-machine", "kernel_irqchip=off"])),
    // Had no effect in any QEMU, only in qemu-kvm.
    gone("no-kvm-pit", (2, 12), |_, _| words([])),
    gone("no-kvm-pit-reinjection", (3, 0), |_, _| {
        words(["-global", "kvm-pit.lost_tick_policy=discard"])
    }),
    gone("nodefconfig", (3, 1), |_, _| words(["-no-user-config"])),
    gone("realtime", (6, 0), |case, _| realtime(case.value)),
    gone("redir", (3, 1), |case, _| user_net::redirection(case)),
    gone("rtc-td-hack", (3, 1), |_, _| words(["-rtc", "driftfix=slew"])),
    gone("runas", (10, 0), |case, _| option("-run-with", b"user=", &escape(case.value))),
    gone("sdl", (7, 1), |_, _| words(["-display", "sdl"])),
    gone("show-cursor", (6, 0), |case, _| show_cursor(case)),
    gone("singlestep", (9, 0), |case, _| single_step(case)),
    gone("smb", (3, 1), |case, _| user_net::shares(case)),
    gone("soundhw", (7, 1), |case, _| devices::sound(case)),
    gone("startdate", (3, 1), |case, _| start_date(case.value)),
    gone("std-vga", (0, 10), |_, _| words(["-vga", "std"])),
    gone("tb-size", (6, 0), |case, _| translation_buffer(case)),
    // Had no effect in any QEMU, only in qemu-kvm.
    gone("tdf", (3, 0), |_, _| words([])),
    gone("tftp", (3, 1), |case, _| user_net::parameter(case, "tftp")),
    gone("usbdevice", (2, 12), devices::usb),
    gone("vmwarevga", (0, 10), |_, _| words(["-vga", "vmware"])),
    gone("watchdog", (7, 2), |case, _| devices::watchdog(case.value)),
];

impl Successors {
    /// All of a line, for a QEMU of `version`.
    pub(crate) fn of<'a>(
        line: &'a CommandLine<'a>,
        program: &'a OsStr,
        version: QemuVersion,
        ids: &mut Ids<'_>,
    ) -> Self {
        let obsolete = Obsolete::new(line, program, version);
        let mut all = Self::default();
        for option in line.options() {
            match obsolete.successor(&option, ids) {
                Some(Successor::Words(words)) => {
                    let why = if words.is_empty() { Why::NoEffect } else { Why::OptionGone };
                    all.words.insert(option.word, (words, why));
                }
                Some(Successor::UserNet(parameter)) => {
                    all.words.insert(option.word, (Vec::new(), Why::OptionMoved));
                    let net = obsolete.surroundings().user_net.as_ref();
                    let net = net.map_or(0, |net| net.word);
                    let (_, parameters) = all.user_net.get_or_insert((net, Vec::new()));
                    if !parameters.is_empty() {
                        parameters.push(b',');
                    }
                    parameters.extend(parameter);
                }
                None => {}
            }
        }
        all
    }

    /// The words in place of the option at `word`, and why; `None` if it stays.
    pub(crate) fn words(&self, word: usize) -> Option<(Vec<OsString>, Why)> {
        self.words.get(&word).cloned()
    }

    /// What the argument of the network whose option is at `word` gets in addition.
    pub(crate) fn parameters(&self, word: usize) -> Option<&[u8]> {
        self.user_net.as_ref().filter(|(net, _)| *net == word).map(|(_, list)| &**list)
    }
}

impl<'a> Obsolete<'a> {
    fn new(line: &'a CommandLine<'a>, program: &'a OsStr, version: QemuVersion) -> Self {
        Self { line, program, version, surroundings: OnceCell::new() }
    }

    /// What this QEMU has in place of an option of the line; `None` if it has the option itself, or
    /// nothing.
    fn successor(&self, option: &OptionItem<'_>, ids: &mut Ids<'_>) -> Option<Successor> {
        let spec = option.spec?;
        let at = GONE.binary_search_by_key(&spec.name, |gone| gone.name).ok()?;
        let gone = GONE.get(at).filter(|gone| self.version >= gone.since)?;
        if spec.takes_arg && option.value.is_none() {
            return None;
        }
        let value = option.value.map(OsStrExt::as_bytes).unwrap_or_default();
        let around = self.surroundings();
        let case = Case { word: option.word, value, version: self.version, around };
        (gone.successor)(&case, ids)
    }

    fn surroundings(&self) -> &Surroundings {
        self.surroundings.get_or_init(|| Surroundings::of(self.line, self.program))
    }
}

impl CommandLine<'_> {
    /// The options that a QEMU of `version` has lost and that `--modernize` would replace by what
    /// says the same to it.
    ///
    /// ```
    /// use vde_args::{CommandLine, QemuVersion};
    /// let words = ["-m", "64", "-localtime"].map(Into::into);
    /// let line = CommandLine::parse(&words);
    /// let lost = |major| line.obsolete(QemuVersion::new(major, 0, 0)).count();
    /// assert_eq!((lost(3), lost(7)), (0, 1));
    /// ```
    pub fn obsolete(&self, version: QemuVersion) -> impl Iterator<Item = OptionItem<'_>> {
        let (obsolete, mut ids) = (Obsolete::new(self, OsStr::new(""), version), Ids::of(self));
        self.options().filter(move |option| obsolete.successor(option, &mut ids).is_some())
    }
}

/// `-realtime mlock=on|off`, its only parameter.
fn realtime(value: &[u8]) -> Option<Successor> {
    let list = KeyVal::parse(value, Rules::Qemu);
    match list.entries() {
        [entry] if list.key(entry) == b"mlock" && entry.value.is_some() => {
            let lock = list.bytes(entry.value.as_ref()?);
            option("-overcommit", b"mem-lock=", lock)
        }
        _ => None,
    }
}

/// `-localtime`, which a date of `-startdate` was stronger than.
fn local_time(case: &Case<'_>) -> Option<Successor> {
    if case.around.has_start_date { words([]) } else { words(["-rtc", "base=localtime"]) }
}

/// `-startdate`: a date, or `now`, which changed nothing.
fn start_date(value: &[u8]) -> Option<Successor> {
    match value {
        b"now" => words([]),
        date => option("-rtc", b"base=", &escape(date)),
    }
}

/// `-no-kvm` was another word for this; QEMU takes it beside every other word for an accelerator but
/// `-accel`.
fn no_kvm(case: &Case<'_>) -> Option<Successor> {
    if case.around.has_accel { None } else { words(["-machine", "accel=tcg"]) }
}

/// The default display with a cursor; a display that is named may have no such parameter.
fn show_cursor(case: &Case<'_>) -> Option<Successor> {
    if case.around.has_display { None } else { words(["-display", "default,show-cursor=on"]) }
}

/// The buffer of TCG, which has to be the accelerator: one that is named may be another.
fn translation_buffer(case: &Case<'_>) -> Option<Successor> {
    match case.around.has_accelerator {
        true => None,
        false => option("-accel", b"tcg,tb-size=", &escape(case.value)),
    }
}

/// The same for its steps; an accelerator has room for one of the two.
fn single_step(case: &Case<'_>) -> Option<Successor> {
    let has_room = !case.around.has_accelerator && !case.around.has_tb_size;
    if has_room { words(["-accel", "tcg,one-insn-per-tb=on"]) } else { None }
}

/// These words.
fn words<const N: usize>(words: [&str; N]) -> Option<Successor> {
    Some(Successor::Words(words.map(OsString::from).into()))
}

/// An option with a parameter whose value is the user's.
fn option(name: &str, key: &[u8], value: &[u8]) -> Option<Successor> {
    let argument = OsString::from_vec([key, value].concat());
    Some(Successor::Words(vec![name.into(), argument]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OptionSpec;

    #[test]
    fn every_row_is_of_an_option_that_some_qemu_had_and_was_lost_when_it_is_said() {
        assert!(GONE.is_sorted_by_key(|gone| gone.name));
        for gone in GONE {
            let spec = OptionSpec::find(gone.name.as_bytes()).expect(gone.name);
            let last = spec.seen.rsplit('-').next().unwrap();
            let last = last.parse::<QemuVersion>().unwrap_or(QemuVersion::new(0, 7, 0));
            // Of -usbdevice only some arguments are gone.
            assert!(last < gone.since || gone.name == "usbdevice", "{}", gone.name);
        }
    }
}
