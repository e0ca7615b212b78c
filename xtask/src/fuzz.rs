//! cargo-fuzz with the stable toolchain.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::{paths, sh};

/// How long each target is fuzzed when nothing is said.
const USUAL: Duration = Duration::from_secs(60);

/// `[TARGET] [--time SECONDS]`, or `[TARGET] --merge`.
pub(crate) fn run(arguments: Vec<OsString>) -> Result<()> {
    use lexopt::prelude::*;
    let (mut target, mut time, mut merges) = (None, USUAL, false);
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("time") => time = Duration::from_secs(parser.value()?.parse()?),
            Long("merge") => merges = true,
            Value(name) if target.is_none() => target = Some(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let known = targets()?;
    let wanted = match target {
        None => known,
        Some(name) if known.contains(&name) => vec![name],
        Some(name) => bail!("there is no fuzz target {name:?}; there are: {}", known.join(", ")),
    };
    match merges {
        true => wanted.iter().try_for_each(|name| merge(name)),
        false => fuzz_all(&wanted, time),
    }
}

/// Every target, a short time each: enough to see that it runs and that nothing is wrong on the
/// surface.
pub(crate) fn smoke() -> Result<()> {
    fuzz_all(&targets()?, Duration::from_secs(15))
}

/// One after the other, and what came of it.
fn fuzz_all(targets: &[String], time: Duration) -> Result<()> {
    let mut tallies = Vec::new();
    let result = targets.iter().try_for_each(|name| {
        let mut tally = Tally::default();
        let result = fuzz(name, time, &mut tally);
        tallies.push((name, tally));
        result
    });
    println!("{HEADING}");
    for (name, tally) in &tallies {
        println!("{}", tally.row(name));
    }
    let executions: u64 = tallies.iter().map(|(_, tally)| tally.executions).sum();
    let seconds: u64 = tallies.iter().map(|(_, tally)| tally.seconds).sum();
    println!("{executions} executions in {seconds} s");
    result
}

/// What is told of each target: edges are those of the control flow that libFuzzer has counters for, of
/// all code that is linked in; one target is about a part of it.
const HEADING: &str = "target      executions  seconds  edges reached     of  inputs kept";

/// What libFuzzer says of a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    executions: u64,
    seconds: u64,
    /// Edges of the control flow that were reached.
    reached: u64,
    /// And how many there are.
    edges: u64,
    /// Inputs that reach something that no other does.
    inputs: u64,
}

impl Tally {
    /// Reads a line that libFuzzer wrote.
    fn read(&mut self, line: &str) {
        let number_behind = |mark: &str| -> Option<u64> {
            let rest = line.split_once(mark)?.1.trim_start();
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        if let Some(edges) = number_behind("modules   (") {
            self.edges = edges;
        }
        if line.contains(" cov: ") {
            self.reached = number_behind(" cov:").unwrap_or(self.reached);
            self.inputs = number_behind(" corp:").unwrap_or(self.inputs);
            // A run that finds something does not say `Done`.
            self.executions = number_behind("#").unwrap_or(self.executions);
        }
        if line.starts_with("Done ") {
            self.executions = number_behind("Done ").unwrap_or(self.executions);
            self.seconds = number_behind(" in ").unwrap_or(self.seconds);
        }
    }

    fn row(&self, name: &str) -> String {
        let Self { executions, seconds, reached, edges, inputs } = self;
        format!("{name:<10}{executions:>12}{seconds:>9}{reached:>15}{edges:>7}{inputs:>13}")
    }
}

/// The files in `fuzz/fuzz_targets`; each has to be a program of the package, or it would never
/// run.
fn targets() -> Result<Vec<String>> {
    let fuzz = paths::workspace().join("fuzz");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(fuzz.join("fuzz_targets")).into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            files.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    files.sort();
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).context("fuzz/Cargo.toml")?;
    let programs = programs(&manifest);
    if programs != files {
        bail!("fuzz/fuzz_targets has {files:?}, but fuzz/Cargo.toml {programs:?}");
    }
    if files.is_empty() {
        println!("NOTE: there are no fuzz targets in {}", fuzz.display());
    }
    Ok(files)
}

