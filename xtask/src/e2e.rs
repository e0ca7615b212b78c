//! The tests with real guests.

use std::ffi::OsString;

use anyhow::{Result, bail};

use crate::{paths, rig, setup, sh};

/// Prepares the rig and runs them, or those whose name contains FILTER.
pub(crate) fn run(arguments: Vec<OsString>) -> Result<()> {
    let filter = match arguments.as_slice() {
        [] => None,
        [word] if !word.to_string_lossy().starts_with('-') => Some(word),
        [.., word] => bail!("unexpected argument {word:?}: one FILTER, a part of a test's name"),
    };
    setup::tests_with_machines()?;
    let rig = rig::prepare()?;
    let build = ["build", "--locked", "--package", "vde-exec", "--features", "testkit"];
    sh::run(paths::cargo().args(build).args(["--bin", "fake-qemu"]))?;
    sh::run(paths::cargo().args(["build", "--locked", "--package", "vdeq", "--release"]))?;
    let mut test = paths::cargo();
    test.args(["test", "--locked", "--package", "vdeq", "--features", "e2e", "--test", "e2e"]);
    test.env("VDEQ_RIG", &rig);
    test.env("VDEQ_FAKE_QEMU", paths::target()?.join("debug/fake-qemu"));
    test.env("VDEQ_RELEASE", paths::target()?.join("release/vdeq"));
    sh::test(test.args(["--", "--test-threads=2"]).args(filter))
}
