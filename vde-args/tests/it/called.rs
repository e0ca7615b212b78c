//! The name vdeq is called by, and the program it starts.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use vde_args::{ArgErrorKind, Command, Help, Style, parse};

use crate::support::{argv, error, joined, place, run};

#[test]
fn the_name_of_a_link_is_the_program_to_start() {
    for (argv0, program, style) in [
        ("vdeqemu", "qemu", Style::Current),
        ("/usr/local/bin/vdekvm", "kvm", Style::Current),
        ("./vdeqemu-system-x86_64", "qemu-system-x86_64", Style::Current),
        ("vdeoqemu", "qemu", Style::TunFd),
        ("vdeokvm", "kvm", Style::TunFd),
        ("vdeqq", "qq", Style::Current),
    ] {
        let run = run(&format!("{argv0} -m 1"));
        assert_eq!((run.program.to_str(), run.style), (Some(program), style), "{argv0}");
        assert_eq!((run.program_index, joined(run.line.words())), (0, "-m 1".into()));
    }
}

#[test]
fn any_other_name_takes_the_program_from_the_command_line() {
    for (argv0, style) in [
        ("vdeq", Style::Current),
        ("vde", Style::Current),
        ("/usr/bin/vdeq", Style::Current),
        ("vdeoq", Style::TunFd),
        ("vdeo", Style::TunFd),
        ("my-vdeq", Style::Current),
        ("target/debug/", Style::Current),
        ("", Style::Current),
    ] {
        let run = run(&format!("{argv0} kvm -m 1"));
        assert_eq!((run.program.to_str(), run.style), (Some("kvm"), style), "{argv0}");
        assert_eq!((run.program_index, joined(run.line.words())), (1, "-m 1".into()));
    }
}

#[test]
fn a_program_name_of_any_bytes_is_kept() {
    let link = OsString::from_vec(b"/bin/vde\xff\xfe".to_vec());
    let argv = [link];
    let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
    assert_eq!(run.program.into_vec(), b"\xff\xfe");
}

#[test]
fn a_missing_program_is_an_error_at_the_end_of_the_line() {
    for (text, at) in [
        ("vdeq", "0:4..4 "),
        ("vdeq -v", "1:2..2 "),
        ("vdeq --mod 700", "2:3..3 "),
        ("vdeq --", "1:2..2 "),
        ("vdeoq", "0:5..5 "),
        ("vdeq ", "1:0..0 "),
    ] {
        let error = error(text);
        assert_eq!(error.kind, ArgErrorKind::MissingProgram, "{text}");
        assert_eq!(place(&error), at, "{text}");
    }
    let error = parse(&[]).unwrap_err();
    assert_eq!((error.kind, error.index), (ArgErrorKind::MissingProgram, 0));
}

#[test]
fn an_option_about_our_switch_alone_lacks_that_switch_and_no_program() {
    for (text, at) in [("vdeq --hub", "1:0..5 --hub"), ("vdeq -v --ports 64", "2:0..7 --ports")] {
        let error = error(text);
        assert_eq!((&error.kind, &*place(&error)), (&ArgErrorKind::NeedsSwitch, at), "{text}");
    }
}

#[test]
fn behind_doctor_every_word_is_a_switch() {
    let checkup = |text: &str| match parse(&argv(text)) {
        Ok(Command::Doctor(checkup)) => checkup,
        other => panic!("{text}: {other:?}"),
    };
    let switches = |text: &str| {
        let given = checkup(text).switches;
        joined(given.iter().map(|given| &given.value))
    };
    assert_eq!(switches("vdeq --doctor"), "");
    assert_eq!(switches("vdeq -v --doctor lab /run/lab[3] qemu"), "lab /run/lab[3] qemu");
    assert!(checkup("vdeq --doctor=json x").json && !checkup("vdeq --doctor").json);
    assert_eq!(checkup("vdeq --doctor a b").switches[1].spot.index, 3);
    for (text, kind, at) in [
        ("vdeq --doctor=text", ArgErrorKind::BadDoctor, "1:9..13 text"),
        ("vdeq --doctor x -v", ArgErrorKind::NoSwitch, "3:0..2 -v"),
        (
            "vdeq -v --switch=/x --doctor",
            ArgErrorKind::Contradiction { other: "--doctor" },
            "2:0..8 --switch",
        ),
    ] {
        let error = error(text);
        assert_eq!((&error.kind, &*place(&error)), (&kind, at), "{text}");
    }
    // Behind the name of a QEMU it is QEMU's.
    assert_eq!(joined(run("vdeq qemu --doctor").line.words()), "--doctor");
    assert_eq!(joined(run("vdeqemu --doctor").line.words()), "--doctor");
}

#[test]
fn help_and_version_are_ours_only_where_no_program_is_named_yet() {
    for ours in ["vdeq -h", "vdeq -v --help", "vdeq -help", "vdeqemu -h", "vdeqemu --help -m 1"] {
        assert_eq!(parse(&argv(ours)), Ok(Command::Help(Help::Page)), "{ours}");
    }
    for ours in ["vdeq --help=all", "vdeq -v --help=all qemu", "vdeqemu --help=all"] {
        assert_eq!(parse(&argv(ours)), Ok(Command::Help(Help::All)), "{ours}");
    }
    for wrong in ["vdeq --help=al", "vdeqemu --help="] {
        assert_eq!(error(wrong).kind, ArgErrorKind::BadHelp, "{wrong}");
    }
    for ours in ["vdeq --version", "vdeq -v -version", "vdeqemu --version"] {
        assert_eq!(parse(&argv(ours)), Ok(Command::Version), "{ours}");
    }
    for (qemus, args) in [
        ("vdeq qemu -h", "-h"),
        ("vdeq qemu --help", "--help"),
        ("vdeq qemu --version", "--version"),
        ("vdeqemu -version", "-version"),
        ("vdeqemu -m 1 -h", "-m 1 -h"),
        ("vdeqemu -v --help", "--help"),
        ("vdeqemu -- -h", "-h"),
    ] {
        assert_eq!(joined(run(qemus).line.words()), args, "{qemus}");
    }
}
