//! One direction: takes frames from one socket, and puts them into the other.
//!
//! A captured frame is what goes over the wire of the VM: what it sends is captured before anything is
//! done to it, and what it is sent after.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::capture::Tap;
use super::delivery::Delivery;
use super::intake::{BATCH, Intake, Taken};
use super::orders::{Orders, Report};
use super::stats::{Amount, DirectionStats};
use super::thread::sleep;
use super::{Direction, Impairment, ImpairmentCounts, Pipeline, RelayOptions};

/// Shortest and longest pause after receiving failed.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// How long each batch waits for room where somebody waits for all that was delayed: there are 16 at most.
const SHORT_PATIENCE: Duration = Duration::from_millis(1);

/// So many times is a socket believed that is said to have frames, and has none.
const VAIN_TIMES: u32 = 8;

/// One direction, in its thread.
pub(super) struct Lane {
    direction: Direction,
    from: Arc<OwnedFd>,
    intake: Intake,
    delivery: Delivery,
    orders: Arc<Orders>,
    /// The revision of the orders that are followed.
    seen: u64,
    clock: Instant,
    pipeline: Option<Pipeline>,
    /// What pipelines that are gone have counted.
    before: ImpairmentCounts,
    tap: Option<Arc<Tap>>,
    stats: DirectionStats,
    is_held: bool,
    is_stopping: bool,
    /// How long to pause if receiving fails again.
    pause: Duration,
    /// The kernel says that there are frames.
    is_said_ready: bool,
    /// How often it said so when there were none, in a row.
    vain_times: u32,
}

/// The ends of a lane, and what it is told.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) direction: Direction,
    pub(super) from: Arc<OwnedFd>,
    pub(super) to: Arc<OwnedFd>,
    pub(super) orders: Arc<Orders>,
    pub(super) clock: Instant,
    pub(super) options: RelayOptions,
}

impl Lane {
    pub(super) fn new(setup: Setup) -> Self {
        let Setup { direction, from, to, orders, clock, options } = setup;
        Self {
            direction,
            intake: Intake::new(Arc::clone(&from)),
            from,
            delivery: Delivery::new(to, options.patience),
            orders,
            seen: 0,
            clock,
            pipeline: None,
            before: ImpairmentCounts::default(),
            tap: None,
            stats: DirectionStats::default(),
            is_held: false,
            is_stopping: false,
            pause: PAUSES[0],
            is_said_ready: false,
            vain_times: 0,
        }
    }

    /// Relays until it is told to stop.
    pub(super) fn run(mut self) -> Result<(), Errno> {
        while !self.is_stopping {
            let taken = if self.is_held { Taken::Nothing } else { self.relay() };
            let taken = self.believe(taken);
            self.deliver_due();
            let wait = match taken {
                Taken::Many => None,
                Taken::Some | Taken::Nothing => Some((!self.is_held, self.time_to_next())),
                Taken::Failure => Some((false, Some(self.back_off()))),
            };
            if taken != Taken::Nothing || self.pipeline.is_some() {
                self.tell_stats();
            }
            self.is_said_ready = match wait {
                Some((is_listening, time)) => {
                    let frames = is_listening.then_some((self.from.as_fd(), PollFlags::POLLIN));
                    sleep(&self.orders.bell, frames, time)?
                }
                None => false,
            };
            self.obey();
        }
        Ok(())
    }

    /// Takes a batch, and hands it on.
    fn relay(&mut self) -> Taken {
        let taken = self.intake.take(&mut self.stats);
        let mut frames = self.intake.frames();
        if frames.clone().next().is_none() {
            return taken;
        }
        self.pause = PAUSES[0];
        let now = self.clock.elapsed();
        self.orders.note_frame(now);
        if let Some(pipeline) = &mut self.pipeline {
            if self.direction == Direction::FromVm {
                capture(self.tap.as_deref(), self.direction, frames.clone());
            }
            frames.by_ref().for_each(|frame| pipeline.push(now, frame));
        } else {
            capture(self.tap.as_deref(), self.direction, frames.clone());
            self.delivery.deliver(frames, &mut self.stats);
        }
        taken
    }

