//! NICs without an address: who is told of, who gets one of its own with `--mac=auto` or `mac=auto`, and
//! in which words.

use vde_args::{ArgErrorKind, Command, Network, Note, parse};

use crate::support::{
    SOCKET, TAP_VLAN, TUN_FD, argv, error, joined, network, place, rewrite, spelt,
};

/// Of a VM called `web`, its first and second NIC, on /s, and the first on the default switch.
const FIRST: &str = "6a:0b:0a:33:a7:f3";
const SECOND: &str = "ce:26:a4:2b:52:a9";
const DEFAULT: &str = "22:59:84:3a:4e:ef";

/// The line of a VM called `web`, with `F`, `S` and `D` for these addresses.
fn addressed(args: &str) -> String {
    let line = joined(&rewrite(SOCKET, &format!("vdeq --mac=auto qemu -name web {args}")).args);
    let line = line.replace(FIRST, "F").replace(SECOND, "S").replace(DEFAULT, "D");
    line.strip_prefix("-name web ").unwrap().to_owned()
}

#[test]
fn every_nic_on_a_vde_network_without_an_address_gets_one() {
    for (args, line) in [
        ("-nic vde,sock=/s", "-nic socket,fd=10,mac=F"),
        ("-nic vde,sock=/s,model=e1000,", "-nic socket,fd=10,model=e1000,mac=F"),
        ("-net nic -net vde,sock=/s", "-net nic,macaddr=F -net socket,fd=10"),
        (
            "-net nic,vlan=1 -net vde,sock=/s,vlan=1",
            "-net nic,netdev=vdeq0,macaddr=F -netdev socket,id=vdeq0,fd=10",
        ),
        (
            "-netdev vde,id=n,sock=/s -device e1000,netdev=n",
            "-netdev socket,fd=10,id=n -device e1000,netdev=n,mac=F",
        ),
        (
            r#"-netdev {"type":"vde","id":"n","sock":"/s"} -device {"driver":"e1000","netdev":"n"}"#,
            r#"-netdev {"type":"socket","id":"n","fd":"10"} -device {"driver":"e1000","netdev":"n","mac":"F"}"#,
        ),
        ("-nic vde,sock=/s -nic vde,sock=/s", "-nic socket,fd=10,mac=F -nic socket,fd=11,mac=S"),
        // The number is that among all NICs on VDE networks, so that an address for one changes no other.
        (
            "-nic vde,sock=/s,mac=2:0:0:0:0:1 -nic vde,sock=/s",
            "-nic socket,fd=10,mac=2:0:0:0:0:1 -nic socket,fd=11,mac=S",
        ),
        ("-nic user -nic vde,sock=/s", "-nic user -nic socket,fd=10,mac=F"),
        // What is added.
        ("-sock /s", "-nic socket,fd=10,mac=F"),
        ("-net vde,sock=/s", "-netdev socket,id=vdeq0,fd=10 -net nic,netdev=vdeq0,macaddr=F"),
        ("-net nic", "-net nic,macaddr=D -net socket,fd=10"),
        ("-hda d", "-hda d -nic socket,fd=10,mac=D"),
        // On one hub: which switch an address is for is that of the first.
        ("-sock /s,/t", "-net socket,fd=10 -net socket,fd=11 -net nic,macaddr=F"),
    ] {
        assert_eq!(addressed(args), line, "{args}");
    }
}

#[test]
fn who_has_an_address_or_may_have_one_and_who_is_on_no_network_of_ours_is_left_alone() {
    for args in [
        "-nic vde,mac=52:54:00:00:00:07",
        "-net nic,macaddr=52:54:00:00:00:07 -net vde",
        // QEMU's to refuse.
        "-nic vde,mac=nonsense",
        "-nic vde -device e1000,netdev=other -net none",
        "-netdev vde,id=n -device e1000,netdev=n -global e1000.mac=52:54:00:00:00:07",
        "-nic user",
    ] {
        let auto = joined(&rewrite(SOCKET, &format!("vdeq --mac=auto qemu {args} -name web")).args);
        let with_mac = auto.matches("mac").count();
        let nic_of_ours = usize::from(args.contains("-nic vde -device"));
        assert_eq!(with_mac, args.matches("mac").count() + nic_of_ours, "{args}: {auto}");
    }
}

#[test]
fn a_network_can_ask_for_it_alone() {
    let line = spelt(SOCKET, "-name web -nic vde,sock=/s,mac=auto -nic vde,sock=/s");
    assert_eq!(line, format!("-name web -nic socket,fd=10,mac={FIRST} -nic socket,fd=11"));
    let line = spelt(TAP_VLAN, "-name web -net nic -net vde,sock=/s,mac=auto");
    assert_eq!(line, format!("-name web -net nic,macaddr={FIRST} -net tap,fd=10"));
    let line = spelt(TAP_VLAN, "-name web -nic vde,sock=/s,mac=auto");
    assert_eq!(line, format!("-name web -net nic,macaddr={FIRST} -net tap,fd=10"));
    let line = spelt(SOCKET, "-name web -netdev vde,id=n,sock=/s,mac=auto -device e1000,netdev=n");
    assert_eq!(
        line,
        format!("-name web -netdev socket,fd=10,id=n -device e1000,netdev=n,mac={FIRST}")
    );
    // QEMU 0.7 makes NICs by their number.
    assert_eq!(spelt(TUN_FD, "-name web -net vde,mac=auto"), "-name web -tun-fd 10 -nics 1");
}

