//! What holds for every command line: first all short ones from a small hostile vocabulary, then
//! random ones of any bytes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use proptest::prelude::*;
use vde_args::keyval::{KeyVal, Rules, escape, unescape};
use vde_args::{
    Command, CommandLine, Invocation, Item, Network, Options, QemuVersion, Rewritten, Style, parse,
};

use crate::support::{VERSIONS, argv, has_vlan};

/// Words that matter, words that look as if, and words that hurt.
const VOCABULARY: [&[u8]; 15] = [
    b"-net",
    b"--netdev",
    b"-nic",
    b"-device",
    b"vde,,sock=/s,vlan=1",
    b"type=vde,id=vdeq0,sock=\"a,b\"",
    b"nic,vlan=2",
    b"user,vlan=1",
    b"e1000,netdev=vdeq0,vlan=3",
    b"-sock",
    b"-name",
    b"-foo",
    b"--",
    b"",
    b"\xff,vlan=\xfe,,",
];

/// Values that make an argument one of VDE or `vlan=`, and so free to change.
fn may_change(version: QemuVersion, words: &[OsString]) -> bool {
    let Some(value) = words.get(1) else { return false };
    let list = value.as_bytes();
    let has = |needle: &[u8]| list.windows(needle.len()).any(|window| window == needle);
    has(b"vde") || (!has_vlan(version) && (has(b"vlan") || has(b"dump")))
}

/// The items of a line as words.
fn items(line: &CommandLine<'_>) -> Vec<Vec<OsString>> {
    let own = |text: &OsStr| text.to_owned();
    line.items()
        .map(|item| match item {
            Item::Positional { text, .. } => vec![own(text)],
            Item::Option(option) => {
                let dashes = "-".repeat(option.dashes);
                let mut name = OsString::from(dashes);
                name.push(option.name);
                std::iter::once(name).chain(option.value.map(own)).collect()
            }
        })
        .collect()
}

fn check_line(words: &[OsString]) {
    let line = CommandLine::parse(words);
    assert_eq!(line.render(), words);
    assert_eq!(items(&line).concat(), words);
}

fn check_argv(argv: &[OsString]) {
    match parse(argv) {
        Err(error) => {
            let text = argv.get(error.index).map_or(&b""[..], |word| word.as_bytes());
            assert_eq!(text.get(error.span.clone()), Some(error.found.as_bytes()), "{error:?}");
            assert!(!error.to_string().is_empty());
        }
        Ok(Command::Run(run)) => {
            for item in run.line.items() {
                let words = argv.iter().skip(item.word()).take(item.word_count());
                assert!(words.eq(run.line.words_of(&item)));
            }
            check_network(argv, &run);
        }
        Ok(_) => {}
    }
}

fn check_network(argv: &[OsString], run: &Invocation<'_>) {
    let network = match Network::read(run) {
        Ok(network) => network,
        Err(error) => {
            let text = argv[error.index].as_bytes();
            assert_eq!(text.get(error.span.clone()), Some(error.found.as_bytes()), "{error:?}");
            return;
        }
    };
    for plug in network.plugs() {
        let parts = [&plug.spot, &plug.parts.sock, &plug.parts.port, &plug.parts.mode];
        for spot in parts.into_iter().flatten() {
            assert!(argv[spot.index].as_bytes().get(spot.span.clone()).is_some());
        }
    }
    // Numbers that no word of the vocabulary and no generated id, vlan or count contains.
    let fds: Vec<i32> = (770_001..).take(network.plugs().len()).collect();
    for version in VERSIONS {
        if let Ok(rewritten) = network.rewrite(version, &fds) {
            check_rewrite(version, run, &fds, &rewritten);
        }
    }
}

fn check_rewrite(version: QemuVersion, run: &Invocation<'_>, fds: &[i32], rewritten: &Rewritten) {
    let Rewritten { args, changes, .. } = rewritten;
    // Every descriptor appears exactly once.
    for fd in fds {
        let fd = fd.to_string();
        let times = args.iter().filter(|word| {
            let bytes = word.as_bytes();
            bytes.windows(fd.len()).filter(|window| *window == fd.as_bytes()).count() == 1
        });
        assert_eq!(times.count(), 1, "{version:?} {args:?}");
    }
    // What is not about VDE (or a vlan that is gone) is there, in order.
    let mut rest = args.as_slice();
    for kept in items(&run.line).iter().filter(|item| !may_change(version, item)) {
        let at = rest.windows(kept.len()).position(|window| window == kept.as_slice());
        let at = at.unwrap_or_else(|| panic!("{version:?}: {kept:?} is lost in {args:?}"));
        rest = &rest[at + kept.len()..];
    }
    // The changes are the whole difference.
    let gone: usize = changes.iter().map(|change| change.before.len()).sum();
    let come: usize = changes.iter().map(|change| change.after.len()).sum();
    assert_eq!(args.len() + gone, run.line.words().count() + come);
    // Rewriting what was rewritten changes nothing.
    let mut again = Invocation::new("qemu", CommandLine::parse(args));
    again.style = run.style;
    let network = Network::read(&again).unwrap();
    assert!(network.plugs().is_empty(), "{version:?} {args:?}");
    assert_eq!(&network.rewrite(version, &[]).unwrap().args, args, "{version:?}");
}

