//! Things that are made once and kept.

use std::path::Path;

use anyhow::{Context as _, Result};

/// The file that says a directory is complete, and by which recipe.
const STAMP: &str = ".complete";

/// Makes the directory `dir` by `make`, unless it is complete already and made by the same
/// `recipe`.
///
/// The work is done beside it and moved into place at the end: a run that is interrupted leaves
/// nothing that looks finished.
pub(crate) fn once(dir: &Path, recipe: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if std::fs::read_to_string(dir.join(STAMP)).is_ok_and(|stamp| stamp == recipe) {
        return Ok(());
    }
    let mut scratch = dir.as_os_str().to_owned();
    scratch.push(".unfinished");
    let scratch = Path::new(&scratch);
    for leftover in [dir, scratch] {
        if leftover.exists() {
            std::fs::remove_dir_all(leftover)
                .with_context(|| format!("remove {}", leftover.display()))?;
        }
    }
    std::fs::create_dir_all(scratch).with_context(|| format!("make {}", scratch.display()))?;
    make(scratch)?;
    std::fs::write(scratch.join(STAMP), recipe)?;
    std::fs::rename(scratch, dir).with_context(|| format!("move {} into place", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_made_once_for_each_recipe() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("thing");
        let mut made = 0;
        for recipe in ["1", "1", "2", "2", "1"] {
            once(&dir, recipe, |place| {
                made += 1;
                std::fs::write(place.join("file"), recipe)?;
                Ok(())
            })
            .unwrap();
            assert_eq!(std::fs::read_to_string(dir.join("file")).unwrap(), recipe);
        }
        assert_eq!(made, 3);
    }

    #[test]
    fn half_a_thing_is_not_a_thing() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("thing-1.5");
        let fail = once(&dir, "1", |place| {
            std::fs::write(place.join("half"), "")?;
            anyhow::bail!("interrupted")
        });
        assert!(fail.is_err() && !dir.exists());
        once(&dir, "1", |_| Ok(())).unwrap();
        assert!(dir.exists() && !dir.join("half").exists());
    }
}
