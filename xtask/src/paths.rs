//! Where things are: the workspace, cargo's target directory, the rig.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// The top of the repository.
pub(crate) fn workspace() -> PathBuf {
    // cargo tells a program that it runs where the package is now, even if the tree was moved
    // since.
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let package = PathBuf::from(package);
    package.parent().map(Path::to_path_buf).unwrap_or(package)
}

/// cargo's target directory: `$CARGO_TARGET_DIR`, else `target` in the workspace.
pub(crate) fn target() -> Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => std::path::absolute(dir).context("CARGO_TARGET_DIR"),
        None => Ok(workspace().join("target")),
    }
}

/// Everything that the chores fetch and make, once.
pub(crate) fn rig() -> Result<PathBuf> {
    let rig = target()?.join("rig");
    std::fs::create_dir_all(&rig).with_context(|| format!("make {}", rig.display()))?;
    Ok(rig)
}

/// The cargo that runs us, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    cargo
}
