//! The supervisor, without sockets, processes and clocks: what keeps a VM on its networks.
//!
//! # Theory of operation
//!
//! A [`Supervisor`] is told what happened ([`Input`]) and says what to do ([`Output`]). An input may
//! call for several things; [`Supervisor::poll_output`] returns them in the order in which they must
//! be done. Time enters as an argument: `now` is the time since any fixed moment, and
//! [`Supervisor::deadline`] says when [`Input::Tick`] is due. While every plug is up there is no
//! deadline: an idle supervisor sleeps.
//!
//! Each NIC has a life of its own (`nic.rs`); none waits for another.
//!
//! ```text
//!              Closed                 it is time                 the plug is up
//!        up ----------> waiting ----------------------> dialing ---------------> up
//!        |     Unplug      ^            Dial               |       Keep, Announce
//!        |                 +-------------------------------+
//!        |                    the handshake fails: Abandon, and a longer pause
//!        |
//!        |  replug: the new stream is dialed while the old one is still held; Unplug comes only when
//!        |          somebody listens there. If the new switch refuses, the old one is dialed again.
//!        |          (Within one switch the driver connects only after Unplug [P-7.8].)
//!        v
//!     given up: no reconnecting was wanted, or its time is over. A replug revives it.
//! ```
//!
//! * **The data socket** is the same object for the whole life of the VM, which holds it, too. It is
//!   never closed here; plugging in elsewhere means to dissolve its association and to connect it
//!   again. A new switch could not connect to it as long as it is connected to an old one \[P-7.11\], so
//!   [`Output::Unplug`] always comes before the request is sent.
//! * **Who closes what.** The driver has at most two control streams for a NIC: the *held* one, which
//!   [`Output::Unplug`] hangs up on (the VM may hold a copy: closing would not do), and the *new* one,
//!   from [`Output::Dial`] until [`Output::Keep`] makes it the held one or [`Output::Abandon`] closes it.
//!   A switch that does not answer in time is not hung up on before it is called again: where its
//!   stream ends meanwhile, it is called at once (once in an outage).
//! * **Pauses** (`backoff.rs`) are bounded from below and above. Where nobody listens, half a second at
//!   most: the switch is expected back. Where somebody refuses, a minute: asking costs a vde_switch up
//!   to 2.3.2 a descriptor each time \[P-6.7\].
//! * **The same port.** Who asked for a port gets that port or none, at the start as later.
//! * **The end.** When the VM has ended there is one last output, [`Output::Exit`]; after it inputs do
//!   nothing.

mod backoff;
mod event;
mod nic;
mod splice;

use std::collections::VecDeque;
use std::time::Duration;

use vde_proto::{DataFailure, Description, DialFailure, MacAddr, PortRequest, SocketPath};

pub use event::{Event, MoveError, NicState, NicStatus, Trouble};
use nic::Nic;

use crate::vm::End;

/// How long a lost network is sought again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reconnect {
    /// Not at all: the VM runs on without it.
    Never,
    /// Until it is back.
    #[default]
    Always,
    /// For this long, counted from the loss.
    For(Duration),
}

/// How a supervisor behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether, and how long, lost plugs are made again whose [`NicConfig`] does not say so.
    pub reconnect: Reconnect,
    /// Longest time from a call to the end of its handshake.
    pub timeout: Duration,
    /// Whether the guest is to see its cable pulled while its switch is away.
    pub link_state: bool,
    /// Where jitter comes from; two supervisors with the same seed pause alike.
    pub seed: u64,
}

/// A NIC as it is when the VM starts: plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicConfig {
    /// The name under which a switch reaches the data socket, now and later; `None` if it has none,
    /// and then the plug cannot be made again.
    pub address: Option<SocketPath>,
    /// The port that was asked for.
    pub asked: PortRequest,
    /// The port that was given, where the switch tells.
    pub port: Option<u32>,
    /// Who we say we are.
    pub description: Description,
    /// The guest's address, if it is known: it is announced where the guest is plugged in again.
    pub mac: Option<MacAddr>,
    /// How long this one is sought again when it is lost; as [`Policy::reconnect`] has it if `None`.
    pub reconnect: Option<Reconnect>,
}

/// One of the two control streams that a NIC can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// That of the plug that is up.
    Held,
    /// That of the handshake under way.
    New,
}

/// Where to dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The switch that the NIC belongs to.
    Home,
    /// The one that the last [`Input::Replug`] named for this NIC.
    Elsewhere,
}

