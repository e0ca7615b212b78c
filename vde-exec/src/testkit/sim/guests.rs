//! Guests: they send numbered frames and look at what they receive.

use std::rc::Rc;
use std::time::Duration;

use vde_proto::MacAddr;

use super::cover::Mark;
use super::driver::{Nic, mac_of};
use super::kernel::{Errno, Frame, Sock};
use super::laws::{Law, Shape, named};
use super::subject::Canary;
use super::world::{Happening, World};
use crate::supervisor::NicState;

impl World {
    /// Between two acts, some guests send something at some time.
    pub(super) fn chat(&mut self, within: Duration) {
        let most = u64::try_from(within.as_nanos()).unwrap_or_default();
        let count = if self.plan.jitter == 0 { 1 } else { self.jitter.below(4) };
        for _ in 0..count {
            let vdeq = self.some(self.vdeqs.len());
            let nic = self.some(self.vdeqs[vdeq].nics.len());
            let wait = self.jitter.up_to(most);
            self.at(self.now + wait, Happening::GuestSends(vdeq, nic));
        }
    }

    fn some(&mut self, of: usize) -> usize {
        if self.plan.jitter == 0 {
            return 0;
        }
        let bound = u32::try_from(of).unwrap_or(1);
        usize::try_from(self.jitter.below(bound.max(1))).unwrap_or_default()
    }

    /// A guest sends a frame to somebody.
    pub(super) fn guest_sends(&mut self, vdeq: usize, nic: usize) {
        let all: usize = self.vdeqs.iter().map(|vdeq| vdeq.nics.len()).sum();
        let own = self.vdeqs[vdeq].nics[nic].number;
        let to = match self.some(all + 2) {
            number if number < all && number != own => mac_of(number),
            _ => MacAddr::BROADCAST,
        };
        let length = [18, 18, 64, 18, 60, 1519, 40, 1518][self.some(8)];
        self.guest_sends_to(vdeq, nic, to, length);
    }

    /// A guest sends this; false if its VM has ended or the frame is lost.
    pub(super) fn guest_sends_to(
        &mut self,
        vdeq: usize,
        nic: usize,
        to: MacAddr,
        length: usize,
    ) -> bool {
        if self.vdeqs[vdeq].end.is_some() {
            return false;
        }
        let (number, plug) = (self.vdeqs[vdeq].nics[nic].number, self.vdeqs[vdeq].nics[nic].held);
        let frame: Frame = Rc::from(self.ledger.make((number, plug), to, length));
        self.cover.hit(Mark::Sent);
        if self.vdeqs[vdeq].nics[nic].no_buffers > 0 {
            self.vdeqs[vdeq].nics[nic].no_buffers -= 1;
            self.cover.hit(Mark::LostNoBuffers);
            return false;
        }
        let was_dead = self.is_unplugged(vdeq, nic);
        let result = self.send_out(vdeq, nic, &frame);
        if self.vdeqs[vdeq].subject.does(Canary::DoublesAFrame) {
            let _ = self.send_out(vdeq, nic, &frame);
        }
        if let Some(stream) = self.vdeqs[vdeq].nics[nic].held {
            self.poke(self.streams[stream].switch);
        }
        let lost = match result {
            Ok(()) => return true,
            Err(Errno::Full) => Mark::LostFull,
            Err(Errno::NotConnected) if self.vdeqs[vdeq].nics[nic].relays.has_let_go() => {
                Mark::LostOnTheWayBack
            }
            Err(Errno::NotConnected) => Mark::LostUnplugged,
            Err(_) => Mark::LostDead,
        };
        self.cover.hit(lost);
        self.expect(Law::Frames, was_dead || lost == Mark::LostFull, || {
            format!("a frame of NIC {nic} of VM {vdeq} is lost while its plug is up ({lost:?})")
        });
        false
    }

    /// Whether the frames of a NIC may be lost: it is not up, or its switch does not serve it.
    fn is_unplugged(&self, vdeq: usize, nic: usize) -> bool {
        let state = self.vdeqs[vdeq].subject.states().nth(nic);
        let held = self.vdeqs[vdeq].nics[nic].held;
        state != Some(NicState::Up)
            || held.is_none_or(|stream| self.serves(stream).is_none())
            || self.vdeqs[vdeq].nics[nic].relays.has_let_go()
    }

    /// A frame came for a NIC.
    pub(super) fn wake_guest(&mut self, vdeq: usize, nic: usize) {
        self.pump(vdeq, nic);
        let state = &mut self.vdeqs[vdeq].nics[nic];
        if !std::mem::replace(&mut state.is_read_soon, true) {
            self.soon(Happening::GuestReads(vdeq, nic));
        }
    }

    pub(super) fn guest_reads(&mut self, vdeq: usize, nic: usize) {
        let slow_until = self.vdeqs[vdeq].slow_until;
        if slow_until > self.now {
            return self.at(slow_until, Happening::GuestReads(vdeq, nic));
        }
        let state = &mut self.vdeqs[vdeq].nics[nic];
        state.is_read_soon = false;
        self.read_frames(vdeq, nic);
    }

    /// A guest reads whatever has come.
    pub(super) fn read_frames(&mut self, vdeq: usize, nic: usize) {
        if self.vdeqs[vdeq].end.is_some() {
            return;
        }
        let Nic { data, number, .. } = self.vdeqs[vdeq].nics[nic];
        while let Some(frame) = self.receive(vdeq, nic, data) {
            let shape = self.ledger.received(number, &frame);
            match shape {
                Ok(Shape::Announcement) => {}
                Ok(shape) => {
                    self.cover.hit(Mark::Received);
                    self.cover.add(Mark::Cut, u64::from(shape == Shape::Cut));
                    self.cover.add(Mark::Padded, u64::from(shape == Shape::Padded));
                }
                Err(what) => self.judge(named(Law::Frames, Err(what))),
            }
        }
    }

    fn receive(&mut self, vdeq: usize, nic: usize, data: Sock) -> Option<Frame> {
        let frame = self.kernel.receive(data)?;
        // Now there is room for what a relay may still have.
        self.pump(vdeq, nic);
        Some(frame)
    }
}
