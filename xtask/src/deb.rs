//! The Debian package, built by cargo-deb, and its life in a small Debian of its own: installed beside
//! vde2, whose program has the same name, used, upgraded, and purged without a trace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::apt::{self, Apt};
use crate::once::once;
use crate::{paths, setup, sh};

/// What happens in the small Debian.
const TRIAL: &str = include_str!("deb/trial.sh");

/// What a small Debian is made of, with what it depends on.
const PARTS: [&str; 10] = [
    "coreutils",
    "dash",
    "diffutils",
    "dpkg",
    "findutils",
    "grep",
    "libc-bin",
    "libgcc-s1",
    "sed",
    "tar",
];

/// Change it when anything below changes that a kept one would lack.
const RECIPE: &str = "bookworm dpkg vde2 3";

/// Users and groups: that of vde2 is root by another name, since in a user namespace there is no
/// other.
const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nvde2-net:x:0:0::/run/vde2:/bin/false\n";
const GROUP: &str = "root:x:0:\nvde2-net:x:0:\n";

/// Builds it, tells where it is, and tries it.
pub(crate) fn run() -> Result<()> {
    setup::debian_packages()?;
    let package = build()?;
    try_it(&package)?;
    println!("deb: {} is installed with `apt install`, as root", package.display());
    Ok(())
}

fn build() -> Result<PathBuf> {
    let place = paths::target()?.join("deb");
    if place.exists() {
        std::fs::remove_dir_all(&place)?;
    }
    let mut build = paths::cargo();
    build.args(["deb", "--locked", "--package", "vdeq", "--output"]).arg(&place);
    sh::run(&mut build)?;
    let mut files = std::fs::read_dir(&place)?.flatten().map(|entry| entry.path());
    files.next().context("cargo deb left no package")
}

fn try_it(package: &Path) -> Result<()> {
    let rig = paths::rig()?;
    let kept = rig.join("small-debian");
    once(&kept, RECIPE, |place| small_debian(&rig, place))?;
    let home = tempfile::tempdir()?;
    let root = home.path().join("root");
    sh::run(Command::new("cp").arg("-a").arg(kept.join("root")).arg(&root))?;
    std::fs::copy(package, root.join("vdeq.deb"))?;
    std::fs::write(root.join("trial.sh"), TRIAL)?;
    let enter = r#"mount -t proc proc "$1/proc"; mount --bind /dev/null "$1/dev/null"
        exec chroot "$1" /bin/sh -e /trial.sh"#;
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--mount", "--pid", "--fork", "sh", "-e", "-c", enter, "-"]);
    sh::run(unshare.arg(&root).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")).context(
        "the small Debian is a user namespace of its own: a container may have to be allowed to make one",
    )
}

/// What is needed to install packages, and vde2 as a file and unpacked.
fn small_debian(rig: &Path, place: &Path) -> Result<()> {
    let apt = Apt::open(rig, apt::BOOKWORM)?;
    let parts = apt.with_dependencies(&PARTS)?;
    let root = place.join("root");
    apt::unpack(&parts, &root)?;
    let vde2 = apt.alone("vde2")?;
    apt::unpack(std::slice::from_ref(&vde2), &root.join("theirs"))?;
    std::fs::copy(&vde2, root.join("vde2.deb"))?;
    apt.tidy()?;
    for dir in ["dev", "proc", "tmp", "root", "var/lib/dpkg/updates", "var/lib/dpkg/info"] {
        std::fs::create_dir_all(root.join(dir))?;
    }
    for (file, text) in [
        ("etc/passwd", PASSWD),
        ("etc/group", GROUP),
        ("dev/null", ""),
        ("var/lib/dpkg/status", ""),
    ] {
        std::fs::write(root.join(file), text)?;
    }
    Ok(())
}
