//! Asks a program a question on its command line (`-version`) and reads the answer, with a deadline.
//!
//! The question runs beside the handshake with the switch: it is started, left alone, and collected
//! when the answer is needed. It has a process group of its own, so that a wrapper script and all
//! that it started can be ended together.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, read};

/// Most bytes of an answer that are kept.
const MAX_ANSWER: usize = 64 * 1024;

/// A program that is being asked. Dropping it ends the program.
#[derive(Debug)]
pub struct Probe {
    child: Child,
    stdout: ChildStdout,
    deadline: Instant,
}

/// How a question ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The program wrote this to its standard output and closed it.
    Said(Vec<u8>),
    /// The deadline passed first; this much had been said.
    TimedOut(Vec<u8>),
    /// The caller's interruption came first.
    Interrupted,
}

impl Probe {
    /// Starts `program` with one argument. It gets no input, and its complaints are not shown.
    ///
    /// # Errors
    /// What the kernel says to `fork` or `execve`.
    pub fn start(program: &Path, question: &OsStr, timeout: Duration) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .arg(question)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        crate::sys::die_with_parent(&mut command);
        let mut child = command.spawn()?;
        let Some(stdout) = child.stdout.take() else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Self { child, stdout, deadline: Instant::now() + timeout })
    }

    /// Waits for the answer, until `is_enough` of it, the deadline, or until `interrupt` becomes
    /// readable. What was said before the deadline is heard, however late it is asked for.
    ///
    /// # Errors
    /// What the kernel says to `poll` or `read`; none is expected.
    pub fn finish(
        self,
        is_enough: impl Fn(&[u8]) -> bool,
        interrupt: Option<BorrowedFd<'_>>,
    ) -> io::Result<Answer> {
        let mut said = Vec::new();
        loop {
            match self.wait(interrupt)? {
                Wake::Interrupted => return Ok(Answer::Interrupted),
                Wake::Deadline => return Ok(Answer::TimedOut(said)),
                Wake::Readable => {}
            }
            let mut buffer = [0; 4096];
            match read(&self.stdout, &mut buffer) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(0) => return Ok(Answer::Said(said)),
                Ok(length) => said.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            }
            if said.len() >= MAX_ANSWER || is_enough(&said) {
                return Ok(Answer::Said(said));
            }
        }
    }

    fn wait(&self, interrupt: Option<BorrowedFd<'_>>) -> io::Result<Wake> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let mut fds: Vec<PollFd<'_>> = std::iter::once(self.stdout.as_fd())
                .chain(interrupt)
                .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
                .collect();
            // Rounded up, so that a wait never ends just before its time.
            let timeout = if left.is_zero() { left } else { left + Duration::from_micros(999) };
            match poll(&mut fds, PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            let fired = |index: usize| fds.get(index).is_some_and(|fd| fd.any() == Some(true));
            match (fired(0), fired(1)) {
                (_, true) => return Ok(Wake::Interrupted),
                (true, false) => return Ok(Wake::Readable),
                (false, false) if left.is_zero() => return Ok(Wake::Deadline),
                (false, false) => {}
            }
        }
    }
}

enum Wake {
    Readable,
    Interrupted,
    Deadline,
}

impl Drop for Probe {
    fn drop(&mut self) {
        // The group has its number as long as its leader is not reaped, dead or alive.
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}
