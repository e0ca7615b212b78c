//! What is tested: the supervisor, or one with a planted fault.
//!
//! The supervisor itself has no hooks: a canary alters what goes in and out of it, or how the driver does
//! what it was told. Each stands for a mistake that somebody could make, and breaks one law.

use std::collections::VecDeque;
use std::time::Duration;

use vde_proto::{MacAddr, SocketPath};

use super::laws::Law;
use crate::End;
use crate::supervisor::{
    Event, Input, NicConfig, NicState, NicStatus, Output, Policy, Reconnect, Supervisor,
};

/// A planted fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what is done wrong")]
pub enum Canary {
    LeavesTheLinkUp,
    GivesTheVmAnotherSocket,
    AsksForAnotherPort,
    LosesAnAnswer,
    TakesOrdersTooSoon,
    SwallowsALoss,
    ForgetsTheDeadline,
    KeepsTheNewStream,
    ClosesWithoutHangingUp,
    LeavesTheName,
    KeepsTheRelaysName,
    ForgetsSigterm,
    SignalsTwice,
    ExitsWithZero,
    AnnouncesSomebodyElse,
    DoublesAFrame,
    SendsAnEmptyFrame,
    LeavesBeforeTheSwap,
    KeepsTheCopies,
    RetriesWithoutAPause,
    LetsOthersWait,
    TellsTwice,
    ConnectsToTheLastSwitch,
    AsksBeforeItLeaves,
    UnlinksWhatItWasShown,
}

impl Canary {
    /// All of them, each with the law that it breaks.
    pub const ALL: &'static [(Self, Law)] = &[
        (Self::LeavesTheLinkUp, Law::MinimalEdit),
        (Self::GivesTheVmAnotherSocket, Law::MinimalEdit),
        (Self::AsksForAnotherPort, Law::MinimalEdit),
        (Self::LosesAnAnswer, Law::NothingSilent),
        (Self::TakesOrdersTooSoon, Law::NothingSilent),
        (Self::SwallowsALoss, Law::NothingSilent),
        (Self::ForgetsTheDeadline, Law::NothingSilent),
        (Self::KeepsTheNewStream, Law::NothingLeft),
        (Self::ClosesWithoutHangingUp, Law::NothingLeft),
        (Self::LeavesTheName, Law::NothingLeft),
        (Self::KeepsTheRelaysName, Law::NothingLeft),
        (Self::ForgetsSigterm, Law::Faithful),
        (Self::SignalsTwice, Law::Faithful),
        (Self::ExitsWithZero, Law::Faithful),
        (Self::AnnouncesSomebodyElse, Law::Frames),
        (Self::DoublesAFrame, Law::Frames),
        (Self::SendsAnEmptyFrame, Law::Frames),
        (Self::LeavesBeforeTheSwap, Law::Frames),
        (Self::KeepsTheCopies, Law::Frames),
        (Self::RetriesWithoutAPause, Law::Bounded),
        (Self::LetsOthersWait, Law::Bounded),
        (Self::TellsTwice, Law::Bounded),
        (Self::ConnectsToTheLastSwitch, Law::LeastTrust),
        (Self::AsksBeforeItLeaves, Law::LeastTrust),
        (Self::UnlinksWhatItWasShown, Law::LeastTrust),
    ];
}

/// A supervisor, and what is done wrong on the way to it and back.
#[derive(Debug)]
pub(super) struct Subject {
    supervisor: Supervisor,
    canary: Option<Canary>,
    /// What a canary made of outputs, before the next one is asked for.
    altered: VecDeque<Output>,
    last_path: Option<SocketPath>,
}

impl Subject {
    pub(super) fn new(
        now: Duration,
        policy: Policy,
        nics: Vec<NicConfig>,
        canary: Option<Canary>,
    ) -> Self {
        let supervisor = Supervisor::new(now, policy, nics);
        Self { supervisor, canary, altered: VecDeque::new(), last_path: None }
    }

