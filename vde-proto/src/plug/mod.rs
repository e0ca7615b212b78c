//! The client's side of the handshake, without sockets and clocks.
//!
//! # Theory of operation
//!
//! A [`Plug`] is told what happened ([`Input`]) and says what to do next ([`Output`]): at most one
//! thing for each input. Its driver owns two sockets: the control stream, opened at each
//! [`Output::Dial`], and the data socket, bound to [`PlugConfig::address`] before the start.
//!
//! ```text
//!          Start        Dialed       110 bytes received     DataConnected      Closed
//!   idle --------> dialing ----> waiting -----------> connecting --------> up --------> over
//!          Dial      ^ |  Send     |    ConnectData      | |      Up            Lost     ^
//!                    | |           |                     | |                             |
//!               Dial | | Busy      |             Gone    | |  what else can go wrong     |
//!                    | v           |                     | |                             |
//!                  pausing <-------(---------------------+ +-----------------------------+
//!                    |             |                                     Failed          |
//!                    +-------------+-----------------------------------------------------+
//! ```
//!
//! * **Who closes what.** The driver closes the previous control stream when it is told to dial
//!   again, and both sockets after [`Output::Failed`] or [`Output::Lost`]. While the plug is up the
//!   control stream stays open and silent \[P-7.1\]; its end is the end of the plug \[P-7.2\].
//! * **Time.** `now` is the time since any fixed moment. [`Plug::deadline`] says when to send
//!   [`Input::Tick`]; an early or superfluous tick does nothing. From the start to the end, pauses
//!   and repetitions included, no plug takes longer than [`PlugConfig::timeout`], whatever the
//!   switch does \[P-6.8\].
//! * **What is sent.** One request for each dial, of at most 256 bytes \[P-4.2\], and nothing ever
//!   after it \[P-4.8\].
//! * **What does not fit** the state is ignored: events of a stream that was given up, what a
//!   switch says while the plug is up, and everything after the end.

mod failure;

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

pub use failure::{DataFailure, DialFailure, PlugError};

use crate::wire::{
    ClientAddress, Description, PortRequest, Reply, ReplyError, Request, SocketPath,
};

/// What to ask for, and how patiently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlugConfig {
    /// Where the driver's data socket is bound.
    pub address: ClientAddress,
    /// The port to ask for.
    pub port: PortRequest,
    /// Who we say we are.
    pub description: Description,
    /// Longest time from the start to the end of the handshake, repetitions and pauses included.
    pub timeout: Duration,
    /// How many requests may be sent if the data socket of each reply turns out to be gone
    /// \[P-7.7\]; 0 means 1. A busy switch does not count: it is called until the time is up.
    pub attempts: u32,
    /// How long to wait before dialing again. At least [`Plug::MIN_PAUSE`] is waited.
    pub pause: Duration,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// Begin. Counts once.
    Start,
    /// The control stream is connected.
    Dialed,
    /// It could not be.
    DialFailed(DialFailure),
    /// These bytes came over the control stream.
    Received(&'a [u8]),
    /// The control stream ended: EOF, or an error such as a reset.
    Closed,
    /// The data socket is connected.
    DataConnected,
    /// It could not be.
    DataConnectFailed(DataFailure),
    /// Nothing, but time has passed.
    Tick,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Close the control stream if there is one, and connect a new one.
    Dial,
    /// Send these bytes over the control stream, in one system call \[P-4.1\].
    Send(Vec<u8>),
    /// Connect the data socket to this path, and change nothing there \[P-13.8\].
    ConnectData(SocketPath),
    /// The plug is up: frames may flow. Watch the control stream for its end.
    Up,
    /// The plug will never be up: close both sockets.
    Failed(PlugError),
    /// The switch ended an established plug: close both sockets.
    Lost,
}

/// The handshake of one client with one switch.
#[derive(Debug, Clone)]
pub struct Plug {
    config: PlugConfig,
    state: State,
    /// When the time is up. Set at the start.
    deadline: Duration,
    /// Requests sent so far.
    sent: u32,
}

#[derive(Debug, Clone)]
enum State {
    Idle,
    Dialing,
    /// The request is sent, and these bytes of the reply have come.
    Waiting {
        since: Duration,
        reply: Vec<u8>,
    },
    /// The reply is complete, and the driver is connecting the data socket.
    Connecting {
        since: Duration,
    },
    /// An attempt failed for a reason that may pass.
    Pausing {
        until: Duration,
        reason: PlugError,
    },
    Up,
    Over,
}

impl Plug {
    /// The shortest pause between two dials: it bounds their number by the timeout.
    pub const MIN_PAUSE: Duration = Duration::from_millis(1);

    /// A plug that waits for [`Input::Start`].
    #[must_use]
    pub fn new(config: PlugConfig) -> Self {
        Self { config, state: State::Idle, deadline: Duration::MAX, sent: 0 }
    }

