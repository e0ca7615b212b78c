//! Traps while the VM runs: frames, and switches that come and go.

use std::net::UdpSocket;
use std::path::Path;

use vde_exec::testkit::wait;

use super::place::{A_WHILE, PATIENCE, Place, STATUS, Vm, state, ticks, vde_plug};
use crate::wire::Wire;
use crate::world::{signal, switch, vde};

/// Whether a VM keeps its vdeq, and its exit status, when the switch loses its port by `lose` and it
/// sends frames after that.
#[track_caller]
fn keeps_its_vdeq(mut place: Place, lose: impl Fn(&mut Place)) -> bool {
    let mut vm = place.vm(&["qemu", "-net", &place.net()], "line send=3 run=42");
    lose(&mut place);
    vm.line();
    vm.wait_running();
    if !place.is_theirs {
        assert!(vm.vdeq_is_alive());
        assert_eq!(vm.end().status.code(), Some(STATUS));
        return true;
    }
    assert_eq!(vm.wait_for_vdeq().code(), Some(1));
    assert!(vm.is_alive(), "nobody is beside it");
    let outcome = vm.running.finish();
    assert!(outcome.stderr.contains("sendto: "), "{outcome:?}");
    false
}

#[test]
fn v7_a_vm_keeps_its_vdeq_when_the_switch_dies() {
    let lose = |place: &mut Place| place.switch.kill();
    assert!(!keeps_its_vdeq(Place::theirs(), lose));
    assert!(keeps_its_vdeq(Place::ours(), lose));
}

#[test]
fn v7_a_vm_keeps_its_vdeq_when_the_administrator_closes_its_port() {
    let lose = |place: &mut Place| {
        let id = place.switch.busy_ports()[0].endpoints[0].id;
        let _ = place.switch.console(&format!("port/epclose 1 {id}"));
    };
    assert!(!keeps_its_vdeq(Place::theirs(), lose));
    assert!(keeps_its_vdeq(Place::ours(), lose));
}

#[test]
fn v9_a_vm_that_was_stopped_has_its_network_when_it_goes_on() {
    let echoes = |place: &Place, patience| {
        let wire = Wire::into(&place.switch, 7);
        let vm = place.vm(&["qemu", "-net", &place.net()], "echo run=42");
        let echo = |patience| {
            wire.send(&wire.frame("hello"));
            wire.receive(patience).is_some()
        };
        assert!(echo(PATIENCE), "before it is stopped");
        let pid = vm.pid();
        signal(pid, "STOP");
        wait::until_true("the VM to stop", || state(pid) == Some('T'));
        signal(pid, "CONT");
        wait::until_true("the VM to go on", || state(pid) != Some('T'));
        let echoes = echo(patience);
        let outcome = vm.end();
        assert!(place.is_theirs || outcome.status.code() == Some(STATUS), "{outcome:?}");
        echoes
    };
    assert!(!echoes(&Place::theirs(), A_WHILE), "it waits for the end of a VM that only stopped");
    assert!(echoes(&Place::ours(), PATIENCE));
}

#[test]
fn v10_an_empty_datagram_of_the_vm_ends_nothing() {
    let place = Place::theirs();
    let mut vm = place.ended(&["qemu", "-net", &place.net()], "empty run=42");
    vm.wait_running();
    assert!(vm.wait_for_vdeq().success() && vm.is_alive());

    let place = Place::ours();
    let mut vm = place.vm(&["qemu", "-net", &place.net()], "empty run=42");
    assert!(vm.vdeq_is_alive());
    assert_eq!(vm.end().status.code(), Some(STATUS));
}

#[test]
fn v11_vdeq_does_not_spin_when_its_network_ends() {
    let mut ours = Place::ours();
    let our_vm = ours.vm(&["qemu", "-net", &ours.net()], "run=42");
    ours.switch.kill();
    let words = ["qemu", "-net", "vde,sock=cmd:///bin/true"];
    let theirs = Place::theirs();
    let mut command = theirs.command(&words, "run=42");
    let their_vm = theirs.start(&mut command);
    wait::until_true("a third of a second of it", || ticks(their_vm.running.pid()) > 33);
    assert!(ticks(our_vm.running.pid()) < 5, "{}", ticks(our_vm.running.pid()));
    assert_eq!(our_vm.end().status.code(), Some(STATUS));

    Place::ours().refuses(&words, &["cmd", "^"]);
}

