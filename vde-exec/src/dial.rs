//! Plugs into a switch: drives the sans-I/O [`Plug`] over real sockets.
//!
//! One call, one plug, one deadline. The control stream is connected and the request sent back to
//! back (a switch may lose track of a client that dawdles, \[P-7.8\]); then the loop waits for the
//! stream, the deadline, or the caller's interruption, whichever comes first. Every way out but
//! success drops both sockets and the name, which gives the port back. Other processes are kept out of
//! the switch meanwhile, since one that goes could make it lose track of us as well ([`Gate`]).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{Shutdown, shutdown};
use vde_proto::plug::{DataFailure, Input, Output, Plug, PlugConfig, PlugError};
use vde_proto::{ClientAddress, Description, PortRequest, SocketPath, Vnl};

use crate::accounts::find_group;
use crate::as_path;
use crate::calls::{self, Heard};
use crate::connection::Connection;
use crate::data_socket::{Access, BindError, ConnectError, DataSocket, is_ours};
use crate::dir_handle::OWN_DESCRIPTORS;
use crate::environment::Environment;
use crate::gate::{Gate, Guard, Waited};
use crate::place::{Place, places};
use crate::reach::Reach;
use crate::switch_dir::{LocateError, SwitchDir};

/// How often a plug starts over when the switch's socket vanishes between reply and connect.
pub(crate) const ATTEMPTS: u32 = 4;

/// Pause before starting over, or before knocking again at a switch whose backlog is full.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// How long an answer that is on its way is waited for after an interruption, in milliseconds.
const GRACE_MS: u8 = 200;

/// How long a switch is waited for that is to notice that we go, in milliseconds.
const NOTICE_MS: u8 = 100;

/// What a dial needs to know besides the locator.
#[derive(Debug, Clone)]
pub struct DialOptions {
    /// What the switch's administrator sees beside the port; sanitised and cut to 127 bytes.
    pub description: String,
    /// Longest time a plug may take, retries included.
    pub timeout: Duration,
    /// Where default switches and fallback directories are.
    pub environment: Environment,
}

/// Why a plug did not come up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The switch was not found.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// No data socket could be made.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The group of the locator does not exist.
    #[error("there is no group {name:?}")]
    NoGroup {
        /// The name or number that was given.
        name: String,
    },
    /// The handshake failed.
    #[error("{}: {error}", switch.control().display())]
    Handshake {
        /// The switch that was asked.
        switch: Box<SwitchDir>,
        /// The port that was asked for.
        port: PortRequest,
        /// What went wrong.
        error: PlugError,
    },
    /// The switch named a data socket that it has no business with; nothing was sent there.
    #[error("{} told us to send frames to {}, which {reason}", control.display(), path.display())]
    ForeignSocket {
        /// The switch's control socket.
        control: PathBuf,
        /// What its reply named.
        path: PathBuf,
        /// Why that cannot be right, as words for a sentence.
        reason: String,
    },
    /// The kernel does not show this process its descriptors.
    #[error("{OWN_DESCRIPTORS} is not there")]
    NoProc,
    /// The caller's interruption came first.
    #[error("interrupted")]
    Interrupted,
    /// A system call that should not fail did.
    #[error("{what}: {}", errno.desc())]
    System {
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
}

/// Plugs into the switch that `vnl` names.
///
/// When `interrupt` becomes readable (a signalfd, say) the dial ends with
/// [`DialError::Interrupted`]; nothing is read from it.
///
/// # Errors
/// [`DialError`]. The socket file and both sockets are gone by then.
///
/// ```no_run
/// use std::time::Duration;
/// use vde_exec::{DialOptions, Environment, dial};
///
/// let options = DialOptions {
///     description: "example".into(),
///     timeout: Duration::from_secs(5),
///     environment: Environment::of_process(),
/// };
/// let vnl = vde_proto::Vnl::parse(b"/run/vde.ctl[3]").expect("a locator");
/// let connection = dial(&vnl, &options, None).expect("a plug");
/// println!("on port {:?} of {}", connection.port, connection.switch.dir().display());
/// ```
pub fn dial(
    vnl: &Vnl,
    options: &DialOptions,
    interrupt: Option<BorrowedFd<'_>>,
) -> Result<Connection, DialError> {
    if !Path::new(OWN_DESCRIPTORS).exists() {
        return Err(DialError::NoProc);
    }
    let (switch, vnl) = SwitchDir::locate(vnl, &options.environment)?;
    let group = vnl.group.as_deref().map(|name| {
        let name = String::from_utf8_lossy(name).into_owned();
        find_group(&name).ok_or(DialError::NoGroup { name })
    });
    let access = Access { mode: vnl.mode, group: group.transpose()? };
    let dirs = options.environment.socket_dirs(is_ours(&switch));
    let mut places = places(switch.dir(), &dirs, is_ours(&switch));
    let call = Call { switch: &switch, vnl: &vnl, access, options };
    match call.from(&places, interrupt) {
        // Perhaps it does not see the directory where our socket has its room (PrivateTmp= of
        // systemd); it does see its own.
        Err(DialError::Handshake { error: PlugError::Refused, .. })
            if matches!(places.first(), Some(Place::RoomIn(_))) =>
        {
            places.retain(|place| matches!(place, Place::In(_)));
            call.from(&places, interrupt)
        }
        result => result,
    }
}

