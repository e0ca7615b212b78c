//! Carries a switch: what happens on its sockets to the engine, and what the engine says to them.
//!
//! One thread and one epoll set. In each turn frames go first, all in one go ([`Ports`]); then control
//! streams and consoles, between whose events no frame is under way; then newcomers. Nothing in a turn
//! waits.
//!
//! A descriptor is taken out of the epoll set before it is closed: a process that was just forked may have
//! a copy, and the set would go on about it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::geteuid;
use vde_proto::SocketPath;
use vde_proto::switch::{ConnId, EndpointId, Input, Output, Switch};
use vde_proto::wire::Request;

use super::attach::attach;
use super::collision::Collision;
use super::dir::{Home, Place, data_socket_name};
use super::events::{Door, Source, watch};
use super::made::Made;
use super::management::{Management, Shown};
use super::ports::Ports;
use super::streams::{Said, Streams};
use super::traffic::Traffic;
use super::{SwitchServer, Witness};

/// How many events are looked at in a turn.
const EVENTS: usize = 64;

/// How many clients are taken up in a turn.
const ADMITTED: usize = 64;

/// A switch that runs. What is dropped first is gone first: nobody finds a switch that is about to go.
pub(super) struct Carrier {
    door: Door,
    management: Option<Management>,
    traffic: Traffic,
    ports: Ports,
    place: Place,
    _made: Made,
    epoll: Epoll,
    switch: Switch,
    started: Instant,
    streams: Streams,
    /// Sockets of clients whose requests are being served, and the owners of theirs.
    attached: BTreeMap<ConnId, (OwnedFd, Option<u32>)>,
    mode: u32,
    witness: Witness,
}

impl Carrier {
    pub(super) fn new(server: SwitchServer) -> io::Result<Self> {
        let SwitchServer { management, home, mode, config, witness } = server;
        let Home { ctl, place, made } = home;
        let carrier = Self {
            door: Door::new(ctl, Source::Newcomer),
            management,
            traffic: Traffic::new(),
            ports: Ports::new(),
            place,
            _made: made,
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            switch: Switch::new(config),
            started: Instant::now(),
            streams: Streams::default(),
            attached: BTreeMap::new(),
            mode,
            witness,
        };
        carrier.door.watch(&carrier.epoll)?;
        if let Some(management) = &carrier.management {
            management.door.watch(&carrier.epoll)?;
        }
        Ok(carrier)
    }

    /// Carries on until `stop` is readable, or somebody asks for the end on a console.
    pub(super) fn run(mut self, stop: BorrowedFd<'_>) -> io::Result<()> {
        watch(&self.epoll, stop, Source::Stop)?;
        let mut events = [EpollEvent::empty(); EVENTS];
        loop {
            let count = match self.epoll.wait(&mut events, self.timeout()) {
                Err(Errno::EINTR) => 0,
                count => count?,
            };
            let happened = || events.iter().take(count).map(|event| Source::of(event.data()));
            self.forward(events.get(..count).unwrap_or_default());
            for source in happened() {
                match source {
                    Source::Stop => return Ok(()),
                    Source::Stream(conn) => self.hear(conn),
                    Source::Newcomer | Source::Endpoint(_) => {}
                    Source::ConsoleNewcomer | Source::Console(_) => {
                        if !self.manage(source) {
                            return Ok(());
                        }
                    }
                }
            }
            // Last: whoever has left by now makes room for them.
            if happened().any(|source| source == Source::Newcomer) {
                self.admit();
            }
            self.keep_time();
        }
    }

    /// Sends on what came from the endpoints, and what waited for those who have room for it now.
    fn forward(&mut self, events: &[EpollEvent]) {
        let now = self.started.elapsed();
        let Self { switch, traffic, ports, epoll, .. } = self;
        let mut lines = ports.watched_by(epoll);
        for event in events {
            let Source::Endpoint(number) = Source::of(event.data()) else { continue };
            if event.events().contains(EpollFlags::EPOLLOUT) {
                traffic.go_on(switch, &mut lines, now, number);
            }
            if event.events().intersects(!EpollFlags::EPOLLOUT) {
                traffic.take(switch, &mut lines, now, number);
            }
        }
        traffic.flush(switch, &mut lines, now);
        if let Some(collision) = Collision::take(switch) {
            (self.witness.0)(collision);
        }
    }

    fn timeout(&self) -> EpollTimeout {
        let console = self.management.as_ref().and_then(|management| management.door.due());
        let traffic = self.traffic.due().map(|due| self.started + due);
        let next = [self.door.due(), console, self.streams.next_overdue(), traffic];
        let Some(next) = next.into_iter().flatten().min() else { return EpollTimeout::NONE };
        let left = next.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
        EpollTimeout::try_from(left).unwrap_or(EpollTimeout::MAX)
    }

