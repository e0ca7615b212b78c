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

/// Every target, a short time each: enough to see that it runs and that nothing is wrong on the surface.
pub(crate) fn smoke() -> Result<()> {
    targets()?.iter().try_for_each(|name| fuzz(name, Duration::from_secs(15)))
}

fn targets() -> Result<Vec<String>> {
    let dir = paths::workspace().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&dir).with_context(|| format!("list {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    if names.is_empty() {
        bail!("there is no fuzz target in {}", dir.display());
    }
    Ok(names)
}

/// New inputs go to the target directory; the tree's corpus is only read. A crash stays in `fuzz/artifacts`.
fn fuzz(target: &str, time: Duration) -> Result<()> {
    let found = paths::target()?.join("fuzz-corpus").join(target);
    std::fs::create_dir_all(&found)?;
    let mut fuzz = paths::cargo();
    // The unstable flags of the sanitizers, with the one toolchain that builds everything else.
    fuzz.env("RUSTC_BOOTSTRAP", "1");
    fuzz.args(["fuzz", "run", "--fuzz-dir", "fuzz", "--debug-assertions"]);
    fuzz.arg("--target-dir").arg(paths::target()?.join("fuzz")).arg(target).arg(&found);
    let kept = paths::workspace().join("fuzz/corpus").join(target);
    if kept.is_dir() {
        fuzz.arg(kept);
    }
    sh::run(fuzz.arg("--").arg(format!("-max_total_time={}", time.as_secs())))
}
