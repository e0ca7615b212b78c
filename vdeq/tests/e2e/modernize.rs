//! `--modernize` held against real QEMUs: what the old words become is taken by each of them that has
//! lost the old words.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use vde_args::{Command as Vdeq, Invocation, Network, OptionSpec, QemuVersion, parse};

use crate::rig;

/// A use of every option that has a successor on a QEMU of the rig, and the first of these
/// versions that has lost it.
const LOST: &[(&str, QemuVersion)] = &[
    ("-async-teardown", QemuVersion::new(9, 0, 0)),
    ("-balloon none", QemuVersion::new(3, 1, 0)),
    ("-balloon virtio", QemuVersion::new(3, 1, 0)),
    ("-bootp pxelinux.0", QemuVersion::new(3, 1, 0)),
    ("-clock unix", QemuVersion::new(4, 0, 0)),
    ("-localtime", QemuVersion::new(3, 1, 0)),
    ("-no-acpi", QemuVersion::new(9, 0, 0)),
    ("-no-hpet", QemuVersion::new(9, 0, 0)),
    ("-no-kqemu", QemuVersion::new(0, 12, 0)),
    ("-no-kvm", QemuVersion::new(5, 2, 0)),
    ("-no-kvm-pit", QemuVersion::new(2, 12, 0)),
    ("-no-kvm-pit-reinjection", QemuVersion::new(3, 0, 0)),
    ("-nodefconfig", QemuVersion::new(3, 1, 0)),
    ("-realtime mlock=off", QemuVersion::new(6, 0, 0)),
    ("-redir tcp:0::22 -redir udp:0:10.0.2.15:53", QemuVersion::new(3, 1, 0)),
    ("-rtc-td-hack -localtime", QemuVersion::new(3, 1, 0)),
    ("-no-kvm -enable-kvm -no-kvm", QemuVersion::new(5, 2, 0)),
    ("-singlestep", QemuVersion::new(9, 0, 0)),
    ("-soundhw ac97", QemuVersion::new(7, 1, 0)),
    // adlib and gus, which look the same, refuse to be without sound.
    ("-soundhw cs4231a,es1370,hda,sb16", QemuVersion::new(7, 1, 0)),
    ("-startdate 2006-06-17T16:01:21", QemuVersion::new(3, 1, 0)),
    ("-startdate now", QemuVersion::new(3, 1, 0)),
    ("-std-vga", QemuVersion::new(0, 10, 0)),
    ("-cirrusvga", QemuVersion::new(0, 10, 0)),
    ("-vmwarevga", QemuVersion::new(0, 10, 0)),
    ("-tb-size 16", QemuVersion::new(6, 0, 0)),
    ("-tdf", QemuVersion::new(3, 0, 0)),
    ("-tftp /tmp", QemuVersion::new(3, 1, 0)),
    ("-usbdevice audio", QemuVersion::new(6, 0, 0)),
    ("-usbdevice ccid", QemuVersion::new(6, 0, 0)),
    ("-usbdevice disk:/dev/null", QemuVersion::new(2, 12, 0)),
    ("-usbdevice disk:format=raw:/dev/null", QemuVersion::new(2, 12, 0)),
    ("-usbdevice host:1234:5678", QemuVersion::new(2, 12, 0)),
    ("-watchdog i6300esb", QemuVersion::new(7, 2, 0)),
    ("-isa", QemuVersion::new(0, 8, 0)),
];

/// Those that a display or a right is needed for, which tests have not: QEMU must get beyond its
/// command line.
const BEYOND: &[(&str, QemuVersion)] = &[
    ("-chroot /no-such-directory", QemuVersion::new(9, 0, 0)),
    ("-runas no-such-user", QemuVersion::new(10, 0, 0)),
    ("-no-kvm-irqchip", QemuVersion::new(3, 0, 0)),
    ("-curses", QemuVersion::new(7, 1, 0)),
    ("-sdl", QemuVersion::new(7, 1, 0)),
    ("-show-cursor", QemuVersion::new(6, 0, 0)),
];

/// What stands on every line beside the option.
const REST: &str = "-net nic -net user -m 32 -S -serial none -monitor stdio";

/// The line with what `--modernize` makes of it.
fn modern(line: &str, version: QemuVersion) -> Vec<OsString> {
    let argv: Vec<OsString> =
        format!("vdeq --modernize qemu {line}").split(' ').map(Into::into).collect();
    let Ok(Vdeq::Run(run)) = parse(&argv) else { panic!("{line}") };
    args(&run, version)
}

fn args(run: &Invocation<'_>, version: QemuVersion) -> Vec<OsString> {
    Network::read(run).unwrap().rewrite(version, &[]).unwrap().args
}

/// Runs a QEMU that is told to quit as soon as it listens.
fn run(qemu: &Path, args: &[OsString]) -> Output {
    let mut command = Command::new(qemu);
    // A machine that runs tests has no sound.
    command.env("QEMU_AUDIO_DRV", "none");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended already.
    let _ = child.stdin.take().unwrap().write_all(b"quit\n");
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The QEMUs of the rig with their versions.
fn qemus() -> impl Iterator<Item = (std::path::PathBuf, QemuVersion)> {
    rig::QEMUS.into_iter().map(|name| {
        let qemu = rig::qemu(name);
        let banner = Command::new(&qemu).arg("-version").output().unwrap().stdout;
        (qemu, QemuVersion::parse_output(&banner).unwrap())
    })
}

#[test]
fn what_is_lost_is_refused_as_it_was_and_taken_as_it_becomes() {
    let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
    for (qemu, version) in qemus() {
        for (option, since) in LOST.iter().filter(|(_, since)| version >= *since) {
            let line = format!("{option} -display none {REST}");
            let then = run(&qemu, &words(&line));
            assert!(!then.status.success(), "{version} still takes {option}");
            let now = modern(&line, version);
            let taken = run(&qemu, &now);
            assert!(taken.status.success(), "{version}, {since}: {now:?}\n{}", said(&taken));
            assert!(!said(&taken).contains("deprecated"), "{version}: {now:?}\n{}", said(&taken));
        }
    }
}

#[test]
fn what_cannot_be_had_here_gets_beyond_the_command_line() {
    for (qemu, version) in qemus() {
        for (option, _) in BEYOND.iter().filter(|(_, since)| version >= *since) {
            let now = modern(&format!("{option} {REST}"), version);
            let said = said(&run(&qemu, &now));
            for complaint in ["invalid option", "Invalid parameter", "Parameter", "requires"] {
                assert!(!said.contains(complaint), "{version}: {now:?}\n{said}");
            }
        }
    }
}

/// The first version that the table of options has for this option.
fn first_seen(option: &str) -> QemuVersion {
    let name = option.split(' ').next().unwrap().trim_start_matches('-');
    let seen = OptionSpec::find(name.as_bytes()).unwrap().seen;
    seen.split('-').next().unwrap().parse().unwrap()
}

#[test]
fn what_a_qemu_still_has_is_left_to_it() {
    for (qemu, version) in qemus() {
        for (option, _) in LOST.iter().filter(|(_, since)| version < *since) {
            let line = format!("{option} -display none {REST}");
            let now = modern(&line, version);
            assert_eq!(now, line.split(' ').map(OsString::from).collect::<Vec<_>>());
            let is_known = !said(&run(&qemu, &now)).contains("invalid option");
            assert_eq!(is_known, version >= first_seen(option), "{version}: {option}");
        }
    }
}
