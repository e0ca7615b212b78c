//! Stays beside the VM: passes signals on, watches the plugs, and tells how the VM ended.
//!
//! Theory of operation: one loop sleeps in `poll` on the signal descriptor and on the control
//! stream of every plug that is up. There is no timer, so an idle VM costs nothing.
//!
//! | event | what happens |
//! |---|---|
//! | `SIGCHLD` | ask whether the VM ended; if it only stopped or went on, nothing |
//! | a key on the terminal (`SIGINT`, `SIGQUIT`, `SIGTSTP`) | the VM, in our process group, had it too |
//! | any other signal | sent on to the VM |
//! | `SIGTSTP`, however it came | we stop as well |
//! | end of a control stream | told to the observer once; the VM runs on |
//!
//! The VM is not reaped before it ended, so its process id cannot belong to somebody else when a
//! signal is passed on. Descriptors are the caller's and are closed by the caller.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, recv};
use nix::unistd::{Pid, getpgid, getpgrp};

use crate::dial::Connection;
use crate::signals::{Caught, Signals};

/// Most bytes that a switch may say on a control stream that should be silent \[P-13.9\] before it is
/// no longer listened to.
const MAX_CHATTER: usize = 64 * 1024;

/// How a VM ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With an exit status.
    Exited(i32),
    /// By a signal.
    Killed(i32),
}

/// What happened while the VM ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The switch gave up the plug with this index; the VM has no network there any more.
    PlugLost(usize),
    /// This signal was not passed on: the VM belongs to another user by now (`-runas`).
    SignalRefused(i32),
}

/// Waits for the VM to end.
///
/// # Errors
/// What the kernel says to `poll`, `read` or `wait`; none is expected. The VM runs on.
pub fn supervise(
    vm: &mut Child,
    signals: &Signals,
    connections: &[Connection],
    observer: &mut dyn FnMut(Event),
) -> io::Result<End> {
    let mut watched: Vec<Watched<'_>> = connections
        .iter()
        .enumerate()
        .map(|(index, connection)| Watched { index, connection, chatter: 0 })
        .collect();
    // What came before the VM ran, the VM has not had, wherever it came from.
    let mut is_news = true;
    loop {
        while let Some(caught) = signals.next()? {
            pass_on(vm, caught, is_news, signals, observer)?;
        }
        is_news = false;
        if let Some(status) = vm.try_wait()? {
            return Ok(end_of(status));
        }
        sleep_until_something_happens(signals, &watched)?;
        watched.retain_mut(|plug| plug.is_up() || lost(plug.index, observer));
    }
}

fn lost(index: usize, observer: &mut dyn FnMut(Event)) -> bool {
    observer(Event::PlugLost(index));
    false
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Killed(signal.unwrap_or_default()),
    }
}

fn sleep_until_something_happens(signals: &Signals, watched: &[Watched<'_>]) -> io::Result<()> {
    let controls = watched.iter().map(|plug| plug.connection.control.as_fd());
    let mut fds: Vec<PollFd<'_>> = signals
        .fds()
        .into_iter()
        .chain(controls)
        .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
        .collect();
    match poll(&mut fds, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Sends a signal on to the VM, which has not been reaped and therefore still owns its id.
fn pass_on(
    vm: &Child,
    caught: Caught,
    is_news: bool,
    signals: &Signals,
    observer: &mut dyn FnMut(Event),
) -> io::Result<()> {
    let Caught { signal, is_key } = caught;
    if signal == Signal::SIGCHLD {
        return Ok(());
    }
    let pid = Pid::from_raw(i32::try_from(vm.id()).unwrap_or_default());
    let had_it = is_key && !is_news && getpgid(Some(pid)) == Ok(getpgrp());
    if !had_it {
        match kill(pid, signal) {
            // A zombie takes no signals; the next turn of the loop finds out.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(Errno::EPERM) => observer(Event::SignalRefused(signal as i32)),
            Err(errno) => return Err(errno.into()),
        }
    }
    if signal == Signal::SIGTSTP {
        signals.stop()?;
    }
    Ok(())
}

/// A plug whose control stream is listened to.
struct Watched<'a> {
    index: usize,
    connection: &'a Connection,
    chatter: usize,
}

impl Watched<'_> {
    /// Takes what the control stream has to say without waiting; the end of it ends the plug.
    fn is_up(&mut self) -> bool {
        let mut buffer = [0; 256];
        let fd = self.connection.control.as_raw_fd();
        match recv(fd, &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EAGAIN | Errno::EINTR) => true,
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.chatter += length;
                self.chatter <= MAX_CHATTER
            }
        }
    }
}
