//! Starts the VM with its plugs: as a child, or in the place of this process.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::SigSet;

use crate::connection::Connection;
use crate::vm::Vm;

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
    /// What else it inherits, under the numbers that these have here.
    pub others: &'a [OwnedFd],
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

/// A nameless file with this content, close-on-exec, for a program that is started to read.
///
/// # Errors
/// What the kernel says; none is expected.
pub fn memory_file(content: &[u8]) -> io::Result<OwnedFd> {
    let fd = memfd_create("vdeq", MFdFlags::MFD_CLOEXEC)?;
    let mut file = File::from(fd);
    file.write_all(content)?;
    Ok(OwnedFd::from(file))
}

impl Launch<'_> {
    /// Starts the program as a child.
    ///
    /// # Errors
    /// [`LaunchError`]; nothing runs then.
    pub fn spawn(self) -> Result<Vm, LaunchError> {
        let child = self.command().spawn();
        let child = child.map_err(|error| LaunchError { program: self.program, error })?;
        Ok(Vm::of(&child))
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
        let data = self.connections.iter().map(|plug| plug.data.as_raw_fd());
        let control = self.connections.iter().filter_map(|plug| plug.control.as_ref());
        let others = self.others.iter().map(AsRawFd::as_raw_fd);
        data.chain(control.map(AsRawFd::as_raw_fd)).chain(others).collect()
    }
}