#[test]
fn every_line_of_up_to_four_hostile_words_keeps_the_laws() {
    let words = VOCABULARY.map(|word| OsString::from_vec(word.to_vec()));
    for length in 0..=4u32 {
        for number in 0..words.len().pow(length) {
            let pick = |place| words[number / words.len().pow(place) % words.len()].clone();
            let line: Vec<OsString> = (0..length).map(pick).collect();
            check_line(&line);
            check_argv(&[argv("vdeq qemu"), line.clone()].concat());
            if length < 4 {
                check_argv(&[argv("vdeoqemu"), line.clone()].concat());
                check_argv(&[argv("vdeq"), line].concat());
            }
        }
    }
}

/// A byte that matters to a list more often than not.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        prop::sample::select(b",=\"'-/v0129".to_vec()),
        any::<u8>().prop_filter("argv has no NUL", |byte| *byte != 0),
    ]
}

/// An argument of a network option, made of parts that matter.
fn list() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "vde",
            "nic",
            "user",
            "type=vde",
            "type=",
            "sock=/a",
            "sock=",
            "sock=\"a",
            "b\"",
            "port=3",
            "port=x",
            "vlan=1",
            "vlan=0",
            "vlan=",
            "vlan",
            "id=vdeq0",
            "id=",
            "name=n",
            "model=e1000",
            "netdev=vdeq0",
            "",
            "hubport",
            "hubid=1",
            "mode=600",
            "group=g",
            "help",
            "none",
            "dump",
        ])
        .prop_map(|part| part.as_bytes().to_vec()),
        prop::collection::vec(byte(), 0..6),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.join(&b','))
}

fn word() -> impl Strategy<Value = OsString> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "-net", "--net", "-netdev", "-nic", "-device", "-sock", "--mod", "-name", "-m", "-S",
            "-foo", "600", "--", "-v", "-nics", "-tun-fd", "-version",
        ])
        .prop_map(OsString::from),
        4 => list().prop_map(OsString::from_vec),
        1 => prop::collection::vec(byte(), 0..12).prop_map(OsString::from_vec),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_line_of_any_bytes_is_rendered_as_it_came(words in prop::collection::vec(word(), 0..12)) {
        check_line(&words);
    }

    #[test]
    fn any_command_line_keeps_the_laws(
        name in prop::sample::select(vec!["vdeq", "vdeqemu", "vdeoq", "vdeoqemu", "x"]),
        words in prop::collection::vec(word(), 0..12),
    ) {
        check_argv(&[argv(name), words.clone()].concat());
        check_argv(&[argv(name), argv("qemu"), words].concat());
    }

    #[test]
    fn a_line_that_was_never_an_argv_keeps_them_too(
        words in prop::collection::vec(word(), 0..12),
        is_old in any::<bool>(),
    ) {
        let mut run = Invocation::new("qemu", CommandLine::parse(&words));
        run.style = if is_old { Style::TunFd } else { Style::Current };
        prop_assert_eq!(&run.options, &Options::default());
        check_network(&words, &run);
    }

    #[test]
    fn any_list_is_rendered_as_it_came_by_either_grammar(text in list()) {
        for rules in [Rules::Qemu, Rules::Vde] {
            let list = KeyVal::parse(&text[..], rules);
            prop_assert_eq!(list.render(), &text[..]);
            let mut end = 0;
            for (at, entry) in list.entries().iter().enumerate() {
                prop_assert_eq!(entry.span.start, end + usize::from(at > 0));
                end = entry.span.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }

    #[test]
    fn a_value_survives_escaping_in_any_place_of_a_list(
        value in prop::collection::vec(byte(), 0..20),
    ) {
        let escaped = escape(&value);
        prop_assert_eq!(unescape(&escaped), &value[..]);
        let text = [b"user,a=", &*escaped, b",b=1"].concat();
        let list = KeyVal::parse(text, Rules::Qemu);
        prop_assert_eq!(list.last(b"a").unwrap(), &value[..]);
        prop_assert_eq!(list.last(b"b").unwrap(), &b"1"[..]);
    }
}
