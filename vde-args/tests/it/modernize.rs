//! `--modernize`: options that a QEMU has lost become what says the same to it.

use vde_args::{Network, QemuVersion, Why, parse};

use crate::support::{SOCKET, joined, rewrite, spelt};

const SID: QemuVersion = QemuVersion::new(11, 1, 0);

/// The line of `vdeq --modernize qemu {args}`.
fn modern(version: QemuVersion, args: &str) -> String {
    joined(&rewrite(version, &format!("vdeq --modernize qemu -net none {args}")).args)
        .replace("-net none ", "")
}

#[test]
fn nothing_is_touched_unless_that_is_asked_for() {
    let args = "-net none -localtime -soundhw hda -no-acpi -usbdevice disk:x -redir tcp:1::2";
    assert_eq!(spelt(SID, args), args);
}

#[test]
fn an_option_without_argument_becomes_a_parameter_of_another() {
    for (old, new) in [
        ("-async-teardown", "-run-with async-teardown=on"),
        ("-cirrusvga", "-vga cirrus"),
        ("-curses", "-display curses"),
        ("-isa", "-M isapc"),
        ("-localtime", "-rtc base=localtime"),
        ("--localtime", "-rtc base=localtime"),
        ("-no-acpi", "-machine acpi=off"),
        ("-no-hpet", "-machine hpet=off"),
        ("-no-kvm", "-machine accel=tcg"),
        ("-enable-kvm -no-kvm", "-enable-kvm -machine accel=tcg"),
        ("-singlestep", "-accel tcg,one-insn-per-tb=on"),
        ("-no-kvm-irqchip", "-machine kernel_irqchip=off"),
        ("-no-kvm-pit-reinjection", "-global kvm-pit.lost_tick_policy=discard"),
        ("-nodefconfig", "-no-user-config"),
        ("-rtc-td-hack", "-rtc driftfix=slew"),
        ("-sdl", "-display sdl"),
        ("-show-cursor", "-display default,show-cursor=on"),
        ("-std-vga", "-vga std"),
        ("-vmwarevga", "-vga vmware"),
    ] {
        assert_eq!(modern(SID, &format!("-m 1 {old} -S")), format!("-m 1 {new} -S"));
    }
}

#[test]
fn an_argument_goes_along() {
    for (old, new) in [
        ("-balloon virtio", "-device virtio-balloon"),
        ("-balloon virtio,addr=5", "-device virtio-balloon,addr=5"),
        ("-chroot /a,b", "-run-with chroot=/a,,b"),
        ("-realtime mlock=on", "-overcommit mem-lock=on"),
        ("-runas nobody", "-run-with user=nobody"),
        ("-soundhw ac97", "-device AC97"),
        ("-soundhw hda,sb16", "-device intel-hda -device hda-duplex -device sb16"),
        ("-startdate 2006-06-17T16:01:21", "-rtc base=2006-06-17T16:01:21"),
        ("-tb-size 64", "-accel tcg,tb-size=64"),
        ("-watchdog i6300esb", "-device i6300esb"),
        ("-usbdevice audio", "-usb -device usb-audio"),
        ("-usbdevice host:1234:abCD", "-usb -device usb-host,vendorid=0x1234,productid=0xabCD"),
        ("-usbdevice host:1.12", "-usb -device usb-host,hostbus=1,hostaddr=12"),
        (
            "-usbdevice disk:/a,b",
            "-usb -drive if=none,id=vdeq0,file=/a,,b -device usb-storage,drive=vdeq0",
        ),
        (
            "-usbdevice disk:format=raw:x:y",
            "-usb -drive if=none,id=vdeq0,file=x:y,format=raw -device usb-storage,drive=vdeq0",
        ),
    ] {
        assert_eq!(modern(SID, &format!("-m 1 {old} -S")), format!("-m 1 {new} -S"));
    }
}

#[test]
fn options_together_mean_what_they_meant_together() {
    for (old, new) in [
        ("-localtime -startdate now", "-rtc base=localtime"),
        ("-startdate 2006-06-17 -localtime", "-rtc base=2006-06-17"),
        ("-localtime -rtc-td-hack", "-rtc base=localtime -rtc driftfix=slew"),
        ("-soundhw ac97,ac97 -soundhw ac97,sb16", "-device AC97 -device sb16"),
        ("-tb-size 64 -singlestep", "-accel tcg,tb-size=64 -singlestep"),
    ] {
        assert_eq!(modern(SID, old), new);
    }
}

#[test]
fn a_program_that_uses_kvm_by_its_name_is_not_told_to_use_tcg() {
    for (program, expected) in [
        ("kvm", "-tb-size 64"),
        ("/usr/bin/qemu-kvm", "-tb-size 64"),
        ("qemu", "-accel tcg,tb-size=64"),
    ] {
        let text = format!("vdeq --modernize {program} -tb-size 64 -net none");
        assert_eq!(joined(&rewrite(SID, &text).args), format!("{expected} -net none"));
    }
}

#[test]
fn what_had_no_effect_goes() {
    for old in
        ["-startdate now", "-balloon none", "-clock unix", "-no-kqemu", "-no-kvm-pit", "-tdf"]
    {
        assert_eq!(modern(SID, &format!("-m 1 {old} -S")), "-m 1 -S");
    }
}

