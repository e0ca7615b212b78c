//! The ports of a switch and the endpoints on them.
//!
//! Frames find both by their place in a vector, so that what a frame costs does not depend on how
//! many there are. Only requests and administrators look for a port by its number.

use alloc::vec::Vec;
use core::time::Duration;

use super::slots::Slots;
use super::status::{Counters, EndpointStatus, PortStatus};
use super::{ConnId, EndpointId};
use crate::wire::{PortRequest, RawDescription, SocketPath};

#[derive(Debug, Clone, Default)]
pub(super) struct Ports {
    slots: Slots<Port>,
    /// All ports, in the order of their numbers.
    order: Vec<PortSlot>,
    endpoints: Slots<Endpoint>,
    last_id: u64,
}

/// Where a port is kept, as long as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PortSlot(u32);

#[derive(Debug, Clone, Default)]
pub(super) struct Port {
    pub(super) number: u32,
    /// Whose port it is, as long as it has members.
    pub(super) user: Option<u32>,
    /// Not for those who ask for any port \[P-2.5\].
    pub(super) reserved: bool,
    /// All endpoints, those not yet served included.
    members: Vec<EndpointId>,
    /// Those that frames can be sent to.
    receivers: Vec<EndpointId>,
    pub(super) counters: Counters,
}

#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    id: EndpointId,
    port: PortSlot,
    /// None if no stream will ever end it.
    pub(super) conn: Option<ConnId>,
    pub(super) since: Duration,
    pub(super) path: Option<SocketPath>,
    pub(super) description: RawDescription,
}

/// What went with an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Released {
    /// The stream it belonged to.
    pub(super) conn: Option<ConnId>,
    /// The port it was the last on.
    pub(super) emptied: Option<PortSlot>,
}

impl PortSlot {
    pub(super) const FIRST: Self = Self(0);

    #[cfg(test)]
    pub(super) const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Slots are numbered from 0, without gaps.
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Ports {
    pub(super) fn endpoint_count(&self) -> usize {
        self.endpoints.len()
    }

    /// The port that `user` gets for this request, if any \[P-6.4\].
    pub(super) fn choose(&self, request: PortRequest, user: Option<u32>, last: u32) -> Option<u32> {
        match request {
            PortRequest::Any => self.first_free(last),
            PortRequest::Zero => self.is_open_to(0, user).then_some(0),
            PortRequest::Number(number) => {
                let number = number.get();
                (number <= last && self.is_open_to(number, user)).then_some(number)
            }
        }
    }

    /// The first port from 1 to `last` that has no member and is not reserved \[P-2.5\].
    pub(super) fn first_free(&self, last: u32) -> Option<u32> {
        let mut candidate = 1_u32;
        for port in self.iter().filter(|port| port.number != 0) {
            if port.number > candidate || port.is_free() {
                break;
            }
            candidate = candidate.checked_add(1)?;
        }
        (candidate <= last).then_some(candidate)
    }

    /// Makes an endpoint on `port`, which receives nothing until it is [activated](Self::activate).
    pub(super) fn reserve(
        &mut self,
        now: Duration,
        conn: ConnId,
        port: u32,
        user: Option<u32>,
    ) -> (EndpointId, PortSlot) {
        let slot = self.open(port);
        self.last_id = self.last_id.saturating_add(1);
        let (number, conn, description) = (self.last_id, Some(conn), RawDescription::default());
        let id = EndpointId { number, slot: self.endpoints.next() };
        self.endpoints.insert(Endpoint {
            id,
            port: slot,
            conn,
            since: now,
            path: None,
            description,
        });
        if let Some(place) = self.get_mut(slot) {
            place.user = user;
            place.members.push(id);
        }
        (id, slot)
    }

    /// The endpoint's data socket is there.
    pub(super) fn activate(
        &mut self,
        id: EndpointId,
        path: SocketPath,
        description: RawDescription,
    ) {
        let Some(endpoint) = self.endpoint_mut(id) else { return };
        endpoint.path = Some(path);
        endpoint.description = description;
        let port = endpoint.port;
        if let Some(port) = self.get_mut(port) {
            port.receivers.push(id);
        }
    }

    /// No stream will end this endpoint any more.
    pub(super) fn orphan(&mut self, id: EndpointId) {
        if let Some(endpoint) = self.endpoint_mut(id) {
            endpoint.conn = None;
        }
    }

    /// Takes an endpoint away; returns the stream it belonged to, if it was there.
    pub(super) fn release(&mut self, id: EndpointId) -> Option<Released> {
        self.endpoint(id)?;
        let Endpoint { port: slot, conn, .. } = self.endpoints.remove(id.slot)?;
        let port = self.get_mut(slot)?;
        port.members.retain(|&member| member != id);
        port.receivers.retain(|&receiver| receiver != id);
        let emptied = port.members.is_empty().then_some(slot);
        if emptied.is_some() {
            port.user = None;
        }
        Some(Released { conn, emptied })
    }

    /// Makes a port unknown, unless it has members; returns whether it did.
    pub(super) fn remove(&mut self, slot: PortSlot) -> bool {
        let is_idle = self.get(slot).is_some_and(|port| port.members.is_empty());
        if is_idle {
            self.order.retain(|&other| other != slot);
            self.slots.remove(slot.0);
        }
        is_idle
    }

    /// Sets the counters of one port, or of all, to zero.
    pub(super) fn reset_counters(&mut self, only: Option<PortSlot>) {
        for &slot in self.order.iter().filter(|&&slot| only.is_none_or(|only| only == slot)) {
            if let Some(port) = self.slots.get_mut(slot.0) {
                port.counters = Counters::default();
            }
        }
    }

    /// The port from which a served endpoint sends.
    pub(super) fn port_of(&self, id: EndpointId) -> Option<PortSlot> {
        let endpoint = self.endpoint(id)?;
        endpoint.path.is_some().then_some(endpoint.port)
    }

    pub(super) fn count_dropped(&mut self, port: PortSlot) {
        if let Some(Port { counters, .. }) = self.get_mut(port) {
            counters.dropped_in = counters.dropped_in.saturating_add(1);
        }
    }

    pub(super) fn count_unsent(&mut self, port: PortSlot) {
        if let Some(Port { counters, .. }) = self.get_mut(port) {
            counters.dropped_out = counters.dropped_out.saturating_add(1);
        }
    }

    pub(super) fn count_in(&mut self, port: PortSlot, len: usize) {
        if let Some(Port { counters, .. }) = self.get_mut(port) {
            counters.frames_in = counters.frames_in.saturating_add(1);
            counters.bytes_in = counters.bytes_in.saturating_add(len as u64);
        }
    }

    /// Adds the receivers of one port, and counts a frame of `len` bytes for them.
    pub(super) fn send_to(&mut self, port: PortSlot, len: usize, to: &mut Vec<EndpointId>) {
        if let Some(port) = self.get_mut(port) {
            port.send(len, to);
        }
    }

    /// The same for all ports from number `first` up but `except`, in the order of their numbers.
    pub(super) fn flood(
        &mut self,
        first: u32,
        except: PortSlot,
        len: usize,
        to: &mut Vec<EndpointId>,
    ) {
        for &slot in self.order.iter().filter(|&&slot| slot != except) {
            match self.slots.get_mut(slot.0) {
                Some(port) if port.number >= first => port.send(len, to),
                _ => {}
            }
        }
    }

    /// All ports, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Port> {
        self.order.iter().filter_map(|&slot| self.get(slot))
    }

