//! The management console of a switch, as a client: one command, one answer \[P-14.3\].
//!
//! The language has no framing but its prompt, and the switch takes *each read of at most 128
//! bytes* for one command. So a command goes out in one write and the next one waits for the
//! prompt. A client that leaves at the wrong moment makes a vde_switch forget to free another client's port
//! \[P-7.8\]: whoever does not stay for the whole life of the switch leaves inside its [`crate::Gate`].

mod find;
mod ports;

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) use find::consoles_of;
pub use ports::{Endpoint, PortInfo, parse_ports};

use crate::calls;

/// What the switch writes when it waits for a command; the only mark of the end of an answer.
const PROMPT: &[u8] = b"\nvde$ ";

/// The longest command, its newline included: one byte more and the switch writes past its buffer.
const COMMAND_MAX: usize = 127;

/// An answer longer than this is not one.
const ANSWER_MAX: usize = 1 << 20;

/// A connection to a management socket, at its prompt.
#[derive(Debug)]
pub struct ConsoleClient {
    stream: UnixStream,
    patience: Duration,
}

/// A command that the switch answered with something else than `1000 Success`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFailed {
    /// The command, as it was sent.
    pub command: String,
    /// 1000 plus the errno that the switch means: 1006 no such port, 1022 invalid, 1038 no such
    /// command.
    pub status: u16,
    /// The switch's words for it, in its own locale.
    pub text: String,
}

impl ConsoleClient {
    /// Connects to the management socket at `path`, without waiting for room in its backlog. Who listens
    /// there as another user than `user` is not spoken to.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use vde_exec::{ConsoleClient, parse_ports};
    ///
    /// let mut console = ConsoleClient::connect("/run/vde.mgmt".as_ref(), 0, Duration::from_secs(1))?;
    /// if let Ok(text) = console.command("port/print")? {
    ///     println!("{:?}", parse_ports(&text));
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What the kernel says of the connection; else as [`ConsoleClient::new`].
    pub fn connect(path: &Path, user: u32, patience: Duration) -> io::Result<Self> {
        let connected = calls::connect_control(path)?;
        let fd = connected.map_err(|failure| io::Error::other(failure.to_string()))?;
        if calls::user_of_switch(fd.as_fd()) != Some(user) {
            return Err(io::Error::from(io::ErrorKind::PermissionDenied));
        }
        let stream = UnixStream::from(fd);
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(patience))?;
        Self::new(stream, patience)
    }

    /// Takes a fresh connection and reads the banner up to the first prompt.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] after `patience` (the limit for every later answer, too),
    /// [`io::ErrorKind::UnexpectedEof`] if the switch closes.
    pub fn new(stream: UnixStream, patience: Duration) -> io::Result<Self> {
        let mut console = Self { stream, patience };
        console.read_to_prompt()?;
        Ok(console)
    }

    /// How long the next answers are waited for.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Sends one command and reads its answer: the data lines, each with its newline, when the
    /// switch says `1000 Success`.
    ///
    /// # Errors
    ///
    /// The outer error is the connection's, as in [`ConsoleClient::new`]; [`io::ErrorKind::InvalidInput`]
    /// for a command that the switch would cut in two. The inner one is the switch's own refusal.
    pub fn command(&mut self, command: &str) -> io::Result<Result<String, CommandFailed>> {
        let line = format!("{command}\n");
        if line.len() > COMMAND_MAX || command.contains('\n') {
            let why = format!("a command is one line of at most {} bytes", COMMAND_MAX - 1);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        self.stream.write_all(line.as_bytes())?;
        let answer = self.read_to_prompt()?;
        Ok(parse_answer(command, &answer))
    }

    fn read_to_prompt(&mut self) -> io::Result<String> {
        let deadline = Instant::now() + self.patience;
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        while !answer.ends_with(PROMPT) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(unfinished(io::ErrorKind::TimedOut, "no prompt in time", &answer));
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(unfinished(io::ErrorKind::UnexpectedEof, "closed", &answer)),
                Ok(read) => answer.extend(piece.iter().take(read)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if answer.len() > ANSWER_MAX {
                return Err(unfinished(io::ErrorKind::InvalidData, "endless answer", &answer));
            }
        }
        answer.truncate(answer.len() - PROMPT.len());
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

impl fmt::Display for CommandFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "management command {:?} failed: {} {}", self.command, self.status, self.text)
    }
}

