//! A place to write lines to that never makes the writer wait: a file, a pipe, a socket, a terminal.
//!
//! A line is taken whole or not at all. Whether a read makes room later is for whoever reads; until
//! then at most the rest of one line is kept here. A descriptor that others write to as well must not
//! become non-blocking for them: a pipe or a terminal is opened anew for us, and where that is not
//! allowed, every write is asked for first.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};

use crate::dir_handle::{errno_of, path_of};
use crate::sys;

/// What a pipe that has room at all has room for (`PIPE_BUF`).
const PIECE: usize = 4096;

/// Longest wait between two looks whether there is room, where somebody wants to wait.
const STEP: Duration = Duration::from_millis(10);

/// Why nothing can be written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutletError {
    /// This process was not started with such a descriptor.
    #[error("it is not open")]
    NotOpen,
    /// It is for reading only.
    #[error("it is not open for writing")]
    NotWritable,
    /// A FIFO or a socket that nobody has opened for reading.
    #[error("nobody reads it")]
    NobodyReads,
    /// The kernel says no.
    #[error("{}", .0.desc())]
    System(Errno),
}

/// A place to write lines to.
#[derive(Debug)]
pub struct Outlet {
    file: File,
    how: How,
    /// What is left of a line that was begun.
    rest: Vec<u8>,
}

/// How to write without waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// It does not wait, or not for anybody.
    Plain,
    Socket,
    /// Only as much as there is room for.
    Asking,
}

impl Outlet {
    /// The descriptor `number`, which this process was started with. It is ours alone from now on, and
    /// no program that is started inherits it; but standard streams stay what they are.
    ///
    /// To be called before this process opens anything, and once for a number; for those of standard
    /// streams at any time.
    ///
    /// # Errors
    /// [`OutletError`].
    pub fn inherited(number: RawFd) -> Result<Self, OutletError> {
        let fd = sys::take_over(number).map_err(|errno| match errno {
            Errno::EBADF => OutletError::NotOpen,
            other => OutletError::System(other),
        })?;
        let flags = fcntl(&fd, FcntlArg::F_GETFL).map_err(OutletError::System)?;
        let flags = OFlag::from_bits_retain(flags);
        let is_readable_only = flags & OFlag::O_ACCMODE == OFlag::O_RDONLY;
        if is_readable_only || flags.contains(OFlag::O_PATH) {
            return Err(OutletError::NotWritable);
        }
        Self::of(fd)
    }

    /// A file, made if need be for this user alone; lines are added at its end.
    ///
    /// # Errors
    /// [`OutletError`].
    pub fn open(path: &Path) -> Result<Self, OutletError> {
        let file = writable().append(true).create(true).mode(0o600).open(path);
        let file = file.map_err(|error| match errno_of(&error) {
            Errno::ENXIO => OutletError::NobodyReads,
            other => OutletError::System(other),
        })?;
        Ok(Self { file, how: How::Plain, rest: Vec::new() })
    }

    /// The same for a descriptor that is ours already.
    pub(crate) fn of(fd: OwnedFd) -> Result<Self, OutletError> {
        let file = File::from(fd);
        let meta = file.metadata().map_err(|error| OutletError::System(errno_of(&error)))?;
        let kind = meta.file_type();
        if kind.is_socket() {
            return Ok(Self { file, how: How::Socket, rest: Vec::new() });
        }
        if !kind.is_fifo() && !kind.is_char_device() {
            return Ok(Self { file, how: How::Plain, rest: Vec::new() });
        }
        let (file, how) = match writable().open(path_of(file.as_raw_fd())) {
            Ok(ours) => (ours, How::Plain),
            // It is another user's, say.
            Err(_) => (file, How::Asking),
        };
        Ok(Self { file, how, rest: Vec::new() })
    }

    /// Writes a line, to which an end is added. False if there is no room: then nothing of it was
    /// written.
    ///
    /// # Errors
    /// Nothing can be written there any more.
    pub fn write(&mut self, line: &[u8]) -> Result<bool, Errno> {
        self.write_bytes(&[line, b"\n"].concat())
    }

    /// Writes bytes as [`Outlet::write`] writes a line, without an end.
    ///
    /// # Errors
    /// Nothing can be written there any more.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> Result<bool, Errno> {
        if !self.flush()? {
            return Ok(false);
        }
        let written = self.write_some(bytes)?;
        self.rest = bytes.get(written..).unwrap_or_default().to_vec();
        if written == 0 {
            self.rest.clear();
            return Ok(false);
        }
        self.flush()?;
        Ok(true)
    }

    /// Writes a line as [`Outlet::write`] does, and waits for room, but not longer than `patience`.
    ///
    /// # Errors
    /// Nothing can be written there any more.
    pub fn write_within(&mut self, line: &[u8], patience: Duration) -> Result<bool, Errno> {
        let started = Instant::now();
        let mut is_begun = false;
        loop {
            is_begun = is_begun || self.write(line)?;
            if is_begun && self.flush()? {
                return Ok(true);
            }
            let left = patience.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(is_begun);
            }
            self.wait_for_room(left.min(STEP));
        }
    }

    /// Writes what is left of a line that was begun; returns whether all of it is written.
    ///
    /// # Errors
    /// Nothing can be written there any more.
    pub fn flush(&mut self) -> Result<bool, Errno> {
        while !self.rest.is_empty() {
            match self.write_some(&self.rest)? {
                0 => return Ok(false),
                written => drop(self.rest.drain(..written.min(self.rest.len()))),
            }
        }
        Ok(true)
    }

    /// Whether a line was begun and not ended.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Writes as much as there is room for; 0 if there is none.
    pub(crate) fn write_some(&self, bytes: &[u8]) -> Result<usize, Errno> {
        loop {
            let result = match self.how {
                How::Plain => (&self.file).write(bytes).map_err(|error| errno_of(&error)),
                How::Socket => {
                    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                    send(self.file.as_raw_fd(), bytes, flags)
                }
                How::Asking if !self.has_room() => Ok(0),
                How::Asking => {
                    let piece = bytes.get(..bytes.len().min(PIECE)).unwrap_or_default();
                    (&self.file).write(piece).map_err(|error| errno_of(&error))
                }
            };
            match result {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(0),
                other => return other,
            }
        }
    }

    fn has_room(&self) -> bool {
        self.wait_for_room(Duration::ZERO)
    }

    /// Waits until there is room, or the time is over; returns whether there is.
    fn wait_for_room(&self, time: Duration) -> bool {
        let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        poll(&mut fds, timeout).is_ok_and(|ready| ready > 0)
    }
}

