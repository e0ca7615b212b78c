//! One NIC: held by a plug, or on its way to the next one.

use std::collections::VecDeque;
use std::time::Duration;

use vde_proto::plug::{Input as PlugInput, Output as PlugOutput};
use vde_proto::{ClientAddress, DialFailure, Plug, PlugConfig, PlugError, PortRequest, SocketPath};

use super::backoff::{Backoff, FLAP, STEADY};
use super::{
    Event, Input, MoveError, NicConfig, NicState, NicStatus, Output, Policy, Reconnect, Stream,
    Target, Ticket, Trouble,
};
use crate::dial::{ATTEMPTS, PAUSE};

/// Most bytes that a switch may say on a control stream that should be silent \[P-13.9\] before it is
/// hung up on.
const MAX_CHATTER: usize = 64 * 1024;

/// How many times the usual timeout a switch has that is called again. It may be hanging, and to
/// hang up on it while it answers can cost it a port for ever \[P-7.10\].
const PATIENCE: u32 = 4;

/// A NIC. While it is neither held nor given up, an attempt is under way or `retry_at` is set.
#[derive(Debug)]
pub(super) struct Nic {
    pub(super) index: usize,
    pub(super) config: NicConfig,
    policy: Policy,
    pub(super) held: Option<Held>,
    pub(super) attempt: Option<Attempt>,
    /// Where a switch reaches the relay that is in the path, if one is.
    pub(super) relay: Option<SocketPath>,
    /// A splice that needs no handshake, since there is no plug.
    pub(super) swap: Option<Swap>,
    /// The switch was given up that did not answer, but its stream is still open: where it ends, somebody
    /// has ended the switch that hung.
    lingers: bool,
    /// That has happened in this outage: pauses are kept from now on.
    has_hurried: bool,
    pub(super) retry_at: Option<Duration>,
    /// Since when it is not held.
    lost_at: Duration,
    pub(super) given_up: bool,
    pub(super) backoff: Backoff,
    /// Calls since the plug was lost.
    attempts: u32,
    replugs: u64,
    last_trouble: Option<Trouble>,
    /// What was told last of the calls of this outage.
    told: Option<PlugError>,
}

/// A plug that is up.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) since: Duration,
    pub(super) port: Option<u32>,
    /// Bytes that the switch said.
    pub(super) chatter: usize,
}

/// What is wanted of a handshake.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) target: Target,
    pub(super) port: PortRequest,
    /// Whose request it is; nobody's if the plug was lost.
    pub(super) ticket: Option<Ticket>,
    /// What is going to face the switch, if that changes: the relay at this address, or none.
    pub(super) splice: Option<Option<SocketPath>>,
}

/// A handshake under way.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) plug: Plug,
    pub(super) call: Call,
    /// The port that the switch gave.
    pub(super) given: Option<u32>,
}

/// A splice under way.
#[derive(Debug)]
pub(super) struct Swap {
    pub(super) relay: Option<SocketPath>,
    pub(super) ticket: Ticket,
}

impl Nic {
    pub(super) fn new(index: usize, config: NicConfig, policy: Policy, now: Duration) -> Self {
        let held = Held { since: now, port: config.port, chatter: 0 };
        let nth = u64::try_from(index).unwrap_or_default();
        Self {
            index,
            config,
            policy,
            held: Some(held),
            attempt: None,
            relay: None,
            swap: None,
            lingers: false,
            has_hurried: false,
            retry_at: None,
            lost_at: now,
            given_up: false,
            backoff: Backoff::new(policy.seed.wrapping_add(nth << 32)),
            attempts: 0,
            replugs: 0,
            last_trouble: None,
            told: None,
        }
    }

