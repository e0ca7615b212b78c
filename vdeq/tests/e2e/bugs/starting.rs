//! Traps before the VM runs: command lines, programs, versions, switches that are not there.

use std::fs;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::Stdio;

use vde_exec::testkit::fake_qemu;
use vde_exec::testkit::real_switch::{Options, RealSwitch};
use vde_exec::testkit::wait;

use super::place::{Place, STATUS, Vm};
use crate::debian::{C_VDEQ, is_asleep, is_root, without_note};
use crate::rig;
use crate::world::{World, finish, start};

/// The words of a VM with no machine to speak of.
const BARE: [&str; 10] =
    ["-M", "none", "-display", "none", "-nodefaults", "-monitor", "stdio", "-serial", "none", "-S"];

#[test]
fn v1_a_qemu_of_today_is_not_told_of_vlans() {
    let qemu = rig::qemu("qemu-7.2");
    let qemu = qemu.to_str().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let words = |net| [&[qemu][..], &BARE, &["-net", net]].concat();

    let place = Place::theirs();
    let net = place.net();
    let mut outcome = place.ended_as(|| {
        let mut command = place.command(&words(&net), "");
        command.env("PATH", &path);
        command
    });
    assert_eq!(outcome.wait_for_vdeq().code(), Some(1));
    let outcome = outcome.running.finish();
    assert!(outcome.stderr.contains("Invalid parameter 'vlan'"), "{outcome:?}");

    let place = Place::ours();
    let mut vm = place.start(place.command(&words(&place.net()), "").env("PATH", &path));
    place.switch.wait_for_ports("the VM to be plugged in", |ports| ports.len() == 1);
    vm.running.child.stdin.as_mut().unwrap().write_all(b"quit\n").unwrap();
    let outcome = vm.running.finish();
    assert!(outcome.status.success(), "{outcome:?}");
    place.world.assert_nothing_left(outcome.pid, &place.switch);
}

#[test]
fn v2_an_absent_switch_is_an_error() {
    let words = ["qemu", "-net", "vde,sock=/nonexistent"];
    let outcome = Place::theirs().vm(&words, "run=42").end();
    assert_eq!(outcome.status.code(), Some(STATUS));
    assert_eq!(without_note(&outcome.stderr), "", "it would be a word on the lost network");

    Place::ours().refuses(&words, &["no switch at /nonexistent"]);
}

#[test]
fn v3_no_vm_finds_out_by_sending_that_its_switch_is_absent() {
    let words = ["qemu", "-net", "vde,sock=/nonexistent"];
    let place = Place::theirs();
    let vm = place.ended(&words, "send=1 run=42");
    assert!(vm.is_alive(), "cut off, and nobody beside it");
    let outcome = vm.running.finish();
    assert_eq!(outcome.status.code(), Some(1));
    assert!(outcome.stderr.contains("sendto: Bad file descriptor"), "{outcome:?}");

    Place::ours().refuses(&words, &["no switch at /nonexistent"]);
}

#[test]
fn v4_a_program_that_is_not_there_is_an_error() {
    let place = Place::theirs();
    let outcome = place.finish(&["nosuchqemu", "-net", &place.net()], "");
    assert_eq!((outcome.status.code(), without_note(&outcome.stderr)), (Some(0), ""));

    let place = Place::ours();
    let outcome = place.finish(&["nosuchqemu", "-net", &place.net()], "");
    assert_eq!(outcome.status.code(), Some(127));
    assert!(outcome.stderr.contains("no program nosuchqemu"), "{outcome:?}");
    place.world.assert_nothing_left(outcome.pid, &place.switch);
}

#[test]
fn v18_a_process_that_cannot_be_made_is_an_error() {
    // Root is above such a limit, so it is run as nobody, with programs that nobody can reach.
    let world = World::new();
    let [qemu, ours] = world.publish([&rig::fake_qemu(), rig::vdeq()]);
    let switch = RealSwitch::start(Options { mode: Some(0o777), ..Options::default() });
    let report = world.path("report");
    let command = |vdeq: &Path| {
        let mut command = world.command("/bin/bash");
        command.args(["-c", "ulimit -u 0; exec \"$@\"", "-"]).arg(vdeq).arg(&qemu);
        command.args(["-net", &crate::world::vde(&switch)]).env(fake_qemu::REPORT, &report);
        command.stdin(Stdio::null());
        if is_root() {
            command.uid(65_534).gid(65_534);
        }
        command
    };
    let mut theirs = start(&mut command(Path::new(C_VDEQ)));
    wait::until_true("it to have nothing to do", || is_asleep(theirs.pid()));

    let outcome = finish(&mut command(&ours));
    assert_eq!(outcome.status.code(), Some(126), "{outcome:?}");
    assert!(outcome.stderr.contains("cannot execute"), "{outcome:?}");
    assert!(theirs.child.try_wait().unwrap().is_none() && is_asleep(theirs.pid()));
    assert!(!report.exists(), "it has no VM to wait for");
    drop(theirs);
    world.assert_nothing_left(outcome.pid, &switch);
}