impl AsFd for Outlet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// How files are opened here: without waiting, and never as our terminal.
fn writable() -> std::fs::OpenOptions {
    let mut options = File::options();
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    options.write(true).custom_flags(flags.bits());
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use nix::unistd::{mkfifo, pipe};
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;

    /// Writes until there is no room; how many lines there were.
    fn fill(outlet: &mut Outlet, line: &[u8]) -> usize {
        let mut count = 0;
        while outlet.write(line).unwrap() {
            count += 1;
        }
        count
    }

    fn check_full_and_emptied(mut outlet: Outlet, mut reader: impl Read) {
        let line = [b'x'; 4999];
        let count = fill(&mut outlet, &line);
        assert!(count > 5, "{count}");
        let mut piece = [0; 10_000];
        let mut got = reader.read(&mut piece).unwrap();
        while outlet.is_busy() {
            got += reader.read(&mut piece).unwrap();
            outlet.flush().unwrap();
        }
        while got < count * 5000 {
            got += reader.read(&mut piece).unwrap();
        }
        assert_eq!(got, count * 5000, "lines are whole");
        assert_eq!(outlet.write(b"more"), Ok(true));
        let length = reader.read(&mut piece).unwrap();
        assert_eq!(&piece[..length], b"more\n");
        drop(reader);
        assert_eq!(outlet.write(b"nobody"), Err(Errno::EPIPE));
    }

    #[test]
    fn a_full_pipe_takes_no_line_and_no_part_of_one_and_stays_blocking_for_others() {
        let (reader, writer) = pipe().unwrap();
        let theirs = writer.try_clone().unwrap();
        check_full_and_emptied(Outlet::of(writer).unwrap(), File::from(reader));
        let flags = fcntl(&theirs, FcntlArg::F_GETFL).unwrap();
        assert!(!OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK));
    }

    #[test]
    fn so_does_a_pipe_that_may_not_be_opened_anew() {
        let (reader, writer) = pipe().unwrap();
        let outlet = Outlet { file: File::from(writer), how: How::Asking, rest: Vec::new() };
        check_full_and_emptied(outlet, File::from(reader));
    }

    #[test]
    fn so_does_a_full_socket() {
        let (reader, writer) = UnixStream::pair().unwrap();
        check_full_and_emptied(Outlet::of(OwnedFd::from(writer)).unwrap(), reader);
    }

    #[test]
    fn who_wants_to_wait_for_room_waits_but_not_for_ever() {
        let (reader, writer) = pipe().unwrap();
        let mut outlet = Outlet::of(writer).unwrap();
        fill(&mut outlet, &[b'x'; PIECE - 1]);
        let patience = Duration::from_millis(20);
        let started = Instant::now();
        assert_eq!(outlet.write_within(b"nobody reads", patience), Ok(false));
        assert!(started.elapsed() >= patience);
        let reading = std::thread::spawn(move || {
            let mut all = Vec::new();
            File::from(reader).read_to_end(&mut all).unwrap();
            all
        });
        let long = vec![b'y'; 200_000];
        assert_eq!(outlet.write_within(&long, Duration::from_secs(60)), Ok(true));
        drop(outlet);
        assert!(reading.join().unwrap().ends_with(&[&long[..], b"\n"].concat()), "it is whole");
    }

    #[test]
    fn a_file_is_made_for_this_user_alone_and_added_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        for line in ["one", "two"] {
            assert_eq!(Outlet::open(&path).unwrap().write(line.as_bytes()), Ok(true));
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_fifo_needs_a_reader() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        assert_eq!(Outlet::open(&path).unwrap_err(), OutletError::NobodyReads);
        let flags = OFlag::O_NONBLOCK.bits();
        let mut reader = File::options().read(true).custom_flags(flags).open(&path).unwrap();
        assert_eq!(Outlet::open(&path).unwrap().write(b"hello"), Ok(true));
        let mut got = String::new();
        reader.read_to_string(&mut got).unwrap();
        assert_eq!(got, "hello\n");
    }

    #[test]
    fn what_cannot_be_written_to_is_refused() {
        assert_eq!(Outlet::inherited(-1).unwrap_err(), OutletError::NotOpen);
        assert_eq!(Outlet::inherited(100_000).unwrap_err(), OutletError::NotOpen);
        let (reader, _writer) = pipe().unwrap();
        let number = std::os::fd::IntoRawFd::into_raw_fd(reader);
        assert_eq!(Outlet::inherited(number).unwrap_err(), OutletError::NotWritable);
    }
}