/// A VM that tells what it hears, on a switch inside another process: the C vdeq's own, or one of
/// `vde_plug` with ours, which makes none.
fn on_a_node(look: impl Fn(&Vm, &Path)) {
    let place = Place::theirs();
    let node = place.world.path("node");
    let net = format!("vde,sock=switch://{}", node.display());
    look(&place.vm(&["qemu", "-net", &net], "hear run=42"), &node);

    let place = Place::ours();
    place.refuses(&["qemu", "-net", &net], &["switch", "^"]);
    let node = place.world.path("node");
    let _node = vde_plug(&place.world, &format!("switch://{}", node.display()));
    wait::until_true("the node", || node.join("ctl").exists());
    let net = format!("vde,sock={}", node.display());
    look(&place.vm(&["qemu", "-net", &net], "hear run=42"), &node);
}

#[test]
fn v12_what_is_no_frame_does_not_reach_the_vm() {
    let heard = std::cell::RefCell::new(Vec::new());
    on_a_node(|vm, node| {
        for number in [7, 8] {
            let wire = Wire::into_dir(node, number);
            wait::until_true("a frame from the wire", || {
                wire.send(&wire.frame("hello"));
                vm.report().frames.iter().filter(|length| **length == 60).count() > 2
            });
        }
        heard.borrow_mut().push(vm.report().frames);
    });
    let [theirs, ours] = &heard.into_inner()[..] else { panic!("two of them") };
    assert!(theirs.contains(&1), "{theirs:?}");
    assert!(ours.iter().all(|length| *length == 60), "{ours:?}");
}

#[test]
fn v13_a_frame_of_9000_bytes_arrives_whole() {
    let heard = std::cell::RefCell::new(Vec::new());
    on_a_node(|vm, node| {
        let wire = Wire::into_dir(node, 7);
        let frame = wire.frame(&"x".repeat(9000 - 14));
        let length = wait::until("the frame", || {
            wire.send(&frame);
            vm.report().frames.into_iter().find(|length| *length > 1000)
        });
        heard.borrow_mut().push(length);
    });
    assert_eq!(heard.into_inner(), [2048, 9000]);
}

#[test]
fn v14_a_nic_that_is_not_read_delays_no_other() {
    let arrives = |place: &Place, patience| {
        let other = switch();
        let (flood, wire) = (Wire::into(&place.switch, 7), Wire::into(&other, 8));
        let other = format!("{},vlan=1", vde(&other));
        let words = ["qemu", "-net", &place.net(), "-net", &other];
        let mut vm = place.vm(&words, "line send=1 run=42");
        // Ten times what fits between the switch and a VM that reads nothing.
        for _ in 0..1000 {
            flood.send(&flood.frame(&"x".repeat(1486)));
        }
        vm.line();
        vm.wait_running();
        let arrives = wire.receive(patience).is_some();
        drop(vm);
        arrives
    };
    assert!(!arrives(&Place::theirs(), A_WHILE));
    assert!(arrives(&Place::ours(), PATIENCE));
}

#[test]
fn v15_an_error_that_passes_ends_nothing() {
    let [here, there] = [0; 2].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
    let net = format!("vde,sock=udp://{}->127.0.0.1:{}", port(&here), port(&there));
    drop((here, there));
    let place = Place::theirs();
    let mut vm = place.ended(&["qemu", "-net", &net], "send=3 run=42");
    vm.wait_running();
    assert!(vm.wait_for_vdeq().code() == Some(1) && vm.is_alive());
    let outcome = vm.running.finish();
    assert!(outcome.stderr.contains("Connection refused"), "{outcome:?}");

    // Ours speaks to switches only; what passes there is a switch that is started again.
    let mut place = Place::ours();
    place.refuses(&["qemu", "-net", &net], &["udp", "^"]);
    let mut vm = place.vm(&["qemu", "-net", &place.net()], "line send=3 run=42");
    place.switch.kill();
    vm.line();
    vm.wait_running();
    place.switch.restart_same_dir();
    assert!(vm.is_alive() && vm.vdeq_is_alive());
    assert_eq!(vm.end().status.code(), Some(STATUS));
}
