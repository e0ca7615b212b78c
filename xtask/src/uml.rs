//! User-mode Linux: a kernel that is a program, and what it boots. Called `linux`, as the kernel's own
//! build calls it, so that vdeq knows it for one.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::apt::{self, Apt};
use crate::guest::{self, SCRIPT};
use crate::once::once;
use crate::sh;

/// Change it when anything below changes that a kept kernel or initramfs would lack.
const RECIPE: &str =
    concat!("bookworm user-mode-linux busybox-static 1\n", include_str!("guest/init"));

/// Makes `uml/linux` and `uml/initrd` in the rig.
///
/// The kernel is linked with this machine's C library and needs 2.34 or newer. To run it through the
/// loader of its own suite, as the QEMUs are, is not possible: it starts itself again through
/// `/proc/self/exe`.
pub(crate) fn prepare(rig: &Path) -> Result<()> {
    once(&rig.join("uml"), RECIPE, |place| {
        let apt = Apt::open(rig, apt::BOOKWORM)?;
        let root = place.join("root");
        apt::unpack(&[apt.alone("user-mode-linux")?, apt.alone("busybox-static")?], &root)?;
        apt.tidy()?;
        let kernel = place.join("linux");
        std::fs::rename(root.join("usr/bin/linux.uml"), &kernel).context("Debian's kernel")?;
        let busybox = guest::read(&root.join("bin/busybox"))?;
        let mut initrd = guest::userland(&busybox, &script());
        // The drivers of its network and its consoles are in the kernel.
        initrd.file("modules/order", 0o644, b"");
        std::fs::write(place.join("initrd"), initrd.finish())?;
        std::fs::remove_dir_all(&root)?;
        let version = sh::read(Command::new(&kernel).arg("--version"))?;
        println!("uml: User-mode Linux {version} is in {}", rig.join("uml").display());
        Ok(())
    })
}

/// The guest's script, for interfaces that the kernel calls `vec0`, `vec1`, ...
fn script() -> String {
    SCRIPT.replace("eth$nic", "vec$nic").replace("'^eth'", "'^vec'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_the_guests_with_other_interfaces() {
        let script = script();
        let changed = SCRIPT.lines().zip(script.lines()).filter(|(old, new)| old != new).count();
        assert!(changed >= 5 && script.lines().count() == SCRIPT.lines().count(), "{changed}");
        let code = script.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(code.filter(|line| line.contains("eth")).collect::<Vec<_>>(), [""; 0]);
    }
}
