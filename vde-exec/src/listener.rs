//! The name of a listening socket: made without replacing what is anybody's, gone when it is over.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getsockopt, listen,
    socket, sockopt,
};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::geteuid;

use crate::dir_handle::{DirHandle, errno_of, give, open_file};
use crate::place::with_open_umask;

/// The longest path, in bytes, under which a socket can be reached: a socket address has room for 108,
/// the last of them 0.
pub const MAX_SOCKET_PATH: usize = 107;

/// For whom a socket is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    /// The permission bits of its file.
    pub(crate) mode: u32,
    /// The group of its file; `None` leaves it as it comes.
    pub(crate) group: Option<u32>,
    /// Whether whoever can reach the file is let in, and not this user and root alone.
    pub(crate) anyone: bool,
    /// How many may wait to be taken up.
    pub(crate) backlog: i32,
}

impl Access {
    /// For this user alone.
    const PRIVATE: Self = Self { mode: 0o600, group: None, anyone: false, backlog: 16 };
}

/// Why nobody can be listened to at a path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The path has more bytes than [`MAX_SOCKET_PATH`].
    #[error("{} is too long for a socket: {} bytes, at most {MAX_SOCKET_PATH}",
        path.display(), path.as_os_str().len())]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The path has no last part that could be made.
    #[error("{} is no name for a socket", path.display())]
    NoName {
        /// The path.
        path: PathBuf,
    },
    /// Somebody listens there.
    #[error("somebody listens at {} already", path.display())]
    Alive {
        /// The path.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("{} is there already, and is no socket of this user", path.display())]
    Taken {
        /// The path.
        path: PathBuf,
    },
    /// The kernel says no.
    #[error("cannot make the socket {}: {}", path.display(), errno.desc())]
    System {
        /// The path.
        path: PathBuf,
        /// What it said.
        errno: Errno,
    },
}

impl ListenError {
    /// Where nobody can be listened to.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::TooLong { path }
            | Self::NoName { path }
            | Self::Alive { path }
            | Self::Taken { path }
            | Self::System { path, .. } => path,
        }
    }
}

/// A socket that listens. Its name goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Dropped before the socket, which keeps the number of its file from being another's.
    _name: Name,
    socket: UnixListener,
    anyone: bool,
    /// A descriptor to give up when there are no others, so that somebody can be told to go.
    spare: Option<File>,
    /// Somebody waits who can be neither taken up nor sent away.
    is_stuck: bool,
}

/// A name in the file system.
#[derive(Debug)]
struct Name {
    dir: DirHandle,
    file: OsString,
    /// The device and the number of the file that it was given to.
    inode: Option<(u64, u64)>,
}

impl Listener {
    /// Listens at `path`, for this user alone.
    ///
    /// # Errors
    /// [`ListenError`].
    pub(crate) fn bind(path: &Path) -> Result<Self, ListenError> {
        let path_buf = || path.to_owned();
        if path.as_os_str().len() > MAX_SOCKET_PATH {
            return Err(ListenError::TooLong { path: path_buf() });
        }
        let ends_in_slash = path.as_os_str().as_bytes().ends_with(b"/");
        let Some(file) = path.file_name().filter(|_| !ends_in_slash) else {
            return Err(ListenError::NoName { path: path_buf() });
        };
        let dir = match path.parent() {
            None => Path::new("/"),
            Some(dir) if dir.as_os_str().is_empty() => Path::new("."),
            Some(dir) => dir,
        };
        let dir = DirHandle::open(dir)
            .map_err(|errno| ListenError::System { path: path_buf(), errno })?;
        let _lock = dir.lock();
        Self::bind_in(dir, file, path, Access::PRIVATE)
    }