#[test]
fn of_two_networks_on_one_hub_either_can_ask_for_it() {
    for args in
        ["-net vde,sock=/s,mac=auto -net vde,sock=/t", "-net vde,sock=/t -net vde,sock=/s,mac=auto"]
    {
        let line = spelt(SOCKET, &format!("-name web -net nic {args}"));
        assert!(line.contains(&format!("-net nic,macaddr={FIRST} ")), "{line}");
    }
}

#[test]
fn where_something_else_may_say_an_address_none_is_given_and_that_is_told() {
    let note = |text: &str| network(text).notes().contains(&Note::AddressesElsewhere);
    assert!(note("vdeq --mac=auto qemu -name web -nic vde -global e1000.mac=52:54:00:00:00:07"));
    assert!(note("vdeq qemu -name web -nic vde,mac=auto -set nic.n.mac=52:54:00:00:00:07"));
    assert!(!note("vdeq qemu -name web -nic vde -global e1000.mac=52:54:00:00:00:07"));
    let argv = argv("vdeq --mac=auto qemu -name web -readconfig g -nic vde,model=e1000");
    let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
    let file =
        b"[global]\n  driver = \"e1000\"\n  property = \"mac\"\n  value = \"52:54:00:00:00:07\"\n";
    let network = Network::read_with(&run, |_| Some(file.to_vec())).unwrap();
    let line = joined(&network.rewrite(SOCKET, &[7]).unwrap().args);
    assert!(
        !line.contains("mac=") && network.notes().contains(&Note::AddressesElsewhere),
        "{line}"
    );
    let nic = b"[device]\n  driver = \"e1000\"\n  netdev = \"n\"\n";
    let network = Network::read_with(&run, |_| Some(nic.to_vec())).unwrap();
    assert!(!network.notes().iter().any(|note| matches!(note, Note::NoAddress { .. })));
}

#[test]
fn the_address_that_is_given_is_known() {
    let network = network("vdeq --mac=auto qemu -name web -nic vde,sock=/s");
    let mac = network.macs()[0].map(|mac| mac.map(|byte| format!("{byte:02x}")).join(":"));
    assert_eq!(mac.as_deref(), Some(FIRST));
}

#[test]
fn the_name_of_the_machine_is_what_counts() {
    for name in [
        "-name web",
        "-name guest=web,debug-threads=on",
        "-name x -name web,process=y",
        "-name web -name debug-threads=on",
    ] {
        let line = spelt(SOCKET, &format!("-nic vde,sock=/s,mac=auto {name}"));
        assert!(line.starts_with(&format!("-nic socket,fd=10,mac={FIRST} ")), "{line}");
    }
    for (args, at) in [
        ("vdeq --mac=auto qemu -nic vde", "1:6..10 auto"),
        ("vdeq --mac auto qemu -nic vde -name guest=", "2:0..4 auto"),
        ("vdeq qemu -nic vde,mac=auto -name debug-threads=on", "3:8..12 auto"),
    ] {
        let error = error(args);
        assert_eq!((&error.kind, &*place(&error)), (&ArgErrorKind::NeedsName, at), "{args}");
    }
}

#[test]
fn what_is_no_way_to_choose_is_pointed_at() {
    for (args, at) in [
        ("vdeq --mac=random qemu", "1:6..12 random"),
        ("vdeq --mac= qemu", "1:6..6 "),
        ("vdeq qemu -net vde,mac=52:54:00:00:00:01", "3:8..25 52:54:00:00:00:01"),
        ("vdeq qemu -netdev vde,id=n,mac=", "3:13..13 "),
    ] {
        let error = error(args);
        assert_eq!((&error.kind, &*place(&error)), (&ArgErrorKind::BadMac, at), "{args}");
    }
    assert!(parse(&argv("vdeq --mac=auto --switch=/s")).is_err(), "there is no NIC");
    let uml = argv("vdeq --mac=auto linux eth0=vde,/s");
    assert!(!matches!(parse(&uml), Ok(Command::Run(_))), "a kernel has no NIC of QEMU's");
}

/// The networks whose NIC is told to have no address.
fn told(args: &str) -> Vec<usize> {
    let network: Network<'_> = network(&format!("vdeq qemu {args}"));
    let networks = network.notes().iter().filter_map(|note| match note {
        Note::NoAddress { network, .. } => Some(*network),
        _ => None,
    });
    networks.collect()
}

#[test]
fn the_first_nic_without_an_address_is_told_of() {
    assert_eq!(told("-nic vde"), [0]);
    assert_eq!(told("-nic vde,mac=52:54:00:00:00:01 -nic vde -nic vde"), [1]);
    assert_eq!(told("-hda d"), [0]);
    assert_eq!(told("-nic vde,mac=52:54:00:00:00:01"), [0; 0]);
    assert_eq!(told("-netdev vde,id=n -device e1000,netdev=n,mac=52:54:00:00:00:01"), [0; 0]);
    assert_eq!(told("-nic user"), [0; 0]);
    assert_eq!(told("-name web -nic vde,mac=auto"), [0; 0]);
    assert_eq!(told("-netdev vde,id=n"), [0; 0], "it has no NIC yet");
}
