//! What stands for a descriptor in the arguments of a program that is no QEMU.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use vde_args::{
    ArgErrorKind, Command, CommandLine, Invocation, Note, PORT_MAX, Placeholders, PlugSpec, Why,
    parse,
};

use crate::support::{joined, place, run, spot};

/// Reads the arguments of a vfkit; the first is number 3.
fn vfkit(arguments: &str) -> Placeholders<'static> {
    Placeholders::read(&run(&format!("vdeq --fd-placeholder vfkit {arguments}")))
        .unwrap_or_else(|error| panic!("{arguments}: {error}"))
}

/// The arguments with descriptors 10, 11, ...
fn rewritten(arguments: &str) -> String {
    let placeholders = vfkit(arguments);
    let fds: Vec<i32> = (10..).take(placeholders.plugs().len()).collect();
    joined(&placeholders.rewrite(&fds).unwrap().args)
}

/// The error in the arguments of a vfkit, and where it is.
fn refused(arguments: &str) -> (ArgErrorKind, String) {
    let error = Placeholders::read(&run(&format!("vdeq --fd-placeholder vfkit {arguments}")))
        .expect_err(arguments);
    (error.kind.clone(), place(&error))
}

#[test]
fn a_placeholder_names_a_switch_in_every_way_that_an_option_of_qemu_can() {
    for (argument, sock, port) in [
        ("{vde}", None, None),
        ("{vde:}", None, None),
        ("{vde:,}", None, None),
        ("{vde:/run/sw}", Some("/run/sw"), None),
        ("{vde:/run/sw[3]}", Some("/run/sw[3]"), None),
        ("{vde:/run/sw,port=3}", Some("/run/sw"), Some(3)),
        ("{vde:sock=/run/sw,port=3}", Some("/run/sw"), Some(3)),
        ("{vde:port=3,sock=/run/sw}", Some("/run/sw"), Some(3)),
        ("{vde:port=3}", None, Some(3)),
        ("{vde:port=0,sock=}", None, None),
        ("{vde:port=,mode=}", None, None),
        ("{vde:port=1,port=8388607}", None, Some(PORT_MAX)),
        ("{vde:sock=/a,,b}", Some("/a,b"), None),
        ("{vde:/a,,port=3}", Some("/a,port=3"), None),
        ("{vde:\"/a}b,c\",port=3}", Some("\"/a}b,c\""), Some(3)),
        ("{vde:sock=\"/a}b,c\",port=3}", Some("\"/a}b,c\""), Some(3)),
        ("{vde:sock='/a}b'}", Some("'/a}b'"), None),
        ("{vde:vde:///run/sw}", Some("vde:///run/sw"), None),
        ("{vde:/run/{sw}", Some("/run/{sw"), None),
    ] {
        let placeholders = vfkit(argument);
        let [plug] = placeholders.plugs() else { panic!("{argument}") };
        assert_eq!((plug.sock.as_deref(), plug.port), (sock.map(OsStr::new), port), "{argument}");
        assert_eq!(rewritten(argument), "10", "{argument}");
    }
}

#[test]
fn every_part_of_a_placeholder_has_its_place() {
    let placeholders = vfkit("--device virtio-net,fd={vde:sock=/s,port=7,group=kvm,mode=0660},x");
    let [plug] = placeholders.plugs() else { panic!("{placeholders:?}") };
    assert_eq!(
        (plug.port, plug.mode, plug.group.as_deref()),
        (Some(7), Some(0o660), Some("kvm".as_ref()))
    );
    let PlugSpec { parts, .. } = plug;
    assert_eq!(spot(&plug.spot), "4:14..54");
    assert_eq!(spot(&parts.sock), "4:24..26");
    assert_eq!(spot(&parts.port), "4:32..33");
    assert_eq!(spot(&parts.group), "4:40..43");
    assert_eq!(spot(&parts.mode), "4:49..53");
}

#[test]
fn placeholders_are_found_in_any_argument_and_several_in_one() {
    for (arguments, expected) in [
        ("--fd={vde}", "--fd=10"),
        ("{vde}{vde:/b}", "1011"),
        ("a,{vde:/a,port=1},{vde:/b},z {vde:/c}", "a,10,11,z 12"),
        ("{\"net\":{\"fd\":{vde:/a}}}", "{\"net\":{\"fd\":10}}"),
        ("{vde:/a}}", "10}"),
        ("{{vde}}", "{10}"),
        ("-- -v --exec -sock {vde}", "-- -v --exec -sock 10"),
        ("-name {vde} -net vde", "-name 10 -net vde"),
    ] {
        assert_eq!(rewritten(arguments), expected, "{arguments}");
    }
    let placeholders = vfkit("a,{vde:/a,port=1},{vde:/b},z {vde:/c}");
    let named: Vec<_> = placeholders
        .plugs()
        .iter()
        .map(|plug| {
            format!("{} {}", plug.sock.as_ref().unwrap().to_str().unwrap(), spot(&plug.spot))
        })
        .collect();
    assert_eq!(named, ["/a 3:2..17", "/b 3:18..26", "/c 4:0..8"]);
    let rewritten = placeholders.rewrite(&[10, 11, 12]).unwrap();
    let changes: Vec<_> =
        rewritten.changes.iter().map(|change| (change.index, change.why)).collect();
    assert_eq!(changes, [(3, Why::Placeholder), (4, Why::Placeholder)]);
    assert_eq!(rewritten.changes[0].before, ["a,{vde:/a,port=1},{vde:/b},z"]);
    assert_eq!(rewritten.changes[0].after, ["a,10,11,z"]);
}

