//! QEMUs of other Debian suites beside the installed one, each with its own libraries.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::apt::{self, Apt, Suite};
use crate::once::once;
use crate::sh;

/// The name of the program, so that a directory of the rig can stand in a search path.
const PROGRAM: &str = "qemu-system-x86_64";

/// Every QEMU that the tests run on: its directory in the rig, the suite it is from, how its
/// version begins.
const QEMUS: &[(&str, Suite, &str)] = &[
    ("qemu-5.2", apt::BULLSEYE, "5.2."),
    ("qemu-7.2", apt::BOOKWORM, "7.2."),
    ("qemu-10.0", apt::TRIXIE, "10.0."),
    ("qemu-sid", apt::SID, "1"), // 11.1 when this was written
];

/// Makes `qemu-X/qemu-system-x86_64` in the rig for every one of them and shows their versions.
pub(crate) fn prepare(rig: &Path) -> Result<()> {
    for &(name, suite, version) in QEMUS {
        let dir = rig.join(name);
        let recipe = format!("{} qemu-system-x86 1", suite.name);
        once(&dir, &recipe, |place| {
            let apt = Apt::open(rig, suite)?;
            apt::unpack(&apt.with_dependencies(&["qemu-system-x86"])?, &place.join("root"))?;
            apt.tidy()?;
            let firmware = firmware(&place.join("root"));
            wrap(place, PROGRAM, &format!("root/usr/bin/{PROGRAM}"), &firmware)
        })?;
        let said = sh::read(Command::new(dir.join(PROGRAM)).arg("-version"))?;
        let banner = said.lines().next().unwrap_or_default();
        println!("{name}: {banner}");
        ensure!(
            banner.contains(&format!("version {version}")),
            "{} should be a QEMU {version}x",
            dir.join(PROGRAM).display()
        );
    }
    Ok(())
}

/// Writes `place/name`: a script that runs `program` (a path below `place`) with the dynamic loader
/// and the libraries of `place/root`, and with `words` (of shell) before its arguments.
///
/// The loader is named on the command line, not by `LD_LIBRARY_PATH`, which children would inherit.
pub(crate) fn wrap(place: &Path, name: &str, program: &str, words: &str) -> Result<()> {
    let loader = ["lib64", "usr/lib64", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"]
        .iter()
        .map(|dir| format!("root/{dir}/ld-linux-x86-64.so.2"))
        .find(|loader| place.join(loader).exists())
        .with_context(|| format!("there is no dynamic loader in {}", place.display()))?;
    let script = format!(
        r#"#!/bin/sh
# Made by cargo xtask: a program of another Debian suite with the libraries of that suite.
here=$(dirname "$(readlink -f "$0")")
libraries=$here/root/usr/lib/x86_64-linux-gnu:$here/root/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR="$here/root/usr/lib/x86_64-linux-gnu/qemu"
exec "$here/{loader}" --library-path "$libraries" "$here/{program}" {words} "$@"
"#
    );
    let path = place.join(name);
    std::fs::write(&path, script)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Where the firmware is that the suite has: `-L` for each directory, as words of the script.
fn firmware(root: &Path) -> String {
    let dirs = ["usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu"];
    let present = dirs.iter().filter(|dir| PathBuf::from(root).join(dir).is_dir());
    present.map(|dir| format!(r#"-L "$here/root/{dir}""#)).collect::<Vec<_>>().join(" ")
}
