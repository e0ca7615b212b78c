//! What holds of a line that was rewritten, beside the line that it was.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use vde_args::{
    Change, CommandLine, Dialect, Invocation, Item, NetKind, NetOption, Network, OptionItem,
    QemuVersion, Rewritten, Why,
};

use super::words;

/// One of each generation, the first and the last of the present one.
pub(super) const VERSIONS: [QemuVersion; 5] = [
    QemuVersion::new(0, 7, 2),
    QemuVersion::new(2, 5, 0),
    QemuVersion::new(3, 1, 0),
    QemuVersion::new(4, 0, 0),
    QemuVersion::new(11, 1, 0),
];

pub(super) fn has_vlan(version: QemuVersion) -> bool {
    Dialect::of(version).has_vlan()
}

/// All laws of a rewritten line.
pub(super) fn check(
    version: QemuVersion,
    run: &Invocation<'_>,
    fds: &[i32],
    rewritten: &Rewritten,
) {
    let Rewritten { args, .. } = rewritten;
    each_once(fds, args);
    for fd in fds {
        let is_told = |word: &OsString| ends_with_descriptor(word, *fd);
        assert!(args.iter().any(is_told), "{fd} is not said to be one in {args:?}");
    }
    for change in rewritten.changes.iter().filter(|change| change.why == Why::Vde) {
        nothing_is_left_of_vde(change);
    }
    let line = CommandLine::parse(args);
    let changed = changes_are_the_whole_difference(version, run, rewritten);
    nothing_is_swallowed(version, run, &changed, &line);
    ids_stay_and_are_of_one_thing(version, &run.line, &line);
    nothing_is_left_to_do(version, run, line);
}

/// Every descriptor is named exactly once.
pub(super) fn each_once(fds: &[i32], args: &[OsString]) {
    if fds.is_empty() {
        return;
    }
    let text = args.join(OsStr::from_bytes(b"\0"));
    for fd in fds {
        let fd = fd.to_string();
        let times = text.as_bytes().windows(fd.len()).filter(|window| *window == fd.as_bytes());
        assert_eq!(times.count(), 1, "{fd} in {args:?}");
    }
}

/// A plug's name is the id of the network that has its descriptor.
pub(super) fn names_are_of_plugs(fds: &[i32], names: &[Option<String>], rewritten: &Rewritten) {
    let line = CommandLine::parse(&rewritten.args);
    for (fd, name) in fds.iter().zip(names) {
        let Some(name) = name else { continue };
        let fd = fd.to_string();
        let mut own =
            line.networks().filter(|net| net.get(b"fd").as_deref() == Some(fd.as_bytes()));
        let id = own.next().and_then(|net| net.get(b"id").map(|id| id.into_owned()));
        assert_eq!(id.as_deref(), Some(name.as_bytes()), "{fd} in {:?}", rewritten.args);
    }
}

/// Whether a word is `fd`, or has it as `fd=`, or as a member of an object.
fn ends_with_descriptor(word: &OsStr, fd: i32) -> bool {
    let (fd, word) = (fd.to_string(), word.as_bytes());
    let place = word.windows(fd.len()).position(|window| window == fd.as_bytes());
    place.is_some_and(|at| {
        let (before, after) = (&word[..at], &word[at + fd.len()..]);
        let is_in_list = before.is_empty() || before.ends_with(b",fd=");
        let is_in_list = is_in_list && matches!(after.first(), None | Some(b','));
        is_in_list || (before.ends_with(b",\"fd\":\"") && after == b"\"}")
    })
}

/// The original with its changes is the rewritten line, and every change has its reason. So all
/// that has none is there byte for byte, and in order. Tells which words of argv were changed.
fn changes_are_the_whole_difference(
    version: QemuVersion,
    run: &Invocation<'_>,
    rewritten: &Rewritten,
) -> Vec<usize> {
    let Rewritten { args, changes, .. } = rewritten;
    let (added, replaced): (Vec<&Change>, Vec<_>) =
        changes.iter().partition(|change| change.before.is_empty());
    let mut replaced = replaced.into_iter().peekable();
    let mut changed = Vec::new();
    // The line without what was added, and where its items end.
    let (mut expected, mut ends): (Vec<&OsString>, _) = (Vec::new(), vec![0]);
    for item in run.line.items() {
        let subject = item.word() + item.word_count() - 1;
        match replaced.next_if(|change| change.index == subject) {
            Some(change) => {
                assert!(change.before.iter().eq(run.line.words_of(&item)), "{change:?}");
                assert!(change.before != change.after, "{change:?}");
                has_reason(version, run, &item, change);
                changed.push(item.word());
                expected.extend(&change.after);
            }
            None => expected.extend(run.line.words_of(&item)),
        }
        ends.push(expected.len());
    }
    assert_eq!(replaced.next(), None, "a change out of order");
    let added: Vec<&OsString> = added.iter().flat_map(|change| &change.after).collect();
    let is_here = |&end: &usize| {
        let (front, back) = expected.split_at(end);
        args.iter().eq(front.iter().chain(&added).chain(back).copied())
    };
    // What is added comes last, but before what would swallow it.
    let room = ends.iter().rev().take(1 + hungry(&run.line));
    let is_expected = args.len() == expected.len() + added.len() && room.into_iter().any(is_here);
    assert!(is_expected, "{version:?} {args:?} is not {expected:?} with {added:?}");
    changed
}

/// How many options at the end of the line take, or may take, a word put after them.
fn hungry(line: &CommandLine<'_>) -> usize {
    line.items().rev().take_while(|item| matches!(item, Item::Option(o) if is_hungry(o))).count()
}

