//! JSON in the place of a list, and what stands in configuration files.

use vde_args::{ArgErrorKind, Command, Network, Note, parse};

use crate::support::{
    SOCKET, TAP_VLAN, VERSIONS, error, network, notes, place, run, spelt, spot, switches,
};

#[test]
fn json_is_read_in_any_order_with_any_quotes_and_escapes() {
    for (args, then, now) in [
        (
            r#"--netdev {"id":"a","sock":"/s","type":"vde"} -net nic,netdev=a"#,
            "--netdev tap,fd=10,id=a -net nic,netdev=a",
            r#"--netdev {"type":"socket","id":"a","fd":"10"} -net nic,netdev=a"#,
        ),
        (
            r#"-netdev {'type':'\u0076de','id':'n\u0030'}"#,
            "-netdev tap,fd=10,id=n0",
            r#"-netdev {"type":"socket","id":'n\u0030',"fd":"10"}"#,
        ),
        // No id can be that, but it is one value whatever it is.
        (
            r#"-netdev {"type":"vde","id":"a,fd=3"}"#,
            "-netdev tap,fd=10,id=a,,fd=3",
            r#"-netdev {"type":"socket","id":"a,fd=3","fd":"10"}"#,
        ),
    ] {
        assert_eq!(spelt(TAP_VLAN, args), then);
        assert_eq!(spelt(SOCKET, args), now);
    }
}

#[test]
fn json_parameters_are_read_and_know_where_they_stand() {
    let text = r#"vdeq qemu -netdev {"type":"vde","id":"n","sock":"/a,b","port":7,"group":"g"}"#;
    let network = network(text);
    let plug = &network.plugs()[0];
    assert_eq!(plug.sock.as_deref(), Some("/a,b".as_ref()));
    assert_eq!((plug.port, plug.group.as_deref()), (Some(7), Some("g".as_ref())));
    assert_eq!(spot(&plug.spot), "3:9..12");
    assert_eq!(spot(&plug.parts.sock), "3:31..35");
    assert_eq!(spot(&plug.parts.port), "3:44..45");
    assert_eq!(spot(&plug.parts.group), "3:55..56");
}

