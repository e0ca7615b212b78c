//! A whole command line, from argv to the argv of every generation of QEMU.
//!
//! The words are separated by NUL; the first is the name vdeq was called by.

use std::ffi::{OsStr, OsString};
use std::iter;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use vde_args::{
    ArgError, Command, CommandLine, Dialect, Invocation, Item, Network, OptionItem, Rewritten,
    parse,
};

const DIALECTS: [Dialect; 4] = [Dialect::TunFd, Dialect::TapVlan, Dialect::TapHub, Dialect::Socket];

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
        Ok(Command::Help | Command::Version) => {}
        Ok(Command::Run(run)) => {
            belongs_to_argv(&argv, &run);
            networks(data, &argv, &run);
        }
    }
    // The same words as QEMU's alone, as a caller of the library may have them.
    networks(data, &argv, &Invocation::new("qemu", CommandLine::parse(argv.clone())));
}

fn lossless(words: &[OsString]) {
    let line = CommandLine::parse(words.to_vec());
    assert_eq!(line.render(), words);
    assert_eq!(items(&line).concat(), words);
}

/// The items of a line as words.
fn items(line: &CommandLine) -> Vec<Vec<OsString>> {
    line.items().map(|item| words(&item)).collect()
}

/// The words of an item, put together from its parts.
fn words(item: &Item<'_>) -> Vec<OsString> {
    match item {
        Item::Positional { text, .. } => vec![(*text).to_owned()],
        Item::Option(option) => {
            let mut name = OsString::from("-".repeat(option.dashes));
            name.push(option.name);
            let value = option.value.map(|(_, value)| value.to_owned());
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
fn belongs_to_argv(argv: &[OsString], run: &Invocation) {
    assert!(!run.program.is_empty());
    let mut next = run.program_index;
    for (at, word) in run.line.words().iter().enumerate() {
        let origin = run.line.origin(at);
        assert!(origin > next || (origin == next && at == 0 && next == 0), "out of order");
        assert_eq!(argv.get(origin), Some(word));
        next = origin;
    }
}

fn networks(data: &[u8], argv: &[OsString], run: &Invocation) {
    let network = match Network::read(run) {
        Ok(network) => network,
        Err(error) => return points_at_its_cause(argv, &error),
    };
    for plug in network.plugs() {
        if let Some((index, span)) = &plug.origin {
            assert!(argv[*index].as_bytes().get(span.clone()).is_some());
        }
        assert!(plug.port.is_none_or(|port| (1..=vde_args::PORT_MAX).contains(&port)));
        assert!(plug.mode.is_none_or(|mode| mode != 0));
        assert!(plug.sock.as_ref().is_none_or(|sock| !sock.is_empty()));
    }
    for note in network.notes() {
        assert!(!note.to_string().is_empty());
    }
    let Some(fds) = descriptors(data, network.plugs().len()) else { return };
    for dialect in DIALECTS {
        match network.rewrite(dialect, &fds) {
            Ok(rewritten) => rewrites(dialect, run, &fds, &rewritten),
            Err(error) => {
                points_at_its_cause(argv, &error);
                assert!(!dialect.has_vlan(), "only a vlan= that is gone can be wrong by now");
            }
        }
    }
}

/// Numbers of seven digits of which nothing in `data` makes one.
fn descriptors(data: &[u8], count: usize) -> Option<Vec<i32>> {
    let is_in_data = |text: &str| data.windows(text.len()).any(|w| w == text.as_bytes());
    let mut bases = (1_000..10_000_i32).filter(|base| !is_in_data(&base.to_string()));
    let base = bases.next()?.checked_mul(1_000)?;
    (count < 1_000).then(|| (base..).take(count).collect())
}

fn rewrites(dialect: Dialect, run: &Invocation, fds: &[i32], rewritten: &Rewritten) {
    let Rewritten { args, changes, .. } = rewritten;
    each_once(fds, args);
    let line = CommandLine::parse(args.clone());
    kept_in_order(dialect, &run.line, args);
    nothing_is_swallowed(dialect, &run.line, &line);
    // The changes are the whole difference.
    let gone: usize = changes.iter().map(|change| change.before.len()).sum();
    let come: usize = changes.iter().map(|change| change.after.len()).sum();
    assert_eq!(args.len() + gone, run.line.words().len() + come);
    assert!(changes.iter().all(|change| change.before != change.after), "{changes:?}");
    // To have rewritten it already changes nothing.
    let mut again = Invocation::new("qemu", line);
    again.style = run.style;
    let network = Network::read(&again).expect("no VDE network is left that could be wrong");
    let asks = network.plugs().len();
    assert_eq!(asks, 0, "{dialect:?} {args:?}");
    let twice = network.rewrite(dialect, &[]).expect("no vlan= is left that could be wrong");
    assert_eq!(&twice.args, args, "{dialect:?}");
}

/// What is not about VDE (or a vlan that is gone) is there, in order.
fn kept_in_order(dialect: Dialect, before: &CommandLine, args: &[OsString]) {
    let mut rest = args;
    for kept in items(before).iter().filter(|item| !may_change(dialect, item)) {
        let at = rest.windows(kept.len()).position(|window| window == kept.as_slice());
        let at = at.unwrap_or_else(|| panic!("{dialect:?}: {kept:?} is lost in {args:?}"));
        rest = &rest[at + kept.len()..];
    }
}

/// No option takes for its argument what was put after it.
fn nothing_is_swallowed(dialect: Dialect, before: &CommandLine, after: &CommandLine) {
    // Of an option that no QEMU ever had nobody knows whether it takes one.
    let is_known = |item: &Item<'_>| matches!(item, Item::Option(o) if o.spec.is_some());
    let known = |line: &CommandLine| -> Vec<_> {
        line.items().filter(is_known).map(|item| words(&item)).collect()
    };
    let mut rest = known(after).into_iter();
    for kept in known(before).iter().filter(|item| !may_change(dialect, item)) {
        assert!(rest.any(|item| item == *kept), "{dialect:?}: {kept:?} is another in {after:?}");
    }
    // One that may want an argument and has none stays the last.
    let last = before.items().next_back();
    let is_hungry = |o: &OptionItem<'_>| o.value.is_none() && o.spec.is_none_or(|s| s.takes_arg);
    if matches!(&last, Some(Item::Option(option)) if is_hungry(option)) {
        assert_eq!(after.words().last(), before.words().last(), "{dialect:?}");
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
        assert!(before.ends_with(b",fd=") || before.ends_with(b"-tun-fd\0"), "{args:?}");
    }
}

/// Whether an item is about networks, and of VDE or with a `vlan=` that is gone.
fn may_change(dialect: Dialect, item: &[OsString]) -> bool {
    let [option, value] = item else { return false };
    let option = option.as_bytes();
    let name = option.strip_prefix(b"--").or_else(|| option.strip_prefix(b"-"));
    let is_network = matches!(name, Some(b"net" | b"netdev" | b"nic" | b"device"));
    let list = value.as_bytes();
    let has = |needle: &[u8]| list.windows(needle.len()).any(|window| window == needle);
    is_network && (has(b"vde") || (!dialect.has_vlan() && has(b"vlan")))
}
