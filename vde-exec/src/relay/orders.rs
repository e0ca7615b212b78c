//! What a relay's owner and one of its lanes tell each other.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::capture::Tap;
use super::thread::Bell;
use super::{DirectionStats, Impairment};

/// Between an owner and a lane.
#[derive(Debug)]
pub(super) struct Orders {
    wanted: Mutex<Wanted>,
    /// How often `wanted` has changed: a lane looks at this only, most of the time.
    revision: AtomicU64,
    /// Rings when `wanted` has changed.
    pub(super) bell: Bell,
    report: Mutex<Report>,
    reported: Condvar,
    /// When a frame came last, in nanoseconds since the relay was started.
    last_frame: AtomicU64,
}

/// What the owner wants.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Another impairment, or none; taken when it is followed.
    pub(super) impairment: Option<Option<Impairment>>,
    pub(super) tap: Option<Arc<Tap>>,
    /// No frame is to be in hand, and none is taken.
    pub(super) is_held: bool,
    pub(super) is_stopping: bool,
}

/// What the lane tells.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Report {
    pub(super) stats: DirectionStats,
    /// Which orders are followed.
    pub(super) revision: u64,
    pub(super) has_ended: bool,
}

impl Orders {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            wanted: Mutex::default(),
            revision: AtomicU64::new(0),
            bell: Bell::new()?,
            report: Mutex::default(),
            reported: Condvar::new(),
            last_frame: AtomicU64::new(0),
        })
    }

    /// For the owner: changes what is wanted; returns the revision in which it stands.
    pub(super) fn want(&self, change: impl FnOnce(&mut Wanted)) -> u64 {
        change(&mut self.wanted());
        let before = self.revision.fetch_add(1, Ordering::Release);
        self.bell.ring();
        before + 1
    }

    /// For the owner: the last report.
    pub(super) fn report(&self) -> Report {
        *self.lock_report()
    }

    /// For the owner: waits until a report is as `condition` has it, or the time is over; returns
    /// whether it is.
    pub(super) fn wait_for(&self, condition: impl Fn(&Report) -> bool, time: Duration) -> bool {
        let report = self.lock_report();
        let is_not = |report: &mut Report| !condition(report);
        let waited = self.reported.wait_timeout_while(report, time, is_not);
        let (_report, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    /// For the owner: when a frame came last, since the relay was started.
    pub(super) fn last_frame(&self) -> Duration {
        Duration::from_nanos(self.last_frame.load(Ordering::Relaxed))
    }

    /// For the lane: what is wanted, if that is something else than at `seen`.
    pub(super) fn news(&self, seen: &mut u64) -> Option<MutexGuard<'_, Wanted>> {
        let revision = self.revision.load(Ordering::Acquire);
        if *seen == revision {
            return None;
        }
        *seen = revision;
        Some(self.wanted())
    }

    /// For the lane: tells how things are.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.lock_report());
    }

    /// For the lane: tells something that the owner waits for.
    pub(super) fn announce(&self, change: impl FnOnce(&mut Report)) {
        self.tell(change);
        self.reported.notify_all();
    }

    /// For the lane: a frame came, at this time since the relay was started.
    pub(super) fn note_frame(&self, now: Duration) {
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.last_frame.store(nanos, Ordering::Relaxed);
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
