//! The side of a lane that takes frames out of a socket, many at once.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;

use super::MAX_FRAME;
use super::stats::DirectionStats;
use crate::sys::Messages;

/// Most datagrams that are taken at once: more bring nothing.
pub(super) const BATCH: usize = 64;
/// Fewest that are asked for at once. What is asked for has a small price, what comes or not.
const LEAST: usize = 8;
/// Takes frames out of a socket.
pub(super) struct Intake {
    from: Arc<OwnedFd>,
    messages: Messages,
    slots: Box<[[u8; MAX_FRAME]]>,
    lengths: [usize; BATCH],
    /// Slot and length of each frame of the batch.
    frames: Vec<(usize, usize)>,
    /// How many are asked for next.
    width: usize,
}

/// What came of taking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// As many datagrams as were asked for, and there are probably more.
    Many,
    /// There were datagrams, and no more at that moment.
    Some,
    /// There is none at the moment.
    Nothing,
    /// There will be none for a while.
    Failure,
}

impl Intake {
    pub(super) fn new(from: Arc<OwnedFd>) -> Self {
        Self {
            from,
            messages: Messages::new(BATCH),
            slots: vec![[0; MAX_FRAME]; BATCH].into_boxed_slice(),
            lengths: [0; BATCH],
            frames: Vec::with_capacity(BATCH),
            width: LEAST,
        }
    }

    /// Takes the next batch, in place of the one before.
    pub(super) fn take(&mut self, stats: &mut DirectionStats) -> Taken {
        self.frames.clear();
        let slots = self.slots.get_mut(..self.width).unwrap_or_default();
        let count = match self.messages.receive(self.from.as_fd(), slots, &mut self.lengths) {
            Ok(0) | Err(Errno::EAGAIN) => return Taken::Nothing,
            Ok(count) => count,
            Err(Errno::EINTR) => return Taken::Some,
            Err(_) => {
                stats.receive_errors += 1;
                return Taken::Failure;
            }
        };
        for (slot, &length) in self.lengths.iter().take(count).enumerate() {
            stats.received.add(length);
            match length {
                0 => stats.drops.empty += 1,
                1..=MAX_FRAME => self.frames.push((slot, length)),
                _ => stats.drops.too_long += 1,
            }
        }
        let is_full = count == self.width;
        self.width = match count {
            _ if is_full => BATCH.min(self.width * 2),
            count if count < self.width / 4 => LEAST.max(self.width / 2),
            _ => self.width,
        };
        if is_full { Taken::Many } else { Taken::Some }
    }

    /// The frames of the batch.
    pub(super) fn frames(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.frames.iter().filter_map(|&(slot, length)| self.slots.get(slot)?.get(..length))
    }
}
