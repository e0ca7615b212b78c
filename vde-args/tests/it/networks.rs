//! Which plugs a command line asks for, which it does not, and what is said about it.

use vde_args::{ArgErrorKind, Network, Note, PORT_MAX};

use crate::support::{error, network, notes, place, run, spot, switches};

#[test]
fn a_vde_network_is_found_behind_every_option_that_can_name_one() {
    for option in ["-net", "--net", "-nic", "--nic"] {
        assert_eq!(switches(&format!("vdeq qemu {option} vde,sock=/s")), ["/s"]);
        assert_eq!(switches(&format!("vdeq qemu {option} sock=/s,type=vde")), ["/s"]);
    }
    for option in ["-netdev", "--netdev"] {
        assert_eq!(switches(&format!("vdeq qemu {option} vde,id=n,sock=/s")), ["/s"]);
    }
}

#[test]
fn a_word_that_is_the_argument_of_something_else_names_no_network() {
    for text in ["vdeq qemu -name -net -append vde -net user", "vdeq qemu -net user vde,sock=/s"] {
        assert!(switches(text).is_empty(), "{text}");
    }
}

#[test]
fn what_is_no_option_of_qemu_names_no_network() {
    for text in ["-net=vde,sock=/s", "-m 1 -net", "-NET vde,sock=/s", "-append -net vde,sock=/s"] {
        assert_eq!(switches(&format!("vdeq qemu {text}")), ["-"], "{text}");
    }
    // The argument of `-net` is `-net`.
    assert!(switches("vdeq qemu -net -net vde").is_empty());
}

#[test]
fn leading_zeros_of_a_port_mean_nothing() {
    assert_eq!(network("vdeq qemu -net vde,port=010").plugs()[0].port, Some(10));
}

#[test]
fn every_parameter_is_read() {
    let network = network("vdeq qemu -net vde,sock=/s,port=7,group=kvm,mode=0660,vlan=0,id=n");
    let plug = &network.plugs()[0];
    assert_eq!(plug.sock.as_deref(), Some("/s".as_ref()));
    assert_eq!((plug.port, plug.mode), (Some(7), Some(0o660)));
    assert_eq!(plug.group.as_deref(), Some("kvm".as_ref()));
    assert_eq!(spot(&plug.parts.sock), "3:9..11");
    assert_eq!(spot(&plug.parts.port), "3:17..18");
    assert_eq!(spot(&plug.parts.group), "3:25..28");
    assert_eq!(spot(&plug.parts.mode), "3:34..38");
    assert_eq!(spot(&plug.spot), "3:0..3");
}

#[test]
fn absent_empty_and_zero_values_mean_the_default() {
    for list in [
        "vde",
        "vde,",
        "vde,sock=,group=,port=0,mode=0",
        "vde,sock=,group=,port=,mode=",
        "vde,port=3,mode=600,port=,mode=",
        "vde,,sock=",
    ] {
        let network = network(&format!("vdeq qemu -net {list}"));
        let plug = &network.plugs()[0];
        let defaults = (&plug.sock, plug.port, &plug.group, plug.mode);
        assert_eq!(defaults, (&None, None, &None, None), "{list}");
    }
}

#[test]
fn the_last_of_a_repeated_parameter_counts() {
    assert_eq!(switches("vdeq qemu -net vde,sock=/a,sock=/b"), ["/b"]);
    assert_eq!(network("vdeq qemu -net vde,port=3,port=0").plugs()[0].port, None);
}

#[test]
fn the_mode_of_one_network_is_kept_apart_from_the_mode_of_all() {
    let text = "vdeq qemu --mod 600 -net vde,mode=660 -net vde -net vde,mode=0";
    let network = network(text);
    let modes: Vec<_> = network.plugs().iter().map(|plug| plug.mode).collect();
    assert_eq!(modes, [Some(0o660), None, None]);
    assert_eq!(run(text).options.mode, Some(0o600));
}

#[test]
fn a_doubled_comma_is_part_of_a_path_and_quotes_are_the_locators() {
    assert_eq!(switches("vdeq qemu -net vde,sock=/a,,b"), ["/a,b"]);
    assert_eq!(switches("vdeq qemu -net vde,,sock=/s,port=1,,group=g"), ["/s"]);
    assert_eq!(switches("vdeq qemu -net vde,sock=\"/a,b\",port=1"), ["\"/a,b\""]);
    assert_eq!(switches("vdeq qemu -net vde,sock='/a[3]'"), ["'/a[3]'"]);
    assert_eq!(switches("vdeq qemu -net vde,sock=/s[3]"), ["/s[3]"]);
}