    pub(super) fn status(&self) -> impl Iterator<Item = PortStatus<'_>> {
        self.iter().map(|port| PortStatus::new(port, self))
    }

    /// Finds a port by its number.
    pub(super) fn find(&self, number: u32) -> Option<PortSlot> {
        self.position(number).ok()
    }

    pub(super) fn get(&self, slot: PortSlot) -> Option<&Port> {
        self.slots.get(slot.0)
    }

    pub(super) fn get_mut(&mut self, slot: PortSlot) -> Option<&mut Port> {
        self.slots.get_mut(slot.0)
    }

    /// Finds a port by its number; a new one comes into being.
    pub(super) fn open(&mut self, number: u32) -> PortSlot {
        self.position(number).unwrap_or_else(|place| {
            let slot = PortSlot(self.slots.insert(Port { number, ..Port::default() }));
            self.order.insert(place, slot);
            slot
        })
    }

    pub(super) fn endpoint(&self, id: EndpointId) -> Option<&Endpoint> {
        self.endpoints.get(id.slot).filter(|endpoint| endpoint.id == id)
    }

    fn endpoint_mut(&mut self, id: EndpointId) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(id.slot).filter(|endpoint| endpoint.id == id)
    }

    /// Where the port is kept, or where in the order it would come.
    fn position(&self, number: u32) -> Result<PortSlot, usize> {
        let number_of = |&slot: &PortSlot| self.get(slot).map(|port| port.number);
        let place = self.order.binary_search_by_key(&Some(number), number_of)?;
        self.order.get(place).copied().ok_or(place)
    }

    /// A port in use, port 0 included \[P-6.17\], is open to its own user only \[P-6.11\]; no user
    /// at all counts as one \[P-6.13\].
    fn is_open_to(&self, number: u32, user: Option<u32>) -> bool {
        let port = self.find(number).and_then(|slot| self.get(slot));
        port.is_none_or(|port| port.members.is_empty() || port.user == user)
    }
}

impl Port {
    /// Its endpoints that are served, in the order of coming.
    pub(super) fn receivers(&self) -> &[EndpointId] {
        &self.receivers
    }

    fn is_free(&self) -> bool {
        self.members.is_empty() && !self.reserved
    }

    fn send(&mut self, len: usize, to: &mut Vec<EndpointId>) {
        match self.receivers.as_slice() {
            [] => return,
            // Nearly always, and quicker than a copy of any length.
            [only] => to.push(*only),
            all => to.extend_from_slice(all),
        }
        self.counters.frames_out = self.counters.frames_out.saturating_add(1);
        self.counters.bytes_out = self.counters.bytes_out.saturating_add(len as u64);
    }
}

impl Endpoint {
    /// What is shown of it, if it is served.
    pub(super) fn status(&self) -> Option<EndpointStatus<'_>> {
        let Self { id, conn, since, path, description, .. } = self;
        let path = path.as_ref()?;
        Some(EndpointStatus { id: *id, conn: *conn, since: *since, path, description })
    }
}
