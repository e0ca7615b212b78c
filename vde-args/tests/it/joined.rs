//! What the API says of the NIC and the name of each plug.

use vde_args::{Command, Network, Placeholders, QemuVersion, parse};

use crate::support::{SOCKET, TAP_HUB, TAP_VLAN, TUN_FD, network, run};

const MAC: &str = "52:54:00:00:00:01";

/// The address of each plug's NIC, as the last byte of it; M on the line is the one that ends in 1.
fn macs(args: &str) -> Vec<Option<u8>> {
    let macs = network(&format!("vdeq qemu {}", args.replace('M', MAC))).macs();
    macs.into_iter()
        .map(|mac| {
            mac.map(|mac| {
                assert_eq!(mac[..5], [0x52, 0x54, 0, 0, 0], "{args}");
                mac[5]
            })
        })
        .collect()
}

fn names(version: QemuVersion, args: &str) -> Vec<Option<String>> {
    network(&format!("vdeq qemu {args}")).link_names(version)
}

#[test]
fn the_address_is_that_of_the_one_nic_in_every_way_to_join_it() {
    for args in [
        "-net nic,macaddr=M -net vde",
        "-net vde -net nic,model=e1000,macaddr=M",
        "-net vde,vlan=3 -net nic,vlan=3,macaddr=M",
        "-net nic,macaddr=M -net vde -net user,vlan=1 -net nic,vlan=1",
        "-net nic,macaddr=M -net vde -net dump,file=/f",
        "-device e1000,vlan=2,mac=M -net vde,vlan=2",
        "-nic vde,sock=/s,model=e1000,mac=M",
        "-nic mac=M,type=vde",
        "-netdev vde,id=n -device e1000,netdev=n,mac=M",
        "-device mac=M,netdev=n,driver=e1000 -netdev vde,id=n",
        "-netdev vde,id=n -net nic,netdev=n,macaddr=M",
        "-netdev {\"type\":\"vde\",\"id\":\"n\"} -device {\"driver\":\"e1000\",\"netdev\":\"n\",\"mac\":\"M\"}",
        "-netdev vde,id=n -netdev hubport,id=h,hubid=1,netdev=n -nic hubport,hubid=1,mac=M",
        "-netdev vde,id=n -netdev hubport,id=h,hubid=1,netdev=n -netdev hubport,id=i,hubid=1 \
         -device e1000,netdev=i,mac=M",
        "-netdev hubport,id=i,hubid=0 -device e1000,netdev=i,mac=M -net vde",
        "-net nic,macaddr=M",
        "-sock /s -net nic,macaddr=M",
    ] {
        assert_eq!(macs(args), [Some(1)], "{args}");
    }
}

#[test]
fn who_shares_a_hub_has_no_address() {
    for args in [
        "-net nic,macaddr=M -net vde -net user",
        "-net nic,macaddr=M -net nic -net vde",
        "-net nic,vlan=1,macaddr=M -net vde,vlan=1 -device e1000,vlan=1",
        "-net nic,macaddr=M -net vde -netdev user,id=u -netdev hubport,id=h,hubid=0,netdev=u",
        "-net nic,macaddr=M -net vde -netdev hubport,id=h,hubid=0 -device e1000,netdev=h",
        "-net nic,macaddr=M -net vde -netdev hubport,id=h,hubid=0,netdev=i \
         -netdev hubport,id=i,hubid=1",
        "-netdev vde,id=n -device e1000,netdev=n,mac=M -net nic,netdev=n",
    ] {
        assert_eq!(macs(args), [None], "{args}");
    }
    assert_eq!(macs("-net nic,macaddr=M -net vde,sock=/a -net vde,sock=/b"), [None, None]);
    assert_eq!(macs("-sock /a,/b -net nic,macaddr=M"), [None, None]);
}

#[test]
fn each_plug_has_the_address_of_its_own_nic() {
    assert_eq!(
        macs(
            "-nic vde,mac=52:54:0:0:0:a -netdev vde,id=n -nic vde -device e1000,netdev=n,mac=M \
             -net vde,vlan=4 -net nic,vlan=4,macaddr=52-54-00-00-00-ff"
        ),
        [Some(10), Some(1), None, Some(255)]
    );
}

#[test]
fn an_address_that_qemu_makes_up_or_takes_from_elsewhere_is_not_known() {
    for args in [
        "",
        "-net vde",
        "-net nic -net vde",
        "-nic vde",
        "-netdev vde,id=n",
        "-netdev vde,id=n -device e1000,netdev=n",
        // Of a NIC of another word, and of another netdev.
        "-netdev vde,id=n -device e1000,netdev=n,macaddr=M",
        "-netdev vde,id=n -device e1000,netdev=m,mac=M",
        // No NIC's: QEMU refuses it, or replaces it.
        "-nic vde,mac=01:00:5e:00:00:01",
        "-nic vde,mac=ff:ff:ff:ff:ff:ff",
        "-nic vde,mac=00:00:00:00:00:00",
        "-net nic,macaddr=0x123456 -net vde",
        "-netdev vde,id=n -device {\"driver\":\"e1000\",\"netdev\":\"n\",\"mac\":1}",
        // Another address is said elsewhere.
        "-netdev vde,id=n -device e1000,id=d,netdev=n,mac=M -set device.d.mac=52:54:00:00:00:02",
        "-net nic,macaddr=M -net vde -global driver=e1000,property=netdev,value=n",
    ] {
        assert_eq!(macs(args), [None], "{args}");
    }
}

