//! When relays get into the path of a running VM, and out of it.
//!
//! A relay that is not wanted any more stays for a moment: it is taken out when neither side has sent
//! anything for [`QUIET`], since in the change the VM has nowhere to send to for some tenths of a
//! millisecond; but after [`PATIENCE`] in any case. One that ended by itself carries nothing, and goes at
//! once.

use std::time::{Duration, Instant};

use super::Keeper;
use crate::attendant::RelayOrder;
use crate::nic_sockets::NicSockets;
use crate::relay::Relay;
use crate::supervisor::{Event, Input, MoveError, Ticket};

/// So long nothing was sent, and so nothing is expected to be sent for a moment.
const QUIET: Duration = Duration::from_millis(2);

/// Longest wait for that.
const PATIENCE: Duration = Duration::from_millis(100);

/// Pause between two looks whether it is quiet.
const STEP: Duration = Duration::from_millis(1);

/// The relays that are to go.
#[derive(Debug, Default)]
pub(super) struct Relays {
    leaving: Vec<Leaving>,
}

#[derive(Debug)]
struct Leaving {
    nic: usize,
    ticket: Ticket,
    /// When it goes in any case.
    until: Instant,
}

impl Relays {
    /// How long nothing has to be looked at.
    pub(super) fn pause(&self, nics: &[NicSockets<'_>]) -> Option<Duration> {
        let now = Instant::now();
        let retries = nics.iter().filter_map(NicSockets::dead_retry);
        let retries = retries.map(|at| at.saturating_duration_since(now));
        let step = (!self.leaving.is_empty()).then_some(STEP);
        retries.chain(step).min()
    }

    /// Lets those that are to go be: whose tickets are not answered.
    pub(super) fn leave(&mut self) -> Vec<Ticket> {
        self.leaving.drain(..).map(|leaving| leaving.ticket).collect()
    }
}

impl Keeper<'_> {
    /// Does what is wanted of a relay, or begins to.
    pub(super) fn relay(&mut self, order: RelayOrder) {
        let RelayOrder { nic, work, ticket } = order;
        let Some(sockets) = self.nics.get_mut(nic) else {
            return self.tell(Input::Splice { nic, relay: None, ticket });
        };
        let is_leaving = self.relays.leaving.iter().any(|leaving| leaving.nic == nic);
        match (sockets.relay(), work) {
            // One that has ended is going to be taken out.
            (_, Some(_)) if sockets.is_relay_dead() => self.answer(ticket, &Err(MoveError::Busy)),
            (_, _) if is_leaving || sockets.is_splicing() => {
                self.answer(ticket, &Err(MoveError::Busy))
            }
            (Some(relay), Some(work)) => {
                let begun = work
                    .begin(relay)
                    .map_err(|error| MoveError::Splice(error.raw_os_error().unwrap_or_default()));
                self.answer(ticket, &begun);
            }
            (None, None) => self.answer(ticket, &Ok(())),
            (None, Some(work)) => match sockets.take_splice(ticket, Some(work), self.environment) {
                Ok(relay @ Some(_)) => self.tell(Input::Splice { nic, relay, ticket }),
                Ok(None) => self.answer(ticket, &Err(MoveError::NoAddress)),
                Err(errno) => self.answer(ticket, &Err(MoveError::Splice(errno as i32))),
            },
            (Some(_), None) => {
                let until = Instant::now() + PATIENCE;
                self.relays.leaving.push(Leaving { nic, ticket, until });
            }
        }
    }

    /// Takes out what is to go, if the moment is right; whether it was for one.
    pub(super) fn tend_relays(&mut self) -> bool {
        self.notice_dead_relays();
        self.notice_captures();
        let (now, nics) = (Instant::now(), &self.nics);
        let may_go = |leaving: &Leaving| {
            let relay = nics.get(leaving.nic).and_then(NicSockets::relay);
            now >= leaving.until || relay.is_none_or(|relay| relay.quiet_for() >= QUIET)
        };
        let (going, staying): (Vec<Leaving>, _) =
            std::mem::take(&mut self.relays.leaving).into_iter().partition(may_go);
        self.relays.leaving = staying;
        let goes = !going.is_empty();
        for Leaving { nic, ticket, .. } in going {
            if let Some(sockets) = self.nics.get_mut(nic) {
                // Nothing has to be made for that.
                let _ = sockets.take_splice(ticket, None, self.environment);
            }
            self.tell(Input::Splice { nic, relay: None, ticket });
        }
        goes
    }

    fn notice_captures(&mut self) {
        for nic in 0..self.nics.len() {
            let relay = self.nics.get(nic).and_then(NicSockets::relay);
            if let Some(errno) = relay.and_then(Relay::capture_failure) {
                let event = Event::CaptureFailed { nic, errno: errno as i32 };
                self.reporting(|attendant, report| attendant.told(&event, report));
            }
        }
    }

    fn notice_dead_relays(&mut self) {
        let now = Instant::now();
        for nic in 0..self.nics.len() {
            let Some(sockets) = self.nics.get_mut(nic) else { return };
            let retry = sockets.dead_retry();
            if !sockets.is_relay_dead() || retry.is_some_and(|at| now < at) {
                continue;
            }
            sockets.note_dead(now);
            if retry.is_none() {
                self.reporting(|attendant, report| {
                    attendant.told(&Event::RelayFailed { nic }, report);
                });
            }
            if !self.relays.leaving.iter().any(|leaving| leaving.nic == nic) {
                self.relays.leaving.push(Leaving { nic, ticket: own_ticket(nic), until: now });
            }
        }
    }
}

/// A ticket that nobody else has: others count from 0.
fn own_ticket(nic: usize) -> Ticket {
    Ticket(u64::MAX - u64::try_from(nic).unwrap_or_default())
}