#[test]
fn v20_the_vm_ignores_the_signals_that_it_ignores_without_vdeq() {
    let place = Place::ours();
    let bare = place.start(&mut bare(&place));
    bare.pid();
    let bare = bare.report().ignored;
    let with = |place: &Place| {
        let vm = place.vm(&["qemu", "-net", &place.net()], "run=42");
        let ignored = vm.report().ignored;
        vm.end();
        ignored
    };
    let added = |mask: &str| {
        let number = |mask| u64::from_str_radix(mask, 16).unwrap();
        number(mask) & !number(&bare)
    };
    // USR1, USR2, ALRM, STKFLT, VTALRM, PROF, IO and PWR.
    assert_eq!(added(&with(&Place::theirs())) & 0x3600_aa00, 0x3600_aa00);
    assert_eq!(with(&place), bare);
}

/// The fake QEMU without any vdeq.
fn bare(place: &Place) -> std::process::Command {
    let mut command = place.world.command(rig::fake_qemu());
    command.env(fake_qemu::DO, "exit=0").stdin(Stdio::null());
    command
}

#[test]
fn v21_standard_output_is_the_vms_alone() {
    let stdout = |place: &Place| {
        let vm = place.vm(&["qemu", "-net", &place.net()], "print=serial run=42");
        vm.end().stdout
    };
    let theirs = Place::theirs();
    let said = stdout(&theirs);
    assert!(said.contains("arg ,sock=") && said.contains("serial"), "{said}");
    assert_eq!(stdout(&Place::ours()), "serial");
}

#[test]
fn v22_an_unknown_parameter_is_an_error_that_names_it() {
    let outcome = Place::theirs().finish(&["qemu", "-net", "vde,foo=1"], "");
    assert_eq!(outcome.status.code(), Some(255));
    assert!(outcome.stdout.contains("WARNING"), "{outcome:?}");

    Place::ours().refuses(&["qemu", "-net", "vde,foo=1"], &["foo", "^^^"]);
}

#[test]
fn v23_numbers_are_checked() {
    let place = Place::theirs();
    let net = format!("{},port=abc,vlan=zz", place.net());
    let vm = place.vm(&["qemu", "-net", &net], "run=42");
    assert!(vm.report().words().join(" ").contains("vlan=0,"), "{:?}", vm.report());
    assert_eq!(place.switch.busy_ports()[0].number, 1, "any port");
    vm.end();

    let place = Place::ours();
    for (wrong, why) in [("port=abc", "abc"), ("vlan=zz", "zz")] {
        let net = format!("{},{wrong}", place.net());
        place.refuses(&["qemu", "-net", &net], &[why, "^"]);
    }
}

#[test]
fn v24_the_vdeoq_link_starts_a_program() {
    let (world, switch) = (World::new(), crate::world::switch());
    world.set_default_switch(switch.dir());
    let theirs = world.path("theirs-vdeoq");
    fs::create_dir(&theirs).unwrap();
    std::os::unix::fs::symlink(C_VDEQ, theirs.join("vdeoq")).unwrap();
    let outcome = finish(world.command(theirs.join("vdeoq")).arg(rig::fake_qemu()));
    assert_eq!(outcome.status.signal(), Some(11), "{outcome:?}");

    let mut command = world.command(world.link("vdeoq"));
    let outcome = finish(command.arg(rig::fake_qemu()).env(fake_qemu::DO, "exit=42"));
    assert_eq!(outcome.status.code(), Some(STATUS), "{outcome:?}");
    world.assert_nothing_left(outcome.pid, &switch);
}

#[test]
fn v25_a_warning_before_the_banner_does_not_make_a_qemu_ancient() {
    let loud = concat!(
        "warning: this is a sentence that is as long as others, and there are six of them\n",
        "warning: this is a sentence that is as long as others, and there are six of them\n",
        "warning: this is a sentence that is as long as others, and there are six of them\n",
        "warning: this is a sentence that is as long as others, and there are six of them\n",
        "QEMU PC emulator version 0.9.1, Copyright (c) nobody\n",
    );
    let place = Place::theirs();
    place.world.set_default_switch(place.switch.dir());
    let told = |place: &Place| {
        let mut command = place.command(&["qemu", "-net", "vde"], "exit=0");
        let vm = place.start(command.env(fake_qemu::HELP, loud).env(fake_qemu::VERSION, loud));
        wait::until_true("a VM", || vm.report().ready);
        vm.report().words().join(" ")
    };
    let line = told(&place);
    assert!(line.contains("-tun-fd") && line.contains("-net vde"), "{line}");

    let place = Place::ours();
    place.world.set_default_switch(place.switch.dir());
    let line = told(&place);
    assert!(line.contains("-net tap,fd=") && !line.contains("-net vde"), "{line}");
}

