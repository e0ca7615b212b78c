//! `--doctor`: what it finds in worlds in which something is wrong.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use vde_exec::testkit::fake_switch::Options;
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::Personality;

use crate::world::{Outcome, World, kill};

/// What the doctor says of this world, and of these switches.
fn doctor(world: &World, switches: &[&str]) -> Outcome {
    let outcome = world.vdeq(&[&["--doctor"], switches].concat()).run();
    assert_eq!(outcome.stderr, "", "{outcome:?}");
    assert!(!outcome.report.ready, "nothing is started");
    outcome
}

/// What is wrong, and what is worth a note: (level, what, what to do).
fn findings(world: &World, switches: &[&str]) -> Vec<(String, String, String)> {
    let outcome = world.vdeq(&[&["--doctor=json"], switches].concat()).run();
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = report["findings"].as_array().unwrap();
    let all = all.iter().map(|f| (text(&f["level"]), text(&f["says"]), text(&f["fix"])));
    let all: Vec<_> = all.collect();
    let wrong = all.iter().filter(|(level, ..)| level == "wrong").count();
    assert_eq!(report["wrong"], wrong);
    assert_eq!(outcome.status.code(), Some(i32::from(wrong > 0)), "{outcome:?}");
    all
}

/// Asserts that there is such a finding; what to do about it.
#[track_caller]
fn finds(world: &World, switches: &[&str], level: &str, what: &str) -> String {
    let all = findings(world, switches);
    let found = all.iter().find(|(l, says, _)| l == level && says.contains(what));
    found.unwrap_or_else(|| panic!("no {level} {what:?} in {all:#?}")).2.clone()
}

/// A world in which nothing is wrong.
fn healthy() -> World {
    let world = World::new();
    world.make_default();
    symlink(env!("CARGO_BIN_EXE_vdeq"), world.home.path().join("bin/vdeq")).unwrap();
    world
}

#[test]
fn in_a_healthy_world_nothing_is_wrong_and_nothing_is_left() {
    let world = healthy();
    let outcome = doctor(&world, &[]);
    assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
    for words in ["QEMU 7.2.22 in ", "\nnothing is wrong\n"] {
        assert!(outcome.stdout.contains(words), "{words}: {}", outcome.stdout);
    }
    // What a machine lacks (KVM, say) takes some lines more.
    assert!(outcome.stdout.lines().count() < 30, "it is a page: {}", outcome.stdout);
    finds(&world, &[], "ok", "qemu-system-x86_64; -net, -netdev, -nic vde; --link-state");
    finds(&world, &[], "ok", "the default switch, gives port 1 within");
    finds(&world, &[], "ok", "bin/vdeq is this vdeq");
    world.assert_nothing_left();
}

#[test]
fn a_machine_without_a_qemu_is_told_how_to_get_one() {
    let world = World::without_programs(Options::new(Personality::New));
    let fix = finds(&world, &[], "wrong", "no QEMU on the search path");
    assert!(fix.contains("apt install qemu-system-x86"), "{fix}");
    let outcome = doctor(&world, &[]);
    assert!(outcome.stdout.ends_with("\none thing is wrong\n"), "{outcome:?}");
}

