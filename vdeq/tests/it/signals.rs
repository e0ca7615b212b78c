//! Signals, stopping, and ends that nobody planned.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Instant;

use nix::sys::signal::Signal;
use vde_exec::testkit::fake_qemu::Report;
use vde_exec::testkit::wait;

use crate::world::{QEMU, Running, World, kill, state};

fn running(world: &World, words: &[&str], acts: &str) -> (Running, Report) {
    let net = format!("vde,{}", world.sock());
    let run = world.vdeq(&[words, &[QEMU, "-net", &net]].concat()).act(acts).start();
    let report = run.wait_running();
    (run, report)
}

#[test]
fn v8_signals_sent_to_vdeq_reach_the_vm() {
    let world = World::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let (run, _) = running(&world, &[], "run");
        kill(run.pid(), signal);
        let outcome = run.finish();
        assert_eq!(outcome.report.signals, [signal.as_str()]);
        outcome.assert_ran(0);
    }
    world.assert_nothing_left();
}

#[test]
fn v8_signals_that_do_not_end_a_vm_do_not_end_vdeq() {
    let world = World::new();
    let (run, _) = running(&world, &[], "run");
    let signals = [
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGQUIT,
        Signal::SIGALRM,
        Signal::SIGPROF,
        Signal::SIGABRT,
        Signal::SIGXFSZ,
    ];
    for (count, signal) in signals.into_iter().enumerate() {
        kill(run.pid(), signal);
        let got = |report: &Report| report.signals.len() == count + 1;
        let report = Report::wait_for(&run.report, signal.as_str(), got);
        assert_eq!(report.signals[count], signal.as_str());
    }
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

#[test]
fn v9_a_vm_that_is_stopped_and_goes_on_keeps_its_port_and_its_supervisor() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let mut run = world.vdeq(&[QEMU, "-net", &net]).act("stop run").start();
    let report = Report::wait_ready(&run.report);
    wait::until_true("the VM to stop", || state(report.pid) == Some('T'));
    assert!(run.is_running());
    assert_eq!(world.switch.ports().len(), 1);

    kill(report.pid, Signal::SIGCONT);
    run.wait_running();
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

#[test]
fn stopping_vdeq_stops_the_vm_and_both_go_on_together() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let run = world.vdeq(&[QEMU, "-net", &net]).act("sleep").start();
    let report = Report::wait_ready(&run.report);
    kill(run.pid(), Signal::SIGTSTP);
    wait::until_true("vdeq to stop", || state(run.pid()) == Some('T'));
    wait::until_true("the VM to stop", || state(report.pid) == Some('T'));
    kill(run.pid(), Signal::SIGCONT);
    wait::until_true("the VM to go on", || state(report.pid) != Some('T'));
    kill(run.pid(), Signal::SIGTERM);
    assert_eq!(run.finish().signal(), Some(15));
}

#[test]
fn v20_the_vm_has_the_signals_that_it_has_without_vdeq() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let bare = world.bare(&[]).run().report;
    for words in [&[QEMU, "-net", &net][..], &["--exec", QEMU, "-net", &net]] {
        let ours = world.vdeq(words).run().report;
        assert!(ours.ready);
        assert_eq!((&ours.ignored, &ours.blocked), (&bare.ignored, &bare.blocked));
    }
}

#[test]
fn v17_an_interrupted_handshake_ends_vdeq_by_the_signal_and_leaves_nothing() {
    let world = World::new();
    world.switch.freeze();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let net = format!("vde,{}", world.sock());
        let run = world.vdeq(&["--timeout", "600", QEMU, "-net", &net]).start();
        wait::until_true("the handshake", || !world.switch.litter().is_empty());
        kill(run.pid(), signal);
        let outcome = run.finish();
        assert_eq!(outcome.signal(), Some(signal as i32), "{outcome:?}");
        assert!(!outcome.report.ready && outcome.stderr.contains("no virtual machine"));
        assert_eq!(world.switch.litter(), [""; 0]);
    }
    world.switch.thaw();
    world.assert_nothing_left();
}

