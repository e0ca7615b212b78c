//! The C vdeq's known faults that have to do with argv must not come back. The numbers are those
//! of `docs/compatibility.md`.

use std::collections::BTreeSet;

use vde_args::{ArgErrorKind, Command, Help, QemuVersion, Style, parse};

use crate::support::{
    SOCKET, TAP_VLAN, TUN_FD, argv, error, joined, network, place, rewrite, run, spelt, switches,
};

#[test]
fn v1_a_qemu_of_today_is_told_in_words_it_knows() {
    for version in [(3, 0, 0), (4, 0, 0), (5, 1, 0), (7, 2, 22), (11, 1, 3)] {
        let version = QemuVersion::new(version.0, version.1, version.2);
        let args = spelt(version, "-M none -net nic -net vde,sock=/s,vlan=0");
        assert!(!args.contains("vlan"), "{args}");
        assert_eq!(args.contains("tap,fd=10"), version.major == 3, "{args}");
    }
}

#[test]
fn v22_a_bad_parameter_is_an_error_that_names_it() {
    let error = error("vdeq qemu -net vde,foo=1");
    assert_eq!(place(&error), "3:4..7 foo");
    assert_eq!(error.to_string(), "`foo` is not a parameter of a VDE network");
}

#[test]
fn v23_numbers_are_checked() {
    for (list, at) in [
        ("vde,port=abc", "3:9..12 abc"),
        ("vde,vlan=zz", "3:9..11 zz"),
        ("vde,vlan=1x", "3:9..11 1x"),
        ("vde,port=+3", "3:9..11 +3"),
        ("vde,vlan=", "3:9..9 "),
    ] {
        let error = error(&format!("vdeq qemu -net {list}"));
        assert!(matches!(error.kind, ArgErrorKind::BadNumber { .. }));
        assert_eq!(place(&error), at);
    }
    assert_eq!(error("vdeq qemu --mod 9 -net vde").kind, ArgErrorKind::BadMode);
}

#[test]
fn v24_the_vdeoq_link_takes_a_program_name() {
    let run = run("vdeoq fq -net vde");
    assert_eq!((run.program.to_str(), run.style), (Some("fq"), Style::TunFd));
    assert_eq!(error("vdeoq").kind, ArgErrorKind::MissingProgram);
}

#[test]
fn v25_no_vde_argument_is_left_for_a_qemu_that_does_not_know_it() {
    let text = "vdeq qemu -net vde,sock=/s";
    assert_eq!(joined(&rewrite(TUN_FD, text).args), "-tun-fd 10 -nics 1");
}

#[test]
fn v27_usage_is_help_or_an_error_and_never_a_program() {
    assert_eq!(parse(&argv("vdeq -h")), Ok(Command::Help(Help::Page)));
    assert_eq!(error("vdeq").kind, ArgErrorKind::MissingProgram);
}

#[test]
fn v30_old_and_new_syntax_on_one_line_lose_nothing() {
    let text = "vdeq qemu -sock /a -net vde,sock=/b";
    assert_eq!(switches(text), ["/b", "/a"]);
    assert_eq!(run(text).program, "qemu");
    let expected = "-net socket,fd=10 -net socket,fd=11 -net nic";
    assert_eq!(joined(&rewrite(SOCKET, text).args), expected);
}

#[test]
fn v30_an_argument_of_any_length_is_rewritten() {
    let path = "/x".repeat(3000);
    let args = format!("-nic vde,mac={path},sock={path}");
    assert_eq!(spelt(SOCKET, &args), format!("-nic socket,fd=10,mac={path}"));
    let many = "/s,".repeat(500);
    let network = network(&format!("vdeq qemu -sock {many}"));
    assert_eq!(network.plugs().len(), 501);
    let args = rewrite(SOCKET, &format!("vdeq qemu -sock {many}")).args;
    assert_eq!(args.iter().collect::<BTreeSet<_>>().len(), 501 + 2);
}

#[test]
fn options_of_ours_work_with_one_dash_and_two_and_in_any_order() {
    for text in ["vdeq qemu --mod 600 -sock /s", "vdeq qemu -sock /s -mode 600 -b c"] {
        assert_eq!(switches(text), ["/s"]);
        assert_eq!(run(text).options.mode, Some(0o600));
    }
}

#[test]
fn a_second_sock_list_and_a_second_nic_are_not_made_up_or_lost() {
    assert_eq!(switches("vdeq qemu -sock /a -sock /b"), ["/a", "/b"]);
    let args = spelt(TAP_VLAN, "-sock /a -net nic");
    assert_eq!(args.matches("nic").count(), 1, "{args}");
}

#[test]
fn a_switch_of_the_old_syntax_is_joined_to_what_else_is_on_vlan_0() {
    let expected = "-net user -net tap,fd=10 -net nic";
    assert_eq!(spelt(TAP_VLAN, "-sock /a -net user"), expected);
    let expected = "-net user -net socket,fd=10 -net nic";
    assert_eq!(spelt(SOCKET, "-sock /a -net user"), expected);
}

#[test]
fn a_sock_list_may_end_in_a_comma() {
    assert_eq!(switches("vdeq qemu -sock /a,"), ["/a", "-"]);
}