    /// What happened to one of its sockets.
    pub(super) fn handle(&mut self, now: Duration, input: &Input<'_>, out: &mut VecDeque<Output>) {
        if self.lingers {
            match input {
                Input::Closed(_, Stream::New) if !self.has_hurried => {
                    self.has_hurried = true;
                    return self.call(now, self.home(), out);
                }
                // It ends again, or answers when nobody waits any more.
                Input::Closed(_, Stream::New) | Input::Received(_, Stream::New, _) => {
                    return self.abandon(out);
                }
                _ => {}
            }
        }
        let event = match *input {
            Input::Closed(_, Stream::Held) => return self.lose(now, Trouble::HungUp, out),
            Input::Received(_, Stream::Held, bytes) => return self.listen(now, bytes.len(), out),
            Input::Closed(_, Stream::New) => PlugInput::Closed,
            Input::Received(_, Stream::New, bytes) => PlugInput::Received(bytes),
            Input::Dialed(_) => PlugInput::Dialed,
            Input::DialFailed(_, failure) => PlugInput::DialFailed(failure),
            Input::DataConnected(_) => PlugInput::DataConnected,
            Input::DataConnectFailed(_, failure) => PlugInput::DataConnectFailed(failure),
            Input::Swapped(_) => return self.swapped(now, out),
            Input::SwapFailed(_, errno) => return self.swap_failed(now, errno, out),
            _ => return,
        };
        self.advance(now, event, out);
    }

    pub(super) fn tick(&mut self, now: Duration, out: &mut VecDeque<Output>) {
        if self.limit().is_some_and(|limit| now >= limit) {
            return self.give_up(out);
        }
        self.advance(now, PlugInput::Tick, out);
        if self.retry_at.is_some_and(|at| now >= at) {
            if self.lingers {
                // A switch that loses track of who comes while somebody goes [P-7.8] has to notice first.
                self.abandon(out);
                self.retry_at = Some(now.saturating_add(PAUSE));
                return;
            }
            self.call(now, self.home(), out);
        }
    }

    /// Plugs in elsewhere, because somebody wants that.
    pub(super) fn replug(
        &mut self,
        now: Duration,
        target: Target,
        port: PortRequest,
        ticket: Ticket,
        out: &mut VecDeque<Output>,
    ) {
        if self.config.address.is_none() {
            return out.push_back(Output::Answer(ticket, Err(MoveError::NoAddress)));
        }
        if self.is_moving() {
            return out.push_back(Output::Answer(ticket, Err(MoveError::Busy)));
        }
        self.abandon(out);
        self.call(now, Call { target, port, ticket: Some(ticket), splice: None }, out);
    }