impl std::error::Error for CommandFailed {}

fn unfinished(kind: io::ErrorKind, what: &str, so_far: &[u8]) -> io::Error {
    let tail = so_far.get(so_far.len().saturating_sub(200)..).unwrap_or_default();
    io::Error::new(kind, format!("{what}, after {:?}", String::from_utf8_lossy(tail)))
}

/// Splits an answer (without its prompt) into data and status. Lines of the debug channel, which
/// nobody asked for here, would begin with a `3`.
fn parse_answer(command: &str, answer: &str) -> Result<String, CommandFailed> {
    let answer = answer.strip_suffix('\n').unwrap_or(answer);
    let (before, last) = answer.rsplit_once('\n').unwrap_or(("", answer));
    let (number, text) = last.split_once(' ').unwrap_or((last, ""));
    let status = number.parse().unwrap_or(0);
    if status != 1000 {
        return Err(CommandFailed { command: command.to_owned(), status, text: text.to_owned() });
    }
    let data = before.strip_prefix("0000 DATA END WITH '.'\n").unwrap_or(before);
    Ok(data.strip_suffix('.').unwrap_or(data).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_status_are_separated() {
        let answer = "0000 DATA END WITH '.'\nNumports=8\nHUB=false\n.\n1000 Success\n";
        assert_eq!(parse_answer("port/showinfo", answer).unwrap(), "Numports=8\nHUB=false\n");
    }

    #[test]
    fn an_answer_without_data_is_empty() {
        assert_eq!(parse_answer("port/sethub 1", "1000 Success\n").unwrap(), "");
    }

    #[test]
    fn a_status_other_than_success_is_a_refusal_even_after_data() {
        let answer = "0000 DATA END WITH '.'\n.\n1006 No such device or address\n";
        let refusal = parse_answer("port/print 9", answer).unwrap_err();
        assert_eq!((refusal.status, refusal.text.as_str()), (1006, "No such device or address"));
        assert!(refusal.to_string().contains("port/print 9"));
    }

    #[test]
    fn an_answer_in_pieces_is_put_together() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let switch = std::thread::spawn(move || {
            for piece in ["VDE switch\n", "\nvd", "e$ "] {
                theirs.write_all(piece.as_bytes()).unwrap();
            }
            let mut command = [0; 9];
            theirs.read_exact(&mut command).unwrap();
            assert_eq!(&command, b"showinfo\n");
            theirs.write_all(b"0000 DATA END WITH '.'\nvde$ is no prompt\n.\n1000 Succ").unwrap();
            theirs.write_all(b"ess\n\nvde$ ").unwrap();
        });
        let mut console = ConsoleClient::new(ours, Duration::from_secs(5)).unwrap();
        assert_eq!(console.command("showinfo").unwrap().unwrap(), "vde$ is no prompt\n");
        switch.join().unwrap();
    }

    #[test]
    fn a_switch_that_says_nothing_is_given_up() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let error = ConsoleClient::new(ours, Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn who_listens_as_another_user_is_not_spoken_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let other = nix::unistd::geteuid().as_raw() + 1;
        let error = ConsoleClient::connect(&path, other, Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(listener.accept().unwrap().0.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn an_answer_without_an_end_is_given_up() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let switch = std::thread::spawn(move || {
            let flood = [b'x'; 4096];
            // Until nobody listens any more.
            while theirs.write_all(&flood).is_ok() {}
        });
        let error = ConsoleClient::new(ours, Duration::from_secs(20)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        switch.join().unwrap();
    }

    #[test]
    fn a_switch_that_leaves_is_an_error() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let error = ConsoleClient::new(ours, Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_command_that_the_switch_would_cut_in_two_is_not_sent() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(PROMPT).unwrap();
        let mut console = ConsoleClient::new(ours, Duration::from_secs(5)).unwrap();
        for command in ["x".repeat(127), "port/print\nshowinfo".to_owned()] {
            let error = console.command(&command).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        drop(console);
        assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 0);
    }
}
