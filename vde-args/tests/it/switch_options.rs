//! `--switch` and the options beside it: with a program, and alone.

use vde_args::{ArgErrorKind, Command, Given, Options, SWITCH_PORTS_MAX, SwitchOptions, parse};

use crate::support::{argv, error, joined, place, run, spot};

/// The options of a switch without a program.
fn alone(text: &str) -> Options {
    match parse(&argv(text)) {
        Ok(Command::Serve(options)) => options,
        other => panic!("{text}: {other:?}"),
    }
}

/// All that is said of the switch, as `DIR@SPOT ports hub group management`.
fn shown(options: &Options) -> String {
    let Some(SwitchOptions { dir, spot: at, ports, hub, group, management, .. }) = &options.switch
    else {
        return "none".into();
    };
    let text = |given: &Option<Given<std::ffi::OsString>>| {
        given.as_ref().map_or("-".into(), |given| {
            format!("{}@{}", given.value.to_str().unwrap(), spot(&Some(given.spot.clone())))
        })
    };
    format!(
        "{}@{} {ports:?} {hub} {} {}",
        dir.as_ref().map_or("-", |dir| dir.to_str().unwrap()),
        spot(&Some(at.clone())),
        text(group),
        text(management)
    )
}

#[test]
fn a_switch_is_served_beside_a_program_or_alone() {
    for text in ["vdeq --switch qemu -m 1", "vdeq qemu --switch -m 1", "vdekvm --switch -m 1"] {
        let run = run(text);
        assert!(run.options.switch.is_some(), "{text}");
        assert_eq!(joined(run.line.words()), "-m 1", "{text}");
    }
    for text in ["vdeq --switch", "vdeoq --switch", "vde -v --switch", "vdeq --switch --"] {
        assert!(alone(text).switch.is_some(), "{text}");
    }
    assert!(run("vdeq qemu -m 1 --switch").options.switch.is_none(), "further on it is QEMU's");
    assert!(run("vdeq --fd-placeholder --switch program").options.switch.is_some());
    assert!(run("vdeq --switch ./linux mem=64M").options.switch.is_some());
}

#[test]
fn its_directory_stands_behind_an_equals_sign_and_the_last_word_counts() {
    assert_eq!(shown(&alone("vdeq --switch")), "-@1:0..8 None false - -");
    assert_eq!(shown(&alone("vdeq --switch=/s")), "/s@1:9..11 None false - -");
    assert_eq!(shown(&alone("vdeq --switch=/s --switch=/t[3]")), "/t[3]@2:9..14 None false - -");
    assert_eq!(shown(&alone("vdeq --switch=/s --switch")), "-@2:0..8 None false - -");
    // The next word is the program, whatever it is.
    assert_eq!(run("vdeq --switch /s").program, "/s");
    let error = error("vdeq --switch= qemu");
    assert_eq!(error.kind, ArgErrorKind::EmptyValue { expected: "DIR" });
    assert_eq!(place(&error), "1:9..9 ");
}

#[test]
fn the_options_beside_it_stand_on_either_side_of_it() {
    let expected = "-@OPTION Some(7) true staff@GROUP /m@MGMT";
    for (text, option, group, mgmt) in [
        ("vdeq --switch --ports 7 --hub --group staff --mgmt /m", "1:0..8", "6:0..5", "8:0..2"),
        ("vdeq --mgmt=/m --group=staff --hub --ports=7 --switch", "5:0..8", "2:8..13", "1:7..9"),
    ] {
        let expected = expected.replace("OPTION", option).replace("GROUP", group);
        assert_eq!(shown(&alone(text)), expected.replace("MGMT", mgmt), "{text}");
        assert_eq!(shown(&run(&format!("{text} qemu")).options), shown(&alone(text)), "{text}");
    }
}

#[test]
fn the_m_of_vde_switch_is_ours_only_before_the_name_of_a_program() {
    let management = |options: Options| options.switch?.management;
    for text in ["vdeq -M /m --switch", "vdeq --switch -M /m", "vdeoq --switch -M /m"] {
        assert_eq!(management(alone(text)).unwrap().value, "/m", "{text}");
    }
    assert_eq!(management(run("vdeq --switch -M /m qemu -M pc").options).unwrap().value, "/m");
    for text in ["vdeq --switch qemu -M pc", "vdekvm --switch -M pc", "vdekvm -M pc --switch"] {
        let run = run(text);
        assert!(joined(run.line.words()).starts_with("-M pc"), "{text}");
        assert_eq!(management(run.options), None, "{text}");
    }
    assert_eq!(error("vdeq -M pc qemu").kind, ArgErrorKind::NeedsSwitch);
}

