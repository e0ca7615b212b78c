//! Frames that wait for receivers which are full for the moment, and the senders that wait with them.
//!
//! # Theory of operation
//!
//! A switch that only drops what does not fit loses a third of a stream whenever a receiver is not as
//! fast as a sender; one that waits for each receiver stands still with the slowest. Here the *sender* of
//! a frame waits: as long as a frame of its own is in the backlog it is *held*, nothing more is taken from
//! it, and the kernel makes it wait (its socket is full) without a loss. Nobody else waits, except for
//! the frames of several senders to the same receiver, which stay in order.
//!
//! How long is bounded, so that a receiver which does not read costs its senders next to nothing:
//!
//! | a receiver that | | then |
//! |---|---|---|
//! | takes less than [`PACE`] frames in [`STILL`] and has more, or leaves one waiting for [`SLOW`] | is *passed over* | what waits for it is dropped, and for [`PASSED_OVER`] times that long nothing waits for it: it gets what fits |
//! | had been passed over, and has to be again before as much time has gone by | is passed over twice as long, up to [`LONGEST`] | the same |
//!
//! So a port that stands still delays those who send to it by 10 ms now and then (1 % of the time at first,
//! and ever less), one that is slow by no more than its pace, and a sender without a frame for it not at
//! all. Nothing is lost between receivers that read faster than that, unless the bounds are met. The
//! memory is bounded by [`FRAMES`] for each receiver and [`BYTES`] in all; what is beyond is dropped.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use vde_proto::switch::EndpointId;

/// How long a receiver may be slower than [`PACE`] before it is passed over.
pub(super) const STILL: Duration = Duration::from_millis(10);

/// How long a frame may wait.
pub(super) const SLOW: Duration = Duration::from_millis(50);

/// For how many times the time that was waited for it in vain a receiver is passed over.
pub(super) const PASSED_OVER: u32 = 100;

/// Longest time for which a receiver is passed over.
pub(super) const LONGEST: Duration = Duration::from_secs(10);

/// How many frames a receiver has to take in [`STILL`], if so many wait for it.
pub(super) const PACE: usize = 32;

/// Most frames that wait for one receiver: a batch of each of 64 senders.
pub(super) const FRAMES: usize = 4096;

/// Most bytes of frames that wait in all.
pub(super) const BYTES: usize = 4 << 20;

/// Frames that wait for receivers, and who is held for them.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Who has frames waiting; none is empty.
    waiting: BTreeMap<EndpointId, Waiting>,
    /// Senders of these frames, and how many are theirs; none has none.
    held: BTreeMap<EndpointId, usize>,
    passed_over: BTreeMap<EndpointId, PassedOver>,
    /// Of all different frames that wait.
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    frames: VecDeque<Kept>,
    /// When the receiver last had taken what it has to in [`STILL`], or the first frame came.
    moved: Duration,
    /// What it has taken since.
    taken: usize,
}

#[derive(Debug)]
struct Kept {
    from: EndpointId,
    /// Shared by all receivers of it.
    frame: Rc<[u8]>,
    since: Duration,
}

#[derive(Debug, Clone, Copy)]
struct PassedOver {
    until: Duration,
    long: Duration,
}

impl Backlog {
    /// Whether nothing is to be taken from `sender` for now.
    pub(super) fn holds(&self, sender: EndpointId) -> bool {
        self.held.contains_key(&sender)
    }

    /// Whether frames wait for `receiver`: then newer ones have to wait behind them.
    pub(super) fn waits_for(&self, receiver: EndpointId) -> bool {
        self.waiting.contains_key(&receiver)
    }

    /// Whether a frame for `receiver` may wait.
    pub(super) fn admits(&self, now: Duration, receiver: EndpointId) -> bool {
        let is_passed_over = self.passed_over.get(&receiver).is_some_and(|over| now < over.until);
        let is_full =
            self.waiting.get(&receiver).is_some_and(|waiting| waiting.frames.len() >= FRAMES);
        !is_passed_over && !is_full && self.bytes < BYTES
    }

    /// Lets a frame wait, which is `admitted` for this receiver; it shares the memory of `shared`, if
    /// that is there, which is of the same frame.
    pub(super) fn keep(
        &mut self,
        now: Duration,
        (from, to): (EndpointId, EndpointId),
        frame: &[u8],
        shared: &mut Option<Rc<[u8]>>,
    ) {
        let frame = shared.get_or_insert_with(|| {
            self.bytes += frame.len();
            frame.into()
        });
        let kept = Kept { from, frame: Rc::clone(frame), since: now };
        let new = || Waiting { frames: VecDeque::new(), moved: now, taken: 0 };
        self.waiting.entry(to).or_insert_with(new).frames.push_back(kept);
        *self.held.entry(from).or_default() += 1;
    }

