//! The memory of a supervisor, in the build that is installed.

use std::fs;
use std::process::Stdio;

use vde_exec::testkit::fake_qemu::{self, Report};
use vde_exec::testkit::real_switch::{Options, RealSwitch};

use crate::rig;
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
