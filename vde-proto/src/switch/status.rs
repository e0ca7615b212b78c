//! What a switch shows of its ports. Looking costs nothing: the views borrow from the switch.

use core::time::Duration;
use core::{fmt, slice};

use super::ports::{Port, Ports};
use super::{ConnId, EndpointId};
use crate::wire::{RawDescription, SocketPath};

/// What a port has carried since the switch began, or since its counters were reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Frames that came in and were accepted.
    pub frames_in: u64,
    /// Their bytes, as forwarded.
    pub bytes_in: u64,
    /// Frames that came in and were dropped.
    pub dropped_in: u64,
    /// Frames that were to go out; once each, however many endpoints the port has.
    pub frames_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Of those, how often an endpoint did not take one: see [`Switch::unsent`](super::Switch::unsent).
    pub dropped_out: u64,
}

/// A port that was used or created.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PortStatus<'a> {
    /// Its number.
    pub number: u32,
    /// The user id whose port it is now \[P-6.2\].
    pub user: Option<u32>,
    /// Whether it can be given to a client that asks for any port \[P-2.5\].
    pub allocatable: bool,
    /// What it has carried.
    pub counters: Counters,
    /// Who is on it, in the order of coming.
    pub endpoints: Endpoints<'a>,
}

/// The endpoints of one port that are served, in the order of coming.
#[derive(Clone, Copy)]
pub struct Endpoints<'a> {
    ids: &'a [EndpointId],
    ports: &'a Ports,
}

/// The iterator of [`Endpoints`].
#[derive(Clone)]
pub struct EndpointsIter<'a> {
    ids: slice::Iter<'a, EndpointId>,
    ports: &'a Ports,
}

/// An endpoint that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStatus<'a> {
    /// Its number.
    pub id: EndpointId,
    /// The stream that ends it; none if it was orphaned \[P-4.6\].
    pub conn: Option<ConnId>,
    /// When its port was given out.
    pub since: Duration,
    /// Its data socket, the switch's end.
    pub path: &'a SocketPath,
    /// What the client said about itself, as it came: sanitise it before showing it.
    pub description: &'a RawDescription,
}

impl<'a> PortStatus<'a> {
    pub(super) fn new(port: &'a Port, ports: &'a Ports) -> Self {
        Self {
            number: port.number,
            user: port.user,
            allocatable: !port.reserved,
            counters: port.counters,
            endpoints: Endpoints { ids: port.receivers(), ports },
        }
    }
}

impl<'a> Endpoints<'a> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// One after the other.
    #[must_use]
    pub fn iter(&self) -> EndpointsIter<'a> {
        EndpointsIter { ids: self.ids.iter(), ports: self.ports }
    }
}

impl<'a> IntoIterator for Endpoints<'a> {
    type Item = EndpointStatus<'a>;
    type IntoIter = EndpointsIter<'a>;

    fn into_iter(self) -> EndpointsIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Endpoints<'a> {
    type Item = EndpointStatus<'a>;
    type IntoIter = EndpointsIter<'a>;

    fn into_iter(self) -> EndpointsIter<'a> {
        self.iter()
    }
}

impl<'a> Iterator for EndpointsIter<'a> {
    type Item = EndpointStatus<'a>;

    fn next(&mut self) -> Option<EndpointStatus<'a>> {
        let ports = self.ports;
        self.ids.find_map(|&id| ports.endpoint(id)?.status())
    }
}

impl DoubleEndedIterator for EndpointsIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let ports = self.ports;
        self.ids.by_ref().rev().find_map(|&id| ports.endpoint(id)?.status())
    }
}

impl fmt::Debug for Endpoints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl fmt::Debug for EndpointsIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
