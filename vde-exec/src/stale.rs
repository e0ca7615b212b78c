//! Removes data sockets that a killed vdeq left behind, and the rooms that it made for them.
//!
//! A name is stale when it is ours by form and owner, the process in it is no more, and nobody is
//! bound to it: then connecting is refused, and it can never come alive again, since binding to an
//! existing name fails. The process counts too because a name shows in the directory an instant
//! before the kernel takes connections for it: without that, of many vdeqs that start at once one
//! could sweep away the fresh name of another.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::unistd::{Pid, UnlinkatFlags, geteuid, unlinkat};

use crate::dir_handle::DirHandle;
use crate::socket_name;

/// Most entries of a directory that are looked at, so that a huge one cannot hold up a start.
const MAX_ENTRIES: usize = 10_000;

/// Removes the stale data sockets of this user from `dir`; returns how many there were.
///
/// Failures do not matter: what cannot be removed now is still stale at the next start.
pub(crate) fn sweep(dir: &DirHandle) -> usize {
    let Ok(entries) = dir.entries() else { return 0 };
    let names = entries.take(MAX_ENTRIES).flatten().map(|entry| entry.file_name());
    names
        .filter(|name| socket_name::process_of(name).is_some_and(is_gone))
        .filter(|name| remove(dir, name))
        .count()
}

fn remove(dir: &DirHandle, name: &OsStr) -> bool {
    let path = dir.at(name);
    match fs::symlink_metadata(&path) {
        Ok(meta) if meta.is_dir() && is_ours(&meta) => clear_room(dir, name),
        Ok(_) => is_abandoned(&path) && dir.remove(name).is_ok(),
        Err(_) => false,
    }
}

/// Removes a room that a process left which is no more: the sockets in it that nobody is bound to, and
/// the directory, if it is empty then.
fn clear_room(base: &DirHandle, name: &OsStr) -> bool {
    let Ok(room) = base.open_in(name) else { return false };
    for entry in room.entries().into_iter().flatten().flatten() {
        let file = entry.file_name();
        if is_abandoned(&room.at(&file)) {
            let _ = room.remove(&file);
        }
    }
    unlinkat(base, name, UnlinkatFlags::RemoveDir).is_ok()
}

fn is_ours(meta: &fs::Metadata) -> bool {
    meta.uid() == geteuid().as_raw()
}

fn is_gone(pid: Pid) -> bool {
    kill(pid, None) == Err(Errno::ESRCH)
}

/// The sockets of this user in a directory that nobody is bound to any more, its `ctl` aside: what
/// clients left that were killed. Those of vdeq go by themselves at the next start; those of others
/// stay. None of a directory that cannot be listed.
///
/// ```
/// use std::os::unix::net::UnixDatagram;
/// let dir = std::env::temp_dir().join(format!("vdeq-doc-{}", std::process::id()));
/// std::fs::create_dir(&dir)?;
/// drop(UnixDatagram::bind(dir.join("left"))?);
/// assert_eq!(vde_exec::abandoned_sockets(&dir), [dir.join("left")]);
/// std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn abandoned_sockets(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().take(MAX_ENTRIES).flatten();
    let paths = entries.map(|entry| entry.path());
    let mut left: Vec<_> = paths
        .filter(|path| path.file_name().is_some_and(|name| name != "ctl") && is_abandoned(path))
        .collect();
    left.sort();
    left
}

/// Whether it is a socket of ours that nobody is bound to.
pub(crate) fn is_abandoned(path: &Path) -> bool {
    let Ok(meta) = fs::symlink_metadata(path) else { return false };
    meta.file_type().is_socket() && is_ours(&meta) && nobody_is_bound(path)
}

fn nobody_is_bound(path: &Path) -> bool {
    let probe = || -> Result<(), Errno> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
        connect(fd.as_raw_fd(), &UnixAddr::new(path)?)
    };
    probe() == Err(Errno::ECONNREFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    #[test]
    fn a_dead_socket_of_a_dead_process_is_removed_and_nothing_else() {
        let mut ended = Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let (dead, alive) = (ended.id(), std::process::id());
        let dir = tempfile::tempdir().unwrap();
        let path = |pid: u32, n: u32| dir.path().join(socket_name::of(pid, n));

        drop(UnixDatagram::bind(path(dead, 0)).unwrap());
        let _bound = UnixDatagram::bind(path(dead, 1)).unwrap();
        fs::write(path(dead, 2), "no socket").unwrap();
        drop(UnixDatagram::bind(path(alive, 0)).unwrap());

        fs::create_dir(path(dead, 3)).unwrap();
        drop(UnixDatagram::bind(path(dead, 3).join("secret")).unwrap());
        fs::create_dir(path(dead, 4)).unwrap();
        fs::write(path(dead, 4).join("no socket"), "").unwrap();

        assert_eq!(sweep(&DirHandle::open(dir.path()).unwrap()), 2);
        assert!(!path(dead, 0).exists() && !path(dead, 3).exists() && path(dead, 4).exists());
        assert!(path(dead, 1).exists() && path(dead, 2).exists() && path(alive, 0).exists());
    }
}
