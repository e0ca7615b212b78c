//! `--link-state`: every plug that can be seen by its NIC gets a name, and the rest is told apart.

use crate::support::{SOCKET, TAP_HUB, TAP_VLAN, joined, network, rewrite};

/// The rewritten line, and of each plug its name, or `hub`, or `-`.
fn told(args: &str) -> (String, String) {
    let text = format!("vdeq --link-state qemu {args}");
    let network = network(text.trim_end());
    let each = network.link_names(SOCKET).into_iter().zip(network.on_hubs(SOCKET));
    let each = each.map(|(name, on_hub)| match (name, on_hub) {
        (_, true) => "hub".to_owned(),
        (None, false) => "-".to_owned(),
        (Some(name), false) => name,
    });
    let line = joined(&rewrite(SOCKET, text.trim_end()).args);
    (line, each.collect::<Vec<_>>().join(" "))
}

#[test]
fn a_plug_that_has_a_nic_to_itself_gets_a_name() {
    for (args, line, name) in [
        ("-nic vde", "-nic socket,fd=10,id=vdeq0", "vdeq0"),
        ("-nic vde,model=e1000", "-nic socket,fd=10,model=e1000,id=vdeq0", "vdeq0"),
        ("-nic vde,id=lan", "-nic socket,fd=10,id=lan", "lan"),
        ("-nic vde -name vdeq0", "-nic socket,fd=10,id=vdeq1 -name vdeq0", "vdeq1"),
        ("", "-nic socket,fd=10,id=vdeq0", "vdeq0"),
        ("-net nic -net vde", "-net nic,netdev=vdeq0 -netdev socket,id=vdeq0,fd=10", "vdeq0"),
        ("-net nic -net vde,id=a", "-net nic,netdev=a -netdev socket,id=a,fd=10", "a"),
        (
            "-net nic,model=e1000, -net vde",
            "-net nic,model=e1000,netdev=vdeq0 -netdev socket,id=vdeq0,fd=10",
            "vdeq0",
        ),
        ("-sock /s -net nic", "-net nic,netdev=vdeq0 -netdev socket,id=vdeq0,fd=10", "vdeq0"),
        ("-net nic", "-net nic,netdev=vdeq0 -netdev socket,id=vdeq0,fd=10", "vdeq0"),
        (
            "-netdev vde,id=n -device e1000,netdev=n",
            "-netdev socket,fd=10,id=n -device e1000,netdev=n",
            "n",
        ),
    ] {
        assert_eq!(told(args), (line.to_owned(), name.to_owned()), "{args}");
    }
}

#[test]
fn what_is_on_a_hub_stays_there_and_is_told() {
    for (args, names) in [
        ("-net nic -net vde -net user", "hub"),
        ("-net nic -net nic -net vde", "hub"),
        ("-net nic -net vde -net vde,sock=/b", "hub hub"),
        ("-net nic -net vde -readconfig /f", "hub"),
        ("-net nic,vlan=1 -net nic,vlan=1 -net vde,vlan=1 -nic vde", "hub vdeq4"),
        ("-netdev vde,id=n -netdev hubport,id=h,hubid=1,netdev=n -nic hubport,hubid=1", "hub"),
    ] {
        assert_eq!(told(args).1, names, "{args}");
    }
}

#[test]
fn a_network_that_is_no_plug_stays_where_it_is() {
    let line = "-net nic -net user,vlan=0";
    assert_eq!(told(line), ("-net nic -net user".to_owned(), String::new()));
    let (told, name) = told("-net nic,vlan=1 -net vde,vlan=1 -net nic -net user");
    assert!(told.ends_with("-net nic -net user") && name == "vdeq0", "{told}");
}

#[test]
fn without_the_option_and_on_older_qemus_nothing_is_added() {
    for args in ["-nic vde", "-net nic -net vde", "-sock /s"] {
        for version in [TAP_VLAN, TAP_HUB] {
            let line = |option: &str| rewrite(version, &format!("vdeq {option}qemu {args}")).args;
            // A NIC of one's own costs nothing there, either.
            let told = joined(&line("--link-state "));
            assert!(!told.contains("id=vdeq") || version == TAP_HUB, "{told}");
        }
        assert!(!joined(&rewrite(SOCKET, &format!("vdeq qemu {args}")).args).contains("vdeq0"));
    }
}

#[test]
fn the_monitor_has_a_name_that_nothing_on_the_line_has() {
    let file = |args: &str| {
        let network = network(&format!("vdeq --link-state qemu {args}"));
        String::from_utf8(network.monitor_file(7)).unwrap()
    };
    assert_eq!(
        file("-nic vde"),
        "[chardev \"vdeq-qmp\"]\n  backend = \"socket\"\n  fd = \"7\"\n\
         [mon \"vdeq-qmp\"]\n  chardev = \"vdeq-qmp\"\n  mode = \"control\"\n"
    );
    assert!(file("-chardev null,id=vdeq-qmp").contains("[mon \"vdeq-qmp1\"]"));
}
