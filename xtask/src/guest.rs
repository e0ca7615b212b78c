//! The test guest: a Debian kernel and an initramfs with busybox, the drivers of QEMU's usual NICs,
//! and one script (`guest/init`) that says what the guest does and how it is told.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::apt::{self, Apt};
use crate::initramfs::Initramfs;
use crate::once::once;

/// Change it when anything below changes that a kept guest would lack.
const RECIPE: &str =
    concat!("bookworm linux-image-amd64 busybox-static 1\n", include_str!("guest/init"));

/// In loading order. The cloud flavour of the kernel is smaller, but knows no e1000, which is what
/// QEMU gives to a plain `-net nic`.
const MODULES: &[&str] = &[
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci",
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
    "drivers/net/ethernet/intel/e1000/e1000",
];

/// The busybox programs that the script uses.
const APPLETS: &[&str] = &[
    "cat", "cut", "grep", "insmod", "ip", "ls", "mount", "ping", "poweroff", "readlink", "sed",
    "sh", "sleep", "stty", "tee", "tr",
];

/// Makes `guest/kernel` and `guest/initrd` in the rig.
pub(crate) fn prepare(rig: &Path) -> Result<()> {
    once(&rig.join("guest"), RECIPE, |place| {
        let apt = Apt::open(rig, apt::BOOKWORM)?;
        let kernel = apt.behind("linux-image-amd64", "linux-image-")?;
        let root = place.join("root");
        apt::unpack(&[apt.alone(&kernel)?, apt.alone("busybox-static")?], &root)?;
        apt.tidy()?;
        let release = kernel.trim_start_matches("linux-image-");
        std::fs::rename(root.join(format!("boot/vmlinuz-{release}")), place.join("kernel"))?;
        let initrd = initramfs(&root, release)?;
        std::fs::write(place.join("initrd"), initrd)?;
        std::fs::remove_dir_all(&root)?;
        println!(
            "guest: Linux {release}, kernel and initrd are in {}",
            rig.join("guest").display()
        );
        Ok(())
    })
}

fn initramfs(root: &Path, release: &str) -> Result<Vec<u8>> {
    let mut archive = Initramfs::default();
    for directory in ["bin", "dev", "proc", "sys", "modules"] {
        archive.directory(directory);
    }
    archive.character_device("dev/console", (5, 1));
    archive.character_device("dev/null", (1, 3));
    archive.file("init", 0o755, include_bytes!("guest/init"));
    archive.file("bin/busybox", 0o755, &read(&root.join("bin/busybox"))?);
    for applet in APPLETS {
        archive.symlink(&format!("bin/{applet}"), "busybox");
    }
    let mut order = String::new();
    for module in MODULES {
        let name = format!("{}.ko", module.rsplit('/').next().unwrap_or(module));
        let file = root.join(format!("lib/modules/{release}/kernel/{module}.ko"));
        archive.file(&format!("modules/{name}"), 0o644, &read(&file)?);
        order.push_str(&name);
        order.push('\n');
    }
    archive.file("modules/order", 0o644, order.as_bytes());
    Ok(archive.finish())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("read {}", file.display()))
}