#[test]
fn named_networks_come_before_listed_ones() {
    let text = "vdeq qemu -sock /a,/b -net vde,sock=/c -nic vde,sock=/d";
    assert_eq!(switches(text), ["/c", "/d", "/a", "/b"]);
    let network = network(text);
    let origins: Vec<_> = network.plugs().iter().map(|plug| spot(&plug.parts.sock)).collect();
    assert_eq!(origins, ["5:9..11", "7:9..11", "3:0..2", "3:3..5"]);
}

#[test]
fn no_network_at_all_means_the_default_switch() {
    for text in ["vdeq qemu", "vdeqemu -m 1", "vdeq qemu -net nic", "vdeq qemu -device e1000"] {
        let network = network(text);
        assert_eq!(switches(text), ["-"], "{text}");
        assert_eq!(network.plugs()[0].spot, None, "{text}");
        assert!(network.notes().contains(&Note::DefaultSwitch), "{text}");
    }
}

#[test]
fn another_backend_is_left_alone_and_said() {
    for (text, index, backend) in [
        ("vdeq qemu -net user", 3, "user"),
        ("vdeq qemu -net nic -net tap,fd=3", 5, "tap,fd=3"),
        ("vdeq qemu -net none", 3, "none"),
        ("vdeq --mod 600 qemu -nic none", 5, "none"),
        ("vdeqemu -nic user,model=e1000", 2, "user,model=e1000"),
        ("vdeqemu -netdev bridge,id=b", 2, "bridge,id=b"),
        ("vdeqemu -netdev {\"type\":\"user\",\"id\":\"u\"}", 2, "{\"type\":\"user\",\"id\":\"u\"}"),
        ("vdeoqemu -user-net", 1, "-user-net"),
        ("vdeoqemu -tun-fd 3", 1, "-tun-fd"),
    ] {
        let network = network(text);
        assert!(network.plugs().is_empty(), "{text}");
        let note = Note::OtherBackend { index, text: backend.into() };
        assert_eq!(network.notes(), [note], "{text}");
    }
}

#[test]
fn a_qemu_that_only_prints_something_gets_no_network() {
    for (text, index, word) in [
        ("vdeqemu -version", 1, "-version"),
        ("vdeq qemu --help", 2, "--help"),
        ("vdeq qemu -m 1 -cpu help", 5, "help"),
        ("vdeq qemu -netdev help", 3, "help"),
        ("vdeq qemu -device e1000,help", 3, "e1000,help"),
    ] {
        let network = network(text);
        let note = Note::Informational { index, text: word.into() };
        assert_eq!((network.plugs().len(), network.notes()), (0, &[note][..]), "{text}");
    }
    assert_eq!(switches("vdeq qemu -cpu help -net vde,sock=/s"), ["/s"]);
    assert_eq!(switches("vdeq qemu -version -sock /s"), ["/s"]);
}

#[test]
fn a_netdev_that_nothing_refers_to_is_said_and_left_to_hot_plug() {
    let lonely = network("vdeq qemu -netdev vde,id=n0");
    assert_eq!(lonely.notes(), [Note::NoDevice { index: 3, id: "n0".into() }]);
    for user in [
        "-device e1000,netdev=n0",
        "-device {\"driver\":\"e1000\",\"netdev\":\"n0\"}",
        "-net nic,netdev=n0",
        "-netdev hubport,id=h,hubid=0,netdev=n0",
    ] {
        let network = network(&format!("vdeq qemu {user} -netdev vde,id=n0"));
        assert_eq!(notes(&network), [], "{user}");
    }
}

