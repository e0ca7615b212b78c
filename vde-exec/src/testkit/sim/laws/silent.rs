//! Law 2: nothing is silent. Every loss, every return and every giving up is told, every request is
//! answered once, and whoever waits has a deadline.

use std::time::Duration;

use super::{After, Known, Verdict, so};
use crate::supervisor::{
    Event, Input, MoveError, NicState, Output, Policy, Reconnect, Stream, Supervisor, Ticket,
    Trouble,
};

/// Bytes that a switch may say on a held stream before it is hung up on.
const CHATTER: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Silent {
    longest: Duration,
    /// How long a lost plug is sought.
    patience: Duration,
    nics: Vec<Nic>,
    open: Vec<(Ticket, usize)>,
    /// Requests for a relay, or for none, that are not answered, and whether they want one.
    splices: Vec<(Ticket, usize, bool)>,
}

#[derive(Debug, Clone)]
struct Nic {
    told: Told,
    /// What the held stream has brought.
    chatter: usize,
    /// Why it has to be lost by the end of this input.
    must_lose: Option<Trouble>,
    /// Calls since it was lost, or since somebody asked for a move.
    calls: u32,
    is_calling: bool,
    /// Since when it has been without a plug.
    left_at: Duration,
    /// The port that it is on, and the one that the switch named last.
    port: Option<u32>,
    named: Option<u32>,
    /// How often it was plugged in again, and since when it has been.
    replugs: u64,
    up_since: Duration,
    /// How many calls it took, as its status says since then; of no matter while somebody moves it.
    took: Option<u32>,
    is_relayed: bool,
}

/// How a NIC is, by what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Up,
    Lost,
    /// It left its switch because somebody asked for that.
    Away,
    LostForGood,
}

impl Silent {
    pub(super) fn new(now: Duration, policy: Policy, nics: &[Known]) -> Self {
        let nic = |known: &Known| Nic {
            told: Told::Up,
            chatter: 0,
            must_lose: None,
            calls: 0,
            is_calling: false,
            left_at: Duration::ZERO,
            port: known.port,
            named: known.port,
            replugs: 0,
            up_since: now,
            took: Some(0),
            is_relayed: false,
        };
        let longest = policy.timeout.saturating_mul(4).max(Supervisor::PAUSES[1]);
        let patience = match policy.reconnect {
            Reconnect::For(time) => time,
            Reconnect::Never | Reconnect::Always => Duration::MAX,
        };
        let nics = nics.iter().map(nic).collect();
        Self { longest, patience, nics, open: Vec::new(), splices: Vec::new() }
    }

