//! Traps of the library's other networks and of `vde_plug`. vdeq speaks to switches only, so what is
//! shown of ours is that it refuses the name, and has the property that the other lacks.

use std::fs;
use std::io::Write;
use std::net::UdpSocket;

use vde_exec::testkit::wait;

use super::place::{A_WHILE, PATIENCE, Place, STATUS, stays, vde_plug};
use crate::debian::is_asleep;
use crate::wire::Wire;
use crate::world::{World, signal, switch, wait_gone};

/// How often a process has gone to sleep by itself.
fn sleeps(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn l12_frames_need_no_luck_with_the_pieces_of_a_stream() {
    let (world, switch) = (World::new(), switch());
    let wire = Wire::into(&switch, 7);
    let mut plug = vde_plug(&world, switch.dir().to_str().unwrap());
    let mut stdin = plug.child.stdin.take().unwrap();
    let on_stream = |text: &str| [&[0, 60][..], &wire.frame(text)].concat();
    stdin.write_all(&on_stream("in one piece")).unwrap();
    assert_eq!(wire.receive(PATIENCE), Some(wire.frame("in one piece")));

    // The first byte of a length arrives alone, and the stream is read to there.
    let (first, rest) = (on_stream("in two pieces"), on_stream("behind it"));
    wait::until_true("it to wait for more", || is_asleep(plug.pid()));
    let before = sleeps(plug.pid());
    stdin.write_all(&first[..1]).unwrap();
    wait::until_true("it to read that", || sleeps(plug.pid()) > before && is_asleep(plug.pid()));
    stdin.write_all(&[&first[1..], &rest].concat()).unwrap();
    let arrived = wire.receive(A_WHILE);
    assert_ne!(arrived, Some(wire.frame("in two pieces")));

    // With ours a frame is a datagram, from the switch to the VM.
    let place = Place::ours();
    let wire = Wire::into(&place.switch, 7);
    let vm = place.vm(&["qemu", "-net", &place.net()], "hear run=42");
    let lengths: Vec<_> = (0..20).map(|number| 60 + 70 * number).collect();
    for length in &lengths {
        wire.send(&wire.frame(&"x".repeat(length - 14)));
    }
    wait::until_true("all of them, whole and in order", || vm.report().frames == lengths);
    assert_eq!(vm.end().status.code(), Some(STATUS));
}

#[test]
fn l13_what_does_not_end_by_itself_is_told_to() {
    let world = World::new();
    let mut plug = vde_plug(&world, "cmd://sleep 300");
    wait::until_true("it to be plugged in", || is_asleep(plug.pid()));
    drop(plug.child.stdin.take());
    assert!(stays(|| plug.child.try_wait().unwrap().is_none()), "it sent a signal at last");
    signal(plug.pid(), "TERM");

    let place = Place::ours();
    place.refuses(&["qemu", "-net", "vde,sock=cmd://sleep 300"], &["cmd", "^"]);
    let mut vm = place.start(&mut place.command(&["qemu", "-net", &place.net()], "sleep"));
    let pid = vm.pid();
    signal(vm.running.pid(), "TERM");
    vm.wait_for_vdeq();
    wait_gone(pid);
}

#[test]
fn l14_nothing_that_is_asked_for_is_ignored() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let locator = format!("vxlan://239.0.0.1/v6/port={port}");
    let mut plug = vde_plug(&World::new(), &locator);
    let number = format!(":{port:04X} ");
    wait::until_true("a socket of IPv4, though IPv6 was asked for", || {
        let ended = plug.child.try_wait().unwrap();
        assert_eq!(ended, None, "it needs a network with multicast");
        fs::read_to_string("/proc/net/udp").unwrap().contains(&number)
    });

    let place = Place::ours();
    place.refuses(&["qemu", "-net", &format!("vde,sock={locator}")], &["vxlan", "^"]);
    let net = format!("{}[v6]", place.net());
    place.refuses(&["qemu", "-net", &net], &["v6", "^"]);
}

/// The library of version 2 cut the caller's string at the bracket, and is in no Debian of today; the
/// C vdeq does the like to its own command line.
#[test]
fn l15_the_command_line_is_not_written_to() {
    let shown = |place: &Place| {
        let net = format!("{},port=3", place.net());
        let vm = place.vm(&["qemu", "-net", &net], "run=42");
        let line = fs::read(format!("/proc/{}/cmdline", vm.running.pid())).unwrap();
        let is_whole = line.ends_with(format!("\0qemu\0-net\0{net}\0").as_bytes());
        vm.end();
        is_whole
    };
    assert!(!shown(&Place::theirs()));
    assert!(shown(&Place::ours()));
}

#[test]
fn l16_a_switch_that_goes_is_no_success() {
    let (world, mut dying) = (World::new(), switch());
    let mut plug = vde_plug(&world, dying.dir().to_str().unwrap());
    dying.wait_for_ports("the plug", |ports| ports.len() == 1);
    wait::until_true("it to wait for frames", || is_asleep(plug.pid()));
    dying.kill();
    let status = wait::until("vde_plug to end", || plug.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));

    // Ours is not through when the switch is: how the VM ends is how it ends.
    let mut place = Place::ours();
    let vm = place.vm(&["qemu", "-net", &place.net()], "run=42");
    place.switch.kill();
    assert_eq!(vm.end().status.code(), Some(STATUS));
}