    /// What waits for `receiver`, oldest first.
    pub(super) fn frames(&self, receiver: EndpointId) -> impl Iterator<Item = &[u8]> + Clone {
        let frames = self.waiting.get(&receiver).map(|waiting| &waiting.frames);
        frames.into_iter().flatten().map(|kept| &*kept.frame)
    }

    /// `receiver` took the first `count` of the frames that wait for it; adds the senders that are not held
    /// any more to `freed`.
    pub(super) fn took(
        &mut self,
        now: Duration,
        receiver: EndpointId,
        count: usize,
        freed: &mut Vec<EndpointId>,
    ) {
        let Some(waiting) = self.waiting.get_mut(&receiver) else { return };
        waiting.taken += count;
        if waiting.taken >= PACE {
            (waiting.moved, waiting.taken) = (now, 0);
        }
        let gone: Vec<Kept> = waiting.frames.drain(..count.min(waiting.frames.len())).collect();
        if waiting.frames.is_empty() {
            self.waiting.remove(&receiver);
        }
        self.free(gone, freed);
    }

    /// Nothing waits for `receiver` any more; adds the senders that are not held any more to `freed`, and
    /// returns how many frames are lost.
    pub(super) fn drop_all(&mut self, receiver: EndpointId, freed: &mut Vec<EndpointId>) -> usize {
        let Some(waiting) = self.waiting.remove(&receiver) else { return 0 };
        let lost = waiting.frames.len();
        self.free(waiting.frames, freed);
        lost
    }

    /// Passes over a receiver that was waited for in vain: [`drop_all`](Self::drop_all), for some time.
    pub(super) fn pass_over(
        &mut self,
        now: Duration,
        receiver: EndpointId,
        freed: &mut Vec<EndpointId>,
    ) -> usize {
        let since = self.waiting.get(&receiver).and_then(|waiting| waiting.frames.front());
        let waited = since.map_or(STILL, |kept| now.saturating_sub(kept.since));
        let before = self.passed_over.get(&receiver).filter(|over| now < over.until + over.long);
        let before = before.map_or(Duration::ZERO, |over| over.long);
        let long = (waited * PASSED_OVER).max(before * 2).min(LONGEST);
        self.passed_over.insert(receiver, PassedOver { until: now + long, long });
        self.drop_all(receiver, freed)
    }

    /// An endpoint is gone: what waited for it is lost, what it sent may still arrive.
    pub(super) fn remove(&mut self, endpoint: EndpointId, freed: &mut Vec<EndpointId>) {
        self.drop_all(endpoint, freed);
        self.passed_over.remove(&endpoint);
    }

    /// When the next receiver has been waited for long enough.
    pub(super) fn due(&self) -> Option<Duration> {
        self.waiting.values().filter_map(Waiting::due).min()
    }

    /// A receiver that has been waited for long enough: offer it the frames again, and if that is in
    /// vain or `SLOW` is over, [pass it over](Self::pass_over).
    pub(super) fn overdue(&self, now: Duration) -> Option<EndpointId> {
        self.waiting.keys().copied().find(|&receiver| self.is_overdue(now, receiver))
    }

    /// Whether this receiver has been waited for long enough.
    pub(super) fn is_overdue(&self, now: Duration, receiver: EndpointId) -> bool {
        let due = self.waiting.get(&receiver).and_then(Waiting::due);
        due.is_some_and(|due| due <= now)
    }

    fn free(&mut self, gone: impl IntoIterator<Item = Kept>, freed: &mut Vec<EndpointId>) {
        for Kept { from, frame, .. } in gone {
            if Rc::strong_count(&frame) == 1 {
                self.bytes -= frame.len();
            }
            if let Some(count) = self.held.get_mut(&from) {
                *count -= 1;
                if *count == 0 {
                    self.held.remove(&from);
                    freed.push(from);
                }
            }
        }
    }
}

impl Waiting {
    fn due(&self) -> Option<Duration> {
        let oldest = self.frames.front()?.since;
        Some((self.moved + STILL).min(oldest + SLOW))
    }
}
