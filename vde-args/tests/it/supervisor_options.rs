//! vdeq's own options about what it does while the VM runs: what they take, and what --exec rules out.

use std::time::Duration;

use vde_args::{ArgErrorKind, Given, Reconnect, Sink, TIMEOUT_MAX, Wait};

use crate::support::{error, joined, place, run, spot};

/// A value and its place as `value index:span`.
fn shown<T: std::fmt::Debug>(given: &Option<Given<T>>) -> String {
    given.as_ref().map_or("-".into(), |given| {
        format!("{:?} {}", given.value, spot(&Some(given.spot.clone())))
    })
}

#[test]
fn they_stand_before_the_program_or_directly_after_it() {
    let options = "--reconnect=on --wait --control /c --events 5 --ready-fd 6 --link-state";
    for text in ["vdeq OPTIONS qemu -m 1", "vdeq qemu OPTIONS -m 1", "vdeqemu OPTIONS -m 1"] {
        let run = run(&text.replace("OPTIONS", options));
        let given = &run.options;
        assert_eq!((given.reconnect, given.wait), (Some(Reconnect::On), Some(Wait::Forever)));
        assert!(shown(&given.control).starts_with("\"/c\" "), "{text}");
        assert!(shown(&given.events).starts_with("Fd(5) "), "{text}");
        assert!(shown(&given.ready_fd).starts_with("6 "), "{text}");
        assert!(given.link_state, "{text}");
        assert_eq!(joined(run.line.words()), "-m 1", "{text}");
    }
}

#[test]
fn further_on_they_are_for_qemu() {
    let text = "-m 1 --pidfile /p --wait --control /c --link-state --reconnect=on";
    let run = run(&format!("vdeq qemu {text}"));
    assert_eq!(joined(run.line.words()), text);
    assert_eq!(run.options, vde_args::Options::default());
}

#[test]
fn to_plug_in_again_is_on_off_or_for_some_time_and_the_last_word_counts() {
    for (text, reconnect) in [
        ("vdeq --reconnect on qemu", Reconnect::On),
        ("vdeq --reconnect=off qemu", Reconnect::Off),
        ("vdeq --reconnect 1.5 qemu", Reconnect::For(Duration::from_millis(1500))),
        ("vdeq --reconnect=86400 qemu", Reconnect::For(TIMEOUT_MAX)),
        ("vdeq --reconnect=off qemu --reconnect=on", Reconnect::On),
    ] {
        assert_eq!(run(text).options.reconnect, Some(reconnect), "{text}");
    }
    for wrong in ["0", "0.0", "-1", "86401", "ON", "yes", ""] {
        let error = error(&format!("vdeq --reconnect={wrong} qemu"));
        assert_eq!(error.kind, ArgErrorKind::BadReconnect, "{wrong}");
        assert_eq!(place(&error), format!("1:12..{} {wrong}", 12 + wrong.len()));
    }
    assert_eq!(
        error("vdeq --reconnect 0 qemu").to_string(),
        "`0` does not say whether to plug in again: expected on, off, or seconds above 0 and up to \
         86400"
    );
}

#[test]
fn to_wait_is_for_ever_or_for_a_time_behind_an_equals_sign() {
    assert_eq!(run("vdeq --wait qemu").options.wait, Some(Wait::Forever));
    assert_eq!(run("vdeq --wait=3 qemu").options.wait, Some(Wait::For(Duration::from_secs(3))));
    assert_eq!(run("vdeq --wait=3 qemu --wait").options.wait, Some(Wait::Forever));
    // The next word is the program, whatever it is.
    assert_eq!(run("vdeq --wait 3 qemu").program, "3");
    for wrong in ["", "0", "1d"] {
        assert_eq!(error(&format!("vdeq --wait={wrong} qemu")).kind, ArgErrorKind::BadTimeout);
    }
}

#[test]
fn files_and_descriptors_know_where_they_were_said() {
    let given = run("vdeq --control=/a -v --events=./3 --ready-fd=007 qemu").options;
    assert_eq!(shown(&given.control), "\"/a\" 1:10..12");
    assert_eq!(shown(&given.events), "Path(\"./3\") 3:9..12");
    assert_eq!(shown(&given.ready_fd), "7 4:11..14");
    let given = run("vdeq --control a qemu --control b").options;
    assert_eq!(shown(&given.control), "\"b\" 5:0..1");
}

