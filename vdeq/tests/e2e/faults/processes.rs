//! What happens to vdeq and to QEMU, and what their network notices of it.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use super::account::Outage;
use super::switches::Pair;
use super::vm::Vm;
use crate::world::{KillProcess, signal, switch, wait_gone, wait_stopped};

/// Long enough for a plug to be made again several times over.
const WHILE: Duration = Duration::from_secs(1);

#[test]
fn without_its_vdeq_a_vm_keeps_its_network_as_long_as_the_switch_lives() {
    let mut pair = Pair::new(switch());
    let qemus = pair.vms.each_ref().map(Vm::qemu);
    let _guards = qemus.map(KillProcess);
    let killed = Instant::now();
    pair.vms.iter().for_each(|vm| signal(vm.pid(), "KILL"));
    pair.line.wait_for_traffic(killed + WHILE);
    assert_eq!(pair.switch.busy_ports().len(), 2);

    let begin = Instant::now();
    pair.switch.restart_same_dir();
    let back = Instant::now();
    std::thread::sleep(WHILE);
    assert_eq!((pair.line.traffic(back), pair.switch.busy_ports().len()), (None, 0));
    let end = Instant::now();
    let account = pair.line.finish(&[pair.outages.as_slice(), &[Outage { begin, end }]].concat());
    account.assert_clean();
    eprintln!("kill -9 of vdeq: {account}");
    // They run on, and can be told to end.
    assert!(pair.vms.iter().all(|vm| vm.answers_within(Duration::from_secs(20))));
    qemus.iter().for_each(|qemu| signal(*qemu, "TERM"));
    for (vm, qemu) in pair.vms.iter().zip(qemus) {
        wait_gone(qemu);
        pair.world.assert_nothing_left_of(vm.pid(), &[pair.switch.dir()]);
    }
}

#[test]
fn a_vm_whose_vdeq_was_killed_gives_its_port_back_when_it_ends() {
    let pair = Pair::new(switch());
    let qemus = pair.vms.each_ref().map(Vm::qemu);
    pair.vms.iter().for_each(|vm| signal(vm.pid(), "KILL"));
    qemus.iter().for_each(|qemu| signal(*qemu, "KILL"));
    pair.switch.wait_for_ports("every port is given back", <[_]>::is_empty);
    for vm in &pair.vms {
        pair.world.assert_nothing_left_of(vm.pid(), &[pair.switch.dir()]);
    }
}

#[test]
fn a_vdeq_that_stands_still_while_the_switch_is_started_again_makes_up_for_it() {
    let mut pair = Pair::new(switch());
    let vdeqs = pair.vms.each_ref().map(Vm::pid);
    let time = pair.outage(|switch| {
        vdeqs.iter().for_each(|vdeq| signal(*vdeq, "STOP"));
        vdeqs.iter().for_each(|vdeq| wait_stopped(*vdeq));
        switch.restart_same_dir();
        assert_eq!(switch.busy_ports(), []);
        vdeqs.iter().for_each(|vdeq| signal(*vdeq, "CONT"));
    });
    // Nobody is needed as long as nothing happens.
    pair.line.wait_for_traffic(Instant::now() + Duration::from_millis(200));
    vdeqs.iter().for_each(|vdeq| signal(*vdeq, "STOP"));
    pair.line.wait_for_traffic(Instant::now() + WHILE / 2);
    vdeqs.iter().for_each(|vdeq| signal(*vdeq, "CONT"));
    let account = pair.finish();
    eprintln!("SIGSTOP of vdeq, restart of the switch: {time:.0?} after SIGCONT; {account}");
}

#[test]
fn a_qemu_that_stands_still_goes_on_with_its_network() {
    let mut pair = Pair::new(switch());
    let qemu = pair.vms[1].qemu();
    let time = pair.outage(|_| {
        signal(qemu, "STOP");
        wait_stopped(qemu);
        std::thread::sleep(WHILE / 2);
        signal(qemu, "CONT");
    });
    assert!(!pair.vms[1].said().contains("is lost"));
    let account = pair.finish();
    eprintln!("SIGSTOP, SIGCONT of QEMU: {time:.0?} after SIGCONT; {account}");
}

#[test]
fn a_qemu_that_stands_still_while_the_switch_is_started_again_is_not_needed_for_that() {
    let mut pair = Pair::new(switch());
    let qemu = pair.vms[1].qemu();
    pair.outage(|switch| {
        signal(qemu, "STOP");
        wait_stopped(qemu);
        switch.restart_same_dir();
        switch.wait_for_ports("both to be plugged in", |ports| ports.len() == 2);
        signal(qemu, "CONT");
    });
    pair.finish();
}

#[test]
fn a_qemu_that_is_killed_gives_its_port_back_and_vdeq_dies_the_same_way() {
    let Pair { world, switch, mut vms, line, .. } = Pair::new(switch());
    signal(vms[0].qemu(), "KILL");
    assert_eq!(vms[0].wait_for_end().signal(), Some(9), "{}", vms[0].said());
    switch.wait_for_ports("its port is given back", |ports| ports.len() == 1);
    world.assert_nothing_left_of(vms[0].pid(), &[switch.dir()]);
    drop(line);
    let [_, other] = vms;
    assert!(other.end().success());
}
