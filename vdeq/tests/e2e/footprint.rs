//! The memory of a supervisor, in the build that is installed, and its part in frames: none.

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use vde_exec::testkit::fake_qemu::{self, Report};
use vde_exec::testkit::real_switch::{Options, RealSwitch};
use vde_exec::testkit::wait;

use crate::faults::vm::Vm;
use crate::rig;
use crate::wire::Wire;
use crate::world::{World, signal, start, vde};

/// Most memory of a supervisor in kB, shared pages of the program and of the C library included.
const MOST: u64 = 4096;

fn resident(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_supervisor_takes_little_memory_however_many_nics_there_are() {
    let world = World::new();
    let switch = RealSwitch::start(Options { ports: Some(80), ..Options::default() });
    for nics in [1, 64] {
        let report = world.path(&format!("report{nics}"));
        let mut command = world.command(rig::release_vdeq());
        command.env(fake_qemu::REPORT, &report).env(fake_qemu::DO, "run").arg(rig::fake_qemu());
        for _ in 0..nics {
            command.args(["-net", &vde(&switch)]);
        }
        let run = start(command.stdin(Stdio::null()));
        let _ = Report::wait_for(&report, "the VM to run", |report| report.running);
        let memory = resident(run.pid());
        eprintln!("{nics} NICs: {memory} kB");
        assert!(memory < MOST, "{nics} NICs: {memory} kB");
        signal(run.pid(), "TERM");
        let outcome = run.finish();
        assert!(outcome.status.success(), "{outcome:?}");
        world.assert_nothing_left(outcome.pid, &switch);
    }
}

/// So many frames, a thousandth of what the benches send.
const FRAMES: usize = 1000;

/// How often a process has gone to sleep, and the processor time that it has had, in ns: neither is too
/// coarse to show that it did anything at all.
fn doings(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    let schedule = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    let time = schedule.split(' ').next().unwrap();
    (line.unwrap().trim().parse().unwrap(), time.parse().unwrap())
}

#[test]
fn a_frame_costs_a_supervisor_nothing() {
    let world = World::new();
    let switch = RealSwitch::start(Options::default());
    let vm = Vm::ours(&world, &[], &vde(&switch));
    vm.wait_until_up();
    let wire = Wire::into(&switch, 1);
    // Every frame goes there and back before the next is sent.
    let patience = std::time::Duration::from_secs(20);
    vm.wire.set_read_timeout(Some(patience)).unwrap();
    let pass = || {
        let mut buffer = [0; 2000];
        wire.send(&wire.frame("there"));
        let length = vm.wire.recv(&mut buffer).unwrap();
        buffer[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
        vm.wire.send(&buffer[..length]).unwrap();
        wire.receive(patience).expect("an answer");
    };
    pass();
    let before = doings(vm.pid());
    (0..FRAMES).for_each(|_| pass());
    assert_eq!(doings(vm.pid()), before, "{FRAMES} frames each way");
    assert!(vm.end().success());
}

#[test]
fn a_switch_with_256_ports_and_10000_addresses_takes_less_than_10_mb() {
    const PORTS: usize = 256;
    const ADDRESSES: u16 = 10_000;
    const MOST: u64 = 10_000;
    let world = World::new();
    let dir = world.path("switch");
    let mut command = world.command(rig::release_vdeq());
    command.args([&format!("--switch={}", dir.display()), "--ports", &PORTS.to_string()]);
    let run = start(command.stdin(Stdio::null()));
    wait::until_true("the switch", || UnixStream::connect(dir.join("ctl")).is_ok());
    let wires: Vec<_> = (0..PORTS).map(|_| Wire::into_dir(&dir, 1)).collect();

    // From every port, with other sources in turn, to one that is known: so each frame tells the switch an
    // address, and goes nowhere else.
    let patience = std::time::Duration::from_secs(20);
    let (known, others) = wires.split_first().unwrap();
    let mut frame = known.frame("here");
    known.send(&frame);
    frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    for (number, wire) in (0..ADDRESSES).zip(others.iter().cycle()) {
        frame[6..10].copy_from_slice(&[2, 0, 0, 1]);
        frame[10..12].copy_from_slice(&number.to_be_bytes());
        wire.send(&frame);
        known.receive(patience).expect("a frame to a known address");
    }
    // Every one of them is known: nobody else gets what is for it.
    others.iter().for_each(|wire| drop(wire.receive_any(std::time::Duration::from_millis(1))));
    for (number, wire) in (0..ADDRESSES).zip(others.iter().cycle()) {
        let mut frame = known.frame("there");
        frame[..4].copy_from_slice(&[2, 0, 0, 1]);
        frame[4..6].copy_from_slice(&number.to_be_bytes());
        known.send(&frame);
        let got = wire.receive(patience).expect("a frame to an address that was learned");
        assert_eq!(got[..6], frame[..6]);
    }
    let memory = resident(run.pid());
    eprintln!("{PORTS} ports, {ADDRESSES} addresses: {memory} kB");
    assert!(memory < MOST, "{memory} kB");
    signal(run.pid(), "TERM");
    let outcome = run.finish();
    assert!(outcome.status.success(), "{outcome:?}");
    assert!(!dir.exists());
}