/// Names a request, so that its answer finds the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<'a> {
    /// Nothing, but time has passed.
    Tick,
    /// The new control stream of this NIC is connected.
    Dialed(usize),
    /// It could not be; there is none.
    DialFailed(usize, DialFailure),
    /// A control stream said something.
    Received(usize, Stream, &'a [u8]),
    /// A control stream ended.
    Closed(usize, Stream),
    /// The data socket is connected.
    DataConnected(usize),
    /// It could not be.
    DataConnectFailed(usize, DataFailure),
    /// A signal came for the supervisor.
    Signal {
        /// Its number.
        number: i32,
        /// Whether the VM has had it as well: a key on the terminal that both sit at.
        had_by_vm: bool,
        /// Whether it is `SIGTSTP`, which stops who has it.
        stops: bool,
    },
    /// A signal could not be passed on: the VM belongs to another user by now.
    SignalRefused(i32),
    /// The VM ended.
    VmEnded(End),
    /// Swap was done: the other socket faces the switch.
    Swapped(usize),
    /// It could not be, for this errno; everything is as it was before.
    SwapFailed(usize, i32),
    /// Somebody wants a relay between a NIC and its switch, or none.
    Splice {
        /// Which NIC.
        nic: usize,
        /// Where a switch reaches the relay's socket; `None` takes the relay out.
        relay: Option<SocketPath>,
        /// For the answer.
        ticket: Ticket,
    },
    /// Somebody wants a NIC to be plugged in elsewhere.
    Replug {
        /// Which NIC.
        nic: usize,
        /// [`Target::Home`] is the same switch.
        target: Target,
        /// The port there.
        port: PortRequest,
        /// For the answer.
        ticket: Ticket,
    },
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Connect a new control stream.
    Dial(usize, Target),
    /// Send this over the new control stream, in one system call \[P-4.1\].
    Send(usize, Vec<u8>),
    /// Dissolve the association of the data socket; hang up on the held control stream and close it.
    Unplug(usize),
    /// Connect the data socket to this path, if it is a socket of the switch's user or ours.
    ConnectData(usize, SocketPath),
    /// The new control stream is the held one from now on, and its target is the home.
    Keep(usize),
    /// Close the new control stream, if there is one, and dissolve the association of the data socket
    /// unless a plug is held.
    Abandon(usize),
    /// Have the other socket face the switch: that of a relay, or the VM's own again. If a plug is held,
    /// hang up on its control stream after that. Answered by [`Input::Swapped`] or
    /// [`Input::SwapFailed`].
    Swap(usize),
    /// Send a frame by which switches learn where this address is. It does not matter if it is lost.
    Announce(usize, MacAddr),
    /// Show the guest that its cable is plugged in, or that it is not.
    SetLink(usize, bool),
    /// Send this signal to the VM.
    PassOn(i32),
    /// Stop, as a program does that does not expect `SIGTSTP`; return when it goes on.
    Stop,
    /// Tell whoever wants to know.
    Tell(Event),
    /// The answer to a request.
    Answer(Ticket, Result<(), MoveError>),
    /// The end: the VM ended like this.
    Exit(End),
}

/// Keeps the networks of one VM.
#[derive(Debug)]
pub struct Supervisor {
    policy: Policy,
    nics: Vec<Nic>,
    outputs: VecDeque<Output>,
    is_over: bool,
}

impl Supervisor {
    /// The shortest and the longest pause between the end of one call and the next to the same switch,
    /// jitter included. (After a plug that held the first call is made at once.)
    pub const PAUSES: [Duration; 2] = backoff::BOUNDS;

    /// A supervisor of a VM that has just been started, with all its plugs up.
    #[must_use]
    pub fn new(now: Duration, policy: Policy, nics: Vec<NicConfig>) -> Self {
        let nics = nics.into_iter().enumerate();
        let nics = nics.map(|(index, config)| Nic::new(index, config, policy, now)).collect();
        Self { policy, nics, outputs: VecDeque::new(), is_over: false }
    }

    /// Takes one event at the time `now`.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) {
        if self.is_over {
            return;
        }
        match input {
            Input::Tick => {
                for nic in &mut self.nics {
                    nic.tick(now, &mut self.outputs);
                }
            }
            Input::Dialed(nic)
            | Input::DialFailed(nic, _)
            | Input::Received(nic, ..)
            | Input::Closed(nic, _)
            | Input::DataConnected(nic)
            | Input::DataConnectFailed(nic, _)
            | Input::Swapped(nic)
            | Input::SwapFailed(nic, _) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.handle(now, &input, &mut self.outputs);
                }
            }
            Input::Replug { nic, target, port, ticket } => match self.nics.get_mut(nic) {
                Some(nic) => nic.replug(now, target, port, ticket, &mut self.outputs),
                None => self.outputs.push_back(Output::Answer(ticket, Err(MoveError::NoSuchNic))),
            },
            Input::Splice { nic, relay, ticket } => match self.nics.get_mut(nic) {
                Some(nic) => nic.splice(now, relay, ticket, &mut self.outputs),
                None => self.outputs.push_back(Output::Answer(ticket, Err(MoveError::NoSuchNic))),
            },
            Input::Signal { number, had_by_vm, stops } => {
                if !had_by_vm {
                    self.outputs.push_back(Output::PassOn(number));
                }
                if stops {
                    self.outputs.push_back(Output::Stop);
                }
            }
            Input::SignalRefused(number) => {
                self.outputs.push_back(Output::Tell(Event::SignalRefused(number)));
            }
            Input::VmEnded(end) => self.end(end),
        }
    }

    /// The next thing to do, in order; `None` if there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due; `None` if time does not matter now.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if self.is_over {
            return None;
        }
        self.nics.iter().filter_map(Nic::deadline).min()
    }

    /// How each NIC is, in their order.
    pub fn status(&self) -> impl Iterator<Item = NicStatus> {
        self.nics.iter().map(Nic::status)
    }

    /// What the supervisor was made with.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    fn end(&mut self, end: End) {
        self.is_over = true;
        for nic in &mut self.nics {
            nic.end(&mut self.outputs);
        }
        self.outputs.push_back(Output::Exit(end));
    }
}
