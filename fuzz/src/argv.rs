//! A whole command line, from argv to the argv of every generation of QEMU.
//!
//! The words are separated by NUL; the first is the name vdeq was called by.

use std::ffi::{OsStr, OsString};
use std::iter;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use vde_args::{
    ArgError, Command, CommandLine, Dialect, Invocation, Item, Network, OptionItem, Placeholders,
    PlugParts, QemuVersion, Rewritten, parse,
};

/// One of each generation.
const VERSIONS: [QemuVersion; 5] = [
    QemuVersion::new(0, 7, 2),
    QemuVersion::new(2, 5, 0),
    QemuVersion::new(3, 1, 0),
    QemuVersion::new(7, 2, 0),
    QemuVersion::new(11, 1, 0),
];

/// Reads `data` as a command line, makes the networks of it and spells them in every dialect.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    let word = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let argv: Vec<OsString> = data.split(|&byte| byte == 0).map(word).collect();
    lossless(&argv);
    match parse(&argv) {
        Err(error) => points_at_its_cause(&argv, &error),
        Ok(Command::Run(run)) if run.options.fd_placeholder => {
            belongs_to_argv(&argv, &run);
            placeholders(data, &argv, &run);
        }
        Ok(Command::Run(run)) => {
            belongs_to_argv(&argv, &run);
            networks(data, &argv, &run);
        }
        Ok(_) => {}
    }
    // The same words as QEMU's alone, as a caller of the library may have them.
    networks(data, &argv, &Invocation::new("qemu", CommandLine::parse(&argv)));
}

fn lossless(words: &[OsString]) {
    let line = CommandLine::parse(words);
    assert_eq!(line.render(), words);
    assert_eq!(items(&line).concat(), words);
}

/// The items of a line as words.
fn items(line: &CommandLine<'_>) -> Vec<Vec<OsString>> {
    line.items().map(|item| words(&item)).collect()
}

/// The words of an item, put together from its parts.
fn words(item: &Item<'_>) -> Vec<OsString> {
    match item {
        Item::Positional { text, .. } => vec![(*text).to_owned()],
        Item::Option(option) => {
            let mut name = OsString::from("-".repeat(option.dashes));
            name.push(option.name);
            let value = option.value.map(OsStr::to_owned);
            iter::once(name).chain(value).collect()
        }
    }
}

/// An error names bytes that are there.
fn points_at_its_cause(argv: &[OsString], error: &ArgError) {
    let text = argv.get(error.index).map_or(&b""[..], |word| word.as_bytes());
    assert_eq!(text.get(error.span.clone()), Some(error.found.as_bytes()), "{error:?}");
    assert!(!error.to_string().is_empty());
}

/// Every word for QEMU is a word of argv, in order, and knows where it stood.
fn belongs_to_argv(argv: &[OsString], run: &Invocation<'_>) {
    assert!(!run.program.is_empty());
    let mut next = run.program_index;
    for item in run.line.items() {
        assert!(item.word() > next || (item.word(), next) == (0, 0), "out of order");
        next = item.word() + item.word_count() - 1;
        let words = argv.iter().skip(item.word()).take(item.word_count());
        assert!(words.eq(run.line.words_of(&item)));
    }
}

fn networks(data: &[u8], argv: &[OsString], run: &Invocation<'_>) {
    let network = match Network::read(run) {
        Ok(network) => network,
        Err(error) => return points_at_its_cause(argv, &error),
    };
    for plug in network.plugs() {
        let PlugParts { sock, port, group, mode, .. } = &plug.parts;
        for spot in [&plug.spot, sock, port, group, mode].into_iter().flatten() {
            assert!(argv[spot.index].as_bytes().get(spot.span.clone()).is_some());
        }
        assert!(plug.port.is_none_or(|port| (1..=vde_args::PORT_MAX).contains(&port)));
        assert!(plug.mode.is_none_or(|mode| mode != 0));
        assert!(plug.sock.as_ref().is_none_or(|sock| !sock.is_empty()));
    }
    for note in network.notes() {
        assert!(!note.to_string().is_empty());
    }
    let Some(fds) = descriptors(data, network.plugs().len()) else { return };
    for version in VERSIONS {
        match network.rewrite(version, &fds) {
            Ok(rewritten) => rewrites(version, run, &fds, &rewritten),
            Err(error) => {
                points_at_its_cause(argv, &error);
                assert!(!has_vlan(version), "only a vlan= that is gone can be wrong by now");
            }
        }
    }
}

/// A program that is no QEMU: all but the placeholders stays.
fn placeholders(data: &[u8], argv: &[OsString], run: &Invocation<'_>) {
    let found = match Placeholders::read(run) {
        Ok(found) => found,
        Err(error) => return points_at_its_cause(argv, &error),
    };
    for plug in found.plugs() {
        let PlugParts { sock, port, group, mode, .. } = &plug.parts;
        for spot in [&plug.spot, sock, port, group, mode].into_iter().flatten() {
            assert!(argv[spot.index].as_bytes().get(spot.span.clone()).is_some());
        }
    }
    let Some(fds) = descriptors(data, found.plugs().len()) else { return };
    let rewritten = found.rewrite(&fds).expect("as many descriptors as plugs");
    assert_eq!(rewritten.args.len(), run.line.words().count());
    let all = rewritten.args.join(OsStr::from_bytes(b"\0"));
    for fd in &fds {
        let fd = fd.to_string();
        let times = all.as_bytes().windows(fd.len()).filter(|window| *window == fd.as_bytes());
        assert_eq!(times.count(), 1, "{fd} in {all:?}");
    }
    for (before, after) in run.line.words().zip(&rewritten.args) {
        let is_ours = rewritten.changes.iter().any(|change| change.after == [after.clone()]);
        assert!(before == after || is_ours, "{before:?} became {after:?}");
    }
}

