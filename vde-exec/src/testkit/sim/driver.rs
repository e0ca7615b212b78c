//! A vdeq and its VM: tells the supervisor what happens, as the real driver does. What comes of its own
//! calls is told at once; what happens to its sockets is noticed late.

use std::collections::VecDeque;
use std::time::Duration;

use vde_proto::{MacAddr, PortRequest, SocketPath};

use super::brief::Brief;
use super::cover::Mark;
use super::kernel::Sock;
use super::laws::{After, Before, Law, Laws};
use super::plan::Plan;
use super::relays::Relays;
use super::subject::Subject;
use super::world::{Client, Happening, World};
use crate::End;
use crate::supervisor::{Input, NicState, Stream, Ticket};

/// How many frames a data socket takes.
pub(super) const ROOM: usize = 12;

/// One vdeq with its VM.
#[derive(Debug)]
pub(super) struct Vdeq {
    pub(super) uid: u32,
    pub(super) subject: Subject,
    pub(super) laws: Laws,
    pub(super) nics: Vec<Nic>,
    /// What came of calls, not yet told.
    pub(super) results: VecDeque<Input<'static>>,
    /// How the VM ended.
    pub(super) end: Option<End>,
    pub(super) is_over: bool,
    /// The VM has changed its user, so that signals are refused.
    pub(super) is_out_of_reach: bool,
    /// When it is going to look at the clock, and the number of that tick.
    pub(super) tick: Option<(u64, u64)>,
    pub(super) ticks: u64,
    /// When its guest reads frames again, and when it itself runs again.
    pub(super) slow_until: u64,
    pub(super) asleep_until: u64,
    pub(super) tickets: u64,
    /// Requests that are not answered: which NIC, and which port was asked for.
    pub(super) moves: Vec<(Ticket, usize, PortRequest)>,
    /// Requests for a relay, or for none, that are not answered: which NIC.
    pub(super) splices: Vec<(Ticket, usize)>,
    /// Orders that a canary takes at the wrong time.
    pub(super) hasty: Vec<Input<'static>>,
}

/// A NIC, its sockets and its cable.
#[derive(Debug)]
pub(super) struct Nic {
    /// Its number in the whole world.
    pub(super) number: usize,
    pub(super) data: Sock,
    pub(super) original: Sock,
    pub(super) name: SocketPath,
    pub(super) home: usize,
    /// The port that is asked for there.
    pub(super) asked: PortRequest,
    pub(super) elsewhere: usize,
    pub(super) new_target: usize,
    pub(super) held: Option<usize>,
    pub(super) new: Option<usize>,
    pub(super) link: bool,
    /// So many of the guest's next frames find no buffer.
    pub(super) no_buffers: u32,
    /// The guest is going to look at it.
    pub(super) is_read_soon: bool,
    pub(super) relays: Relays,
}

pub(super) fn mac_of(number: usize) -> MacAddr {
    MacAddr::new([2, 0, 0, 0, 0, u8::try_from(number + 1).unwrap_or_default()])
}

impl World {
    /// Tells the supervisor what happened, and does everything that it then wants.
    pub(super) fn feed(&mut self, index: usize, input: Input<'_>) {
        if self.broken.is_some() {
            return;
        }
        self.tell(index, input);
        while let Some(result) = self.vdeqs[index].results.pop_front() {
            if self.broken.is_some() {
                return;
            }
            self.tell(index, result);
        }
        self.arm(index);
    }

    fn tell(&mut self, index: usize, input: Input<'_>) {
        let now = self.time();
        self.note(|| format!("vdeq {index} <- {}", Brief(&input)));
        let vdeq = &mut self.vdeqs[index];
        let is_tick = input == Input::Tick;
        vdeq.laws.input(now, &input);
        vdeq.subject.handle(now, input);
        let hasty = if is_tick { std::mem::take(&mut vdeq.hasty) } else { Vec::new() };
        for order in hasty {
            vdeq.laws.input(now, &order);
            vdeq.subject.handle(now, order);
        }
        while let Some(output) = self.vdeqs[index].subject.poll_output() {
            self.note(|| format!("vdeq {index} -> {}", Brief(&output)));
            let before = self.before(index);
            let verdict = self.vdeqs[index].laws.output(now, &output, &before);
            self.judge(verdict);
            if self.broken.is_some() {
                return;
            }
            self.carry_out(index, output);
        }
        let empty = self.kernel.empty;
        self.expect(Law::Frames, empty == 0, || format!("{empty} empty datagrams were sent"));
        let after = self.after(index);
        let vdeq = &mut self.vdeqs[index];
        let count = vdeq.nics.len();
        let verdict = vdeq.laws.settled(now, vdeq.subject.deadline(), &after[..count]);
        self.judge(verdict);
    }

    fn before(&self, index: usize) -> [Before; Plan::MOST_NICS] {
        let mut all = [Before::default(); Plan::MOST_NICS];
        for (nic, before) in self.vdeqs[index].nics.iter().zip(&mut all) {
            *before = Before {
                held: nic.held.is_some(),
                new: nic.new.is_some(),
                connected: self.kernel.peer(nic.relays.next_face(nic.data)).is_some(),
                is_splicing: nic.relays.has_begun(),
                goes_direct: nic.relays.goes_direct(),
            };
        }
        all
    }

