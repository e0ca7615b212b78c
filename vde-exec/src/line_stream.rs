//! Lines over a stream socket that never makes anybody wait: bounded buffers both ways.
//!
//! What comes is cut into lines; what goes waits here while the other side does not read. Both have a
//! limit, so that nobody at the other end can make us grow.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

/// How much may wait in each direction, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineLimits {
    /// The longest line that is taken, without its end.
    pub line: usize,
    /// What may wait to be sent. A single line may be longer.
    pub output: usize,
}

/// What the other side said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Nothing that is a line yet.
    Nothing,
    /// A line, without its end. The last one may have none.
    Line(Vec<u8>),
    /// More than a line may have. Nothing is read any more.
    TooLong,
    /// That it is not going to say anything any more.
    End,
}

/// One end of a connected stream socket.
#[derive(Debug)]
pub struct LineStream {
    fd: OwnedFd,
    limits: LineLimits,
    input: Vec<u8>,
    /// So many bytes of the input are known to hold no end of a line.
    searched: usize,
    /// Nothing more is going to be read.
    ended: bool,
    output: Vec<u8>,
    /// Whether the output begins within a line.
    is_begun: bool,
}

impl LineStream {
    /// A pair of connected sockets, ours and one for somebody else; both close-on-exec.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn pair(limits: LineLimits) -> io::Result<(Self, OwnedFd)> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags)?;
        Ok((Self::of(ours, limits), theirs))
    }

    /// The stream of a socket that is connected.
    pub(crate) fn of(fd: OwnedFd, limits: LineLimits) -> Self {
        Self {
            fd,
            limits,
            input: Vec::new(),
            searched: 0,
            ended: false,
            output: Vec::new(),
            is_begun: false,
        }
    }

    /// The next thing that the other side said.
    pub fn hear(&mut self) -> Heard {
        loop {
            if let Some(line) = self.take_line() {
                return if line.len() > self.limits.line {
                    self.refuse()
                } else {
                    Heard::Line(line)
                };
            }
            if self.input.len() > self.limits.line {
                return self.refuse();
            }
            if self.ended {
                self.searched = 0;
                let rest = std::mem::take(&mut self.input);
                return if rest.is_empty() { Heard::End } else { Heard::Line(rest) };
            }
            let mut buffer = [0; 4096];
            match recv(self.fd.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN | Errno::EINTR) => return Heard::Nothing,
                Ok(0) | Err(_) => self.ended = true,
                Ok(length) => {
                    self.input.extend_from_slice(buffer.get(..length).unwrap_or_default());
                }
            }
        }
    }

    /// Whether a line has come that was not heard yet, or an end.
    pub(crate) fn has_more(&self) -> bool {
        self.ended || self.input.get(self.searched..).is_some_and(|rest| rest.contains(&b'\n'))
    }

    /// Whether the other side is known not to say anything any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended && self.input.is_empty()
    }

    /// How many bytes wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.output.len()
    }

    /// Sends a line, or keeps it until there is room for it; false if there is none here, either.
    ///
    /// # Errors
    /// The other side has gone.
    pub fn say(&mut self, line: &[u8]) -> Result<bool, Errno> {
        let after = self.output.len().saturating_add(line.len());
        if !self.output.is_empty() && after > self.limits.output {
            return Ok(false);
        }
        self.output.extend_from_slice(line);
        self.output.push(b'\n');
        self.flush().map(|()| true)
    }

    /// Forgets what was not sent, but for a line that was begun.
    pub(crate) fn cut(&mut self) {
        let begun = match self.is_begun {
            true => self.output.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1),
            false => 0,
        };
        self.output.truncate(begun);
    }

    /// Sends what there is room for.
    ///
    /// # Errors
    /// The other side has gone.
    pub fn flush(&mut self) -> Result<(), Errno> {
        while !self.output.is_empty() {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            match send(self.fd.as_raw_fd(), &self.output, flags) {
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
                Ok(length) => {
                    let sent = length.min(self.output.len());
                    self.is_begun = sent > 0 && self.output.get(sent - 1) != Some(&b'\n');
                    self.output.drain(..sent);
                }
            }
        }
        Ok(())
    }

    /// What to wait for, if the other side is listened to.
    #[must_use]
    pub fn interest(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::POLLIN, !self.ended);
        flags.set(PollFlags::POLLOUT, !self.output.is_empty());
        flags
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let unseen = self.input.get(self.searched..).unwrap_or_default();
        let Some(length) = unseen.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.input.len();
            return None;
        };
        let mut line: Vec<u8> = self.input.drain(..=self.searched + length).collect();
        self.searched = 0;
        line.pop();
        Some(line)
    }

    /// Listens no longer.
    fn refuse(&mut self) -> Heard {
        self.input = Vec::new();
        self.searched = 0;
        self.ended = true;
        Heard::TooLong
    }
}

