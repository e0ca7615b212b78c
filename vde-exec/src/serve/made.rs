//! Directories that are made for a switch, and go with it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::Flock;

use crate::dir_handle::{DirHandle, errno_of};

/// How often it is looked again where directories come and go.
const ATTEMPTS: u32 = 8;

/// Directories that were made, the innermost first. They go when this is dropped, if they are empty.
#[derive(Debug, Default)]
pub(super) struct Made(Vec<(PathBuf, Option<(u64, u64)>)>);

/// Locks on directories, outermost first.
pub(super) type Locks = Vec<Flock<File>>;

impl Made {
    /// Makes `path` and what is missing above it.
    ///
    /// Of those who start at once one makes all that is missing, and the others find it when that one is
    /// done: each locks the innermost directory that is there and the one above it, where the one that
    /// makes something holds its lock, and keeps the lock of each that it makes. `locks` gets them all but
    /// that of `path` itself.
    pub(super) fn make(path: &Path, locks: &mut Locks) -> Result<Self, Errno> {
        let there = || path.ancestors().find(|dir| is_there(dir));
        for _ in 0..ATTEMPTS {
            let innermost = there();
            locks.clear();
            locks.extend(innermost.and_then(Path::parent).and_then(lock));
            locks.extend(innermost.filter(|there| *there != path).and_then(lock));
            if there() == innermost {
                break;
            }
        }
        let missing: Vec<&Path> = path.ancestors().take_while(|dir| !is_there(dir)).collect();
        let mut made = Self::default();
        for dir in missing.iter().rev() {
            let mut builder = DirBuilder::new();
            if *dir == path {
                // Nobody else's until its group is right.
                builder.mode(0o700);
            }
            match builder.create(dir) {
                Ok(()) => made.0.insert(0, ((*dir).to_owned(), id_of(dir))),
                // Somebody was quicker who does not know of the locks.
                Err(error) if errno_of(&error) == Errno::EEXIST => {}
                Err(error) => return Err(errno_of(&error)),
            }
            locks.extend(Some(*dir).filter(|dir| *dir != path).and_then(lock));
        }
        Ok(made)
    }

    /// Has a directory that is there go as well, as if it had been made.
    pub(super) fn adopt(&mut self, path: &Path) {
        self.0.insert(0, (path.to_owned(), id_of(path)));
    }

    /// Whether the directory with this device and number was made last.
    pub(super) fn is_innermost(&self, id: Option<(u64, u64)>) -> bool {
        id.is_some() && self.0.first().is_some_and(|(_, made)| *made == id)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for (path, made) in &self.0 {
            let now = id_of(path);
            if now.is_none() || now != *made || fs::remove_dir(path).is_err() {
                return;
            }
        }
    }
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn id_of(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

fn lock(dir: &Path) -> Option<Flock<File>> {
    DirHandle::open(dir).ok()?.lock()
}
