//! A copy of the sources: what is tracked, or would be.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{paths, sh};

/// Makes `copy` a copy of the sources as they are now, committed or not.
pub(crate) fn copy_to(copy: &Path) -> Result<()> {
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let files = sh::read(list.current_dir(paths::workspace()))?;
    if copy.exists() {
        fs::remove_dir_all(copy).with_context(|| format!("removing {}", copy.display()))?;
    }
    for file in files.lines() {
        let (from, to) = (paths::workspace().join(file), copy.join(file));
        // One that was removed and is tracked still.
        if !from.exists() {
            continue;
        }
        let parent = to.parent().context("a file is in a directory")?;
        fs::create_dir_all(parent)?;
        fs::copy(&from, &to).with_context(|| format!("copying {}", from.display()))?;
    }
    Ok(())
}