#[test]
fn braces_that_are_somebody_elses_stay() {
    for arguments in [
        "${vde}",
        "echo ${vde:-/run/sw} ${vde:=3",
        "{\"vde\":1}",
        "{vdeq} {vde } {vde,sock=/s} {vde=/s} {VDE} {vd",
        "{vde",
        "x{vde",
        "{ vde} {} } {{ }} vde vde:/s fd=vde",
        "eth0=vde,/run/sw",
        "",
    ] {
        let placeholders = vfkit(arguments);
        assert!(placeholders.plugs().is_empty(), "{arguments}");
        assert_eq!(placeholders.notes(), [Note::NoPlaceholder], "{arguments}");
        let rewritten = placeholders.rewrite(&[]).unwrap();
        assert_eq!((joined(&rewritten.args), rewritten.changes), (arguments.to_owned(), vec![]));
    }
    assert_eq!(rewritten("${vde}{vde}$x{vde} $"), "${vde}10$x11 $");
    assert!(vfkit("{vde}").notes().is_empty());
}

#[test]
fn bytes_that_are_no_text_stay_and_may_name_a_switch() {
    let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let words: Vec<OsString> = ["vdeq", "--fd-placeholder", "vfkit"].map(Into::into).into();
    let odd = [bytes(b"\xff{vde:/\xfe\n,port=2}\x80{"), bytes(b"\xc3{vd\xff}")];
    let argv = [&words[..], &odd].concat();
    let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
    let placeholders = Placeholders::read(&run).unwrap();
    assert_eq!(placeholders.plugs()[0].sock.as_deref(), Some(OsStr::from_bytes(b"/\xfe\n")));
    let args = placeholders.rewrite(&[99]).unwrap().args;
    assert_eq!(args, [bytes(b"\xff99\x80{"), odd[1].clone()]);
}

#[test]
fn the_name_of_the_program_is_no_argument() {
    let run = run("vdeq --fd-placeholder {vde} {vde}");
    assert_eq!(run.program, "{vde}");
    let placeholders = Placeholders::read(&run).unwrap();
    assert_eq!(placeholders.plugs().len(), 1);
    assert_eq!(placeholders.rewrite(&[5]).unwrap().args, ["5"]);
}

#[test]
fn what_is_wrong_is_pointed_at_byte_for_byte() {
    let number = ArgErrorKind::BadNumber { key: "port", max: PORT_MAX };
    let unknown = |nearest| ArgErrorKind::UnknownParameter { nearest };
    for (argument, kind, at) in [
        ("fd={vde:/s,port=x},y", number.clone(), "3:16..17 x"),
        ("fd={vde:/s,port=8388608}", number.clone(), "3:16..23 8388608"),
        ("{vde}{vde:port=-1}", number, "3:15..17 -1"),
        ("fd={vde:/s,mode=rw}", ArgErrorKind::BadMode, "3:16..18 rw"),
        ("fd={vde:/s,mode=1000}", ArgErrorKind::BadMode, "3:16..20 1000"),
        ("fd={vde:/s,prot=3}", unknown(Some("port")), "3:11..15 prot"),
        ("fd={vde:sok=/s}", unknown(Some("sock")), "3:8..11 sok"),
        ("fd={vde:/s,vlan=1}", unknown(None), "3:11..15 vlan"),
        ("fd={vde:port=3,/s}", unknown(None), "3:15..17 /s"),
        ("fd={vde:/s,port}", ArgErrorKind::MissingParameterValue { key: "port" }, "3:11..15 port"),
        ("fd={vde:/s,port=3", ArgErrorKind::OpenPlaceholder, "3:3..17 {vde:/s,port=3"),
        ("{vde}{vde:", ArgErrorKind::OpenPlaceholder, "3:5..10 {vde:"),
        ("{vde:sock=\"/a}b\"", ArgErrorKind::OpenPlaceholder, "3:0..16 {vde:sock=\"/a}b\""),
    ] {
        assert_eq!(refused(argument), (kind, at.to_owned()), "{argument}");
    }
    assert_eq!(refused("-m 1 {vde:port=x}").1, "5:10..11 x");
}

