//! A relay between a VM and a switch, for where something must see the frames: capture, statistics,
//! impairment.
//!
//! A VM has no relay as long as nobody asks for one: it reads and writes its data socket itself. A relay
//! copies frames between two connected datagram sockets, `inner`, which faces the VM, and `outer`, which
//! faces the switch, with a thread for each direction, so that one that stalls does not delay the other.
//! Without an impairment no frame is invented, altered, doubled or reordered, and what is lost is
//! counted by cause.
//!
//! ```text
//!           inner                                           outer
//!   VM ==== [    intake -> (pipeline) -> delivery  ---->    ] ==== switch
//!      ==== [    <----  delivery <- (pipeline) <- intake    ] ====
//!                 \            tap            /
//!                  +---> queue -> writer ----+---> file, FIFO, descriptor
//! ```
//!
//! | part | what it is |
//! |---|---|
//! | `fate`, [`Impairment`], [`Pipeline`] | what a bad network does to frames, without clock and I/O |
//! | [`pcapng`] | the file format of a capture |
//! | `sink`, `capture` | where captured frames go, and how |
//! | `intake`, `delivery`, `lane` | one direction |
//! | `orders`, `thread` | between the owner and the threads |

mod capture;
mod delivery;
mod fate;
mod impairment;
mod intake;
mod lane;
mod orders;
pub mod pcapng;
mod pipeline;
mod sink;
mod stats;
mod thread;
mod work;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;

pub use capture::Capture;
pub use impairment::{
    BURST, Impairment, MAX_WAITING_BYTES, MAX_WAITING_FRAMES, Probability, REORDER_PATIENCE,
};
pub use pipeline::{ImpairmentCounts, Pipeline};
pub use sink::{OpenSink, Sink, SinkError};
pub use stats::{Amount, CaptureState, CaptureStats, DirectionStats, Drops, RelayStats};
pub use work::{CaptureWork, RelayWork};

use capture::Capturing;
use lane::{Lane, Setup};
use orders::{Orders, Report, Wanted};
use thread::{Bell, Thread};

/// The longest frame that is relayed, in bytes: the longest of any VDE peer \[P-8.5\].
pub const MAX_FRAME: usize = vde_proto::frame::LIBRARY_MAX;

/// How long is waited at most until an order is followed.
pub const ORDER_PATIENCE: Duration = Duration::from_millis(50);

/// How long [`Relay::stop`] waits at most for its threads, and for the sink of a capture.
const STOP_PATIENCE: Duration = Duration::from_millis(40);

/// Longest that a relay may be told to wait for room: [`Relay::hold`] and [`Relay::stop`] wait for that.
const MOST_PATIENCE: Duration = Duration::from_millis(20);

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the VM to the switch.
    FromVm,
    /// From the switch to the VM.
    ToVm,
}

/// How a relay behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayOptions {
    /// How long a frame waits for room on the other side, at most 20 ms, before it is dropped. (Once it
    /// was waited in vain, nobody waits until there is room again.) The usual 10 ms are what a busy
    /// machine may keep a process that is not stuck from running.
    pub patience: Duration,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self { patience: Duration::from_millis(10) }
    }
}

/// A relay that runs. Dropped, it stops.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::os::unix::net::UnixDatagram;
/// use vde_exec::relay::{Relay, RelayOptions};
/// let (vm, inner) = UnixDatagram::pair()?;
/// let (switch, outer) = UnixDatagram::pair()?;
/// let relay = Relay::start(inner.into(), outer.into(), RelayOptions::default())?;
/// vm.send(b"a frame")?;
/// let mut buffer = [0; 100];
/// let length = switch.recv(&mut buffer)?;
/// assert_eq!(&buffer[..length], b"a frame");
/// assert_eq!(relay.stop().from_vm.sent.frames, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Relay {
    from_vm: Half,
    to_vm: Half,
    clock: Instant,
    ended: Arc<Bell>,
    capture: Mutex<Captured>,
    capture_failed: Arc<Bell>,
    is_finished: bool,
}

/// One direction.
#[derive(Debug)]
struct Half {
    orders: Arc<Orders>,
    thread: Thread,
}

/// The capture that goes on, or what is left of the last one.
#[derive(Debug, Default)]
struct Captured {
    current: Option<Capturing>,
    last: Option<CaptureStats>,
}

impl Relay {
    /// Starts to relay between two datagram sockets, which others may hold, too: their associations may
    /// change at any time, and whether they block makes no difference.
    ///
    /// # Errors
    /// What the kernel says about threads and descriptors.
    pub fn start(inner: OwnedFd, outer: OwnedFd, options: RelayOptions) -> io::Result<Self> {
        Self::start_with(inner, outer, options, |setup| Lane::new(setup).run())
    }

    fn start_with(
        inner: OwnedFd,
        outer: OwnedFd,
        options: RelayOptions,
        run: fn(Setup) -> Result<(), Errno>,
    ) -> io::Result<Self> {
        let (inner, outer, clock) = (Arc::new(inner), Arc::new(outer), Instant::now());
        let options = RelayOptions { patience: options.patience.min(MOST_PATIENCE) };
        let ended = Arc::new(Bell::new()?);
        let half = |direction, from: &Arc<_>, to: &Arc<_>| -> io::Result<Half> {
            let orders = Arc::new(Orders::new()?);
            let (theirs, ended) = (Arc::clone(&orders), Arc::clone(&ended));
            let [from, to] = [from, to].map(Arc::clone);
            let setup = Setup { direction, from, to, orders: Arc::clone(&orders), clock, options };
            let failed = move || {
                theirs.announce(|report| report.has_ended = true);
                ended.ring();
            };
            let name = match direction {
                Direction::FromVm => "relay-from-vm",
                Direction::ToVm => "relay-to-vm",
            };
            let thread = Thread::start(name, move || Ok(run(setup)?), failed)?;
            Ok(Half { orders, thread })
        };
        Ok(Self {
            from_vm: half(Direction::FromVm, &inner, &outer)?,
            to_vm: half(Direction::ToVm, &outer, &inner)?,
            clock,
            ended,
            capture: Mutex::default(),
            capture_failed: Arc::new(Bell::new()?),
            is_finished: false,
        })
    }