impl AsFd for LineStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    const LIMITS: LineLimits = LineLimits { line: 10, output: 100 };

    fn pair() -> (LineStream, UnixStream) {
        let (ours, theirs) = LineStream::pair(LIMITS).unwrap();
        (ours, UnixStream::from(theirs))
    }

    fn line(text: &str) -> Heard {
        Heard::Line(text.as_bytes().to_vec())
    }

    #[test]
    fn lines_are_cut_wherever_the_pieces_end() {
        let (mut stream, mut peer) = pair();
        assert_eq!(stream.hear(), Heard::Nothing);
        peer.write_all(b"on").unwrap();
        assert_eq!(stream.hear(), Heard::Nothing);
        peer.write_all(b"e\ntwo\n\nth").unwrap();
        assert_eq!(stream.hear(), line("one"));
        assert!(stream.has_more());
        assert_eq!(stream.hear(), line("two"));
        assert_eq!(stream.hear(), line(""));
        assert_eq!(stream.hear(), Heard::Nothing);
        assert!(!stream.has_more());
        drop(peer);
        assert_eq!(stream.hear(), line("th"));
        assert_eq!(stream.hear(), Heard::End);
    }

    #[test]
    fn a_line_of_the_limit_is_taken_and_a_longer_one_ends_the_listening() {
        for tail in ["\nnext\n", ""] {
            let (mut stream, mut peer) = pair();
            peer.write_all(format!("0123456789\n0123456789x{tail}").as_bytes()).unwrap();
            assert_eq!(stream.hear(), line("0123456789"));
            assert_eq!(stream.hear(), Heard::TooLong);
            assert_eq!(stream.hear(), Heard::End);
        }
    }

    #[test]
    fn what_is_not_read_waits_up_to_the_limit_and_a_begun_line_is_finished() {
        let (mut stream, mut peer) = pair();
        peer.set_nonblocking(true).unwrap();
        let long = vec![b'x'; 1 << 20];
        assert_eq!(stream.say(&long), Ok(true), "a single line may be longer");
        assert!(stream.waiting() > 0 && stream.interest().contains(PollFlags::POLLOUT));
        assert_eq!(stream.say(b"no"), Ok(false));
        stream.cut();
        assert_eq!(stream.say(b"no"), Ok(false), "the begun line alone is too much");
        let mut got = Vec::new();
        while stream.waiting() > 0 {
            let _ = peer.read_to_end(&mut got);
            stream.flush().unwrap();
        }
        assert_eq!(stream.say(b"yes"), Ok(true));
        let _ = peer.read_to_end(&mut got);
        assert!(got.ends_with(b"x\nyes\n") && got.len() == long.len() + 5);
    }

    #[test]
    fn a_reader_that_has_gone_is_an_error_and_no_signal() {
        let (mut stream, peer) = pair();
        drop(peer);
        assert_eq!(stream.say(b"hello"), Err(Errno::EPIPE));
    }
}
