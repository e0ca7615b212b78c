//! What a supervisor costs while its VM runs: no time at all. (Its memory is looked at in the release
//! build, by `vdeq/tests/e2e/footprint.rs`.)

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use vde_exec::testkit::wait;

use crate::world::{QEMU, Running, World, kill};

/// A supervisor of a VM with this many NICs.
fn running(world: &World, nics: usize) -> Running {
    let net = format!("vde,{}", world.sock());
    let words: Vec<&str> = [QEMU].into_iter().chain(["-net", &net].repeat(nics)).collect();
    let run = world.vdeq(&words).act("run").start();
    run.wait_running();
    run
}

/// A figure of `/proc/PID/status`.
fn status(pid: i32, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// How often the process went to sleep, and the clock ticks that it computed.
fn activity(pid: i32) -> (u64, u64) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // utime and stime are the 14th and 15th field; the name, the second, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = [11, 12].map(|field: usize| fields[field].parse::<u64>().unwrap());
    (status(pid, "voluntary_ctxt_switches"), ticks.iter().sum())
}

/// Looks for this long, and tells what was seen at the end.
fn activity_after(pid: i32, time: Duration) -> (u64, u64) {
    let started = Instant::now();
    wait::until_true("time to pass", || started.elapsed() >= time);
    activity(pid)
}

#[test]
fn an_idle_supervisor_never_wakes_up() {
    let world = World::new();
    let run = running(&world, 8);
    // It has something to do until it has seen its VM start.
    wait::until_true("vdeq to fall asleep", || {
        activity(run.pid()) == activity_after(run.pid(), Duration::from_millis(100))
    });
    let before = activity(run.pid());
    assert_eq!(activity_after(run.pid(), Duration::from_secs(2)), before);
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}
