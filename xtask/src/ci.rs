//! Everything that a change must pass, in one command; the continuous integration runs just this.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{bench, deb, e2e, fuzz, msrv, packages, paths, setup, sh, sim};

/// One thing to pass. They go from the quick to the slow.
struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "format", run: || cargo(&["fmt", "--all", "--check"], None) },
    Step { name: "lints", run: lints },
    Step { name: "dependencies", run: dependencies },
    Step { name: "documentation", run: documentation },
    Step { name: "tests", run: tests },
    Step { name: "simulation", run: sim::brief },
    Step { name: "msrv", run: msrv::run },
    Step { name: "packages", run: packages::run },
    Step { name: "Debian package", run: deb::run },
    Step { name: "benches, once each", run: || bench::run(vec!["--test".into()]) },
    Step { name: "fuzz targets, briefly", run: fuzz::smoke },
    Step { name: "real guests", run: || e2e::run(Vec::new()) },
];

/// Runs every step, also after one failed, and says at the end how each went.
pub(crate) fn run() -> Result<()> {
    let start = Instant::now();
    setup::run()?; // without it nothing else can be judged
    let mut summary = vec![("setup", None, start.elapsed())];
    for step in STEPS {
        println!("\n==== {}", step.name);
        let start = Instant::now();
        let error = (step.run)().err();
        if let Some(error) = &error {
            println!("==== {} failed: {error:#}", step.name);
        }
        summary.push((step.name, error, start.elapsed()));
    }
    println!("\n==== summary");
    for (name, error, took) in &summary {
        let verdict = if error.is_some() { "FAILED" } else { "ok" };
        println!("{verdict:>6}  {:>6}  {name}", seconds(*took));
    }
    println!("        {:>6}  in all", seconds(start.elapsed()));
    let failed = |(name, error, _): &(&str, Option<anyhow::Error>, _)| {
        error.as_ref().map(|error| format!("{name}: {error:#}"))
    };
    let failed: Vec<_> = summary.iter().filter_map(failed).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join("\n"));
    }
    Ok(())
}

fn lints() -> Result<()> {
    let features = "vde-exec/testkit,vdeq/e2e";
    let lints = ["clippy", "--locked", "--workspace", "--all-targets", "--features", features];
    cargo(&[&lints[..], &["--", "-D", "warnings"]].concat(), None)
}

/// Licences, sources and doublets, as `deny.toml` has them. (Advisories need a database from the
/// internet.)
fn dependencies() -> Result<()> {
    let (always, checks) = (["--log-level", "error"], ["check", "bans", "licenses", "sources"]);
    cargo(&[&["deny"][..], &always, &checks].concat(), None)
}

fn documentation() -> Result<()> {
    let doc = ["doc", "--locked", "--workspace", "--no-deps", "--features", "vde-exec/testkit"];
    cargo(&doc, Some(("RUSTDOCFLAGS", "-D warnings")))
}

/// Every test that needs no guest, the corpora of the fuzz targets among them (they are tests of
/// `vde-fuzz`).
fn tests() -> Result<()> {
    let workspace = ["test", "--locked", "--workspace", "--no-fail-fast"];
    sh::test(paths::cargo().args(workspace).args(["--features", "vde-exec/testkit"]))
}

fn cargo(arguments: &[&str], environment: Option<(&str, &str)>) -> Result<()> {
    let mut cargo = paths::cargo();
    cargo.args(arguments).envs(environment);
    sh::run(&mut cargo)
}

fn seconds(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}
