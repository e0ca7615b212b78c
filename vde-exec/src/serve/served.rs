//! A switch that is served by a thread of this process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};

use super::SwitchServer;

/// A switch that is served by a thread of this process, until this is dropped.
#[derive(Debug)]
pub struct ServedSwitch {
    dir: PathBuf,
    management: Option<PathBuf>,
    stop: EventFd,
    ended: OwnedFd,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl ServedSwitch {
    pub(super) fn spawn(server: SwitchServer) -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let stop = EventFd::from_flags(flags)?;
        let ending = EventFd::from_flags(flags)?;
        let ended = ending.as_fd().try_clone_to_owned()?;
        let stopped = stop.as_fd().try_clone_to_owned()?;
        let (dir, management) = (server.dir().to_owned(), server.management().map(Path::to_owned));
        let serve = move || {
            let _told = Told(ending);
            server.run(stopped.as_fd())
        };
        let thread = without_signals(|| thread::Builder::new().name("switch".into()).spawn(serve))?;
        Ok(Self { dir, management, stop, ended, thread: Some(thread) })
    }

    /// Its directory, absolute and without links.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its management socket, absolute, if it has one.
    #[must_use]
    pub fn management(&self) -> Option<&Path> {
        self.management.as_deref()
    }

    /// Becomes readable, and stays so, when the switch has ended by itself: after `shutdown` on its
    /// console, or a failure, which [`stop`](Self::stop) tells.
    #[must_use]
    pub fn ended(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }

    /// Whether it has ended by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(self.ended(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// Ends the switch, and returns when its sockets are gone.
    ///
    /// # Errors
    /// Why it had ended before, if that was a failure.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        // It has room for one.
        let _ = self.stop.write(1);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the switch's thread panicked")))
    }
}

impl Drop for ServedSwitch {
    fn drop(&mut self) {
        // Who wants to know stops it.
        let _ = self.end();
    }
}

/// Tells that the thread has ended, however it does.
struct Told(EventFd);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.write(1);
    }
}

/// Does something with all signals blocked: a thread that is started meanwhile has them blocked for
/// ever, and they stay the other threads' business.
fn without_signals<T>(act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before))?;
    let result = act();
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    result
}
