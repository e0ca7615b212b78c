//! The thread behind a fake switch: carries bytes between sockets and the engine, which decides.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{UnixAddr, bind};
use vde_proto::SocketPath;
use vde_proto::switch::{ConnId, EndpointId, Input, Output, Switch, SwitchConfig};

use super::{FakePort, Faults, Shared};
use crate::as_path;
use crate::serve::{attach, data_socket_name};

/// Most bytes of one read of a control stream, as `vde_switch` has it \[P-4.2\].
const MAX_READ: usize = 256;

/// Pause between the pieces of a reply.
const PIECE_PAUSE: Duration = Duration::from_millis(1);

pub(super) struct Server {
    dir: PathBuf,
    listener: UnixListener,
    woken: UnixStream,
    shared: Arc<Mutex<Shared>>,
    engine: Switch,
    started: Instant,
    next_conn: u64,
    controls: HashMap<ConnId, UnixStream>,
    /// Data sockets of clients whose requests are being served.
    attached: HashMap<ConnId, UnixDatagram>,
    endpoints: HashMap<EndpointId, Endpoint>,
    later: Vec<(Instant, Later)>,
    /// How many of the things that the test asked for are done.
    obeyed: usize,
}

struct Endpoint {
    socket: UnixDatagram,
    path: PathBuf,
}

/// Something that is due at some time.
enum Later {
    Say(ConnId, Vec<u8>),
    HangUp(ConnId),
}

/// What a poll found to read.
enum Ready {
    Listener,
    Woken,
    Control(ConnId),
    Endpoint(EndpointId),
}

impl Server {
    pub(super) fn listen(
        dir: &Path,
        config: SwitchConfig,
        shared: Arc<Mutex<Shared>>,
        woken: UnixStream,
    ) -> Self {
        let listener = UnixListener::bind(dir.join("ctl")).expect("the control socket");
        listener.set_nonblocking(true).expect("non-blocking");
        woken.set_nonblocking(true).expect("non-blocking");
        Self {
            dir: dir.to_owned(),
            listener,
            woken,
            shared,
            engine: Switch::new(config),
            started: Instant::now(),
            next_conn: 0,
            controls: HashMap::new(),
            attached: HashMap::new(),
            endpoints: HashMap::new(),
            later: Vec::new(),
            obeyed: 0,
        }
    }

    pub(super) fn run(mut self) {
        loop {
            self.obey();
            if self.lock(|shared| shared.killed) {
                return;
            }
            // Before the replies: who has one may ask for the ports.
            self.publish();
            self.do_what_is_due();
            self.publish();
            for ready in self.wait() {
                self.serve(&ready);
            }
        }
    }

    fn lock<T>(&self, look: impl FnOnce(&mut Shared) -> T) -> T {
        look(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn faults(&self) -> Faults {
        self.lock(|shared| shared.faults.clone())
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Does what the test asked for since the last turn.
    fn obey(&mut self) {
        let (close, say, asked) = self.lock(|shared| {
            (std::mem::take(&mut shared.close), std::mem::take(&mut shared.say), shared.asked)
        });
        self.obeyed = asked;
        for (number, bytes) in say {
            let conns: Vec<ConnId> = self.clients(number).filter_map(|client| client.1).collect();
            conns.into_iter().for_each(|conn| self.say(conn, &bytes));
        }
        for number in close {
            let ids: Vec<EndpointId> = self.clients(number).map(|client| client.0).collect();
            for id in ids {
                self.engine.close_endpoint(id);
            }
        }
        self.carry_out();
    }

    /// The clients of a port.
    fn clients(&self, number: u32) -> impl Iterator<Item = (EndpointId, Option<ConnId>)> {
        let ports = self.engine.ports().filter(move |port| port.number == number);
        ports.flat_map(|port| port.endpoints).map(|endpoint| (endpoint.id, endpoint.conn))
    }

    fn publish(&mut self) {
        let ports = self.engine.ports().map(|port| FakePort {
            number: port.number,
            descriptions: port
                .endpoints
                .iter()
                .map(|endpoint| endpoint.description.sanitised().to_string())
                .collect(),
        });
        let ports: Vec<_> = ports.filter(|port| !port.descriptions.is_empty()).collect();
        self.lock(|shared| shared.ports = ports);
    }

    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        let (due, later) =
            std::mem::take(&mut self.later).into_iter().partition(|(at, _)| *at <= now);
        self.later = later;
        let due: Vec<(Instant, Later)> = due;
        for (_, what) in due {
            match what {
                Later::Say(conn, bytes) => self.say(conn, &bytes),
                Later::HangUp(conn) => self.hang_up(conn),
            }
        }
    }

    fn wait(&self) -> Vec<Ready> {
        let frozen = self.lock(|shared| {
            shared.done = self.obeyed;
            shared.frozen
        });
        let deaf = self.lock(|shared| shared.faults.deaf);
        let mut what = vec![(Ready::Woken, self.woken.as_fd())];
        if !frozen {
            what.push((Ready::Listener, self.listener.as_fd()));
            what.extend(self.controls.iter().map(|(id, s)| (Ready::Control(*id), s.as_fd())));
        }
        if !frozen && !deaf {
            let sockets = self.endpoints.iter();
            what.extend(sockets.map(|(id, one)| (Ready::Endpoint(*id), one.socket.as_fd())));
        }
        let mut fds: Vec<PollFd<'_>> =
            what.iter().map(|(_, fd)| PollFd::new(*fd, PollFlags::POLLIN)).collect();
        poll(&mut fds, self.timeout()).expect("poll");
        let fired: Vec<bool> = fds.iter().map(|fd| fd.any() == Some(true)).collect();
        what.into_iter()
            .zip(fired)
            .filter(|(_, fired)| *fired)
            .map(|((ready, _), _)| ready)
            .collect()
    }

    fn timeout(&self) -> PollTimeout {
        let Some(next) = self.later.iter().map(|(at, _)| *at).min() else {
            return PollTimeout::NONE;
        };
        let left = next.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }

    fn serve(&mut self, ready: &Ready) {
        match ready {
            Ready::Woken => drop(io::copy(&mut &self.woken, &mut io::sink())),
            Ready::Listener => self.accept(),
            Ready::Control(conn) => self.read_control(*conn),
            Ready::Endpoint(endpoint) => self.forward(*endpoint),
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true).expect("non-blocking");
            let conn = ConnId(self.next_conn);
            self.next_conn += 1;
            self.controls.insert(conn, stream);
        }
    }

    fn read_control(&mut self, conn: ConnId) {
        let Some(mut stream) = self.controls.get(&conn) else { return };
        let mut buffer = [0; MAX_READ];
        match stream.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => self.hang_up(conn),
            Ok(length) => {
                self.lock(|shared| shared.requests += 1);
                self.tell(Input::Control(conn, &buffer[..length]));
            }
        }
    }

