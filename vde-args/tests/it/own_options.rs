//! vdeq's own options: where they are recognised, and what they take.

use std::time::Duration;

use vde_args::{ArgErrorKind, QemuVersion};

use crate::support::{error, joined, place, run};

#[test]
fn own_options_stand_before_the_program_or_directly_after_it() {
    for text in [
        "vdeq -v --exec --timeout 2.5 --qemu-version 7.2 qemu -m 1",
        "vdeq qemu -v --exec --timeout 2.5 --qemu-version 7.2 -m 1",
        "vdeq -v --exec qemu --timeout=2.5 --qemu-version=7.2 -m 1",
        "vdeqemu -v --exec --timeout 2.5 --qemu-version 7.2 -m 1",
        "vdeqemu --verbose --exec --timeout=2.5 --mod=0 --qemu-version 7.2.0 -m 1",
    ] {
        let run = run(text);
        assert_eq!((run.options.verbose, run.options.exec), (1, true), "{text}");
        assert_eq!(run.options.timeout, Some(Duration::from_millis(2500)), "{text}");
        assert_eq!(run.options.qemu_version, Some(QemuVersion::new(7, 2, 0)), "{text}");
        assert_eq!((run.options.mode, joined(run.line.words())), (None, "-m 1".into()), "{text}");
    }
}

#[test]
fn further_on_only_the_options_of_the_man_page_are_ours() {
    let run = run("vdeq qemu -m 1 -v --exec --mod 600 -S -sock /a,/b disk -timeout 3");
    assert_eq!(joined(run.line.words()), "-m 1 -v --exec -S disk -timeout 3");
    assert_eq!((run.options.verbose, run.options.exec, run.options.timeout), (0, false, None));
    assert_eq!(run.options.mode, Some(0o600));
    assert_eq!(run.options.socks.len(), 2);
}

#[test]
fn every_spelling_of_the_old_options_is_taken_in_any_place() {
    for option in ["--mod", "-mod", "--mode", "-mode"] {
        for text in ["vdeq O 640 qemu -m 1", "vdeq qemu O 640 -m 1", "vdeqemu -m 1 O 640"] {
            let run = run(&text.replace('O', option));
            assert_eq!((run.options.mode, joined(run.line.words())), (Some(0o640), "-m 1".into()));
        }
    }
    for option in ["-sock", "--sock", "-vdesock", "--vdesock", "-unix", "--unix"] {
        for text in ["vdeq O /s qemu -m 1", "vdeq qemu O /s -m 1", "vdeqemu -m 1 O /s"] {
            let run = run(&text.replace('O', option));
            let paths: Vec<_> = run.options.socks.iter().map(|s| s.path.as_deref()).collect();
            assert_eq!(paths, [Some("/s".as_ref())], "{text}");
            assert_eq!(joined(run.line.words()), "-m 1", "{text}");
        }
    }
}

#[test]
fn a_value_behind_an_equals_sign_needs_two_dashes() {
    assert_eq!(run("vdeq qemu --sock=/s --mod=640").options.socks.len(), 1);
    let run = run("vdeq qemu -m 1 -sock=/s -mod=640");
    assert_eq!(joined(run.line.words()), "-m 1 -sock=/s -mod=640");
    assert_eq!((run.options.socks.len(), run.options.mode), (0, None));
}

#[test]
fn the_word_behind_sock_is_its_list_whatever_it_is() {
    let run = run("vdeq qemu -sock -m 1");
    assert_eq!(run.options.socks[0].path.as_deref(), Some("-m".as_ref()));
    assert_eq!(joined(run.line.words()), "1");
}

#[test]
fn the_argument_of_another_option_is_never_ours() {
    let text = "vdeq qemu -name -sock -append --mod -kernel -v";
    let run = run(text);
    assert_eq!(joined(run.line.words()), "-name -sock -append --mod -kernel -v");
    assert!(run.options.socks.is_empty());
}

#[test]
fn two_dashes_end_the_own_options_for_good() {
    for text in ["vdeq qemu -- -v -sock x", "vdeqemu -- -v -sock x", "vdeq -- qemu -v -sock x"] {
        let run = run(text);
        assert_eq!(joined(run.line.words()), "-v -sock x", "{text}");
        assert_eq!((run.options.verbose, run.options.socks.len()), (0, 0), "{text}");
    }
    assert_eq!(run("vdeq -- --version").program, "--version");
    assert_eq!(joined(run("vdeq qemu -m 1 -- -v").line.words()), "-m 1 -- -v");
}

