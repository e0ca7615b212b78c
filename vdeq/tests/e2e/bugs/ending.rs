//! Traps at the end: exit statuses, signals, daemons.

use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};

use vde_exec::testkit::wait;

use super::place::{Place, STATUS};
use crate::debian::processes_of;
use crate::wire::Wire;
use crate::world::{KillProcess, signal, sockets_in, wait_gone};

/// Runs `look` while frames for everybody pour into the place's switch.
fn under_traffic<T>(place: &Place, look: impl FnOnce() -> T) -> T {
    let wire = Wire::into(&place.switch, 7);
    let frame = wire.frame("noise");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                wire.send(&frame);
            }
        });
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(look));
        stop.store(true, Ordering::Relaxed);
        seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn v5_the_exit_status_is_kept_under_traffic() {
    let status = |place: &Place| {
        place.vm(&["qemu", "-net", &place.net()], "echo run=42").end().status.code()
    };
    let theirs = Place::theirs();
    let lost = under_traffic(&theirs, || (0..200).find(|_| status(&theirs) == Some(0)));
    assert!(lost.is_some(), "it was kept 200 times");

    let ours = Place::ours();
    under_traffic(&ours, || {
        for run in 0..20 {
            assert_eq!(status(&ours), Some(STATUS), "run {run}");
        }
    });
}

#[test]
fn v6_a_vm_that_is_killed_makes_vdeq_die_by_the_same_signal() {
    let status = |place: &Place| {
        let vm = place.vm(&["qemu", "-net", &place.net()], "run=42");
        signal(vm.pid(), "KILL");
        vm.running.finish().status
    };
    assert_eq!(status(&Place::theirs()).code(), Some(255));
    assert_eq!(status(&Place::ours()).signal(), Some(9));
}

#[test]
fn v8_a_signal_to_vdeq_reaches_the_vm() {
    let after = |place: &Place, name: &str| {
        let mut vm = place.vm(&["qemu", "-net", &place.net()], "run=42");
        signal(vm.running.pid(), name);
        (vm.wait_for_vdeq(), vm)
    };
    let (theirs, ours) = (Place::theirs(), Place::ours());
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let (status, vm) = after(&theirs, name);
        let expected = if name == "TERM" { (Some(0), None) } else { (None, Some(number)) };
        assert_eq!((status.code(), status.signal()), expected, "{name}");
        assert!(vm.is_alive() && vm.report().signals.is_empty(), "{name}: it knows of nothing");
        theirs.switch.wait_for_ports("its network is gone", <[_]>::is_empty);

        let (status, vm) = after(&ours, name);
        assert_eq!(status.code(), Some(STATUS), "{name}");
        assert_eq!(vm.report().signals, [format!("SIG{name}")]);
        ours.world.assert_nothing_left(vm.running.pid(), &ours.switch);
    }
}

#[test]
fn v19_nothing_outlives_a_daemonized_vm() {
    // The VM, after the prompt has come back. Dropped, it kills what is left of vdeq's group.
    let daemon = |place: &Place| {
        // Theirs does not see the word if the program is called qemu.
        let words = ["kvm", "-daemonize", "-net", &place.net()];
        let mut vm = place.ended(&words, "daemonize run=42");
        assert!(vm.wait_for_vdeq().success());
        vm.wait_running();
        place.switch.wait_for_ports("the VM's port", |ports| ports.len() == 1);
        (KillProcess(vm.pid()), vm)
    };
    let theirs = Place::theirs();
    let (vm, _group) = daemon(&theirs);
    let vdeqs: Vec<_> = processes_of(&theirs.program()).into_iter().map(KillProcess).collect();
    signal(vm.0, "TERM");
    wait_gone(vm.0);
    assert_eq!(vdeqs.len(), 1);
    assert_eq!(theirs.switch.busy_ports().len(), 1, "it does not know that the VM is no more");
    assert_eq!(processes_of(&theirs.program()), [vdeqs[0].0]);
    let wire = Wire::into(&theirs.switch, 7);
    wait::until_true("it to notice by a frame", || {
        wire.send(&wire.frame("anybody?"));
        processes_of(&theirs.program()).is_empty()
    });

    let ours = Place::ours();
    let (vm, _group) = daemon(&ours);
    signal(vm.0, "TERM");
    wait_gone(vm.0);
    ours.switch.wait_for_ports("the port is given back", <[_]>::is_empty);
    wait::until_true("vdeq to be gone", || processes_of(&ours.program()).is_empty());
    assert_eq!(sockets_in(ours.switch.dir()), [ours.switch.ctl()]);
}

/// The C vdeq loses the signal of a VM that ends between its look for that and its sleep; that is
/// seen now and then, and cannot be had on demand.
#[test]
fn v31_a_vm_that_ends_at_once_is_never_waited_for_in_vain() {
    let place = Place::ours();
    for run in 0..50 {
        let outcome = place.finish(&["qemu", "-net", &place.net()], "exit=42");
        assert_eq!(outcome.status.code(), Some(STATUS), "run {run}");
    }
}
