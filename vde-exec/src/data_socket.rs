//! The client's data socket: bound to a name that the switch can reach, and its clean-up.
//!
//! A switch connects to the name once, during the handshake; from then on both ends are connected
//! and the name is not needed \[P-7.6\]. It is born with its final mode, because `fchmod` on the
//! unbound socket decides it and the umask is out of the way: no path is ever chmod-ed.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, bind, connect, recv, setsockopt, socket,
    sockopt,
};
use nix::sys::stat::{Mode, fchmod, umask};
use nix::unistd::{Gid, fchownat, geteuid};
use vde_proto::SocketPath;

use crate::as_path;
use crate::dir_handle::{DirHandle, open_file, path_of};
use crate::environment::Environment;
use crate::socket_name;
use crate::stale;
use crate::switch_dir::SwitchDir;

/// Send buffer of a data socket in bytes, as `SO_SNDBUF` takes it.
///
/// The sender's buffer is the only queue on the way to the switch. The kernel's default
/// (212,992) delays and then drops; 64 KiB measured best for guests, and still holds the longest
/// datagram that QEMU sends (69,632 bytes, since the kernel doubles the figure).
const SEND_BUFFER: usize = 64 * 1024;

/// How many names are tried in one directory before it is given up.
const MAX_NAMES: u32 = 64;

/// Most datagrams thrown away at [`DataSocket::drain`]: a bound on a hostile sender.
const MAX_DRAIN: usize = 4096;

/// Who may reach a data socket's name while the handshake lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Access {
    /// Permission bits, 0..=0o777; `None` (or 0, which would lock everybody out) picks what the
    /// owner of the switch needs.
    pub(crate) mode: Option<u32>,
    /// Group to give the socket to.
    pub(crate) group: Option<u32>,
}

/// A datagram socket with a name in the file system; the name goes when this is dropped.
#[derive(Debug)]
pub(crate) struct DataSocket {
    fd: OwnedFd,
    name: BoundName,
}

/// Why no data socket could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// No directory took the name.
    #[error("cannot make a data socket in any of {}", list(tried))]
    NoPlace {
        /// The directories, in order, and what the kernel said about each.
        tried: Vec<(PathBuf, Errno)>,
    },
    /// The socket could not be given to the group.
    #[error("cannot give the data socket to group {group}: {errno}")]
    Group {
        /// The group id.
        group: u32,
        /// What the kernel said.
        errno: Errno,
    },
    /// A system call that should not fail did.
    #[error("cannot make a data socket: {0}")]
    System(#[from] Errno),
}

fn list(tried: &[(PathBuf, Errno)]) -> String {
    let each = tried.iter().map(|(dir, errno)| format!("{} ({})", dir.display(), errno.desc()));
    each.collect::<Vec<_>>().join(", ")
}

impl DataSocket {
    /// Makes a data socket that `switch` can reach: in its directory, or, where that does not let
    /// us or is too long, in a directory that both can enter \[P-9.7\].
    ///
    /// # Errors
    /// [`BindError`] lists every directory that was tried.
    pub(crate) fn bind_near(
        switch: &SwitchDir,
        access: Access,
        environment: &Environment,
    ) -> Result<Self, BindError> {
        let ours = switch.owner() == 0 || switch.owner() == geteuid().as_raw();
        let mut tried = Vec::new();
        let dirs = std::iter::once(switch.dir()).chain(environment.socket_dirs(ours));
        for dir in dirs {
            let beside_switch = dir == switch.dir();
            let mode = mode_for(access, ours, beside_switch && switch.hands_down_its_group());
            match Self::bind_in(dir, mode) {
                Ok(socket) => return socket.give_to(access.group),
                Err(errno) => tried.push((dir.to_owned(), errno)),
            }
        }
        Err(BindError::NoPlace { tried })
    }

