//! The epoll set of a switch that is served: whose event it is, and doors at which newcomers knock.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use vde_proto::switch::ConnId;

use crate::listener::Listener;

/// How long nobody is taken up when there are not even descriptors to send them away.
const DEAF: Duration = Duration::from_millis(100);

/// Whose event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Whoever ends the switch.
    Stop,
    /// A client that wants a control stream.
    Newcomer,
    Stream(ConnId),
    /// The data socket of the endpoint with this number.
    Endpoint(u64),
    /// Somebody who wants a console.
    ConsoleNewcomer,
    Console(u64),
}

impl Source {
    /// The bits of a number, which counts from 0 and will never need more.
    const NUMBER: u64 = (1 << 56) - 1;

    fn to_data(self) -> u64 {
        let (kind, number) = match self {
            Self::Stop => (0, 0),
            Self::Newcomer => (1, 0),
            Self::Stream(ConnId(number)) => (2, number),
            Self::Endpoint(number) => (3, number),
            Self::ConsoleNewcomer => (4, 0),
            Self::Console(number) => (5, number),
        };
        kind << 56 | number & Self::NUMBER
    }

    /// Whose event it is that came with this.
    pub(super) fn of(data: u64) -> Self {
        let number = data & Self::NUMBER;
        match data >> 56 {
            0 => Self::Stop,
            1 => Self::Newcomer,
            2 => Self::Stream(ConnId(number)),
            3 => Self::Endpoint(number),
            4 => Self::ConsoleNewcomer,
            _ => Self::Console(number),
        }
    }
}

/// Waits for something to read.
pub(super) fn watch(epoll: &Epoll, fd: BorrowedFd<'_>, source: Source) -> Result<(), Errno> {
    epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, source.to_data()))
}

/// Waits for something else from now on.
pub(super) fn rewatch(
    epoll: &Epoll,
    fd: BorrowedFd<'_>,
    flags: EpollFlags,
    source: Source,
) -> Result<(), Errno> {
    epoll.modify(fd, &mut EpollEvent::new(flags, source.to_data()))
}

/// A listening socket in the set.
#[derive(Debug)]
pub(super) struct Door {
    listener: Listener,
    source: Source,
    /// Until when nobody is taken up.
    deaf: Option<Instant>,
}

impl Door {
    pub(super) fn new(listener: Listener, source: Source) -> Self {
        Self { listener, source, deaf: None }
    }

    pub(super) fn watch(&self, epoll: &Epoll) -> Result<(), Errno> {
        watch(epoll, self.listener.as_fd(), self.source)
    }

    /// The next who wants in.
    pub(super) fn next(&mut self, epoll: &Epoll) -> Option<OwnedFd> {
        let next = self.listener.accept();
        if next.is_none() && !self.listener.can_wait() && self.deaf.is_none() {
            // Or it would be the reason to wake up for ever.
            let _ = epoll.delete(&self.listener);
            self.deaf = Some(Instant::now() + DEAF);
        }
        next
    }

    /// When it is to be listened to again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.deaf
    }

    /// Listens again, if it is time.
    pub(super) fn keep_time(&mut self, epoll: &Epoll, now: Instant) {
        if self.deaf.is_some_and(|until| until <= now) {
            self.deaf = self.watch(epoll).is_err().then(|| now + DEAF);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_known_again() {
        use Source::*;
        let sources = [Stop, Newcomer, ConsoleNewcomer].into_iter();
        let numbers = [0, 1, 1 << 40];
        let numbered = numbers.map(|n| [Stream(ConnId(n)), Endpoint(n), Console(n)]);
        for source in sources.chain(numbered.into_iter().flatten()) {
            assert_eq!(Source::of(source.to_data()), source);
        }
    }
}
