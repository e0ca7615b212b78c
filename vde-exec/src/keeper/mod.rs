//! Drives the [`Supervisor`] over real sockets, signals and processes.
//!
//! One loop, one thread: it sleeps in poll(2) on the signals, on the control streams of every NIC and
//! on what the attendant watches, until the supervisor's deadline if there is one; tells the supervisor
//! what happened; and does what it says. (poll and not epoll: the VM holds copies of control streams,
//! and an epoll set goes on reporting a stream that we closed as long as anybody has a copy.) The end
//! of the VM shows as `SIGCHLD`; since it is not reaped before, its process id is its own.
//!
//! What the supervisor wants done to sockets is done at once, without waiting, and it is told how that
//! went before anything else happens. Files are looked at on the way (where is the switch now?), which
//! is taken to be quick.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use vde_proto::{MacAddr, PortRequest};

use crate::attendant::{Attendant, Move, Order, Report};
use crate::calls::{self, Heard};
use crate::connection::Connection;
use crate::environment::Environment;
use crate::nic_sockets::NicSockets;
use crate::relay::Relay;
use crate::signals::{Caught, Signals};
use crate::supervisor::{
    Input, MoveError, NicConfig, NicStatus, Output, Policy, Reconnect, Stream, Supervisor, Target,
    Ticket,
};
use crate::switch_dir::SwitchDir;
use crate::vm::{End, Fate, Vm};

mod relays;

use relays::Relays;

/// How long answers that are on their way are waited for at the end, in milliseconds \[P-7.10\].
const GRACE_MS: u8 = 200;

/// Pause between two looks where the kernel does not tell when to look.
const BLIND: Duration = Duration::from_millis(100);

/// How a VM is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the supervisor does, and when.
    pub policy: Policy,
    /// Where switches are looked for.
    pub environment: Environment,
    /// What is known of each NIC, in the order of the connections; of those that are missing, nothing.
    pub nics: Vec<NicSettings>,
}

/// What is known of one NIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NicSettings {
    /// The address of its guest side.
    pub mac: Option<MacAddr>,
    /// How long it is sought again when it is lost, if not as the policy has it.
    pub reconnect: Option<Reconnect>,
}

/// Stays beside a VM until it ends: keeps its networks, passes signals on.
///
/// The connections are those of the VM, all up. When this returns they are as they were last; their
/// control streams are still open.
///
/// # Errors
/// What the kernel says to `poll`, `read` or `wait`; none is expected. The VM runs on.
pub fn supervise(
    vm: Vm,
    signals: &Signals,
    connections: &mut [Connection],
    settings: &Settings,
    attendant: &mut dyn Attendant,
) -> io::Result<End> {
    let known = settings.nics.iter().copied().chain(std::iter::repeat(NicSettings::default()));
    let configs = connections.iter().zip(known).map(|(plug, known)| NicConfig {
        address: plug.reach.address(),
        asked: plug.asked(),
        port: plug.port,
        description: plug.description.clone(),
        mac: known.mac,
        reconnect: known.reconnect,
    });
    let started = Instant::now();
    let supervisor = Supervisor::new(Duration::ZERO, settings.policy, configs.collect());
    let nics = connections.iter_mut().map(NicSockets::new).collect();
    let environment = &settings.environment;
    let (relays, orders) = (Relays::default(), VecDeque::new());
    Keeper { supervisor, started, vm, signals, nics, relays, orders, environment, attendant }.run()
}

struct Keeper<'a> {
    supervisor: Supervisor,
    started: Instant,
    vm: Vm,
    signals: &'a Signals,
    nics: Vec<NicSockets<'a>>,
    relays: Relays,
    /// What the attendant wants, and was not begun yet.
    orders: VecDeque<Order>,
    environment: &'a Environment,
    attendant: &'a mut dyn Attendant,
}

