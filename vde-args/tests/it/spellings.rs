//! The rewritten line, for QEMU of all ages.

use vde_args::{ArgErrorKind, Note, QemuVersion, Why};

use crate::support::{
    SOCKET, TAP_HUB, TAP_VLAN, TUN_FD, VERSIONS, joined, network, notes, rewrite, spelt,
};

fn table(args: &str, rows: [(QemuVersion, &str); 4]) {
    for (version, expected) in rows {
        assert_eq!(spelt(version, args), expected, "{version:?}: {args}");
    }
}

#[test]
fn a_net_becomes_the_backend_that_takes_a_descriptor() {
    table(
        "-net nic -net vde,sock=/s,port=3 -m 1",
        [
            (TUN_FD, "-net nic -tun-fd 10 -m 1 -nics 1"),
            (TAP_VLAN, "-net nic -net tap,fd=10 -m 1"),
            (TAP_HUB, "-net nic -net tap,fd=10 -m 1"),
            (SOCKET, "-net nic -net socket,fd=10 -m 1"),
        ],
    );
}

#[test]
fn a_netdev_keeps_its_id() {
    table(
        "-netdev vde,id=n0,sock=/s -device e1000,netdev=n0",
        [
            (TUN_FD, "-tun-fd 10 -device e1000,netdev=n0 -nics 1"),
            (TAP_VLAN, "-netdev tap,fd=10,id=n0 -device e1000,netdev=n0"),
            (TAP_HUB, "-netdev tap,fd=10,id=n0 -device e1000,netdev=n0"),
            (SOCKET, "-netdev socket,fd=10,id=n0 -device e1000,netdev=n0"),
        ],
    );
}

#[test]
fn a_nic_keeps_its_model_and_address() {
    table(
        "--nic model=e1000,type=vde,sock=/s,mac=52:54:00:00:00:01",
        [
            (TUN_FD, "-tun-fd 10 -nics 1"),
            // It knows no -nic.
            (TAP_VLAN, "-net model=e1000,type=nic,macaddr=52:54:00:00:00:01 -net tap,fd=10"),
            (TAP_HUB, "--nic model=e1000,type=tap,fd=10,mac=52:54:00:00:00:01"),
            (SOCKET, "--nic model=e1000,type=socket,fd=10,mac=52:54:00:00:00:01"),
        ],
    );
    let nic = "-nic vde,mac=52:54:00:00:00:01";
    let first = QemuVersion::new(2, 12, 0);
    assert_eq!(spelt(first, nic), "-nic tap,fd=10,mac=52:54:00:00:00:01");
    let two = "-net nic -net user -nic vde,model=ne2k_pci,addr=5,id=n -nic vde";
    let expected = "-net nic -net user \
                    -net nic,model=ne2k_pci,addr=5,name=n,vlan=1 -net tap,fd=10,vlan=1 \
                    -net nic,vlan=2 -net tap,fd=11,vlan=2";
    assert_eq!(spelt(TAP_VLAN, two), expected);
}

#[test]
fn a_line_without_networks_gets_one_nic_with_one_plug() {
    table(
        "-m 1",
        [
            (TUN_FD, "-m 1 -tun-fd 10 -nics 1"),
            (TAP_VLAN, "-m 1 -net nic -net tap,fd=10"),
            (TAP_HUB, "-m 1 -nic tap,fd=10"),
            (SOCKET, "-m 1 -nic socket,fd=10"),
        ],
    );
}

#[test]
fn a_nic_without_network_gets_the_default_switch_on_its_vlan() {
    table(
        "-net nic,vlan=2",
        [
            (TUN_FD, "-net nic,vlan=2 -tun-fd 10 -nics 1"),
            (TAP_VLAN, "-net nic,vlan=2 -net tap,fd=10,vlan=2"),
            (TAP_HUB, "-net nic,netdev=vdeq0 -netdev tap,id=vdeq0,fd=10"),
            (SOCKET, "-net nic,netdev=vdeq0 -netdev socket,id=vdeq0,fd=10"),
        ],
    );
    assert_eq!(spelt(SOCKET, "-net nic,model=e1000"), "-net nic,model=e1000 -net socket,fd=10");
}

