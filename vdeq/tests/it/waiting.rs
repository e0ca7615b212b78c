//! Waiting for a switch that is not there yet (`--wait`).

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use vde_exec::testkit::fake_switch::{FakeSwitch, Options};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::Personality;

use crate::world::{QEMU, Running, World, kill};

/// Starts a VM whose second switch is not there.
fn start(world: &World, own: &[&str]) -> Running {
    let there = format!("vde,{}", world.sock());
    let absent = format!("vde,sock={}", world.home.path().join("later").display());
    let words = [own, &[QEMU, "-net", "nic", "-net", &there, "-net", &absent]].concat();
    world.vdeq(&words).act("run").start()
}

fn wait_until_it_waits(run: &Running) {
    wait::until_true("the news", || run.stderr().contains("waiting for a switch: "));
}

#[test]
fn a_vm_starts_as_soon_as_its_switch_is_there() {
    for own in ["--wait", "--wait=600"] {
        let world = World::new();
        let mut run = start(&world, &[own]);
        wait_until_it_waits(&run);
        assert!(run.is_running() && !run.report.exists(), "{}", run.stderr());
        let dir = Some(world.home.path().join("later"));
        let later = FakeSwitch::start(Options { dir, ..Options::new(Personality::New) });
        run.wait_running();
        let taken = || (world.switch.ports().len(), later.ports().len());
        wait::until_true("both ports to be taken", || taken() == (1, 1));
        kill(run.pid(), Signal::SIGTERM);
        let outcome = run.finish();
        outcome.assert_ran(0);
        assert_eq!(outcome.stderr.matches("waiting for a switch").count(), 1, "{outcome:?}");
        world.assert_nothing_left();
        assert_eq!(later.litter(), [""; 0]);
    }
}

#[test]
fn a_killed_switch_is_waited_for_too() {
    let mut world = World::new();
    world.switch.kill();
    let net = format!("vde,{}", world.sock());
    let run = world.vdeq(&["--wait", QEMU, "-net", &net]).act("exit=3").start();
    wait_until_it_waits(&run);
    world.switch.restart(Options::new(Personality::Old));
    run.finish().assert_ran(3);
    world.assert_nothing_left();
}

#[test]
fn nobody_waits_longer_than_was_asked_for() {
    let world = World::new();
    let began = Instant::now();
    let outcome = start(&world, &["--wait=1"]).finish();
    outcome.assert_failed(125, &["waiting for a switch", "waited for 1.", "vde_switch -d -s"]);
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    world.assert_nothing_left();
}

#[test]
fn nobody_waits_who_was_not_asked_to() {
    let world = World::new();
    let outcome = start(&world, &[]).finish();
    outcome.assert_failed(125, &["later"]);
    assert!(!outcome.stderr.contains("waiting"), "{outcome:?}");
    world.assert_nothing_left();
}

#[test]
fn a_signal_ends_the_wait() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let world = World::new();
        let run = start(&world, &["--wait"]);
        wait_until_it_waits(&run);
        kill(run.pid(), signal);
        let outcome = run.finish();
        assert_eq!(outcome.status.signal(), Some(signal as i32), "{outcome:?}");
        assert!(!outcome.report.ready, "a VM was started: {outcome:?}");
        world.assert_nothing_left();
    }
}

#[test]
fn a_switch_that_refuses_is_not_waited_for() {
    let world = World::new();
    let net = format!("vde,{},port=99", world.sock());
    let outcome = world.vdeq(&["--wait", QEMU, "-net", &net]).run();
    outcome.assert_failed(125, &["port 99"]);
    world.assert_nothing_left();
}
