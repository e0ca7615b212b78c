//! The same command line on QEMUs of six years: two switches joined by the hub of a VM without any
//! guest.

use std::process::Stdio;
use std::time::Duration;

use vde_exec::testkit::real_switch::RealSwitch;

use crate::rig;
use crate::wire::Wire;
use crate::world::{Running, World, start, switch};

const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a QEMU that is nothing but hubs between networks: a switch and its vlan each.
fn start_hub(world: &World, qemu: &str, networks: &[(&RealSwitch, &str)]) -> Running {
    let mut command = world.vdeq();
    command.arg("-v").arg(rig::qemu(qemu));
    command.args(["-M", "none", "-display", "none", "-monitor", "none", "-serial", "none"]);
    for (switch, vlan) in networks {
        command.args(["-net", &format!("vde{vlan},sock={}", switch.dir().display())]);
    }
    start(command.stdin(Stdio::null()))
}

/// Frames of several sizes go through in both directions, whole and in order.
fn frames_pass(qemu: &str, vlan: &str) {
    let (world, left, right) = (World::new(), switch(), switch());
    let (near, far) = (Wire::into(&left, 1), Wire::into(&right, 2));
    let hub = start_hub(&world, qemu, &[(&left, vlan), (&right, vlan)]);
    for (from, to) in [(&near, &far), (&far, &near)] {
        from.wait_for_way_to(to);
        let frames: Vec<_> = [0, 100, 1486]
            .map(|length| from.frame(&"x".repeat(length)))
            .into_iter()
            .chain((0..20).map(|number| from.frame(&format!("frame {number}"))))
            .collect();
        for (number, frame) in frames.iter().enumerate() {
            from.send(frame);
            let Some(received) = to.receive(PATIENCE) else {
                panic!("{qemu}: frame {number} did not arrive; {}", hub.autopsy());
            };
            assert_eq!(received, *frame, "{qemu}: frame {number}");
        }
    }
    for switch in [&left, &right] {
        assert_eq!(switch.busy_ports().len(), 2, "{qemu}: the wire and the hub");
    }
    drop(hub);
    for switch in [&left, &right] {
        switch.wait_for_ports("the hub's port is given back", |ports| ports.len() == 1);
    }
}

#[test]
fn two_networks_share_a_hub_on_every_qemu() {
    for qemu in rig::QEMUS {
        frames_pass(qemu, "");
    }
}

#[test]
fn a_vlan_other_than_the_first_is_a_hub_of_its_own_on_every_qemu() {
    for qemu in rig::QEMUS {
        frames_pass(qemu, ",vlan=1");
    }
}

#[test]
fn different_vlans_are_not_joined() {
    for qemu in rig::QEMUS {
        let (world, left, right) = (World::new(), switch(), switch());
        let (near, far) = (Wire::into(&left, 1), Wire::into(&right, 2));
        // A third network shows when the hub works; the second must stay out of it.
        let open = switch();
        let other = Wire::into(&open, 3);
        let networks = [(&left, ",vlan=0"), (&right, ",vlan=1"), (&open, ",vlan=0")];
        let _hub = start_hub(&world, qemu, &networks);
        near.wait_for_way_to(&other);
        assert_eq!(far.receive(Duration::from_millis(200)), None, "{qemu}");
    }
}