/// A call to a switch.
#[derive(Clone, Copy)]
struct Call<'a> {
    switch: &'a SwitchDir,
    vnl: &'a Vnl,
    access: Access,
    options: &'a DialOptions,
}

impl Call<'_> {
    /// Makes a data socket in one of `places`, and the plug.
    fn from(
        self,
        places: &[Place<'_>],
        interrupt: Option<BorrowedFd<'_>>,
    ) -> Result<Connection, DialError> {
        let data = DataSocket::bind(self.switch, places, self.access)?;
        let port = self.vnl.port.unwrap_or(PortRequest::Any);
        let plug = Plug::new(PlugConfig {
            address: ClientAddress::Path(data.path().clone()),
            port,
            description: Description::sanitised(&self.options.description),
            timeout: self.options.timeout,
            attempts: ATTEMPTS,
            pause: PAUSE,
        });
        let (started, switch, vnl) = (Instant::now(), self.switch.clone(), self.vnl.clone());
        let (gate, control, peer, inside) = (Gate::of(self.switch), None, None, None);
        let access = self.access;
        Dialing { plug, started, switch, vnl, access, port, data, control, peer, gate, inside }
            .run(interrupt)
    }
}

/// A handshake under way.
struct Dialing {
    plug: Plug,
    started: Instant,
    switch: SwitchDir,
    vnl: Vnl,
    access: Access,
    port: PortRequest,
    data: DataSocket,
    control: Option<OwnedFd>,
    peer: Option<SocketPath>,
    gate: Gate,
    /// Since when we are inside the gate. Dropped last: who goes without a plug goes inside, too.
    inside: Option<(Instant, Guard)>,
}

/// What ended a wait.
enum Event {
    Readable,
    Interrupted,
    Deadline,
}

