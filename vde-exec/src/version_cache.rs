//! Remembers what version a program said it is, so that a later start does not ask again.
//!
//! One small file a program, named after its device and inode; it holds the size and the times of
//! the executable, and counts only while those still match. Scripts are not remembered: what a
//! wrapper runs can change without the wrapper changing.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

/// Most bytes of a cache file that are read.
const MAX_ENTRY: u64 = 256;

/// The remembered version of one executable.
#[derive(Debug, Clone)]
pub struct VersionCache {
    file: PathBuf,
    identity: String,
}

impl VersionCache {
    /// The entry for `program` in the directory `dir`; `None` if the program is no ELF executable.
    ///
    /// ```no_run
    /// use std::path::Path;
    /// use vde_exec::VersionCache;
    ///
    /// let entry = VersionCache::of(Path::new("/usr/bin/qemu-system-x86_64"), Path::new("/tmp/c"));
    /// let version = entry.and_then(|entry| entry.get());
    /// ```
    #[must_use]
    pub fn of(program: &Path, dir: &Path) -> Option<Self> {
        let flags = OFlag::O_NONBLOCK.bits();
        let mut file = File::options().read(true).custom_flags(flags).open(program).ok()?;
        let mut magic = [0; 4];
        file.read_exact(&mut magic).ok()?;
        if magic != *b"\x7fELF" {
            return None;
        }
        let meta = file.metadata().ok()?;
        let name = format!("version-{:x}-{:x}", meta.dev(), meta.ino());
        Some(Self { file: dir.join(name), identity: identity(&meta) })
    }

    /// The remembered version, if there is one and it is this user's and still about this program.
    #[must_use]
    pub fn get(&self) -> Option<String> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let file = File::options().read(true).custom_flags(flags.bits()).open(&self.file).ok()?;
        let meta = file.metadata().ok()?;
        if !meta.is_file() || meta.uid() != geteuid().as_raw() {
            return None;
        }
        let mut text = String::new();
        file.take(MAX_ENTRY).read_to_string(&mut text).ok()?;
        let version = text.strip_prefix(&self.identity)?.strip_prefix(' ')?.strip_suffix('\n')?;
        Some(version.to_owned())
    }

    /// Remembers `version`: one line, put in place whole.
    ///
    /// # Errors
    /// What the kernel says. The caller may go on without.
    pub fn put(&self, version: &str) -> io::Result<()> {
        let dir = self.file.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let fresh = self.file.with_extension(std::process::id().to_string());
        let written = write_new(&fresh, &format!("{} {version}\n", self.identity))
            .and_then(|()| fs::rename(&fresh, &self.file));
        if written.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        written
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// What changes when the executable does. Some package managers set every time of modification to
/// the same second, hence also the time of change.
fn identity(meta: &Metadata) -> String {
    let (size, mtime, ctime) = (meta.size(), meta.mtime(), meta.ctime());
    format!("1 {size} {mtime}.{:09} {ctime}.{:09}", meta.mtime_nsec(), meta.ctime_nsec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (program, cache) = (dir.path().join("qemu"), dir.path().join("a/cache"));
        fs::write(&program, "\x7fELF one").unwrap();
        (dir, program, cache)
    }

    #[test]
    fn what_was_put_is_got_as_long_as_the_program_is_the_same() {
        let (_dir, program, cache) = world();
        let entry = VersionCache::of(&program, &cache).unwrap();
        assert_eq!(entry.get(), None);
        entry.put("7.2.22").unwrap();
        assert_eq!(VersionCache::of(&program, &cache).unwrap().get().as_deref(), Some("7.2.22"));

        fs::write(&program, "\x7fELF another").unwrap();
        assert_eq!(VersionCache::of(&program, &cache).unwrap().get(), None);
    }

    #[test]
    fn nothing_but_the_entry_is_left_in_the_directory() {
        let (_dir, program, cache) = world();
        VersionCache::of(&program, &cache).unwrap().put("7.2.22").unwrap();
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1);
    }

    #[test]
    fn a_script_is_not_remembered() {
        let (_dir, program, cache) = world();
        fs::write(&program, "#!/bin/sh\nexec qemu-system-x86_64").unwrap();
        assert!(VersionCache::of(&program, &cache).is_none());
    }

    #[test]
    fn a_cut_or_foreign_entry_counts_for_nothing() {
        let (_dir, program, cache) = world();
        let entry = VersionCache::of(&program, &cache).unwrap();
        entry.put("7.2.22").unwrap();
        let text = fs::read_to_string(&entry.file).unwrap();
        for cut in 0..text.len() {
            fs::write(&entry.file, &text[..cut]).unwrap();
            assert_eq!(entry.get(), None, "{cut}");
        }
        fs::remove_file(&entry.file).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &entry.file).unwrap();
        assert_eq!(entry.get(), None);
    }
}
