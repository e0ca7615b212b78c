//! The sockets of one NIC of a running VM, and what the supervisor wants done to them.
//!
//! Everything here is done at once: nothing waits for a switch, but for [`NOTICE`] where a NIC leaves a
//! switch that is alive, so that no other client comes to harm \[P-7.8\]. For the same reason calls go
//! through the [`Gate`]; where another process is inside, the switch counts as busy, and is called again
//! a little later. And where a NIC moves from one port of a switch to another, the switch is called only
//! when the NIC has left: to leave between a connect and its request is the very thing that harms.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};
use vde_proto::{DataFailure, DialFailure, MacAddr, SocketPath, Vnl, rarp};

use crate::calls;
use crate::connection::Connection;
use crate::data_socket::connect_to;
use crate::environment::Environment;
use crate::gate::{Gate, Guard};
use crate::give_back::wait_until_gone;
use crate::relay::{Relay, RelayWork};
use crate::splice::Spliced;
use crate::supervisor::{Stream, Target, Ticket};
use crate::switch_dir::{LocateError, SwitchDir};
use crate::{as_path, reach, sys};

/// Longest wait for a switch that is left to notice it; it takes some tenths of a millisecond. The longer
/// one is for a switch that is called again at once.
const NOTICE: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(100)];

/// Longest wait for a switch to notice that a call is over, in milliseconds.
const NOTICE_MS: u8 = 5;

/// Shortest and longest pause between two attempts to take out a relay that has ended: one that a switch
/// refuses costs it a descriptor \[P-6.7\].
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// A NIC's plug, and the call for the next one.
#[derive(Debug)]
pub(crate) struct NicSockets<'a> {
    plug: &'a mut Connection,
    call: Call,
    /// The order that is being carried out, and where it wants the NIC to be.
    order: Option<(Ticket, Option<Vnl>)>,
    /// Since when another process is inside the gate.
    knocking: Option<Instant>,
    /// The relay in the path, if there is one.
    relay: Option<Spliced>,
    /// The splice that is being carried out.
    splice: Option<Splice>,
    /// The relay in the path is known to have ended.
    dead: Option<Dead>,
}

/// A relay that has ended by itself, and is still in the path.
#[derive(Debug, Clone, Copy)]
struct Dead {
    retry_at: Instant,
    pause: Duration,
}

/// A relay that is put into the path, or taken out.
#[derive(Debug)]
struct Splice {
    ticket: Ticket,
    /// What is going to be in the path; if nothing, the VM is plugged in directly.
    relay: Option<Spliced>,
    /// The switch has been asked.
    has_begun: bool,
    /// The VM's socket is connected to nobody, so that the switch can connect to it.
    has_let_go: bool,
}

/// What becomes a part of the plug if the call succeeds. The control stream is dropped before the
/// guard: who goes is inside the gate.
#[derive(Debug, Default)]
struct Call {
    control: Option<OwnedFd>,
    /// Since when we are inside the gate.
    inside: Option<(Instant, Guard)>,
    /// What is dialed: the switch, and the locator that it was found by.
    place: Option<(SwitchDir, Vnl)>,
    /// It is the switch that is held: it is connected to when it has been left.
    stays: bool,
    user: Option<u32>,
    peer: Option<SocketPath>,
}

impl<'a> NicSockets<'a> {
    pub(crate) fn new(plug: &'a mut Connection) -> Self {
        let call = Call::default();
        Self { plug, call, order: None, knocking: None, relay: None, splice: None, dead: None }
    }

    /// The plug as it is now, or was last.
    pub(crate) fn plug(&self) -> &Connection {
        self.plug
    }

    /// Takes an order, unless another one is being carried out: then the supervisor is going to refuse
    /// it, and it must not change where the other one goes.
    pub(crate) fn take_order(&mut self, ticket: Ticket, switch: Option<Vnl>) {
        self.order.get_or_insert((ticket, switch));
    }

    /// Prepares to put a relay into the path, or to take it out; returns what the supervisor has to be
    /// told of the relay. It is going to refuse the order if another one is being carried out.
    pub(crate) fn take_splice(
        &mut self,
        ticket: Ticket,
        work: Option<RelayWork>,
        environment: &Environment,
    ) -> Result<Option<SocketPath>, Errno> {
        let relay = work.map(|work| Spliced::prepare(self.plug, environment, work)).transpose()?;
        let address = relay.as_ref().and_then(Spliced::address);
        let splice = Splice { ticket, relay, has_begun: false, has_let_go: false };
        self.splice.get_or_insert(splice);
        Ok(address)
    }

    /// Whether a relay is being put into the path, or taken out.
    pub(crate) fn is_splicing(&self) -> bool {
        self.splice.is_some()
    }

    /// The order with this ticket is done with.
    pub(crate) fn answered(&mut self, ticket: Ticket) {
        self.order.take_if(|(order, _)| *order == ticket);
        self.splice.take_if(|splice| splice.ticket == ticket);
    }

    /// The relay in the path, if there is one.
    pub(crate) fn relay(&self) -> Option<&Relay> {
        self.relay.as_ref().map(Spliced::relay)
    }