impl Dialing {
    fn run(mut self, interrupt: Option<BorrowedFd<'_>>) -> Result<Connection, DialError> {
        let mut output = self.plug.handle(self.now(), Input::Start);
        loop {
            output = match output {
                Some(Output::Up) => return self.finish(),
                Some(Output::Failed(error)) => return Err(self.handshake_error(error)),
                Some(Output::Lost) => return Err(self.handshake_error(PlugError::Refused)),
                Some(Output::Dial) => self.connect_control(interrupt)?,
                Some(Output::Send(request)) => self.send(&request),
                Some(Output::ConnectData(path)) => self.connect_data(&path)?,
                None => match self.wait(interrupt)? {
                    Event::Readable => self.receive(),
                    Event::Deadline => self.plug.handle(self.now(), Input::Tick),
                    Event::Interrupted => return Err(self.leave_politely()),
                },
            };
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn finish(self) -> Result<Connection, DialError> {
        let (Some(control), Some(peer)) = (self.control, self.peer) else {
            return Err(DialError::System {
                what: "keeping the control socket",
                errno: Errno::EBADF,
            });
        };
        let (data, name) = self.data.into_parts();
        let reach = Reach::after_handshake(name, control.as_fd());
        let user = calls::user_of_switch(control.as_fd());
        let (port, peer) = (peer.switch_port(), as_path(peer.as_bytes()).to_owned());
        let description = self.plug.config().description.clone();
        let (switch, vnl, access) = (self.switch, self.vnl, self.access);
        let control = Some(control);
        Ok(Connection { control, data, switch, port, peer, user, vnl, access, description, reach })
    }

    /// Interrupted. A switch that is answering just now would keep the port for ever if we hung up
    /// on it \[P-7.10\]; so its answer is waited for, but not long.
    fn leave_politely(&mut self) -> DialError {
        if let Some(control) = &self.control {
            let mut fds = [PollFd::new(control.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut fds, GRACE_MS);
        }
        self.part();
        DialError::Interrupted
    }

    /// Closes the control stream, inside the gate, when the switch has noticed that we are going
    /// \[P-7.3\]: it hangs up, too.
    fn part(&mut self) {
        let Some(control) = self.control.take() else { return };
        let _inside = match self.inside {
            None => self.gate.enter(Duration::from_millis(NOTICE_MS.into()), None),
            Some(_) => Waited::Over(None),
        };
        let _ = shutdown(control.as_raw_fd(), Shutdown::Write);
        // A hang-up is told without being asked for; what there may be to read is not waited for.
        let mut fds = [PollFd::new(control.as_fd(), PollFlags::empty())];
        let _ = poll(&mut fds, NOTICE_MS);
        drop(control);
    }

    fn handshake_error(&mut self, error: PlugError) -> DialError {
        self.part();
        DialError::Handshake { switch: Box::new(self.switch.clone()), port: self.port, error }
    }

    fn connect_control(
        &mut self,
        interrupt: Option<BorrowedFd<'_>>,
    ) -> Result<Option<Output>, DialError> {
        self.go_inside(interrupt)?;
        self.part();
        let connected = calls::connect_control(self.switch.control())
            .map_err(|errno| DialError::System { what: "making the control socket", errno })?;
        let input = match connected {
            Ok(fd) => {
                self.control = Some(fd);
                Input::Dialed
            }
            Err(failure) => {
                self.inside = None;
                Input::DialFailed(failure)
            }
        };
        Ok(self.plug.handle(self.now(), input))
    }

    /// Waits at the gate, for at most half of the time that is left.
    fn go_inside(&mut self, interrupt: Option<BorrowedFd<'_>>) -> Result<(), DialError> {
        if self.inside.is_none() {
            let left = self.plug.deadline().unwrap_or_default().saturating_sub(self.now());
            match self.gate.enter(left / 2, interrupt) {
                Waited::Over(guard) => self.inside = guard.map(|guard| (Instant::now(), guard)),
                Waited::Interrupted => return Err(DialError::Interrupted),
            }
        }
        Ok(())
    }

    fn send(&mut self, request: &[u8]) -> Option<Output> {
        match calls::send_request(self.control.as_ref()?.as_fd(), request) {
            true => None,
            false => self.plug.handle(self.now(), Input::Closed),
        }
    }

    fn receive(&mut self) -> Option<Output> {
        let mut buffer = [0; 512];
        let input = match calls::hear(self.control.as_ref()?.as_fd(), &mut buffer) {
            Heard::Nothing => return None,
            Heard::End => Input::Closed,
            Heard::Bytes(bytes) => Input::Received(bytes),
        };
        self.plug.handle(self.now(), input)
    }

    fn connect_data(&mut self, path: &SocketPath) -> Result<Option<Output>, DialError> {
        self.peer = Some(path.clone());
        let Some(control) = &self.control else { return Ok(None) };
        let input = match self.data.connect(path, &calls::trusted_owners(control.as_fd())) {
            Ok(()) => Input::DataConnected,
            Err(error) => Input::DataConnectFailed(self.data_failure(path, &error)?),
        };
        Ok(self.plug.handle(self.now(), input))
    }

    /// What to tell the plug; where the switch names what is not its own there is more to tell the
    /// caller.
    fn data_failure(
        &self,
        path: &SocketPath,
        error: &ConnectError,
    ) -> Result<DataFailure, DialError> {
        let reason = match error {
            ConnectError::NotASocket => "is not a socket".to_owned(),
            ConnectError::Stranger { owner } => format!("belongs to user {owner}"),
            other => return Ok(calls::data_failure(other)),
        };
        Err(DialError::ForeignSocket {
            control: self.switch.control().to_owned(),
            path: as_path(path.as_bytes()).to_owned(),
            reason,
        })
    }

    fn wait(&mut self, interrupt: Option<BorrowedFd<'_>>) -> Result<Event, DialError> {
        let held = self.inside.as_ref().map(|(since, _)| since.elapsed());
        if held.is_some_and(|held| held >= Gate::HOLD) {
            self.inside = None;
        }
        let control = self.control.as_ref().map(AsFd::as_fd);
        let mut fds: Vec<PollFd<'_>> = [interrupt, control]
            .into_iter()
            .flatten()
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        match poll(&mut fds, self.poll_timeout()) {
            Err(Errno::EINTR) => return Ok(Event::Deadline),
            Err(errno) => return Err(DialError::System { what: "waiting for the switch", errno }),
            Ok(_) => {}
        }
        let fired = |index: usize| fds.get(index).is_some_and(|fd| fd.any() == Some(true));
        Ok(match (interrupt.is_some(), fired(0), fired(1)) {
            (true, true, _) => Event::Interrupted,
            (true, false, true) | (false, true, _) => Event::Readable,
            _ => Event::Deadline,
        })
    }

    /// Time to the plug's deadline, or until others are let in, rounded up so that a wait never ends
    /// just before it.
    fn poll_timeout(&self) -> PollTimeout {
        let Some(deadline) = self.plug.deadline() else { return PollTimeout::NONE };
        let turn =
            self.inside.as_ref().map(|(since, _)| Gate::HOLD.saturating_sub(since.elapsed()));
        let left = deadline.saturating_sub(self.now()).min(turn.unwrap_or(Duration::MAX))
            + Duration::from_micros(999);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }
}