    /// Takes one event at the time `now`, and says what to do, if anything.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Option<Output> {
        let settled = matches!(self.state, State::Idle | State::Up | State::Over);
        // What completes the plug is welcome even when it is noticed late.
        let completes =
            matches!((&self.state, input), (State::Connecting { .. }, Input::DataConnected));
        if now >= self.deadline && !settled && !completes {
            return Some(self.expire(now));
        }
        match (mem::replace(&mut self.state, State::Over), input) {
            (State::Idle, Input::Start) => {
                self.deadline = now.saturating_add(self.config.timeout);
                Some(self.dial())
            }
            (State::Dialing, Input::Dialed) => Some(self.send(now)),
            (State::Dialing, Input::DialFailed(DialFailure::Busy)) => {
                self.retry(now, PlugError::Dial(DialFailure::Busy))
            }
            (State::Dialing, Input::DialFailed(failure)) => fail(PlugError::Dial(failure)),
            (State::Waiting { since, reply }, Input::Received(bytes)) => {
                self.receive(since, reply, bytes)
            }
            (State::Waiting { reply, .. }, Input::Closed) => fail(ended_within(&reply)),
            (State::Connecting { .. }, Input::Received(extra)) if !extra.is_empty() => {
                let got = Reply::LEN.saturating_add(extra.len());
                fail(PlugError::BadReply(ReplyError::Length { got }))
            }
            (State::Connecting { .. }, Input::Closed) => fail(PlugError::HungUp),
            (State::Connecting { .. }, Input::DataConnected) => {
                self.state = State::Up;
                Some(Output::Up)
            }
            (State::Connecting { .. }, Input::DataConnectFailed(DataFailure::Gone))
                if self.sent < self.config.attempts =>
            {
                self.retry(now, PlugError::Data(DataFailure::Gone))
            }
            (State::Connecting { .. }, Input::DataConnectFailed(failure)) => {
                fail(PlugError::Data(failure))
            }
            (State::Pausing { until, .. }, _) if now >= until => Some(self.dial()),
            (State::Up, Input::Closed) => Some(Output::Lost),
            (unmoved, _) => {
                self.state = unmoved;
                None
            }
        }
    }

    /// When to send [`Input::Tick`] at the latest; `None` if time does not matter now.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Idle | State::Up | State::Over => None,
            State::Dialing | State::Waiting { .. } | State::Connecting { .. } => {
                Some(self.deadline)
            }
            State::Pausing { until, .. } => Some(until.min(self.deadline)),
        }
    }

    /// Whether frames may flow.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up)
    }

    /// Whether the plug failed or was lost. Nothing moves it any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// What the plug was made with.
    #[must_use]
    pub fn config(&self) -> &PlugConfig {
        &self.config
    }

    fn dial(&mut self) -> Output {
        self.state = State::Dialing;
        Output::Dial
    }

    fn send(&mut self, now: Duration) -> Output {
        let PlugConfig { port, address, description, .. } = &self.config;
        let request = Request::new(*port, address.clone(), description.clone());
        self.sent = self.sent.saturating_add(1);
        self.state = State::Waiting { since: now, reply: Vec::new() };
        Output::Send(request.emit())
    }

    fn receive(&mut self, since: Duration, mut reply: Vec<u8>, bytes: &[u8]) -> Option<Output> {
        let got = reply.len().saturating_add(bytes.len());
        if got > Reply::LEN {
            return fail(PlugError::BadReply(ReplyError::Length { got }));
        }
        reply.extend(bytes);
        if got < Reply::LEN {
            self.state = State::Waiting { since, reply };
            return None;
        }
        match Reply::parse(&reply) {
            Ok(Reply { path }) => {
                self.state = State::Connecting { since };
                Some(Output::ConnectData(path))
            }
            Err(error) => fail(PlugError::BadReply(error)),
        }
    }

    /// Dials again after the pause, or gives up at once if there would be no time left.
    fn retry(&mut self, now: Duration, reason: PlugError) -> Option<Output> {
        let until = now.saturating_add(self.config.pause.max(Self::MIN_PAUSE));
        if until >= self.deadline {
            return fail(reason);
        }
        self.state = State::Pausing { until, reason };
        None
    }

    /// The time is up: what was it that took so long?
    fn expire(&mut self, now: Duration) -> Output {
        let error = match mem::replace(&mut self.state, State::Over) {
            State::Waiting { reply, .. } if !reply.is_empty() => {
                PlugError::BadReply(ReplyError::Length { got: reply.len() })
            }
            State::Waiting { since, .. } | State::Connecting { since } => {
                PlugError::NoAnswer { waited: now.saturating_sub(since) }
            }
            State::Pausing { reason, .. } => reason,
            // Only a full queue of callers makes the connecting of a unix socket take time.
            State::Idle | State::Dialing | State::Up | State::Over => {
                PlugError::Dial(DialFailure::Busy)
            }
        };
        Output::Failed(error)
    }
}

/// For the arms that leave the plug over.
fn fail(error: PlugError) -> Option<Output> {
    Some(Output::Failed(error))
}

/// The stream ended after this much of a reply.
fn ended_within(reply: &[u8]) -> PlugError {
    match reply.len() {
        0 => PlugError::Refused,
        got => PlugError::BadReply(ReplyError::Length { got }),
    }
}
