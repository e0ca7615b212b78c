//! Simulated worlds with faults, as many as one wants, on all cores.

use std::ffi::OsString;

use anyhow::{Result, ensure};

use crate::{paths, sh};

/// How many worlds there are when nothing is said.
const USUAL: u64 = 1_000_000;

/// How many a change has to wait for: half a minute on two cores. They begin where the fixed set of
/// the tests ends.
const BRIEF: [u64; 2] = [150_000, 300_000];

/// `[--seeds N] [--from S]`. A seed that breaks a law ends it, with a story as short as it can be made.
pub(crate) fn run(arguments: Vec<OsString>) -> Result<()> {
    let (from, seeds) = numbers(arguments)?;
    simulate(from, seeds)
}

/// As many as a change has to wait for.
pub(crate) fn brief() -> Result<()> {
    let [from, seeds] = BRIEF;
    simulate(from, seeds)
}

fn simulate(from: u64, seeds: u64) -> Result<()> {
    let mut sim = paths::cargo();
    sim.args(["run", "--locked", "--quiet", "--profile", "sim", "--package", "vde-exec"]);
    sim.args(["--features", "testkit", "--bin", "sim", "--"]);
    sh::run(sim.args([from.to_string(), seeds.to_string()]))
}

fn numbers(arguments: Vec<OsString>) -> Result<(u64, u64)> {
    use lexopt::prelude::*;
    let (mut from, mut seeds) = (0, USUAL);
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("from") => from = parser.value()?.parse()?,
            Long("seeds") => seeds = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(seeds > 0, "--seeds 0 would try nothing");
    Ok((from, seeds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seed_and_their_number_are_told_or_usual() {
        let of = |words: &[&str]| numbers(words.iter().map(OsString::from).collect());
        assert_eq!(of(&[]).unwrap(), (0, USUAL));
        assert_eq!(of(&["--seeds", "7", "--from", "40"]).unwrap(), (40, 7));
        for wrong in [&["--seeds"][..], &["--seeds", "0"], &["--from", "here"], &["7"]] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