#[test]
fn verbosity_adds_up_and_has_an_end() {
    assert_eq!(run("vdeq -v qemu -vv --verbose").options.verbose, 4);
    let many = format!("vdeq{} qemu", " -vvvvvvvvv".repeat(100));
    assert_eq!(run(&many).options.verbose, u8::MAX);
}

#[test]
fn repeated_sock_lists_add_up_and_an_empty_name_is_the_default_switch() {
    let run = run("vdeq qemu -sock /a,,/b -m 1 --sock=,/c");
    let socks: Vec<_> = run.options.socks.iter().map(|sock| sock.path.clone()).collect();
    let names = ["/a", "", "/b", "", "/c"];
    assert_eq!(socks, names.map(|name| (!name.is_empty()).then(|| name.into())));
    let origins: Vec<_> =
        run.options.socks.iter().map(|sock| (sock.spot.index, sock.spot.span.clone())).collect();
    assert_eq!(origins, [(3, 0..2), (3, 3..3), (3, 4..6), (6, 7..7), (6, 8..10)]);
}

#[test]
fn the_last_of_a_repeated_option_counts_and_a_mode_that_is_0_or_empty_is_the_default() {
    assert_eq!(run("vdeq --mod 600 qemu --mod 660").options.mode, Some(0o660));
    for default in ["--mod 0", "--mod=", "--mod "] {
        assert_eq!(run(&format!("vdeq --mod 600 qemu {default}")).options.mode, None);
    }
}

#[test]
fn a_value_that_is_wrong_is_pointed_at() {
    for (text, at) in [
        ("vdeq --mod 888 qemu", "2:0..3 888"),
        ("vdeqemu -m 1 --mode=1777", "3:7..11 1777"),
        ("vdeq qemu --mod rw", "3:0..2 rw"),
        ("vdeq --mod=: qemu", "1:6..7 :"),
    ] {
        let error = error(text);
        assert_eq!((&error.kind, &*place(&error)), (&ArgErrorKind::BadMode, at), "{text}");
    }
    for (text, at) in
        [("vdeq --timeout 0 qemu", "2:0..1 0"), ("vdeqemu --timeout=1d", "1:10..12 1d")]
    {
        let error = error(text);
        assert_eq!((&error.kind, &*place(&error)), (&ArgErrorKind::BadTimeout, at), "{text}");
    }
    let error = error("vdeq --qemu-version new qemu");
    assert_eq!((&error.kind, &*place(&error)), (&ArgErrorKind::BadVersion, "2:0..3 new"));
}

#[test]
fn a_value_that_is_missing_or_too_much_is_pointed_at() {
    for (text, at) in [("vdeq qemu -m 1 -sock", "4:5..5 "), ("vdeq --timeout", "1:9..9 ")] {
        let error = error(text);
        assert!(matches!(error.kind, ArgErrorKind::MissingValue { .. }), "{text}");
        assert_eq!(place(&error), at, "{text}");
    }
    let error = error("vdeq --exec=yes qemu");
    assert_eq!((&error.kind, &*place(&error)), (&ArgErrorKind::UnexpectedValue, "1:7..10 yes"));
}

#[test]
fn an_unknown_option_before_the_program_is_an_error_with_a_suggestion() {
    for (text, nearest) in [
        ("vdeq --verbos qemu", Some("--verbose")),
        ("vdeq --timout=3 qemu", Some("--timeout")),
        ("vdeq -sokc /s qemu", Some("-sock")),
        ("vdeq --frobnicate qemu", None),
        ("vdeq - qemu", None),
    ] {
        let error = error(text);
        assert_eq!(error.kind, ArgErrorKind::UnknownOption { nearest }, "{text}");
        assert_eq!(error.index, 1, "{text}");
    }
    let error = error("vdeq -net vde qemu");
    assert_eq!(error.kind, ArgErrorKind::OptionBeforeProgram);
    let sentence = "`-net` is an option of QEMU, but stands before the name of the QEMU to start";
    assert_eq!(error.to_string(), sentence);
}
