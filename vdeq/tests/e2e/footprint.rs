//! The memory of a supervisor, in the build that is installed, and its part in frames: none.

use std::fs;
use std::process::Stdio;

use vde_exec::testkit::fake_qemu::{self, Report};
use vde_exec::testkit::real_switch::{Options, RealSwitch};

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
