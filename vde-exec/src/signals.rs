//! Signals as something to poll: blocked, read one by one from a descriptor, and passed on.
//!
//! From [`Signals::take`] on nothing interrupts vdeq between two system calls, so clean-up never
//! has to happen in a handler. The VM gets back the mask that vdeq was started with.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::sys;

/// What ends a program that does not expect it, and can be caught. Not among them: what a program
/// brings upon itself (`SIGSEGV`, `SIGPIPE` ...).
const ENDING: [Signal; 12] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGIO,
    Signal::SIGPWR,
    Signal::SIGXCPU,
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

/// One signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caught {
    /// Which one.
    pub(crate) signal: Signal,
    /// Whether the kernel sent it, to the whole foreground process group: then the VM has had it.
    pub(crate) group_wide: bool,
}

impl Signals {
    /// Blocks every signal that ends a process and can be caught, job control, and `SIGCHLD`, and
    /// makes them readable.
    ///
    /// # Errors
    /// What the kernel says; none is expected.
    pub fn take() -> Result<Self, Errno> {
        let (ending, other) = (SigSet::from_iter(ENDING), SigSet::from_iter(OTHER));
        // A parent that ignores SIGCHLD hands that down, and then no child can be waited for.
        sys::reset_to_default(Signal::SIGCHLD)?;
        let mut before = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&(ending | other)), Some(&mut before))?;
        Ok(Self { ending: readable(&ending)?, other: readable(&other)?, before })
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

    /// The number of the signal behind [`Signals::interrupt`], if one waits.
    #[must_use]
    pub fn interruption(&self) -> Option<i32> {
        let caught = read(&self.ending).ok().flatten()?;
        Some(caught.signal as i32)
    }

    /// The next signal that waits, if one does.
    pub(crate) fn next(&self) -> Result<Option<Caught>, Errno> {
        Ok(read(&self.ending)?.or(read(&self.other)?))
    }

    /// The descriptors behind [`Signals::next`].
    pub(crate) fn fds(&self) -> [BorrowedFd<'_>; 2] {
        [self.ending.as_fd(), self.other.as_fd()]
    }
}

fn readable(set: &SigSet) -> Result<SignalFd, Errno> {
    SignalFd::with_flags(set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn read(fd: &SignalFd) -> Result<Option<Caught>, Errno> {
    let Some(info) = fd.read_signal()? else { return Ok(None) };
    let signal = Signal::try_from(i32::try_from(info.ssi_signo).unwrap_or_default())?;
    Ok(Some(Caught { signal, group_wide: info.ssi_code == SI_KERNEL }))
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
        let only = SigSet::from(signal);
        // A signal that waits is delivered before this returns.
        let _ = pthread_sigmask(SigmaskHow::SIG_UNBLOCK, Some(&only), None);
    }
    std::process::exit(128 + signal)
}
