//! Every chore of this repository: `cargo xtask help`.
//!
//! One file a chore. A chore prints each program it runs as `$ command`, so that everything it does
//! can be done by hand; what it makes goes under the target directory (`target/rig`), never into
//! the source tree.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore talks to the person who runs it"
)]

mod apt;
mod bench;
mod ci;
mod deb;
mod demo;
mod e2e;
mod fuzz;
mod guest;
mod initramfs;
mod man;
mod msrv;
mod once;
mod packages;
mod paths;
mod qemus;
mod reproducible;
mod rig;
mod setup;
mod sh;
mod sim;
mod soak;
mod sources;
mod uml;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};

/// A chore: its name, what follows the name, what it does, and the function that does it.
struct Chore {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(Vec<OsString>) -> Result<()>,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "ci",
        arguments: "",
        about: "everything a change must pass: format, lints, docs, tests, msrv, fuzz, benches, real guests",
        run: |rest| none(&rest).and_then(|()| ci::run()),
    },
    Chore {
        name: "demo",
        arguments: "[--image FILE] [-- QEMU ARGUMENTS]",
        about: "two guests that ping each other through vdeq and its switch; or your VM on that network",
        run: demo::run,
    },
    Chore {
        name: "test-e2e",
        arguments: "[FILTER]",
        about: "the tests with real guests, a real vde_switch and QEMU 5.2, 7.2, 10.0 and sid's",
        run: e2e::run,
    },
    Chore {
        name: "fuzz",
        arguments: "[TARGET] [--time SECONDS | --merge]",
        about: "fuzz one target, or all, a minute each, with figures; or add what was found to the corpora",
        run: fuzz::run,
    },
    Chore {
        name: "sim",
        arguments: "[--seeds N] [--from S]",
        about: "simulated worlds with faults (a million), seven laws after every step, figures",
        run: sim::run,
    },
    Chore {
        name: "soak",
        arguments: "[--cases N]",
        about: "the laws over N random command lines for each property (ten million, an hour at most), with figures",
        run: soak::run,
    },
    Chore {
        name: "bench",
        arguments: "[CRITERION ARGUMENTS]",
        about: "the benches",
        run: bench::run,
    },
    Chore {
        name: "man",
        arguments: "",
        about: "make the manual page and the completions anew, from the tables of options",
        run: |rest| none(&rest).and_then(|()| man::run()),
    },
    Chore {
        name: "msrv",
        arguments: "",
        about: "check the shipped crates with a real compiler of the rust-version in Cargo.toml",
        run: |rest| none(&rest).and_then(|()| msrv::run()),
    },
    Chore {
        name: "packages",
        arguments: "",
        about: "pack the crates that are published, build the packages, check with the oldest dependencies",
        run: |rest| none(&rest).and_then(|()| packages::run()),
    },
    Chore {
        name: "reproducible",
        arguments: "",
        about: "build the program here and in another place, and compare every byte",
        run: |rest| none(&rest).and_then(|()| reproducible::run()),
    },
    Chore {
        name: "deb",
        arguments: "",
        about: "build the Debian package, and install, use and purge it in a small Debian of its own",
        run: |rest| none(&rest).and_then(|()| deb::run()),
    },
    Chore {
        name: "rig",
        arguments: "",
        about: "fetch and build what test-e2e and demo boot: kernel, initramfs, the QEMUs",
        run: |rest| none(&rest).and_then(|()| rig::prepare().map(drop)),
    },
    Chore {
        name: "setup",
        arguments: "",
        about: "install what the other chores need and this machine lacks (apt-get, cargo install)",
        run: |rest| none(&rest).and_then(|()| setup::run()),
    },
    Chore {
        name: "help",
        arguments: "",
        about: "this list",
        run: |rest| none(&rest).map(|()| help()),
    },
];

fn main() -> ExitCode {
    match dispatch(std::env::args_os().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(mut arguments: Vec<OsString>) -> Result<()> {
    if arguments.is_empty() {
        help();
        bail!("which chore?");
    }
    let name = arguments.remove(0);
    let name = if name == "--help" || name == "-h" { "help".into() } else { name };
    match CHORES.iter().find(|chore| name == chore.name) {
        Some(chore) => (chore.run)(arguments),
        None => {
            let known: Vec<_> = CHORES.iter().map(|chore| chore.name).collect();
            bail!("there is no chore {name:?}; there are: {}", known.join(", "))
        }
    }
}

/// For a chore that takes no arguments.
fn none(rest: &[OsString]) -> Result<()> {
    match rest.first() {
        None => Ok(()),
        Some(word) => bail!("unexpected argument {word:?}: this chore takes none"),
    }
}

fn help() {
    println!("cargo xtask CHORE\n");
    for chore in CHORES {
        println!("  {} {}\n      {}", chore.name, chore.arguments, chore.about);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(words: &[&str]) -> String {
        let arguments = words.iter().map(OsString::from).collect();
        format!("{:#}", dispatch(arguments).unwrap_err())
    }

    #[test]
    fn an_unknown_chore_is_refused_with_the_known_ones() {
        let refusal = refusal(&["dance"]);
        assert!(refusal.contains("\"dance\"") && refusal.contains("test-e2e"), "{refusal}");
    }

    #[test]
    fn an_argument_that_a_chore_does_not_take_is_refused() {
        for chore in ["ci", "msrv", "setup", "rig", "help"] {
            assert!(refusal(&[chore, "--fast"]).contains("--fast"));
        }
        assert!(refusal(&["fuzz", "--time", "soon"]).contains("soon"));
        assert!(refusal(&["soak", "--cases", "many"]).contains("many"));
        assert!(refusal(&["sim", "--seeds", "few"]).contains("few"));
        assert!(refusal(&["test-e2e", "--nocapture"]).contains("--nocapture"));
        assert!(refusal(&["demo", "--picture", "x"]).contains("--picture"));
    }

    #[test]
    fn no_chore_is_no_success() {
        assert!(refusal(&[]).contains("which chore"));
    }
}