#[test]
fn a_mode_in_json_is_a_number_or_octal_digits_in_quotes() {
    for (json, mode) in [("384", 0o600), ("\"600\"", 0o600), ("\"0660\"", 0o660)] {
        let text = format!(r#"vdeq qemu -netdev {{"type":"vde","id":"n","mode":{json}}}"#);
        assert_eq!(network(&text).plugs()[0].mode, Some(mode), "{json}");
    }
}

#[test]
fn what_is_wrong_in_json_is_pointed_at() {
    for (json, at, kind) in [
        (
            r#"{"type":"vde","id":"n","prot":3}"#,
            "3:24..28 prot",
            ArgErrorKind::UnknownParameter { nearest: Some("port") },
        ),
        (
            r#"{"type":"vde","id":"n","port":"x"}"#,
            "3:31..32 x",
            ArgErrorKind::BadNumber { key: "port", max: vde_args::PORT_MAX },
        ),
        (r#"{"type":"vde","id":"n","mode":"9"}"#, "3:31..32 9", ArgErrorKind::BadMode),
        (r#"{"type":"vde"}"#, "3:13..13 ", ArgErrorKind::MissingId),
        (r#"{"type":"vde","id":5}"#, "3:19..20 5", ArgErrorKind::NotText { key: "id" }),
        (
            r#"{"type":"vde","id":"n","sock":null}"#,
            "3:30..34 null",
            ArgErrorKind::NotText { key: "sock" },
        ),
        (
            r#"{"type":"vde","id":"n","port":true}"#,
            "3:30..34 true",
            ArgErrorKind::NotText { key: "port" },
        ),
        (r#"{"type":"vde","id":""}"#, "3:21..21 ", ArgErrorKind::MissingId),
    ] {
        let error = error(&format!("vdeq qemu -netdev {json}"));
        assert_eq!((&*place(&error), &error.kind), (at, &kind), "{json}");
    }
    let error = error(r#"vdeq qemu -netdev {"type":"vde","id":"n",}"#);
    assert!(matches!(error.kind, ArgErrorKind::BadJson { .. }));
    assert_eq!(place(&error), "3:23..24 }");
    assert_eq!(error.to_string(), "this is no JSON object: expected a key in quotes at byte 23");
}

#[test]
fn json_that_is_wrong_or_of_another_network_is_left_to_qemu() {
    for args in [
        r#"-netdev {"type":"user","id":"n","sock":3}"#,
        r#"-netdev {"type":"user","id":"n""#,
        r#"-device {"driver":"e1000","netdev":"n"} -net none"#,
        r#"-netdev {"type":"user","id":"n,type=vde"}"#,
    ] {
        for version in VERSIONS {
            assert_eq!(spelt(version, args), args);
        }
    }
}

#[test]
fn only_netdev_takes_json_and_for_the_others_it_is_a_list() {
    for args in [r#"-net {"type":"vde"}"#, r#"-nic {"type":"vde"}"#] {
        assert!(switches(&format!("vdeq qemu {args}")).is_empty(), "{args}");
    }
}

/// Reads `vdeqemu -readconfig vm.cfg` where the file has this content.
fn with_file(content: Option<&[u8]>, more: &str) -> Result<Network<'static>, vde_args::ArgError> {
    let run = run(&format!("vdeqemu -readconfig vm.cfg{more}"));
    Network::read_with(&run, |path| {
        assert_eq!(path, "vm.cfg");
        content.map(<[u8]>::to_vec)
    })
}

#[test]
fn a_vde_network_in_a_file_is_an_error_that_says_what_to_write() {
    for (content, line, instead) in [
        ("[netdev \"n0\"]\n type = \"vde\"\n sock = \"/a,b\"\n", 1, "-netdev vde,id=n0,sock=/a,,b"),
        ("# x\n\n[net]\ntype = \"vde\"\nvlan = \"1\"\n", 3, "-net vde,vlan=1"),
        ("[nic]\nmodel = \"e1000\"\ntype = \"vde\"\n", 1, "-nic vde,model=e1000"),
    ] {
        let error = with_file(Some(content.as_bytes()), "").unwrap_err();
        let kind = ArgErrorKind::VdeInFile { line, instead: instead.into() };
        assert_eq!((&error.kind, &*place(&error)), (&kind, "2:0..6 vm.cfg"));
        let sentence = format!(
            "line {line} of `vm.cfg` names a VDE network: \
             write `{instead}` on the command line instead"
        );
        assert_eq!(error.to_string(), sentence);
    }
}

#[test]
fn what_a_file_says_of_networks_counts() {
    let other = with_file(Some(b"[netdev \"n\"]\ntype = \"user\"\n"), "").unwrap();
    let note = Note::OtherBackend { index: 2, text: "vm.cfg".into() };
    assert_eq!((other.plugs().len(), other.notes()), (0, &[note][..]));

    let unread = with_file(None, "").unwrap();
    let note = Note::UnreadFile { index: 2, text: "vm.cfg".into() };
    assert_eq!((unread.plugs().len(), unread.notes()), (0, &[note][..]));

    let silent = with_file(Some(b"[drive]\nif = \"none\"\n"), "").unwrap();
    assert_eq!((silent.plugs().len(), silent.notes().first()), (1, Some(&Note::DefaultSwitch)));

    // A NIC in the file is a NIC: none is added, and its hub has to stay.
    let nic = with_file(Some(b"[net]\ntype = \"nic\"\n"), " -net vde,vlan=0").unwrap();
    let args = nic.rewrite(SOCKET, &[7]).unwrap().args;
    assert_eq!(args, ["-readconfig", "vm.cfg", "-net", "socket,fd=7"]);

    // A device in the file refers to a netdev of the line.
    let device = b"[device]\ndriver = \"e1000\"\nnetdev = \"n\"\n";
    assert_eq!(notes(&with_file(Some(device), " -netdev vde,id=n").unwrap()), []);
}

#[test]
fn a_file_is_no_place_for_ours() {
    let words = ["vdeq", "qemu", "-readconfig"].map(Into::into);
    let Ok(Command::Run(run)) = parse(&words) else { panic!() };
    // There is no name of a file: nothing to read, and nothing to fall over.
    assert_eq!(Network::read_with(&run, |_| panic!("there is no file")).unwrap().plugs().len(), 1);
}

#[test]
fn types_that_look_like_vde_are_asked_about() {
    for (args, index, found) in [
        ("-net vd,sock=/s", 3, "vd"),
        ("-net vde:sock=/s", 3, "vde:sock"),
        ("-net vde/s", 3, "vde/s"),
        ("-netdev type=vdde,id=n", 3, "vdde"),
        ("-nic VDE -S", 3, "VDE"),
    ] {
        let note = Note::NearMiss { index, found: found.into() };
        assert!(network(&format!("vdeq qemu {args}")).notes().contains(&note), "{args}");
    }
    for args in ["-net user", "-net tap,fd=3", "-device vdex", "-netdev dgram,id=d", "-net none"] {
        let network = network(&format!("vdeq qemu {args}"));
        assert!(
            !network.notes().iter().any(|note| matches!(note, Note::NearMiss { .. })),
            "{args}"
        );
    }
}

#[test]
fn a_vlan_that_is_plugged_into_one_switch_twice_is_a_loop() {
    for (args, index) in [
        ("-net nic -net vde,sock=/s -net vde,sock=/s", 7),
        ("-sock /s,/t,/s", 3),
        ("-net nic -net vde,sock=/s -net vde,sock=/s -net vde,sock=/s", 7),
        ("-sock ,,,", 3),
        ("-net nic,vlan=1 -net vde,vlan=1 -net vde,vlan=1,port=3", 7),
    ] {
        let network = network(&format!("vdeq qemu {args}"));
        let loops = network.notes().iter().filter(|note| matches!(note, Note::Loop { .. }));
        let loops: Vec<_> = loops.collect();
        assert!(
            matches!(loops[..], [Note::Loop { index: i, .. }] if *i == index),
            "{args}: {loops:?}"
        );
    }
    for args in [
        "-net nic -net vde,sock=/s -net vde,sock=/t",
        "-net nic -net nic,vlan=1 -net vde,sock=/s -net vde,vlan=1,sock=/s",
        "-nic vde,sock=/s -nic vde,sock=/s",
    ] {
        let network = network(&format!("vdeq qemu {args}"));
        assert!(!network.notes().iter().any(|note| matches!(note, Note::Loop { .. })), "{args}");
    }
}

#[test]
fn a_set_that_reaches_into_a_vde_network_is_an_error() {
    for set in ["netdev.n.port=3", "netdev.n.type=user", "netdev.x.type=vde", "net.y.type=vde"] {
        let error = error(&format!("vdeq qemu -netdev vde,id=n -set {set} -net nic,netdev=n"));
        assert_eq!(error.kind, ArgErrorKind::SetOfVde);
        assert_eq!(place(&error), format!("5:0..{} {set}", set.len()));
    }
    for set in ["device.n.mac=x", "netdev.x.port=3", "netdev", "drive.n.type=vde"] {
        let args = format!("-netdev vde,id=n -set {set} -net nic,netdev=n");
        let expected = format!("-netdev socket,fd=10,id=n -set {set} -net nic,netdev=n");
        assert_eq!(spelt(SOCKET, &args), expected);
    }
}

#[test]
fn an_own_option_behind_those_of_qemu_is_told_of() {
    for (args, index, text) in [
        ("-nic vde --explain", 4, "--explain"),
        ("-m 1 -v -nic vde", 4, "-v"),
        ("-nic vde --timeout=3", 4, "--timeout=3"),
    ] {
        let note = Note::Misplaced { index, text: text.into() };
        assert!(network(&format!("vdeq qemu {args}")).notes().contains(&note), "{args}");
    }
    for args in ["-nic vde -name --explain", "-nic vde -version", "-nic vde --"] {
        let network = network(&format!("vdeq qemu {args}"));
        assert!(
            !network.notes().iter().any(|note| matches!(note, Note::Misplaced { .. })),
            "{args}"
        );
    }
}

#[test]
fn a_nic_on_another_vlan_than_the_network_is_told_of() {
    let network = network("vdeq qemu -net nic -net vde,vlan=3");
    assert_eq!(notes(&network), [Note::NicElsewhere { vlan: 3 }]);
}
