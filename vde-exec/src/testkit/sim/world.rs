//! The simulated world: a clock, a queue of what is going to happen, and everything it happens to.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::time::Duration;

use super::choices::{Choices, Random};
use super::cover::{Cover, Mark};
use super::driver::Vdeq;
use super::kernel::Kernel;
use super::laws::{Broken, Law, Ledger, named};
use super::plan::Plan;
use super::subject::Canary;
use super::switches::Host;

/// Where the other end of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// A NIC of a vdeq.
    Nic(usize, usize),
    /// Somebody who takes a port and keeps it.
    Taker,
}

/// A control stream, seen from both ends.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) switch: usize,
    pub(super) client: Client,
    /// Whether the client's descriptor is open; that which its VM inherited; and whether the client has
    /// said that it will send no more.
    pub(super) client_open: bool,
    pub(super) vm_open: bool,
    pub(super) client_shut: bool,
    /// Whether the switch has its end.
    pub(super) switch_open: bool,
    pub(super) is_accepted: bool,
    pub(super) to_switch: Vec<Vec<u8>>,
    pub(super) to_client: Vec<u8>,
    /// What the switch is going to say, and when.
    pub(super) later: Vec<(u64, Vec<u8>)>,
    /// Somebody is going to look at the client's end.
    pub(super) is_watched: bool,
}

impl Stream {
    /// Whether the switch reads the end of file.
    pub(super) fn is_at_end(&self) -> bool {
        self.client_shut || !(self.client_open || self.vm_open)
    }
}

/// What is going to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happening {
    /// A switch looks at its sockets.
    Switch(usize),
    /// A vdeq looks at one of its control streams.
    Readable(usize, usize),
    /// A vdeq looks at the clock.
    Tick(usize, u64),
    /// A guest looks at one of its NICs.
    GuestReads(usize, usize),
    /// A guest sends something.
    GuestSends(usize, usize),
    /// A VM ends by this signal.
    VmDies(usize, i32),
    /// A vdeq learns that its VM has ended.
    VmEnded(usize),
    /// A vdeq learns that a relay has ended by itself.
    RelayEnded(usize, usize),
}

/// Most steps of a run. Far more than any honest one takes.
const MOST_STEPS: u64 = 200_000;

/// Everything there is.
#[derive(Debug)]
pub(super) struct World {
    /// In nanoseconds.
    pub(super) now: u64,
    queue: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    /// Tells happenings of the same moment apart.
    number: u64,
    pub(super) plan: Plan,
    pub(super) choices: Choices,
    pub(super) jitter: Random,
    pub(super) kernel: Kernel,
    pub(super) streams: Vec<Stream>,
    pub(super) switches: Vec<Host>,
    pub(super) vdeqs: Vec<Vdeq>,
    pub(super) ledger: Ledger,
    pub(super) cover: Cover,
    pub(super) broken: Option<Broken>,
    pub(super) trace: Option<String>,
    pub(super) canary: Option<Canary>,
}

impl World {
    pub(super) fn new(mut choices: Choices, canary: Option<Canary>, is_traced: bool) -> Self {
        let plan = Plan::draw(&mut choices);
        let mut world = Self {
            now: 1_000_000_000,
            queue: BinaryHeap::new(),
            number: 0,
            jitter: Random::new(plan.jitter.into()),
            plan,
            choices,
            kernel: Kernel::default(),
            streams: Vec::new(),
            switches: Vec::new(),
            vdeqs: Vec::new(),
            ledger: Ledger::default(),
            cover: Cover::default(),
            broken: None,
            trace: is_traced.then(String::new),
            canary,
        };
        world.cover.hit(Mark::Runs);
        world.open_switches();
        world.start_vms();
        world
    }

    /// The whole story: the script, the calm after it, and the end.
    pub(super) fn run(&mut self) {
        for _ in 0..self.plan.acts {
            if self.broken.is_some() {
                return;
            }
            self.act();
        }
        self.calm();
    }

    pub(super) fn time(&self) -> Duration {
        Duration::from_nanos(self.now)
    }

    /// Lets this much time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + u64::try_from(time.as_nanos()).unwrap_or_default();
        while let Some(Reverse((at, _, happening))) = self.queue.peek().copied() {
            if at > end || self.broken.is_some() {
                break;
            }
            self.queue.pop();
            self.now = self.now.max(at);
            self.cover.hit(Mark::Steps);
            if self.cover.of(Mark::Steps) > MOST_STEPS {
                let what = "the world does not come to rest".to_owned();
                self.broken = Some(Broken { law: Law::Bounded, what });
            }
            self.happen(happening);
        }
        self.now = end;
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Switch(switch) => self.switch_looks(switch),
            Happening::Readable(vdeq, stream) => self.vdeq_reads(vdeq, stream),
            Happening::Tick(vdeq, number) => self.vdeq_ticks(vdeq, number),
            Happening::GuestReads(vdeq, nic) => self.guest_reads(vdeq, nic),
            Happening::GuestSends(vdeq, nic) => self.guest_sends(vdeq, nic),
            Happening::VmDies(vdeq, signal) => self.end_vm(vdeq, crate::End::Killed(signal)),
            Happening::VmEnded(vdeq) => self.vm_ended(vdeq),
            Happening::RelayEnded(vdeq, nic) => self.relay_ended(vdeq, nic),
        }
    }

    /// It will happen at that time.
    pub(super) fn at(&mut self, time: u64, happening: Happening) {
        self.number += 1;
        self.queue.push(Reverse((time, self.number, happening)));
    }

    /// It will happen when somebody has noticed.
    pub(super) fn soon(&mut self, happening: Happening) {
        let latency = self.latency();
        self.at(self.now + latency, happening);
    }

    /// How long it takes to notice something, this time.
    pub(super) fn latency(&mut self) -> u64 {
        let most = u64::try_from(self.plan.latency.as_nanos()).unwrap_or_default();
        if self.plan.jitter == 0 { 1_000 } else { 1_000 + self.jitter.up_to(most) }
    }

    /// Somebody changed what the client of a stream can see.
    pub(super) fn wake_client(&mut self, stream: usize) {
        if let Client::Nic(vdeq, _) = self.streams[stream].client {
            if !self.streams[stream].is_watched && self.streams[stream].client_open {
                self.streams[stream].is_watched = true;
                self.soon(Happening::Readable(vdeq, stream));
            }
        }
    }

    /// Writes a line of the trace.
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let micros = (self.now - 1_000_000_000) / 1_000;
            let _ = writeln!(trace, "{:>9}.{:03} ms  {}", micros / 1000, micros % 1000, line());
        }
    }

    /// Remembers the first law that was broken.
    pub(super) fn judge(&mut self, verdict: Result<(), Broken>) {
        if let Err(broken) = verdict {
            self.broken.get_or_insert(broken);
        }
    }

    pub(super) fn expect(&mut self, law: Law, holds: bool, what: impl FnOnce() -> String) {
        let verdict = if holds { Ok(()) } else { Err(what()) };
        self.judge(named(law, verdict));
    }
}
