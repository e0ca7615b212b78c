//! The way of captured frames: lanes put them into a bounded queue, a thread takes them to the sink.
//!
//! ```text
//!   lane ---+
//!           +--> Tap: blocks, at most MAX_QUEUED bytes --> writer thread --> file, FIFO, descriptor
//!   lane ---+
//! ```
//!
//! Lanes never wait for the sink: what finds the queue full is dropped, and the next frame in the file
//! tells how many were. The writer lets frames gather for [`LINGER`], so that it is not woken for each.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::Direction;
use super::pcapng::{self, PACKET_OVERHEAD, Packet, Statistics};
use super::sink::{OpenSink, Opened, SinkError};
use super::stats::{CaptureState, CaptureStats};
use super::thread::{Bell, Thread, sleep};
use crate::outlet::Outlet;

/// Most bytes that wait for the sink.
const MAX_QUEUED: usize = 4 << 20;
/// So many bytes are worth to be written at once.
const PLENTY: usize = 256 << 10;
/// How long frames wait for company, and so how late a reader of a quiet network sees one.
const LINGER: Duration = Duration::from_millis(5);
/// How often it is looked whether somebody reads a FIFO by now.
const LOOK: Duration = Duration::from_millis(100);

/// What is captured, and where to.
#[derive(Debug)]
pub struct Capture {
    /// Where it is written to.
    pub sink: OpenSink,
    /// The name of the NIC, `net0` say.
    pub name: String,
    /// What it is plugged into: the locator of its switch.
    pub description: String,
    /// The program that captures, and its version.
    pub application: String,
}

/// Where lanes put frames.
#[derive(Debug)]
pub(super) struct Tap {
    queue: Mutex<Queue>,
    bell: Bell,
}

#[derive(Debug)]
struct Queue {
    /// Whole blocks.
    bytes: Vec<u8>,
    seen: u64,
    dropped: u64,
    /// How many of them the next frame in the file is to tell.
    untold: u64,
    state: CaptureState,
    is_closing: bool,
    /// Nobody waits for the rest any more.
    is_abandoned: bool,
}

/// A capture that goes on. Dropped, it ends, without being waited for.
#[derive(Debug)]
pub(super) struct Capturing {
    pub(super) tap: Arc<Tap>,
    thread: Thread,
}

impl Capturing {
    /// Begins; `failed` is done if it ends by itself.
    pub(super) fn begin(
        capture: Capture,
        failed: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let Capture { sink: OpenSink(opened), name, description, application } = capture;
        let state = match opened {
            Opened::Writable(_) => CaptureState::Running,
            Opened::Fifo(_) => CaptureState::Waiting,
        };
        let tap = Arc::new(Tap { queue: Mutex::new(Queue::new(state)), bell: Bell::new()? });
        let writer = Writer { tap: Arc::clone(&tap), began: now() };
        let mut head = Vec::new();
        pcapng::begin(&mut head, &application, &name, &description);
        let theirs = Arc::clone(&tap);
        let body = move || {
            let result = writer.run(opened, head);
            if let Err(errno) = result {
                writer.tap.queue().state = CaptureState::Failed(errno);
            }
            Ok(result?)
        };
        let has_failed = move || {
            let mut queue = theirs.queue();
            // If it has not said why, it panicked.
            if !matches!(queue.state, CaptureState::Failed(_)) {
                queue.state = CaptureState::Failed(Errno::EIO);
            }
            drop(queue);
            failed();
        };
        let thread = Thread::start("capture", body, has_failed)?;
        Ok(Self { tap, thread })
    }

    /// Ends it: what is queued is written, if the sink takes it before `deadline`.
    pub(super) fn end(self, deadline: Instant) -> CaptureStats {
        self.tap.queue().is_closing = true;
        self.tap.bell.ring();
        if !self.thread.has_ended_by(deadline) {
            let mut queue = self.tap.queue();
            queue.is_abandoned = true;
            queue.state = CaptureState::Failed(Errno::ETIMEDOUT);
            drop(queue);
            self.tap.bell.ring();
        }
        self.tap.stats()
    }
}

impl Drop for Capturing {
    fn drop(&mut self) {
        let mut queue = self.tap.queue();
        queue.is_closing = true;
        queue.is_abandoned = true;
        drop(queue);
        self.tap.bell.ring();
    }
}

impl Queue {
    fn new(state: CaptureState) -> Self {
        Self {
            bytes: Vec::new(),
            seen: 0,
            dropped: 0,
            untold: 0,
            state,
            is_closing: false,
            is_abandoned: false,
        }
    }
}

