//! `vlan=` where QEMU has it, and its translation to hub ports where it is gone.

use vde_args::Dialect::{Socket, TapHub, TapVlan};
use vde_args::{ArgErrorKind, Network, Why};

use crate::support::{joined, network, place, rewrite, run, spelt};

#[test]
fn where_vlans_exist_everything_but_vde_stays_byte_for_byte() {
    let args = "-net nic,vlan=1,,x -net user,vlan=zz -device e1000,vlan=2 -net vde,vlan=1";
    let expected =
        "-net nic,vlan=1,,x -net user,vlan=zz -device e1000,vlan=2 -net tap,fd=10,vlan=1";
    assert!(spelt(TapVlan, args).starts_with(expected));
}

#[test]
fn vlan_0_is_dropped_where_it_is_gone() {
    for (args, expected) in [
        ("-net nic,vlan=0 -net vde,vlan=0", "-net nic -net socket,fd=10"),
        ("-net vlan=0,type=user --net nic,vlan=0,model=x", "-net type=user --net nic,model=x"),
        ("-net none,vlan=3", "-net none"),
    ] {
        assert_eq!(spelt(Socket, args), expected);
    }
}

#[test]
fn a_backend_on_another_vlan_becomes_a_netdev_with_a_hub_port() {
    for (args, expected) in [
        (
            "-net user,vlan=1,hostname=a,,b",
            "-netdev user,id=vdeq0,hostname=a,,b \
             -netdev hubport,id=vdeq1,hubid=1,netdev=vdeq0",
        ),
        (
            "-net vlan=7,type=tap,id=t,script=no",
            "-netdev type=tap,id=t,script=no -netdev hubport,id=vdeq0,hubid=7,netdev=t",
        ),
        ("-net user,vlan=1,name=u", "-netdev user,id=u -netdev hubport,id=vdeq0,hubid=1,netdev=u"),
    ] {
        assert_eq!(spelt(Socket, args), expected);
        assert_eq!(spelt(TapHub, args), expected);
    }
}

#[test]
fn a_nic_on_another_vlan_refers_to_a_hub_port() {
    for (args, expected) in [
        (
            "-net nic,model=e1000,vlan=1,macaddr=x -net user,vlan=1",
            "-netdev hubport,id=vdeq0,hubid=1 -net nic,model=e1000,netdev=vdeq0,macaddr=x \
             -netdev user,id=vdeq1 -netdev hubport,id=vdeq2,hubid=1,netdev=vdeq1",
        ),
        ("-net nic,netdev=n,vlan=1 -net none", "-net nic,netdev=n -net none"),
        (
            "-device e1000,vlan=0,mac=x -net none",
            "-netdev hubport,id=vdeq0,hubid=0 -device e1000,netdev=vdeq0,mac=x -net none",
        ),
    ] {
        assert_eq!(spelt(Socket, args), expected);
    }
}

#[test]
fn a_line_without_vde_is_translated_too_and_it_is_told() {
    let rewritten = rewrite(Socket, "vdeq qemu -net nic,vlan=0 -m 1 -net user,vlan=0");
    assert_eq!(joined(&rewritten.args), "-net nic -m 1 -net user");
    let told: Vec<_> = rewritten.changes.iter().map(|change| (change.index, change.why)).collect();
    assert_eq!(told, [(3, Why::VlanGone), (7, Why::VlanGone)]);
}

#[test]
fn the_last_of_repeated_vlans_counts() {
    let args = "-net nic,vlan=1,vlan=2 -net vde,vlan=1,vlan=2";
    let expected = "-netdev hubport,id=vdeq0,hubid=2 -net nic,netdev=vdeq0 \
                    -netdev socket,id=vdeq1,fd=10 -netdev hubport,id=vdeq2,hubid=2,netdev=vdeq1";
    assert_eq!(spelt(Socket, args), expected);
}

#[test]
fn an_id_of_the_user_is_kept_and_never_clashed_with() {
    let args = "-net nic,vlan=1 -net vde,vlan=1,id=mine -drive id=vdeq0 -name vdeq2";
    let expected = "-netdev hubport,id=vdeq1,hubid=1 -net nic,netdev=vdeq1 \
                    -netdev socket,id=mine,fd=10 -netdev hubport,id=vdeq3,hubid=1,netdev=mine \
                    -drive id=vdeq0 -name vdeq2";
    assert_eq!(spelt(Socket, args), expected);
}

#[test]
fn a_vlan_that_must_be_translated_and_is_no_number_is_pointed_at() {
    for (text, at) in [
        ("vdeq qemu -net user,vlan=zz", "3:10..12 zz"),
        ("vdeqemu -m 1 -net nic,vlan", "4:4..8 vlan"),
        ("vdeqemu -net nic,vlan=2147483648 -net user", "2:9..19 2147483648"),
    ] {
        let network = Network::read(&run(text)).unwrap();
        let fds = crate::support::fds(&network);
        let error = network.rewrite(Socket, &fds).unwrap_err();
        assert!(matches!(error.kind, ArgErrorKind::BadNumber { key: "vlan", .. }), "{text}");
        assert_eq!(place(&error), at, "{text}");
    }
}

#[test]
fn options_that_never_had_a_vlan_are_not_translated() {
    let args = "-nic user,vlan=1 -netdev user,id=a,vlan=1 -drive vlan=1 -name a,vlan=1 \
                -device e1000,netdev=a,vlan=1";
    assert_eq!(spelt(Socket, args), args);
    assert!(network(&format!("vdeq qemu {args}")).plugs().is_empty());
}

#[test]
fn an_empty_item_beside_vlan_swallows_no_other() {
    // `a=1,,b=2` would be one parameter.
    assert_eq!(
        spelt(Socket, "-net nic,a=1,vlan,,vlan=0,b=2 -net vde"),
        "-net nic,a=1,b=2 -net socket,fd=10"
    );
}
