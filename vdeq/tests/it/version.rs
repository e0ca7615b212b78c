//! How the version of QEMU is learnt, and what it decides.

use std::time::Duration;

use vde_exec::testkit::{fake_qemu, wait};

use crate::world::{QEMU, World};

/// The arguments that a fake QEMU with this answer to `-version` gets for one NIC on a switch, with
/// `N` for the descriptor.
fn spelled(world: &World, version: &str, help: Option<&str>) -> String {
    let net = format!("vde,vlan=0,{}", world.sock());
    let run =
        world.vdeq(&[QEMU, "-net", "nic,vlan=0", "-net", &net]).env(fake_qemu::VERSION, version);
    // Every answer is about the same executable, so what was remembered is in the way.
    let run = run.env(
        "XDG_CACHE_HOME",
        world.home.path().join(format!("cache{version:.40}").replace('\n', "")),
    );
    let run = match help {
        Some(help) => run.env(fake_qemu::HELP, help),
        None => run,
    };
    let outcome = run.run();
    outcome.assert_ran(0);
    // The longest first: where the test is started with many descriptors open, one may be 3, one 30.
    let mut fds = outcome.report.sockets();
    fds.sort_unstable_by_key(|&fd| std::cmp::Reverse(fd));
    let words = outcome.report.words().join(" ");
    fds.iter().fold(words, |words, fd| words.replace(&format!("fd={fd}"), "fd=N"))
}

const MODERN: &str = "-net nic,netdev=vdeq0 -netdev socket,id=vdeq0,fd=N";

#[test]
fn every_recorded_banner_gets_its_spelling() {
    let world = World::new();
    let copyright = "Copyright (c) 2003-2010 Fabrice Bellard\n";
    let one_line = |name: &str, version: &str| format!("{name} version {version}, {copyright}");
    let two_lines = |version: &str| format!("QEMU emulator version {version}\n{copyright}");
    let cases = [
        (
            one_line("QEMU PC emulator", "0.12.5 (Debian 0.12.5+dfsg-3)"),
            "-net nic,vlan=0 -net tap,fd=N,vlan=0",
        ),
        (one_line("QEMU emulator", "1.0.1"), "-net nic,vlan=0 -net tap,fd=N,vlan=0"),
        (two_lines("2.12.1"), "-net nic,vlan=0 -net tap,fd=N,vlan=0"),
        (two_lines("3.0.0"), "-net nic,netdev=vdeq0 -netdev tap,id=vdeq0,fd=N"),
        (
            two_lines("3.1.1 (Debian 1:3.1+dfsg-8)"),
            "-net nic,netdev=vdeq0 -netdev tap,id=vdeq0,fd=N",
        ),
        (two_lines("4.0.0"), MODERN),
        (two_lines("5.2.0 (Debian 1:5.2+dfsg-11)"), MODERN),
        (two_lines("11.1.3 (Debian 1:11.1.3+ds-1)"), MODERN),
    ];
    for (banner, expected) in cases {
        assert_eq!(spelled(&world, &banner, None), expected, "{banner}");
    }
}

#[test]
fn the_oldest_qemus_tell_their_version_in_their_help() {
    let world = World::new();
    let help =
        "QEMU PC emulator version 0.9.1, Copyright (c) 2003-2008 Fabrice Bellard\nusage: qemu\n";
    let expected = "-net nic,vlan=0 -net tap,fd=N,vlan=0";
    assert_eq!(spelled(&world, "refuse", Some(help)), expected);
}

#[test]
fn v25_a_warning_before_the_banner_does_not_matter() {
    let world = World::new();
    let noise = "warning: something is odd\n".repeat(30);
    let banner = format!("{noise}QEMU emulator version 2.5.0, Copyright\n");
    assert_eq!(spelled(&world, &banner, None), "-net nic,vlan=0 -net tap,fd=N,vlan=0");
}

#[test]
fn a_program_that_does_not_tell_its_version_counts_as_new_and_that_is_said() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let run = world.vdeq(&[QEMU, "-net", "nic", "-net", &net]).env(fake_qemu::VERSION, "hello\n");
    let outcome = run.run();
    outcome.assert_ran(0);
    assert!(outcome.stderr.contains("does not tell its version"), "{}", outcome.stderr);
    assert!(outcome.report.words().join(" ").contains("socket,fd="));
}

#[test]
fn v26_a_program_that_never_answers_is_not_waited_for() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let run = world.vdeq(&[QEMU, "-net", "nic", "-net", &net]).env(fake_qemu::VERSION, "hang");
    let outcome = run.run();
    outcome.assert_ran(0);
    assert!(outcome.stderr.contains("does not tell its version"), "{}", outcome.stderr);
    assert_eq!(world.probes(), 1, "asked once");
}

#[test]
fn a_script_is_asked_every_time_because_what_it_runs_can_change() {
    let world = World::without_programs(vde_exec::testkit::fake_switch::Options::new(
        vde_exec::vde_proto::switch::Personality::New,
    ));
    let fake = fake_qemu::binary().display();
    let script = world.home.path().join("bin/wrapper");
    std::fs::write(&script, format!("#!/bin/sh\nexec '{fake}' \"$@\"\n")).unwrap();
    std::process::Command::new("chmod").arg("+x").arg(&script).status().unwrap();
    let net = format!("vde,{}", world.sock());
    for runs in 1..=2 {
        world.vdeq(&["wrapper", "-net", "nic", "-net", &net]).run().assert_ran(0);
        assert_eq!(world.probes(), runs);
    }
}

#[test]
fn an_answer_that_came_in_time_counts_however_long_the_switch_takes() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    world.switch.freeze();
    let banner = "QEMU emulator version 2.8.1, Copyright\n";
    let words = ["--timeout", "600", QEMU, "-net", "nic", "-net", &net];
    let run = world.vdeq(&words).env(fake_qemu::VERSION, banner).start();
    wait::until_true("the question", || world.probes() == 1);
    // Longer than a program has for its answer.
    std::thread::sleep(Duration::from_millis(3_200));
    world.switch.thaw();
    let outcome = run.finish();
    outcome.assert_ran(0);
    assert!(outcome.report.words().join(" ").contains("tap,fd="), "{outcome:?}");
}

#[test]
fn what_a_wrapper_leaves_running_is_not_waited_for() {
    let world = World::new();
    let script = world.home.path().join("bin/wrapper");
    let fake = fake_qemu::binary().display();
    let text =
        format!("#!/bin/sh\n[ \"$1\" = -version ] && /bin/sleep 1000 &\nexec '{fake}' \"$@\"\n");
    std::fs::write(&script, text).unwrap();
    std::process::Command::new("chmod").arg("+x").arg(&script).status().unwrap();
    let net = format!("vde,{}", world.sock());
    let started = std::time::Instant::now();
    world.vdeq(&["wrapper", "-net", "nic", "-net", &net]).run().assert_ran(0);
    assert!(started.elapsed() < wait::PATIENCE, "it waited for the sleeper");
}