impl Tap {
    /// Takes frames that go by.
    pub(super) fn take<'a>(&self, direction: Direction, frames: impl Iterator<Item = &'a [u8]>) {
        let mut queue = self.queue();
        if queue.state != CaptureState::Running || queue.is_closing {
            return;
        }
        let (time, before) = (now(), queue.bytes.len());
        for frame in frames {
            queue.seen += 1;
            if queue.bytes.len() + frame.len() + PACKET_OVERHEAD > MAX_QUEUED {
                queue.dropped += 1;
                queue.untold += 1;
                continue;
            }
            let dropped = std::mem::take(&mut queue.untold);
            pcapng::packet(&mut queue.bytes, &Packet { time, direction, frame, dropped });
        }
        let after = queue.bytes.len();
        drop(queue);
        if (before == 0 && after > 0) || (before < PLENTY && after >= PLENTY) {
            self.bell.ring();
        }
    }

    pub(super) fn stats(&self) -> CaptureStats {
        let queue = self.queue();
        CaptureStats { seen: queue.seen, dropped: queue.dropped, state: queue.state }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's side.
struct Writer {
    tap: Arc<Tap>,
    /// Since 1970.
    began: Duration,
}

impl Writer {
    /// Writes everything until the capture ends.
    fn run(&self, opened: Opened, mut bytes: Vec<u8>) -> Result<(), Errno> {
        if let Some(outlet) = self.wait_for_reader(opened)? {
            self.tap.queue().state = CaptureState::Running;
            while self.write(&outlet, &bytes)? {
                bytes.clear();
                self.gather(&outlet)?;
                let mut queue = self.tap.queue();
                std::mem::swap(&mut bytes, &mut queue.bytes);
                if bytes.is_empty() && queue.is_closing {
                    drop(queue);
                    pcapng::end(&mut bytes, &self.statistics());
                    self.write(&outlet, &bytes)?;
                    break;
                }
            }
        }
        let mut queue = self.tap.queue();
        if !queue.is_abandoned {
            queue.state = CaptureState::Ended;
        }
        Ok(())
    }

    /// `None` if the capture ends before anybody reads.
    fn wait_for_reader(&self, opened: Opened) -> Result<Option<Outlet>, Errno> {
        let fifo = match opened {
            Opened::Writable(outlet) => return Ok(Some(outlet)),
            Opened::Fifo(fifo) => fifo,
        };
        while !self.tap.queue().is_closing {
            match fifo.open() {
                Ok(None) => drop(sleep(&self.tap.bell, None, Some(LOOK))?),
                Ok(outlet) => return Ok(outlet),
                Err(SinkError::System(error)) => return Err(errno(&error)),
                Err(_) => return Err(Errno::EIO),
            }
        }
        Ok(None)
    }

    /// Waits until there is something to write, and for more of it.
    fn gather(&self, outlet: &Outlet) -> Result<(), Errno> {
        let mut began = None;
        loop {
            let queue = self.tap.queue();
            let (length, is_closing) = (queue.bytes.len(), queue.is_closing);
            drop(queue);
            if is_closing || length >= PLENTY {
                return Ok(());
            }
            let patience = match length {
                0 => None,
                _ => Some(LINGER.saturating_sub(began.get_or_insert_with(Instant::now).elapsed())),
            };
            if patience == Some(Duration::ZERO) {
                return Ok(());
            }
            // Asked for nothing, the kernel still tells that nobody reads.
            let nothing = PollFlags::empty();
            if sleep(&self.tap.bell, Some((outlet.as_fd(), nothing)), patience)? {
                return Err(Errno::EPIPE);
            }
        }
    }

    /// Writes all of it, as there is room; false if nobody waits for it any more.
    fn write(&self, outlet: &Outlet, bytes: &[u8]) -> Result<bool, Errno> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = outlet.write_some(rest)?;
            rest = rest.get(written..).unwrap_or_default();
            if written == 0 {
                let room = Some((outlet.as_fd(), PollFlags::POLLOUT));
                sleep(&self.tap.bell, room, Some(LOOK))?;
            }
            if self.tap.queue().is_abandoned {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn statistics(&self) -> Statistics {
        let CaptureStats { seen, dropped, .. } = self.tap.stats();
        Statistics { began: self.began, ended: now(), seen, dropped }
    }
}

/// Since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests;
