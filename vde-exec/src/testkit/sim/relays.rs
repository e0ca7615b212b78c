//! The relays of a NIC: the sockets of one, and what the real driver does with them (`nic_sockets.rs`,
//! `splice.rs`).
//!
//! A relay that is in the path and holds nothing back moves frames at once: whenever one comes for the
//! guest, and whenever the guest has sent one. Where the real driver waits for the VM to read what it
//! has got before its socket is connected elsewhere, the guest here reads, unless it is slow.
//!
//! # Which frames a splice may cost
//!
//! * **Putting a relay in:** what a slow guest had not read, and nothing else.
//! * **Taking it out:** that, too; and what is sent, by anybody, between the request and the connection
//!   of the data socket: the guest's frames have nowhere to go, and those to it wait in `outer` and are
//!   discarded, since some are copies of what came to the data socket. So it is where the request fails.

use vde_proto::SocketPath;

use super::cover::Mark;
use super::driver::ROOM;
use super::kernel::{Errno, Frame, Sock};
use super::laws::Law;
use super::subject::Canary;
use super::world::{Happening, World};
use crate::supervisor::{Input, Ticket};

/// What a NIC has of relays.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// The one in the path.
    pub(super) relay: Option<Relay>,
    /// The splice that is being carried out.
    splice: Option<Splice>,
    /// How many there were.
    made: u32,
    /// A frame found no room at the VM's socket since the last one was made.
    pub(super) was_full: bool,
    /// So many of the next ones cannot be put in.
    pub(super) swap_faults: u32,
}

/// Two sockets, and what moves frames from each to the other.
#[derive(Debug)]
pub(super) struct Relay {
    /// Faces the switch, under this name.
    outer: Sock,
    pub(super) name: SocketPath,
    /// Faces the VM.
    inner: Sock,
    /// It keeps what comes for the VM.
    is_holding: bool,
    /// It has ended by itself, and moves nothing any more.
    pub(super) is_dead: bool,
}

/// A relay that is put into the path, or taken out.
#[derive(Debug)]
struct Splice {
    ticket: Ticket,
    /// What is going to be in the path; if nothing, the VM is plugged in directly.
    relay: Option<Relay>,
    /// The switch has been asked.
    has_begun: bool,
    /// The data socket has been connected to nobody, for the switch.
    has_let_go: bool,
}

impl Relays {
    /// Whether the VM's own socket is being plugged in again in place of a relay's.
    pub(super) fn goes_direct(&self) -> bool {
        self.splice.as_ref().is_some_and(|splice| splice.has_begun && splice.relay.is_none())
    }

    /// Whether the VM's own socket waits for a switch to connect to it.
    pub(super) fn has_let_go(&self) -> bool {
        self.splice.as_ref().is_some_and(|splice| splice.has_let_go)
    }

    /// Whether the switch has been asked for a splice.
    pub(super) fn has_begun(&self) -> bool {
        self.splice.as_ref().is_some_and(|splice| splice.has_begun)
    }

    /// The socket that faces the switch; it may be that of the VM.
    pub(super) fn face(&self, data: Sock) -> Sock {
        self.relay.as_ref().map_or(data, |relay| relay.outer)
    }

    /// The socket that is connected when a switch has answered.
    pub(super) fn next_face(&self, data: Sock) -> Sock {
        match &self.splice {
            Some(Splice { relay: Some(relay), has_begun: true, .. }) => relay.outer,
            _ if self.goes_direct() => data,
            _ => self.face(data),
        }
    }

    /// The names that its relays have.
    pub(super) fn names(&self) -> usize {
        let splice = self.splice.as_ref().and_then(|splice| splice.relay.as_ref());
        usize::from(self.relay.is_some()) + usize::from(splice.is_some())
    }

    /// A call is made.
    pub(super) fn begin(&mut self) {
        if let Some(splice) = &mut self.splice {
            splice.has_begun = true;
        }
    }
}

