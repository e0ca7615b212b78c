//! `vlan=` where QEMU has it, and its translation to hub ports where it is gone.

use vde_args::{ArgErrorKind, Network, QemuVersion, Why};

use crate::support::{SOCKET, TAP_HUB, TAP_VLAN, joined, network, place, rewrite, run, spelt};

#[test]
fn where_vlans_exist_everything_but_vde_stays_byte_for_byte() {
    let args = "-net nic,vlan=1,,x -net user,vlan=zz -device e1000,vlan=2 -net vde,vlan=1";
    let expected =
        "-net nic,vlan=1,,x -net user,vlan=zz -device e1000,vlan=2 -net tap,fd=10,vlan=1";
    assert!(spelt(TAP_VLAN, args).starts_with(expected));
}

#[test]
fn vlan_0_is_dropped_where_it_is_gone() {
    for (args, expected) in [
        ("-net nic -net vde,vlan=0", "-net nic -net socket,fd=10"),
        (
            "-net vlan=0,type=user --net nic,vlan=0,m=x -net tap",
            "-net type=user --net nic,m=x -net tap",
        ),
        ("-net none,vlan=3", "-net none"),
    ] {
        assert_eq!(spelt(SOCKET, args), expected);
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
        assert_eq!(spelt(SOCKET, args), expected);
        assert_eq!(spelt(TAP_HUB, args), expected);
    }
}

#[test]
fn a_nic_on_another_vlan_refers_to_a_hub_port() {
    for (args, expected) in [
        (
            "-net nic,model=e1000,vlan=1,macaddr=x -net user,vlan=1 -net tap,vlan=1",
            "-netdev hubport,id=vdeq0,hubid=1 -net nic,model=e1000,netdev=vdeq0,macaddr=x \
             -netdev user,id=vdeq1 -netdev hubport,id=vdeq2,hubid=1,netdev=vdeq1 \
             -netdev tap,id=vdeq3 -netdev hubport,id=vdeq4,hubid=1,netdev=vdeq3",
        ),
        ("-net nic,netdev=n,vlan=1 -net none", "-net nic,netdev=n -net none"),
        (
            "-device e1000,vlan=0,mac=x -net none",
            "-netdev hubport,id=vdeq0,hubid=0 -device e1000,netdev=vdeq0,mac=x -net none",
        ),
    ] {
        assert_eq!(spelt(SOCKET, args), expected);
    }
}

#[test]
fn a_line_without_vde_is_translated_too_and_it_is_told() {
    let rewritten = rewrite(SOCKET, "vdeq qemu -net nic,vlan=0 -m 1 -net user,vlan=0");
    assert_eq!(joined(&rewritten.args), "-net nic,netdev=vdeq0 -m 1 -netdev user,id=vdeq0");
    let told: Vec<_> = rewritten.changes.iter().map(|change| (change.index, change.why)).collect();
    assert_eq!(told, [(3, Why::VlanGone), (7, Why::VlanGone)]);
}

#[test]
fn the_last_of_repeated_vlans_counts() {
    let args = "-net nic,vlan=1,vlan=2 -net vde,vlan=1,vlan=2";
    let expected = "-net nic,netdev=vdeq0 -netdev socket,id=vdeq0,fd=10";
    assert_eq!(spelt(SOCKET, args), expected);
}

#[test]
fn an_id_of_the_user_is_kept_and_never_clashed_with() {
    let args = "-net nic,vlan=1 -net vde,vlan=1,id=mine -drive id=vdeq0 -name vdeq2";
    let expected = "-net nic,netdev=mine -netdev socket,id=mine,fd=10 -drive id=vdeq0 -name vdeq2";
    assert_eq!(spelt(SOCKET, args), expected);
    let args = "-net nic,vlan=1 -net vde,vlan=1,id=mine -drive id=vdeq0 -net user,vlan=1,id=vdeq2";
    let expected = "-netdev hubport,id=vdeq1,hubid=1 -net nic,netdev=vdeq1 \
                    -netdev socket,id=mine,fd=10 -netdev hubport,id=vdeq3,hubid=1,netdev=mine \
                    -drive id=vdeq0 \
                    -netdev user,id=vdeq2 -netdev hubport,id=vdeq4,hubid=1,netdev=vdeq2";
    assert_eq!(spelt(SOCKET, args), expected);
}

