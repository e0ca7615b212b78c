//! A directory that stays the one that was opened, whatever its path comes to mean.
//!
//! The owner of a directory (or of one above it) can rename it, or put a link in its place, between
//! any two of our system calls. So a directory is opened once, and what is in it is named through
//! the descriptor: `/proc/self/fd/N/NAME`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Where the kernel shows a process its own descriptors.
pub(crate) const OWN_DESCRIPTORS: &str = "/proc/self/fd";

/// A path that means this descriptor.
pub(crate) fn path_of(fd: RawFd) -> PathBuf {
    Path::new(OWN_DESCRIPTORS).join(fd.to_string())
}

/// A handle on the file itself, which is neither followed (a link) nor opened (a device, a FIFO).
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW;
    File::options().read(true).custom_flags(flags.bits()).open(path)
}

/// An open directory.
#[derive(Debug)]
pub(crate) struct DirHandle(OwnedFd);

impl DirHandle {
    pub(crate) fn open(dir: &Path) -> Result<Self, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        nix::fcntl::open(dir, flags, Mode::empty()).map(Self)
    }

    /// The directory called `name` in this one; a link there is not followed.
    pub(crate) fn open_in(&self, name: &OsStr) -> Result<Self, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        nix::fcntl::openat(&self.0, name, flags, Mode::empty()).map(Self)
    }

    /// A path to what is called `name` in the directory.
    pub(crate) fn at(&self, name: &OsStr) -> PathBuf {
        path_of(self.0.as_raw_fd()).join(name)
    }

    /// What is in the directory.
    pub(crate) fn entries(&self) -> io::Result<fs::ReadDir> {
        fs::read_dir(self.at(OsStr::new("")))
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: &OsStr) -> Result<(), Errno> {
        unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir)
    }
}

impl AsFd for DirHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
