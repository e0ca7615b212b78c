//! Going on in the background while the shell gets its prompt back.
//!
//! The process splits in two. The *back* does everything; the *front* only waits: until the back says
//! that it can be left alone, or ends. So whoever started the command sees a failure on the way as
//! if there were one process, with its exit status or signal.
//!
//! | event | the front |
//! |---|---|
//! | the back says that it is on its own | ends with status 0 |
//! | the back ends before | ends in the same way |
//! | a key on the terminal | goes on waiting: the back, in the same process group, had it, too |
//! | any other signal | passes it on to the back |

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, pipe2, setsid};

use crate::signals::{Caught, Signals};
use crate::sys::{self, Fork};
use crate::vm::{End, Vm};

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Side {
    /// The one that was started, and that is waited for.
    Front(Front),
    /// The one that does the work.
    Back(Back),
}

/// What the front has of the back.
#[derive(Debug)]
pub struct Front {
    back: Vm,
    word: File,
}

/// What the back has of the front.
#[derive(Debug)]
pub struct Back {
    word: OwnedFd,
}

/// Splits the process in two.
///
/// # Errors
/// What the kernel says; or that this process has threads, of which only one would go on.
pub fn split() -> io::Result<Side> {
    if fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("a process with threads cannot be split"));
    }
    let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
    Ok(match sys::fork()? {
        Fork::Parent(child) => {
            Side::Front(Front { back: Vm::with_id(child), word: File::from(read) })
        }
        Fork::Child => Side::Back(Back { word: write }),
    })
}

impl Front {
    /// Waits until the back goes on by itself, or ends: then it is told how.
    ///
    /// # Errors
    /// What the kernel says; none is expected.
    pub fn wait(mut self, signals: &Signals) -> io::Result<Option<End>> {
        loop {
            while let Some(caught) = signals.next()? {
                self.pass_on(caught)?;
            }
            let [signal, other] = signals.fds();
            let mut fds =
                [signal, other, self.word.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            let [.., word] = fds;
            if word.any() != Some(true) {
                continue;
            }
            if self.word.read(&mut [0])? > 0 {
                return Ok(None);
            }
            // It has closed its end: it ended, or is just about to.
            return Ok(Some(self.back.wait()?));
        }
    }

    fn pass_on(&self, Caught { signal, is_key }: Caught) -> io::Result<()> {
        if signal != Signal::SIGCHLD && !is_key {
            self.back.signal(signal as i32)?;
        }
        Ok(())
    }
}

impl Back {
    /// Leaves the terminal and the session, as a daemon does, and lets the front go.
    ///
    /// # Errors
    /// What the kernel says; the front is let go nevertheless.
    pub fn detach(self) -> io::Result<()> {
        let left = leave_terminal();
        // The front may be gone.
        let _ = File::from(self.word).write_all(b"!");
        left
    }
}

/// Standard error stays where it is a file, a log: nobody waits for the end of that, as somebody does for
/// the end of a pipe.
fn leave_terminal() -> io::Result<()> {
    setsid()?;
    std::env::set_current_dir("/")?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    if !stderr.metadata()?.is_file() {
        dup2_stderr(&null)?;
    }
    Ok(())
}
