//! User-mode Linux kernels: known by name, and their old VDE transport by its argument.

use vde_args::{ArgErrorKind, Note, PORT_MAX, Placeholders, Why};

use crate::support::{error, joined, place, run, spot};

/// Reads the arguments of a `linux`; the first is number 2.
fn linux(arguments: &str) -> Placeholders<'static> {
    Placeholders::read(&run(&format!("vdeq linux {arguments}")))
        .unwrap_or_else(|error| panic!("{arguments}: {error}"))
}

/// The arguments with descriptors 10, 11, ...
fn rewritten(arguments: &str) -> String {
    let placeholders = linux(arguments);
    let fds: Vec<i32> = (10..).take(placeholders.plugs().len()).collect();
    joined(&placeholders.rewrite(&fds).unwrap().args)
}

#[test]
fn a_kernel_needs_no_option_to_be_known_and_a_link_is_enough() {
    for text in [
        "vdeq linux eth0=vde -v",
        "vdeq /usr/bin/linux.uml eth0=vde -v",
        "vdeq ./linux-6.1.176 eth0=vde -v",
        "vdeq -v vmlinux eth0=vde -v",
        "vdeq --fd-placeholder linux eth0=vde -v",
        "vdelinux eth0=vde -v",
        "vdelinux.uml -v -- eth0=vde -v",
    ] {
        let run = run(text);
        assert!(run.options.fd_placeholder, "{text}");
        assert_eq!(joined(run.line.words()), "eth0=vde -v", "{text}");
        assert_eq!(Placeholders::read(&run).unwrap().plugs().len(), 1, "{text}");
    }
    for text in ["vdeq linux-desktop -net vde", "vdeq linux32 -net vde", "vdeqemu eth0=vde"] {
        assert!(!run(text).options.fd_placeholder, "{text}");
    }
}

#[test]
fn all_seven_fields_of_the_old_transport_are_read() {
    let mac = "fe:fd:00:00:00:01";
    let placeholders = linux(&format!("mem=64M eth1=vde,/run/sw,{mac},4,kvm,0660,my-lab"));
    let [plug] = placeholders.plugs() else { panic!("{placeholders:?}") };
    assert_eq!(plug.description.as_deref(), Some("my-lab".as_ref()));
    assert_eq!(plug.sock.as_deref(), Some("/run/sw".as_ref()));
    assert_eq!((plug.port, plug.mode), (Some(4), Some(0o660)));
    assert_eq!(plug.group.as_deref(), Some("kvm".as_ref()));
    assert_eq!(spot(&plug.spot), "3:0..52");
    assert_eq!(spot(&plug.parts.sock), "3:9..16");
    assert_eq!(spot(&plug.parts.port), "3:35..36");
    assert_eq!(spot(&plug.parts.group), "3:37..40");
    assert_eq!(spot(&plug.parts.mode), "3:41..45");
    let new = placeholders.rewrite(&[7]).unwrap();
    let expected = format!("mem=64M vec1:transport=fd,fd=7,mac={mac}");
    assert_eq!(joined(&new.args), expected);
    assert_eq!((new.changes[0].index, new.changes[0].why), (3, Why::UmlTransport));
}

#[test]
fn every_field_may_be_left_out() {
    for (argument, port, mac) in [
        ("eth0=vde", None, ""),
        ("eth0=vde,", None, ""),
        ("eth0=vde,,,,,,", None, ""),
        ("eth0=vde,,,0,,0", None, ""),
        ("eth0=vde,,,3", Some(3), ""),
        ("eth0=vde,,fe:fd:0:0:0:1", None, ",mac=fe:fd:0:0:0:1"),
    ] {
        let placeholders = linux(argument);
        let plug = &placeholders.plugs()[0];
        let all = (&plug.sock, plug.port, &plug.group, plug.mode, &plug.description);
        assert_eq!(all, (&None, port, &None, None, &None), "{argument}");
        assert_eq!(rewritten(argument), format!("vec0:transport=fd,fd=10{mac}"), "{argument}");
    }
}

#[test]
fn the_new_name_of_the_interface_is_said() {
    let note = Note::UmlInterface { index: 3, unit: "12".into() };
    assert_eq!(note.to_string(), "in the guest the interface is called vec12, not eth12");
    assert_eq!(linux("mem=1M eth12=vde").notes(), [note]);
}

#[test]
fn old_and_new_forms_stand_beside_each_other_in_the_order_of_the_line() {
    let text = "eth0=vde,/a vec1:transport=fd,fd={vde:/b},mac=2:0:0:0:0:1 eth2=vde,/c root=98:0";
    let switches: Vec<_> = linux(text).plugs().iter().map(|plug| plug.sock.clone()).collect();
    assert_eq!(switches, ["/a", "/b", "/c"].map(|name| Some(name.into())));
    assert_eq!(
        rewritten(text),
        "vec0:transport=fd,fd=10 vec1:transport=fd,fd=11,mac=2:0:0:0:0:1 \
         vec2:transport=fd,fd=12 root=98:0"
    );
}

#[test]
fn other_transports_and_words_that_only_look_like_ours_stay() {
    for arguments in [
        "eth0=tuntap,,,192.0.2.1",
        "eth0=daemon eth=vde eth0=vdex xeth0=vde eth0:vde ethx=vde",
        "vec0:transport=vde,vnl=vde:///run/sw ip=::::uml:eth0=vde",
        "init=/bin/sh ${vde}",
    ] {
        let placeholders = linux(arguments);
        assert_eq!(placeholders.notes(), [Note::NoPlaceholder], "{arguments}");
        assert_eq!(rewritten(arguments), arguments);
    }
}

#[test]
fn what_is_wrong_in_a_field_is_pointed_at() {
    let number = ArgErrorKind::BadNumber { key: "port", max: PORT_MAX };
    for (argument, kind, at) in [
        ("eth0=vde,/s,,x", number.clone(), "2:13..14 x"),
        ("eth10=vde,,,8388608,kvm", number, "2:12..19 8388608"),
        ("eth0=vde,,,,,9", ArgErrorKind::BadMode, "2:13..14 9"),
        ("eth0=vde,,,,,,text,more,still", ArgErrorKind::TooManyFields, "2:19..23 more"),
        ("{vde:/s", ArgErrorKind::OpenPlaceholder, "2:0..7 {vde:/s"),
    ] {
        let error = Placeholders::read(&run(&format!("vdeq linux {argument}"))).unwrap_err();
        assert_eq!((error.kind.clone(), &*place(&error)), (kind, at), "{argument}");
    }
}

#[test]
fn options_of_vdeq_that_only_concern_a_qemu_are_an_error_beside_a_kernel() {
    let error = error("vdeq -sock /s linux");
    let other = "a User-mode Linux kernel";
    assert_eq!(error.kind, ArgErrorKind::Contradiction { other });
    assert_eq!(place(&error), "1:0..5 -sock");
    assert_eq!(error.to_string(), "`-sock` means nothing with a User-mode Linux kernel");
}