    /// Readable as soon as a thread of the relay has ended by itself: it relays no more, or in one
    /// direction only, and is best replaced.
    #[must_use]
    pub fn ended(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }

    /// Readable as soon as a capture has ended by itself, until [`Relay::capture_failure`] was asked
    /// or [`Relay::capture`] is called.
    #[must_use]
    pub fn capture_failed(&self) -> BorrowedFd<'_> {
        self.capture_failed.as_fd()
    }

    /// Why the capture has ended by itself, if that is news.
    #[must_use]
    pub fn capture_failure(&self) -> Option<Errno> {
        if !self.capture_failed.hush() {
            return None;
        }
        match self.stats().capture?.state {
            CaptureState::Failed(errno) => Some(errno),
            _ => None,
        }
    }

    /// Has frames to the VM wait in the kernel's queue, until [`Relay::release`]. When this returns true,
    /// none is in hand: what was taken is on its way, also what an impairment delayed. It is false if
    /// that is not certain after [`ORDER_PATIENCE`].
    #[allow(clippy::must_use_candidate, reason = "who is in a hurry goes on in any case")]
    pub fn hold(&self) -> bool {
        self.to_vm.order(|wanted| wanted.is_held = true)
    }

    /// Has frames to the VM go on.
    pub fn release(&self) {
        self.to_vm.orders.want(|wanted| wanted.is_held = false);
    }

    /// How long no frame has come, in either direction.
    #[must_use]
    pub fn quiet_for(&self) -> Duration {
        let last = self.from_vm.orders.last_frame().max(self.to_vm.orders.last_frame());
        self.clock.elapsed().saturating_sub(last)
    }

    /// Sets what is done to the frames of one direction. If this returns true, the next frame that comes is
    /// number 0 of the seed; it is false if that is not certain after [`ORDER_PATIENCE`]. What was delayed
    /// goes on as it would have, or at once if there is no impairment any more.
    #[allow(clippy::must_use_candidate, reason = "it is done in any case")]
    pub fn set_impairment(&self, direction: Direction, impairment: Option<Impairment>) -> bool {
        let half = match direction {
            Direction::FromVm => &self.from_vm,
            Direction::ToVm => &self.to_vm,
        };
        half.order(|wanted| wanted.impairment = Some(impairment))
    }

    /// Ends the capture that goes on, if one does, and begins another, if one is given: with the next
    /// frame, or as soon as somebody reads the FIFO. What is queued is
    /// written before, if the sink takes it within 40 ms. Returns what became of the one that was ended.
    ///
    /// # Errors
    /// There is no thread to be had: nothing is captured then.
    pub fn capture(&self, capture: Option<Capture>) -> io::Result<Option<CaptureStats>> {
        let mut captured = self.captured();
        let last = captured.end();
        self.capture_failed.hush();
        let failed = Arc::clone(&self.capture_failed);
        let begin = |capture| Capturing::begin(capture, move || failed.ring());
        let (current, result) = match capture.map(begin).transpose() {
            Ok(current) => (current, Ok(last)),
            Err(error) => (None, Err(error)),
        };
        let tap = current.as_ref().map(|current| Arc::clone(&current.tap));
        captured.current = current;
        for half in [&self.from_vm, &self.to_vm] {
            half.order(|wanted| wanted.tap.clone_from(&tap));
        }
        result
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> RelayStats {
        let captured = self.captured();
        let current = captured.current.as_ref().map(|current| current.tap.stats());
        RelayStats {
            from_vm: self.from_vm.orders.report().stats,
            to_vm: self.to_vm.orders.report().stats,
            capture: current.or(captured.last),
        }
    }

    /// Stops, within 50 ms whatever hangs: what was delayed is sent if there is room for it, frames in
    /// the kernel's queues stay there, and a capture gets its end if the sink takes it.
    #[must_use]
    pub fn stop(mut self) -> RelayStats {
        self.finish();
        self.stats()
    }

    fn finish(&mut self) {
        if std::mem::replace(&mut self.is_finished, true) {
            return;
        }
        let deadline = Instant::now() + STOP_PATIENCE;
        let halves = [&self.from_vm, &self.to_vm];
        for half in halves {
            half.orders.want(|wanted| wanted.is_stopping = true);
        }
        for half in halves {
            half.thread.has_ended_by(deadline);
        }
        self.captured().end_by(deadline);
    }

    fn captured(&self) -> MutexGuard<'_, Captured> {
        self.capture.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Half {
    /// Gives an order, and waits until it is followed; returns whether it was in time.
    fn order(&self, order: impl FnOnce(&mut Wanted)) -> bool {
        let revision = self.orders.want(order);
        let is_followed = |report: &Report| report.has_ended || report.revision >= revision;
        self.orders.wait_for(is_followed, ORDER_PATIENCE)
    }
}

impl Drop for Half {
    /// The thread ends when it gets to it.
    fn drop(&mut self) {
        self.orders.want(|wanted| wanted.is_stopping = true);
    }
}

impl Captured {
    fn end(&mut self) -> Option<CaptureStats> {
        self.end_by(Instant::now() + STOP_PATIENCE)
    }

    fn end_by(&mut self, deadline: Instant) -> Option<CaptureStats> {
        let ended = self.current.take().map(|current| current.end(deadline));
        self.last = ended.or(self.last);
        ended
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests;