    fn after(&self, index: usize) -> [After; Plan::MOST_NICS] {
        let nothing = After {
            state: NicState::GivenUp,
            told: (None, 0, 0),
            since: Duration::ZERO,
            link: false,
            is_original: true,
            held: false,
            new: false,
            is_misplugged: false,
            is_relayed: [false; 2],
            is_swapping: false,
            has_names: true,
        };
        let mut all = [nothing; Plan::MOST_NICS];
        let vdeq = &self.vdeqs[index];
        let nics = vdeq.nics.iter().enumerate().zip(vdeq.subject.status());
        for (((number, nic), status), after) in nics.zip(&mut all) {
            let served_by = nic.held.and_then(|stream| self.serves(stream));
            *after = After {
                state: status.state,
                told: (status.port, status.replugs, status.attempts),
                since: status.since,
                link: nic.link,
                is_original: nic.data == nic.original
                    && self.kernel.is_open(nic.data)
                    && self.kernel.named(&nic.name) == Some(nic.data),
                held: nic.held.is_some(),
                new: nic.new.is_some(),
                is_misplugged: served_by
                    .is_some_and(|sock| !self.is_in_line(index, number, sock)),
                is_relayed: [status.is_relayed, nic.relays.relay.is_some()],
                is_swapping: vdeq.results.iter().any(|result| {
                    matches!(*result, Input::Swapped(nic) | Input::SwapFailed(nic, _) if nic == number)
                }),
                has_names: self.names_of(index, number) == 1 + nic.relays.names(),
            };
        }
        all
    }

    /// How many names the sockets of a NIC have.
    fn names_of(&self, index: usize, nic: usize) -> usize {
        self.kernel.names_below(&format!("/v{index}.{nic}")).count()
    }

    /// Sees to it that the supervisor is told when its time comes.
    fn arm(&mut self, index: usize) {
        let Some(deadline) = self.vdeqs[index].subject.deadline() else { return };
        let deadline = u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX).max(self.now);
        if self.vdeqs[index].tick.is_some_and(|(at, _)| at <= deadline) {
            return;
        }
        let late = if self.plan.jitter == 0 { 0 } else { self.latency() };
        if late > 1_000_000 {
            self.cover.hit(Mark::LateTick);
        }
        let vdeq = &mut self.vdeqs[index];
        vdeq.ticks += 1;
        vdeq.tick = Some((deadline, vdeq.ticks));
        let number = vdeq.ticks;
        self.at(deadline.saturating_add(late), Happening::Tick(index, number));
    }

    /// Whether a vdeq is stopped; then it happens when it goes on.
    pub(super) fn is_asleep(&mut self, index: usize, happening: Happening) -> bool {
        let until = self.vdeqs[index].asleep_until;
        let is_asleep = until > self.now;
        if is_asleep {
            self.at(until, happening);
        }
        is_asleep
    }

    pub(super) fn vdeq_ticks(&mut self, index: usize, number: u64) {
        if self.is_asleep(index, Happening::Tick(index, number)) {
            return;
        }
        let vdeq = &mut self.vdeqs[index];
        if vdeq.tick.is_some_and(|(_, awaited)| awaited == number) {
            vdeq.tick = None;
        } else {
            self.cover.hit(Mark::EarlyTick);
        }
        self.feed(index, Input::Tick);
    }

    /// Something can be read from a stream.
    pub(super) fn vdeq_reads(&mut self, index: usize, stream: usize) {
        if self.is_asleep(index, Happening::Readable(index, stream)) {
            return;
        }
        self.streams[stream].is_watched = false;
        let Client::Nic(_, nic) = self.streams[stream].client else { return };
        let which = match &self.vdeqs[index].nics[nic] {
            state if state.held == Some(stream) => Stream::Held,
            state if state.new == Some(stream) => Stream::New,
            _ => return,
        };
        let state = &mut self.streams[stream];
        if !state.to_client.is_empty() {
            let all = std::mem::take(&mut state.to_client);
            // More than a page at a time would be a strange reader.
            let (now, rest) = all.split_at(all.len().min(4096));
            state.to_client = rest.to_vec();
            if !rest.is_empty() || !state.switch_open {
                self.wake_client(stream);
            }
            self.feed(index, Input::Received(nic, which, now));
        } else if !state.switch_open {
            self.feed(index, Input::Closed(nic, which));
        }
    }

    /// The VM's end is noticed.
    pub(super) fn vm_ended(&mut self, index: usize) {
        if self.is_asleep(index, Happening::VmEnded(index)) {
            return;
        }
        if let Some(end) = self.vdeqs[index].end {
            self.feed(index, Input::VmEnded(end));
        }
    }

    /// The VM ends now.
    pub(super) fn end_vm(&mut self, index: usize, end: End) {
        if self.vdeqs[index].end.is_some() {
            return;
        }
        self.note(|| format!("VM {index} ends: {end:?}"));
        self.vdeqs[index].end = Some(end);
        for stream in 0..self.streams.len() {
            if matches!(self.streams[stream].client, Client::Nic(vdeq, _) if vdeq == index) {
                self.streams[stream].vm_open = false;
                self.poke(self.streams[stream].switch);
            }
        }
        self.soon(Happening::VmEnded(index));
    }
}

/// How long a vdeq may take to come back to a switch that is well again.
pub(super) fn longest_return(timeout: Duration) -> Duration {
    // A call under way, a move under way and its way back, and the longest pause between them.
    timeout * 10 + crate::supervisor::Supervisor::PAUSES[1] * 2 + Duration::from_secs(1)
}
