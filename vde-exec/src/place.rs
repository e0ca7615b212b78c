//! Where the name of a data socket is, and what has to go with it.
//!
//! A switch of our own user, or root's, gets a name beside its control socket. One of another user gets
//! it in a *room*: a directory of ours that everybody may pass through and nobody may list, where the
//! socket has a name that cannot be guessed. Such a name may have to stay ([`crate::reach`]); in the
//! room it is out of the way of whoever removes the switch's directory, and only who is told it can
//! send there.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Mutex;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, bind, connect, getpeername, getsockname, socket,
};
use nix::sys::stat::{Mode, mkdirat, umask};
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};
use vde_proto::SocketPath;

use crate::dir_handle::{DirHandle, errno_of, open_file, path_of};
use crate::{socket_name, stale};

/// How many names are tried in one directory before it is given up.
const MAX_NAMES: u32 = 64;

/// A directory for data sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// In the directory itself.
    In(&'a Path),
    /// In a room of its own there.
    RoomIn(&'a Path),
}

impl<'a> Place<'a> {
    /// The directory.
    pub(crate) fn dir(self) -> &'a Path {
        match self {
            Self::In(dir) | Self::RoomIn(dir) => dir,
        }
    }

    /// Gives `socket`, which has its mode already, a name here.
    pub(crate) fn bind(self, socket: BorrowedFd<'_>) -> Result<BoundName, Errno> {
        let dir = DirHandle::open(self.dir())?;
        stale::sweep(&dir);
        match self {
            Self::In(path) => bind_in(dir, path, None, socket, socket_name::next),
            Self::RoomIn(path) => {
                let (room, inside) = Room::make(dir)?;
                let path = path.join(&room.name);
                bind_in(inside, &path, Some(room), socket, secret_name)
            }
        }
    }
}

/// A name in the file system that is removed on drop, wherever its directory has moved.
#[derive(Debug)]
pub(crate) struct BoundName {
    dir: DirHandle,
    file: OsString,
    path: SocketPath,
    handle: File,
    /// Dropped, and removed, after the file in it.
    _room: Option<Room>,
}

impl BoundName {
    /// The name, as a request carries it.
    pub(crate) fn path(&self) -> &SocketPath {
        &self.path
    }

    /// A handle on the very file of the socket, whatever its name comes to mean.
    pub(crate) fn handle(&self) -> &File {
        &self.handle
    }
}

impl Drop for BoundName {
    fn drop(&mut self) {
        // Gone already is as good as removed now; there is nobody to tell about anything else.
        let _ = self.dir.remove(&self.file);
    }
}

/// A directory for one socket.
#[derive(Debug)]
struct Room {
    base: DirHandle,
    name: OsString,
}