    /// Listens at `file` in `dir`, which the caller has [locked](DirHandle::lock) and the user knows as
    /// `path`.
    ///
    /// # Errors
    /// [`ListenError`].
    pub(crate) fn bind_in(
        dir: DirHandle,
        file: &OsStr,
        path: &Path,
        access: Access,
    ) -> Result<Self, ListenError> {
        let system = |errno| ListenError::System { path: path.to_owned(), errno };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(system)?;
        // It is born with this mode: no path is ever chmod-ed.
        fchmod(&fd, Mode::from_bits_truncate(access.mode)).map_err(system)?;
        let name = Name::give(&fd, dir, file, path)?;
        if access.group.is_some() {
            let handle = open_file(&name.dir.at(file)).map_err(|error| system(errno_of(&error)))?;
            give(&handle, None, access.group).map_err(system)?;
        }
        let backlog = Backlog::new(access.backlog).map_err(system)?;
        listen(&fd, backlog).map_err(system)?;
        let (socket, anyone) = (UnixListener::from(fd), access.anyone);
        Ok(Self { _name: name, socket, anyone, spare: spare(), is_stuck: false })
    }

    /// The next who wants in, close-on-exec; `None` if there is nobody. Who is neither this user nor
    /// root is hung up on, unless anyone may come.
    pub(crate) fn accept(&mut self) -> Option<OwnedFd> {
        self.is_stuck = false;
        self.spare = self.spare.take().or_else(spare);
        loop {
            match self.socket.accept() {
                Ok((stream, _)) => {
                    let peer = getsockopt(&stream, sockopt::PeerCredentials);
                    let ours = geteuid().as_raw();
                    let is_us = peer.is_ok_and(|peer| peer.uid() == ours || peer.uid() == 0);
                    if self.anyone || is_us {
                        return Some(OwnedFd::from(stream));
                    }
                }
                Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                    Some(Errno::EINTR | Errno::ECONNABORTED) => {}
                    Some(Errno::EMFILE | Errno::ENFILE) if self.spare.take().is_some() => {
                        // Or it would be the reason to wake up for ever. The kernel says so before it
                        // looks whether there is anybody.
                        let was_there = self.socket.accept().is_ok();
                        self.spare = spare();
                        if !was_there {
                            return None;
                        }
                    }
                    errno => {
                        self.is_stuck = errno != Some(Errno::EAGAIN);
                        return None;
                    }
                },
            }
        }
    }

    /// Whether it can be waited for somebody to come: not while there are not even descriptors for who
    /// is there already, or the wait would end for ever at once.
    pub(crate) fn can_wait(&self) -> bool {
        !self.is_stuck
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

impl Name {
    /// Gives a socket the name `file` in `dir`, which the user knows as `path`.
    fn give(
        socket: &OwnedFd,
        dir: DirHandle,
        file: &OsStr,
        path: &Path,
    ) -> Result<Self, ListenError> {
        let path = || path.to_owned();
        let through = dir.at(file);
        let system = |errno| ListenError::System { path: path(), errno };
        // The second time what was there has just been removed.
        for is_last in [false, true] {
            let bound = with_open_umask(|| bind(socket.as_raw_fd(), &UnixAddr::new(&through)?));
            match bound {
                Ok(()) => {
                    let inode = fs::symlink_metadata(&through).ok();
                    let inode = inode.map(|meta| (meta.dev(), meta.ino()));
                    return Ok(Self { dir, file: file.to_owned(), inode });
                }
                Err(Errno::EADDRINUSE) if !is_last => {
                    remove_stale(&dir, file).map_err(|error| match error {
                        InTheWay::Alive => ListenError::Alive { path: path() },
                        InTheWay::Taken => ListenError::Taken { path: path() },
                        InTheWay::System(errno) => system(errno),
                    })?
                }
                // Somebody else was quicker.
                Err(Errno::EADDRINUSE) => return Err(ListenError::Alive { path: path() }),
                Err(errno) => return Err(system(errno)),
            }
        }
        Err(ListenError::Alive { path: path() })
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // By now the name may be another's.
        let now = fs::symlink_metadata(self.dir.at(&self.file)).ok();
        let now = now.map(|meta| (meta.dev(), meta.ino()));
        if now.is_some() && now == self.inode {
            let _ = self.dir.remove(&self.file);
        }
    }
}

/// What cannot be removed.
enum InTheWay {
    Alive,
    Taken,
    System(Errno),
}

/// Removes a socket of this user that nobody listens on.
fn remove_stale(dir: &DirHandle, file: &OsStr) -> Result<(), InTheWay> {
    let through = dir.at(file);
    let meta = match fs::symlink_metadata(&through) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(InTheWay::System(errno_of(&error))),
        Ok(meta) => meta,
    };
    if !meta.file_type().is_socket() || meta.uid() != geteuid().as_raw() {
        return Err(InTheWay::Taken);
    }
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let probe = socket(AddressFamily::Unix, SockType::Stream, flags, None);
    let probe = probe.map_err(InTheWay::System)?;
    let address = UnixAddr::new(&through).map_err(InTheWay::System)?;
    match connect(probe.as_raw_fd(), &address) {
        Err(Errno::ECONNREFUSED) => dir.remove(file).map_err(InTheWay::System),
        // Of another type: a switch's data socket, say.
        Err(Errno::EPROTOTYPE) => Err(InTheWay::Taken),
        _ => Err(InTheWay::Alive),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixDatagram;

    fn dir() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn the_name_is_for_this_user_alone_and_goes_with_the_listener() {
        let dir = dir();
        let path = dir.path().join("control");
        let listener = Listener::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        drop(listener);
        assert!(!path.exists());
    }

    /// A name that nobody listens at, and never did: a program that another test is just starting has a
    /// copy of whatever is open here.
    fn leave_behind(path: &Path) {
        let fd =
            socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(fd.as_raw_fd(), &UnixAddr::new(path).unwrap()).unwrap();
    }

    #[test]
    fn a_name_that_nobody_listens_at_is_taken_over() {
        let dir = dir();
        let path = dir.path().join("control");
        leave_behind(&path);
        assert!(path.exists());
        let _listener = Listener::bind(&path).unwrap();
        assert!(matches!(Listener::bind(&path), Err(ListenError::Alive { .. })));
        assert!(path.exists());
    }

    #[test]
    fn of_those_who_start_at_once_one_gets_the_name_and_keeps_it() {
        let dir = dir();
        for round in 0..100 {
            let path = dir.path().join(round.to_string());
            leave_behind(&path);
            let barrier = std::sync::Barrier::new(4);
            let start = || {
                barrier.wait();
                Listener::bind(&path)
            };
            let results = std::thread::scope(|scope| {
                let starts = [(); 4].map(|()| scope.spawn(start));
                starts.map(|start| start.join().unwrap())
            });
            let mut listeners: Vec<_> = results.into_iter().flatten().collect();
            assert_eq!(listeners.len(), 1, "round {round}");
            let _client = std::os::unix::net::UnixStream::connect(&path).unwrap();
            assert!(listeners[0].accept().is_some());
        }
    }

    #[test]
    fn nothing_else_is_replaced() {
        let dir = dir();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "precious").unwrap();
        fs::create_dir(at("dir")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
        let _data = UnixDatagram::bind(at("data")).unwrap();
        for name in ["file", "dir", "link", "data"] {
            let refused = Listener::bind(&at(name)).unwrap_err();
            assert!(matches!(refused, ListenError::Taken { .. }), "{name}: {refused}");
            assert!(fs::symlink_metadata(at(name)).is_ok(), "{name}");
        }
        assert_eq!(fs::read(at("file")).unwrap(), b"precious");
    }

    #[test]
    fn a_path_that_cannot_be_is_refused() {
        let dir = dir();
        let long = dir.path().join("x".repeat(MAX_SOCKET_PATH));
        assert!(matches!(Listener::bind(&long), Err(ListenError::TooLong { .. })));
        for path in ["/", "..", "/tmp/"] {
            assert!(matches!(Listener::bind(path.as_ref()), Err(ListenError::NoName { .. })));
        }
        let absent = Listener::bind(&dir.path().join("no/such")).unwrap_err();
        assert!(matches!(absent, ListenError::System { errno: Errno::ENOENT, .. }));
    }

    #[test]
    fn a_name_that_came_to_be_anothers_stays() {
        let dir = dir();
        let path = dir.path().join("control");
        let listener = Listener::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _other = UnixListener::bind(&path).unwrap();
        drop(listener);
        assert!(path.exists());
    }
}