fn has_vlan(version: QemuVersion) -> bool {
    Dialect::of(version).has_vlan()
}

/// Numbers of seven digits of which nothing in `data` makes one.
fn descriptors(data: &[u8], count: usize) -> Option<Vec<i32>> {
    let is_in_data = |text: &str| data.windows(text.len()).any(|w| w == text.as_bytes());
    let mut bases = (1_000..10_000_i32).filter(|base| !is_in_data(&base.to_string()));
    let base = bases.next()?.checked_mul(1_000)?;
    (count < 1_000).then(|| (base..).take(count).collect())
}

fn rewrites(version: QemuVersion, run: &Invocation<'_>, fds: &[i32], rewritten: &Rewritten) {
    let Rewritten { args, changes, .. } = rewritten;
    each_once(fds, args);
    let line = CommandLine::parse(args);
    kept_in_order(version, &run.line, args);
    nothing_is_swallowed(version, &run.line, &line);
    // The changes are the whole difference.
    let gone: usize = changes.iter().map(|change| change.before.len()).sum();
    let come: usize = changes.iter().map(|change| change.after.len()).sum();
    assert_eq!(args.len() + gone, run.line.words().count() + come);
    assert!(changes.iter().all(|change| change.before != change.after), "{changes:?}");
    // To have rewritten it already changes nothing.
    let mut again = Invocation::new("qemu", line);
    again.style = run.style;
    let network = Network::read(&again).expect("no VDE network is left that could be wrong");
    let asks = network.plugs().len();
    assert_eq!(asks, 0, "{version:?} {args:?}");
    let twice = network.rewrite(version, &[]).expect("no vlan= is left that could be wrong");
    assert_eq!(&twice.args, args, "{version:?}");
}

/// What is not about VDE (or a vlan that is gone) is there, in order.
fn kept_in_order(version: QemuVersion, before: &CommandLine<'_>, args: &[OsString]) {
    let mut rest = args;
    for kept in items(before).iter().filter(|item| !may_change(version, item)) {
        let at = rest.windows(kept.len()).position(|window| window == kept.as_slice());
        let at = at.unwrap_or_else(|| panic!("{version:?}: {kept:?} is lost in {args:?}"));
        rest = &rest[at + kept.len()..];
    }
}

/// No option takes for its argument what was put after it.
fn nothing_is_swallowed(version: QemuVersion, before: &CommandLine<'_>, after: &CommandLine<'_>) {
    // Of an option that no QEMU ever had nobody knows whether it takes one.
    let is_known = |item: &Item<'_>| matches!(item, Item::Option(o) if o.spec.is_some());
    let known = |line: &CommandLine<'_>| -> Vec<_> {
        line.items().filter(is_known).map(|item| words(&item)).collect()
    };
    let mut rest = known(after).into_iter();
    for kept in known(before).iter().filter(|item| !may_change(version, item)) {
        assert!(rest.any(|item| item == *kept), "{version:?}: {kept:?} is another in {after:?}");
    }
    // One that may want an argument and has none stays the last.
    let last = before.items().next_back();
    let is_hungry = |o: &OptionItem<'_>| o.value.is_none() && o.spec.is_none_or(|s| s.takes_arg);
    if matches!(&last, Some(Item::Option(option)) if is_hungry(option)) {
        assert_eq!(after.words().last(), before.words().last(), "{version:?}");
    }
}

/// Every descriptor is named once, and by a word of its own or as `fd=`.
fn each_once(fds: &[i32], args: &[OsString]) {
    let text = args.join(OsStr::from_bytes(b"\0"));
    for fd in fds {
        let fd = fd.to_string();
        let bytes = text.as_bytes();
        let mut places = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(fd.as_bytes()));
        let place = places.next().unwrap_or_else(|| panic!("{fd} is not in {args:?}"));
        assert_eq!(places.next(), None, "{fd} is twice in {args:?}");
        let before = &bytes[..place];
        let leads: [&[u8]; 3] = [b",fd=", b"\"fd\":\"", b"-tun-fd\0"];
        assert!(leads.iter().any(|lead| before.ends_with(lead)), "{args:?}");
    }
}

/// Whether an item is about networks, and of VDE or with a `vlan=` that is gone.
fn may_change(version: QemuVersion, item: &[OsString]) -> bool {
    let [option, value] = item else { return false };
    let option = option.as_bytes();
    let name = option.strip_prefix(b"--").or_else(|| option.strip_prefix(b"-"));
    let is_network = matches!(name, Some(b"net" | b"netdev" | b"nic" | b"device"));
    let list = value.as_bytes();
    let has = |needle: &[u8]| list.windows(needle.len()).any(|window| window == needle);
    is_network && (has(b"vde") || (!has_vlan(version) && (has(b"vlan") || has(b"dump"))))
}