/// The names in `path = "fuzz_targets/NAME.rs"`, sorted.
fn programs(manifest: &str) -> Vec<String> {
    let paths = manifest.lines().filter_map(|line| {
        let value = line.split_once('=').filter(|(key, _)| key.trim() == "path")?.1;
        value.trim().trim_matches('"').strip_prefix("fuzz_targets/")?.strip_suffix(".rs")
    });
    let mut names: Vec<_> = paths.map(str::to_owned).collect();
    names.sort();
    names
}

/// New inputs go to the target directory; the tree's corpus is only read. A crash stays in
/// `fuzz/artifacts`.
fn fuzz(target: &str, time: Duration, tally: &mut Tally) -> Result<()> {
    let mut fuzz = cargo_fuzz(target)?;
    fuzz.arg(found(target)?);
    let kept = kept(target);
    if kept.is_dir() {
        fuzz.arg(kept);
    }
    fuzz.arg("--").arg(format!("-max_total_time={}", time.as_secs()));
    sh::watch(&mut fuzz, |line| tally.read(line))
}

/// Adds to the tree's corpus what was found and reaches code that it does not, in as few inputs as can be.
/// (`cargo fuzz cmin` would rename those that were written by hand.)
fn merge(target: &str) -> Result<()> {
    let mut merge = cargo_fuzz(target)?;
    merge.arg(kept(target)).arg(found(target)?);
    sh::run(merge.args(["--", "-merge=1", "-set_cover_merge=1", "-use_counters=0"]))
}

/// Where the inputs are that were found on this machine.
fn found(target: &str) -> Result<PathBuf> {
    let found = paths::target()?.join("fuzz-corpus").join(target);
    std::fs::create_dir_all(&found)?;
    Ok(found)
}

/// Where those are that belong to the repository.
fn kept(target: &str) -> PathBuf {
    paths::workspace().join("fuzz/corpus").join(target)
}

fn cargo_fuzz(target: &str) -> Result<Command> {
    let mut fuzz = paths::cargo();
    // The unstable flags of the sanitizers, with the one toolchain that builds everything else.
    fuzz.env("RUSTC_BOOTSTRAP", "1");
    // The shipped binaries have no symbols, but the stack of a crash is read by somebody.
    fuzz.env("CARGO_PROFILE_RELEASE_STRIP", "none");
    // Nor need they be quick to build. These do: there are a dozen of them.
    fuzz.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    fuzz.args(["fuzz", "run", "--fuzz-dir", "fuzz"]);
    fuzz.args(["--features", "libfuzzer", "--debug-assertions"]);
    fuzz.arg("--target-dir").arg(paths::target()?.join("fuzz")).arg(target);
    Ok(fuzz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_of_the_manifest_are_found() {
        let manifest = "[[bin]]\nname = \"b\"\npath = \"fuzz_targets/b.rs\"\ntest = false\n\
                        [[bin]]\nname = \"a\"\npath=\"fuzz_targets/a.rs\"\n\
                        [dependencies]\nvde-proto = { path = \"../vde-proto\" }\n";
        assert_eq!(programs(manifest), ["a", "b"]);
    }

    #[test]
    fn what_libfuzzer_says_is_tallied() {
        let mut tally = Tally::default();
        for line in [
            "INFO: Loaded 1 modules   (31415 inline 8-bit counters): 31415 [0x55, 0x56), ",
            "#2\tINITED cov: 120 ft: 121 corp: 1/1b exec/s: 0 rss: 40Mb",
            "\tNEW_FUNC[1/2]: 0x55 in vde_fuzz::control::check cov: is no figure here",
            "#158759\tDONE   cov: 6674 ft: 31131 corp: 2949/300Kb lim: 169 exec/s: 293 rss: 566Mb",
            "Done 158760 runs in 541 second(s)",
        ] {
            tally.read(line);
        }
        let expected =
            Tally { executions: 158_760, seconds: 541, reached: 6674, edges: 31_415, inputs: 2949 };
        assert_eq!(tally, expected);
        assert_eq!(tally.row("argv").len(), HEADING.len());
    }

    #[test]
    fn every_target_of_this_repository_is_a_program() {
        targets().unwrap();
    }
}
