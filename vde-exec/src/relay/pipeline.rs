//! The impairment of one direction: frames go in, and come out later, or twice, or not at all.
//!
//! ```text
//!   push -> loss -> corrupt -> duplicate -> rate -> delay, jitter -> reorder -> queue -> pop
//! ```
//!
//! There is no I/O and no clock in here: `now` is the time since any moment, and does not go back. The
//! queue is bounded; what does not fit is dropped and counted.

use std::collections::VecDeque;
use std::time::Duration;

use super::fate::{Dice, Fate};
use super::impairment::{BURST, MAX_WAITING_BYTES, MAX_WAITING_FRAMES, REORDER_PATIENCE};
use super::{Direction, Impairment};

/// The impairment of one direction.
///
/// ```
/// use std::time::Duration;
/// use vde_exec::relay::{Direction, Impairment, Pipeline};
/// let delay = Duration::from_millis(5);
/// let mut line = Pipeline::new(Impairment { delay, ..Impairment::default() }, Direction::ToVm);
/// line.push(Duration::ZERO, b"frame");
/// assert_eq!(line.pop(Duration::from_millis(4)), None);
/// assert_eq!(line.next_due(), Some(delay));
/// assert_eq!(line.pop(delay).as_deref(), Some(&b"frame"[..]));
/// ```
#[derive(Debug, Clone)]
pub struct Pipeline {
    impairment: Impairment,
    direction: Direction,
    dice: Dice,
    /// In the order in which they leave: each is due not before the one in front of it.
    queue: VecDeque<Waiting>,
    held_back: Option<Waiting>,
    bytes: usize,
    /// When a steady stream at `rate` would have taken all that was pushed.
    steady: Duration,
    counts: ImpairmentCounts,
}

#[derive(Debug, Clone)]
struct Waiting {
    due: Duration,
    frame: Vec<u8>,
}

/// What an impairment has done to frames so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImpairmentCounts {
    /// Frames that were lost.
    pub lost: u64,
    /// Frames in which a bit was flipped.
    pub corrupted: u64,
    /// Frames that were doubled.
    pub duplicated: u64,
    /// Frames that another one has overtaken.
    pub reordered: u64,
    /// Frames that found the queue full and were dropped.
    pub overflowed: u64,
}

impl ImpairmentCounts {
    /// Both together.
    pub(super) fn plus(&self, other: &Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            corrupted: self.corrupted + other.corrupted,
            duplicated: self.duplicated + other.duplicated,
            reordered: self.reordered + other.reordered,
            overflowed: self.overflowed + other.overflowed,
        }
    }
}

impl Pipeline {
    /// An empty one.
    #[must_use]
    pub fn new(impairment: Impairment, direction: Direction) -> Self {
        Self {
            impairment,
            direction,
            dice: Dice::new(impairment.seed, direction),
            queue: VecDeque::new(),
            held_back: None,
            bytes: 0,
            steady: Duration::ZERO,
            counts: ImpairmentCounts::default(),
        }
    }

    /// From now on frames are treated like this, and the next is the first of its seed. Those that wait
    /// leave as they would have, in front of it.
    pub fn set(&mut self, impairment: Impairment) {
        self.dice = Dice::new(impairment.seed, self.direction);
        self.impairment = impairment;
        self.steady = Duration::ZERO;
    }

    /// Takes a frame.
    pub fn push(&mut self, now: Duration, frame: &[u8]) {
        let fate = self.dice.roll(&self.impairment);
        if fate.is_lost {
            self.counts.lost += 1;
            return;
        }
        let mut frame = frame.to_vec();
        self.counts.corrupted += u64::from(fate.corrupt(&mut frame));
        if fate.is_doubled {
            self.counts.duplicated += 1;
            // If one of them is held back, it is the copy.
            self.enqueue(now, frame.clone(), &fate, false);
        }
        self.enqueue(now, frame, &fate, fate.is_held_back);
    }

    /// A frame whose time has come.
    pub fn pop(&mut self, now: Duration) -> Option<Vec<u8>> {
        let is_due = |waiting: &Waiting| waiting.due <= now;
        let next = if self.queue.front().is_some_and(is_due) {
            self.queue.pop_front()
        } else {
            self.held_back.take_if(|waiting| is_due(waiting))
        };
        let frame = next?.frame;
        self.bytes = self.bytes.saturating_sub(frame.len());
        Some(frame)
    }

    /// When [`Pipeline::pop`] will have a frame, if none is pushed before; `None` if none waits.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let waiting = self.queue.front().into_iter().chain(&self.held_back);
        waiting.map(|waiting| waiting.due).min()
    }

    /// Makes the time of all frames come at once.
    pub fn hurry(&mut self) {
        self.queue.extend(self.held_back.take());
        self.queue.iter_mut().for_each(|waiting| waiting.due = Duration::ZERO);
    }

    /// How many frames wait, and how many bytes.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        (self.queue.len() + usize::from(self.held_back.is_some()), self.bytes)
    }

    /// What was done so far.
    #[must_use]
    pub fn counts(&self) -> ImpairmentCounts {
        self.counts
    }

    fn enqueue(&mut self, now: Duration, frame: Vec<u8>, fate: &Fate, is_held_back: bool) {
        let (frames, bytes) = self.waiting();
        if frames >= MAX_WAITING_FRAMES || bytes.saturating_add(frame.len()) > MAX_WAITING_BYTES {
            self.counts.overflowed += 1;
            return;
        }
        self.bytes += frame.len();
        let leaves = self.pass_the_gauge(now, frame.len());
        let due = leaves.saturating_add(fate.delay(&self.impairment));
        let due = self.queue.back().map_or(due, |last| due.max(last.due));
        if is_held_back && self.held_back.is_none() {
            let due = due.saturating_add(REORDER_PATIENCE);
            self.held_back = Some(Waiting { due, frame });
            return;
        }
        self.queue.push_back(Waiting { due, frame });
        if let Some(overtaken) = self.held_back.take() {
            self.queue.push_back(Waiting { due, ..overtaken });
            self.counts.reordered += 1;
        }
    }

    /// When a frame of this length leaves at the given rate: a token bucket, told in time.
    fn pass_the_gauge(&mut self, now: Duration, length: usize) -> Duration {
        let Some(rate) = self.impairment.rate else { return now };
        let steady = self.steady.max(now);
        let bits = u128::try_from(length).unwrap_or_default() * 8;
        let nanos = (bits * 1_000_000_000).div_ceil(u128::from(rate.get()));
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.steady = steady.saturating_add(takes);
        steady.saturating_sub(BURST).max(now)
    }
}

#[cfg(test)]
mod tests;
