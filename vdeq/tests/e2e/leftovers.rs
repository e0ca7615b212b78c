//! Nothing is left: a hundred starts and ends, and violent ones, against the real switch.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use vde_exec::testkit::fake_qemu::{self, Report};
use vde_exec::testkit::wait;

use crate::rig;
use crate::world::{Running, World, finish, signal, sockets_in, start, switch, vde, wait_gone};

/// Starts a VM of two plugs into the one switch, doing `acts`, and returns when vdeq is started.
fn begin(world: &World, report: &Path, acts: &str, network: &str) -> Running {
    let mut command = world.vdeq();
    command.env(fake_qemu::REPORT, report).env(fake_qemu::DO, acts).arg(rig::fake_qemu());
    start(command.args(["-net", "nic", "-net", network, "-net", network]).stdin(Stdio::null()))
}

/// The descriptors that a program has which we start without vdeq.
fn usual_descriptors(world: &World) -> Vec<i32> {
    let report = world.path("usual");
    let mut command = Command::new(rig::fake_qemu());
    let outcome = finish(command.env(fake_qemu::REPORT, &report));
    assert!(outcome.status.success(), "{outcome:?}");
    Report::read(&report).fds.into_iter().map(|fd| fd.number).collect()
}

/// Processes that have ended and were not waited for, among ours.
fn zombies() -> Vec<String> {
    let ours = format!(" {} ", std::process::id());
    let stats = fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let zombie = |stat: &String| {
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(&format!("Z{ours}")))
    };
    stats.filter(zombie).collect()
}

#[test]
fn a_hundred_runs_leave_nothing() {
    let (world, switch) = (World::new(), switch());
    let report = world.path("report");
    let network = vde(&switch);
    let descriptors = switch.open_descriptors();
    let usual = usual_descriptors(&world);
    for run in 0..100 {
        let outcome = begin(&world, &report, "send=3 exit=7", &network).finish();
        assert_eq!(outcome.status.code(), Some(7), "run {run}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "run {run}");
        world.assert_no_socket_of(outcome.pid, &[switch.dir()]);
        // Two plugs of two sockets each, and else what any program that we start has.
        let given = Report::read(&report).fds.into_iter().map(|fd| fd.number);
        let given: Vec<_> = given.filter(|number| !usual.contains(number)).collect();
        assert_eq!(given.len(), 4, "run {run}: {given:?} besides {usual:?}");
        // vdeq does not end before the switch has the ports back, so that the next may come.
        assert_eq!(switch.busy_ports().len(), 0, "run {run}");
    }
    assert_eq!(sockets_in(switch.dir()), [switch.ctl()]);
    assert_eq!(switch.open_descriptors(), descriptors);
    assert_eq!(zombies(), [""; 0]);
}

#[test]
fn a_killed_qemu_leaves_nothing_and_vdeq_dies_the_same_way() {
    use std::os::unix::process::ExitStatusExt;
    let (world, switch) = (World::new(), switch());
    let report = world.path("report");
    for _ in 0..10 {
        let child = begin(&world, &report, "run", &vde(&switch));
        let vm = Report::wait_for(&report, "the VM to run", |report| report.running);
        assert_eq!(switch.busy_ports().len(), 2);
        signal(vm.pid.unsigned_abs(), "KILL");
        let outcome = child.finish();
        assert_eq!(outcome.status.signal(), Some(9), "{outcome:?}");
        world.assert_nothing_left(outcome.pid, &switch);
        fs::remove_file(&report).unwrap();
    }
}

#[test]
fn a_killed_vdeq_leaves_the_port_to_its_vm_and_the_vm_gives_it_back() {
    let (world, switch) = (World::new(), switch());
    let report = world.path("report");
    for _ in 0..10 {
        let mut child = begin(&world, &report, "run", &vde(&switch));
        let vm = Report::wait_for(&report, "the VM to run", |report| report.running);
        let pid = child.pid();
        signal(pid, "KILL");
        child.child.wait().unwrap();
        assert_eq!(switch.busy_ports().len(), 2, "the VM lives and so does its network");
        world.assert_no_socket_of(pid, &[switch.dir()]);
        signal(vm.pid.unsigned_abs(), "TERM");
        wait_gone(vm.pid.unsigned_abs());
        world.assert_nothing_left(pid, &switch);
        fs::remove_file(&report).unwrap();
    }
}

#[test]
fn what_a_vdeq_killed_in_the_handshake_leaves_is_removed_by_the_next() {
    let (world, switch) = (World::new(), switch());
    let report = world.path("report");
    switch.stop();
    let mut child = begin(&world, &report, "exit=0", &vde(&switch));
    let pid = child.pid();
    wait::until("vdeq to make its socket", || {
        world.sockets_of(pid, &[switch.dir()]).into_iter().next()
    });
    signal(pid, "KILL");
    child.child.wait().unwrap();
    assert_eq!(world.sockets_of(pid, &[switch.dir()]).len(), 1, "nobody could remove it");
    switch.cont();

    let mut command = world.vdeq();
    let outcome =
        finish(command.arg(rig::fake_qemu()).args(["-net", "nic", "-net", &vde(&switch)]));
    assert!(outcome.status.success(), "{outcome:?}");
    assert!(!report.exists());
    for pid in [pid, outcome.pid] {
        world.assert_nothing_left(pid, &switch);
    }
}
