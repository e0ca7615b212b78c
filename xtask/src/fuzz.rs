//! cargo-fuzz with the stable toolchain.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::{paths, sh};

/// How long each target is fuzzed when nothing is said.
const USUAL: Duration = Duration::from_secs(60);

/// `[TARGET] [--time SECONDS]`.
pub(crate) fn run(arguments: Vec<OsString>) -> Result<()> {
    use lexopt::prelude::*;
    let (mut target, mut time) = (None, USUAL);
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("time") => time = Duration::from_secs(parser.value()?.parse()?),
            Value(name) if target.is_none() => target = Some(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let known = targets()?;
    match target {
        None => known.iter().try_for_each(|name| fuzz(name, time)),
        Some(name) if known.contains(&name) => fuzz(&name, time),
        Some(name) => bail!("there is no fuzz target {name:?}; there are: {}", known.join(", ")),
    }
}

/// Every target, a short time each: enough to see that it runs and that nothing is wrong on the
/// surface.
pub(crate) fn smoke() -> Result<()> {
    targets()?.iter().try_for_each(|name| fuzz(name, Duration::from_secs(15)))
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
fn fuzz(target: &str, time: Duration) -> Result<()> {
    let found = paths::target()?.join("fuzz-corpus").join(target);
    std::fs::create_dir_all(&found)?;
    let mut fuzz = paths::cargo();
    // The unstable flags of the sanitizers, with the one toolchain that builds everything else.
    fuzz.env("RUSTC_BOOTSTRAP", "1");
    // The shipped binaries have no symbols, but the stack of a crash is read by somebody.
    fuzz.env("CARGO_PROFILE_RELEASE_STRIP", "none");
    // Nor need they be quick to build. These do: there are a dozen of them.
    fuzz.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    fuzz.args(["fuzz", "run", "--fuzz-dir", "fuzz"]);
    fuzz.args(["--features", "libfuzzer", "--debug-assertions"]);
    fuzz.arg("--target-dir").arg(paths::target()?.join("fuzz")).arg(target).arg(&found);
    let kept = paths::workspace().join("fuzz/corpus").join(target);
    if kept.is_dir() {
        fuzz.arg(kept);
    }
    sh::run(fuzz.arg("--").arg(format!("-max_total_time={}", time.as_secs())))
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
    fn every_target_of_this_repository_is_a_program() {
        targets().unwrap();
    }
}
