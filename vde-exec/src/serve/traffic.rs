//! Frames on their way between the endpoints of a switch.
//!
//! # Theory of operation
//!
//! Frames are received into one piece of memory, from one endpoint after the other, and stay there until
//! it is full or nobody has more: [`Traffic::take`] asks the engine who gets each and notes it at the
//! receiver; [`Traffic::flush`] then sends each receiver all of its frames in one system call. So a frame
//! is copied by the kernel alone, and what one endpoint sent to another stays in order.
//!
//! What a receiver has no room for waits in the [`Backlog`], and so does the sender. There alone is a
//! frame copied once more. [`Traffic::go_on`] sends it when there is room.
//!
//! The sockets are somebody else's ([`Lines`]), so that all this can be tried without any, and without
//! time (`traffic/tests.rs`).

use std::rc::Rc;
use std::time::Duration;

use vde_proto::switch::{EndpointId, Switch};
use vde_proto::wire::frame;

use super::backlog::Backlog;

#[cfg(test)]
mod tests;

/// How many frames are under way at a time.
pub(super) const FRAMES: usize = 64;

/// Room for a frame: one byte more than the longest, so that a longer one is known for what it is. The
/// beginnings of frames fall into different places of the processor's caches.
pub(super) const ROOM: usize = 9 * 1024 + 64;
const _: () = assert!(ROOM > frame::LIBRARY_MAX);

/// The sockets of the endpoints.
pub(super) trait Lines {
    /// Receives frames that `from` sent, one into each piece of `room` as long as there are some, and
    /// tells their lengths, also of those that are longer than a piece, and how many there are.
    fn receive(
        &mut self,
        from: EndpointId,
        room: &mut [[u8; ROOM]],
        lengths: &mut [usize; FRAMES],
    ) -> usize;

    /// Sends at most [`FRAMES`] frames to `to`, as long as there is room, and tells how many.
    fn send<'a>(&mut self, to: EndpointId, frames: impl Iterator<Item = &'a [u8]> + Clone) -> Sent;

    /// From now on tells of frames that came from this endpoint if it is asked for `frames`, and when
    /// there is some room for others if it is asked for `room`.
    fn watch(&mut self, endpoint: EndpointId, frames: bool, room: bool);
}

/// What became of frames that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// This many are on their way.
    Some(usize),
    /// The first of them is not taken, however long one waits.
    Refused,
    /// Nobody is there, and will ever be.
    Nobody,
}

/// Frames on their way.
pub(super) struct Traffic {
    /// By rising numbers.
    receivers: Vec<Receiver>,
    room: Box<[[u8; ROOM]]>,
    /// The lengths of the frames in `room`, in their order, and who sent them.
    under_way: Vec<(usize, EndpointId)>,
    /// Whose turn it is to be sent to: places in `receivers`.
    turns: Vec<usize>,
    backlog: Backlog,
    /// Copies of the frames in `room` that have to wait.
    copies: Vec<Option<Rc<[u8]>>>,
    /// For the engine to fill.
    to: Vec<EndpointId>,
    /// For a frame that the engine changed.
    changed: Vec<u8>,
    /// For the backlog to fill.
    freed: Vec<EndpointId>,
}

/// An endpoint that frames can go to.
#[derive(Debug)]
struct Receiver {
    id: EndpointId,
    /// The frames for it, by their places in the room.
    pending: Vec<usize>,
}

impl Traffic {
    pub(super) fn new() -> Self {
        Self {
            receivers: Vec::new(),
            room: vec![[0; ROOM]; FRAMES].into(),
            under_way: Vec::with_capacity(FRAMES),
            turns: Vec::new(),
            backlog: Backlog::default(),
            copies: vec![None; FRAMES],
            to: Vec::new(),
            changed: Vec::new(),
            freed: Vec::new(),
        }
    }

    /// Adds the endpoint with the highest number so far.
    pub(super) fn add(&mut self, id: EndpointId) {
        self.receivers.push(Receiver { id, pending: Vec::new() });
    }

    /// Takes an endpoint away. No frame may be under way.
    pub(super) fn remove(&mut self, id: EndpointId, lines: &mut impl Lines) {
        if let Some(place) = self.find(id.get()) {
            self.receivers.remove(place);
        }
        self.backlog.remove(id, &mut self.freed);
        self.let_go(lines);
    }

    /// Takes what the endpoint with this number sent, and asks the switch who gets it.
    pub(super) fn take(
        &mut self,
        switch: &mut Switch,
        lines: &mut impl Lines,
        now: Duration,
        number: u64,
    ) {
        if self.under_way.len() == FRAMES {
            self.flush(switch, lines, now);
        }
        let Some(from) = self.id(number) else { return };
        if self.backlog.holds(from) {
            // Not for frames, then: for what the set tells of whether asked or not.
            watch(from, &self.backlog, lines);
            return;
        }
        let first = self.under_way.len();
        let room = self.room.get_mut(first..).unwrap_or_default();
        let mut lengths = [0; FRAMES];
        let received = lines.receive(from, room, &mut lengths);
        let frames = room.iter_mut().zip(lengths).take(received);
        for (index, (room, length)) in (first..).zip(frames) {
            let frame = room.get(..length).unwrap_or(room);
            let forwarded = switch.forward(now, from, frame, &mut self.to);
            let length = forwarded.frame.len();
            let is_changed = !std::ptr::eq(forwarded.frame.as_ptr(), frame.as_ptr());
            if is_changed && length > 0 {
                self.changed.clear();
                self.changed.extend_from_slice(forwarded.frame);
                room.iter_mut().zip(&self.changed).for_each(|(to, from)| *to = *from);
            }
            self.under_way.push((length, from));
            for to in &self.to {
                let Some(place) = find(&self.receivers, to.get()) else { continue };
                let Some(receiver) = self.receivers.get_mut(place) else { continue };
                if receiver.pending.is_empty() {
                    self.turns.push(place);
                }
                receiver.pending.push(index);
            }
        }
    }