    /// What becomes readable if the relay ends by itself, as long as that is news.
    pub(crate) fn relay_end(&self) -> Option<BorrowedFd<'_>> {
        self.relay().filter(|_| self.dead.is_none()).map(Relay::ended)
    }

    /// Whether the relay in the path has ended by itself.
    pub(crate) fn is_relay_dead(&self) -> bool {
        self.relay().is_some_and(|relay| {
            let mut fds = [PollFd::new(relay.ended(), PollFlags::POLLIN)];
            matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1..))
        })
    }

    /// When the next attempt is made to take out the relay in the path that has ended.
    pub(crate) fn dead_retry(&self) -> Option<Instant> {
        self.dead.map(|dead| dead.retry_at)
    }

    /// The relay in the path has ended, and something is done about it now.
    pub(crate) fn note_dead(&mut self, now: Instant) {
        let pause = self.dead.map_or(RETRY[0], |dead| (dead.pause * 2).min(RETRY[1]));
        self.dead = Some(Dead { retry_at: now + pause, pause });
    }

    /// Connects a new control stream.
    pub(crate) fn dial(
        &mut self,
        target: Target,
        environment: &Environment,
    ) -> Result<(), DialFailure> {
        self.call = Call::default();
        if self.plug.control.is_some() && Gate::of(&self.plug.switch).is_ours() {
            // Another NIC is on its way into the switch that is going to be left.
            return Err(DialFailure::Busy);
        }
        let elsewhere = self.order.as_ref().and_then(|(_, switch)| switch.as_ref());
        let vnl = match target {
            Target::Elsewhere => elsewhere.unwrap_or(&self.plug.vnl),
            Target::Home => &self.plug.vnl,
        };
        let (switch, vnl) =
            SwitchDir::locate(vnl, environment).map_err(|error| locate_failure(&error))?;
        let inside = self.enter(&switch)?;
        if let Some(splice) = &mut self.splice {
            splice.has_begun = true;
        }
        let stays = self.plug.control.is_some() && switch.is_same_as(&self.plug.switch);
        self.call = Call { inside, place: Some((switch, vnl)), stays, ..Call::default() };
        // That somebody listens where we are plugged in needs no proof.
        if !stays {
            self.connect(target)?;
        }
        Ok(())
    }

    /// Connects to the switch of the call.
    fn connect(&mut self, target: Target) -> Result<(), DialFailure> {
        let (switch, _) = self.call.place.as_ref().ok_or(DialFailure::Absent)?;
        let connected = calls::connect_control(switch.control());
        let control = connected.map_err(|errno| DialFailure::Other(errno as i32))??;
        let user = calls::user_of_switch(control.as_fd());
        // Who makes a switch where ours was (in /tmp, say) must not get the guest's frames.
        if target == Target::Home && user != self.plug.user && !user.is_some_and(reach::is_trusted)
        {
            return Err(DialFailure::Stranger);
        }
        let reach = self.relay.as_ref().map_or(&self.plug.reach, Spliced::reach);
        if !user.is_some_and(|user| reach.suits(user)) {
            return Err(DialFailure::OutOfReach);
        }
        (self.call.control, self.call.user) = (Some(control), user);
        Ok(())
    }

    /// Enters the gate of a switch; after a while without.
    fn enter(&mut self, switch: &SwitchDir) -> Result<Option<(Instant, Guard)>, DialFailure> {
        let now = Instant::now();
        if let Some(guard) = Gate::of(switch).try_enter() {
            self.knocking = None;
            return Ok(Some((now, guard)));
        }
        let since = *self.knocking.get_or_insert(now);
        match now - since < Gate::PATIENCE {
            true => Err(DialFailure::Busy),
            false => Ok(None),
        }
    }

    /// When others have to be let in through the gate.
    pub(crate) fn gate_opens(&self) -> Option<Instant> {
        self.call.inside.as_ref().map(|(since, _)| *since + Gate::HOLD)
    }

    /// Lets others in through the gate, if it is time.
    pub(crate) fn open_gate_in_time(&mut self) {
        self.call.inside.take_if(|(since, _)| since.elapsed() >= Gate::HOLD);
    }

    /// Sends a request over the new control stream; whether that is possible.
    pub(crate) fn send(&mut self, request: &[u8]) -> bool {
        if let (Some(relay), true) = (&self.relay, self.goes_direct()) {
            relay.hold();
            relay.let_go(self.plug.data.as_fd());
            self.splice.iter_mut().for_each(|splice| splice.has_let_go = true);
        }
        if self.call.stays && self.call.control.is_none() && self.connect(Target::Home).is_err() {
            return false;
        }
        self.stream(Stream::New).is_some_and(|control| calls::send_request(control, request))
    }

    /// Leaves the switch: its frames and ours go nowhere from now on, and another may connect to us.
    pub(crate) fn unplug(&mut self) {
        self.dissolve();
        self.leave();
    }

    /// Gives the port back.
    fn leave(&mut self) {
        let Some(control) = self.plug.control.take() else { return };
        let is_alive = !matches!(calls::hear(control.as_fd(), &mut [0]), calls::Heard::End);
        let _inside = is_alive.then(|| Gate::of(&self.plug.switch).try_enter());
        // The VM may hold a copy: only this tells the switch. It may have been quicker.
        let _ = shutdown(control.as_raw_fd(), Shutdown::Both);
        if is_alive {
            let [short, long] = NOTICE;
            let patience = if self.call.stays { long } else { short };
            wait_until_gone(vec![self.plug.peer.clone()], patience);
        }
    }

    /// Connects the data socket to what the switch named.
    pub(crate) fn connect_data(&mut self, path: &SocketPath) -> Result<(), DataFailure> {
        let control = self.call.control.as_ref().ok_or(DataFailure::Gone)?;
        let owners = calls::trusted_owners(control.as_fd());
        self.call.peer = Some(path.clone());
        let socket = match &self.splice {
            Some(Splice { relay: Some(relay), has_begun: true, .. }) => relay.outer(),
            _ if self.goes_direct() => self.plug.data.as_fd(),
            _ => self.face(),
        };
        connect_to(socket, path, &owners).map_err(|error| calls::data_failure(&error))
    }

    /// Has the other socket face the switch, and gives the port back that the one before had.
    pub(crate) fn swap(&mut self) -> Result<(), Errno> {
        let data = self.plug.data.as_fd();
        let Some(splice) = self.splice.take() else { return Ok(()) };
        match splice.relay {
            Some(relay) => {
                let is_held = self.plug.control.is_some();
                let peer = SocketPath::new(self.plug.peer.as_os_str().as_bytes()).ok();
                relay.insert(data, &self.plug.reach, peer.as_ref().filter(|_| is_held))?;
                self.leave();
                self.relay = Some(relay);
            }
            None => {
                self.leave();
                let relay = self.relay.take();
                if let (Some(relay), false) = (&relay, splice.has_begun) {
                    relay.let_go(self.plug.data.as_fd());
                }
                let _ = relay.map(Spliced::stop);
                self.dead = None;
            }
        }
        Ok(())
    }

    /// The new control stream is the plug's.
    pub(crate) fn keep(&mut self) {
        let call = std::mem::take(&mut self.call);
        self.plug.control = call.control;
        self.plug.user = call.user;
        if let Some((switch, vnl)) = call.place {
            (self.plug.switch, self.plug.vnl) = (switch, vnl);
        }
        if let Some(peer) = call.peer {
            self.plug.port = peer.switch_port();
            self.plug.peer = as_path(peer.as_bytes()).to_owned();
        }
    }

    /// The call failed.
    pub(crate) fn abandon(&mut self) {
        let call = std::mem::take(&mut self.call);
        if let (Some(control), Some((switch, _))) = (&call.control, &call.place) {
            // Others are kept out until the switch has noticed, if it is quick.
            let _inside = Gate::of(switch).try_enter();
            let _ = shutdown(control.as_raw_fd(), Shutdown::Write);
            let mut fds = [PollFd::new(control.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut fds, NOTICE_MS);
        }
        let splice = self.splice.take_if(|splice| splice.has_begun);
        let has_let_go = splice.is_some_and(|splice| splice.has_let_go);
        if let (Some(relay), true) = (&self.relay, has_let_go) {
            relay.take_back(self.plug.data.as_fd());
        }
        if self.plug.control.is_none() {
            self.dissolve();
        }
    }

    /// Tells switches where the guest is. The frame goes into the same queue as the guest's own; where
    /// that is full it is lost.
    pub(crate) fn announce(&self, mac: MacAddr) {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let _ = send(self.face().as_raw_fd(), &rarp::announcement(mac), flags);
    }

    /// A control stream, if it is open.
    pub(crate) fn stream(&self, stream: Stream) -> Option<BorrowedFd<'_>> {
        let control = match stream {
            Stream::Held => &self.plug.control,
            Stream::New => &self.call.control,
        };
        control.as_ref().map(AsFd::as_fd)
    }

    fn dissolve(&self) {
        // It is a datagram socket, for which this cannot fail.
        let _ = sys::dissolve(self.face());
    }

    /// The socket that faces the switch.
    fn face(&self) -> BorrowedFd<'_> {
        self.relay.as_ref().map_or(self.plug.data.as_fd(), Spliced::outer)
    }

    /// Whether the VM's own socket is being plugged in again in place of a relay's.
    fn goes_direct(&self) -> bool {
        self.splice.as_ref().is_some_and(|splice| splice.has_begun && splice.relay.is_none())
    }
}

fn locate_failure(error: &LocateError) -> DialFailure {
    match error {
        LocateError::NoDefault { .. } | LocateError::Absent { .. } => DialFailure::Absent,
        LocateError::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
            DialFailure::Denied
        }
        LocateError::Io { error, .. } => {
            DialFailure::Other(error.raw_os_error().unwrap_or(Errno::EIO as i32))
        }
        _ => DialFailure::NotASocketDir,
    }
}
