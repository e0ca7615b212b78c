//! Starts the VM with its plugs: as a child, or in the place of this process.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command};

use nix::sys::signal::SigSet;

use crate::dial::Connection;

/// A command that takes over the descriptors of its plugs.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The executable.
    pub program: PathBuf,
    /// What the program sees as its own name.
    pub name: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The plugs whose sockets it inherits, data and control each, under the numbers they have here.
    pub connections: &'a [Connection],
    /// Its signal mask.
    pub mask: SigSet,
}

/// Why the program does not run.
#[derive(Debug, thiserror::Error)]
#[error("cannot execute {}: {error}", program.display())]
pub struct LaunchError {
    /// The executable.
    pub program: PathBuf,
    /// What the kernel said.
    pub error: io::Error,
}

impl Launch<'_> {
    /// Starts the program as a child.
    ///
    /// # Errors
    /// [`LaunchError`]; nothing runs then.
    pub fn spawn(self) -> Result<Child, LaunchError> {
        self.command().spawn().map_err(|error| LaunchError { program: self.program, error })
    }

    /// Becomes the program. Returns only if that failed.
    #[must_use]
    pub fn exec(self) -> LaunchError {
        let error = self.command().exec();
        LaunchError { program: self.program, error }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg0(&self.name).args(&self.args);
        crate::sys::inherit(&mut command, self.inherited(), self.mask);
        command
    }

    /// The VM holds the control stream too: it keeps its port even if vdeq is killed.
    fn inherited(&self) -> Vec<RawFd> {
        let both = |c: &Connection| [c.data.as_raw_fd(), c.control.as_raw_fd()];
        self.connections.iter().flat_map(both).collect()
    }
}