impl Room {
    /// Makes one in `base`, and opens it.
    fn make(base: DirHandle) -> Result<(Self, DirHandle), Errno> {
        /// Everybody may pass through.
        const MODE: Mode = Mode::from_bits_truncate(0o711);
        for _ in 0..MAX_NAMES {
            let name = socket_name::next();
            match with_open_umask(|| mkdirat(&base, name.as_os_str(), MODE)) {
                Ok(()) => {
                    let inside = base.open_in(&name);
                    let room = Self { base, name };
                    return inside.map(|inside| (room, inside));
                }
                Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::EEXIST)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = unlinkat(&self.base, self.name.as_os_str(), UnlinkatFlags::RemoveDir);
    }
}

/// Binds `socket` in `dir`, whose path is `path`.
fn bind_in(
    dir: DirHandle,
    path: &Path,
    room: Option<Room>,
    socket: BorrowedFd<'_>,
    name: impl Fn() -> OsString,
) -> Result<BoundName, Errno> {
    for _ in 0..MAX_NAMES {
        let file = name();
        let path = SocketPath::new(path.join(&file).into_os_string().into_encoded_bytes())
            .map_err(|_| Errno::ENAMETOOLONG)?;
        let through = dir.at(&file);
        match with_open_umask(|| bind(socket.as_raw_fd(), &UnixAddr::new(&through)?)) {
            Ok(()) => {
                let handle = handle_on(&through, socket);
                if handle.is_err() {
                    let _ = dir.remove(&file);
                }
                return Ok(BoundName { dir, file, path, handle: handle?, _room: room });
            }
            Err(Errno::EADDRINUSE) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EADDRINUSE)
}

/// A handle on the file at `name`, if that is the one that `data` is bound to: in a directory that
/// others may write to, somebody could have exchanged it.
fn handle_on(name: &Path, data: BorrowedFd<'_>) -> Result<File, Errno> {
    let file = open_file(name).map_err(|error| errno_of(&error))?;
    let meta = file.metadata().map_err(|error| errno_of(&error))?;
    if !meta.file_type().is_socket() || meta.uid() != geteuid().as_raw() {
        return Err(Errno::EPERM);
    }
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let probe: OwnedFd = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
    connect(probe.as_raw_fd(), &UnixAddr::new(&path_of(file.as_raw_fd()))?)?;
    let reached: UnixAddr = getpeername(probe.as_raw_fd())?;
    let ours: UnixAddr = getsockname(data.as_raw_fd())?;
    if reached == ours { Ok(file) } else { Err(Errno::EPERM) }
}

/// A name that cannot be guessed.
fn secret_name() -> OsString {
    let mut bytes = [0; 16];
    // Without /dev/urandom the name is known, and the file mode alone protects the socket.
    let _ = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    let mut name = String::new();
    for byte in bytes {
        let _ = write!(name, "{byte:02x}");
    }
    name.into()
}

/// Runs `action` while the umask of the process hides nothing.
///
/// The umask belongs to the whole process; the lock keeps two of us from restoring each other's.
pub(crate) fn with_open_umask<T>(action: impl FnOnce() -> T) -> T {
    static LOCK: Mutex<()> = Mutex::new(());
    let _guard = LOCK.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = umask(Mode::empty());
    let result = action();
    umask(before);
    result
}

/// The places for a data socket, best first.
pub(crate) fn places<'a>(
    beside: &'a Path,
    elsewhere: &[&'a Path],
    switch_is_ours: bool,
) -> Vec<Place<'a>> {
    let beside = Place::In(beside);
    let others = elsewhere.iter().copied();
    match switch_is_ours {
        true => std::iter::once(beside).chain(others.map(Place::In)).collect(),
        false => others.map(Place::RoomIn).chain([beside]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    fn datagram_socket() -> OwnedFd {
        socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).unwrap()
    }

    fn entries(dir: &Path) -> Vec<PathBuf> {
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_room_can_be_passed_through_and_not_listed_and_goes_with_the_name() {
        let base = tempfile::tempdir().unwrap();
        let data = datagram_socket();
        let name = Place::RoomIn(base.path()).bind(data.as_fd()).unwrap();
        let room = entries(base.path()).pop().unwrap();
        assert_eq!(std::fs::metadata(&room).unwrap().permissions().mode() & 0o777, 0o711);
        assert_eq!(entries(&room), [crate::as_path(name.path().as_bytes())]);
        drop(name);
        assert_eq!(entries(base.path()), [""; 0].map(PathBuf::from));
    }

    #[test]
    fn secret_names_differ() {
        assert_ne!(secret_name(), secret_name());
        assert_eq!(secret_name().len(), 32);
    }

    #[test]
    fn the_handle_is_on_the_socket_and_on_no_other_that_took_its_name() {
        let base = tempfile::tempdir().unwrap();
        let [data, other] = [datagram_socket(), datagram_socket()];
        let name = Place::In(base.path()).bind(data.as_fd()).unwrap();
        let theirs = Place::In(base.path()).bind(other.as_fd()).unwrap();
        let path = |name: &BoundName| crate::as_path(name.path().as_bytes()).to_owned();
        std::fs::rename(path(&theirs), path(&name)).unwrap();
        assert_eq!(handle_on(&path(&name), data.as_fd()).err(), Some(Errno::EPERM));
        assert!(name.handle().metadata().unwrap().file_type().is_socket());
    }
}
