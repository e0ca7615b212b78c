//! Whether the same sources are the same program: the release build, here and in a copy elsewhere.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::{paths, sh, sources};

/// Builds it twice and compares every byte.
pub(crate) fn run() -> Result<()> {
    const BUILD: [&str; 5] = ["build", "--release", "--locked", "--package", "vdeq"];
    let elsewhere = paths::target()?.join("elsewhere/under/another/name");
    sources::copy_to(&elsewhere)?;
    sh::run(paths::cargo().args(BUILD))?;
    let mut again = paths::cargo();
    again.args(BUILD).current_dir(&elsewhere).env("CARGO_TARGET_DIR", elsewhere.join("target"));
    sh::run(&mut again)?;
    let read = |path: std::path::PathBuf| {
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    };
    let here = read(paths::target()?.join("release/vdeq"))?;
    let there = read(elsewhere.join("target/release/vdeq"))?;
    if here != there {
        bail!("two builds of the same sources differ ({} and {} bytes)", here.len(), there.len());
    }
    println!("the same {} bytes, built in two places", here.len());
    Ok(())
}
