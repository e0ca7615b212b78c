//! A directory that stays the one that was opened, whatever its path comes to mean.
//!
//! The owner of a directory (or of one above it) can rename it, or put a link in its place, between
//! any two of our system calls. So a directory is opened once, and what is in it is named through
//! the descriptor: `/proc/self/fd/N/NAME`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg, OFlag};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, geteuid, unlinkat};

/// How long others of us are given to make their sockets in the same directory, which takes
/// microseconds; and how often it is looked whether they have.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

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

/// Gives a socket file of this process to others, through a handle on the very file, so that nobody who
/// swaps names can point us at anything else: not even at a second name of somebody's file.
pub(crate) fn give(file: &File, user: Option<u32>, group: Option<u32>) -> Result<(), Errno> {
    let meta = file.metadata().map_err(|error| errno_of(&error))?;
    let is_ours = meta.uid() == geteuid().as_raw();
    if !is_ours || !meta.file_type().is_socket() || meta.nlink() != 1 {
        return Err(Errno::EPERM);
    }
    let (user, group) = (user.map(Uid::from_raw), group.map(Gid::from_raw));
    fchownat(file, "", user, group, AtFlags::AT_EMPTY_PATH)
}

/// What the kernel said.
pub(crate) fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// An open directory.
#[derive(Debug)]
pub(crate) struct DirHandle(OwnedFd);

impl DirHandle {
    pub(crate) fn open(dir: &Path) -> Result<Self, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        nix::fcntl::open(dir, flags, Mode::empty()).map(Self)
    }

    /// Another handle on the same directory.
    pub(crate) fn try_clone(&self) -> Result<Self, Errno> {
        self.0.try_clone().map(Self).map_err(|error| errno_of(&error))
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

    /// The device and the number of the directory, which tell it from any other.
    pub(crate) fn id(&self) -> Option<(u64, u64)> {
        let meta = fs::metadata(self.at(OsStr::new("."))).ok()?;
        Some((meta.dev(), meta.ino()))
    }

    /// Keeps others of us from making sockets in the directory for as long as it is held: a name is
    /// there an instant before anybody can listen at it, and would be taken for one that was left
    /// behind.
    ///
    /// `None` if there is no lock to be had. It is advice among friends: whoever holds it for long,
    /// and may be nobody's friend, is not waited for.
    pub(crate) fn lock(&self) -> Option<Flock<File>> {
        let mut file = File::open(self.at(OsStr::new("."))).ok()?;
        let started = Instant::now();
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Some(lock),
                Err((unlocked, Errno::EWOULDBLOCK | Errno::EINTR))
                    if started.elapsed() < PATIENCE =>
                {
                    file = unlocked;
                    std::thread::sleep(PAUSE);
                }
                Err(_) => return None,
            }
        }
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
