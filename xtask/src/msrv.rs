//! The promise `rust-version = "1.85"`, kept by a real compiler of that version: Debian trixie's
//! rustc, unpacked beside the installed toolchain, driven by the installed cargo.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::apt::{self, Apt};
use crate::once::once;
use crate::{paths, qemus, sh};

/// What is published, and therefore promised.
pub(crate) const SHIPPED: &[&str] = &["vde-proto", "vde-args", "vde-exec", "vdeq"];

/// Checks the shipped crates.
pub(crate) fn run() -> Result<()> {
    let rig = paths::rig()?;
    let toolchain = rig.join("rust-trixie");
    once(&toolchain, "trixie rustc 1", |place| fetch(&rig, place))?;
    let rustc = toolchain.join("rustc");
    let version = sh::read(Command::new(&rustc).arg("--version"))?;
    let promised = promised_version()?;
    println!("msrv: {version}; promised: {promised}");
    ensure!(
        version.starts_with(&format!("rustc {promised}.")),
        "trixie has {version}, but Cargo.toml promises {promised}: nothing here can check that"
    );
    let mut check = paths::cargo();
    check.args(["check", "--locked"]).env("RUSTC", &rustc);
    check.arg("--target-dir").arg(rig.join("msrv-target"));
    for package in SHIPPED {
        check.args(["--package", package]);
    }
    sh::run(&mut check)
}

/// The compiler alone, with the libraries it runs on; the linker that build scripts need is this
/// machine's.
fn fetch(rig: &Path, place: &Path) -> Result<()> {
    let apt = Apt::open(rig, apt::TRIXIE)?;
    let mut debs = apt.with_dependencies(&["libstd-rust-dev"])?;
    debs.push(apt.alone("rustc")?);
    apt::unpack(&debs, &place.join("root"))?;
    apt.tidy()?;
    let sysroot = r#"--sysroot "$here/root/usr""#;
    qemus::wrap(place, "rustc", "root/usr/bin/rustc", sysroot)
}

/// The `rust-version` of the workspace.
fn promised_version() -> Result<String> {
    let manifest = std::fs::read_to_string(paths::workspace().join("Cargo.toml"))?;
    let value = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    Ok(value.context("Cargo.toml has no rust-version")?.trim().trim_matches('"').to_owned())
}
