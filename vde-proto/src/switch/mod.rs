//! A whole switch, without sockets and clocks.
//!
//! # Theory of operation
//!
//! A [`Switch`] is told what happened ([`Input`]) and asks its driver to act ([`Output`]). Unlike a
//! plug it may ask for several things at once; [`Switch::poll_output`] returns them in the order in
//! which they must be done. Frames go another way, through [`Switch::forward`], which asks nothing
//! and allocates nothing, and whose cost does not depend on the number of ports unless the frame is
//! for all of them. What a receiver did not take is reported with [`Switch::unsent`].
//!
//! An administrator changes a running switch by its other methods, or in words, through a
//! [`Console`](crate::console::Console).
//!
//! One control stream, in the order of the checks of a switch (section 6 of `docs/protocol.md`):
//!
//! ```text
//!             Control, a good request      Attached, a port is free      Served
//!   idle ----------------------> attaching ------------------> serving --------> idle, with an
//!     |        Attach                |           Serve            |     Reply       endpoint
//!     |  a bad request               | AttachFailed               | ServeFailed
//!     +------------------------------+----------------------------+--> closed (CloseControl)
//! ```
//!
//! * **Streams.** The driver numbers them, with numbers it never uses again, and hands over what
//!   each read returns, at most 256 bytes at a time \[P-4.2\] (longer ones are split here). After
//!   [`Output::CloseControl`] the stream is forgotten; so it is after [`Input::ControlClosed`].
//! * **Sockets.** Each [`Output::Attach`] is answered by [`Input::Attached`] or
//!   [`Input::AttachFailed`]. The attached socket belongs to the stream until
//!   [`Output::Serve`] gives it to an endpoint; it is dropped at [`Output::Detach`] or
//!   [`Output::CloseEndpoint`], of which one always comes in the end. Either may come before an
//!   answer is given: it then cancels what was asked.
//! * **Endpoints** live as long as their stream \[P-7.1\], except where the personality says that a
//!   real switch loses them \[P-4.6\] \[P-4.7\]. Their numbers are never used again.
//! * **Bounds.** Endpoints, learned addresses and requests waiting on one stream are bounded by
//!   [`SwitchConfig`] and [`Switch::MAX_WAITING`].

mod admin;
mod duplicates;
mod engine;
mod forwarding;
mod mac_table;
mod personality;
mod ports;
mod slots;
mod status;
mod streams;

use core::fmt;

use crate::wire::{ClientAddress, Reply, SocketPath};

pub use admin::{Learned, PortError};
pub use duplicates::Duplicate;
pub use engine::Switch;
pub use forwarding::{DropReason, Forwarded, Verdict};
pub use personality::{Oversize, Personality, Refusal, Rules, Stray, SwitchConfig, Tags};
pub use status::{Counters, EndpointStatus, Endpoints, EndpointsIter, PortStatus};

/// A control stream, numbered by the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// An endpoint: a client's place on a port, numbered by the switch from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId {
    number: u64,
    /// Where the switch keeps it, so that a frame's endpoint is found without a search.
    slot: u32,
}

impl EndpointId {
    /// The number. It serves as the F of `PPP.F` \[P-1.2\].
    #[must_use]
    pub const fn get(self) -> u64 {
        self.number
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<'a> {
    /// One read from a control stream returned these bytes.
    Control(ConnId, &'a [u8]),
    /// A control stream ended.
    ControlClosed(ConnId),
    /// The client's address is accessible, and a socket is connected to it.
    Attached {
        /// For which stream.
        conn: ConnId,
        /// The user id that owns the client's socket file \[P-6.2\]; an abstract name has none.
        owner: Option<u32>,
    },
    /// It is not accessible, or nobody is bound there.
    AttachFailed(ConnId),
    /// The endpoint's data socket is bound.
    Served {
        /// For which stream.
        conn: ConnId,
        /// Where: the client is told.
        path: SocketPath,
    },
    /// It could not be bound.
    ServeFailed(ConnId),
}

/// What the driver has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Check that the client's socket file is readable and writable and find its owner
    /// \[P-6.2\], unless the address is an abstract name \[P-6.12\]; then connect a new datagram
    /// socket to it \[P-6.3\].
    Attach {
        /// For which stream.
        conn: ConnId,
        /// Where the client is; never [`ClientAddress::Unnamed`].
        address: ClientAddress,
    },
    /// Drop the socket attached for this stream.
    Detach(ConnId),
    /// Bind the socket attached for this stream as a data socket \[P-1.2\]. From now on it
    /// belongs to the endpoint.
    Serve {
        /// For which stream.
        conn: ConnId,
        /// For which endpoint.
        endpoint: EndpointId,
        /// On which port.
        port: u32,
    },
    /// Send these bytes over the stream.
    Reply {
        /// Over which stream.
        conn: ConnId,
        /// A [`Reply`].
        bytes: [u8; Reply::LEN],
    },
    /// Close this stream and forget it.
    CloseControl(ConnId),
    /// Close the data socket of this endpoint and remove its file \[P-7.3\].
    CloseEndpoint(EndpointId),
}
