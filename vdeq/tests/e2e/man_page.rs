//! The commands of the man page, as they are written there, between guests that ping each other.

use vde_exec::testkit::real_switch::RealSwitch;

use crate::guest::{Guest, Settings};
use crate::wire::Wire;
use crate::world::{World, switch, vde};

/// By default every VM has the same hardware addresses, so the guests change theirs.
const A: Settings<'static> = Settings {
    ip: "10.0.0.1/24,10.0.1.1/24",
    mac: "52:54:00:e2:00:0a,52:54:00:e2:01:0a",
    ping: "10.0.0.2,10.0.1.2",
};
const B: Settings<'static> = Settings {
    ip: "10.0.0.2/24,10.0.1.2/24",
    mac: "52:54:00:e2:00:0b,52:54:00:e2:01:0b",
    ping: "10.0.0.1,10.0.1.1",
};

/// The example's network options, with the second switch where this test has it.
fn example(second: &RealSwitch, port: u32) -> Vec<String> {
    let sock = second.dir().display();
    ["-net", "nic,vlan=0", "-net", "nic,vlan=1", "-net", "vde,vlan=0", "-net"]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("vde,vlan=1,sock={sock},port={port}")])
        .collect()
}

/// The port that a process of vdeq has in a switch, from its description.
fn port_of(switch: &RealSwitch, guest: &Guest) -> Option<u32> {
    let word = format!("pid={} ", guest.pid());
    let ports = switch.busy_ports();
    let mut ours = ports.iter().filter(|port| {
        port.endpoints.iter().any(|endpoint| format!("{} ", endpoint.description).contains(&word))
    });
    let port = ours.next().map(|port| port.number);
    assert_eq!(ours.count(), 0, "one plug a switch: {ports:#?}");
    port
}

#[test]
fn the_two_switch_example_joins_both_networks() {
    let (world, first, second) = (World::new(), switch(), switch());
    world.set_default_switch(first.dir());
    let vdeq = |port| {
        let mut command = world.vdeq();
        command.arg("qemu-system-x86_64").args(example(&second, port));
        command
    };
    let mut a = Guest::boot("a", &mut vdeq(10), A);
    let mut b = Guest::boot("b", &mut vdeq(11), B);
    for (guest, peers) in [(&mut a, ["10.0.0.2", "10.0.1.2"]), (&mut b, ["10.0.0.1", "10.0.1.1"])] {
        guest.expect("VDEQ-GUEST nics 2");
        for peer in peers {
            guest.expect(&format!("VDEQ-GUEST ping OK peer={peer}"));
        }
    }
    assert_eq!((port_of(&second, &a), port_of(&second, &b)), (Some(10), Some(11)));
    assert!(port_of(&first, &a).is_some() && port_of(&first, &b).is_some());
    for port in first.busy_ports().iter().chain(&second.busy_ports()) {
        assert!(port.packets_in.unwrap() > 0 && port.packets_out.unwrap() > 0, "{port:?}");
    }
    for guest in [a, b] {
        let pid = guest.pid();
        let (status, said) = guest.power_off();
        assert!(status.success(), "{status}\n{said}");
        world.assert_no_socket_of(pid, &[first.dir(), second.dir()]);
    }
    for switch in [first, second] {
        switch.wait_for_ports("the ports are given back", <[_]>::is_empty);
    }
}

#[test]
fn a_link_named_vde_and_the_qemu_runs_that_qemu() {
    let (world, first, second) = (World::new(), switch(), switch());
    world.set_default_switch(first.dir());
    let link = world.link("vdeqemu-system-x86_64");
    let mut a = Guest::boot("a", world.command(&link).args(example(&second, 10)), A);
    let mut b = Guest::boot("b", world.command(&link).args(example(&second, 11)), B);
    for guest in [&mut a, &mut b] {
        guest.expect("VDEQ-GUEST done");
    }
    assert_eq!((port_of(&second, &a), port_of(&second, &b)), (Some(10), Some(11)));
    assert!(port_of(&first, &a).is_some() && port_of(&first, &b).is_some());
}

#[test]
fn the_old_sock_list_joins_one_nic_to_every_switch() {
    let (world, first, second) = (World::new(), switch(), switch());
    let wire = Wire::into(&first, 1);
    let list = format!("{},{}", first.dir().display(), second.dir().display());
    let settings = |me, peer| Settings { ip: me, ping: peer, ..Settings::default() };

    let mut old = world.vdeq();
    old.args(["qemu-system-x86_64", "-sock", &list]);
    let mut a = Guest::boot("a", &mut old, settings("10.0.0.1/24", "10.0.0.2"));
    let mut new = world.vdeq();
    new.args(["qemu-system-x86_64", "-nic"]);
    new.arg(format!("{},model=virtio-net-pci,mac=52:54:00:e2:00:0b", vde(&second)));
    let mut b = Guest::boot("b", &mut new, settings("10.0.0.2/24", "10.0.0.1"));

    a.expect("VDEQ-GUEST nics 1");
    a.expect("VDEQ-GUEST ping OK peer=10.0.0.2");
    b.expect("VDEQ-GUEST ping OK peer=10.0.0.1");
    assert!(port_of(&first, &a).is_some() && port_of(&second, &a).is_some());
    // Both switches are one network now, with a's hub between them: what the wire sends into the
    // first arrives in the second.
    let far = Wire::into(&second, 2);
    wire.wait_for_way_to(&far);
    let frame = wire.frame("from one switch to the other");
    wire.send(&frame);
    assert_eq!(far.receive(std::time::Duration::from_secs(20)), Some(frame));
}
