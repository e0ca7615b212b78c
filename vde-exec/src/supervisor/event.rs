//! What a supervisor has to tell, and how its NICs are.

use std::fmt;
use std::time::Duration;

use nix::errno::Errno;
use vde_proto::{PlugError, PortRequest};

/// Why a NIC is not plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The switch ended the plug: it was stopped, or an administrator closed the port.
    HungUp,
    /// The switch talked on the control stream, where it has nothing to say \[P-13.9\].
    Chatter,
    /// The plug could not be made again.
    Plug(PlugError),
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The NIC lost its plug.
    Lost {
        /// Which NIC.
        nic: usize,
        /// Why.
        why: Trouble,
        /// Whether it is going to be plugged in again.
        retrying: bool,
    },
    /// A first attempt to plug in again failed, or one failed for another reason than the one before.
    Failing {
        /// Which NIC.
        nic: usize,
        /// Why.
        why: PlugError,
    },
    /// The NIC is plugged in again.
    Plugged {
        /// Which NIC.
        nic: usize,
        /// The port, where the switch tells.
        port: Option<u32>,
        /// How long it was without a network.
        outage: Duration,
        /// How many calls it took.
        attempts: u32,
        /// Whether that was asked for.
        moved: bool,
    },
    /// There is a relay in the path of this NIC now, or none any more.
    Spliced {
        /// Which NIC.
        nic: usize,
        /// Whether there is one.
        is_relayed: bool,
    },
    /// The relay of this NIC ended by itself, which is a fault of ours; it is taken out of the path.
    RelayFailed {
        /// Which NIC.
        nic: usize,
    },
    /// The capture of this NIC's frames ended by itself; the relay goes on.
    CaptureFailed {
        /// Which NIC.
        nic: usize,
        /// Why: nobody reads any more (`EPIPE`), the disk is full.
        errno: i32,
    },
    /// The time for plugging in again is over; the VM runs on without this network.
    GaveUp {
        /// Which NIC.
        nic: usize,
        /// What went wrong last.
        why: Trouble,
    },
    /// This signal was not passed on: the VM belongs to another user by now (`-runas`).
    SignalRefused(i32),
}

/// Why a NIC was not plugged in elsewhere as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MoveError {
    /// There is no such NIC.
    NoSuchNic,
    /// It is being moved already.
    Busy,
    /// Its data socket has no name that a switch could reach.
    NoAddress,
    /// The handshake failed.
    Plug(PlugError),
    /// The sockets of a relay could not be exchanged for those of the VM, or the other way round.
    Splice(i32),
    /// The VM ended before it was done.
    Ended,
}

/// How a NIC is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NicStatus {
    /// Whether it is plugged in.
    pub state: NicState,
    /// The port that was asked for, the last time that one was.
    pub asked: PortRequest,
    /// The port of the switch, if it is plugged in and the switch tells.
    pub port: Option<u32>,
    /// Whether there is a relay in its path.
    pub is_relayed: bool,
    /// Since when it has been in this state; for a lost plug, since when it is lost.
    pub since: Duration,
    /// How often it was plugged in again.
    pub replugs: u64,
    /// How many calls were made since it was lost.
    pub attempts: u32,
    /// What went wrong last, if anything ever did.
    pub last_trouble: Option<Trouble>,
}

/// Whether a NIC is plugged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NicState {
    /// It is: frames flow.
    Up,
    /// It is being plugged in again.
    Down,
    /// It is not, and nobody tries.
    GivenUp,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HungUp => f.write_str("the switch closed the port, or ended"),
            Self::Chatter => f.write_str("the switch talks where it should be silent"),
            Self::Plug(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for MoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchNic => f.write_str("there is no such NIC"),
            Self::Busy => f.write_str("the NIC is being moved already"),
            Self::NoAddress => f.write_str("its data socket has no name that a switch can reach"),
            Self::Plug(error) => error.fmt(f),
            Self::Splice(errno) => {
                write!(f, "sockets cannot be exchanged: {}", Errno::from_raw(*errno).desc())
            }
            Self::Ended => f.write_str("the virtual machine ended"),
        }
    }
}

impl std::error::Error for MoveError {}
