use alloc::vec::Vec;
use core::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::wire::port::PortNumber;

fn parse(name: &str) -> Vnl {
    Vnl::parse(name.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refuse(name: &str) -> (VnlErrorKind, Range<usize>) {
    let error = Vnl::parse(name.as_bytes()).expect_err(name);
    (error.kind, error.range)
}

fn number(port: u32) -> Option<PortRequest> {
    PortNumber::new(port).map(PortRequest::Number)
}

#[test]
fn a_plain_path_is_a_path() {
    for path in ["/run/vde.ctl", "vde.ctl", "../sw", "/run/vde.ctl/ctl", "a]b", "/a->b:1", "a:b"] {
        assert_eq!(parse(path), Vnl { path: path.into(), ..Vnl::default() });
    }
}

#[test]
fn vde_is_the_scheme_of_a_path() {
    assert_eq!(parse("vde:///run/sw").path, b"/run/sw");
    assert_eq!(parse("vde://sw").path, b"sw");
}

#[test]
fn an_empty_path_is_the_default_switch() {
    for name in ["", "vde://", "[]", "vde://[]"] {
        assert_eq!(parse(name), Vnl::default(), "{name}");
    }
    assert_eq!(parse("[3]"), Vnl { port: number(3), ..Vnl::default() });
}

#[test]
fn another_scheme_is_refused_and_named() {
    for (name, scheme) in [
        ("vxvde://239.0.0.1", "vxvde"),
        ("switch:///tmp/x", "switch"),
        ("VDE:///x", "VDE"),
        ("://x", ""),
    ] {
        let kind = VnlErrorKind::UnknownScheme(scheme.into());
        assert_eq!(refuse(name), (kind, 0..scheme.len() + 3));
    }
}

#[test]
fn the_mark_of_a_scheme_within_a_path_is_part_of_the_path() {
    assert_eq!(parse("/a://b").path, b"/a://b");
    assert_eq!(parse("vde://a://b").path, b"a://b");
}

#[test]
fn brackets_hold_the_port() {
    assert_eq!(parse("sw[3]").port, number(3));
    assert_eq!(parse("sw[port=3]").port, number(3));
    assert_eq!(parse("sw[0010]").port, number(10));
    assert_eq!(parse("sw[8388607]").port, number(0x7f_ffff));
    assert_eq!(parse("sw[0]").port, Some(PortRequest::Zero));
    assert_eq!(parse("sw[]").port, None);
    assert_eq!(parse("sw[//]").port, None);
}

#[test]
fn brackets_hold_group_and_mode_in_any_order() {
    let all = Vnl {
        path: b"sw".to_vec(),
        port: number(3),
        group: Some(b"vde2-net".to_vec()),
        mode: Some(0o660),
    };
    assert_eq!(parse("sw[3/group=vde2-net/mode=0660]"), all);
    assert_eq!(parse("sw[mode=660//group=vde2-net/port=3/]"), all);
}

#[test]
fn a_key_may_be_shortened_to_any_beginning() {
    let all = parse("sw[port=3/group=g/mode=7]");
    for port in ["p", "po", "por", "port"] {
        for group in ["g", "gr", "gro", "grou", "group"] {
            for mode in ["m", "mo", "mod", "mode"] {
                assert_eq!(parse(&alloc::format!("sw[{port}=3/{group}=g/{mode}=7]")), all);
            }
        }
    }
}

#[test]
fn quoted_characters_lose_their_meaning() {
    assert_eq!(parse("ctl%2ed").path, b"ctl.d");
    assert_eq!(parse("'a[3]'").path, b"a[3]");
    assert_eq!(parse("a\\[3]").path, b"a[3]");
    assert_eq!(parse("a\\->b:1").path, b"a->b:1");
    assert_eq!(parse("sw[group='a/b=c]']").group, Some(b"a/b=c]".to_vec()));
    assert_eq!(parse("sw[group=a=b]").group, Some(b"a=b".to_vec()));
    assert_eq!(parse("sw['3']").port, number(3));
}

#[test]
fn quoting_that_does_not_end_is_refused() {
    assert_eq!(refuse("sw'a"), (VnlErrorKind::UnclosedQuote, 2..4));
    assert_eq!(refuse("sw\"a'"), (VnlErrorKind::UnclosedQuote, 2..5));
    assert_eq!(refuse("sw\\"), (VnlErrorKind::LoneBackslash, 2..3));
}

#[test]
fn a_nul_is_refused_in_every_spelling() {
    assert_eq!(refuse("sw\0x"), (VnlErrorKind::Nul, 2..3));
    assert_eq!(refuse("sw%00"), (VnlErrorKind::Nul, 2..5));
    assert_eq!(refuse("'\0'"), (VnlErrorKind::Nul, 1..2));
    assert_eq!(refuse("s\\\0"), (VnlErrorKind::Nul, 1..3));
}

#[test]
fn what_libvdeplug4_ignores_is_refused_where_it_stands() {
    for (name, kind, range) in [
        ("sw[3", VnlErrorKind::UnclosedBracket, 2..4),
        ("sw[", VnlErrorKind::UnclosedBracket, 2..3),
        ("sw[3]x", VnlErrorKind::TrailingText, 5..6),
        ("sw[3]/", VnlErrorKind::TrailingText, 5..6),
        ("sw[lan]", VnlErrorKind::PortGroup, 3..6),
        ("sw[portgroup=lan]", VnlErrorKind::PortGroup, 3..16),
        ("sw[portg=3]", VnlErrorKind::PortGroup, 3..10),
        ("sw[port=lan]", VnlErrorKind::PortGroup, 8..11),
        ("sw[3x]", VnlErrorKind::BadPort, 3..5),
        ("sw[-1]", VnlErrorKind::BadPort, 3..5),
        ("sw[+1]", VnlErrorKind::BadPort, 3..5),
        ("sw[0x3]", VnlErrorKind::BadPort, 3..6),
        ("sw[port=-1]", VnlErrorKind::BadPort, 8..10),
        ("sw[8388608]", VnlErrorKind::PortTooLarge, 3..10),
        ("sw[4294967299]", VnlErrorKind::PortTooLarge, 3..13),
        ("sw[99999999999999999999]", VnlErrorKind::PortTooLarge, 3..23),
        ("sw[mode]", VnlErrorKind::MissingValue("mode"), 3..7),
        ("sw[mode=]", VnlErrorKind::MissingValue("mode"), 3..8),
        ("sw[port]", VnlErrorKind::MissingValue("port"), 3..7),
        ("sw[p]", VnlErrorKind::MissingValue("port"), 3..4),
        ("sw[group=]", VnlErrorKind::MissingValue("group"), 3..9),
        ("sw[mode=8]", VnlErrorKind::BadMode, 8..9),
        ("sw[mode=1000]", VnlErrorKind::BadMode, 8..12),
        ("sw[mode=+7]", VnlErrorKind::BadMode, 8..10),
        ("sw[speed=3]", VnlErrorKind::UnknownKey, 3..10),
        ("sw[=3]", VnlErrorKind::UnknownKey, 3..5),
        ("sw[ports=3]", VnlErrorKind::UnknownKey, 3..10),
        ("sw[3/4]", VnlErrorKind::Repeated("port"), 5..6),
        ("sw[mode=1/mode=1]", VnlErrorKind::Repeated("mode"), 10..16),
    ] {
        assert_eq!(refuse(name), (kind, range), "{name}");
    }
}

#[test]
fn a_name_for_udp_is_refused() {
    assert_eq!(refuse("1000->host:2000"), (VnlErrorKind::Udp, 4..6));
    assert_eq!(refuse("->host:2000"), (VnlErrorKind::Udp, 0..2));
}

/// All names of up to five words out of those that mean something.
#[test]
fn every_short_name_is_read_back_as_it_is_rendered_or_refused_within_its_bytes() {
    const WORDS: [&[u8]; 14] = [
        b"[", b"]", b"/", b"=", b"'", b"\\", b"%5b", b"%", b"3", b"m", b"vde", b"://", b"->", b"\0",
    ];
    let (mut good, mut bad) = (0, 0);
    let mut names: Vec<Vec<u8>> = alloc::vec![Vec::new()];
    for _ in 0..5 {
        let longer = |name: &Vec<u8>| WORDS.map(|word| [&name[..], word].concat());
        names = names.iter().flat_map(longer).collect();
        for name in &names {
            match Vnl::parse(name) {
                Ok(vnl) => {
                    good += 1;
                    assert_eq!(Vnl::parse(&vnl.render()).as_ref(), Ok(&vnl), "{name:?}");
                }
                Err(VnlError { range, .. }) => {
                    bad += 1;
                    assert!(range.start < range.end && range.end <= name.len(), "{name:?}");
                }
            }
        }
    }
    assert!(good > 10_000 && bad > 10_000, "{good} good names, {bad} bad ones");
}

proptest! {
    #[test]
    fn every_locator_survives_a_round_trip(
        path in prop::collection::vec(1..=u8::MAX, 0..60),
        port in prop::option::of(0..=0x7f_ffff_u32),
        group in prop::option::of(prop::collection::vec(1..=u8::MAX, 1..20)),
        mode in prop::option::of(0..=0o777_u32),
    ) {
        let port = port.map(|n| PortNumber::new(n).map_or(PortRequest::Zero, PortRequest::Number));
        let vnl = Vnl { path, port, group, mode };
        prop_assert_eq!(Vnl::parse(&vnl.render()), Ok(vnl));
    }

    #[test]
    fn any_bytes_are_read_or_refused_within_them(name in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Err(error) = Vnl::parse(&name) {
            prop_assert!(error.range.start < error.range.end && error.range.end <= name.len());
        }
    }
}
