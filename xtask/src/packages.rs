//! What is published: that each crate can be packed and built from its package, and that the oldest
//! versions of what it depends on, by its own manifest, will do.

use std::fs;

use anyhow::{Context as _, Result};

use crate::msrv::SHIPPED;
use crate::{paths, sh, sources};

/// Packs, and checks with the oldest dependencies.
pub(crate) fn run() -> Result<()> {
    let mut pack = paths::cargo();
    // What is packed is what is here, committed or not.
    sh::run(pack.args(["package", "--locked", "--allow-dirty"]).args(selection()))?;
    with_oldest_dependencies()
}

/// `--package` for each that is shipped.
fn selection() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().flat_map(|package| ["--package", package])
}

/// In a copy, since it is another `Cargo.lock`.
fn with_oldest_dependencies() -> Result<()> {
    let copy = paths::target()?.join("oldest");
    sources::copy_to(&copy)?;
    fs::remove_file(copy.join("Cargo.lock")).context("removing the copy's Cargo.lock")?;
    let mut resolve = paths::cargo();
    resolve.args(["-Z", "direct-minimal-versions", "generate-lockfile", "--quiet"]);
    // Only a nightly cargo has that option, or one that is told to be as bold.
    sh::run(resolve.env("RUSTC_BOOTSTRAP", "1").current_dir(&copy))?;
    let mut check = paths::cargo();
    check.args(["check", "--locked"]).args(selection()).current_dir(&copy);
    sh::run(check.env("CARGO_TARGET_DIR", paths::target()?.join("oldest-target")))
}