#[test]
fn v26_a_program_that_never_tells_its_version_is_not_waited_for() {
    let asked = |place: &Place| {
        let mut command = place.command(&["qemu", "-net", &place.net()], "exit=42");
        command.env(fake_qemu::HELP, "hang").env(fake_qemu::VERSION, "hang");
        let probes = place.world.path("probes");
        let vm = place.start(command.env(fake_qemu::PROBES, &probes));
        wait::until_true("the question", || probes.exists());
        vm
    };
    let (theirs, ours) = (Place::theirs(), Place::ours());
    let (mut their_vm, mut our_vm) = (asked(&theirs), asked(&ours));
    assert_eq!(our_vm.wait_for_vdeq().code(), Some(STATUS));
    assert!(their_vm.vdeq_is_alive() && !their_vm.report().ready, "it still waits for an answer");

    let outcome = our_vm.running.finish();
    assert!(outcome.stderr.contains("does not tell its version"), "{outcome:?}");
    ours.world.assert_nothing_left(outcome.pid, &ours.switch);
}

#[test]
fn v27_a_line_without_a_program_is_an_error_and_help_is_help() {
    let theirs = Place::theirs();
    for words in [&[][..], &["-h"]] {
        let outcome = theirs.finish(words, "");
        assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
        assert!(without_note(&outcome.stderr).contains("Usage"), "{outcome:?}");
    }
    let ours = Place::ours();
    ours.refuses(&[], &["expected"]);
    let outcome = ours.finish(&["-h"], "");
    assert!(outcome.status.success() && outcome.stdout.contains("vdeq"), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn v28_one_absent_switch_of_two_is_an_error() {
    let absent = "vde,sock=/nonexistent,vlan=1";
    let place = Place::theirs();
    let vm = place.vm(&["qemu", "-net", &place.net(), "-net", absent], "run=42");
    assert_eq!(place.switch.busy_ports().len(), 1);
    let outcome = vm.end();
    assert_eq!((outcome.status.code(), without_note(&outcome.stderr)), (Some(STATUS), ""));

    let place = Place::ours();
    let words = ["qemu", "-net", &place.net(), "-net", absent];
    place.refuses(&words, &["no switch at /nonexistent"]);
}

/// The C vdeq takes a `malloc` for failed if the result is less than nothing, which no pointer is.
#[test]
fn v29_memory_that_is_not_there_is_not_used() {
    let limits = (1000..9000).step_by(20);
    let theirs = Place::theirs();
    let fault = limits.clone().find(|limit| {
        let mut vm = with_memory(&theirs, *limit);
        let ended = wait::until("an end", || {
            Some(vm.running.child.try_wait().unwrap().is_some())
                .filter(|ended| *ended || vm.report().ready)
        });
        let vm = vm.running;
        ended && vm.finish().stderr.contains("socketpair: Bad address")
    });
    assert!(fault.is_some(), "it does not come so far without memory");

    let ours = Place::ours();
    let (mut ran, mut failed) = (0, 0);
    for limit in limits.step_by(5) {
        let mut vm = with_memory(&ours, limit);
        match (vm.wait_for_vdeq().code(), vm.report().ready) {
            (Some(STATUS), true) => ran += 1,
            (status, false) if status != Some(0) => failed += 1,
            odd => panic!("with {limit} KiB: {odd:?}, {}", vm.running.autopsy()),
        }
        assert_eq!(ours.switch.busy_ports(), [], "with {limit} KiB");
    }
    assert!(ran > 10 && failed > 10, "{ran} ran, {failed} did not");
}

/// A VM with this much address space in KiB, vdeq included.
fn with_memory(place: &Place, limit: u32) -> Vm {
    let mut command = place.world.command("/bin/bash");
    let script = format!("ulimit -v {limit}; exec \"$@\"");
    command.args(["-c", &script, "-"]).arg(place.world.path("vdeq"));
    command.args(["qemu", "-net", &place.net()]);
    place.start(place.prepare(&mut command, "exit=42"))
}

#[test]
fn v30_the_program_keeps_its_name_behind_an_option_of_the_old_syntax() {
    let place = Place::theirs();
    let vm = place.vm(&["qemu", "-sock", "/nonexistent", "-net", &place.net()], "run=42");
    assert_eq!(vm.report().name, "/nonexistent", "words[0] was edited in place");
    vm.end();

    let place = Place::ours();
    let dir = place.switch.dir().display().to_string();
    let vm = place.vm(&["qemu", "-sock", &dir, "-net", &place.net()], "run=42");
    assert_eq!(vm.report().name, "qemu");
    assert_eq!(place.switch.busy_ports().len(), 2);
    assert_eq!(vm.end().status.code(), Some(STATUS));
}
