//! Putting a relay between a NIC and its switch, and taking it out again, while frames flow.
//!
//! A relay has a socket of its own that faces the switch, so the switch must plug that one in; the port
//! stays the same; where the switch does not tell which it is, it is the one that was asked for. For that a second control stream is dialed while
//! the first one is held: for a moment the port has two endpoints, so that no frame finds none.
//!
//! ```text
//!   held --Splice--> handshake for the other socket --Up--> Swap --Swapped--> held, through the other
//!    |                    | it fails                           | SwapFailed
//!    |                    +------------------------------------+--> held as before, and refused
//!   not held --Splice--> Swap --Swapped--> not held; the next call is made for the other socket
//! ```
//!
//! The driver knows which sockets these are, and what has to be done to them in which moment.

use std::collections::VecDeque;
use std::time::Duration;

use vde_proto::{DialFailure, PlugError, PortNumber, PortRequest, SocketPath};

use super::nic::{Attempt, Call, Nic, Swap};
use super::{Event, MoveError, Output, Target, Ticket};

impl Nic {
    /// Puts the relay into the path that a switch reaches at this address, or takes out what is there.
    pub(super) fn splice(
        &mut self,
        now: Duration,
        relay: Option<SocketPath>,
        ticket: Ticket,
        out: &mut VecDeque<Output>,
    ) {
        if self.config.address.is_none() {
            return out.push_back(Output::Answer(ticket, Err(MoveError::NoAddress)));
        }
        if self.is_moving() {
            return out.push_back(Output::Answer(ticket, Err(MoveError::Busy)));
        }
        if (&relay, &self.relay) == (&None, &None) {
            return out.push_back(Output::Answer(ticket, Ok(())));
        }
        if let Some(held) = &self.held {
            let port = held.port.map_or(self.config.asked, same_port);
            let (target, ticket, splice) = (Target::Home, Some(ticket), Some(relay));
            return self.call(now, Call { target, port, ticket, splice }, out);
        }
        if self.attempt.is_some() {
            // The call under way was made for the other socket.
            self.abandon(out);
            let pause = self.backoff.after(&PlugError::Dial(DialFailure::Dead));
            self.retry_at = Some(now.saturating_add(pause));
        }
        self.swap = Some(Swap { relay, ticket });
        out.push_back(Output::Swap(self.index));
    }

    /// The other socket faces the switch.
    pub(super) fn swapped(&mut self, now: Duration, out: &mut VecDeque<Output>) {
        if let Some(Swap { relay, ticket }) = self.swap.take() {
            self.faces(relay, out);
            return out.push_back(Output::Answer(ticket, Ok(())));
        }
        let Some((attempt, relay)) = self.take_splice() else { return };
        let Some(held) = &mut self.held else {
            // The plug was lost meanwhile: this is the next one.
            self.faces(relay, out);
            return self.hold(now, attempt, out);
        };
        let before = std::mem::replace(&mut held.port, attempt.given);
        held.chatter = 0;
        let is_same = before.is_some() && before == attempt.given;
        out.push_back(Output::Keep(self.index));
        if let Some(mac) = self.config.mac.filter(|_| !is_same) {
            out.push_back(Output::Announce(self.index, mac));
        }
        self.faces(relay, out);
        if let Some(ticket) = attempt.call.ticket {
            out.push_back(Output::Answer(ticket, Ok(())));
        }
    }

    /// Everything is as before.
    pub(super) fn swap_failed(&mut self, now: Duration, errno: i32, out: &mut VecDeque<Output>) {
        let error = MoveError::Splice(errno);
        if let Some(Swap { ticket, .. }) = self.swap.take() {
            return out.push_back(Output::Answer(ticket, Err(error)));
        }
        let Some((attempt, _)) = self.take_splice() else { return };
        out.push_back(Output::Abandon(self.index));
        if let Some(ticket) = attempt.call.ticket {
            self.refuse(now, ticket, error, out);
        }
    }

    /// The handshake that was made for a splice and has succeeded, and for which relay.
    fn take_splice(&mut self) -> Option<(Attempt, Option<SocketPath>)> {
        let attempt = self
            .attempt
            .take_if(|attempt| attempt.call.splice.is_some() && attempt.plug.is_up())?;
        let relay = attempt.call.splice.clone()?;
        Some((attempt, relay))
    }

    fn faces(&mut self, relay: Option<SocketPath>, out: &mut VecDeque<Output>) {
        self.relay = relay;
        let is_relayed = self.relay.is_some();
        out.push_back(Output::Tell(Event::Spliced { nic: self.index, is_relayed }));
    }
}

/// Asks for the port that we are on.
fn same_port(port: u32) -> PortRequest {
    match PortNumber::new(port) {
        Some(number) => PortRequest::Number(number),
        None => PortRequest::Zero,
    }
}
