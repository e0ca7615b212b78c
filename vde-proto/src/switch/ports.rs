//! The ports of a switch and the endpoints on them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::{ConnId, EndpointId};
use crate::wire::{PortRequest, RawDescription, SocketPath};

#[derive(Debug, Clone, Default)]
pub(super) struct Ports {
    /// Those that were ever used.
    ports: BTreeMap<u32, Port>,
    endpoints: BTreeMap<EndpointId, Endpoint>,
    last_id: u64,
}

#[derive(Debug, Clone, Default)]
struct Port {
    /// Whose port it is, as long as it has members.
    user: Option<u32>,
    /// All endpoints, those not yet served included.
    members: Vec<EndpointId>,
    /// Those that frames can be sent to.
    receivers: Vec<EndpointId>,
    counters: Counters,
}

#[derive(Debug, Clone)]
struct Endpoint {
    port: u32,
    /// None if no stream will ever end it.
    conn: Option<ConnId>,
    since: Duration,
    path: Option<SocketPath>,
    description: RawDescription,
}

/// What a port has carried since the switch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Frames that came in and were accepted.
    pub frames_in: u64,
    /// Their bytes, as forwarded.
    pub bytes_in: u64,
    /// Frames that came in and were dropped.
    pub dropped_in: u64,
    /// Frames that went out; once each, however many endpoints the port has.
    pub frames_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
}

/// A port that was used at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortStatus<'a> {
    /// Its number.
    pub number: u32,
    /// The user id whose port it is now \[P-6.2\].
    pub user: Option<u32>,
    /// What it has carried.
    pub counters: Counters,
    /// Who is on it, in the order of coming.
    pub endpoints: Vec<EndpointStatus<'a>>,
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

impl Ports {
    pub(super) fn endpoint_count(&self) -> usize {
        self.endpoints.len()
    }

    /// The port that `user` gets for this request, if any \[P-6.4\].
    pub(super) fn choose(&self, request: PortRequest, user: Option<u32>, last: u32) -> Option<u32> {
        match request {
            PortRequest::Any => (1..=last).find(|&number| self.is_free(number)),
            PortRequest::Zero => self.is_open_to(0, user).then_some(0),
            PortRequest::Number(number) => {
                let number = number.get();
                (number <= last && self.is_open_to(number, user)).then_some(number)
            }
        }
    }

    /// Makes an endpoint on `port`, which receives nothing until it is [activated](Self::activate).
    pub(super) fn reserve(
        &mut self,
        now: Duration,
        conn: ConnId,
        port: u32,
        user: Option<u32>,
    ) -> EndpointId {
        self.last_id = self.last_id.saturating_add(1);
        let id = EndpointId(self.last_id);
        let place = self.ports.entry(port).or_default();
        place.user = user;
        place.members.push(id);
        let description = RawDescription::default();
        let endpoint = Endpoint { port, conn: Some(conn), since: now, path: None, description };
        self.endpoints.insert(id, endpoint);
        id
    }

    /// The endpoint's data socket is there.
    pub(super) fn activate(
        &mut self,
        id: EndpointId,
        path: SocketPath,
        description: RawDescription,
    ) {
        let Some(endpoint) = self.endpoints.get_mut(&id) else { return };
        endpoint.path = Some(path);
        endpoint.description = description;
        if let Some(port) = self.ports.get_mut(&endpoint.port) {
            port.receivers.push(id);
        }
    }

    /// No stream will end this endpoint any more.
    pub(super) fn orphan(&mut self, id: EndpointId) {
        if let Some(endpoint) = self.endpoints.get_mut(&id) {
            endpoint.conn = None;
        }
    }

    /// Takes an endpoint away; returns the stream it belonged to, if it was there.
    pub(super) fn release(&mut self, id: EndpointId) -> Option<Released> {
        let Endpoint { port: number, conn, .. } = self.endpoints.remove(&id)?;
        let port = self.ports.get_mut(&number)?;
        port.members.retain(|&member| member != id);
        port.receivers.retain(|&receiver| receiver != id);
        let emptied = port.members.is_empty().then_some(number);
        if emptied.is_some() {
            port.user = None;
        }
        Some(Released { conn, emptied })
    }

    /// The port from which a served endpoint sends.
    pub(super) fn port_of(&self, id: EndpointId) -> Option<u32> {
        let endpoint = self.endpoints.get(&id)?;
        endpoint.path.is_some().then_some(endpoint.port)
    }

    pub(super) fn count_dropped(&mut self, port: u32) {
        if let Some(Port { counters, .. }) = self.ports.get_mut(&port) {
            counters.dropped_in = counters.dropped_in.saturating_add(1);
        }
    }

    pub(super) fn count_in(&mut self, port: u32, len: usize) {
        if let Some(Port { counters, .. }) = self.ports.get_mut(&port) {
            counters.frames_in = counters.frames_in.saturating_add(1);
            counters.bytes_in = counters.bytes_in.saturating_add(len as u64);
        }
    }

    /// Adds the receivers of one port, and counts a frame of `len` bytes for them.
    pub(super) fn send_to(&mut self, port: u32, len: usize, to: &mut Vec<EndpointId>) {
        if let Some(port) = self.ports.get_mut(&port) {
            port.send(len, to);
        }
    }

    /// The same for all ports from `first` up but `except`.
    pub(super) fn flood(&mut self, first: u32, except: u32, len: usize, to: &mut Vec<EndpointId>) {
        for (_, port) in self.ports.range_mut(first..).filter(|&(&number, _)| number != except) {
            port.send(len, to);
        }
    }

    pub(super) fn status(&self) -> impl Iterator<Item = PortStatus<'_>> {
        self.ports.iter().map(|(&number, port)| PortStatus {
            number,
            user: port.user,
            counters: port.counters,
            endpoints: port.receivers.iter().filter_map(|&id| self.endpoint_status(id)).collect(),
        })
    }

    fn endpoint_status(&self, id: EndpointId) -> Option<EndpointStatus<'_>> {
        let Endpoint { conn, since, path, description, .. } = self.endpoints.get(&id)?;
        let path = path.as_ref()?;
        Some(EndpointStatus { id, conn: *conn, since: *since, path, description })
    }

    fn is_free(&self, number: u32) -> bool {
        self.ports.get(&number).is_none_or(|port| port.members.is_empty())
    }

    /// A port in use, port 0 included \[P-6.17\], is open to its own user only \[P-6.11\]; no user
    /// at all counts as one \[P-6.13\].
    fn is_open_to(&self, number: u32, user: Option<u32>) -> bool {
        self.ports.get(&number).is_none_or(|port| port.members.is_empty() || port.user == user)
    }
}

/// What went with an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Released {
    /// The stream it belonged to.
    pub(super) conn: Option<ConnId>,
    /// The port it was the last on.
    pub(super) emptied: Option<u32>,
}

impl Port {
    fn send(&mut self, len: usize, to: &mut Vec<EndpointId>) {
        if self.receivers.is_empty() {
            return;
        }
        to.extend_from_slice(&self.receivers);
        self.counters.frames_out = self.counters.frames_out.saturating_add(1);
        self.counters.bytes_out = self.counters.bytes_out.saturating_add(len as u64);
    }
}
