//! The system calls of a handshake, for both who drive one: `dial`, which waits for it, and the
//! keeper, which has other things to do meanwhile.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, getsockopt, recv, send, socket,
    sockopt,
};
use nix::unistd::geteuid;
use vde_proto::{DataFailure, DialFailure};

use crate::data_socket::ConnectError;

/// What a read of a control stream returned.
pub(crate) enum Heard<'a> {
    Nothing,
    Bytes(&'a [u8]),
    End,
}

/// A control stream that is connected, close-on-exec and non-blocking. The outer error is none of the
/// switch's.
pub(crate) fn connect_control(control: &Path) -> Result<Result<OwnedFd, DialFailure>, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let address = UnixAddr::new(control)?;
    Ok(connect(fd.as_raw_fd(), &address).map(|()| fd).map_err(dial_failure))
}

/// Sends a request in one write: the switch takes each read as one whole request \[P-4.1\].
///
/// 256 bytes always fit into a fresh stream; where they do not, the switch is no use, and this is
/// false.
pub(crate) fn send_request(control: BorrowedFd<'_>, request: &[u8]) -> bool {
    send(control.as_raw_fd(), request, MsgFlags::MSG_NOSIGNAL) == Ok(request.len())
}

/// Reads without waiting.
pub(crate) fn hear<'a>(control: BorrowedFd<'_>, buffer: &'a mut [u8]) -> Heard<'a> {
    match recv(control.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
        Err(Errno::EAGAIN | Errno::EINTR) => Heard::Nothing,
        Ok(0) | Err(_) => Heard::End,
        Ok(length) => Heard::Bytes(buffer.get(..length).unwrap_or_default()),
    }
}

/// The user whom the switch runs as; the one that asked it to listen, whatever the path says.
pub(crate) fn user_of_switch(control: BorrowedFd<'_>) -> Option<u32> {
    getsockopt(&control, sockopt::PeerCredentials).ok().map(|credentials| credentials.uid())
}

/// Whose data socket we take: the switch process's own, or, from a switch of root, ours (it gives it
/// away, \[P-6.16\]).
pub(crate) fn trusted_owners(control: BorrowedFd<'_>) -> [u32; 2] {
    owners_from(user_of_switch(control), geteuid().as_raw())
}

/// A switch of another user has no business with our sockets: it could have the guest's frames sent
/// to any program of ours.
fn owners_from(switch: Option<u32>, ours: u32) -> [u32; 2] {
    match switch {
        Some(0) | None => [switch.unwrap_or(ours), ours],
        Some(user) => [user, user],
    }
}

/// What is wrong with the data socket that the switch named.
pub(crate) fn data_failure(error: &ConnectError) -> DataFailure {
    match error {
        ConnectError::NotASocket | ConnectError::Stranger { .. } => DataFailure::Foreign,
        ConnectError::Open(error) => open_failure(error),
        ConnectError::Connect(errno) => connect_failure(*errno),
    }
}

fn dial_failure(errno: Errno) -> DialFailure {
    match errno {
        Errno::ENOENT => DialFailure::Absent,
        Errno::ENOTDIR | Errno::ENOTSOCK | Errno::EPROTOTYPE => DialFailure::NotASocketDir,
        Errno::EACCES | Errno::EPERM => DialFailure::Denied,
        Errno::ECONNREFUSED => DialFailure::Dead,
        Errno::EAGAIN | Errno::EINTR => DialFailure::Busy,
        other => DialFailure::Other(other as i32),
    }
}

fn open_failure(error: &io::Error) -> DataFailure {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(errno) => connect_failure(errno),
        None => DataFailure::Other(0),
    }
}

fn connect_failure(errno: Errno) -> DataFailure {
    match errno {
        // EPERM: it is connected to somebody else by now. A switch that mixed us up with another
        // client closed our data socket, and made one of the same name for the next.
        Errno::ENOENT | Errno::ECONNREFUSED | Errno::EPERM => DataFailure::Gone,
        Errno::EACCES => DataFailure::Denied,
        other => DataFailure::Other(other as i32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_switch_of_root_may_name_a_socket_of_another_user_and_only_ours() {
        assert_eq!(owners_from(Some(0), 1000), [0, 1000]);
        assert_eq!(owners_from(Some(1000), 1000), [1000, 1000]);
        assert_eq!(owners_from(Some(1001), 1000), [1001, 1001]);
        assert_eq!(owners_from(Some(1001), 0), [1001, 1001]);
        assert_eq!(owners_from(None, 1000), [1000, 1000]);
    }
}