impl Keeper<'_> {
    fn run(mut self) -> io::Result<End> {
        // One that daemonizes has begun when it has: it is another process then.
        let mut has_begun = !self.vm.is_daemonizing();
        if has_begun {
            self.begin();
        }
        // What came before the VM ran, the VM has not had, wherever it came from.
        let mut is_news = true;
        loop {
            while let Some(caught) = self.signals.next()? {
                self.hear_signal(caught, is_news);
            }
            is_news = false;
            match self.vm.fate()? {
                Fate::Running => {}
                Fate::Daemonized => {
                    has_begun = true;
                    self.begin();
                    self.attendant.daemonized();
                }
                Fate::Ended(end) => self.tell(Input::VmEnded(end)),
            }
            if let Some(end) = self.carry_out()? {
                self.refuse_the_rest();
                self.leave_politely();
                if has_begun {
                    self.attendant.ended(end);
                }
                return Ok(end);
            }
            // An order is about the sockets as they are: whatever was wanted is done before it is taken.
            if self.obey_next() || self.tend_relays() {
                continue;
            }
            self.sleep()?;
            self.listen();
            self.tell(Input::Tick);
            self.hear_orders();
        }
    }

    /// The VM is there; what was wanted for it from the start is wanted now.
    fn begin(&mut self) {
        self.reporting(|attendant, report| attendant.began(report));
        self.hear_orders();
    }

    fn hear_orders(&mut self) {
        let orders = self.reporting(|attendant, report| attendant.attend(report));
        self.orders.extend(orders);
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn tell(&mut self, input: Input<'_>) {
        let now = self.now();
        self.supervisor.handle(now, input);
    }

    fn hear_signal(&mut self, caught: Caught, is_news: bool) {
        let Caught { signal, is_key } = caught;
        if signal == Signal::SIGCHLD {
            return;
        }
        let had_by_vm = is_key && !is_news && self.vm.shares_our_group();
        let stops = signal == Signal::SIGTSTP;
        self.tell(Input::Signal { number: signal as i32, had_by_vm, stops });
    }

    /// Does what the supervisor wants, until it wants nothing more, or the end. What follows from one
    /// thing is done before the next: nothing comes between the connect and the request of a NIC.
    fn carry_out(&mut self) -> io::Result<Option<End>> {
        let mut wanted = VecDeque::new();
        loop {
            let follows: Vec<Output> =
                std::iter::from_fn(|| self.supervisor.poll_output()).collect();
            follows.into_iter().rev().for_each(|output| wanted.push_front(output));
            let Some(output) = wanted.pop_front() else { return Ok(None) };
            match output {
                Output::Exit(end) => return Ok(Some(end)),
                Output::PassOn(number) => match self.vm.signal(number) {
                    Err(Errno::EPERM) => self.tell(Input::SignalRefused(number)),
                    result => result?,
                },
                Output::Stop => self.signals.stop()?,
                Output::SetLink(nic, up) => self.attendant.set_link(nic, up),
                Output::Tell(event) => {
                    self.reporting(|attendant, report| attendant.told(&event, report));
                }
                Output::Answer(ticket, result) => self.answer(ticket, &result),
                Output::Dial(index, _)
                | Output::Send(index, _)
                | Output::Unplug(index)
                | Output::ConnectData(index, _)
                | Output::Keep(index)
                | Output::Abandon(index)
                | Output::Swap(index)
                | Output::Announce(index, _) => {
                    let nic = self.nics.get_mut(index);
                    let input = nic.and_then(|nic| plug(nic, output, self.environment));
                    if let Some(input) = input {
                        self.tell(input);
                    }
                }
            }
        }
    }

    fn answer(&mut self, ticket: Ticket, result: &Result<(), MoveError>) {
        self.nics.iter_mut().for_each(|nic| nic.answered(ticket));
        self.reporting(|attendant, report| attendant.answered(ticket, result, report));
    }

    /// Lets the attendant act, who sees how the networks are.
    fn reporting<R>(&mut self, act: impl FnOnce(&mut dyn Attendant, &Report<'_>) -> R) -> R {
        let status: Vec<NicStatus> = self.supervisor.status().collect();
        let switches: Vec<&Path> = self.nics.iter().map(|nic| nic.plug().switch.dir()).collect();
        let relays: Vec<_> = self.nics.iter().map(|nic| nic.relay().map(Relay::stats)).collect();
        let (now, vm) = (self.started.elapsed(), self.vm.id());
        let report = Report { now, vm, switches: &switches, status: &status, relays: &relays };
        act(self.attendant, &report)
    }

    /// Every control stream that is open.
    fn streams(&self) -> impl Iterator<Item = (usize, Stream, BorrowedFd<'_>)> {
        self.nics.iter().enumerate().flat_map(|(index, nic)| {
            let open = move |stream| Some((index, stream, nic.stream(stream)?));
            [Stream::Held, Stream::New].into_iter().filter_map(open)
        })
    }

    fn sleep(&mut self) -> io::Result<()> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let watched = self.attendant.watched();
        let mut fds: Vec<PollFd<'_>> = self
            .signals
            .fds()
            .into_iter()
            .chain(self.streams().map(|(.., fd)| fd))
            .chain(self.nics.iter().filter_map(NicSockets::relay_end))
            .chain(self.nics.iter().filter_map(NicSockets::relay).map(Relay::capture_failed))
            .map(readable)
            .chain(watched.into_iter().map(|(fd, flags)| PollFd::new(fd, flags)))
            .collect();
        match poll(&mut fds, self.poll_timeout()) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            // More than we may have by now (prlimit(2)), or there is no memory to wait: that passes, and
            // meanwhile everything is looked at without being told.
            Err(Errno::EINVAL | Errno::ENOMEM) => {
                std::thread::sleep(BLIND);
                Ok(())
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Time to the deadline, rounded up so that a sleep never ends just before it.
    fn poll_timeout(&self) -> PollTimeout {
        let tick = self.supervisor.deadline().map(|at| at.saturating_sub(self.started.elapsed()));
        let gates = self.nics.iter().filter_map(NicSockets::gate_opens).min();
        let gate = gates.map(|at| at.saturating_duration_since(Instant::now()));
        let relays = self.relays.pause(&self.nics);
        let Some(left) = tick.into_iter().chain(gate).chain(relays).min() else {
            return PollTimeout::NONE;
        };
        PollTimeout::try_from(left + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX)
    }

    /// Takes what the control streams have to say.
    fn listen(&mut self) {
        let open: Vec<(usize, Stream)> =
            self.streams().map(|(nic, stream, _)| (nic, stream)).collect();
        for (nic, stream) in open {
            let mut buffer = [0; 512];
            let fd = self.nics.get(nic).and_then(|nic| nic.stream(stream));
            let Some(fd) = fd else { continue };
            let input = match calls::hear(fd, &mut buffer) {
                Heard::Nothing => continue,
                Heard::End => Input::Closed(nic, stream),
                Heard::Bytes(bytes) => Input::Received(nic, stream, bytes),
            };
            self.supervisor.handle(self.started.elapsed(), input);
        }
        self.nics.iter_mut().for_each(NicSockets::open_gate_in_time);
    }

    /// Takes the next order; false if there is none.
    fn obey_next(&mut self) -> bool {
        match self.orders.pop_front() {
            Some(Order::Move(order)) => self.move_nic(order),
            Some(Order::Relay(order)) => self.relay(order),
            None => return false,
        }
        true
    }

    /// Nobody waits for an answer when the VM has ended.
    fn refuse_the_rest(&mut self) {
        let orders = std::mem::take(&mut self.orders).into_iter().map(|order| match order {
            Order::Move(order) => order.ticket,
            Order::Relay(order) => order.ticket,
        });
        for ticket in orders.chain(self.relays.leave()).collect::<Vec<_>>() {
            self.answer(ticket, &Err(MoveError::Ended));
        }
    }

    fn move_nic(&mut self, order: Move) {
        let Move { nic, switch, port, ticket } = order;
        let target = if switch.is_some() { Target::Elsewhere } else { Target::Home };
        let asked = match &switch {
            // A file that names a switch may name the port, too. What is wrong with it shows later.
            Some(vnl) => {
                SwitchDir::locate(vnl, self.environment).map_or(vnl.port, |(_, vnl)| vnl.port)
            }
            None => self.supervisor.status().nth(nic).map(|status| status.asked),
        };
        let port = port.or(asked).unwrap_or(PortRequest::Any);
        if let Some(nic) = self.nics.get_mut(nic) {
            nic.take_order(ticket, switch);
        }
        self.tell(Input::Replug { nic, target, port, ticket });
    }

    /// A switch that is answering just now would keep the port for ever if we hung up on it
    /// \[P-7.10\]; so answers that are on their way are waited for, but not long.
    fn leave_politely(&self) {
        let pending = self.nics.iter().filter_map(|nic| nic.stream(Stream::New));
        let mut fds: Vec<PollFd<'_>> =
            pending.map(|control| PollFd::new(control, PollFlags::POLLIN)).collect();
        if !fds.is_empty() {
            let _ = poll(&mut fds, GRACE_MS);
        }
    }
}

/// Does what the supervisor wants done to the sockets of a NIC; returns what it has to be told.
fn plug(
    nic: &mut NicSockets<'_>,
    output: Output,
    environment: &Environment,
) -> Option<Input<'static>> {
    match output {
        Output::Dial(index, target) => Some(match nic.dial(target, environment) {
            Ok(()) => Input::Dialed(index),
            Err(failure) => Input::DialFailed(index, failure),
        }),
        Output::Send(index, request) => {
            (!nic.send(&request)).then_some(Input::Closed(index, Stream::New))
        }
        Output::ConnectData(index, path) => Some(match nic.connect_data(&path) {
            Ok(()) => Input::DataConnected(index),
            Err(failure) => Input::DataConnectFailed(index, failure),
        }),
        Output::Swap(index) => Some(match nic.swap() {
            Ok(()) => Input::Swapped(index),
            Err(errno) => Input::SwapFailed(index, errno as i32),
        }),
        Output::Unplug(_) => {
            nic.unplug();
            None
        }
        Output::Keep(_) => {
            nic.keep();
            None
        }
        Output::Abandon(_) => {
            nic.abandon();
            None
        }
        Output::Announce(_, mac) => {
            nic.announce(mac);
            None
        }
        _ => None,
    }
}