    pub(super) fn input(&mut self, input: &Input<'_>) {
        self.nics.iter_mut().for_each(|nic| nic.must_lose = None);
        match *input {
            Input::Replug { nic, ticket, .. } => {
                self.open.push((ticket, nic));
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.took = None;
                }
            }
            Input::Splice { nic, ref relay, ticket } => {
                self.splices.push((ticket, nic, relay.is_some()));
            }
            Input::Closed(nic, Stream::Held) => self.must_lose(nic, Trouble::HungUp),
            Input::Received(nic, Stream::Held, bytes) => {
                if let Some(state) = self.nics.get_mut(nic) {
                    state.chatter += bytes.len();
                    if state.chatter > CHATTER {
                        self.must_lose(nic, Trouble::Chatter);
                    }
                }
            }
            _ => {}
        }
    }

    fn must_lose(&mut self, nic: usize, why: Trouble) {
        if let Some(nic) = self.nics.get_mut(nic).filter(|nic| nic.told == Told::Up) {
            nic.must_lose = Some(why);
        }
    }

    pub(super) fn output(&mut self, now: Duration, output: &Output) -> Verdict {
        match output {
            Output::Tell(event) => self.event(now, event),
            Output::Answer(ticket, result) => self.answer(*ticket, result),
            Output::Abandon(nic) => {
                self.nic(*nic)?.is_calling = false;
                Ok(())
            }
            Output::Dial(nic, _) => {
                let is_moving = self.open.iter().any(|(_, moving)| moving == nic);
                let nic = self.nic(*nic)?;
                nic.calls += u32::from(!nic.is_calling);
                nic.is_calling = true;
                so(is_moving || nic.told != Told::LostForGood, || {
                    "calls although it gave up".to_owned()
                })
            }
            Output::ConnectData(nic, path) => {
                self.nic(*nic)?.named = path.switch_port();
                Ok(())
            }
            Output::Keep(nic) => {
                let nic = self.nic(*nic)?;
                nic.is_calling = false;
                (nic.port, nic.chatter) = (nic.named, 0);
                // Where only the socket changes it has been plugged in all the time.
                nic.replugs += u64::from(nic.told != Told::Up);
                Ok(())
            }
            Output::Unplug(nic) => {
                let is_moving = self.open.iter().any(|(_, moving)| moving == nic);
                let nic = self.nic(*nic)?;
                (nic.chatter, nic.left_at, nic.took) = (0, now, None);
                nic.calls = u32::from(nic.is_calling);
                if nic.must_lose.is_none() && is_moving {
                    nic.told = Told::Away;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn nic(&mut self, nic: usize) -> Result<&mut Nic, String> {
        self.nics.get_mut(nic).ok_or_else(|| format!("there is no NIC {nic}"))
    }

    fn event(&mut self, now: Duration, event: &Event) -> Verdict {
        match event {
            Event::Lost { nic, why, retrying } => {
                let nic = self.nic(*nic)?;
                so(nic.must_lose.as_ref() == Some(why), || format!("{event:?} without a reason"))?;
                nic.must_lose = None;
                nic.told = if *retrying { Told::Lost } else { Told::LostForGood };
            }
            Event::Failing { nic, .. } => {
                let nic = self.nic(*nic)?;
                so(nic.told != Told::Up, || format!("{event:?}, but it is up"))?;
            }
            Event::Plugged { nic, port, outage, attempts, moved } => {
                let moves = self.open.iter().any(|(_, moving)| moving == nic);
                let nic = self.nic(*nic)?;
                so(nic.told != Told::Up, || format!("{event:?}, but it is up"))?;
                let truth = (nic.port, now - nic.left_at, nic.calls, moves);
                let told = (*port, *outage, *attempts, *moved);
                so(told == truth, || format!("{event:?}, but it is {truth:?}"))?;
                nic.took = Some(nic.calls);
                (nic.told, nic.calls, nic.up_since) = (Told::Up, 0, now);
            }
            Event::GaveUp { nic, .. } => {
                let nic = self.nic(*nic)?;
                let may = matches!(nic.told, Told::Lost | Told::Away);
                so(may, || format!("{event:?}, but it is {:?}", nic.told))?;
                nic.told = Told::LostForGood;
            }
            Event::Spliced { nic, is_relayed } => {
                let splices = self.splices.iter();
                let is_wanted =
                    splices.clone().any(|(_, of, wants)| (of, wants) == (nic, is_relayed));
                let nic = self.nic(*nic)?;
                so(is_wanted && nic.is_relayed != *is_relayed, || format!("{event:?} is no news"))?;
                nic.is_relayed = *is_relayed;
            }
            Event::RelayFailed { .. } | Event::CaptureFailed { .. } | Event::SignalRefused(_) => {}
        }
        Ok(())
    }

    fn answer(&mut self, ticket: Ticket, result: &Result<(), MoveError>) -> Verdict {
        if let Some(place) = self.splices.iter().position(|(open, ..)| *open == ticket) {
            let (_, nic, wants) = self.splices.swap_remove(place);
            let nic = self.nics.get_mut(nic);
            let is_so = nic.is_some_and(|nic| {
                // The calls for that are nobody's.
                nic.calls = if nic.told == Told::Up { 0 } else { nic.calls };
                nic.is_relayed == wants
            });
            return so(result.is_err() || is_so, || format!("{ticket:?} is done, but it is not"));
        }
        let open = self.open.iter().position(|(open, _)| *open == ticket);
        let open = open.ok_or_else(|| format!("{ticket:?} is answered, but not open"))?;
        let (_, nic) = self.open.swap_remove(open);
        if let Some(nic) = self.nics.get_mut(nic) {
            if nic.told == Told::Up {
                nic.calls = 0;
            }
            let is_up = nic.told == Told::Up;
            so(result.is_err() || is_up, || format!("{ticket:?} is done, but it is not up"))?;
        }
        Ok(())
    }

    pub(super) fn settled(
        &self,
        now: Duration,
        deadline: Option<Duration>,
        nics: &[After],
    ) -> Verdict {
        let waits = nics.iter().any(|nic| nic.state == NicState::Down && !nic.is_swapping)
            || !self.open.is_empty()
            || self
                .splices
                .iter()
                .any(|(_, nic, _)| nics.get(*nic).is_some_and(|nic| !nic.is_swapping));
        match deadline {
            None => so(!waits, || "somebody waits without a deadline".to_owned()),
            Some(deadline) => so(deadline <= now + self.longest, || {
                format!("the next deadline is {:?} away", deadline - now)
            }),
        }?;
        for (index, (nic, after)) in self.nics.iter().zip(nics).enumerate() {
            so(nic.must_lose.is_none(), || {
                format!("NIC {index} lost its plug, and that is not told: {:?}", nic.must_lose)
            })?;
            let fits = match after.state {
                NicState::Up => nic.told == Told::Up,
                NicState::Down => matches!(nic.told, Told::Lost | Told::Away),
                NicState::GivenUp => nic.told == Told::LostForGood,
            };
            so(fits, || format!("NIC {index} is {:?}, but told {:?}", after.state, nic.told))?;
            nic.status(index, after)?;
            let is_moving = self.open.iter().any(|(_, moving)| *moving == index)
                || self.splices.iter().any(|(_, moving, _)| *moving == index);
            let end = nic.left_at.saturating_add(self.patience);
            if after.state == NicState::Down && !is_moving {
                so(deadline.is_some_and(|deadline| deadline <= end), || {
                    format!("NIC {index} is to be given up after {:?}", self.patience)
                })?;
            }
        }
        Ok(())
    }

    /// When the end has been told.
    pub(super) fn over(&self, deadline: Option<Duration>) -> Verdict {
        so(deadline.is_none(), || "there is a deadline after the end".to_owned())?;
        so(self.open.is_empty(), || format!("nobody answered {:?}", self.open))?;
        so(self.splices.is_empty(), || format!("nobody answered {:?}", self.splices))
    }
}

impl Nic {
    /// Whether its status says how it is.
    fn status(&self, index: usize, after: &After) -> Verdict {
        let (port, replugs, calls) = after.told;
        let is_true = replugs == self.replugs
            && match after.state {
                NicState::Up => {
                    port == self.port
                        && after.since == self.up_since
                        && self.took.is_none_or(|took| took == calls)
                }
                NicState::Down | NicState::GivenUp => {
                    port.is_none() && calls == self.calls && after.since == self.left_at
                }
            };
        let [is_relayed, _] = after.is_relayed;
        let is_true = is_true && is_relayed == self.is_relayed;
        so(is_true, || format!("the status of NIC {index} is {:?}, but it is {self:?}", after.told))
    }
}
