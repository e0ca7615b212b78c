//! The VM as a process: waited for, signalled, and followed when it daemonizes.
//!
//! QEMU's `-daemonize` makes a child of a child of the process that we started, and that ends with
//! status 0 as soon as the VM is set up. A supervisor that has made itself a *subreaper* (prctl(2))
//! before then becomes the daemon's parent, and can wait for it as for any child.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Child;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgid, getpgrp};

/// How a VM ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With an exit status.
    Exited(i32),
    /// By a signal.
    Killed(i32),
}

/// A process that was started and has not been waited for to the end, so that its id is its own.
#[derive(Debug)]
pub struct Vm {
    pid: Pid,
    /// A descriptor that it has from us, if it is going to daemonize.
    follow: Option<i32>,
    adopts: bool,
}

/// What became of it.
pub(crate) enum Fate {
    Running,
    /// It is another process from now on.
    Daemonized,
    Ended(End),
}

impl Vm {
    /// The process of `child`, which is not waited for by anybody else.
    #[must_use]
    pub fn of(child: &Child) -> Self {
        Self::with_id(Pid::from_raw(i32::try_from(child.id()).unwrap_or_default()))
    }

    /// The child with this process id.
    pub(crate) fn with_id(pid: Pid) -> Self {
        Self { pid, follow: None, adopts: false }
    }

    /// Says that it is going to daemonize; the daemon is told from other orphans by the descriptor
    /// `fd`, if it has one from us.
    #[must_use]
    pub fn daemonizing(self, fd: Option<i32>) -> Self {
        Self { follow: Some(fd.unwrap_or(-1)), ..self }
    }

    /// Whether it is yet to daemonize.
    pub(crate) fn is_daemonizing(&self) -> bool {
        self.follow.is_some()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Whether it sits at the same terminal, in the same process group.
    pub(crate) fn shares_our_group(&self) -> bool {
        getpgid(Some(self.pid)) == Ok(getpgrp())
    }

    /// Sends it a signal; one that has ended and was not waited for takes none.
    pub(crate) fn signal(&self, number: i32) -> Result<(), Errno> {
        match kill(self.pid, Signal::try_from(number)?) {
            Err(Errno::ESRCH) => Ok(()),
            result => result,
        }
    }

    /// Looks, without waiting.
    pub(crate) fn fate(&mut self) -> io::Result<Fate> {
        let Some(end) = self.reap()? else { return Ok(Fate::Running) };
        let Some(fd) = self.follow.take().filter(|_| end == End::Exited(0)) else {
            return Ok(Fate::Ended(end));
        };
        match orphan_with(fd) {
            Some(pid) => {
                self.pid = pid;
                self.adopts = true;
                // The process between the two has ended by now, and became ours without a word of its own.
                match self.reap()? {
                    None => Ok(Fate::Daemonized),
                    Some(end) => Ok(Fate::Ended(end)),
                }
            }
            // It did not daemonize after all (`-daemonize -version`), or has ended already.
            None => Ok(Fate::Ended(end)),
        }
    }

    /// Waits for the end of the process itself.
    pub(crate) fn wait(&self) -> Result<End, Errno> {
        loop {
            match waitpid(self.pid, None) {
                Ok(WaitStatus::Exited(_, status)) => return Ok(End::Exited(status)),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(End::Killed(signal as i32)),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// The end of the process, if it has come. Orphans of a daemon become ours, too, and are reaped.
    fn reap(&self) -> Result<Option<End>, Errno> {
        let whom = if self.adopts { None } else { Some(self.pid) };
        loop {
            match waitpid(whom, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, status)) if pid == self.pid => {
                    return Ok(Some(End::Exited(status)));
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.pid => {
                    return Ok(Some(End::Killed(signal as i32)));
                }
                Ok(WaitStatus::StillAlive) => return Ok(None),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// Makes the orphans among our descendants ours.
///
/// # Errors
/// What the kernel says; none is expected.
pub fn adopt_orphans() -> Result<(), Errno> {
    prctl::set_child_subreaper(true)
}

/// A living child of this process that has our descriptor `fd` under the same number; the youngest
/// child if none can be seen to have it (it may belong to another user by now).
fn orphan_with(fd: i32) -> Option<Pid> {
    let socket = |pid: &str| fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok();
    let ours: Option<PathBuf> = socket("self");
    let children = living_children();
    let has_it = |pid: &&Pid| ours.is_some() && socket(&pid.to_string()) == ours;
    children.iter().find(has_it).or(children.last()).copied()
}

/// The children of this process that have not ended, the youngest last.
fn living_children() -> Vec<Pid> {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut children: Vec<(u64, Pid)> = processes
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name in parentheses may hold anything, so fields are counted from the last of them.
            let fields: Vec<&str> = stat.rsplit(") ").next()?.split(' ').collect();
            let [state, parent, started] = [0, 1, 19].map(|n| fields.get(n).copied().unwrap_or(""));
            let is_living_child = parent == own && state != "Z";
            is_living_child.then_some((started.parse().ok()?, Pid::from_raw(pid)))
        })
        .collect();
    children.sort_unstable_by_key(|(started, pid)| (*started, pid.as_raw()));
    children.into_iter().map(|(_, pid)| pid).collect()
}