    /// Sends what was taken.
    pub(super) fn flush(&mut self, switch: &mut Switch, lines: &mut impl Lines, now: Duration) {
        let Self { room, under_way, backlog, .. } = self;
        let frame = |index: usize| {
            let (length, from) = *under_way.get(index)?;
            Some((from, room.get(index)?.get(..length)?))
        };
        for place in self.turns.drain(..) {
            let Some(receiver) = self.receivers.get_mut(place) else { continue };
            let to = receiver.id;
            let had_to_wait = backlog.waits_for(to);
            let mut sent = 0;
            if !had_to_wait {
                // After one that is refused the others may still be taken.
                while let Some(rest) = receiver.pending.get(sent..).filter(|rest| !rest.is_empty())
                {
                    let frames = rest.iter().filter_map(|&index| Some(frame(index)?.1));
                    match lines.send(to, frames) {
                        Sent::Some(0) => break,
                        Sent::Some(count) => sent += count,
                        Sent::Refused => {
                            switch.unsent(to);
                            sent += 1;
                        }
                        Sent::Nobody => {
                            rest.iter().for_each(|_| switch.unsent(to));
                            sent = receiver.pending.len();
                        }
                    }
                }
            }
            for index in receiver.pending.drain(..).skip(sent) {
                let copy = self.copies.get_mut(index).zip(frame(index));
                match copy.filter(|_| backlog.admits(now, to)) {
                    Some((copy, (from, frame))) => backlog.keep(now, (from, to), frame, copy),
                    None => switch.unsent(to),
                }
            }
            if !had_to_wait && backlog.waits_for(to) {
                watch(to, backlog, lines);
            }
        }
        // Whoever sent them waits, too.
        let mut last = None;
        for ((_, from), copy) in self.under_way.drain(..).zip(&mut self.copies) {
            if copy.take().is_some() && last.replace(from) != Some(from) {
                watch(from, &self.backlog, lines);
            }
        }
    }

    /// Sends what waits for the endpoint with this number, as far as there is room for it.
    pub(super) fn go_on(
        &mut self,
        switch: &mut Switch,
        lines: &mut impl Lines,
        now: Duration,
        number: u64,
    ) {
        let Some(to) = self.id(number) else { return };
        while self.backlog.waits_for(to) {
            match lines.send(to, self.backlog.frames(to)) {
                Sent::Some(0) => break,
                Sent::Some(count) => self.backlog.took(now, to, count, &mut self.freed),
                Sent::Refused => {
                    switch.unsent(to);
                    self.backlog.took(now, to, 1, &mut self.freed);
                }
                Sent::Nobody => {
                    let lost = self.backlog.drop_all(to, &mut self.freed);
                    (0..lost).for_each(|_| switch.unsent(to));
                }
            }
        }
        if !self.backlog.waits_for(to) {
            watch(to, &self.backlog, lines);
        }
        self.let_go(lines);
    }

    /// When [`keep_time`](Self::keep_time) has something to do.
    pub(super) fn due(&self) -> Option<Duration> {
        self.backlog.due()
    }

    /// Gives up those who were waited for in vain.
    pub(super) fn keep_time(&mut self, switch: &mut Switch, lines: &mut impl Lines, now: Duration) {
        while let Some(to) = self.backlog.overdue(now) {
            // There may be room, though too little to be told of.
            self.go_on(switch, lines, now, to.get());
            if self.backlog.is_overdue(now, to) {
                let lost = self.backlog.pass_over(now, to, &mut self.freed);
                (0..lost).for_each(|_| switch.unsent(to));
                watch(to, &self.backlog, lines);
                self.let_go(lines);
            }
        }
    }

    /// Listens again to those who were held.
    fn let_go(&mut self, lines: &mut impl Lines) {
        for sender in self.freed.drain(..) {
            watch(sender, &self.backlog, lines);
        }
    }

    fn id(&self, number: u64) -> Option<EndpointId> {
        self.receivers.get(self.find(number)?).map(|receiver| receiver.id)
    }

    fn find(&self, number: u64) -> Option<usize> {
        find(&self.receivers, number)
    }
}

/// Has an endpoint watched for what the backlog wants of it.
fn watch(endpoint: EndpointId, backlog: &Backlog, lines: &mut impl Lines) {
    lines.watch(endpoint, !backlog.holds(endpoint), backlog.waits_for(endpoint));
}

/// The place of the endpoint with this number.
fn find(receivers: &[Receiver], number: u64) -> Option<usize> {
    receivers.binary_search_by_key(&number, |receiver| receiver.id.get()).ok()
}
