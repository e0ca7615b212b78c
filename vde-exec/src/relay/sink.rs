//! Where a capture is written to: a file, a FIFO, or a descriptor that somebody hands over.
//!
//! A file is made for this user alone, or emptied if it is there, as `tcpdump -w` does; but what another
//! user has put there is left alone, and links that another user made are not followed. (Links of our
//! own are: `/dev/stdout`, and what a shell makes of `>(...)`, are such.)

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::geteuid;

use crate::dir_handle::path_of;
use crate::outlet::Outlet;

/// Where a capture is written to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Sink {
    /// A file, a FIFO or a device. If nobody reads the FIFO yet, the capture begins when somebody does.
    Path(PathBuf),
    /// A descriptor that is open for writing; for `-`, a duplicate of standard output.
    Fd(OwnedFd),
}

/// Why nothing can be written there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// It is another user's, who could read what is written, or lose it.
    #[error("it belongs to user {0}")]
    Stranger(u32),
    /// It is a link of another user, who could make it point to anything of ours.
    #[error("it is a link that user {0} made")]
    StrangersLink(u32),
    /// It is a directory, a socket, a disk.
    #[error("it is no file, FIFO or character device")]
    WrongKind,
    /// The kernel says no.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// A [`Sink`] that is open: a file has been made or emptied.
#[derive(Debug)]
pub struct OpenSink(pub(super) Opened);

/// What was opened.
#[derive(Debug)]
pub(super) enum Opened {
    Writable(Outlet),
    Fifo(QuietFifo),
}

/// A FIFO that nobody reads yet, held without being open.
#[derive(Debug)]
pub(super) struct QuietFifo(File);

impl Sink {
    /// Opens it; nothing is waited for.
    ///
    /// # Errors
    /// [`SinkError`].
    pub fn open(self) -> Result<OpenSink, SinkError> {
        let opened = match self {
            Self::Path(path) => open(&path, geteuid().as_raw())?,
            Self::Fd(fd) => Opened::Writable(outlet(fd)?),
        };
        Ok(OpenSink(opened))
    }
}

impl QuietFifo {
    /// Opens it, if somebody reads by now.
    pub(super) fn open(&self) -> Result<Option<Outlet>, SinkError> {
        match writable(OFlag::empty()).open(path_of(self.0.as_raw_fd())) {
            Ok(file) => Ok(Some(outlet(file.into())?)),
            Err(error) if is(&error, Errno::ENXIO) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Opens it as this user.
fn open(path: &Path, user: u32) -> Result<Opened, SinkError> {
    let follow = match path.symlink_metadata() {
        Ok(meta) if meta.is_symlink() && ![user, 0].contains(&meta.uid()) => {
            return Err(SinkError::StrangersLink(meta.uid()));
        }
        Ok(meta) if meta.is_symlink() => OFlag::empty(),
        // If a link comes in its place, it is not followed.
        _ => OFlag::O_NOFOLLOW,
    };
    let file = match writable(follow).create(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(error) if is(&error, Errno::ENXIO) => return quiet_fifo(path, follow, user),
        Err(error) if is(&error, Errno::EISDIR) => return Err(SinkError::WrongKind),
        Err(error) => return Err(error.into()),
    };
    let meta = file.metadata()?;
    let kind = meta.file_type();
    if kind.is_char_device() {
        return Ok(Opened::Writable(outlet(file.into())?));
    }
    check_owner(&meta, user)?;
    match kind.is_file() {
        true => file.set_len(0)?,
        false if kind.is_fifo() => {}
        false => return Err(SinkError::WrongKind),
    }
    Ok(Opened::Writable(outlet(file.into())?))
}

/// What cannot be opened for writing, since nobody reads: a FIFO, or something quite different.
fn quiet_fifo(path: &Path, follow: OFlag, user: u32) -> Result<Opened, SinkError> {
    let flags = OFlag::O_PATH | follow;
    let handle = File::options().read(true).custom_flags(flags.bits()).open(path)?;
    let meta = handle.metadata()?;
    if !meta.file_type().is_fifo() {
        return Err(SinkError::WrongKind);
    }
    check_owner(&meta, user)?;
    Ok(Opened::Fifo(QuietFifo(handle)))
}

fn check_owner(meta: &Metadata, user: u32) -> Result<(), SinkError> {
    if meta.uid() == user { Ok(()) } else { Err(SinkError::Stranger(meta.uid())) }
}

/// How it is opened: without waiting, and never as our terminal.
fn writable(follow: OFlag) -> OpenOptions {
    let mut options = File::options();
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | follow;
    options.write(true).custom_flags(flags.bits());
    options
}

fn outlet(fd: OwnedFd) -> Result<Outlet, SinkError> {
    Outlet::of(fd).map_err(|error| SinkError::System(io::Error::other(error)))
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};
    use std::os::unix::net::UnixListener;

    fn open_path(path: &Path) -> Result<Opened, SinkError> {
        Sink::Path(path.to_owned()).open().map(|OpenSink(opened)| opened)
    }

    fn write(path: &Path, bytes: &[u8]) {
        let Opened::Writable(outlet) = open_path(path).unwrap() else { panic!("nobody reads") };
        assert_eq!(outlet.write_some(bytes), Ok(bytes.len()));
    }

    #[test]
    fn a_file_is_made_for_this_user_alone_and_emptied_the_next_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("capture");
        write(&path, b"a long capture");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        write(&path, b"short");
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    }

    #[test]
    fn a_link_of_our_own_is_followed_also_to_where_nothing_is_yet() {
        let dir = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| dir.path().join(name));
        symlink(&target, &link).unwrap();
        write(&link, b"capture");
        assert_eq!(fs::read(&target).unwrap(), b"capture");
    }

    #[test]
    fn what_belongs_to_another_user_is_left_alone() {
        let us = geteuid().as_raw();
        let dir = tempfile::tempdir().unwrap();
        let [file, fifo, link] = ["file", "fifo", "link"].map(|name| dir.path().join(name));
        fs::write(&file, "precious").unwrap();
        mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        for path in [&file, &fifo] {
            let refused = open(path, us + 1);
            assert!(matches!(refused, Err(SinkError::Stranger(owner)) if owner == us));
        }
        symlink(&file, &link).unwrap();
        let (mut maker, mut reader) = (us, us + 1);
        if us == 0 {
            // Root's links are followed by everybody.
            (maker, reader) = (1234, us);
            lchown(&link, Some(maker), None).unwrap();
        }
        let refused = open(&link, reader);
        assert!(matches!(refused, Err(SinkError::StrangersLink(owner)) if owner == maker));
        assert_eq!(fs::read(&file).unwrap(), b"precious");
    }

    #[test]
    fn a_fifo_waits_for_a_reader() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        let Opened::Fifo(fifo) = open_path(&path).unwrap() else { panic!("somebody reads") };
        assert!(fifo.open().unwrap().is_none());
        let flags = OFlag::O_NONBLOCK.bits();
        let _reader = File::options().read(true).custom_flags(flags).open(&path).unwrap();
        assert_eq!(fifo.open().unwrap().unwrap().write_some(b"capture"), Ok(7));
    }

    #[test]
    fn directories_and_sockets_are_no_place_for_a_capture() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        for path in [dir.path(), &socket] {
            assert!(matches!(open_path(path), Err(SinkError::WrongKind)), "{}", path.display());
        }
    }
}