    /// Gives the engine an input and does what it says.
    fn tell(&mut self, input: Input<'_>) {
        self.engine.handle(self.now(), input);
        self.carry_out();
    }

    /// Does what the engine says.
    fn carry_out(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            self.perform(output);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Attach { conn, address } => match attach(&address) {
                Ok((socket, owner)) => {
                    self.attached.insert(conn, UnixDatagram::from(socket));
                    self.engine.handle(self.now(), Input::Attached { conn, owner });
                }
                Err(_) => self.engine.handle(self.now(), Input::AttachFailed(conn)),
            },
            Output::Detach(conn) => drop(self.attached.remove(&conn)),
            Output::Serve { conn, endpoint, port } => self.bind_endpoint(conn, endpoint, port),
            Output::Reply { conn, bytes } => self.reply(conn, &bytes),
            Output::CloseControl(conn) => drop(self.controls.remove(&conn)),
            Output::CloseEndpoint(endpoint) => {
                if let Some(gone) = self.endpoints.remove(&endpoint) {
                    let _ = fs::remove_file(gone.path);
                }
            }
        }
    }

    fn bind_endpoint(&mut self, conn: ConnId, endpoint: EndpointId, port: u32) {
        let socket = self.attached.remove(&conn).expect("a served client is attached");
        // As vde_switch has it: the number of the descriptor.
        let number = socket.as_raw_fd().unsigned_abs().into();
        let path = self.dir.join(data_socket_name(port, number));
        let _ = fs::remove_file(&path);
        let address = UnixAddr::new(&path).expect("a short path");
        bind(socket.as_raw_fd(), &address).expect("the port's data socket");
        let name = SocketPath::new(path.as_os_str().as_bytes()).expect("a short path");
        self.endpoints.insert(endpoint, Endpoint { socket, path });
        self.engine.handle(self.now(), Input::Served { conn, path: name });
    }

    fn reply(&mut self, conn: ConnId, bytes: &[u8]) {
        let faults = self.faults();
        if faults.vanish > 0 {
            self.lock(|shared| shared.faults.vanish -= 1);
            let end =
                bytes[2..].iter().position(|&byte| byte == 0).map_or(bytes.len(), |at| at + 2);
            let _ = fs::remove_file(as_path(&bytes[2..end]));
        }
        let (pieces, hang_up) = faults.reply.apply(bytes);
        let mut at = Instant::now() + faults.delay;
        for piece in pieces {
            self.later.push((at, Later::Say(conn, piece)));
            at += PIECE_PAUSE;
        }
        if !faults.chatter.is_empty() {
            self.later.push((at, Later::Say(conn, faults.chatter)));
        }
        if let Some(wait) = faults.hang_up_after.or(hang_up.then_some(Duration::ZERO)) {
            self.later.push((at + wait, Later::HangUp(conn)));
        }
    }

    fn say(&mut self, conn: ConnId, bytes: &[u8]) {
        if let Some(mut stream) = self.controls.get(&conn) {
            // A client that left, or does not read what it should not have been told, is its own
            // affair.
            let _ = stream.write_all(bytes);
        }
    }

    fn hang_up(&mut self, conn: ConnId) {
        if self.controls.remove(&conn).is_some() {
            self.tell(Input::ControlClosed(conn));
        }
    }

    fn forward(&mut self, from: EndpointId) {
        let now = self.now();
        let Some(endpoint) = self.endpoints.get(&from) else { return };
        let mut buffer = [0; 65_536];
        let mut to = Vec::new();
        let Ok(length) = endpoint.socket.recv(&mut buffer) else { return };
        let forwarded = self.engine.forward(now, from, &buffer[..length], &mut to);
        for endpoint in &to {
            if let Some(endpoint) = self.endpoints.get(endpoint) {
                // A client that does not read loses frames, and delays nobody.
                let _ = endpoint.socket.send(forwarded.frame);
            }
        }
    }
}