#[test]
fn a_program_that_does_not_say_which_qemu_it_is_is_a_note() {
    let world = healthy();
    let path = world.home.path().join("bin/qemu-system-odd");
    fs::write(&path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let fix = finds(&world, &[], "note", "qemu-system-odd does not say");
    assert!(fix.contains("--qemu-version"), "{fix}");
}

#[test]
fn given_switches_are_looked_at_and_those_that_are_none_are_wrong() {
    let world = healthy();
    let home = world.home.path();
    fs::write(home.join("file"), "not a path\n").unwrap();
    fs::create_dir(home.join("empty")).unwrap();
    let dir = world.switch.dir().to_str().unwrap();
    finds(&world, &[dir], "ok", "gives port 1");
    finds(&world, &[&format!("{dir}[9]")], "ok", "gives port 9");
    assert!(finds(&world, &["./none"], "wrong", "no switch at ./none").contains("vdeq --switch="));
    assert!(
        finds(&world, &["./empty"], "wrong", "without a ctl socket").contains("start one there")
    );
    finds(&world, &["./file"], "wrong", "a file whose first line is no absolute path");
    finds(&world, &["lab[x]"], "wrong", "a port is a number");
    let long = format!("/tmp/{}", "x".repeat(200));
    assert!(finds(&world, &[&long], "wrong", "no switch at").contains("vdeq --switch"));
    let asked = |switches: &[&str]| {
        let all = findings(&world, switches);
        all.iter().filter(|(_, says, _)| says.contains("gives port")).count()
    };
    assert_eq!(asked(&[dir]), 1, "it is the default switch as well, and asked once");
    assert_eq!(asked(&[&format!("{dir}[5]"), &format!("{dir}[6]")]), 2);
    world.assert_nothing_left();
}

#[test]
fn what_is_no_switch_behind_it_is_refused_with_carets() {
    let world = healthy();
    let outcome = world.vdeq(&["--doctor", "-v"]).run();
    outcome.assert_failed(125, &["expected directories or names of switches", "--doctor -v\n"]);
    let outcome = world.vdeq(&["--doctor=yaml"]).run();
    outcome.assert_failed(125, &["`yaml` is no form of a report: expected json"]);
}

#[test]
fn a_dead_default_switch_is_wrong_since_it_ends_the_search() {
    let mut world = healthy();
    world.switch.kill();
    let fix = finds(&world, &[], "wrong", "the search for a default switch ends there");
    assert!(fix.contains("start it again: vdeq --switch="), "{fix}");
}

#[test]
fn named_switches_are_looked_at_and_may_be_away() {
    let world = healthy();
    let text = format!(
        "lab.path = '{}'\nlab.port = 5\noff.path = '/nowhere'\n",
        world.switch.dir().display()
    );
    world.write_names(&text);
    fs::remove_dir_all(world.home.path().join(".vde2")).unwrap();
    finds(&world, &[], "ok", "(lab) gives port 5");
    finds(&world, &[], "note", "no switch at /nowhere");
    finds(&world, &["off"], "wrong", "no switch at /nowhere");
    world.write_names("[lab]\npath = 3\n");
    let fix = finds(&world, &[], "wrong", "line 2, column 8: 3 is no `path`");
    assert!(fix.contains("a switch is [NAME]"), "{fix}");
}

#[test]
fn sockets_that_killed_clients_left_come_with_the_command_that_removes_them() {
    let world = healthy();
    let left = world.switch.dir().join(".4711-0");
    drop(UnixDatagram::bind(&left).unwrap());
    let fix = finds(&world, &[], "note", "1 socket of yours in");
    assert!(Command::new("sh").args(["-c", &fix]).status().unwrap().success(), "{fix}");
    assert!(!left.exists() && world.switch.dir().join("ctl").exists());
    assert!(!doctor(&world, &[]).stdout.contains("of yours"));
}

#[test]
fn settings_that_make_no_sense_are_wrong() {
    let world = healthy();
    let ask = |name: &str, value: &str| {
        let outcome = world.vdeq(&["--doctor"]).env(name, value).run();
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
        // In one line again.
        outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(ask("VDEQ_OPTIONS", "--wiat").contains("did you mean `--wait`?"));
    assert!(ask("VDEQ_LOG", "loud").contains("expected error, info, debug or trace"));
    assert!(ask("XDG_RUNTIME_DIR", "/no/such/dir").contains("XDG_RUNTIME_DIR, /no/such/dir"));
    let fine = world.vdeq(&["--doctor"]).env("VDEQ_OPTIONS", "--wait -v").run();
    assert_eq!(fine.status.code(), Some(0), "{fine:?}");
}

#[test]
fn commands_that_are_not_this_vdeq_are_told_from_those_that_are() {
    let world = healthy();
    let bin = world.home.path().join("bin");
    symlink("vdeq", bin.join("vdekvm")).unwrap();
    fs::write(bin.join("vdeoq"), "#!/bin/sh\n").unwrap();
    fs::write(bin.join("vde_switch"), "#!/bin/sh\n").unwrap();
    // It stands for the QEMU of this machine, which is here.
    finds(&world, &[], "ok", "bin/vdekvm starts ");
    assert!(finds(&world, &[], "note", "bin/vdeoq is another program").contains("PATH="));
    assert!(!doctor(&world, &[]).stdout.contains("vde_switch is"));
    symlink("vdeq", bin.join("vdeqemu-system-avr")).unwrap();
    let fix =
        finds(&world, &[], "note", "bin/vdeqemu-system-avr is a link to this vdeq, but no program");
    assert!(fix.contains("rm "), "{fix}");
    fs::remove_file(bin.join("vdeq")).unwrap();
    assert!(finds(&world, &[], "note", "not on the search path").starts_with("ln -s "));
}

#[test]
fn a_hub_and_its_last_port_are_seen_on_a_console_that_nobody_named() {
    let world = healthy();
    let run = world.vdeq(&["--switch=own", "--hub", "--ports", "1", "--mgmt=console"]).start();
    wait::until_true("a switch", || world.home.path().join("console").exists());
    finds(&world, &["./own"], "ok", "1 of 1 ports of a hub in use, counting this one");
    let fix = finds(&world, &["./own"], "note", "it is a hub");
    assert!(fix.ends_with("console port/sethub 0"), "{fix}");
    drop(run);
}

#[test]
fn a_doctor_that_is_ended_gives_back_what_it_took() {
    let world = healthy();
    world.switch.freeze();
    let run = world.vdeq(&["--doctor"]).start();
    wait::until_true("the handshake", || !world.switch.litter().is_empty());
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    assert_eq!(outcome.signal(), Some(15), "{outcome:?}");
    world.switch.thaw();
    world.assert_nothing_left();
}

#[test]
fn a_program_that_lies_about_where_one_stands_is_not_run() {
    let world = healthy();
    let here = world.home.path().join("qemu-system-odd");
    fs::write(&here, format!("#!/bin/sh\n: > '{}'\n", here.with_extension("ran").display()))
        .unwrap();
    fs::set_permissions(&here, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(":.:{}", world.home.path().join("bin").display());
    let outcome = world.vdeq(&["--doctor"]).env("PATH", path).run();
    assert!(!outcome.stdout.contains("odd") && !here.with_extension("ran").exists(), "{outcome:?}");
}
