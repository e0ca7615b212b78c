//! The control streams of a switch that is served.
//!
//! A stream lives as long as its endpoint. One that has none is nobody's yet: it has
//! [`PATIENCE`] to send its request, and of those there are at most [`MAX_SILENT`], so that nobody who
//! connects and says nothing makes us grow.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use vde_proto::switch::ConnId;
use vde_proto::wire::Request;

/// How long a stream may be without an endpoint.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many streams may be without an endpoint. If there are more the oldest is given up.
const MAX_SILENT: usize = 256;

/// The streams that have not ended.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: BTreeMap<ConnId, OwnedFd>,
    /// Those without an endpoint, by age, and until when.
    silent: BTreeMap<ConnId, Instant>,
    next: u64,
}

/// What a stream said.
pub(super) enum Said {
    /// Nothing yet.
    Nothing,
    /// So many bytes.
    Bytes(usize),
    /// That it is over.
    End,
}

impl Streams {
    /// Takes up a stream, which is numbered.
    pub(super) fn add(&mut self, fd: OwnedFd) -> ConnId {
        let conn = ConnId(self.next);
        self.next = self.next.wrapping_add(1);
        self.open.insert(conn, fd);
        self.silent.insert(conn, Instant::now() + PATIENCE);
        conn
    }

    pub(super) fn fd(&self, conn: ConnId) -> Option<BorrowedFd<'_>> {
        self.open.get(&conn).map(AsFd::as_fd)
    }

    /// Takes a stream away, to be closed.
    pub(super) fn remove(&mut self, conn: ConnId) -> Option<OwnedFd> {
        self.silent.remove(&conn);
        self.open.remove(&conn)
    }

    /// One read of a stream, as a switch does it \[P-4.2\].
    pub(super) fn read(&self, conn: ConnId, buffer: &mut [u8; Request::MAX_LEN]) -> Said {
        let Some(fd) = self.open.get(&conn) else { return Said::Nothing };
        match recv(fd.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EAGAIN | Errno::EINTR) => Said::Nothing,
            Ok(0) | Err(_) => Said::End,
            Ok(length) => Said::Bytes(length),
        }
    }

    /// Tells a client which endpoint it has; false if it has gone.
    pub(super) fn reply(&mut self, conn: ConnId, bytes: &[u8]) -> bool {
        self.silent.remove(&conn);
        let Some(fd) = self.open.get(&conn) else { return true };
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        // It fits into a socket that nothing was ever written to.
        send(fd.as_raw_fd(), bytes, flags) == Ok(bytes.len())
    }

    /// The next stream to be given up at this time, if there is one.
    pub(super) fn overdue(&self, now: Instant) -> Option<ConnId> {
        let (&oldest, &until) = self.silent.first_key_value()?;
        (until <= now || self.silent.len() > MAX_SILENT).then_some(oldest)
    }

    /// When there will be one.
    pub(super) fn next_overdue(&self) -> Option<Instant> {
        self.silent.first_key_value().map(|(_, until)| *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn stream() -> (OwnedFd, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (ours.into(), theirs)
    }

    #[test]
    fn who_says_nothing_is_given_up_after_ten_seconds_and_who_has_an_endpoint_never() {
        let mut streams = Streams::default();
        let (silent, _a) = stream();
        let (served, _b) = stream();
        let served = streams.add(served);
        let silent = streams.add(silent);
        assert!(streams.reply(served, b"reply"));
        let start = Instant::now();
        assert_eq!(streams.overdue(start), None);
        assert!(streams.next_overdue().is_some_and(|at| at <= start + PATIENCE));
        assert_eq!(streams.overdue(start + PATIENCE), Some(silent));
        drop(streams.remove(silent));
        assert_eq!(streams.overdue(start + 10 * PATIENCE), None);
        assert_eq!(streams.next_overdue(), None);
    }

    #[test]
    fn of_too_many_that_say_nothing_the_oldest_is_given_up() {
        let mut streams = Streams::default();
        let (fd, _peer) = stream();
        let first = streams.add(fd.try_clone().unwrap());
        for _ in 1..MAX_SILENT {
            streams.add(fd.try_clone().unwrap());
        }
        assert_eq!(streams.overdue(Instant::now()), None);
        streams.add(fd);
        assert_eq!(streams.overdue(Instant::now()), Some(first));
    }

    #[test]
    fn a_client_that_has_gone_is_told_nothing_and_raises_no_signal() {
        let mut streams = Streams::default();
        let (fd, peer) = stream();
        let conn = streams.add(fd);
        drop(peer);
        assert!(!streams.reply(conn, b"reply"));
        assert!(matches!(streams.read(conn, &mut [0; Request::MAX_LEN]), Said::End));
    }
}