    fn bind_in(dir: &Path, mode: u32) -> Result<Self, Errno> {
        let handle = DirHandle::open(dir)?;
        stale::sweep(&handle);
        let fd = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        setsockopt(&fd, sockopt::SndBuf, &SEND_BUFFER)?;
        fchmod(&fd, Mode::from_bits_truncate(mode))?;
        for _ in 0..MAX_NAMES {
            let file = socket_name::next();
            let path = SocketPath::new(dir.join(&file).into_os_string().into_encoded_bytes())
                .map_err(|_| Errno::ENAMETOOLONG)?;
            let address = UnixAddr::new(&handle.at(&file))?;
            let bound = with_open_umask(|| bind(fd.as_raw_fd(), &address));
            match bound {
                Ok(()) => return Ok(Self { fd, name: BoundName { dir: handle, file, path } }),
                Err(Errno::EADDRINUSE) => {}
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::EADDRINUSE)
    }

    /// Changes the group through a descriptor of the very socket file, so that nobody who swaps
    /// names can point us at anything else.
    fn give_to(self, group: Option<u32>) -> Result<Self, BindError> {
        let Some(group) = group else { return Ok(self) };
        let failed = |errno| BindError::Group { group, errno };
        let file =
            open_file(&self.name.dir.at(&self.name.file)).map_err(|_| failed(Errno::ENOENT))?;
        let meta = file.metadata().map_err(|_| failed(Errno::EIO))?;
        let is_ours = meta.uid() == geteuid().as_raw() && meta.nlink() == 1;
        if !is_ours || !meta.file_type().is_socket() {
            return Err(failed(Errno::EPERM));
        }
        fchownat(&file, "", None, Some(Gid::from_raw(group)), AtFlags::AT_EMPTY_PATH)
            .map_err(failed)?;
        Ok(self)
    }

    /// The name, as the request carries it.
    #[must_use]
    pub(crate) fn path(&self) -> &SocketPath {
        &self.name.path
    }

    /// Connects to the switch's data socket and throws away what came before.
    ///
    /// The file is opened without following links and must be a socket of a user in `owners`: a
    /// hostile switch that names a stranger's socket gets an error, not the guest's frames.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub(crate) fn connect(&self, to: &SocketPath, owners: &[u32]) -> Result<(), ConnectError> {
        let file = open_file(as_path(to.as_bytes())).map_err(ConnectError::Open)?;
        let meta = file.metadata().map_err(ConnectError::Open)?;
        if !meta.file_type().is_socket() {
            return Err(ConnectError::NotASocket);
        }
        if !owners.contains(&meta.uid()) {
            return Err(ConnectError::Stranger { owner: meta.uid() });
        }
        let through = UnixAddr::new(&path_of(file.as_raw_fd())).map_err(ConnectError::Connect)?;
        connect(self.fd.as_raw_fd(), &through).map_err(ConnectError::Connect)?;
        self.drain();
        Ok(())
    }

    /// Throws away what arrived before the socket was connected: from now on the kernel takes
    /// datagrams from the switch only, so nobody else's can be among those that the VM reads, nor
    /// the empty one that would end QEMU's reading for good.
    fn drain(&self) {
        let mut byte = [0];
        for _ in 0..MAX_DRAIN {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
            match recv(self.fd.as_raw_fd(), &mut byte, flags) {
                Ok(_) | Err(Errno::EINTR | Errno::ECONNRESET) => {}
                Err(_) => return,
            }
        }
    }

    /// Gives up the name and keeps the descriptor.
    #[must_use]
    pub(crate) fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

impl AsFd for DataSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Why the switch's data socket was not connected to.
#[derive(Debug)]
pub(crate) enum ConnectError {
    Open(io::Error),
    NotASocket,
    Stranger { owner: u32 },
    Connect(Errno),
}

/// A name in the file system that is removed on drop, wherever its directory has moved.
#[derive(Debug)]
struct BoundName {
    dir: DirHandle,
    file: OsString,
    path: SocketPath,
}

impl Drop for BoundName {
    fn drop(&mut self) {
        // Gone already is as good as removed now; there is nobody to tell about anything else.
        let _ = self.dir.remove(&self.file);
    }
}

/// The mode that lets the switch read and write the name while it shakes hands \[P-9.1\].
fn mode_for(access: Access, switch_is_ours: bool, group_is_handed_down: bool) -> u32 {
    match access.mode {
        Some(mode) if mode != 0 => mode,
        _ if switch_is_ours => 0o700,
        _ if group_is_handed_down || access.group.is_some() => 0o770,
        _ => 0o777,
    }
}

/// Runs `action` while the umask of the process hides nothing.
///
/// The umask belongs to the whole process; the lock keeps two of us from restoring each other's.
fn with_open_umask<T>(action: impl FnOnce() -> T) -> T {
    static LOCK: Mutex<()> = Mutex::new(());
    let _guard = LOCK.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = umask(Mode::empty());
    let result = action();
    umask(before);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_of_zero_never_locks_the_switch_out() {
        let zero = Access { mode: Some(0), group: None };
        assert_eq!(mode_for(zero, true, false), 0o700);
        assert_eq!(mode_for(zero, false, false), 0o777);
    }

    #[test]
    fn a_switch_of_another_user_gets_in_through_the_group_if_the_directory_hands_it_down() {
        assert_eq!(mode_for(Access::default(), false, true), 0o770);
        assert_eq!(mode_for(Access::default(), false, false), 0o777);
    }

    #[test]
    fn the_mode_on_the_command_line_is_taken_as_it_is() {
        let asked = Access { mode: Some(0o660), group: None };
        assert_eq!(mode_for(asked, false, false), 0o660);
    }
}