    /// A socket that is said to be ready, and has nothing time after time, is one that somebody has shut
    /// down.
    fn believe(&mut self, taken: Taken) -> Taken {
        let was_vain = self.is_said_ready && taken == Taken::Nothing;
        self.vain_times = if was_vain { self.vain_times.saturating_add(1) } else { 0 };
        if self.vain_times < VAIN_TIMES {
            return taken;
        }
        self.stats.receive_errors += 1;
        // After the pause it is seen whether it is still so.
        self.vain_times = VAIN_TIMES - 1;
        Taken::Failure
    }

    /// Hands on what was delayed, and whose time has come.
    fn deliver_due(&mut self) {
        let Some(pipeline) = &mut self.pipeline else { return };
        let now = self.clock.elapsed();
        loop {
            let due: Vec<_> = std::iter::from_fn(|| pipeline.pop(now)).take(BATCH).collect();
            if due.is_empty() {
                return;
            }
            self.orders.note_frame(now);
            let frames = due.iter().map(Vec::as_slice);
            if self.direction == Direction::ToVm {
                capture(self.tap.as_deref(), self.direction, frames.clone());
            }
            self.delivery.deliver(frames, &mut self.stats);
        }
    }

    /// Hands on all that was delayed, now: somebody waits for that.
    fn deliver_all(&mut self) {
        let Some(pipeline) = &mut self.pipeline else { return };
        pipeline.hurry();
        let patience = if self.is_stopping { Duration::ZERO } else { SHORT_PATIENCE };
        let usual = self.delivery.set_patience(patience);
        self.deliver_due();
        self.delivery.set_patience(usual);
    }

    /// How long until a delayed frame is due; `None` if there is none.
    fn time_to_next(&self) -> Option<Duration> {
        let due = self.pipeline.as_ref()?.next_due()?;
        Some(due.saturating_sub(self.clock.elapsed()))
    }

    /// How long to leave a socket alone that fails again and again.
    fn back_off(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSES[1]);
        self.time_to_next().map_or(pause, |time| time.min(pause))
    }

    /// Does what the owner wants.
    fn obey(&mut self) {
        let orders = Arc::clone(&self.orders);
        let Some(mut wanted) = orders.news(&mut self.seen) else { return };
        self.tap.clone_from(&wanted.tap);
        let (impairment, is_held) = (wanted.impairment.take(), wanted.is_held);
        self.is_stopping = wanted.is_stopping;
        drop(wanted);
        if let Some(impairment) = impairment {
            self.impair(impairment);
        }
        if self.is_stopping || is_held {
            self.deliver_all();
        }
        self.is_held = is_held;
        let (stats, revision) = (self.stats(), self.seen);
        orders.announce(|report| *report = Report { stats, revision, ..*report });
    }

    fn impair(&mut self, impairment: Option<Impairment>) {
        match (&mut self.pipeline, impairment) {
            (Some(pipeline), Some(impairment)) => pipeline.set(impairment),
            (None, Some(impairment)) => {
                self.pipeline = Some(Pipeline::new(impairment, self.direction));
            }
            (_, None) => {
                self.deliver_all();
                self.before = self.stats().impaired;
                self.pipeline = None;
            }
        }
    }

    fn tell_stats(&self) {
        let stats = self.stats();
        self.orders.tell(|report| report.stats = stats);
    }

    fn stats(&self) -> DirectionStats {
        let Some(pipeline) = &self.pipeline else {
            return DirectionStats { impaired: self.before, ..self.stats };
        };
        let (frames, bytes) = pipeline.waiting();
        let [frames, bytes] = [frames, bytes].map(|count| u64::try_from(count).unwrap_or_default());
        let impaired = self.before.plus(&pipeline.counts());
        DirectionStats { impaired, delayed: Amount { frames, bytes }, ..self.stats }
    }
}

fn capture<'a>(tap: Option<&Tap>, direction: Direction, frames: impl Iterator<Item = &'a [u8]>) {
    if let Some(tap) = tap {
        tap.take(direction, frames);
    }
}
