//! Every option that a QEMU system emulator of 0.7 to 11.1 knows, and whether it takes an argument.
//!
//! One table serves all versions, because no option ever changed its arity. It was read from the
//! option definitions of 45 releases and checked by probing the 7.2 and 11.1 binaries name by name.

/// What is known of one QEMU option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OptionSpec {
    /// The name without dashes, as QEMU spells it (names are case sensitive: `-m` is not `-M`).
    pub name: &'static str,
    /// Whether the next word of the command line belongs to the option, whatever it looks like.
    pub takes_arg: bool,
    /// The sampled releases that know it, first and last, such as `0.7-11.1`.
    pub seen: &'static str,
}

impl OptionSpec {
    /// The row of the option called `name` (bytes, without dashes), if any QEMU ever had it.
    ///
    /// ```
    /// use vde_args::OptionSpec;
    /// assert!(OptionSpec::find(b"netdev").is_some_and(|o| o.takes_arg));
    /// assert!(OptionSpec::find(b"snapshot").is_some_and(|o| !o.takes_arg));
    /// assert!(OptionSpec::find(b"net=vde").is_none());
    /// ```
    #[must_use]
    pub fn find(name: &[u8]) -> Option<&'static Self> {
        // A handful of rows share a letter, and slices of different lengths differ at once: a line
        // of thousands of words looks up each of them here.
        let letter = usize::from(*name.first()?);
        let (first, end) = (*FIRST_ROWS.get(letter)?, *FIRST_ROWS.get(letter + 1)?);
        OPTIONS.get(first..end)?.iter().find(|row| row.name.as_bytes() == name)
    }
}

/// For each first letter (ASCII), the first row whose name does not come before it.
const FIRST_ROWS: [usize; 128] = {
    let mut first_rows = [0; 128];
    let (mut letter, mut row) = (0, 0);
    while letter < first_rows.len() {
        #[expect(clippy::indexing_slicing, reason = "the compiler runs it and checks the bounds")]
        while row < OPTIONS.len() && (OPTIONS[row].name.as_bytes()[0] as usize) < letter {
            row += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "the compiler runs it and checks the bounds")]
        {
            first_rows[letter] = row;
        }
        letter += 1;
    }
    first_rows
};

const fn with(name: &'static str, seen: &'static str) -> OptionSpec {
    OptionSpec { name, takes_arg: true, seen }
}

const fn bare(name: &'static str, seen: &'static str) -> OptionSpec {
    OptionSpec { name, takes_arg: false, seen }
}

