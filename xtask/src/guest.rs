//! The test guest: a Debian kernel and an initramfs with busybox, iperf3, the drivers of QEMU's usual
//! NICs, and one script (`guest/init`) that says what the guest does and how it is told.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::apt::{self, Apt};
use crate::initramfs::Initramfs;
use crate::once::once;

/// Change it when anything below changes that a kept guest would lack.
const RECIPE: &str =
    concat!("bookworm linux-image-amd64 busybox-static iperf3 2\n", include_str!("guest/init"));

/// The guest's first and only program.
pub(crate) const SCRIPT: &str = include_str!("guest/init");

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

/// What iperf3 is made of, and the packages that have it.
const IPERF3_PACKAGES: [&str; 5] = ["iperf3", "libiperf0", "libsctp1", "libssl3", "libc6"];
const IPERF3: &[&str] = &[
    "usr/bin/iperf3",
    "usr/lib/x86_64-linux-gnu/libiperf.so.0",
    "usr/lib/x86_64-linux-gnu/libsctp.so.1",
    "usr/lib/x86_64-linux-gnu/libcrypto.so.3",
    "lib/x86_64-linux-gnu/libm.so.6",
    "lib/x86_64-linux-gnu/libc.so.6",
    "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
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
        let mut packages = vec![apt.alone(&kernel)?, apt.alone("busybox-static")?];
        for package in IPERF3_PACKAGES {
            packages.push(apt.alone(package)?);
        }
        apt::unpack(&packages, &root)?;
        apt.tidy()?;
        let release = kernel.trim_start_matches("linux-image-");
        std::fs::rename(root.join(format!("boot/vmlinuz-{release}")), place.join("kernel"))?;
        let mut initrd = userland(&read(&root.join("bin/busybox"))?, SCRIPT);
        add_iperf3(&mut initrd, &root)?;
        add_modules(&mut initrd, &root.join(format!("lib/modules/{release}/kernel")))?;
        std::fs::write(place.join("initrd"), initrd.finish())?;
        std::fs::remove_dir_all(&root)?;
        println!(
            "guest: Linux {release}, kernel and initrd are in {}",
            rig.join("guest").display()
        );
        Ok(())
    })
}

/// What a guest needs besides modules: busybox, and the script that is its first program.
pub(crate) fn userland(busybox: &[u8], script: &str) -> Initramfs {
    let mut archive = Initramfs::default();
    for directory in ["bin", "dev", "proc", "sys", "modules"] {
        archive.directory(directory);
    }
    archive.character_device("dev/console", (5, 1));
    archive.character_device("dev/null", (1, 3));
    archive.file("init", 0o755, script.as_bytes());
    archive.file("bin/busybox", 0o755, busybox);
    for applet in APPLETS {
        archive.symlink(&format!("bin/{applet}"), "busybox");
    }
    archive
}

/// The program with its libraries, and what it needs of a system.
fn add_iperf3(archive: &mut Initramfs, root: &Path) -> Result<()> {
    let directories = ["usr", "usr/bin", "usr/lib", "usr/lib/x86_64-linux-gnu"];
    for directory in directories.into_iter().chain(["lib", "lib/x86_64-linux-gnu", "lib64", "tmp"])
    {
        archive.directory(directory);
    }
    archive.character_device("dev/urandom", (1, 9));
    for file in IPERF3 {
        archive.file(file, 0o755, &read(&root.join(file))?);
    }
    archive.symlink("lib64/ld-linux-x86-64.so.2", "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
    Ok(())
}

fn add_modules(archive: &mut Initramfs, kernel: &Path) -> Result<()> {
    let mut order = String::new();
    for module in MODULES {
        let name = format!("{}.ko", module.rsplit('/').next().unwrap_or(module));
        archive.file(
            &format!("modules/{name}"),
            0o644,
            &read(&kernel.join(format!("{module}.ko")))?,
        );
        order.push_str(&name);
        order.push('\n');
    }
    archive.file("modules/order", 0o644, order.as_bytes());
    Ok(())
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("read {}", file.display()))
}