#[test]
fn digits_are_a_descriptor_and_anything_else_is_a_path() {
    let sink =
        |word: &str| run(&format!("vdeq --events {word} qemu")).options.events.unwrap().value;
    assert_eq!(sink("0"), Sink::Fd(0));
    assert_eq!(sink("2147483647"), Sink::Fd(i32::MAX));
    for path in ["3a", "-3", "+3", "/dev/fd/3", "./3"] {
        assert_eq!(sink(path), Sink::Path(path.into()));
    }
    for (option, words) in [
        ("--events", &["2147483648", "99999999999999999999"][..]),
        ("--ready-fd", &["2147483648", "-1", "+1", "./3", "x", ""]),
    ] {
        for word in words {
            let error = error(&format!("vdeq {option}={word} qemu"));
            let text = "is not a descriptor number: expected decimal digits, 0 to 2147483647";
            assert_eq!(error.to_string(), format!("`{word}` {text}"));
            assert_eq!((&*error.found, error.manual_section()), (word.as_ref(), "OPTIONS"));
        }
    }
}

#[test]
fn an_empty_path_is_an_error() {
    for (option, expected) in [("--control", "PATH"), ("--events", "FD|PATH")] {
        for text in [format!("vdeq {option}= qemu"), format!("vdeq {option}  qemu")] {
            let error = error(&text);
            assert_eq!(error.kind, ArgErrorKind::EmptyValue { expected }, "{text}");
            let sentence = format!("an empty word was given where {expected} was expected");
            assert_eq!(error.to_string(), sentence);
        }
        let error = error(&format!("vdeq {option}"));
        assert_eq!(error.kind, ArgErrorKind::MissingValue { expected }, "{option}");
    }
}

#[test]
fn exec_leaves_nobody_to_do_what_they_ask_for() {
    for (option, at) in [
        ("--reconnect=on", "0..11 --reconnect"),
        ("--reconnect=5", "0..11 --reconnect"),
        ("--control=/c", "0..9 --control"),
        ("--events=3", "0..8 --events"),
        ("--link-state", "0..12 --link-state"),
    ] {
        for (text, index) in [
            (format!("vdeq --exec {option} qemu"), 2),
            (format!("vdeq {option} qemu --exec"), 1),
            (format!("vdeqemu {option} --exec -m 1"), 1),
        ] {
            let error = error(&text);
            assert!(matches!(error.kind, ArgErrorKind::NobodyBeside { .. }), "{text}: {error}");
            assert_eq!(place(&error), format!("{index}:{at}"), "{text}");
            assert_eq!(error.manual_section(), "OPTIONS");
        }
    }
    assert_eq!(
        error("vdeq --exec --control /c qemu").to_string(),
        "`--control` does not go with --exec, which leaves no vdeq beside the VM to answer on a socket"
    );
    let error = error("vdeq --exec --fd-placeholder --events 3 qemu");
    assert!(matches!(error.kind, ArgErrorKind::NobodyBeside { .. }), "{error}");
}

#[test]
fn what_is_over_before_the_vm_runs_goes_with_exec() {
    for options in ["--ready-fd 3", "--wait", "--wait=3", "--reconnect=off --ready-fd=3"] {
        assert!(run(&format!("vdeq --exec {options} qemu")).options.exec, "{options}");
    }
    // Of a repeated option the last one counts.
    assert!(run("vdeq --reconnect=on --exec --reconnect=off qemu").options.exec);
    let error = error("vdeq --reconnect=off --exec --reconnect=on qemu");
    assert!(matches!(error.kind, ArgErrorKind::NobodyBeside { .. }));
}

#[test]
fn the_link_state_is_for_a_qemu() {
    let error = error("vdeq --fd-placeholder --link-state program");
    let other = "--fd-placeholder";
    assert_eq!(
        (&error.kind, &*place(&error)),
        (&ArgErrorKind::Contradiction { other }, "2:0..12 --link-state")
    );
    let run = run("vdeq --fd-placeholder --control /c --reconnect=on program");
    assert!(run.options.control.is_some());
}