#[test]
fn a_vde_network_without_a_nic_gets_one_on_its_vlan() {
    table(
        "-net vde,vlan=3",
        [
            (TUN_FD, "-tun-fd 10 -nics 1"),
            (TAP_VLAN, "-net tap,fd=10,vlan=3 -net nic,vlan=3"),
            (TAP_HUB, "-netdev tap,id=vdeq0,fd=10 -net nic,netdev=vdeq0"),
            (SOCKET, "-netdev socket,id=vdeq0,fd=10 -net nic,netdev=vdeq0"),
        ],
    );
    assert_eq!(spelt(SOCKET, "-net vde -net vde"), "-net socket,fd=10 -net socket,fd=11 -net nic");
    let network = network("vdeq qemu -net vde,vlan=3 -net vde");
    let added = |vlan| Note::NicAdded { vlan: Some(vlan) };
    assert_eq!(notes(&network), [added(3), added(0)]);
}

#[test]
fn what_is_no_nic_of_the_vlan_does_not_count_as_one() {
    for other in ["-net nic,netdev=x", "-nic user", "-device e1000", "-net nic,vlan=1"] {
        let args = format!("{other} -net vde");
        assert_eq!(spelt(TAP_VLAN, &args), format!("{other} -net tap,fd=10 -net nic"));
    }
    for nic in [
        "-net nic",
        "-nic hubport,hubid=0",
        "-device e1000,vlan=0",
        "-netdev hubport,id=h,hubid=0 -device e1000,netdev=h",
    ] {
        let args = format!("{nic} -net vde");
        assert_eq!(spelt(TAP_VLAN, &args), format!("{nic} -net tap,fd=10"));
    }
}

#[test]
fn one_switch_of_the_old_syntax_gets_its_nic_directly() {
    table(
        "-sock /s -b c",
        [
            (TUN_FD, "-b c -tun-fd 10 -nics 1"),
            (TAP_VLAN, "-b c -net nic -net tap,fd=10"),
            (TAP_HUB, "-b c -nic tap,fd=10"),
            (SOCKET, "-b c -nic socket,fd=10"),
        ],
    );
}

#[test]
fn several_switches_of_the_old_syntax_share_vlan_0() {
    table(
        "-sock /a,/b",
        [
            (TUN_FD, "-tun-fd 10 -tun-fd 11 -nics 2"),
            (TAP_VLAN, "-net tap,fd=10 -net tap,fd=11 -net nic"),
            (TAP_HUB, "-net tap,fd=10 -net tap,fd=11 -net nic"),
            (SOCKET, "-net socket,fd=10 -net socket,fd=11 -net nic"),
        ],
    );
    assert_eq!(spelt(SOCKET, "-sock /a -net nic"), "-net nic -net socket,fd=10");
    assert_eq!(spelt(SOCKET, "-sock /a -net user"), "-net user -net socket,fd=10 -net nic");
}

#[test]
fn vdeoq_gives_each_switch_a_nic_on_qemu_of_any_age() {
    let text = "vdeoq qemu -sock /a,/b -m 1";
    for (version, expected) in [
        (TUN_FD, "-m 1 -tun-fd 10 -tun-fd 11 -nics 2"),
        (TAP_VLAN, "-m 1 -net nic -net tap,fd=10 -net nic,vlan=1 -net tap,fd=11,vlan=1"),
        (TAP_HUB, "-m 1 -nic tap,fd=10 -nic tap,fd=11"),
        (SOCKET, "-m 1 -nic socket,fd=10 -nic socket,fd=11"),
    ] {
        assert_eq!(joined(&rewrite(version, text).args), expected);
    }
    let busy = "vdeoqemu -sock /a,/b -net nic,vlan=1 -net user,vlan=1";
    let expected = "-net nic,vlan=1 -net user,vlan=1 -net nic -net tap,fd=10 \
                    -net nic,vlan=2 -net tap,fd=11,vlan=2";
    assert_eq!(joined(&rewrite(TAP_VLAN, busy).args), expected);
}

