//! Where the rig put things: kernel, initramfs, QEMUs. `cargo xtask test-e2e` says it through the
//! environment.

use std::path::{Path, PathBuf};

/// The QEMUs of the rig, oldest first.
pub const QEMUS: [&str; 4] = ["qemu-5.2", "qemu-7.2", "qemu-10.0", "qemu-sid"];

/// The vdeq under test.
pub fn vdeq() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_vdeq"))
}

/// The same as it is installed: optimised, without symbols.
pub fn release_vdeq() -> PathBuf {
    existing("VDEQ_RELEASE", "")
}

/// The program that takes a QEMU's place where no guest is needed.
pub fn fake_qemu() -> PathBuf {
    existing("VDEQ_FAKE_QEMU", "")
}

pub fn kernel() -> PathBuf {
    existing("VDEQ_RIG", "guest/kernel")
}

pub fn initrd() -> PathBuf {
    existing("VDEQ_RIG", "guest/initrd")
}

/// The User-mode Linux kernel.
pub fn uml() -> PathBuf {
    existing("VDEQ_RIG", "uml/linux")
}

pub fn uml_initrd() -> PathBuf {
    existing("VDEQ_RIG", "uml/initrd")
}

/// One of [`QEMUS`].
pub fn qemu(name: &str) -> PathBuf {
    existing("VDEQ_RIG", &format!("{name}/qemu-system-x86_64"))
}

fn existing(variable: &str, below: &str) -> PathBuf {
    let hint = "these tests are run by `cargo xtask test-e2e`";
    let base = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is unset: {hint}"));
    let path = if below.is_empty() { base.into() } else { Path::new(&base).join(below) };
    assert!(path.exists(), "there is no {}: {hint}", path.display());
    path
}
