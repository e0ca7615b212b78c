//! What vdeq adds to the start of a program, beside the C vdeq.
//!
//! Every way to start is taken once a round, in an order that turns around each round, so that what
//! else happens on the machine falls on all of them alike. A sample is the time from `fork` to the
//! end of a program that ends at once; the switch is Debian's `vde_switch`.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench stops where the world is not as it needs it, and prints a table"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vde_benches::spread;
use vde_exec::testkit::fake_qemu;
use vde_exec::testkit::real_switch::{Options, RealSwitch};

/// Rounds of a measurement, and of `--test`, which only shows that everything runs.
const ROUNDS: usize = 41;
const TEST_ROUNDS: usize = 2;

/// The banner by which the C vdeq takes the program for a QEMU that has `-net tap`.
const HELP: &str = "QEMU emulator version 2.5.0, Copyright (c) 2003-2008 Fabrice Bellard\n";

/// One way to start the program.
struct Way {
    name: &'static str,
    /// Its line in the table.
    rank: usize,
    words: Vec<String>,
    samples: Vec<Duration>,
}

fn main() {
    let is_test = std::env::args().any(|arg| arg == "--test");
    let rounds = if is_test { TEST_ROUNDS } else { ROUNDS };
    let home = tempfile::tempdir().expect("a directory");
    let switch = RealSwitch::start(Options::default());
    let vdeq = release("vdeq", "vdeq", &[]);
    let program = release("vde-exec", "fake-qemu", &["testkit"]);
    let mut ways = ways(&vdeq, &program, switch.dir());
    for round in 0..=rounds {
        for way in &mut ways {
            let sample = start(&way.words, home.path());
            // The first round fills caches, also the one of the program's version.
            if round > 0 {
                way.samples.push(sample);
            }
            switch.wait_for_ports("the port is given back", <[_]>::is_empty);
        }
        ways.reverse();
    }
    ways.sort_by_key(|way| way.rank);
    report(&ways);
}

/// Builds a binary of the workspace as it ships.
fn release(package: &str, bin: &str, features: &[&str]) -> PathBuf {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let build = escargot::CargoBuild::new().manifest_path(manifest).package(package).bin(bin);
    let build = build.features(features.join(",")).release();
    build.run().expect("a release build").path().to_owned()
}

fn ways(vdeq: &Path, program: &Path, switch: &Path) -> Vec<Way> {
    let [vdeq, program] = [vdeq, program].map(|path| path.display().to_string());
    let net = format!("vde,sock={}", switch.display());
    let ours = |own: &[&str]| -> Vec<String> {
        let own = own.iter().map(ToString::to_string);
        let rest = [program.clone(), "-net".into(), "nic".into(), "-net".into(), net.clone()];
        std::iter::once(vdeq.clone()).chain(own).chain(rest).collect()
    };
    let theirs = ["/usr/bin/vdeq", &program, "-net", "nic", "-net", &net].map(str::to_owned);
    let ways = [
        ("bare exec", vec![program.clone(), "-net".into(), "nic".into()]),
        ("vdeq", ours(&[])),
        ("vdeq --exec", ours(&["--exec"])),
        ("C vdeq", theirs.to_vec()),
    ];
    let way = |(rank, (name, words))| Way { name, rank, words, samples: Vec::new() };
    ways.into_iter().enumerate().map(way).collect()
}

/// Runs a command to its end.
fn start(words: &[String], home: &Path) -> Duration {
    let (program, args) = words.split_first().expect("a program");
    let mut command = Command::new(program);
    command.args(args).env_clear().env("HOME", home).env(fake_qemu::HELP, HELP);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status().expect("a command");
    let took = started.elapsed();
    assert!(status.success(), "{words:?}: {status}");
    took
}

fn report(ways: &[Way]) {
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let floor =
        ways.first().and_then(|way| spread(&way.samples)).map_or(0.0, |(_, m, _)| millis(m));
    println!("| way to start | median, ms | min - max, ms | added to bare exec, ms |");
    println!("|---|---|---|---|");
    for way in ways {
        let Some((least, middle, most)) = spread(&way.samples) else { continue };
        let (least, middle, most) = (millis(least), millis(middle), millis(most));
        let added = middle - floor;
        println!("| {} | {middle:.2} | {least:.2} - {most:.2} | {added:.2} |", way.name);
    }
    let rounds = ways.first().map_or(0, |way| way.samples.len());
    println!("\nmedians of {rounds} rounds, interleaved");
}
