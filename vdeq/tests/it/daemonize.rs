//! `-daemonize`: the prompt comes back, and vdeq stays with the VM in the background.

use std::fs;

use nix::sys::signal::Signal;
use nix::unistd::{Pid, getsid};
use vde_exec::testkit::fake_switch::{Faults, ReplyFault};
use vde_exec::testkit::wait;

use crate::world::{QEMU, World, kill, state};

/// The vdeq that is plugged in: it tells the switch its process id.
fn watcher(world: &World) -> i32 {
    let ports = world.switch.ports();
    let description = &ports[0].descriptions[0];
    description.split(' ').find_map(|word| word.strip_prefix("pid=")).unwrap().parse().unwrap()
}

/// The children of a process that have ended and were not waited for.
fn zombies_of(parent: i32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_one = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit(") ").next().unwrap_or_default().to_owned();
        fields.starts_with(&format!("Z {parent} "))
    };
    pids.filter(is_one).collect()
}

fn wait_gone(pid: i32) {
    wait::until_true("the process to be gone", || state(pid).is_none_or(|state| state == 'Z'));
}

#[test]
fn v19_a_daemonized_vm_keeps_its_port_until_it_ends_and_vdeq_ends_with_it() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    for word in ["-daemonize", "--daemonize"] {
        let run = world.vdeq(&[QEMU, word, "-net", &net]).act("daemonize run").start();
        let report = run.wait_running();
        let front = run.pid();
        run.finish().assert_ran(0);

        let watcher = watcher(&world);
        assert_ne!(watcher, front);
        let session = getsid(Some(Pid::from_raw(watcher))).unwrap();
        assert_eq!(session, Pid::from_raw(watcher), "it has left the terminal");
        let stream = |n: i32| fs::read_link(format!("/proc/{watcher}/fd/{n}")).unwrap();
        for n in 0..2 {
            assert_eq!(stream(n).to_str(), Some("/dev/null"));
        }
        assert!(stream(2).starts_with(world.home.path()), "a log goes on");
        assert_eq!(fs::read_link(format!("/proc/{watcher}/cwd")).unwrap().to_str(), Some("/"));
        assert_eq!(zombies_of(watcher), [0; 0]);
        kill(report.pid, Signal::SIGTERM);
        wait_gone(watcher);
        world.assert_nothing_left();
    }
}

#[test]
fn a_daemonized_vm_is_plugged_in_again() {
    let world = World::new();
    let net = format!("vde,{},port=5", world.sock());
    let run = world.vdeq(&[QEMU, "-daemonize", "-net", &net]).act("daemonize run").start();
    let (report, log) = (run.wait_running(), run.stderr_path().to_owned());
    run.finish().assert_ran(0);
    let requests = world.switch.requests();
    let watcher = watcher(&world);
    world.switch.close_port(5);
    wait::until_true("a second request", || world.switch.requests() > requests);
    wait::until_true("the port again", || {
        world.switch.ports().first().is_some_and(|port| port.number == 5)
    });
    wait::until_true("a word of it in the log", || {
        fs::read_to_string(&log).unwrap().contains("network 0 is back on port 5")
    });
    kill(report.pid, Signal::SIGTERM);
    wait_gone(watcher);
    world.assert_nothing_left();
}

#[test]
fn signals_to_the_vdeq_in_the_background_reach_the_daemon() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let run = world.vdeq(&[QEMU, "-daemonize", "-net", &net]).act("daemonize run").start();
    let report = run.wait_running();
    run.finish().assert_ran(0);
    let watcher = watcher(&world);
    kill(watcher, Signal::SIGTERM);
    wait_gone(report.pid);
    wait_gone(watcher);
    world.assert_nothing_left();
}

#[test]
fn a_vm_that_ends_instead_of_daemonizing_ends_vdeq_in_the_same_way() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let vdeq = |act: &str| world.vdeq(&[QEMU, "-daemonize", "-net", &net]).act(act).run();
    vdeq("exit=3").assert_ran(3);
    vdeq("exit=0").assert_ran(0);
    assert_eq!(vdeq("die=9").signal(), Some(9));
    world.assert_nothing_left();
}

#[test]
fn a_failure_on_the_way_is_said_and_is_the_status() {
    let world = World::new();
    let net = format!("vde,{},port=99", world.sock());
    let outcome = world.vdeq(&[QEMU, "-daemonize", "-net", &net]).run();
    outcome.assert_failed(125, &["refused port 99"]);
}

#[test]
fn a_signal_to_the_vdeq_in_front_ends_the_one_that_is_plugging_in() {
    let world = World::new();
    world.switch.set_faults(Faults { reply: ReplyFault::Silence, ..Faults::default() });
    let net = format!("vde,{}", world.sock());
    let run = world.vdeq(&["--timeout", "600", QEMU, "-daemonize", "-net", &net]).start();
    wait::until_true("a request", || world.switch.requests() > 0);
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    assert_eq!(outcome.signal(), Some(15), "{outcome:?}");
    assert!(outcome.stderr.contains("interrupted"), "{outcome:?}");
    world.assert_nothing_left();
}

#[test]
fn the_vdeq_in_front_removes_the_control_socket_of_one_that_was_killed() {
    let world = World::new();
    world.switch.set_faults(Faults { reply: ReplyFault::Silence, ..Faults::default() });
    let net = format!("vde,{}", world.sock());
    let words = ["--control", "socket", "--timeout", "600", QEMU, "-daemonize", "-net", &net];
    let run = world.vdeq(&words).start();
    wait::until_true("a request", || world.switch.requests() > 0);
    let socket = world.home.path().join("socket");
    assert!(socket.exists());
    let children = format!("/proc/{0}/task/{0}/children", run.pid());
    let children = fs::read_to_string(children).unwrap();
    kill(children.trim().parse().unwrap(), Signal::SIGKILL);
    assert_eq!(run.finish().signal(), Some(9));
    assert!(!socket.exists());
}

#[test]
fn what_is_told_of_a_daemon_is_told_when_it_is_one() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let events = world.home.path().join("events");
    let words = ["--events", events.to_str().unwrap(), QEMU, "-daemonize", "-net", &net];
    world.vdeq(&words).act("exit=1").run().assert_ran(1);
    assert_eq!(fs::read_to_string(&events).unwrap(), "", "it never began");

    let run = world.vdeq(&words).act("daemonize run").start();
    let report = run.wait_running();
    run.finish().assert_ran(0);
    let told = fs::read_to_string(&events).unwrap();
    let started: serde_json::Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    assert_eq!((&started["event"], &started["vm"]["pid"]), (&"started".into(), &report.pid.into()));
    let watcher = watcher(&world);
    kill(report.pid, Signal::SIGTERM);
    wait_gone(watcher);
    assert!(fs::read_to_string(&events).unwrap().contains(r#""event":"ended""#));
}