/// The table, sorted by the bytes of the name. `with` takes an argument, `bare` takes none.
pub const OPTIONS: &[OptionSpec] = &[
    with("D", "0.15-11.1"),
    with("L", "0.7-11.1"),
    with("M", "0.8.2-11.1"),
    bare("S", "0.7-11.1"),
    with("accel", "2.9-11.1"),
    with("acpitable", "0.10-11.1"),
    with("action", "6.0-11.1"),
    with("add-fd", "1.3-11.1"),
    bare("alt-grab", "0.9.1-7.0"),
    with("append", "0.7-11.1"),
    bare("async-teardown", "7.2-8.2"),
    with("audio", "7.2-11.1"),
    bare("audio-help", "0.8.2-8.1"),
    with("audiodev", "4.0-11.1"),
    with("balloon", "0.11-3.0"),
    with("bios", "0.9.1-11.1"),
    with("blockdev", "2.9-11.1"),
    with("boot", "0.7-11.1"),
    with("bootp", "0.9.1-3.0"),
    with("bt", "0.10-4.2"),
    with("cdrom", "0.7-11.1"),
    with("chardev", "0.12-11.1"),
    with("chroot", "0.10-8.2"),
    bare("cirrusvga", "0.7-0.9.1"),
    with("clock", "0.9.1-3.1"),
    with("compat", "6.0-11.1"),
    with("cpu", "0.9.1-11.1"),
    bare("ctrl-grab", "0.12-7.0"),
    bare("curses", "0.10-7.0"),
    with("d", "0.7-11.1"),
    bare("daemonize", "0.9.1-11.1"),
    with("debugcon", "0.13-11.1"),
    with("device", "0.12-11.1"),
    with("dfilter", "2.6-11.1"),
    with("display", "0.15-11.1"),
    with("drive", "0.9.1-11.1"),
    with("dtb", "1.1-11.1"),
    bare("dummy-net", "0.7"),
    with("dump-vmstate", "2.1-11.1"),
    with("echr", "0.9.1-11.1"),
    bare("enable-audio", "0.7"),
    bare("enable-fips", "1.2-7.0"),
    bare("enable-hax", "2.9-3.1"),
    bare("enable-kqemu", "0.11"),
    bare("enable-kvm", "0.10-11.1"),
    bare("enable-sync-profile", "3.1-11.1"),
    with("fda", "0.7-11.1"),
    with("fdb", "0.7-11.1"),
    with("fsdev", "0.13-11.1"),
    bare("full-screen", "0.7-11.1"),
    with("fw_cfg", "2.4-11.1"),
    with("g", "0.7-0.10,5.0-11.1"),
    with("gdb", "0.11-11.1"),
    with("global", "0.12-11.1"),
    bare("h", "0.7-11.1"),
    with("hda", "0.7-11.1"),
    with("hdachs", "0.7-2.11"),
    with("hdb", "0.7-11.1"),
    with("hdc", "0.7-11.1"),
    with("hdd", "0.7-11.1"),
    bare("help", "0.9.1-11.1"),
    with("icount", "0.10-11.1"),
    with("incoming", "0.10-11.1"),
    with("initrd", "0.7-11.1"),
    bare("isa", "0.7"),
    with("iscsi", "1.1-11.1"),
    bare("jitdump", "8.0-11.1"),
    with("k", "0.7-11.1"),
    with("kernel", "0.7-11.1"),
    bare("kernel-kqemu", "0.8.2-0.11"),
    with("kvm-shadow-memory", "qemu-kvm fork 0.15"),
    with("loadvm", "0.7-11.1"),
    bare("localtime", "0.7-3.0"),
    with("m", "0.7-11.1"),
    with("macaddr", "0.7"),
    with("machine", "0.15-11.1"),
    with("mem-path", "0.13-11.1"),
    bare("mem-prealloc", "0.13-11.1"),
    with("mon", "0.12-11.1"),
    with("monitor", "0.7-11.1"),
    with("msg", "1.6-11.1"),
    with("mtdblock", "0.9.1-11.1"),
    with("n", "0.7"),
    with("name", "0.9.1-11.1"),
    with("net", "0.8.2-11.1"),
    with("netdev", "0.12-11.1"),
    with("nic", "2.12-11.1"),
    with("nics", "0.7"),
    bare("no-acpi", "0.8.2-8.2"),
    bare("no-code-copy", "0.7-0.9.1"),
    bare("no-fd-bootchk", "0.8.2-11.1"),
    bare("no-frame", "0.9.1-3.1"),
    bare("no-hpet", "0.10-8.2"),
    bare("no-kqemu", "0.7-0.10"),
    bare("no-kvm", "1.3-5.1"),
    bare("no-kvm-irqchip", "1.3-2.12"),
    bare("no-kvm-pit", "1.3-2.11"),
    bare("no-kvm-pit-reinjection", "1.3-2.12"),
    bare("no-quit", "0.9.1-6.2"),
    bare("no-reboot", "0.9.1-11.1"),
    bare("no-shutdown", "0.10-11.1"),
    bare("no-user-config", "1.1-11.1"),
    bare("nodefaults", "0.12-11.1"),
    bare("nodefconfig", "0.13-3.0"),
    bare("nographic", "0.7-11.1"),
    with("numa", "0.11-11.1"),
    with("nvram", "qemu-kvm fork 0.15"),
    with("object", "1.3-11.1"),
    bare("old-param", "0.9.1-10.0"),
    bare("only-migratable", "2.9-11.1"),
    with("option-rom", "0.9.1-11.1"),
    with("overcommit", "3.0-11.1"),
    with("p", "0.7-0.10"),
    with("parallel", "0.7-11.1"),
    bare("pci", "0.7"),
    bare("perfmap", "8.0-11.1"),
    with("pflash", "0.9.1-11.1"),
    with("pidfile", "0.7-11.1"),
    with("plugin", "4.2-11.1"),
    bare("portrait", "0.9.1-8.2"),
    bare("preconfig", "3.0-11.1"),
    bare("prep", "0.7"),
    with("prom-env", "0.9.1-11.1"),
    with("qmp", "0.12-11.1"),
    with("qmp-pretty", "2.3-11.1"),
    with("qtest", "1.1-11.1"),
    with("qtest-log", "1.1-11.1"),
    with("readconfig", "0.12-11.1"),
    with("realtime", "1.5-5.2"),
    with("redir", "0.7-3.0"),
    with("rotate", "0.15-8.2"),
    with("rtc", "0.12-11.1"),
    bare("rtc-td-hack", "0.10-3.0"),
    with("run-with", "8.0-11.1"),
    with("runas", "0.10-8.2"),
    bare("s", "0.7-11.1"),
    with("sandbox", "1.2-11.1"),
    with("sd", "0.9.1-11.1"),
    bare("sdl", "0.10-7.0"),
    with("seed", "4.1-11.1"),
    bare("semihosting", "0.9.1-11.1"),
    with("semihosting-config", "2.3-11.1"),
    with("serial", "0.7-11.1"),
    with("set", "0.12-11.1"),
    with("shim", "10.0-11.1"),
    bare("show-cursor", "0.9.1-5.2"),
    bare("singlestep", "0.11-8.2"),
    with("smb", "0.7-3.0"),
    with("smbios", "0.11-11.1"),
    with("smp", "0.8.2-11.1"),
    bare("snapshot", "0.7-11.1"),
    with("soundhw", "0.8.2-7.0"),
    with("spice", "0.14-11.1"),
    with("startdate", "0.9.1-3.0"),
    bare("std-vga", "0.7-0.9.1"),
    with("tb-size", "0.10-5.2"),
    bare("tdf", "1.3-2.12"),
    with("tftp", "0.7-3.0"),
    with("tpmdev", "1.5-11.1"),
    with("trace", "0.14-11.1"),
    with("tun-fd", "0.7"),
    bare("usb", "0.8.2-11.1"),
    with("usbdevice", "0.8.2-11.1"),
    bare("user-net", "0.7"),
    with("uuid", "0.10-11.1"),
    bare("version", "0.11-11.1"),
    with("vga", "0.10-11.1"),
    with("virtfs", "0.13-11.1"),
    bare("virtfs_synth", "1.0-4.2"),
    with("virtioconsole", "0.10-3.1"),
    bare("vmwarevga", "0.9.1"),
    with("vnc", "0.8.2-11.1"),
    with("watchdog", "0.11-7.0"),
    with("watchdog-action", "0.11-11.1"),
    bare("win2k-hack", "0.8.2-11.1"),
    with("writeconfig", "0.12-7.0"),
    bare("xen-attach", "0.11-11.1"),
    bare("xen-create", "0.11-3.1"),
    with("xen-domid", "0.11-11.1"),
    bare("xen-domid-restrict", "2.10-11.1"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_no_double() {
        assert!(OPTIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert_eq!(OPTIONS.len(), 180);
    }

    #[test]
    fn every_row_is_found_by_its_own_name() {
        assert!(OPTIONS.iter().all(|row| OptionSpec::find(row.name.as_bytes()) == Some(row)));
    }

    #[test]
    fn names_are_exact_without_abbreviation_or_case_folding() {
        for wrong in [&b""[..], b"ne", b"Net", b"net ", b"-net", b"\xff"] {
            assert_eq!(OptionSpec::find(wrong), None);
        }
        assert!(OptionSpec::find(b"S").is_some_and(|row| !row.takes_arg));
        assert!(OptionSpec::find(b"M").is_some_and(|row| row.takes_arg));
    }

    #[test]
    fn no_option_of_qemu_is_called_like_one_of_ours() {
        for ours in ["mod", "mode", "sock", "vdesock", "unix", "v", "verbose", "exec", "timeout"] {
            assert_eq!(OptionSpec::find(ours.as_bytes()), None);
        }
    }
}
