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

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};
use vde_proto::{DialFailure, MacAddr, PortRequest, SocketPath, Vnl, rarp};

use crate::as_path;
use crate::attendant::{Attendant, Order, Report};
use crate::calls::{self, Heard};
use crate::connection::Connection;
use crate::data_socket::connect_to;
use crate::environment::Environment;
use crate::reach;
use crate::signals::{Caught, Signals};
use crate::supervisor::{
    Input, NicConfig, NicStatus, Output, Policy, Stream, Supervisor, Target, Ticket,
};
use crate::switch_dir::{LocateError, SwitchDir};
use crate::sys;
use crate::vm::{End, Fate, Vm};

/// How long answers that are on their way are waited for at the end, in milliseconds \[P-7.10\].
const GRACE_MS: u8 = 200;

/// How a VM is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the supervisor does, and when.
    pub policy: Policy,
    /// Where switches are looked for.
    pub environment: Environment,
    /// The address of each NIC's guest side, in the order of the connections, where it is known.
    pub macs: Vec<Option<MacAddr>>,
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
    let macs = settings.macs.iter().copied().chain(std::iter::repeat(None));
    let configs = connections.iter().zip(macs).map(|(plug, mac)| NicConfig {
        address: plug.reach.address(),
        asked: plug.asked(),
        port: plug.port,
        description: plug.description.clone(),
        mac,
    });
    let started = Instant::now();
    let supervisor = Supervisor::new(Duration::ZERO, settings.policy, configs.collect());
    let calls = connections.iter().map(|_| Call::default()).collect();
    let environment = &settings.environment;
    Keeper { supervisor, started, vm, signals, connections, calls, environment, attendant }.run()
}

struct Keeper<'a> {
    supervisor: Supervisor,
    started: Instant,
    vm: Vm,
    signals: &'a Signals,
    connections: &'a mut [Connection],
    /// The call under way for each NIC.
    calls: Vec<Call>,
    environment: &'a Environment,
    attendant: &'a mut dyn Attendant,
}

/// What becomes a part of the connection if the call succeeds.
#[derive(Debug, Default)]
struct Call {
    control: Option<OwnedFd>,
    /// What is dialed: the switch, and the locator that it was found by.
    place: Option<(SwitchDir, Vnl)>,
    user: Option<u32>,
    peer: Option<PathBuf>,
    /// The order that is being carried out, and where it wants the NIC to be.
    order: Option<Ticket>,
    elsewhere: Option<Vnl>,
}

