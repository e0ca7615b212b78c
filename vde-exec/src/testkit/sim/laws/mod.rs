//! The seven laws, as somebody sees them who stands between a supervisor and the world.
//!
//! Each file holds one law: a small model of what must be, fed with every input, every output and the
//! state after each, and never with what the supervisor thinks. The first thing that does not fit ends
//! the run.

mod bounded;
mod edit;
mod failing;
mod faithful;
mod frames;
mod left;
mod silent;
mod trust;

use std::fmt;
use std::time::Duration;

use vde_proto::{MacAddr, PortRequest, SocketPath};

use crate::supervisor::{Input, NicState, Output, Policy};

pub(super) use frames::{Ledger, Shape};

/// What must always hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// What nobody asked for stays as it is.
    MinimalEdit = 1,
    /// Whatever happens is told, and every wait has an end.
    NothingSilent,
    /// Nothing remains that could have been removed.
    NothingLeft,
    /// Signals go to the VM, its end is ours.
    Faithful,
    /// Frames are not invented, altered, doubled, reordered or lost without need.
    Frames,
    /// Whatever is repeated has its bounds, and nobody delays others.
    Bounded,
    /// Nothing is done because somebody said so who need not be trusted.
    LeastTrust,
}

/// A law that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub law: Law,
    /// By what.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "law {} ({:?}): {}", self.law as u8, self.law, self.what)
    }
}

/// What one law says about one thing.
type Verdict = Result<(), String>;

/// A verdict of "broken" unless it is so.
fn so(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(what()) }
}

/// One NIC before an output is carried out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Before {
    pub(super) held: bool,
    pub(super) new: bool,
    /// Whether the socket that is going to be connected to the switch has a peer.
    pub(super) connected: bool,
    /// Whether the new stream is there to have another socket face the switch: a relay's, or the VM's
    /// own, which is free only when the request is sent.
    pub(super) is_splicing: bool,
    pub(super) goes_direct: bool,
}

/// One NIC after everything was carried out.
#[derive(Debug, Clone, Copy)]
pub(super) struct After {
    pub(super) state: NicState,
    /// What its status says of the port, of its new plugs and of calls.
    pub(super) told: (Option<u32>, u64, u32),
    pub(super) since: Duration,
    pub(super) link: bool,
    /// Whether the data socket of the VM is the one it was started with, open and under its name.
    pub(super) is_original: bool,
    pub(super) held: bool,
    pub(super) new: bool,
    /// Whether the switch serves the held stream, but what the VM sends goes elsewhere.
    pub(super) is_misplugged: bool,
    /// Whether there is a relay in its path, by its status and in truth.
    pub(super) is_relayed: [bool; 2],
    /// Sockets have just been exchanged, and the supervisor is going to be told at once.
    pub(super) is_swapping: bool,
    /// Whether all names of its sockets are those of sockets that are needed.
    pub(super) has_names: bool,
}

/// What a NIC was made with.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) name: Option<SocketPath>,
    pub(super) asked: PortRequest,
    pub(super) port: Option<u32>,
    pub(super) mac: Option<MacAddr>,
}

/// All laws, for one supervisor.
#[derive(Debug)]
pub(super) struct Laws {
    edit: edit::Edit,
    silent: silent::Silent,
    failing: failing::Failing,
    left: left::Left,
    faithful: faithful::Faithful,
    frames: frames::Announcing,
    bounded: bounded::Bounded,
    trust: trust::Trust,
}

impl Laws {
    pub(super) fn new(now: Duration, policy: Policy, nics: &[Known]) -> Self {
        Self {
            edit: edit::Edit::new(policy.link_state, nics),
            silent: silent::Silent::new(now, policy, nics),
            failing: failing::Failing::new(policy, nics.len()),
            left: left::Left::new(nics.len()),
            faithful: faithful::Faithful::default(),
            frames: frames::Announcing::new(nics),
            bounded: bounded::Bounded::new(now, policy, nics.len()),
            trust: trust::Trust::new(nics.len()),
        }
    }

    /// This is going to be told to the supervisor.
    pub(super) fn input(&mut self, now: Duration, input: &Input<'_>) {
        self.edit.input(input);
        self.silent.input(input);
        self.failing.input(now, input);
        self.left.input();
        self.faithful.input(input);
        self.frames.input(input);
        self.bounded.input(input);
        self.trust.input(input);
    }

    /// The supervisor wants this, and it has not been done yet.
    pub(super) fn output(
        &mut self,
        now: Duration,
        output: &Output,
        before: &[Before],
    ) -> Result<(), Broken> {
        let of = |nic: usize| before.get(nic).copied().unwrap_or_default();
        named(Law::Faithful, self.faithful.output(output))?;
        named(Law::MinimalEdit, self.edit.output(output))?;
        named(Law::NothingSilent, self.silent.output(now, output))?;
        self.failing.output(now, output);
        named(Law::LeastTrust, self.trust.output(output, of))?;
        named(Law::NothingLeft, self.left.output(output, of))?;
        named(Law::Frames, self.frames.output(output))?;
        named(Law::Bounded, self.bounded.output(now, output))
    }

    /// Everything that was wanted is done.
    pub(super) fn settled(
        &mut self,
        now: Duration,
        deadline: Option<Duration>,
        nics: &[After],
    ) -> Result<(), Broken> {
        named(Law::Faithful, self.faithful.settled())?;
        if self.faithful.is_over() {
            return named(Law::NothingSilent, self.silent.over(deadline));
        }
        named(Law::MinimalEdit, self.edit.settled(nics))?;
        named(Law::NothingSilent, self.silent.settled(now, deadline, nics))?;
        named(Law::NothingSilent, self.failing.settled())?;
        named(Law::NothingLeft, self.left.settled(nics))?;
        named(Law::Bounded, self.bounded.settled(now, deadline, nics))?;
        named(Law::Frames, self.frames.settled(nics))
    }
}

/// The verdict of this law.
pub(super) fn named(law: Law, verdict: Verdict) -> Result<(), Broken> {
    verdict.map_err(|what| Broken { law, what })
}

/// The NIC that an output is about.
fn nic_of(output: &Output) -> Option<usize> {
    match output {
        Output::Dial(nic, _)
        | Output::Send(nic, _)
        | Output::Unplug(nic)
        | Output::ConnectData(nic, _)
        | Output::Keep(nic)
        | Output::Swap(nic)
        | Output::Abandon(nic)
        | Output::Announce(nic, _)
        | Output::SetLink(nic, _) => Some(*nic),
        Output::PassOn(_)
        | Output::Stop
        | Output::Tell(_)
        | Output::Answer(..)
        | Output::Exit(_) => None,
    }
}