#[test]
fn a_name_that_can_be_no_id_is_none() {
    for (args, expected) in [
        (
            "-net nic,vlan=1,name=lan -net user,vlan=1,name=lan",
            "-net nic,netdev=vdeq0 -netdev user,id=vdeq0",
        ),
        (
            "-net nic,vlan=1,name=1st -net vde,vlan=1,name=my_net!",
            "-net nic,netdev=vdeq0 -netdev socket,id=vdeq0,fd=10",
        ),
        (
            "-net nic,vlan=1,name=x -net user,vlan=1,name=y \
             -net nic,vlan=2,name=x -net tap,vlan=2,name=y",
            "-net nic,netdev=vdeq0 -netdev user,id=vdeq0 \
             -net nic,netdev=vdeq1 -netdev tap,id=vdeq1",
        ),
        (
            "-net nic,vlan=1,name=a.b -net user,vlan=1,name=c-d_1",
            "-net nic,netdev=c-d_1,id=a.b -netdev user,id=c-d_1",
        ),
    ] {
        assert_eq!(spelt(SOCKET, args), expected);
    }
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
        let error = network.rewrite(SOCKET, &fds).unwrap_err();
        assert!(matches!(error.kind, ArgErrorKind::BadNumber { key: "vlan", .. }), "{text}");
        assert_eq!(place(&error), at, "{text}");
    }
}

#[test]
fn options_that_never_had_a_vlan_are_not_translated() {
    let args = "-nic user,vlan=1 -netdev user,id=a,vlan=1 -drive vlan=1 -name a,vlan=1 \
                -device e1000,netdev=a,vlan=1";
    assert_eq!(spelt(SOCKET, args), args);
    assert!(network(&format!("vdeq qemu {args}")).plugs().is_empty());
}

#[test]
fn an_empty_item_beside_vlan_swallows_no_other() {
    // `a=1,,b=2` would be one parameter.
    assert_eq!(
        spelt(SOCKET, "-net nic,a=1,vlan,,vlan=0,b=2 -net vde"),
        "-net nic,a=1,netdev=vdeq0,b=2 -netdev socket,id=vdeq0,fd=10"
    );
}

#[test]
fn a_vlan_of_one_nic_and_one_backend_needs_no_hub() {
    for (args, expected) in [
        ("-net nic,vlan=0 -net vde,vlan=0", "-net nic,netdev=vdeq0 -netdev socket,id=vdeq0,fd=10"),
        ("-net vde -net nic,vlan=0", "-netdev socket,id=vdeq0,fd=10 -net nic,netdev=vdeq0"),
        (
            "-device e1000,vlan=2 -net user,vlan=2,name=u",
            "-device e1000,netdev=u -netdev user,id=u",
        ),
        ("-net vde,vlan=3", "-netdev socket,id=vdeq0,fd=10 -net nic,netdev=vdeq0"),
    ] {
        assert_eq!(spelt(SOCKET, args), expected);
        assert_eq!(spelt(TAP_HUB, args), expected.replace("socket", "tap"));
    }
}

#[test]
fn a_vlan_with_more_or_with_something_that_must_stay_keeps_its_hub() {
    for (args, expected) in [
        // This NIC says no vlan, so it is not ours to change.
        ("-net nic -net vde,vlan=0", "-net nic -net socket,fd=10"),
        ("-net nic,vlan=0 -net user", "-net nic -net user"),
        ("-net nic,vlan=0 -net nic,vlan=0 -net vde", "-net nic -net nic -net socket,fd=10"),
        ("-net nic,vlan=0 -net vde -net vde", "-net nic -net socket,fd=10 -net socket,fd=11"),
        (
            "-net nic,vlan=1 -net vde,vlan=1 -netdev hubport,id=h,hubid=1 -device e1000,netdev=h",
            "-netdev hubport,id=vdeq0,hubid=1 -net nic,netdev=vdeq0 \
             -netdev socket,id=vdeq1,fd=10 -netdev hubport,id=vdeq2,hubid=1,netdev=vdeq1 \
             -netdev hubport,id=h,hubid=1 -device e1000,netdev=h",
        ),
    ] {
        assert_eq!(spelt(SOCKET, args), expected);
    }
}

#[test]
fn the_older_word_for_an_id_is_replaced_where_a_vlan_is() {
    for (args, expected) in [
        ("-net nic,vlan=0,name=n -net user", "-net nic,id=n -net user"),
        ("-net nic -net user,vlan=0,name=m,name=n", "-net nic -net user,id=n"),
        (
            "-net nic,name=a,vlan=1 -net user,vlan=1,name=b",
            "-net nic,id=a,netdev=b -netdev user,id=b",
        ),
        ("-net nic,name=n,netdev=d,vlan=1 -net none", "-net nic,id=n,netdev=d -net none"),
        // Without vlan= the words are QEMU's to judge.
        ("-net nic,name=n -net user", "-net nic,name=n -net user"),
    ] {
        assert_eq!(spelt(SOCKET, args), expected);
    }
}

