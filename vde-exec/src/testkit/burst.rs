//! Many datagrams in one system call, for ends that should cost less than what is between them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::sys::Messages;

/// Longest datagram that is received whole, in bytes.
pub const LONGEST: usize = 9_216;

/// How many datagrams go in one system call.
pub const MOST: usize = 32;

/// Sends and receives up to [`MOST`] datagrams in a call, and never waits.
pub struct Burst {
    messages: Messages,
    slots: Vec<[u8; LONGEST]>,
    lengths: [usize; MOST],
}

impl Burst {
    /// With room for [`MOST`] datagrams.
    #[must_use]
    pub fn new() -> Self {
        Self { messages: Messages::new(MOST), slots: vec![[0; LONGEST]; MOST], lengths: [0; MOST] }
    }

    /// Sends `datagram` up to `count` times; returns how often there was room.
    ///
    /// # Errors
    /// `WouldBlock` if there was no room for any, and what the socket fails with.
    pub fn send(&mut self, to: impl AsFd, datagram: &[u8], count: usize) -> io::Result<usize> {
        let datagrams = std::iter::repeat_n(datagram, count.min(MOST));
        Ok(self.messages.send(to.as_fd(), datagrams)?)
    }

    /// Receives what is there; returns the lengths.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there, and what the socket fails with.
    pub fn receive(&mut self, from: impl AsFd) -> io::Result<&[usize]> {
        let from: BorrowedFd<'_> = from.as_fd();
        let count = self.messages.receive(from, &mut self.slots, &mut self.lengths)?;
        Ok(&self.lengths[..count])
    }
}

impl Default for Burst {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn what_is_sent_at_once_is_received_at_once_and_nothing_is_waited_for() {
        let (near, far) = UnixDatagram::pair().unwrap();
        let mut burst = Burst::new();
        assert_eq!(burst.send(&near, &[7; 60], 5).unwrap(), 5);
        assert_eq!(burst.send(&near, &[7; LONGEST], 1).unwrap(), 1);
        assert_eq!(burst.receive(&far).unwrap(), [60, 60, 60, 60, 60, LONGEST]);
        assert_eq!(burst.receive(&far).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        while burst.send(&near, &[7; 60], MOST).is_ok() {}
        let full = burst.send(&near, &[7; 60], 1).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    }
}