    /// Does what is due.
    fn keep_time(&mut self) {
        if self.timeout() == EpollTimeout::NONE {
            return;
        }
        let now = Instant::now();
        let since = now.saturating_duration_since(self.started);
        self.traffic.keep_time(&mut self.switch, &mut self.ports.watched_by(&self.epoll), since);
        self.door.keep_time(&self.epoll, now);
        if let Some(management) = &mut self.management {
            management.door.keep_time(&self.epoll, now);
        }
        while let Some(conn) = self.streams.overdue(now) {
            // Its request may be on its way.
            self.hear(conn);
            if self.streams.overdue(now) == Some(conn) {
                self.hang_up(conn);
            }
        }
    }

    fn admit(&mut self) {
        for _ in 0..ADMITTED {
            let Some(fd) = self.door.next(&self.epoll) else { return };
            let conn = self.streams.add(fd);
            let Some(fd) = self.streams.fd(conn) else { continue };
            if watch(&self.epoll, fd, Source::Stream(conn)).is_err() {
                self.streams.remove(conn);
            }
        }
    }

    /// Serves a console; whether the switch is to go on.
    fn manage(&mut self, source: Source) -> bool {
        let Some(management) = &mut self.management else { return true };
        let shown = Shown { dir: &self.place.path, mode: self.mode };
        let Source::Console(id) = source else {
            management.admit(&self.epoll, shown);
            return true;
        };
        let now = self.started.elapsed();
        let goes_on = management.serve(id, &self.epoll, &mut self.switch, now, shown);
        self.carry_out();
        goes_on
    }

    /// Hears what a client has to say.
    fn hear(&mut self, conn: ConnId) {
        let mut buffer = [0; Request::MAX_LEN];
        match self.streams.read(conn, &mut buffer) {
            Said::Nothing => {}
            Said::End => self.hang_up(conn),
            Said::Bytes(length) => {
                let bytes = buffer.get(..length).unwrap_or_default();
                self.switch.handle(self.started.elapsed(), Input::Control(conn, bytes));
                self.carry_out();
            }
        }
    }

    /// Closes a stream, and tells the engine.
    fn hang_up(&mut self, conn: ConnId) {
        if self.close(conn) {
            self.switch.handle(self.started.elapsed(), Input::ControlClosed(conn));
            self.carry_out();
        }
    }

    fn close(&mut self, conn: ConnId) -> bool {
        let Some(fd) = self.streams.remove(conn) else { return false };
        let _ = self.epoll.delete(&fd);
        true
    }

    /// Does what the engine says.
    fn carry_out(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            let now = self.started.elapsed();
            match output {
                Output::Attach { conn, address } => match attach(&address) {
                    Ok((socket, owner)) => {
                        self.attached.insert(conn, (socket, owner));
                        self.switch.handle(now, Input::Attached { conn, owner });
                    }
                    Err(_) => self.switch.handle(now, Input::AttachFailed(conn)),
                },
                Output::Detach(conn) => drop(self.attached.remove(&conn)),
                Output::Serve { conn, endpoint, port } => {
                    let input = match self.serve(conn, endpoint, port) {
                        Ok(path) => Input::Served { conn, path },
                        Err(_) => Input::ServeFailed(conn),
                    };
                    self.switch.handle(now, input);
                }
                Output::Reply { conn, bytes } => {
                    if !self.streams.reply(conn, &bytes) && self.close(conn) {
                        self.switch.handle(now, Input::ControlClosed(conn));
                    }
                }
                Output::CloseControl(conn) => {
                    self.close(conn);
                }
                Output::CloseEndpoint(endpoint) => {
                    self.traffic.remove(endpoint, &mut self.ports.watched_by(&self.epoll));
                    if let Some((socket, name)) = self.ports.remove(endpoint) {
                        let _ = self.epoll.delete(&socket);
                        self.place.remove(&name);
                    }
                }
            }
        }
    }

    /// Gives an endpoint its data socket.
    fn serve(
        &mut self,
        conn: ConnId,
        endpoint: EndpointId,
        port: u32,
    ) -> Result<SocketPath, Errno> {
        let (socket, owner) = self.attached.remove(&conn).ok_or(Errno::ENOENT)?;
        let name = data_socket_name(port, endpoint.get());
        let place = &self.place;
        let path = place.path.join(&name).into_os_string().into_encoded_bytes();
        let path = SocketPath::new(path).map_err(|_| Errno::ENAMETOOLONG)?;
        // Root's clients get what is theirs, alone [P-6.16].
        let user = owner.filter(|_| geteuid().is_root());
        let mode = if user.is_some() { self.mode & 0o700 } else { self.mode };
        fchmod(&socket, Mode::from_bits_truncate(mode))?;
        place.bind(socket.as_raw_fd(), &name, user)?;
        if let Err(errno) = watch(&self.epoll, socket.as_fd(), Source::Endpoint(endpoint.get())) {
            place.remove(&name);
            return Err(errno);
        }
        self.ports.add(endpoint, socket, name);
        self.traffic.add(endpoint);
        Ok(path)
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        for name in self.ports.names() {
            self.place.remove(name);
        }
    }
}
