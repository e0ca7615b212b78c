//! How a switch reaches our data socket after the handshake, when it has to be plugged in again.
//!
//! A socket is bound once, and a switch connects to it by a path. Its first name is removed right
//! after the handshake, so that nothing is left behind whatever happens to us. The second name is one
//! that cannot be removed, whatever happens to the switch's directory: `/proc/PID/fd/N`, where N is a
//! handle on the socket's file, which stays the way to the socket after its last name is gone
//! \[P-7.12\]. The kernel lets the same user and root go that way, and nobody else.
//!
//! So a switch of another user, and one that sees other process ids than we do (in a container), need
//! a name that stays. For them the data socket lives in a directory of its own (`place.rs`), and the
//! name goes when we do.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;
use vde_proto::SocketPath;

use crate::place::BoundName;

/// A way to the data socket.
#[derive(Debug)]
pub(crate) enum Reach {
    /// Through a handle on the socket's file: for our own user, and root.
    Handle(File),
    /// By a name that stays as long as this does.
    Name(BoundName),
}

impl Reach {
    /// The way that a switch can take which has just used `name`; it answers on `control`.
    pub(crate) fn after_handshake(name: BoundName, control: BorrowedFd<'_>) -> Self {
        let Ok(peer) = getsockopt(&control, sockopt::PeerCredentials) else {
            return Self::Name(name);
        };
        if !is_trusted(peer.uid()) || !shows_descriptors() || sees_other_processes(peer.pid()) {
            return Self::Name(name);
        }
        match name.handle().try_clone() {
            Ok(file) => Self::Handle(file),
            Err(_) => Self::Name(name),
        }
    }

    /// The same way, to the socket that `name` is bound to.
    pub(crate) fn same_for(&self, name: BoundName) -> io::Result<Self> {
        match self {
            Self::Handle(_) => name.handle().try_clone().map(Self::Handle),
            Self::Name(_) => Ok(Self::Name(name)),
        }
    }

    /// The path for a request.
    pub(crate) fn address(&self) -> Option<SocketPath> {
        match self {
            Self::Handle(file) => {
                let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
                SocketPath::new(path).ok()
            }
            Self::Name(name) => Some(name.path().clone()),
        }
    }

    /// Whether a switch of this user could go this way.
    pub(crate) fn suits(&self, user: u32) -> bool {
        matches!(self, Self::Name(_)) || is_trusted(user)
    }
}

/// Whether this user is root or our own: the kernel lets them do to us what they want.
pub(crate) fn is_trusted(user: u32) -> bool {
    user == 0 || user == geteuid().as_raw()
}

/// Whether the kernel shows our descriptors to our own user (proc(5)): it does not if the file of our
/// program is not readable.
fn shows_descriptors() -> bool {
    fs::metadata("/proc/self/fd").is_ok_and(|meta| meta.uid() == geteuid().as_raw())
}

/// Whether this process, the switch, is known to see other process ids than we do.
fn sees_other_processes(pid: i32) -> bool {
    // The kernel says 0 for a process that we do not see.
    let theirs = fs::read_link(format!("/proc/{pid}/ns/pid"));
    let ours = fs::read_link("/proc/self/ns/pid");
    pid == 0 || matches!((theirs, ours), (Ok(theirs), Ok(ours)) if theirs != ours)
}
