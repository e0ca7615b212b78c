//! `cargo xtask man`: the manual page and the completions, from the tables of options that vdeq's parser
//! reads. They are kept in the tree, so that nobody who packages vdeq has to make them;
//! a test here sees that they are as this would make them.

mod completions;
mod page;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::paths::workspace;

/// Writes what is not as it should be, and says so.
pub(crate) fn run() -> Result<()> {
    for (path, text) in made()? {
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Makes a text of its source.
type Maker = fn(&str) -> String;

/// What is made, and where it is kept: beside its source, whose name has `.in` behind it.
fn made() -> Result<Vec<(PathBuf, String)>> {
    let makers: [(&str, Maker); 4] = [
        ("man/vdeq.1", page::page),
        ("completions/vdeq.bash", completions::bash),
        ("completions/_vdeq", completions::zsh),
        ("completions/vdeq.fish", completions::fish),
    ];
    let make = |(name, make): (&str, Maker)| {
        let path = workspace().join("vdeq").join(name);
        let source = format!("{}.in", path.display());
        let source = fs::read_to_string(&source).with_context(|| format!("reading {source}"))?;
        Ok((path, make(&source)))
    };
    makers.into_iter().map(make).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_tree_is_what_would_be_made() {
        for (path, text) in made().unwrap() {
            let kept = fs::read_to_string(&path).unwrap_or_default();
            assert!(kept == text, "{} is old: cargo xtask man", path.display());
        }
    }
}
