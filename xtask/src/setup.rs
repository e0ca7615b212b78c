//! What the other chores need, installed where it is missing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{apt, paths, sh};

/// A Debian package, and how to see that its like is here already.
struct Need {
    package: &'static str,
    present: fn() -> bool,
    why: &'static str,
}

/// To start a machine.
const MACHINE: &[Need] = &[
    Need {
        package: "qemu-system-x86",
        present: || sh::exists("qemu-system-x86_64"),
        why: "the QEMU of this machine",
    },
    Need {
        package: "debian-archive-keyring",
        present: || Path::new(apt::KEYRING).exists(),
        why: "to verify what other suites have",
    },
];

/// To start it beside others' programs.
const OTHERS: &[Need] = &[
    Need { package: "vde2", present: || sh::exists("vde_switch"), why: "vde_switch, the switch" },
    Need {
        package: "socat",
        present: || sh::exists("socat"),
        why: "a program that is no QEMU and takes a descriptor",
    },
];

/// To join networks as people do.
const JOINERS: &[Need] = &[
    Need { package: "iproute2", present: || sh::exists("ip"), why: "two hosts on one machine" },
    Need {
        package: "libvdeplug-slirp",
        present: || Path::new("/usr/lib/x86_64-linux-gnu/vdeplug/libvdeplug_slirp.so").exists(),
        why: "a plug that is the internet",
    },
];

/// To see what machines did, and what readers make of what ships beside the program.
const WITNESSES: &[Need] = &[
    Need {
        package: "tshark",
        present: || sh::exists("tshark"),
        why: "a reader of captures that is not ours",
    },
    Need { package: "mandoc", present: || sh::exists("mandoc"), why: "a judge of manual pages" },
    Need { package: "man-db", present: || sh::exists("man"), why: "a reader of manual pages" },
    Need { package: "zsh", present: || sh::exists("zsh"), why: "a shell that completes" },
    Need { package: "fish", present: || sh::exists("fish"), why: "a shell that completes" },
];

/// To build and test.
const TOOLS: &[Need] = &[
    Need { package: "gcc", present: || sh::exists("cc"), why: "cargo's linker" },
    Need {
        package: "libc6-dev",
        present: || Path::new("/usr/include/stdlib.h").exists(),
        why: "what is linked",
    },
    Need { package: "g++", present: || sh::exists("c++"), why: "libFuzzer" },
    Need {
        package: "dpkg-dev",
        present: || sh::exists("dpkg-shlibdeps"),
        why: "what the Debian package depends on",
    },
    Need { package: "procps", present: || sh::exists("kill"), why: "kill, which tests call" },
];

/// Subcommands of cargo that are crates.
const SUBCOMMANDS: &[(&str, &str)] = &[
    ("fuzz", "it builds and runs the fuzz targets"),
    ("deny", "it checks licences and sources of what we depend on"),
    ("deb", "it builds the Debian package"),
];

/// Installs everything that is missing: Debian packages through apt-get (as root, or with sudo),
/// and subcommands of cargo.
pub(crate) fn run() -> Result<()> {
    provide(&[MACHINE, OTHERS, JOINERS, WITNESSES, TOOLS])?;
    for component in ["fmt", "clippy"] {
        sh::read(paths::cargo().args([component, "--version"])).with_context(|| {
            format!(
                "cargo {component} is missing: `rustup component add rustfmt clippy`, \
                 or your system's packages"
            )
        })?;
    }
    subcommands(|_| true)?;
    println!("setup: nothing is missing");
    Ok(())
}

/// Installs what is missing to build the Debian package.
pub(crate) fn debian_packages() -> Result<()> {
    provide(&[MACHINE, TOOLS])?;
    subcommands(|command| command == "deb")
}

fn subcommands(is_wanted: impl Fn(&str) -> bool) -> Result<()> {
    for (command, why) in SUBCOMMANDS.iter().filter(|(command, _)| is_wanted(command)) {
        if sh::read(paths::cargo().args([command, "--version"])).is_err() {
            println!("missing: cargo-{command} ({why})");
            sh::run(paths::cargo().args(["install", "--locked", &format!("cargo-{command}")]))?;
        }
    }
    Ok(())
}

/// Installs what is missing to start a machine on vdeq's own switch.
pub(crate) fn machine() -> Result<()> {
    provide(&[MACHINE])
}

/// Installs what is missing to test with machines on a network.
pub(crate) fn tests_with_machines() -> Result<()> {
    provide(&[MACHINE, OTHERS, JOINERS, WITNESSES])
}

fn provide(needs: &[&[Need]]) -> Result<()> {
    let missing = || needs.iter().copied().flatten().filter(|need| !(need.present)());
    for need in missing() {
        println!("missing: {} ({})", need.package, need.why);
    }
    let packages: Vec<_> = missing().map(|need| need.package).collect();
    if !packages.is_empty() {
        install(&packages)?;
    }
    match missing().next() {
        Some(need) => bail!("{} is installed, but not what it is for: {}", need.package, need.why),
        None => Ok(()),
    }
}

fn install(packages: &[&str]) -> Result<()> {
    if !sh::exists("apt-get") {
        bail!("this machine has no apt-get: install the like of {} yourself", packages.join(" "));
    }
    sh::run(apt_get(packages)?.arg("update"))?;
    sh::run(apt_get(packages)?.args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

/// apt-get with the right to install; `packages` are what for.
fn apt_get(packages: &[&str]) -> Result<Command> {
    let environment = "DEBIAN_FRONTEND=noninteractive";
    let mut command = if sh::read(Command::new("id").arg("-u"))? == "0" {
        Command::new("env")
    } else if sh::exists("sudo") {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "env"]);
        sudo
    } else {
        bail!(
            "apt-get must be run by root, and there is no sudo: as root, \
             `apt-get update && apt-get install {}`",
            packages.join(" ")
        );
    };
    command.args([environment, "apt-get", "-q"]);
    Ok(command)
}
