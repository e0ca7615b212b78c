//! Why the desk could not be opened, in words.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use vde_args::{Given, Sink, Spot};
use vde_exec::relay::SinkError;
use vde_exec::{Errno, ListenError, MAX_SOCKET_PATH, OutletError};

/// Why what an option names cannot be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// `--control`
    Control { error: ListenError, spot: Spot },
    /// `--events`
    Events { error: OutletError, given: Given<Sink> },
    /// `--ready-fd`
    ReadyFd { error: OutletError, given: Given<i32> },
    /// `pcap=` of `--relay`
    Capture { error: SinkError, path: OsString, spot: Spot },
    /// `--ready-fd` names the descriptor that `--events` has.
    SameFd(Given<i32>),
}

impl OpenError {
    /// Where it was named.
    pub(crate) fn spot(&self) -> &Spot {
        match self {
            Self::Control { spot, .. } | Self::Capture { spot, .. } => spot,
            Self::Events { given, .. } => &given.spot,
            Self::ReadyFd { given, .. } | Self::SameFd(given) => &given.spot,
        }
    }

    /// What to do.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Control { error, .. } => Some(socket_hint(error)),
            Self::Events { error, .. } => outlet_hint(*error, "--events=3 ... 3>FILE"),
            Self::ReadyFd { error, .. } => outlet_hint(*error, "--ready-fd 3 ... 3>FILE"),
            Self::Capture { .. } => {
                Some("name a file of this user, or one that can be made, or a FIFO".to_owned())
            }
            Self::SameFd(_) => Some("give each a descriptor of its own".to_owned()),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control { error, .. } => error.fmt(f),
            Self::Events { error, given } => match &given.value {
                Sink::Fd(number) => write!(f, "cannot tell events on descriptor {number}: {error}"),
                Sink::Path(path) => {
                    write!(f, "cannot tell events in {}: {error}", Path::new(path).display())
                }
                _ => write!(f, "cannot tell events: {error}"),
            },
            Self::ReadyFd { error, given } => {
                write!(f, "cannot say on descriptor {} that all is ready: {error}", given.value)
            }
            Self::Capture { error, path, .. } => {
                write!(f, "frames cannot be captured in {}: {error}", Path::new(path).display())
            }
            Self::SameFd(given) => {
                write!(f, "descriptor {} is the one that gets the events", given.value)
            }
        }
    }
}

/// What to do about a socket to be answered at that cannot be made.
pub(crate) fn socket_hint(error: &ListenError) -> String {
    match error {
        ListenError::TooLong { .. } => format!(
            "a socket address has no room for more than {MAX_SOCKET_PATH} bytes; \
             name a directory with a shorter path"
        ),
        ListenError::NoName { .. } => {
            "name the socket that is to be made, such as /run/vm1.sock".to_owned()
        }
        ListenError::Alive { .. } => {
            "another vdeq answers there: give each a socket of its own".to_owned()
        }
        ListenError::Taken { .. } => {
            "name another path: nothing is replaced but a socket that a vdeq left behind".to_owned()
        }
        ListenError::System { errno: Errno::ENOENT, .. } => "make its directory first".to_owned(),
        _ => "name a directory in which this user may make files".to_owned(),
    }
}

/// `example` opens the descriptor in a shell.
fn outlet_hint(error: OutletError, example: &str) -> Option<String> {
    match error {
        OutletError::NotOpen | OutletError::NotWritable => {
            Some(format!("a shell opens it like this: vdeq {example}"))
        }
        OutletError::NobodyReads => Some("start the reader first".to_owned()),
        OutletError::System(Errno::ENOENT) => Some("make its directory first".to_owned()),
        _ => Some("name a file of this user, or one that can be made".to_owned()),
    }
}