    pub(super) fn handle(&mut self, now: Duration, input: Input<'_>) {
        let now = match (self.canary, &input) {
            // It believes that its pauses are over.
            (Some(Canary::RetriesWithoutAPause), Input::Tick) if self.is_patient() => {
                self.supervisor.deadline().map_or(now, |deadline| deadline.max(now))
            }
            _ => now,
        };
        self.supervisor.handle(now, input);
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.altered.pop_front() {
            return Some(output);
        }
        loop {
            let output = self.supervisor.poll_output()?;
            match self.canary {
                None => return Some(output),
                Some(canary) => self.alter(canary, output),
            }
            if let Some(output) = self.altered.pop_front() {
                return Some(output);
            }
        }
    }

    fn alter(&mut self, canary: Canary, output: Output) {
        let (first, second) = match (canary, output) {
            (Canary::LeavesTheLinkUp, Output::SetLink(_, false)) => (None, None),
            (Canary::LosesAnAnswer, Output::Answer(_, Err(_))) => (None, None),
            (Canary::SwallowsALoss, Output::Tell(Event::Lost { .. })) => (None, None),
            (Canary::ForgetsSigterm, Output::PassOn(15)) => (None, None),
            (Canary::SignalsTwice, Output::PassOn(number)) => {
                (Some(Output::PassOn(number)), Some(Output::PassOn(number)))
            }
            (Canary::ExitsWithZero, Output::Exit(_)) => (Some(Output::Exit(End::Exited(0))), None),
            (Canary::AsksForAnotherPort, Output::Send(nic, mut request)) => {
                // The upper 24 bits of the type word are the port [P-2.4].
                request[9] ^= 1;
                (Some(Output::Send(nic, request)), None)
            }
            (Canary::AnnouncesSomebodyElse, Output::Announce(nic, mac)) => {
                let [a, b, c, d, e, f] = mac.octets();
                (Some(Output::Announce(nic, MacAddr::new([a, b, c, d, e, !f]))), None)
            }
            (Canary::TellsTwice, Output::Tell(event @ Event::Failing { .. })) => {
                (Some(Output::Tell(event.clone())), Some(Output::Tell(event)))
            }
            (Canary::ConnectsToTheLastSwitch, Output::ConnectData(nic, path)) => {
                let last = self.last_path.replace(path.clone());
                (Some(Output::ConnectData(nic, last.unwrap_or(path))), None)
            }
            (Canary::LeavesBeforeTheSwap, send @ Output::Send(nic, _)) => {
                // Where another socket comes the plug is still up.
                let is_up = self.states().nth(nic) == Some(NicState::Up);
                (is_up.then_some(Output::Unplug(nic)), Some(send))
            }
            (Canary::AsksBeforeItLeaves, unplug @ Output::Unplug(_)) => {
                let next = self.supervisor.poll_output();
                match next {
                    Some(send @ Output::Send(..)) => (Some(send), Some(unplug)),
                    next => (Some(unplug), next),
                }
            }
            (_, output) => (Some(output), None),
        };
        self.altered.extend(first);
        self.altered.extend(second);
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.canary {
            Some(Canary::ForgetsTheDeadline) => None,
            Some(Canary::RetriesWithoutAPause) if self.is_patient() => {
                self.supervisor.deadline().map(|_| Duration::ZERO)
            }
            _ => self.supervisor.deadline(),
        }
    }

    pub(super) fn status(&self) -> impl Iterator<Item = NicStatus> + '_ {
        self.supervisor.status()
    }

    pub(super) fn states(&self) -> impl Iterator<Item = NicState> + '_ {
        self.supervisor.status().map(|nic| nic.state)
    }

    pub(super) fn does(&self, canary: Canary) -> bool {
        self.canary == Some(canary)
    }

    /// Whether the time to give up is not what it waits for.
    fn is_patient(&self) -> bool {
        self.supervisor.policy().reconnect == Reconnect::Always
    }

    /// Whether a call of this NIC is not made, because the first NIC is down.
    pub(super) fn lets_wait(&self, nic: usize) -> bool {
        self.does(Canary::LetsOthersWait) && nic > 0 && self.states().next() == Some(NicState::Down)
    }
}