    /// The VM ended: whoever waits for an answer gets it.
    pub(super) fn end(&mut self, out: &mut VecDeque<Output>) {
        let of_attempt = self.attempt.as_mut().and_then(|attempt| attempt.call.ticket.take());
        let of_swap = self.swap.take().map(|swap| swap.ticket);
        for ticket in of_attempt.into_iter().chain(of_swap) {
            out.push_back(Output::Answer(ticket, Err(MoveError::Ended)));
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let handshake = self.attempt.as_ref().and_then(|attempt| attempt.plug.deadline());
        [handshake, self.retry_at, self.limit()].into_iter().flatten().min()
    }

    pub(super) fn status(&self) -> NicStatus {
        let state = match self.held {
            Some(_) => NicState::Up,
            None if self.given_up => NicState::GivenUp,
            None => NicState::Down,
        };
        NicStatus {
            state,
            asked: self.config.asked,
            port: self.held.as_ref().and_then(|held| held.port),
            is_relayed: self.relay.is_some(),
            since: self.held.as_ref().map_or(self.lost_at, |held| held.since),
            replugs: self.replugs,
            attempts: self.attempts,
            last_trouble: self.last_trouble.clone(),
        }
    }

    /// When the time for plugging in again is over.
    fn limit(&self) -> Option<Duration> {
        match self.reconnect() {
            Reconnect::For(time) if self.held.is_none() && !self.given_up && !self.is_moving() => {
                Some(self.lost_at.saturating_add(time))
            }
            _ => None,
        }
    }

    /// Whether somebody waits for an answer.
    pub(super) fn is_moving(&self) -> bool {
        let attempt = self.attempt.as_ref();
        self.swap.is_some() || attempt.is_some_and(|attempt| attempt.call.ticket.is_some())
    }

    /// The call to where the NIC belongs.
    pub(super) fn home(&self) -> Call {
        Call { target: Target::Home, port: self.config.asked, ticket: None, splice: None }
    }

    fn reconnect(&self) -> Reconnect {
        self.config.reconnect.unwrap_or(self.policy.reconnect)
    }

    fn may_retry(&self) -> bool {
        self.reconnect() != Reconnect::Never && self.config.address.is_some()
    }

    /// The switch said something where it has nothing to say.
    fn listen(&mut self, now: Duration, length: usize, out: &mut VecDeque<Output>) {
        let Some(held) = &mut self.held else { return };
        held.chatter = held.chatter.saturating_add(length);
        if held.chatter > MAX_CHATTER {
            self.lose(now, Trouble::Chatter, out);
        }
    }

    /// The plug is no more.
    fn lose(&mut self, now: Duration, why: Trouble, out: &mut VecDeque<Output>) {
        let Some(since) = self.unplug(now, out) else { return };
        let retrying = self.attempt.is_some() || self.may_retry();
        self.last_trouble = Some(why.clone());
        out.push_back(Output::Tell(Event::Lost { nic: self.index, why, retrying }));
        if self.attempt.is_some() {
            return; // It is on its way elsewhere.
        }
        if !retrying {
            self.given_up = true;
            return;
        }
        let held = now.saturating_sub(since);
        if held >= STEADY {
            return self.call(now, self.home(), out);
        }
        let pause = match held < FLAP {
            true => self.backoff.after(&PlugError::HungUp),
            false => self.backoff.after(&PlugError::Dial(DialFailure::Dead)),
        };
        self.retry_at = Some(now.saturating_add(pause));
    }

    /// Leaves the switch; returns since when the plug was up, if it was.
    fn unplug(&mut self, now: Duration, out: &mut VecDeque<Output>) -> Option<Duration> {
        let since = self.held.take()?.since;
        self.backoff.held(now.saturating_sub(since));
        self.lost_at = now;
        self.has_hurried = false;
        // The call to where it goes now was made while it was still here.
        self.attempts = self.attempt.is_some().into();
        self.told = None;
        out.push_back(Output::Unplug(self.index));
        self.show_link(false, out);
        Some(since)
    }

    pub(super) fn show_link(&self, up: bool, out: &mut VecDeque<Output>) {
        if self.policy.link_state {
            out.push_back(Output::SetLink(self.index, up));
        }
    }

    /// Begins a handshake.
    pub(super) fn call(&mut self, now: Duration, call: Call, out: &mut VecDeque<Output>) {
        self.retry_at = None;
        self.abandon(out);
        let relay = call.splice.as_ref().unwrap_or(&self.relay);
        let Some(address) = relay.as_ref().or(self.config.address.as_ref()).cloned() else {
            return;
        };
        let timeout = match call.ticket {
            // The VM is without a network meanwhile, and somebody waits.
            Some(_) => self.policy.timeout,
            None => self.policy.timeout.saturating_mul(PATIENCE),
        };
        let plug = Plug::new(PlugConfig {
            address: ClientAddress::Path(address),
            port: call.port,
            description: self.config.description.clone(),
            timeout,
            attempts: ATTEMPTS,
            pause: PAUSE,
        });
        // Where only the socket changes nothing is lost that would take calls to find again.
        if call.splice.is_none() {
            self.attempts = self.attempts.saturating_add(1);
        }
        self.attempt = Some(Attempt { plug, call, given: None });
        self.advance(now, PlugInput::Start, out);
    }

    /// Tells the handshake what happened, and does what it says.
    fn advance(&mut self, now: Duration, input: PlugInput<'_>, out: &mut VecDeque<Output>) {
        let Some(attempt) = &mut self.attempt else { return };
        let target = attempt.call.target;
        match attempt.plug.handle(now, input) {
            None => {}
            Some(PlugOutput::Dial) => out.push_back(Output::Dial(self.index, target)),
            Some(PlugOutput::Send(request)) => {
                // Somebody listens; now the old switch can be left, unless another socket comes.
                if attempt.call.splice.is_none() {
                    self.unplug(now, out);
                }
                out.push_back(Output::Send(self.index, request));
            }
            Some(PlugOutput::ConnectData(path)) => {
                attempt.given = path.switch_port();
                out.push_back(Output::ConnectData(self.index, path));
            }
            Some(PlugOutput::Up) if attempt.call.splice.is_some() => {
                out.push_back(Output::Swap(self.index));
            }
            Some(PlugOutput::Up) => {
                if let Some(attempt) = self.attempt.take() {
                    self.hold(now, attempt, out);
                }
            }
            Some(PlugOutput::Failed(error)) => self.fail(now, error, out),
            Some(PlugOutput::Lost) => self.fail(now, PlugError::HungUp, out),
        }
    }

    /// The handshake succeeded.
    pub(super) fn hold(&mut self, now: Duration, attempt: Attempt, out: &mut VecDeque<Output>) {
        if attempt.call.splice.is_none() {
            self.config.asked = attempt.call.port;
        }
        self.given_up = false;
        self.replugs = self.replugs.saturating_add(1);
        self.held = Some(Held { since: now, port: attempt.given, chatter: 0 });
        out.push_back(Output::Keep(self.index));
        self.show_link(true, out);
        if let Some(mac) = self.config.mac {
            out.push_back(Output::Announce(self.index, mac));
        }
        out.push_back(Output::Tell(Event::Plugged {
            nic: self.index,
            port: attempt.given,
            outage: now.saturating_sub(self.lost_at),
            attempts: self.attempts,
            moved: attempt.call.ticket.is_some() && attempt.call.splice.is_none(),
        }));
        if let Some(ticket) = attempt.call.ticket {
            out.push_back(Output::Answer(ticket, Ok(())));
        }
    }

    /// The handshake failed.
    fn fail(&mut self, now: Duration, error: PlugError, out: &mut VecDeque<Output>) {
        let Some(attempt) = self.attempt.take() else { return };
        let is_silent = matches!(error, PlugError::NoAnswer { .. });
        self.lingers = is_silent && attempt.call.ticket.is_none() && self.may_retry();
        if !self.lingers {
            out.push_back(Output::Abandon(self.index));
        }
        if let Some(ticket) = attempt.call.ticket {
            return self.refuse(now, ticket, MoveError::Plug(error), out);
        }
        self.last_trouble = Some(Trouble::Plug(error.clone()));
        if self.attempts == 1 && error == PlugError::Refused && self.may_retry() {
            // A switch that is being killed may hang up on us before it stops listening.
            let pause = self.backoff.after(&PlugError::Dial(DialFailure::Dead));
            self.retry_at = Some(now.saturating_add(pause));
            return;
        }
        let pause = self.backoff.after(&error);
        if !self.told.as_ref().is_some_and(|told| is_the_same(told, &error)) {
            self.told = Some(error.clone());
            out.push_back(Output::Tell(Event::Failing { nic: self.index, why: error }));
        }
        match self.may_retry() {
            true => self.retry_at = Some(now.saturating_add(pause)),
            false => self.give_up(out),
        }
    }

    /// A request was not granted: everything is as it was, or is going to be.
    pub(super) fn refuse(
        &mut self,
        now: Duration,
        ticket: Ticket,
        error: MoveError,
        out: &mut VecDeque<Output>,
    ) {
        out.push_back(Output::Answer(ticket, Err(error)));
        if self.held.is_none() && !self.given_up {
            // Back to where it was; once even if nothing is ever made again otherwise.
            self.call(now, self.home(), out);
        }
    }

    /// Ends the call under way, or the stream that is left of the last one.
    pub(super) fn abandon(&mut self, out: &mut VecDeque<Output>) {
        if self.attempt.take().is_some() | std::mem::take(&mut self.lingers) {
            out.push_back(Output::Abandon(self.index));
        }
    }

    fn give_up(&mut self, out: &mut VecDeque<Output>) {
        self.given_up = true;
        self.retry_at = None;
        self.abandon(out);
        let why = self.last_trouble.clone().unwrap_or(Trouble::HungUp);
        out.push_back(Output::Tell(Event::GaveUp { nic: self.index, why }));
    }
}

/// Whether it is no news: the time that a silent switch was waited for differs a little each time.
fn is_the_same(told: &PlugError, now: &PlugError) -> bool {
    use PlugError::NoAnswer;
    matches!((told, now), (NoAnswer { .. }, NoAnswer { .. })) || told == now
}