#[test]
fn a_number_out_of_range_or_no_number_is_pointed_at() {
    for (list, at) in [
        ("vde,port=abc", "3:9..12 abc"),
        ("vde,port=-1", "3:9..11 -1"),
        ("vde,port=:", "3:9..10 :"),
        ("vde,port=8388608,sock=/s", "3:9..16 8388608"),
        ("vde,port=99999999999999999999", "3:9..29 99999999999999999999"),
        ("type=vde,port=0x3", "3:14..17 0x3"),
    ] {
        let error = error(&format!("vdeq qemu -net {list}"));
        let expected = ArgErrorKind::BadNumber { key: "port", max: PORT_MAX };
        assert_eq!((&error.kind, &*place(&error)), (&expected, at), "{list}");
    }
    let error = error("vdeq --mod 700 qemu -b c -net vde,sock=/s,vlan=zz");
    assert_eq!(place(&error), "7:17..19 zz");
    let sentence = "`zz` is not a vlan number: expected decimal digits, 0 to 2147483647";
    assert_eq!(error.to_string(), sentence);
    assert_eq!(network("vdeq qemu -net vde,port=8388607").plugs()[0].port, Some(PORT_MAX));
}

#[test]
fn an_unknown_parameter_is_pointed_at_and_the_nearest_one_offered() {
    for (args, at, nearest) in [
        ("-net vde,foo=1", "3:4..7 foo", None),
        ("-net vde,scok=/s", "3:4..8 scok", Some("sock")),
        ("-net vde,sock=/s,prot=3", "3:12..16 prot", Some("port")),
        ("-netdev vde,id=n,vlna=0", "3:9..13 vlna", None),
        ("-netdev vde,id=n,vlan=0", "3:9..13 vlan", None),
        ("-nic vde,modle=e1000", "3:4..9 modle", Some("model")),
        ("-net vde,sokc", "3:4..8 sokc", Some("sock")),
    ] {
        let error = error(&format!("vdeq qemu {args}"));
        let expected = ArgErrorKind::UnknownParameter { nearest };
        assert_eq!((&error.kind, &*place(&error)), (&expected, at), "{args}");
    }
    let sentence = "`scok` is not a parameter of a VDE network: did you mean `sock`?";
    assert_eq!(error("vdeq qemu -net vde,scok=/s").to_string(), sentence);
}

#[test]
fn a_parameter_without_a_value_is_pointed_at() {
    let flag = error("vdeq qemu -net vde,sock,port=3");
    assert_eq!(flag.kind, ArgErrorKind::MissingParameterValue { key: "sock" });
    assert_eq!(place(&flag), "3:4..8 sock");
    for list in ["vde", "vde,sock=/s", "vde,id="] {
        let error = error(&format!("vdeq qemu -netdev {list}"));
        assert_eq!(error.kind, ArgErrorKind::MissingId, "{list}");
        assert_eq!(error.span, list.len()..list.len(), "{list}");
    }
}

#[test]
fn a_second_network_of_the_same_name_is_pointed_at_if_one_of_them_is_ours() {
    for (args, at) in [
        ("-netdev vde,id=n -netdev vde,id=n", "5:7..8 n"),
        ("-netdev user,id=n -netdev vde,sock=/s,id=n", "5:15..16 n"),
        ("-netdev vde,id=n -netdev id=n,type=user", "5:3..4 n"),
        ("-netdev vde,id=n,id=a -netdev {\"type\":\"tap\",\"id\":\"n\"}", "5:20..21 n"),
    ] {
        let error = error(&format!("vdeq qemu {args}"));
        assert_eq!((&error.kind, &*place(&error)), (&ArgErrorKind::RepeatedId, at), "{args}");
    }
    for fine in [
        "-netdev user,id=n -netdev tap,id=n",
        "-netdev vde,id=a -netdev vde,id=b",
        // QEMU takes the first id= for the name.
        "-netdev vde,id=a,id=n -netdev user,id=n",
        // It answers, and makes no network.
        "-netdev vde,id=n -version -netdev vde,id=n",
    ] {
        assert!(Network::read(&run(&format!("vdeq qemu {fine}"))).is_ok(), "{fine}");
    }
}

#[test]
fn json_with_a_key_twice_is_pointed_at() {
    let error = error("vdeq qemu -netdev {\"type\":\"vde\",\"id\":\"n\",\"id\":\"m\"}");
    assert!(matches!(error.kind, ArgErrorKind::BadJson { .. }), "{error:?}");
    assert_eq!(place(&error), "3:23..24 \"");
}

#[test]
fn a_wrong_mode_is_pointed_at() {
    let error = error("vdeq qemu -net vde,mode=0999");
    assert_eq!((&error.kind, &*place(&error)), (&ArgErrorKind::BadMode, "3:9..13 0999"));
}
