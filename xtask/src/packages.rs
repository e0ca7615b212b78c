//! What is published: that each crate can be packed and built from its package, and that the oldest
//! versions of what it depends on, by its own manifest, will do.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::msrv::SHIPPED;
use crate::{paths, sh};

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
    // Only what is tracked, or would be.
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let files = sh::read(list.current_dir(paths::workspace()))?;
    if copy.exists() {
        fs::remove_dir_all(&copy).with_context(|| format!("removing {}", copy.display()))?;
    }
    for file in files.lines().filter(|file| *file != "Cargo.lock") {
        let (from, to) = (paths::workspace().join(file), copy.join(file));
        // One that was removed and is tracked still.
        if !from.exists() {
            continue;
        }
        let parent = to.parent().context("a file is in a directory")?;
        fs::create_dir_all(parent)?;
        fs::copy(&from, &to).with_context(|| format!("copying {}", from.display()))?;
    }
    let mut resolve = paths::cargo();
    resolve.args(["-Z", "direct-minimal-versions", "generate-lockfile", "--quiet"]);
    // Only a nightly cargo has that option, or one that is told to be as bold.
    sh::run(resolve.env("RUSTC_BOOTSTRAP", "1").current_dir(&copy))?;
    let mut check = paths::cargo();
    check.args(["check", "--locked"]).args(selection()).current_dir(&copy);
    sh::run(check.env("CARGO_TARGET_DIR", paths::target()?.join("oldest-target")))
}
