//! The client's data socket: bound to a name that the switch can reach, and its clean-up.
//!
//! A switch connects to the name once, during the handshake; from then on both ends are connected
//! and the name is not needed \[P-7.6\] until the plug has to be made again (`reach.rs`). It is born with its final mode, because `fchmod` on the
//! unbound socket decides it and the umask is out of the way: no path is ever chmod-ed.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, setsockopt, socket,
    sockopt,
};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, getegid, geteuid, getgroups};
use vde_proto::SocketPath;

use crate::as_path;
use crate::dir_handle::{give, open_file, path_of};
use crate::place::{BoundName, Place};
use crate::switch_dir::SwitchDir;

/// Send buffer of a data socket in bytes, as `SO_SNDBUF` takes it.
///
/// The sender's buffer is the only queue on the way to the switch. The kernel's default
/// (212,992) delays and then drops; 64 KiB measured best for guests, and still holds the longest
/// datagram that QEMU sends (69,632 bytes, since the kernel doubles the figure).
const SEND_BUFFER: usize = 64 * 1024;

/// Most datagrams thrown away at once: a bound on a hostile sender.
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

impl BindError {
    /// What the kernel said; of several places, about the best.
    pub(crate) fn errno(&self) -> Errno {
        match self {
            Self::NoPlace { tried } => tried.first().map_or(Errno::ENOENT, |(_, errno)| *errno),
            Self::Group { errno, .. } | Self::System(errno) => *errno,
        }
    }
}

fn list(tried: &[(PathBuf, Errno)]) -> String {
    let each = tried.iter().map(|(dir, errno)| format!("{} ({})", dir.display(), errno.desc()));
    each.collect::<Vec<_>>().join(", ")
}

impl DataSocket {
    /// Makes a data socket in the first of `places` that takes it.
    ///
    /// # Errors
    /// [`BindError`] lists every directory that was tried.
    pub(crate) fn bind(
        switch: &SwitchDir,
        places: &[Place<'_>],
        access: Access,
    ) -> Result<Self, BindError> {
        let mut tried = Vec::new();
        for &place in places {
            let (mode, group) = access.at(place, switch);
            match Self::bind_at(place, mode) {
                Ok(socket) => return socket.give_to(group),
                Err(errno) => tried.push((place.dir().to_owned(), errno)),
            }
        }
        Err(BindError::NoPlace { tried })
    }

    fn bind_at(place: Place<'_>, mode: u32) -> Result<Self, Errno> {
        let fd = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        setsockopt(&fd, sockopt::SndBuf, &SEND_BUFFER)?;
        fchmod(&fd, Mode::from_bits_truncate(mode))?;
        let name = place.bind(fd.as_fd())?;
        Ok(Self { fd, name })
    }

    /// Changes the group through a descriptor of the very socket file, so that nobody who swaps
    /// names can point us at anything else.
    fn give_to(self, group: Option<u32>) -> Result<Self, BindError> {
        let Some(group) = group else { return Ok(self) };
        give(self.name.handle(), None, Some(group))
            .map_err(|errno| BindError::Group { group, errno })?;
        Ok(self)
    }

    /// The name, as the request carries it.
    #[must_use]
    pub(crate) fn path(&self) -> &SocketPath {
        self.name.path()
    }

    /// Connects to the switch's data socket, as [`connect_to`] does, and throws away what came before.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub(crate) fn connect(&self, to: &SocketPath, owners: &[u32]) -> Result<(), ConnectError> {
        connect_to(self.fd.as_fd(), to, owners)?;
        // From now on the kernel takes datagrams from the switch only, so nobody else's can be among
        // those that the VM reads, nor the empty one that would end QEMU's reading for good.
        drain(self.fd.as_fd());
        Ok(())
    }

    /// The descriptor and the name.
    #[must_use]
    pub(crate) fn into_parts(self) -> (OwnedFd, BoundName) {
        (self.fd, self.name)
    }
}

/// Throws away what has arrived at a datagram socket.
pub(crate) fn drain(socket: BorrowedFd<'_>) {
    let mut byte = [0];
    for _ in 0..MAX_DRAIN {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        match recv(socket.as_raw_fd(), &mut byte, flags) {
            Ok(_) | Err(Errno::EINTR | Errno::ECONNRESET) => {}
            Err(_) => return,
        }
    }
}

/// Connects `data` to the switch's data socket.
///
/// The file is opened without following links and must be a socket of a user in `owners`: a
/// hostile switch that names a stranger's socket gets an error, not the guest's frames.
///
/// # Errors
/// [`ConnectError`].
pub(crate) fn connect_to(
    data: BorrowedFd<'_>,
    to: &SocketPath,
    owners: &[u32],
) -> Result<(), ConnectError> {
    let file = open_file(as_path(to.as_bytes())).map_err(ConnectError::Open)?;
    let meta = file.metadata().map_err(ConnectError::Open)?;
    if !meta.file_type().is_socket() {
        return Err(ConnectError::NotASocket);
    }
    if !owners.contains(&meta.uid()) {
        return Err(ConnectError::Stranger { owner: meta.uid() });
    }
    let through = UnixAddr::new(&path_of(file.as_raw_fd())).map_err(ConnectError::Connect)?;
    connect(data.as_raw_fd(), &through).map_err(ConnectError::Connect)
}

/// Why the switch's data socket was not connected to.
#[derive(Debug)]
pub(crate) enum ConnectError {
    Open(io::Error),
    NotASocket,
    Stranger { owner: u32 },
    Connect(Errno),
}

impl Access {
    /// The mode and the group that let the switch read and write the name while it shakes hands
    /// \[P-9.1\], and as few others as can be.
    fn at(self, place: Place<'_>, switch: &SwitchDir) -> (u32, Option<u32>) {
        let is_beside = place == Place::In(switch.dir());
        let has_group = self.group.is_some() || (is_beside && switch.hands_down_its_group());
        // Who made the switch for a group wants nobody else to be near it.
        let of_switch = (!has_group && !is_ours(switch)).then(|| switch.group());
        let group = self.group.or(of_switch.filter(|group| is_member(*group)));
        (mode_for(self.mode, is_ours(switch), has_group || group.is_some()), group)
    }
}

fn mode_for(asked: Option<u32>, switch_is_ours: bool, has_group: bool) -> u32 {
    match asked {
        Some(mode) if mode != 0 => mode,
        _ if switch_is_ours => 0o700,
        _ if has_group => 0o770,
        _ => 0o777,
    }
}

/// Whether the switch runs as root or as our own user.
pub(crate) fn is_ours(switch: &SwitchDir) -> bool {
    switch.owner() == 0 || switch.owner() == geteuid().as_raw()
}

/// Whether we may give files to this group.
fn is_member(group: u32) -> bool {
    let is_it = |gid: &Gid| gid.as_raw() == group;
    geteuid().is_root() || is_it(&getegid()) || getgroups().is_ok_and(|all| all.iter().any(is_it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_of_zero_never_locks_the_switch_out() {
        assert_eq!(mode_for(Some(0), true, false), 0o700);
        assert_eq!(mode_for(Some(0), false, false), 0o777);
    }

    #[test]
    fn a_switch_of_another_user_gets_in_through_a_group_that_both_are_in() {
        assert_eq!(mode_for(None, false, true), 0o770);
        assert_eq!(mode_for(None, false, false), 0o777);
    }

    #[test]
    fn the_mode_on_the_command_line_is_taken_as_it_is() {
        assert_eq!(mode_for(Some(0o660), false, false), 0o660);
    }
}
