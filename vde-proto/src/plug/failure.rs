//! Why a plug could not be made.

use core::fmt;
use core::time::Duration;

use crate::wire::ReplyError;

/// Why the control stream could not be connected \[P-13.2\].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialFailure {
    /// There is no such file (ENOENT).
    Absent,
    /// The path is not that of a switch: a part of it is no directory, or `ctl` is no socket.
    NotASocketDir,
    /// It is not for us (EACCES, EPERM).
    Denied,
    /// The socket is there, but nobody listens \[P-1.4\] (ECONNREFUSED).
    Dead,
    /// The switch's queue of callers is full (EAGAIN). The plug dials again until its time is up.
    Busy,
    /// The switch belongs to a user who cannot reach our data socket, whatever it is called.
    OutOfReach,
    /// A switch is there, but of another user than the one that was there before.
    Stranger,
    /// Anything else, as an errno.
    Other(i32),
}

/// Why the data socket could not be connected to the path in the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFailure {
    /// The switch's data socket is gone already \[P-7.7\] (ENOENT, ECONNREFUSED). The plug starts over.
    Gone,
    /// It is not for us (EACCES, EPERM).
    Denied,
    /// It is not a socket, or not one of the switch's user or ours: nothing to send frames to.
    Foreign,
    /// Anything else, as an errno.
    Other(i32),
}

/// Why a plug could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlugError {
    /// There was nobody to ask. [`DialFailure::Busy`] means: until the time was up.
    Dial(DialFailure),
    /// The switch closed the control stream without a byte \[P-6.6\].
    Refused,
    /// The switch neither answered nor closed the control stream \[P-6.7\].
    NoAnswer {
        /// How long we waited, counted from the request.
        waited: Duration,
    },
    /// The switch answered something that is no reply. With [`ReplyError::Length`] of less than 110
    /// the answer ended early, or its rest did not come in time.
    BadReply(ReplyError),
    /// The switch closed the control stream after its reply, before the data socket was connected.
    HungUp,
    /// The data socket could not be connected. [`DataFailure::Gone`] means: at every attempt.
    Data(DataFailure),
}

impl PlugError {
    /// Whether it says that there is no switch, or nobody in it: one that comes later may be waited for.
    ///
    /// ```
    /// use vde_proto::{DialFailure, PlugError};
    /// assert!(PlugError::Dial(DialFailure::Dead).is_absence());
    /// assert!(!PlugError::Refused.is_absence());
    /// ```
    #[must_use]
    pub const fn is_absence(&self) -> bool {
        use DialFailure::{Absent, Dead, NotASocketDir};
        matches!(self, Self::Dial(Absent | Dead | NotASocketDir))
    }
}

impl fmt::Display for DialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is no switch at that path"),
            Self::NotASocketDir => f.write_str("that path is not the directory of a switch"),
            Self::Denied => f.write_str("permission to connect to the switch was denied"),
            Self::Dead => f.write_str("the switch of that path is not running"),
            Self::Busy => f.write_str("the switch takes no more callers for now"),
            Self::Stranger => f.write_str("the switch there now belongs to somebody else"),
            Self::OutOfReach => f.write_str("the user of the switch cannot reach our data socket"),
            Self::Other(errno) => write!(f, "connecting to the switch failed (errno {errno})"),
        }
    }
}

impl fmt::Display for DataFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the data socket named by the switch is gone"),
            Self::Denied => {
                f.write_str("permission to connect to the data socket of the switch was denied")
            }
            Self::Foreign => f.write_str("the data socket named by the switch is not its own"),
            Self::Other(errno) => {
                write!(f, "connecting to the data socket of the switch failed (errno {errno})")
            }
        }
    }
}

impl fmt::Display for PlugError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(failure) => failure.fmt(f),
            Self::Refused => {
                f.write_str("the switch refused: it closed the connection without an answer")
            }
            Self::NoAnswer { waited } => {
                write!(f, "the switch did not answer within {:.1} s", waited.as_secs_f64())
            }
            Self::BadReply(error) => write!(f, "the answer of the switch makes no sense: {error}"),
            Self::HungUp => f.write_str("the switch answered, then closed the connection at once"),
            Self::Data(failure) => failure.fmt(f),
        }
    }
}

impl core::error::Error for DialFailure {}
impl core::error::Error for DataFailure {}

impl core::error::Error for PlugError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::BadReply(error) => Some(error),
            Self::Dial(_)
            | Self::Refused
            | Self::NoAnswer { .. }
            | Self::HungUp
            | Self::Data(_) => None,
        }
    }
}