fn is_hungry(option: &OptionItem<'_>) -> bool {
    option.value.is_none() && option.spec.is_none_or(|spec| spec.takes_arg)
}

/// Only what names VDE may change, or what this QEMU has lost.
fn has_reason(version: QemuVersion, run: &Invocation<'_>, item: &Item<'_>, change: &Change) {
    let Item::Option(option) = item else { panic!("a positional word was changed: {change:?}") };
    let text = option.value.unwrap_or_default().as_bytes();
    let has = |needle: &[u8]| text.windows(needle.len()).any(|window| window == needle);
    let name = option.name.as_bytes();
    let is_network = matches!(name, b"net" | b"netdev" | b"nic" | b"device");
    let is_right = match change.why {
        // In JSON its letters may be escaped.
        Why::Vde => is_network && (has(b"vde") || has(b"\\u")),
        Why::VlanGone => is_network && !has_vlan(version) && has(b"vlan"),
        Why::AutoMac => {
            let is_asked = run.options.auto_mac.is_some()
                || run.line.words().any(|word| word.as_bytes().windows(4).any(|w| w == b"auto"));
            let net = NetOption::read(option);
            let says = |key| net.as_ref().is_some_and(|net| net.get(key).is_some());
            is_asked && is_network && !says(b"mac")
        }
        Why::LinkState => run.options.link_state && name == b"net" && has(b"nic"),
        Why::DumpGone => name == b"net" && !has_vlan(version) && has(b"dump"),
        // An option that is gone, or the network that it was about.
        Why::OptionGone | Why::OptionMoved | Why::NoEffect => {
            run.options.modernize && (is_obsolete(option) || (is_network && has(b"user")))
        }
        _ => false,
    };
    assert!(is_right, "{version:?}: no reason for {change:?}");
}

/// Whether the newest QEMU has lost an option, or some of the arguments that it took.
fn is_obsolete(option: &OptionItem<'_>) -> bool {
    option.spec.is_some_and(|spec| !spec.seen.ends_with("-11.1") || spec.name == "usbdevice")
}

/// What came in the place of a VDE network has parameters that a QEMU has.
fn nothing_is_left_of_vde(change: &Change) {
    let of_qemu: [&[u8]; 12] = [
        b"type", b"id", b"fd", b"name", b"vlan", b"hubid", b"netdev", b"model", b"mac", b"macaddr",
        b"addr", b"vectors",
    ];
    for option in CommandLine::parse(&change.after).networks() {
        let is_fine = option.params().iter().all(|param| of_qemu.contains(&&*param.key));
        assert!(is_fine && !option.is_vde(), "{change:?}");
    }
}

/// No option takes for its argument what was put after it.
fn nothing_is_swallowed(
    version: QemuVersion,
    run: &Invocation<'_>,
    changed: &[usize],
    after: &CommandLine<'_>,
) {
    // Of an option that no QEMU ever had nobody knows whether it takes one.
    let is_known = |item: &Item<'_>| matches!(item, Item::Option(o) if o.spec.is_some());
    let mut rest = after.items().filter(is_known);
    for kept in run.line.items().filter(is_known).filter(|item| !changed.contains(&item.word())) {
        let is_same = |item: Item<'_>| after.words_of(&item).eq(run.line.words_of(&kept));
        let kept = words(&kept);
        assert!(rest.any(is_same), "{version:?}: {kept:?} is another in {after:?}");
    }
    // One that may want an argument and has none stays the last.
    if hungry(&run.line) > 0 {
        assert_eq!(after.words().last(), run.line.words().last(), "{version:?}");
    }
}

/// A netdev keeps its id, and an id that the user did not give belongs to one thing.
fn ids_stay_and_are_of_one_thing(
    version: QemuVersion,
    before: &CommandLine<'_>,
    after: &CommandLine<'_>,
) {
    let id = |option: &NetOption<'_>| option.get(b"id").map(|id| id.into_owned());
    let mut ids: Vec<_> = after.networks().filter_map(|option| id(&option)).collect();
    ids.sort();
    // Where QEMU has no netdevs (0.7), there is no id that could stay.
    let netdevs = before.networks().filter(|o| o.kind() == NetKind::Netdev);
    for id in netdevs.filter(|_| Dialect::of(version) != Dialect::TunFd).filter_map(|o| id(&o)) {
        assert!(ids.binary_search(&id).is_ok(), "{version:?}: {} is lost", id.escape_ascii());
    }
    for (one, other) in ids.iter().zip(ids.iter().skip(1)) {
        // In older words an id is a name.
        let is_it = |o: NetOption<'_>| {
            o.get(b"id").as_deref() == Some(&**one) || o.get(b"name").as_deref() == Some(&**one)
        };
        let is_fine = one != other || before.networks().any(is_it);
        assert!(is_fine, "{version:?}: {} is twice in {after:?}", one.escape_ascii());
    }
}

/// To rewrite what was rewritten changes nothing.
fn nothing_is_left_to_do(version: QemuVersion, run: &Invocation<'_>, line: CommandLine<'_>) {
    let mut again = Invocation::new(run.program.clone(), line);
    again.style = run.style;
    again.options.modernize = run.options.modernize;
    let network = Network::read(&again).expect("no VDE network is left that could be wrong");
    let line = &again.line;
    assert_eq!(network.plugs().len(), 0, "{version:?} {line:?}");
    let twice = network.rewrite(version, &[]).expect("no vlan= is left that could be wrong");
    assert!(twice.args.iter().eq(line.words()), "{version:?}: {line:?} became {:?}", twice.args);
}