#[test]
fn every_descriptor_is_named_once_and_there_is_one_for_each_plug() {
    let placeholders = vfkit("{vde:/a} b{vde:/b}b {vde:/c}");
    let args = joined(&placeholders.rewrite(&[300, 200, 100]).unwrap().args);
    assert_eq!(args, "300 b200b 100");
    for fds in [&[][..], &[1, 2], &[1, 2, 3, 4], &[1, -1, 3]] {
        let error = placeholders.rewrite(fds).unwrap_err();
        assert!(matches!(error.kind, ArgErrorKind::Descriptors { plugs: 3, .. }), "{fds:?}");
    }
}

#[test]
fn a_line_that_was_read_as_a_qemus_loses_no_word() {
    let words = ["-netdev", "dgram,id=n,local.type=fd,local.str={vde:/s}", "-m", "{vde:/t}", "x"];
    let words = words.map(OsString::from);
    let run = Invocation::new("qemu", CommandLine::parse(&words));
    let placeholders = Placeholders::read(&run).unwrap();
    let args = joined(&placeholders.rewrite(&[8, 9]).unwrap().args);
    assert_eq!(args, "-netdev dgram,id=n,local.type=fd,local.str=8 -m 9 x");
}

#[test]
fn the_option_stands_before_the_program_or_directly_after_it() {
    for text in [
        "vdeq --fd-placeholder --mod 600 -v vfkit --exec {vde}",
        "vdeq -v --mod=600 --fd-placeholder vfkit --exec {vde}",
        "vdeq -v vfkit --mod 600 --fd-placeholder -- --exec {vde}",
        "vdeq vfkit --fd-placeholder --mod 600 -v -- --exec {vde}",
        "vdevfkit --fd-placeholder -v --mod 600 -- --exec {vde}",
        "vdevfkit -v --mod 600 --fd-placeholder -- --exec {vde}",
    ] {
        let run = run(text);
        assert_eq!(run.program, "vfkit", "{text}");
        assert!(run.options.fd_placeholder && !run.options.exec, "{text}");
        assert_eq!((run.options.verbose, run.options.mode), (1, Some(0o600)), "{text}");
        assert_eq!(joined(run.line.words()), "--exec {vde}", "{text}");
    }
    for text in ["vdeq vfkit -m 1 --fd-placeholder {vde}", "vdeq -- vfkit --fd-placeholder {vde}"] {
        assert!(!run(text).options.fd_placeholder, "{text}");
    }
}

#[test]
fn behind_the_program_no_word_is_ours() {
    let words = "-v --exec --dry-run --mod 600 -sock /s --qemu-version 7.2 --fd-placeholder --";
    let run = run(&format!("vdeq --fd-placeholder vfkit {words}"));
    assert_eq!(joined(run.line.words()), words);
    assert_eq!((run.options.verbose, run.options.mode), (0, None));
    assert!(!run.options.exec && !run.options.dry_run && run.options.socks.is_empty());
}

#[test]
fn options_of_vdeq_that_concern_any_program_work_beside_it() {
    let run =
        run("vdeq --exec --dry-run --explain=json --timeout 2 --mod 640 --fd-placeholder p {vde}");
    let options = &run.options;
    assert!(options.exec && options.dry_run && options.explain.is_some());
    assert_eq!((options.mode, options.timeout.map(|time| time.as_secs())), (Some(0o640), Some(2)));
}

#[test]
fn options_of_vdeq_that_only_concern_a_qemu_are_an_error_beside_it() {
    for (text, at) in [
        ("vdeq -sock /s --fd-placeholder p", "1:0..5 -sock"),
        ("vdeq --fd-placeholder --unix=/s p", "2:0..6 --unix"),
        ("vdeq --fd-placeholder --qemu-version 7.2 p", "2:0..14 --qemu-version"),
        ("vdeq --qemu-version=7.2 --fd-placeholder p", "1:0..14 --qemu-version"),
        ("vdeq --modernize -sock /s --fd-placeholder p", "1:0..11 --modernize"),
        ("vdeq p --fd-placeholder --modernize x", "3:0..11 --modernize"),
        ("vdeq p -sock /s --fd-placeholder x", "2:0..5 -sock"),
        ("vdep --fd-placeholder -sock /s x", "2:0..5 -sock"),
    ] {
        let error = crate::support::error(text);
        assert_eq!(error.kind, ArgErrorKind::Contradiction { other: "--fd-placeholder" }, "{text}");
        assert_eq!(place(&error), at, "{text}");
        assert!(error.to_string().ends_with("means nothing with --fd-placeholder"), "{error}");
    }
}