#[test]
fn what_has_no_exact_successor_stays_for_qemu_to_refuse() {
    for args in [
        "-no-frame -alt-grab -enable-fips -portrait -hdachs 1,2,3 -virtioconsole stdio",
        "-soundhw all",
        "-audiodev none,id=a -soundhw hda",
        "-audiodev none,id=a -usbdevice audio",
        "-nodefaults -usbdevice audio",
        "-accel kvm -no-kvm",
        "-enable-kvm -singlestep",
        "-soundhw pcspk",
        "-soundhw hda,foo",
        "-nodefaults -soundhw hda",
        "-usbdevice tablet",
        "-usbdevice serial:stdio",
        "-usbdevice host:auto:1.2",
        "-usbdevice host:12345:1",
        "-usbdevice disk:",
        "-usbdevice disk:format=raw",
        "-balloon virtiox",
        "-watchdog help",
        "-realtime foo=on",
        "-realtime mlock",
        "-display sdl -show-cursor",
        "-enable-kvm -tb-size 64",
        "-localtime= -localtimes -local-time",
        "-name -localtime -append -no-acpi",
        "-startdate",
    ] {
        assert_eq!(modern(SID, args), args);
    }
}

#[test]
fn a_qemu_that_has_the_option_keeps_it() {
    for (option, last) in [
        ("-localtime", (3, 0, 0)),
        ("-no-kvm", (5, 1, 0)),
        ("-tb-size 1", (5, 2, 0)),
        ("-soundhw hda", (7, 0, 0)),
        ("-no-acpi", (8, 2, 0)),
        ("-chroot /", (8, 2, 0)),
        ("-usbdevice disk:x", (2, 11, 0)),
        ("-watchdog ib700", (7, 1, 0)),
        ("-usbdevice audio", (5, 2, 0)),
    ] {
        let (major, minor, micro) = last;
        assert_eq!(modern(QemuVersion::new(major, minor, micro), option), option);
        assert_ne!(modern(SID, option), option);
    }
}

#[test]
fn options_for_the_user_network_become_parameters_of_the_only_one() {
    for (args, expected) in [
        (
            "-redir tcp:2222::22 -net nic -net user -redir :80:10.0.2.15:8080 -tftp /a,b",
            "-net nic -net user,hostfwd=tcp::2222-:22,hostfwd=::80-10.0.2.15:8080,tftp=/a,,b",
        ),
        (
            "-net nic,vlan=1 -net user,vlan=1 -bootp /pxe",
            "-net nic,netdev=vdeq0 -netdev user,id=vdeq0,bootfile=/pxe",
        ),
        ("-net user, -smb /s -net nic", "-net user,smb=/s -net nic"),
        // What the network says itself was stronger.
        ("-net user,tftp=/a -tftp /b -net nic", "-net user,tftp=/a -net nic"),
    ] {
        let text = format!("vdeq --modernize qemu {args}");
        assert_eq!(joined(&rewrite(SOCKET, &text).args), expected);
    }
}

#[test]
fn options_for_no_user_network_or_for_several_stay() {
    for args in [
        "-net none -redir tcp:1::2",
        "-net user -net user -net nic -tftp /t",
        "-net user -net nic -redir tcp:1::2:3",
        "-net user,smb=/a -net nic -smb /b",
        "-net user -net nic -redir sctp:1::2",
        "-net user -net nic -redir tcp:x::2",
        "-net user -net nic -redir tcp:1:a-b:2",
        "-netdev {\"type\":\"user\",\"id\":\"u\"} -device e1000,netdev=u -tftp /t",
    ] {
        let text = format!("vdeq --modernize qemu {args}");
        assert_eq!(joined(&rewrite(SOCKET, &text).args), args);
    }
}

#[test]
fn every_change_is_reported() {
    let text = "vdeq --modernize qemu -net user -net nic -localtime -tdf -tftp /t";
    let changes = rewrite(SOCKET, text).changes;
    let told: Vec<_> =
        changes.iter().map(|c| (c.index, joined(&c.before), joined(&c.after), c.why)).collect();
    let expected = [
        (4, "-net user", "-net user,tftp=/t", Why::OptionMoved),
        (7, "-localtime", "-rtc base=localtime", Why::OptionGone),
        (8, "-tdf", "", Why::NoEffect),
        (10, "-tftp /t", "", Why::OptionMoved),
    ];
    let expected = expected.map(|(i, b, a, why)| (i, b.to_owned(), a.to_owned(), why));
    assert_eq!(told, expected);
}

#[test]
fn a_modern_line_is_modern_for_good() {
    let text = "vdeq --modernize qemu -net user -net nic -localtime -soundhw hda -redir tcp:1::2 \
                -usbdevice disk:x";
    let once = rewrite(SID, text).args;
    let argv = [["vdeq", "--modernize", "qemu"].map(Into::into).to_vec(), once.clone()].concat();
    let Ok(vde_args::Command::Run(run)) = parse(&argv) else { panic!() };
    assert_eq!(Network::read(&run).unwrap().rewrite(SID, &[]).unwrap().args, once);
    assert_eq!(run.line.obsolete(SID).count(), 0);
}
