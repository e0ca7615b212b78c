//! What the environment says to vdeq: `VDEQ_OPTIONS` and `VDEQ_LOG`.

use std::os::unix::fs::symlink;

use crate::world::{QEMU, World};

const NIC: &str = "mac=52:54:00:00:00:01";

#[test]
fn options_of_the_environment_stand_before_those_of_the_command_line() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let words = [QEMU, "-name", "vm", "-nic", &net];
    let run = world.vdeq(&words).env("VDEQ_OPTIONS", "--mac=auto --qemu-version '2.5'").run();
    run.assert_ran(0);
    assert_eq!(run.stderr, "");
    assert!(run.report.words().join(" ").contains("-net nic,macaddr="), "{:?}", run.report);
    assert_eq!(world.probes(), 0, "it was told");

    let words = [&["--qemu-version", "7.2"], &words[..]].concat();
    let run = world.vdeq(&words).env("VDEQ_OPTIONS", "--qemu-version=2.5").run();
    run.assert_ran(0);
    assert!(run.report.words().join(" ").contains("-nic socket,fd="), "the later one counts");
}

#[test]
fn a_link_that_somebody_else_calls_can_be_given_options() {
    let world = World::new();
    let link = world.home.path().join("bin/vdekvm");
    symlink(env!("CARGO_BIN_EXE_vdeq"), &link).unwrap();
    world.install("kvm");
    let script = format!("exec '{}' -nic vde,{},{NIC}", link.display(), world.sock());
    let run = world.shell(&script, &[]).env("VDEQ_OPTIONS", "-v").run();
    run.assert_ran(0);
    assert!(run.stderr.contains("network 0: port 1"), "{}", run.stderr);
}

#[test]
fn who_asks_for_help_or_the_version_is_answered_whatever_it_holds() {
    let world = World::new();
    let link = world.home.path().join("bin/vdekvm");
    symlink(env!("CARGO_BIN_EXE_vdeq"), &link).unwrap();
    for (word, answer) in [("--version", "vdeq 0."), ("--help", "usage:"), ("--help=all", "usage:")]
    {
        for text in ["-v", "'"] {
            let run = world.shell(&format!("exec vdekvm {word}"), &[]);
            let outcome = run.env("VDEQ_OPTIONS", text).env("VDEQ_LOG", "loud").run();
            assert!(outcome.stdout.contains(answer), "{word}: {outcome:?}");
        }
    }
}

#[test]
fn an_option_of_the_environment_that_does_not_fit_is_said_to_be_from_there() {
    let world = World::new();
    let outcome = world.vdeq(&[QEMU, "-nic", "vde"]).env("VDEQ_OPTIONS", "--mac=auto").run();
    outcome.assert_failed(125, &["expected -name NAME", "that is from VDEQ_OPTIONS"]);
    let outcome = world.vdeq(&["--mac=auto", QEMU, "-nic", "vde"]).env("VDEQ_OPTIONS", "-v").run();
    assert!(!outcome.stderr.contains("that is from"), "{outcome:?}");
}

#[test]
fn what_is_no_option_is_refused_there() {
    let world = World::new();
    for (text, cause) in [
        ("--wait 'x", "a quote is not closed"),
        ("--wait qemu", "`qemu` is not an option of vdeq"),
        ("--wiat", "did you mean `--wait`?"),
        ("--timeout", "ends where SECONDS was expected"),
        ("-hda", "`-hda` is an option of QEMU"),
        ("-- -v", "`--` is no option for every command line"),
        ("-M /x", "`-M`"),
    ] {
        let outcome = world.vdeq(&[QEMU]).env("VDEQ_OPTIONS", text).run();
        outcome.assert_failed(125, &["VDEQ_OPTIONS=", cause, "quoted as for a shell"]);
    }
    world.make_default();
    world.vdeq(&[QEMU]).env("VDEQ_OPTIONS", "  ").run().assert_ran(0);
}

#[test]
fn an_explanation_says_how_its_numbers_are_meant() {
    let world = World::new();
    let run = world.vdeq(&["--explain", "--qemu-version=7.2", "qemu", "-nic", "vde"]);
    let shown = run.env("VDEQ_OPTIONS", "--wait --timeout 3").run().stdout;
    assert!(shown.contains("argument 8  -nic vde"), "{shown}");
    assert!(shown.contains("arguments 1 to 3 are those of VDEQ_OPTIONS"), "{shown}");
}

#[test]
fn as_much_is_said_as_the_environment_asks_for_and_errors_always() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let words = [QEMU, "-nic", &net];
    let said = |level| {
        let run = world.vdeq(&words).env("VDEQ_LOG", level).run();
        run.assert_ran(0);
        (run.stderr.contains("has no mac="), run.stderr.contains("running: "))
    };
    assert_eq!(
        ["error", "info", "", "debug"].map(said),
        [(false, false), (true, false), (true, false), (true, true)]
    );
    let run = world.vdeq(&[&["-v"], &words[..]].concat()).env("VDEQ_LOG", "error").run();
    assert!(run.stderr.contains("running: "), "who asks is told: {}", run.stderr);
    let quiet = world.vdeq(&["nosuch"]).env("VDEQ_LOG", "error").run();
    quiet.assert_failed(127, &["nosuch"]);
    let wrong = world.vdeq(&words).env("VDEQ_LOG", "loud").run();
    wrong.assert_failed(125, &["VDEQ_LOG=loud", "expected error, info, debug or trace"]);
}

#[test]
fn more_is_said_to_who_asks_for_more() {
    let world = World::new();
    let net = format!("vde,{},{NIC}", world.sock());
    let words = [QEMU, "-nic", &net];
    let [once, twice] =
        ["-v", "-vv"].map(|asked| world.vdeq(&[&[asked], &words[..]].concat()).run());
    let by_log = world.vdeq(&words).env("VDEQ_LOG", "trace").run();
    for run in [&once, &twice, &by_log] {
        run.assert_ran(0);
        assert!(run.stderr.contains("network 0: port 1 of"), "{run:?}");
        assert!(run.stderr.lines().all(|line| line.starts_with("vdeq: ")), "{run:?}");
    }
    for words in [
        "plugged in within ",
        "the switch runs as ",
        "names are looked for in ",
        "the version took",
    ] {
        assert!(!once.stderr.contains(words), "{words}: {once:?}");
        assert!(
            twice.stderr.contains(words) && by_log.stderr.contains(words),
            "{words}: {twice:?}"
        );
    }
}
