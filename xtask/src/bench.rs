//! The benches.

use std::ffi::OsString;

use anyhow::Result;

use crate::{paths, sh};

/// Runs them; arguments go to criterion (`--test` runs each once, a word selects by name).
pub(crate) fn run(arguments: Vec<OsString>) -> Result<()> {
    let mut bench = paths::cargo();
    bench.args(["bench", "--locked", "--package", "vde-benches", "--"]).args(arguments);
    sh::run(&mut bench)
}
