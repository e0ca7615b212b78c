//! Reads a file that a user or an administrator wrote: never waits for it, and not of anybody else's.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::geteuid;

use crate::dir_handle::errno_of;

/// What a configuration file says, of at most so many bytes; `None` if there is none.
///
/// ```
/// assert_eq!(vde_exec::read_config("/no/such/file".as_ref(), 1024)?, None);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// It is no file, too long, not UTF-8, belongs to somebody else than this user or root, everybody may
/// write to it, or the kernel does not let us look.
pub fn read_config(path: &Path, most: u64) -> io::Result<Option<String>> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    // What is no file, but a FIFO or a terminal, is not waited for, and does not become ours.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = match File::options().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) => file,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(wrong("it is no file"));
    }
    if ![0, geteuid().as_raw()].contains(&meta.uid()) {
        return Err(wrong("it belongs to another user"));
    }
    if meta.mode() & 0o002 != 0 {
        return Err(wrong("everybody may write to it"));
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > most) {
        return Err(wrong(&format!("it is longer than {most} bytes")));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| wrong("it is not UTF-8"))
}

/// Whether there is no such file, and none that could be: a path that cannot be one is none.
fn is_absence(error: &io::Error) -> bool {
    matches!(errno_of(error), Errno::ENOENT | Errno::ENOTDIR | Errno::ENAMETOOLONG)
}