impl World {
    /// Somebody wants a relay between a NIC and its switch, or none.
    pub(super) fn order_relay(&mut self, index: usize, nic: usize, wants: bool) {
        let vdeq = &mut self.vdeqs[index];
        vdeq.tickets += 1;
        let ticket = Ticket(vdeq.tickets);
        self.cover.hit(if wants { Mark::WantsRelay } else { Mark::WantsNoRelay });
        let Some(state) = vdeq.nics.get(nic) else {
            vdeq.splices.push((ticket, nic));
            return self.feed(index, Input::Splice { nic, relay: None, ticket });
        };
        if state.held.is_none() {
            self.cover.hit(Mark::SpliceWhileDown);
        }
        // One that is there already is made use of.
        if wants && state.relays.relay.is_some() && state.relays.splice.is_none() {
            return self.cover.hit(Mark::RelayShared);
        }
        let relay = wants.then(|| self.make_relay(index, nic));
        self.splice(index, nic, ticket, relay);
    }

    /// The relay in the path ends by itself.
    pub(super) fn end_relay(&mut self, index: usize, nic: usize) {
        if let Some(relay) = &mut self.vdeqs[index].nics[nic].relays.relay {
            if !std::mem::replace(&mut relay.is_dead, true) {
                self.cover.hit(Mark::RelayDies);
                self.soon(Happening::RelayEnded(index, nic));
            }
        }
    }

    /// It is noticed that the relay in the path has ended.
    pub(super) fn relay_ended(&mut self, index: usize, nic: usize) {
        if self.is_asleep(index, Happening::RelayEnded(index, nic)) {
            return;
        }
        let vdeq = &self.vdeqs[index];
        let relays = &vdeq.nics[nic].relays;
        if vdeq.is_over || !relays.relay.as_ref().is_some_and(|relay| relay.is_dead) {
            return;
        }
        let ticket = Ticket(u64::MAX - nic as u64);
        if !vdeq.splices.iter().any(|(open, _)| *open == ticket) {
            self.splice(index, nic, ticket, None);
        }
        // Where that fails it is tried again after a while.
        self.at(self.now + 1_000_000_000, Happening::RelayEnded(index, nic));
    }

    fn splice(&mut self, index: usize, nic: usize, ticket: Ticket, relay: Option<Relay>) {
        let address = relay.as_ref().map(|relay| relay.name.clone());
        let vdeq = &mut self.vdeqs[index];
        vdeq.splices.push((ticket, nic));
        let relays = &mut vdeq.nics[nic].relays;
        match (&relays.splice, relay) {
            (None, relay) => {
                relays.splice = Some(Splice { ticket, relay, has_begun: false, has_let_go: false });
            }
            // The supervisor is going to refuse it.
            (Some(_), Some(relay)) => self.drop_relay(index, relay),
            (Some(_), None) => {}
        }
        let order = Input::Splice { nic, relay: address, ticket };
        if self.vdeqs[index].subject.does(Canary::TakesOrdersTooSoon) {
            // With the next tick, and before what follows from that is done.
            return self.vdeqs[index].hasty.push(order);
        }
        self.feed(index, order);
    }

    fn make_relay(&mut self, index: usize, nic: usize) -> Relay {
        let [outer, inner] = [(); 2].map(|()| self.kernel.socket(ROOM));
        let vdeq = &mut self.vdeqs[index];
        let relays = &mut vdeq.nics[nic].relays;
        relays.made += 1;
        relays.was_full = false;
        let name = SocketPath::new(format!("/v{index}.{nic}r{}", relays.made));
        let name = name.expect("a short path");
        self.kernel.bind(outer, &name, vdeq.uid);
        Relay { outer, name, inner, is_holding: true, is_dead: false }
    }

    fn drop_relay(&mut self, index: usize, relay: Relay) {
        self.kernel.close(relay.outer);
        self.kernel.close(relay.inner);
        if !self.vdeqs[index].subject.does(Canary::KeepsTheRelaysName) {
            self.kernel.unlink(&relay.name);
        }
    }