#[test]
fn the_last_of_several_addresses_counts() {
    for args in [
        "-nic vde,mac=52:54:0:0:0:9,mac=M",
        "-net nic,macaddr=x,macaddr=M -net vde",
        "-netdev vde,id=n -device e1000,mac=01:0:0:0:0:0,netdev=n,mac=M",
    ] {
        assert_eq!(macs(args), [Some(1)], "{args}");
    }
    assert_eq!(macs("-nic vde,mac=M,mac=x"), [None]);
}

#[test]
fn a_file_may_put_more_on_a_hub_and_nothing_on_a_netdev_that_is_taken() {
    let netdev = "-netdev vde,id=n -device e1000,netdev=n,mac=M";
    assert_eq!(macs(&format!("{netdev} -readconfig /f")), [Some(1)]);
    assert_eq!(macs("-net nic,macaddr=M -net vde -readconfig /f"), [None]);
    let text = format!("vdeq qemu -net vde -readconfig /f -net nic,macaddr={MAC}");
    for (content, is_known) in
        [("[device]\n driver=\"x\"\n", true), ("[net]\n type=\"user\"\n", false)]
    {
        let network = Network::read_with(&run(&text), |_| Some(content.into())).unwrap();
        assert_eq!(network.macs()[0].is_some(), is_known, "{content}");
    }
    let text = "vdeq qemu -netdev vde,id=n -readconfig /f";
    let file = format!("[device \"d\"]\n driver = \"e1000\"\n netdev = \"n\"\n mac = \"{MAC}\"\n");
    let network = Network::read_with(&run(text), |_| Some(file.clone().into())).unwrap();
    assert_eq!(network.macs(), [Some([0x52, 0x54, 0, 0, 0, 1])]);
}

#[test]
fn the_name_is_the_id_that_the_rewrite_spells() {
    for (args, expected) in [
        ("-netdev vde,id=lan -device e1000,netdev=lan", Some("lan")),
        ("-netdev {\"id\":\"lan\",\"type\":\"vde\"}", Some("lan")),
        ("-nic vde,id=lan", Some("lan")),
        ("-nic vde,id=a,id=b", Some("a")),
        ("-net nic -net vde,id=lan", Some("lan")),
        ("-net nic -net vde,name=lan", Some("lan")),
        ("-net nic,vlan=1 -net vde,vlan=1", Some("vdeq0")),
        ("-net nic,vlan=1 -net nic,vlan=1 -net vde,vlan=1", Some("vdeq2")),
        ("-net nic,vlan=1 -net vde,vlan=1,id=lan", Some("lan")),
        ("-net vde", Some("vdeq0")),
        ("-net nic,vlan=0 -net vde", Some("vdeq0")),
        ("-net nic -net vde", None),
        ("-nic vde", None),
        ("-nic vde,id=", None),
        ("-sock /s", None),
        ("", None),
    ] {
        let [name] = &*names(SOCKET, args) else { panic!("{args}") };
        assert_eq!(name.as_deref(), expected, "{args}");
        for old in [TUN_FD, TAP_VLAN, TAP_HUB] {
            assert_eq!(names(old, args), [None], "{args}");
        }
    }
    let line = "-nic vde -netdev vde,id=n -net vde,vlan=2 -net nic,vlan=2 -net vde,vlan=3,id=m";
    let expected = [None, Some("n".to_owned()), Some("vdeq0".into()), Some("m".into())];
    assert_eq!(names(SOCKET, line), expected);
}

#[test]
fn descriptors_of_the_user_are_not_taken_for_plugs() {
    let line = "-netdev vde,id=n -netdev socket,id=mine,fd=0 -net socket,vlan=1,id=old,fd=0 -net nic,vlan=1";
    assert_eq!(names(SOCKET, line), [Some("n".to_owned())]);
    assert_eq!(names(SOCKET, "-netdev vde,id=n -net user,vlan=x"), [None::<String>]);
}

#[test]
fn of_a_program_that_is_no_qemu_nothing_is_known() {
    let argv = ["vdeq", "--fd-placeholder", "x", "{vde}", "{vde:/s}"].map(Into::into);
    let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
    let placeholders = Placeholders::read(&run).unwrap();
    assert_eq!(placeholders.macs(), [None, None]);
    assert_eq!(placeholders.link_names(SOCKET), [None, None]);
}