#[test]
fn a_hub_port_is_on_the_hub_that_qemu_reads() {
    for hub in ["8", "0x8", "010"] {
        let port = format!("-netdev hubport,id=h,hubid={hub} -device e1000,netdev=h");
        assert_eq!(
            spelt(SOCKET, &format!("-net vde,vlan=8 {port}")),
            format!(
                "-netdev socket,id=vdeq0,fd=10 -netdev hubport,id=vdeq1,hubid=8,netdev=vdeq0 {port}"
            )
        );
    }
}

#[test]
fn a_vlan_that_may_be_octal_is_pointed_at() {
    let place_of = |text| {
        let run = run(text);
        let error = Network::read(&run).and_then(|network| {
            let fds = crate::support::fds(&network);
            network.rewrite(SOCKET, &fds)
        });
        place(&error.unwrap_err())
    };
    assert_eq!(place_of("vdeq qemu -net nic,vlan=010 -net user,vlan=8"), "3:9..12 010");
    assert_eq!(place_of("vdeq qemu -net vde,vlan=010"), "3:9..12 010");
    assert_eq!(spelt(SOCKET, "-net none -net user,vlan=00,id=u"), "-net none -net user,id=u");
}

#[test]
fn a_dump_becomes_a_filter() {
    for (args, expected) in [
        (
            "-net nic,vlan=1 -net vde,vlan=1 -net dump,vlan=1,file=/a,,b,len=1k",
            "-net nic,netdev=vdeq0 -netdev socket,id=vdeq0,fd=10 \
             -object filter-dump,id=vdeq1,netdev=vdeq0,file=/a,,b,maxlen=1024",
        ),
        (
            "-net nic -net vde --net dump,name=d",
            "-net nic -net socket,fd=10 \
             -netdev hubport,id=vdeq0,hubid=1 -netdev hubport,id=vdeq1,hubid=0,netdev=vdeq0 \
             -object filter-dump,id=d,netdev=vdeq1,file=qemu-vlan0.pcap",
        ),
        (
            "-net len=zz,type=dump,vlan=7 -net user",
            "-netdev hubport,id=vdeq0,hubid=1 -netdev hubport,id=vdeq1,hubid=7,netdev=vdeq0 \
             -object maxlen=zz,qom-type=filter-dump,id=vdeq2,netdev=vdeq1,file=qemu-vlan7.pcap \
             -net user",
        ),
    ] {
        assert_eq!(spelt(SOCKET, args), expected);
        assert_eq!(spelt(TAP_HUB, args), expected.replace("socket", "tap"));
    }
    let args = "-net nic -net dump,vlan=0,len=1k -net user";
    assert_eq!(spelt(TAP_VLAN, args), args);
    let expected = "-net nic -netdev hubport,id=vdeq0,hubid=1 \
                    -netdev hubport,id=vdeq1,hubid=0,netdev=vdeq0 \
                    -object filter-dump,id=vdeq2,netdev=vdeq1,maxlen=1024,file=qemu-vlan0.pcap \
                    -net user";
    assert_eq!(spelt(QemuVersion::new(2, 12, 0), args), expected);
    let rewritten = rewrite(SOCKET, "vdeq qemu -net dump -net user");
    assert_eq!(rewritten.changes[0].why, Why::DumpGone);
}

#[test]
fn a_line_with_a_dump_and_no_network_lets_it_see_the_default_switch() {
    let expected = "-object filter-dump,id=vdeq1,netdev=vdeq0,file=/f \
                    -netdev socket,id=vdeq0,fd=10 -net nic,netdev=vdeq0";
    assert_eq!(spelt(SOCKET, "-net dump,file=/f"), expected);
}

#[test]
fn a_vlan_of_one_nic_and_one_backend_has_no_part_in_the_network_none() {
    assert_eq!(
        spelt(SOCKET, "-net none,vlan=1 -net user,vlan=1 -net nic,vlan=1"),
        "-net none -netdev user,id=vdeq0 -net nic,netdev=vdeq0",
    );
}

#[test]
fn a_backend_of_no_type_is_not_taken_for_half_of_a_pair() {
    assert_eq!(spelt(SOCKET, "-net nic,vlan=0 -net hostname=x,vlan=0"), "-net nic -net hostname=x",);
}