#[test]
fn a_number_of_nics_that_the_user_gave_stands() {
    assert_eq!(spelt(TUN_FD, "-nics 3 -sock /a"), "-nics 3 -tun-fd 10");
}

#[test]
fn nothing_is_put_where_an_option_could_swallow_it() {
    for end in ["-name", "-foo", "-foo -bar", "-foo -name"] {
        let expected = format!("-m 1 -nic socket,fd=10 {end}");
        assert_eq!(spelt(SOCKET, &format!("-m 1 {end}")), expected);
    }
    for end in ["-S", "-foo bar", "disk", "-name x"] {
        let expected = format!("-m 1 {end} -nic socket,fd=10");
        assert_eq!(spelt(SOCKET, &format!("-m 1 {end}")), expected);
    }
}

#[test]
fn a_line_that_needs_no_plug_stays_as_it_is() {
    for args in ["-net user -hda x", "-version", "-nic none -m 1", "-netdev user,id=a,,b"] {
        for version in VERSIONS {
            assert_eq!(spelt(version, args), args);
            assert!(rewrite(version, &format!("vdeq qemu {args}")).changes.is_empty());
        }
    }
}

#[test]
fn empty_items_and_parameters_of_vde_go_and_all_else_stays_in_place() {
    let args = "-nic vde,,model=a,,b,sock=/x,,y,port=1,,addr=5,mode=600,group=g,";
    assert_eq!(spelt(SOCKET, args), "-nic socket,fd=10,model=a,,b,addr=5");
}

#[test]
fn a_type_that_is_named_twice_is_named_once() {
    assert_eq!(spelt(SOCKET, "-nic vde,type=vde,model=x"), "-nic type=socket,fd=10,model=x");
    assert_eq!(spelt(SOCKET, "-nic user,type=vde"), "-nic type=socket,fd=10");
}

#[test]
fn json_stays_json_where_qemu_reads_it_and_becomes_a_list_where_not() {
    let args = r#"-netdev {'sock':"/s",'id':"n\u0031",'type':'vde'} -device e1000,netdev=n1"#;
    let json = r#"-netdev {"type":"socket","id":"n\u0031","fd":"10"} -device e1000,netdev=n1"#;
    let list = "-netdev socket,fd=10,id=n1 -device e1000,netdev=n1";
    assert_eq!(spelt(SOCKET, args), json);
    assert_eq!(spelt(QemuVersion::new(5, 2, 0), args), list);
    assert_eq!(spelt(QemuVersion::new(7, 1, 0), args), list);
    assert_eq!(spelt(TAP_VLAN, args), list.replace("socket", "tap"));
}

#[test]
fn a_name_becomes_an_id_where_qemu_may_know_no_names() {
    assert_eq!(spelt(TAP_VLAN, "-net nic -net vde,name=n"), "-net nic -net tap,fd=10,name=n");
    assert_eq!(spelt(SOCKET, "-nic vde,name=m,name=n"), "-nic socket,fd=10,id=n");
    assert_eq!(spelt(SOCKET, "-nic vde,name=n,id=i"), "-nic socket,fd=10,id=i");
}

#[test]
fn every_change_is_told_with_its_reason() {
    let changes = rewrite(SOCKET, "vdeq -v qemu -sock /a -net vde,sock=/b -m 1").changes;
    let told: Vec<_> =
        changes.iter().map(|c| (c.index, joined(&c.before), joined(&c.after), c.why)).collect();
    let expected = [
        (6, "-net vde,sock=/b", "-net socket,fd=10", Why::Vde),
        (4, "", "-net socket,fd=11", Why::Sock),
        (6, "", "-net nic", Why::NoNic),
    ];
    assert_eq!(told, expected.map(|(i, before, after, why)| (i, before.into(), after.into(), why)));
}

#[test]
fn the_number_of_descriptors_must_be_the_number_of_plugs() {
    let network = network("vdeq qemu -net vde -net nic");
    for (fds, given) in [(&[][..], 0), (&[3, 4], 2), (&[-1], 0)] {
        let error = network.rewrite(SOCKET, fds).unwrap_err();
        assert_eq!(error.kind, ArgErrorKind::Descriptors { plugs: 1, given });
    }
}
