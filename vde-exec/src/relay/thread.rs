//! Threads that nothing outside of them can disturb: no signal reaches them, a panic ends nothing but
//! them, and whoever waits for their end waits for a bounded time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigSet, SigmaskHow};

/// A thread. Dropped, it goes on.
#[derive(Debug)]
pub(super) struct Thread {
    /// Nothing is ever sent: its other end is closed when the thread ends.
    end: Receiver<()>,
}

impl Thread {
    /// Starts it; `failed` is done in it if `body` panics or fails.
    pub(super) fn start(
        name: &str,
        body: impl FnOnce() -> io::Result<()> + Send + 'static,
        failed: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let (alive, end) = sync_channel(0);
        // A thread inherits the mask of who starts it.
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let started = Builder::new().name(name.to_owned()).spawn(move || {
            if !matches!(catch_unwind(AssertUnwindSafe(body)), Ok(Ok(()))) {
                failed();
            }
            drop(alive);
        });
        before.thread_set_mask()?;
        started.map(|_| Self { end })
    }

    /// Waits for its end, but not longer than until `deadline`; returns whether it has ended.
    pub(super) fn has_ended_by(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        self.end.recv_timeout(left) == Err(RecvTimeoutError::Disconnected)
    }
}

/// Wakes a thread that polls it.
#[derive(Debug)]
pub(super) struct Bell(EventFd);

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
    }

    pub(super) fn ring(&self) {
        // It fails only if it rings already, 2⁶⁴ times.
        let _ = self.0.write(1);
    }

    /// Makes it silent, until it rings the next time; whether it rang.
    pub(super) fn hush(&self) -> bool {
        self.0.read().is_ok()
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Sleeps until `bell` rings, or `other` is ready, or the time is over; `None` is no limit. A bell that
/// rang is silent again. Returns whether `other` is ready.
///
/// # Errors
/// What the kernel says; none is expected.
pub(super) fn sleep(
    bell: &Bell,
    other: Option<(BorrowedFd<'_>, PollFlags)>,
    time: Option<Duration>,
) -> nix::Result<bool> {
    let timeout = time.map(|time| time.min(Duration::from_secs(3600)).into());
    // Where there is no other, the second is not watched.
    let (fd, flags) = other.unwrap_or((bell.as_fd(), PollFlags::empty()));
    let mut fds = [PollFd::new(bell.as_fd(), PollFlags::POLLIN), PollFd::new(fd, flags)];
    let watched = if other.is_some() { &mut fds[..] } else { &mut fds[..1] };
    match ppoll(watched, timeout, None) {
        Err(Errno::EINTR) => return Ok(false),
        Err(errno) => return Err(errno),
        Ok(_) => {}
    }
    let [ringing, ready] = fds;
    if ringing.any() == Some(true) {
        bell.hush();
    }
    Ok(other.is_some() && ready.any() == Some(true))
}