#[test]
fn a_vm_keeps_its_network_when_vdeq_is_killed() {
    let world = World::new();
    let (mut run, report) = running(&world, &[], "run");
    kill(run.pid(), Signal::SIGKILL);
    assert_eq!(run.wait_for_end().signal(), Some(9));
    assert_eq!(world.switch.ports().len(), 1);
    kill(report.pid, Signal::SIGTERM);
    world.assert_nothing_left();
}

#[test]
fn with_exec_the_vm_is_the_very_process() {
    let world = World::new();
    let (run, report) = running(&world, &["--exec"], "run");
    assert_eq!(report.pid, run.pid());
    assert_eq!(report.name, QEMU);
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
    world.assert_nothing_left();
}

#[test]
fn l11_what_a_killed_vdeq_left_is_removed_at_the_next_start() {
    let world = World::new();
    world.switch.freeze();
    let net = format!("vde,{}", world.sock());
    let run = world.vdeq(&["--timeout", "600", QEMU, "-net", &net]).start();
    wait::until_true("the handshake", || !world.switch.litter().is_empty());
    kill(run.pid(), Signal::SIGKILL);
    run.finish();
    assert_eq!(world.switch.litter().len(), 1, "this test is about something else");

    world.switch.thaw();
    world.vdeq(&[QEMU, "-net", &net]).run().assert_ran(0);
    world.assert_nothing_left();
}

#[test]
fn what_was_ignored_when_vdeq_was_started_stays_ignored() {
    let world = World::new();
    world.switch.freeze();
    let net = format!("vde,{}", world.sock());
    let script = "trap '' HUP INT; exec \"$@\"";
    let run = world.shell(script, &["--timeout", "600", QEMU, "-net", &net]).act("run").start();
    wait::until_true("the handshake", || !world.switch.litter().is_empty());
    kill(run.pid(), Signal::SIGHUP);
    kill(run.pid(), Signal::SIGINT);
    world.switch.thaw();
    let report = run.wait_running();
    // Hangup and interrupt: bits 0 and 1.
    assert!(report.ignored.ends_with('3'), "{}", report.ignored);
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

#[test]
fn signals_that_wait_together_are_all_passed_on() {
    let world = World::new();
    let (run, _) = running(&world, &[], "run");
    kill(run.pid(), Signal::SIGSTOP);
    wait::until_true("vdeq to stop", || state(run.pid()) == Some('T'));
    kill(run.pid(), Signal::SIGUSR1);
    kill(run.pid(), Signal::SIGCONT);
    let both = |report: &Report| {
        ["SIGUSR1", "SIGCONT"].iter().all(|name| report.signals.iter().any(|got| got == name))
    };
    let _ = Report::wait_for(&run.report, "both signals", both);
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

#[test]
fn a_signal_that_comes_right_after_the_control_socket_leaves_nothing_of_it() {
    let world = World::new();
    let socket = world.home.path().join("socket");
    let words = ["--control", "socket", "--wait", QEMU, "-net", "vde,sock=/nonexistent"];
    for _ in 0..30 {
        let run = world.vdeq(&words).start();
        // Without a pause: it is about the first moments.
        let deadline = Instant::now() + wait::PATIENCE;
        while !socket.exists() {
            assert!(Instant::now() < deadline, "there is no control socket");
        }
        kill(run.pid(), Signal::SIGTERM);
        assert_eq!(run.finish().signal(), Some(15));
        assert!(!socket.exists());
    }
}

#[test]
fn a_vdeq_that_may_have_no_descriptors_any_more_still_passes_signals_on() {
    let world = World::new();
    let (run, _) = running(&world, &[], "run");
    let limit = ["--pid", &run.pid().to_string(), "--nofile=1:1024"];
    assert!(Command::new("prlimit").args(limit).status().unwrap().success());
    kill(run.pid(), Signal::SIGUSR1);
    let _ = Report::wait_for(&run.report, "the signal", |report| !report.signals.is_empty());
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
    world.assert_nothing_left();
}
