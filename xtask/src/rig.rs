//! The rig: what the tests with real guests boot. Fetched and made once, then only looked at.

use std::path::PathBuf;

use anyhow::Result;

use crate::{guest, paths, qemus, uml};

/// Makes what is missing and returns the directory:
///
/// ```text
/// guest/kernel guest/initrd           the test guest
/// uml/linux uml/initrd                User-mode Linux, and its initramfs
/// qemu-5.2/qemu-system-x86_64 ...     QEMUs, runnable in place
/// ```
pub(crate) fn prepare() -> Result<PathBuf> {
    let rig = paths::rig()?;
    guest::prepare(&rig)?;
    uml::prepare(&rig)?;
    qemus::prepare(&rig)?;
    Ok(rig)
}
