//! The side of a lane that puts frames into a socket, many at once, and waits for room, but not for long.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};

use super::intake::BATCH;
use super::stats::DirectionStats;
use crate::sys::Messages;

/// Puts frames into a socket.
pub(super) struct Delivery {
    to: Arc<OwnedFd>,
    messages: Messages,
    /// How long is waited for room, from the first frame of a batch that finds none.
    patience: Duration,
    /// It was waited in vain: until there is room again, nobody waits.
    is_stalled: bool,
}

impl Delivery {
    pub(super) fn new(to: Arc<OwnedFd>, patience: Duration) -> Self {
        Self { to, messages: Messages::new(BATCH), patience, is_stalled: false }
    }

    /// From now on it is waited for room so long; returns how long it was before.
    pub(super) fn set_patience(&mut self, patience: Duration) -> Duration {
        std::mem::replace(&mut self.patience, patience)
    }

    /// Sends frames, none of which is empty, in their order. What is not taken is dropped and counted.
    pub(super) fn deliver<'a>(
        &mut self,
        mut frames: impl Iterator<Item = &'a [u8]> + Clone,
        stats: &mut DirectionStats,
    ) {
        let mut deadline = None;
        loop {
            let mut rest = frames.clone();
            if rest.next().is_none() {
                return;
            }
            match self.messages.send(self.to.as_fd(), frames.clone()) {
                Ok(count @ 1..) => {
                    self.is_stalled = false;
                    frames.by_ref().take(count).for_each(|frame| stats.sent.add(frame.len()));
                }
                Err(Errno::EINTR) => {}
                Ok(0) | Err(Errno::EAGAIN) => {
                    if !self.wait_for_room(&mut deadline) {
                        frames.for_each(|_| stats.drops.count(Errno::EAGAIN));
                        return;
                    }
                }
                // The association may be another one for the next frame.
                Err(errno) => {
                    stats.drops.count(errno);
                    frames = rest;
                }
            }
        }
    }

    /// Waits for room; false if that is no use any more.
    fn wait_for_room(&mut self, deadline: &mut Option<Instant>) -> bool {
        let now = Instant::now();
        let left = deadline.get_or_insert(now + self.patience).saturating_duration_since(now);
        if self.is_stalled || left.is_zero() {
            self.is_stalled = true;
            return false;
        }
        let mut room = [PollFd::new(self.to.as_fd(), PollFlags::POLLOUT)];
        // When the time is over it is tried once more: there may be room for one frame.
        ppoll(&mut room, Some(left.into()), None).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    const FRAME: [u8; 60] = [7; 60];

    /// Delivers `batches` batches; how many frames were taken and dropped in all.
    fn deliver(delivery: &mut Delivery, stats: &mut DirectionStats, batches: u32) -> (u64, u64) {
        for _ in 0..batches {
            delivery.deliver(std::iter::repeat_n(&FRAME[..], BATCH), stats);
        }
        (stats.sent.frames, stats.drops.stalled)
    }

    #[test]
    fn it_is_waited_once_for_who_stalls_and_again_when_there_was_room() {
        let (socket, peer) = UnixDatagram::pair().unwrap();
        let patience = Duration::from_millis(100);
        let mut delivery = Delivery::new(Arc::new(socket.into()), patience);
        let mut stats = DirectionStats::default();
        let began = Instant::now();
        let (taken, dropped) = deliver(&mut delivery, &mut stats, 1000);
        assert_eq!(taken + dropped, 1000 * BATCH as u64);
        assert!(began.elapsed() >= patience);
        assert!(began.elapsed() < 100 * patience, "1000 batches, but it was waited once");
        assert!(delivery.is_stalled);
        for _ in 0..taken {
            peer.recv(&mut [0; 60]).unwrap();
        }
        assert_eq!(deliver(&mut delivery, &mut stats, 1).1, dropped, "there is room");
        assert!(!delivery.is_stalled);
    }

    #[test]
    fn a_frame_that_the_kernel_does_not_take_does_not_cost_the_next_one() {
        let (socket, peer) = UnixDatagram::pair().unwrap();
        let mut delivery = Delivery::new(Arc::new(socket.into()), Duration::ZERO);
        let mut stats = DirectionStats::default();
        // No socket's buffer holds it.
        let huge = vec![0; 8 << 20];
        delivery.deliver([&FRAME[..], &huge, &FRAME].into_iter(), &mut stats);
        assert_eq!((stats.sent.frames, stats.drops.too_long), (2, 1));
        assert_eq!([(); 2].map(|()| peer.recv(&mut [0; 100]).unwrap()), [60, 60]);
    }
}
