//! Every command line of the manual page vdeq(1), on a QEMU of its time and on one of today.

use crate::support::{SOCKET, TAP_VLAN, TUN_FD, VERSIONS, joined, rewrite, run, switches};

fn both(text: &str, then: &str, now: &str) {
    assert_eq!(joined(&rewrite(TAP_VLAN, text).args), then, "{text}");
    assert_eq!(joined(&rewrite(SOCKET, text).args), now, "{text}");
}

#[test]
fn a_command_without_a_network_joins_the_standard_switch() {
    for text in [
        "vdeq qemu -b c -hda=sampledisk",
        "vdeq kvm -b c -hda=sampledisk",
        "vdeqemu -b c -hda=sampledisk",
        "vdekvm -b c -hda=sampledisk",
    ] {
        assert_eq!(switches(text), ["-"]);
        // `-hda=sampledisk` is no option of any QEMU and might take an argument, for all we know.
        let then = "-b c -net nic -net tap,fd=10 -hda=sampledisk";
        both(text, then, "-b c -nic socket,fd=10 -hda=sampledisk");
    }
}

#[test]
fn two_vlans_are_two_interfaces_on_two_switches() {
    let networks = "-net nic,vlan=0 -net nic,vlan=1 -net vde,vlan=0 \
                    -net vde,vlan=1,sock=/tmp/my.ctl,port=10";
    for name in ["vde qemu", "vdeqemu", "vde kvm", "vdekvm"] {
        let text = format!("{name} {networks}");
        assert_eq!(switches(&text), ["-", "/tmp/my.ctl"]);
        let network = crate::support::network(&text);
        assert_eq!(network.plugs()[1].port, Some(10));
        both(
            &text,
            "-net nic,vlan=0 -net nic,vlan=1 -net tap,fd=10,vlan=0 -net tap,fd=11,vlan=1",
            "-net nic,netdev=vdeq0 -net nic,netdev=vdeq1 \
             -netdev socket,id=vdeq0,fd=10 -netdev socket,id=vdeq1,fd=11",
        );
    }
}

#[test]
fn the_old_syntax_joins_one_interface_to_all_switches() {
    for name in ["vdeq qemu", "vdeqemu"] {
        let text = format!("{name} -sock /tmp/vde.ctl,/tmp/my.ctl -b c");
        assert_eq!(switches(&text), ["/tmp/vde.ctl", "/tmp/my.ctl"]);
        both(
            &text,
            "-b c -net tap,fd=10 -net tap,fd=11 -net nic",
            "-b c -net socket,fd=10 -net socket,fd=11 -net nic",
        );
    }
}

#[test]
fn the_mode_is_for_every_plug_and_not_for_qemu() {
    for text in [
        "vdeq qemu --mod 660 -net nic -net vde,sock=/a -net vde,sock=/b",
        "vdekvm --mod 660 -net nic -net vde,sock=/a -net vde,sock=/b",
        "vdeq qemu --mod 660 -sock /a,/b -b c",
    ] {
        assert_eq!(run(text).options.mode, Some(0o660));
        for version in VERSIONS {
            assert!(!joined(&rewrite(version, text).args).contains("660"));
        }
    }
}

#[test]
fn vdeoq_gives_each_switch_an_interface_on_the_qemu_of_2005() {
    for name in ["vdeoq qemu", "vdeoqemu"] {
        let text = format!("{name} -sock /a,/b -hda disk");
        let args = rewrite(TUN_FD, &text).args;
        assert_eq!(joined(&args), "-hda disk -tun-fd 10 -tun-fd 11 -nics 2");
    }
}