impl Keeper<'_> {
    fn run(mut self) -> io::Result<End> {
        // What came before the VM ran, the VM has not had, wherever it came from.
        let mut is_news = true;
        loop {
            while let Some(caught) = self.signals.next()? {
                self.hear_signal(caught, is_news);
            }
            is_news = false;
            match self.vm.fate()? {
                Fate::Running => {}
                Fate::Daemonized => self.attendant.daemonized(),
                Fate::Ended(end) => self.tell(Input::VmEnded(end)),
            }
            if let Some(end) = self.carry_out()? {
                self.leave_politely();
                return Ok(end);
            }
            self.sleep()?;
            self.listen();
            self.tell(Input::Tick);
            self.take_orders();
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn tell(&mut self, input: Input<'_>) {
        let now = self.now();
        self.supervisor.handle(now, input);
    }

    fn status(&self) -> Vec<NicStatus> {
        self.supervisor.status().collect()
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

    /// Does what the supervisor wants, until it wants nothing more, or the end.
    fn carry_out(&mut self) -> io::Result<Option<End>> {
        while let Some(output) = self.supervisor.poll_output() {
            match output {
                Output::Exit(end) => return Ok(Some(end)),
                Output::Dial(nic, target) => self.dial(nic, target),
                Output::Send(nic, request) => self.send(nic, &request),
                Output::Unplug(nic) => self.unplug(nic),
                Output::ConnectData(nic, path) => self.connect_data(nic, &path),
                Output::Keep(nic) => self.keep(nic),
                Output::Abandon(nic) => self.abandon(nic),
                Output::Announce(nic, mac) => self.announce(nic, mac),
                Output::SetLink(nic, up) => self.attendant.set_link(nic, up),
                Output::PassOn(number) => match self.vm.signal(number) {
                    Err(Errno::EPERM) => self.tell(Input::SignalRefused(number)),
                    result => result?,
                },
                Output::Stop => self.signals.stop()?,
                Output::Tell(event) => {
                    let status = self.status();
                    let report =
                        Report { now: self.now(), connections: self.connections, status: &status };
                    self.attendant.told(&event, &report);
                }
                Output::Answer(ticket, result) => {
                    for call in self.calls.iter_mut().filter(|call| call.order == Some(ticket)) {
                        call.order = None;
                    }
                    let status = self.status();
                    let report =
                        Report { now: self.now(), connections: self.connections, status: &status };
                    self.attendant.answered(ticket, &result, &report);
                }
            }
        }
        Ok(None)
    }

    fn dial(&mut self, nic: usize, target: Target) {
        let input = match self.try_dial(nic, target) {
            Ok(()) => Input::Dialed(nic),
            Err(failure) => Input::DialFailed(nic, failure),
        };
        self.tell(input);
    }

    fn try_dial(&mut self, nic: usize, target: Target) -> Result<(), DialFailure> {
        let nothing = DialFailure::Other(Errno::EINVAL as i32);
        let (plug, call) = self.connections.get(nic).zip(self.calls.get_mut(nic)).ok_or(nothing)?;
        call.control = None;
        let vnl = match (target, &call.elsewhere) {
            (Target::Elsewhere, Some(vnl)) => vnl,
            _ => &plug.vnl,
        };
        let (switch, vnl) =
            SwitchDir::locate(vnl, self.environment).map_err(|error| locate_failure(&error))?;
        let connected = calls::connect_control(switch.control());
        let control = connected.map_err(|errno| DialFailure::Other(errno as i32))??;
        let user = calls::user_of_switch(control.as_fd());
        // Who makes a switch where ours was (in /tmp, say) must not get the guest's frames.
        if target == Target::Home && user != plug.user && !user.is_some_and(reach::is_trusted) {
            return Err(DialFailure::Stranger);
        }
        if !user.is_some_and(|user| plug.reach.suits(user)) {
            return Err(DialFailure::OutOfReach);
        }
        call.control = Some(control);
        call.user = user;
        call.place = Some((switch, vnl));
        Ok(())
    }

    fn send(&mut self, nic: usize, request: &[u8]) {
        let control = self.stream(nic, Stream::New);
        if !control.is_some_and(|control| calls::send_request(control, request)) {
            self.tell(Input::Closed(nic, Stream::New));
        }
    }

    fn unplug(&mut self, nic: usize) {
        let Some(plug) = self.connections.get_mut(nic) else { return };
        if let Some(control) = plug.control.take() {
            // The VM may hold a copy: only this tells the switch. It may have been quicker.
            let _ = shutdown(control.as_raw_fd(), Shutdown::Both);
        }
        dissolve(plug);
    }

    fn connect_data(&mut self, nic: usize, path: &SocketPath) {
        let Some((plug, call)) = self.connections.get(nic).zip(self.calls.get_mut(nic)) else {
            return;
        };
        let Some(control) = &call.control else { return };
        let owners = calls::trusted_owners(control.as_fd());
        call.peer = Some(as_path(path.as_bytes()).to_owned());
        let input = match connect_to(plug.data.as_fd(), path, &owners) {
            Ok(()) => Input::DataConnected(nic),
            Err(error) => Input::DataConnectFailed(nic, calls::data_failure(&error)),
        };
        self.tell(input);
    }

    fn keep(&mut self, nic: usize) {
        let Some((plug, call)) = self.connections.get_mut(nic).zip(self.calls.get_mut(nic)) else {
            return;
        };
        plug.control = call.control.take();
        if let Some((switch, vnl)) = call.place.take() {
            (plug.switch, plug.vnl, plug.user) = (switch, vnl, call.user);
        }
        if let Some(peer) = call.peer.take() {
            plug.port = SocketPath::new(peer.as_os_str().as_encoded_bytes())
                .ok()
                .and_then(|path| path.switch_port());
            plug.peer = peer;
        }
    }

    fn abandon(&mut self, nic: usize) {
        let Some((plug, call)) = self.connections.get_mut(nic).zip(self.calls.get_mut(nic)) else {
            return;
        };
        call.control = None;
        if plug.control.is_none() {
            dissolve(plug);
        }
    }

    /// The frame goes into the same queue as the guest's own; where that is full it is lost.
    fn announce(&mut self, nic: usize, mac: MacAddr) {
        if let Some(plug) = self.connections.get(nic) {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let _ = send(plug.data.as_raw_fd(), &rarp::announcement(mac), flags);
        }
    }

    fn stream(&self, nic: usize, stream: Stream) -> Option<BorrowedFd<'_>> {
        let control = match stream {
            Stream::Held => &self.connections.get(nic)?.control,
            Stream::New => &self.calls.get(nic)?.control,
        };
        control.as_ref().map(AsFd::as_fd)
    }

    /// Every control stream that is open.
    fn streams(&self) -> impl Iterator<Item = (usize, Stream, BorrowedFd<'_>)> {
        let each =
            (0..self.connections.len()).flat_map(|nic| [(nic, Stream::Held), (nic, Stream::New)]);
        each.filter_map(|(nic, stream)| Some((nic, stream, self.stream(nic, stream)?)))
    }

    fn sleep(&mut self) -> io::Result<()> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let watched = self.attendant.watched();
        let mut fds: Vec<PollFd<'_>> = self
            .signals
            .fds()
            .into_iter()
            .chain(self.streams().map(|(.., fd)| fd))
            .map(readable)
            .chain(watched.into_iter().map(|(fd, flags)| PollFd::new(fd, flags)))
            .collect();
        match poll(&mut fds, self.poll_timeout()) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Time to the deadline, rounded up so that a sleep never ends just before it.
    fn poll_timeout(&self) -> PollTimeout {
        let Some(deadline) = self.supervisor.deadline() else { return PollTimeout::NONE };
        let left = deadline.saturating_sub(self.now()) + Duration::from_micros(999);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }

    /// Takes what the control streams have to say.
    fn listen(&mut self) {
        let open: Vec<(usize, Stream)> =
            self.streams().map(|(nic, stream, _)| (nic, stream)).collect();
        for (nic, stream) in open {
            let mut buffer = [0; 512];
            let Some(fd) = self.stream(nic, stream) else { continue };
            let input = match calls::hear(fd, &mut buffer) {
                Heard::Nothing => continue,
                Heard::End => Input::Closed(nic, stream),
                Heard::Bytes(bytes) => Input::Received(nic, stream, bytes),
            };
            let now = self.started.elapsed();
            self.supervisor.handle(now, input);
        }
    }

    fn take_orders(&mut self) {
        let status = self.status();
        let report = Report { now: self.now(), connections: self.connections, status: &status };
        for order in self.attendant.attend(&report) {
            self.obey(order);
        }
    }

    fn obey(&mut self, order: Order) {
        let Order { nic, switch, port, ticket } = order;
        let target = if switch.is_some() { Target::Elsewhere } else { Target::Home };
        let asked = match &switch {
            Some(vnl) => vnl.port,
            None => self.supervisor.status().nth(nic).map(|status| status.asked),
        };
        let port = port.or(asked).unwrap_or(PortRequest::Any);
        // One that comes too early is going to be refused, and must not change the other's target.
        if let Some(call) = self.calls.get_mut(nic).filter(|call| call.order.is_none()) {
            (call.order, call.elsewhere) = (Some(ticket), switch);
        }
        self.tell(Input::Replug { nic, target, port, ticket });
    }

    /// A switch that is answering just now would keep the port for ever if we hung up on it
    /// \[P-7.10\]; so answers that are on their way are waited for, but not long.
    fn leave_politely(&self) {
        let pending = self.calls.iter().filter_map(|call| call.control.as_ref());
        let mut fds: Vec<PollFd<'_>> =
            pending.map(|control| PollFd::new(control.as_fd(), PollFlags::POLLIN)).collect();
        if !fds.is_empty() {
            let _ = poll(&mut fds, GRACE_MS);
        }
    }
}

/// The VM's frames go nowhere, and a switch may connect to it.
fn dissolve(plug: &Connection) {
    // It is a datagram socket, for which this cannot fail.
    let _ = sys::dissolve(plug.data.as_fd());
}

fn locate_failure(error: &LocateError) -> DialFailure {
    match error {
        LocateError::NoDefault { .. } | LocateError::Absent { .. } => DialFailure::Absent,
        LocateError::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
            DialFailure::Denied
        }
        LocateError::Io { error, .. } => {
            DialFailure::Other(error.raw_os_error().unwrap_or_default())
        }
        _ => DialFailure::NotASocketDir,
    }
}