    /// The order with this ticket is done with; whether it was about a relay.
    pub(super) fn is_splice_answered(&mut self, index: usize, ticket: Ticket) -> bool {
        let vdeq = &mut self.vdeqs[index];
        let Some(place) = vdeq.splices.iter().position(|(open, _)| *open == ticket) else {
            return false;
        };
        let (_, nic) = vdeq.splices.swap_remove(place);
        let splice = vdeq
            .nics
            .get_mut(nic)
            .and_then(|nic| nic.relays.splice.take_if(|splice| splice.ticket == ticket));
        if let Some(relay) = splice.and_then(|splice| splice.relay) {
            self.drop_relay(index, relay);
        }
        true
    }

    /// A request is sent: the VM's own socket must be free where the switch is to connect to it.
    pub(super) fn let_go_to_ask(&mut self, index: usize, nic: usize) {
        if self.vdeqs[index].nics[nic].relays.goes_direct() {
            self.let_go(index, nic);
            if let Some(splice) = &mut self.vdeqs[index].nics[nic].relays.splice {
                splice.has_let_go = true;
            }
        }
    }

    fn let_go(&mut self, index: usize, nic: usize) {
        self.let_read(index, nic);
        if let Some(relay) = &mut self.vdeqs[index].nics[nic].relays.relay {
            relay.is_holding = true;
        }
        self.kernel.dissolve(self.vdeqs[index].nics[nic].data);
    }

    /// The call failed, and with it the splice that it was made for, if it was made for one.
    pub(super) fn abandon_splice(&mut self, index: usize, nic: usize) {
        let state = &mut self.vdeqs[index].nics[nic];
        let Some(splice) = state.relays.splice.take_if(|splice| splice.has_begun) else { return };
        if let (true, Some(relay)) = (splice.has_let_go, &mut state.relays.relay) {
            let (inner, outer) = (relay.inner, relay.outer);
            relay.is_holding = false;
            let _ = self.kernel.connect_to(state.data, inner);
            self.discard(index, outer);
            self.pump(index, nic);
        }
        splice.relay.into_iter().for_each(|relay| self.drop_relay(index, relay));
    }

    /// Has the other socket face the switch.
    pub(super) fn swap(&mut self, index: usize, nic: usize) -> Result<(), i32> {
        let relays = &mut self.vdeqs[index].nics[nic].relays;
        let splice = relays.splice.take();
        let what = || format!("NIC {nic} of vdeq {index} has nothing to swap");
        self.expect(Law::NothingSilent, splice.is_some(), what);
        let Some(splice) = splice else { return Ok(()) };
        match splice.relay {
            Some(relay) => self.insert(index, nic, relay)?,
            None => {
                self.leave(index, nic);
                if !splice.has_begun {
                    self.let_go(index, nic);
                }
                if let Some(relay) = self.vdeqs[index].nics[nic].relays.relay.take() {
                    let lost = self.kernel.waiting(relay.outer);
                    self.cover.add(Mark::LostHeld, lost as u64);
                    self.drop_relay(index, relay);
                }
            }
        }
        Ok(())
    }

    fn insert(&mut self, index: usize, nic: usize, mut relay: Relay) -> Result<(), i32> {
        self.let_read(index, nic);
        self.discard_copies(index, nic, relay.outer);
        let data = self.vdeqs[index].nics[nic].data;
        let faults = &mut self.vdeqs[index].nics[nic].relays.swap_faults;
        if *faults > 0 {
            *faults -= 1;
            // What the VM has not read is gone; its socket goes back to where it was connected.
            let peer = self.kernel.peer(data);
            let _ = self.kernel.connect_to(data, relay.inner);
            let is_back = peer.is_some_and(|peer| self.kernel.connect_to(data, peer).is_ok());
            if !is_back {
                self.kernel.dissolve(data);
            }
            self.drop_relay(index, relay);
            return Err(1);
        }
        let _ = self.kernel.connect_to(data, relay.inner);
        let _ = self.kernel.connect_to(relay.inner, data);
        relay.is_holding = false;
        self.leave(index, nic);
        self.vdeqs[index].nics[nic].relays.relay = Some(relay);
        self.pump(index, nic);
        Ok(())
    }