#[test]
fn ports_are_counted_from_one_to_a_thousand_and_some() {
    for (word, ports) in [("1", 1), ("032", 32), ("1024", SWITCH_PORTS_MAX)] {
        let switch = alone(&format!("vdeq --switch --ports={word}")).switch;
        assert_eq!(switch.unwrap().ports, Some(ports));
    }
    for word in ["0", "1025", "-1", "x", "", "99999999999"] {
        let error = error(&format!("vdeq --switch --ports={word}"));
        assert_eq!(error.kind, ArgErrorKind::BadPorts, "{word}");
        assert_eq!(place(&error), format!("2:8..{} {word}", 8 + word.len()));
        let sentence = "is not a number of ports: expected decimal digits, 1 to 1024";
        assert_eq!(error.to_string(), format!("`{word}` {sentence}"));
    }
}

#[test]
fn a_value_is_never_empty_and_never_missing() {
    for (option, expected) in [("--group", "NAME|GID"), ("--mgmt", "PATH"), ("-M", "PATH")] {
        let error_of = |value| error(&format!("vdeq --switch {option}{value}"));
        assert_eq!(error_of(" ").kind, ArgErrorKind::EmptyValue { expected }, "{option}");
        assert_eq!(error_of("").kind, ArgErrorKind::MissingValue { expected }, "{option}");
    }
    let error = error("vdeq --switch --hub=yes");
    assert_eq!(error.kind, ArgErrorKind::UnexpectedValue);
}

#[test]
fn without_a_switch_the_options_beside_it_mean_nothing() {
    for (option, at) in [
        ("--ports=3", "0..7 --ports"),
        ("--hub", "0..5 --hub"),
        ("--group=g", "0..7 --group"),
        ("--mgmt=/m", "0..6 --mgmt"),
    ] {
        for (text, index) in [
            (format!("vdeq -v {option} qemu"), 2),
            (format!("vdeq qemu {option} -m 1"), 2),
            (format!("vdekvm {option} -m 1"), 1),
            (format!("vdeq --fd-placeholder {option} program"), 2),
        ] {
            let error = error(&text);
            assert_eq!(error.kind, ArgErrorKind::NeedsSwitch, "{text}");
            assert_eq!(place(&error), format!("{index}:{at}"), "{text}");
        }
    }
    let error = error("vdeq --hub qemu");
    let sentence = "`--hub` is about a switch of vdeq's own: expected --switch beside it";
    assert_eq!((&*error.to_string(), error.manual_section()), (sentence, "OPTIONS"));
}

#[test]
fn without_a_program_nothing_can_be_asked_of_one() {
    for (option, at) in [
        ("--modernize", "0..11 --modernize"),
        ("--fd-placeholder", "0..16 --fd-placeholder"),
        ("--qemu-version=7.2", "0..14 --qemu-version"),
        ("--timeout 3", "0..9 --timeout"),
        ("--reconnect=off", "0..11 --reconnect"),
        ("--wait", "0..6 --wait"),
        ("--control=/c", "0..9 --control"),
        ("--events=3", "0..8 --events"),
        ("--link-state", "0..12 --link-state"),
        ("-sock /s", "0..5 -sock"),
    ] {
        for (text, index) in
            [(format!("vdeq {option} --switch"), 1), (format!("vdeq --switch=/s {option}"), 2)]
        {
            let error = error(&text);
            assert_eq!(error.kind, ArgErrorKind::NeedsProgram, "{text}");
            assert_eq!(place(&error), format!("{index}:{at}"), "{text}");
        }
    }
    assert_eq!(
        error("vdeq --switch --wait").to_string(),
        "`--wait` is about a virtual machine, and --switch is given without one: expected the name of \
         a QEMU to start"
    );
    let options = alone("vdeq --switch -v --ready-fd 3 --mode 0660 --dry-run --explain=json");
    assert_eq!((options.mode, options.verbose, options.dry_run), (Some(0o660), 1, true));
}

#[test]
fn exec_leaves_nobody_to_serve_it() {
    for text in ["vdeq --exec --switch qemu", "vdeq qemu --exec --switch", "vdeq --exec --switch"] {
        let error = error(text);
        let sentence = "`--switch` does not go with --exec, which leaves no vdeq beside the VM to serve a switch";
        assert_eq!(error.to_string(), sentence, "{text}");
    }
}

#[test]
fn a_slip_is_told_what_was_meant() {
    for (slip, nearest) in [
        ("--swich", "--switch"),
        ("--swtich=/s", "--switch"),
        ("-switch", "--switch"),
        ("--port", "--ports"),
        ("--groups", "--group"),
        ("--mgnt=/m", "--mgmt"),
    ] {
        let error = error(&format!("vdeq {slip} qemu"));
        let kind = ArgErrorKind::UnknownOption { nearest: Some(nearest) };
        assert_eq!(error.kind, kind, "{slip}");
    }
}
