//! Signals as something to poll: blocked, read one by one from a descriptor, and passed on.
//!
//! From [`Held::take`] on nothing ends vdeq between two system calls, so clean-up never has to
//! happen in a handler. The VM gets back the mask that vdeq was started with.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};

use crate::sys;

/// What ends a program that does not expect it, when somebody sends it. (Real-time signals are left
/// out: `Signal` has no names for them.)
const ENDING: [Signal; 16] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGIO,
    Signal::SIGPWR,
    Signal::SIGSYS,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
];

/// What does not: job control, and news of the VM.
const OTHER: [Signal; 3] = [Signal::SIGTSTP, Signal::SIGCONT, Signal::SIGCHLD];

/// `si_code` of a signal that the kernel made: a key on the terminal, a hang-up.
const SI_KERNEL: i32 = 0x80;

/// The signals of this process, held back and readable.
#[derive(Debug)]
pub struct Signals {
    ending: SignalFd,
    other: SignalFd,
    before: SigSet,
}

/// The signals of this process, held back and not readable yet: no descriptor is opened for it.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    ending: SigSet,
    other: SigSet,
    before: SigSet,
}

/// One signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caught {
    /// Which one.
    pub(crate) signal: Signal,
    /// Whether it is a key on the terminal, which the kernel tells the whole foreground process
    /// group. (A hang-up it tells the leader of the session alone.)
    pub(crate) is_key: bool,
}

impl Held {
    /// Blocks the signals that end a program, and `SIGCHLD`. What this process was started with ignored
    /// or blocked stays so: that is for the VM to inherit.
    ///
    /// Ctrl-Z still stops the process, until [`Signals::hold_stops`].
    ///
    /// # Errors
    /// What the kernel says; none is expected.
    pub fn take() -> Result<Self, Errno> {
        let before = SigSet::thread_get_mask()?;
        let ignored = ignored_signals();
        let ours = |signal: &Signal| !before.contains(*signal) && !is_in(ignored, *signal);
        // A parent that ignores SIGCHLD hands that down, and then no child can be waited for.
        sys::reset_to_default(Signal::SIGCHLD)?;
        let ending = SigSet::from_iter(ENDING.into_iter().filter(ours));
        let mut other = SigSet::from_iter(OTHER.into_iter().filter(ours));
        other.add(Signal::SIGCHLD);
        let mut held = ending | other;
        held.remove(Signal::SIGTSTP);
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&held), None)?;
        Ok(Self { ending, other, before })
    }

    /// Makes them readable.
    ///
    /// # Errors
    /// What the kernel says; none is expected.
    pub fn readable(self) -> Result<Signals, Errno> {
        let Self { ending, other, before } = self;
        Ok(Signals { ending: readable(&ending)?, other: readable(&other)?, before })
    }
}

impl Signals {
    /// From now on `SIGTSTP` is read, too: the VM is about to start, and has to hear of it.
    ///
    /// # Errors
    /// What the kernel says; none is expected.
    pub fn hold_stops(&self) -> Result<(), Errno> {
        mask(SigmaskHow::SIG_BLOCK, Signal::SIGTSTP)
    }

    /// Stops this process as `SIGTSTP` stops a program that does not expect it: not at all where
    /// nobody could continue it, which is for the kernel to know. Returns when it goes on.
    pub(crate) fn stop(&self) -> Result<(), Errno> {
        raise(Signal::SIGTSTP)?;
        mask(SigmaskHow::SIG_UNBLOCK, Signal::SIGTSTP)?;
        self.hold_stops()
    }

    /// The mask that the process was started with.
    #[must_use]
    pub fn mask_before(&self) -> SigSet {
        self.before
    }

    /// Readable as soon as a signal waits that ends a program: what every wait before the VM runs
    /// is interrupted by.
    #[must_use]
    pub fn interrupt(&self) -> BorrowedFd<'_> {
        self.ending.as_fd()
    }

    /// Sleeps until [`Signals::interrupt`] is readable, or until the time is over; returns whether it
    /// was.
    #[must_use]
    pub fn interrupted_within(&self, time: Duration) -> bool {
        let mut fds = [PollFd::new(self.interrupt(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        poll(&mut fds, timeout).is_ok_and(|ready| ready > 0)
    }

    /// The number of the signal behind [`Signals::interrupt`], if one waits.
    #[must_use]
    pub fn interruption(&self) -> Option<i32> {
        let caught = read(&self.ending).ok().flatten()?;
        Some(caught.signal as i32)
    }

    /// The next signal that waits, if one does.
    pub(crate) fn next(&self) -> Result<Option<Caught>, Errno> {
        // Reading takes a signal away: the second is read only if there was none in the first.
        match read(&self.ending)? {
            None => read(&self.other),
            caught => Ok(caught),
        }
    }

    /// The descriptors behind [`Signals::next`].
    pub(crate) fn fds(&self) -> [BorrowedFd<'_>; 2] {
        [self.ending.as_fd(), self.other.as_fd()]
    }
}

fn mask(how: SigmaskHow, signal: Signal) -> Result<(), Errno> {
    pthread_sigmask(how, Some(&SigSet::from(signal)), None)
}

/// The signals that this process ignores, bit n - 1 for signal n, as `/proc` tells.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Whether this process ignores a signal.
#[cfg(feature = "testkit")]
pub(crate) fn is_ignored(signal: Signal) -> bool {
    is_in(ignored_signals(), signal)
}

fn is_in(mask: u64, signal: Signal) -> bool {
    mask >> (signal as i32 - 1) & 1 == 1
}

fn readable(set: &SigSet) -> Result<SignalFd, Errno> {
    SignalFd::with_flags(set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn read(fd: &SignalFd) -> Result<Option<Caught>, Errno> {
    let mut next = fd.read_signal()?;
    while next.as_ref().is_some_and(is_of_our_own_file) {
        next = fd.read_signal()?;
    }
    let Some(info) = next else { return Ok(None) };
    let signal = Signal::try_from(i32::try_from(info.ssi_signo).unwrap_or_default())?;
    let is_key = matches!(signal, Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTSTP);
    Ok(Some(Caught { signal, is_key: is_key && info.ssi_code == SI_KERNEL }))
}

/// Whether the kernel tells us that a file that we write to is too long now. That shows in the write, and
/// is none of the VM's business.
fn is_of_our_own_file(info: &siginfo) -> bool {
    info.ssi_signo == Signal::SIGXFSZ as u32 && info.ssi_pid == std::process::id()
}

/// Ends this process by `signal`, as one that never heard of signals would end; the caller has
/// cleaned up. No core is dumped: the one of interest is the VM's.
///
/// Where the signal cannot end a process the exit status is 128 + its number, as shells have it.
pub fn die_by(signal: i32) -> ! {
    let _ = prctl::set_dumpable(false);
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = sys::reset_to_default(signal);
        let _ = raise(signal);
        // A signal that waits is delivered before this returns.
        let _ = mask(SigmaskHow::SIG_UNBLOCK, signal);
    }
    std::process::exit(128 + signal)
}