    /// The guest reads what there is, unless it is slow.
    fn let_read(&mut self, index: usize, nic: usize) {
        self.pump(index, nic);
        if self.vdeqs[index].slow_until <= self.now {
            self.read_frames(index, nic);
        }
    }

    /// What has come to a relay's socket, too: while the plug is up the guest must have had all of it.
    fn discard_copies(&mut self, index: usize, nic: usize, socket: Sock) {
        let vdeq = &self.vdeqs[index];
        let state = &vdeq.nics[nic];
        let is_served = state.held.is_some_and(|stream| self.serves(stream).is_some());
        let reads = vdeq.slow_until <= self.now && vdeq.end.is_none();
        let (number, is_excused) = (state.number, !is_served || !reads || state.relays.was_full);
        for frame in self.discard(index, socket) {
            let is_copy = is_excused || self.ledger.has_heard(number, &frame);
            self.expect(Law::Frames, is_copy, || {
                format!("a frame to NIC {nic} of vdeq {index} is lost where a relay is put in")
            });
        }
    }

    fn discard(&mut self, index: usize, socket: Sock) -> Vec<Frame> {
        if self.vdeqs[index].subject.does(Canary::KeepsTheCopies) {
            return Vec::new();
        }
        let frames: Vec<Frame> = std::iter::from_fn(|| self.kernel.receive(socket)).collect();
        self.cover.add(Mark::LostCopies, frames.len() as u64);
        frames
    }

    /// A relay moves what has come for the guest.
    pub(super) fn pump(&mut self, index: usize, nic: usize) {
        let state = &self.vdeqs[index].nics[nic];
        let Some(relay) = &state.relays.relay else { return };
        if relay.is_holding || relay.is_dead {
            return;
        }
        let (data, outer, inner) = (state.data, relay.outer, relay.inner);
        while self.kernel.has_room(data) {
            let Some(frame) = self.kernel.receive(outer) else { return };
            self.cover.hit(Mark::RelayedIn);
            let result = self.kernel.send(inner, &frame);
            self.expect(Law::Frames, result.is_ok(), || {
                format!("the relay of NIC {nic} of vdeq {index} cannot send: {result:?}")
            });
        }
    }

    /// A guest sends: through a relay, if one is in the path.
    pub(super) fn send_out(
        &mut self,
        index: usize,
        nic: usize,
        frame: &Frame,
    ) -> Result<(), Errno> {
        let state = &self.vdeqs[index].nics[nic];
        self.kernel.send(state.data, frame)?;
        let Some(relay) = state.relays.relay.as_ref().filter(|relay| !relay.is_dead) else {
            return Ok(());
        };
        let mut result = Ok(());
        while let Some(frame) = self.kernel.receive(relay.inner) {
            self.cover.hit(Mark::RelayedOut);
            result = self.kernel.send(relay.outer, &frame);
        }
        result
    }

    /// Whether frames go from the VM to where the control stream is held: `sock` is the switch's.
    pub(super) fn is_in_line(&self, index: usize, nic: usize, sock: Sock) -> bool {
        let state = &self.vdeqs[index].nics[nic];
        let relays = &state.relays;
        let is_relaying = relays.relay.as_ref().is_none_or(|relay| {
            let is_way_back = relays.splice.as_ref().is_some_and(|splice| splice.has_let_go);
            let (to_vm, to_relay) = (self.kernel.peer(relay.inner), self.kernel.peer(state.data));
            let is_tied = (to_vm, to_relay) == (Some(state.data), Some(relay.inner));
            is_way_back || is_tied && !relay.is_holding
        });
        is_relaying && self.kernel.peer(relays.face(state.data)) == Some(sock)
    }

    /// The vdeq is over: its relays are, too.
    pub(super) fn drop_relays(&mut self, index: usize, nic: usize) {
        let relays = std::mem::take(&mut self.vdeqs[index].nics[nic].relays);
        let splice = relays.splice.and_then(|splice| splice.relay);
        for relay in relays.relay.into_iter().chain(splice) {
            self.drop_relay(index, relay);
        }
    }
}
