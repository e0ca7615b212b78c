//! What happens to the switch while the VM runs.

use std::time::Duration;

use nix::sys::signal::Signal;
use vde_exec::testkit::fake_switch::{Faults, Options};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::Personality;

use crate::world::{QEMU, Running, World, kill, state};

fn running(world: &World) -> Running {
    let net = format!("vde,{}", world.sock());
    let run = world.vdeq(&[QEMU, "-net", &net]).act("run").start();
    run.wait_running();
    run
}

fn wait_for_the_news(run: &Running) {
    wait::until_true("the news of the loss", || run.stderr().contains("network 0 is lost"));
}

#[test]
fn v7_a_switch_that_dies_is_said_and_the_vm_runs_on() {
    let mut world = World::new();
    let mut run = running(&world);
    world.switch.kill();
    wait_for_the_news(&run);
    assert!(run.is_running());
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

#[test]
fn v7_a_port_that_is_closed_is_said_once_and_plugged_in_again() {
    let world = World::new();
    let run = running(&world);
    world.switch.close_port(1);
    wait_for_the_news(&run);
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    outcome.assert_ran(0);
    assert_eq!(outcome.stderr.matches("network 0 is lost").count(), 1);
    world.assert_nothing_left();
}

#[test]
fn v11_vdeq_sleeps_while_the_switch_is_gone() {
    let mut world = World::new();
    let run = running(&world);
    world.switch.kill();
    wait_for_the_news(&run);
    // A loop around the dead stream would be found running sooner or later.
    let mut asleep = 0;
    wait::until_true("vdeq to sleep", || {
        asleep = if state(run.pid()) == Some('S') { asleep + 1 } else { 0 };
        asleep == 50
    });
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

#[test]
fn a_switch_that_hangs_up_right_after_its_reply_is_news_and_no_hang() {
    let hang_up_after = Some(Duration::ZERO);
    let options =
        Options::new(Personality::New).with(Faults { hang_up_after, ..Faults::default() });
    let world = World::with(options);
    let net = format!("vde,{}", world.sock());
    let outcome = world.vdeq(&[QEMU, "-net", &net]).act("exit=6").run();
    // Whether the end of the stream is seen before or after the VM is started is a race that the
    // switch runs against us; both ends are told, and neither is silent.
    match outcome.status.code() {
        Some(6) => {}
        _ => outcome.assert_failed(125, &["after"]),
    }
}

#[test]
fn a_switch_that_talks_on_the_control_stream_is_not_listened_to_for_ever() {
    let world = World::new();
    let run = running(&world);
    world.switch.say(1, &[b'x'; 1000]);
    kill(run.pid(), Signal::SIGUSR1);
    world.switch.say(1, &[b'x'; 100_000]);
    wait_for_the_news(&run);
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

#[test]
fn v14_a_switch_that_reads_nothing_delays_no_other() {
    let world = World::new();
    let other = World::new();
    let deaf = format!("vde,{}", world.sock());
    let good = format!("vde,{}", other.sock());
    let words = [QEMU, "-net", "nic", "-net", &good, "-net", &deaf];
    let run = world.vdeq(&words).act("send=10 run").start();
    run.wait_running();
    world.switch.freeze();
    // vdeq is in nobody's way: it still answers while that switch does not.
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
    world.switch.thaw();
    world.assert_nothing_left();
    other.assert_nothing_left();
}
