//! What stands between the supervisor and the rest of the world: who is told, and who may ask.

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use nix::poll::PollFlags;
use vde_proto::{PortRequest, Vnl};

use crate::relay::{RelayStats, RelayWork};
use crate::supervisor::{Event, MoveError, NicStatus, Ticket};
use crate::vm::End;

/// Attends to a running VM: tells what happens, and hands requests in.
///
/// Nothing here may wait: the VM's networks would wait, too.
pub trait Attendant {
    /// The VM has been started, with all its plugs up.
    fn began(&mut self, report: &Report<'_>) {
        let _ = report;
    }

    /// Something happened.
    fn told(&mut self, event: &Event, report: &Report<'_>);

    /// A request was granted or refused.
    fn answered(&mut self, ticket: Ticket, result: &Result<(), MoveError>, report: &Report<'_>) {
        let _ = (ticket, result, report);
    }

    /// The guest should see its cable plugged in, or pulled.
    fn set_link(&mut self, nic: usize, up: bool) {
        let _ = (nic, up);
    }

    /// The VM has daemonized: whoever waits for its start may go on.
    fn daemonized(&mut self) {}

    /// The VM has ended. Nothing comes after this.
    fn ended(&mut self, end: End) {
        let _ = end;
    }

    /// What else to wait for.
    fn watched(&self) -> Vec<(BorrowedFd<'_>, PollFlags)> {
        Vec::new()
    }

    /// Something happened, perhaps to what is [watched](Self::watched): does what can be done without
    /// waiting, and returns what is wanted.
    fn attend(&mut self, report: &Report<'_>) -> Vec<Order> {
        let _ = report;
        Vec::new()
    }
}

/// Nobody is told.
impl Attendant for () {
    fn told(&mut self, _: &Event, _: &Report<'_>) {}
}

/// A request.
#[derive(Debug)]
pub enum Order {
    /// To plug a NIC in elsewhere.
    Move(Move),
    /// To have frames of a NIC relayed, or not.
    Relay(RelayOrder),
}

/// A request to plug a NIC in elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Which NIC, in the order of the connections.
    pub nic: usize,
    /// The switch, with an absolute path; the same one if `None`.
    pub switch: Option<Vnl>,
    /// The port there. `None` is what the locator says, or any; at the same switch what was asked for
    /// before.
    pub port: Option<PortRequest>,
    /// For the answer.
    pub ticket: Ticket,
}

/// A request for a relay: what there was before is replaced.
#[derive(Debug)]
pub struct RelayOrder {
    /// Which NIC, in the order of the connections.
    pub nic: usize,
    /// What the relay is for; `None` takes it out of the path.
    pub work: Option<RelayWork>,
    /// For the answer.
    pub ticket: Ticket,
}

/// How the VM's networks are.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    pub(crate) now: Duration,
    pub(crate) vm: i32,
    /// The directory of each NIC's switch.
    pub(crate) switches: &'a [&'a Path],
    pub(crate) status: &'a [NicStatus],
    /// What each NIC's relay has counted, if it has one.
    pub(crate) relays: &'a [Option<RelayStats>],
}

impl<'a> Report<'a> {
    /// Each NIC: the directory of its switch, how it is, and for how long.
    pub fn nics(&self) -> impl Iterator<Item = (&'a Path, &'a NicStatus, Duration)> + use<'a> {
        let now = self.now;
        let nics = self.switches.iter().zip(self.status);
        nics.map(move |(switch, status)| (*switch, status, now.saturating_sub(status.since)))
    }

    /// The process id of the VM.
    #[must_use]
    pub fn vm(&self) -> i32 {
        self.vm
    }

    /// What the relay of a NIC has counted, if there is one in its path.
    #[must_use]
    pub fn relay_of(&self, nic: usize) -> Option<&'a RelayStats> {
        self.relays.get(nic)?.as_ref()
    }

    /// The directory of the switch that a NIC belongs to.
    #[must_use]
    pub fn switch_of(&self, nic: usize) -> Option<&'a Path> {
        self.switches.get(nic).copied()
    }
}
