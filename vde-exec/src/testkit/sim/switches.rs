//! The processes of switches: what the engine of vde-proto asks for, on the sockets of the model.

use std::rc::Rc;
use std::time::Duration;

use vde_proto::switch::{ConnId, Input, Output, Personality, Switch, SwitchConfig};
use vde_proto::{ClientAddress, DataFailure, DialFailure, SocketPath};

use super::cover::Mark;
use super::driver::ROOM;
use super::kernel::{Errno, Sock};
use super::manners::Manner;
use super::world::{Client, Happening, Stream, World};

/// How many callers may wait to be accepted. With vde_switch it is 16, which the calls of a few NICs
/// can fill while it is stopped; then each of them calls 50 times a second. That costs much and shows
/// little, so here it is the script that says EAGAIN.
const BACKLOG: usize = 64;

/// What is at `DIR/ctl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ctl {
    Nothing,
    /// A file that is no socket.
    File,
    /// A socket; if no process has it, it is stale \[P-1.4\].
    Socket,
}

/// A place for a switch, whether one runs there or not.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) uid: u32,
    pub(super) personality: Personality,
    pub(super) ctl: Ctl,
    pub(super) engine: Option<Switch>,
    pub(super) is_frozen: bool,
    /// It serves its control streams and leaves frames where they are.
    pub(super) is_slow: bool,
    /// What becomes of the next so many requests.
    pub(super) manner: Option<(Manner, u32)>,
    /// What becomes of the next so many calls.
    pub(super) dial_fault: Option<(DialFailure, u32)>,
    /// What becomes of the next so many data sockets.
    pub(super) data_fault: Option<(DataFailure, u32)>,
    pub(super) streams: Vec<usize>,
    pub(super) attached: Vec<(usize, Sock, Client)>,
    pub(super) endpoints: Vec<Endpoint>,
    /// Streams whose end it forgot \[P-7.10\].
    pub(super) forgotten: Vec<usize>,
    is_poked: bool,
}

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) id: vde_proto::switch::EndpointId,
    pub(super) conn: usize,
    pub(super) sock: Sock,
    path: Option<SocketPath>,
    client: Client,
}

pub(super) fn conn(stream: usize) -> ConnId {
    ConnId(stream as u64)
}

pub(super) fn stream_of(conn: ConnId) -> usize {
    usize::try_from(conn.0).unwrap_or_default()
}

impl World {
    /// Starts the switches of the plan.
    pub(super) fn open_switches(&mut self) {
        let foreign = SocketPath::new("/foreign").expect("a short path");
        let sock = self.kernel.socket(1);
        self.kernel.bind(sock, &foreign, 4242);
        let file = SocketPath::new("/file").expect("a short path");
        self.kernel.plain_file(&file, 500);
        for index in 0..self.plan.switches.len() {
            self.switches.push(Host {
                uid: 500,
                personality: self.plan.switches[index].personality,
                ctl: Ctl::Nothing,
                engine: None,
                is_frozen: false,
                is_slow: false,
                manner: None,
                dial_fault: None,
                data_fault: None,
                streams: Vec::new(),
                attached: Vec::new(),
                endpoints: Vec::new(),
                forgotten: Vec::new(),
                is_poked: false,
            });
            self.start_switch(index);
        }
    }

    /// Starts a switch where none runs.
    pub(super) fn start_switch(&mut self, index: usize) {
        let plan = self.plan.switches[index];
        let host = &mut self.switches[index];
        let mut config = SwitchConfig::new(host.personality);
        (config.ports, config.hub, config.hash_size) = (plan.ports, plan.hub, 128);
        host.engine = Some(Switch::new(config));
        (host.ctl, host.is_frozen, host.is_slow) = (Ctl::Socket, false, false);
        let personality = host.personality;
        self.note(|| format!("switch {index} starts ({personality:?})"));
    }

    /// Ends the process; `cleanly` if it tidies up.
    pub(super) fn stop_switch(&mut self, index: usize, cleanly: bool) {
        let host = &mut self.switches[index];
        if host.engine.take().is_none() {
            return;
        }
        host.forgotten.clear();
        if cleanly {
            host.ctl = Ctl::Nothing;
        }
        let endpoints = std::mem::take(&mut host.endpoints);
        let attached = std::mem::take(&mut host.attached);
        let streams = std::mem::take(&mut host.streams);
        for endpoint in endpoints {
            self.kernel.close(endpoint.sock);
            if let Some(path) = endpoint.path.filter(|_| cleanly) {
                self.kernel.unlink(&path);
            }
        }
        for (_, sock, _) in attached {
            self.kernel.close(sock);
        }
        for stream in streams {
            self.streams[stream].switch_open = false;
            self.wake_client(stream);
        }
    }

    /// Somebody calls: a stream, or why there is none.
    pub(super) fn dial(&mut self, index: usize, client: Client) -> Result<usize, DialFailure> {
        let host = &mut self.switches[index];
        if let Some((failure, left)) = host.dial_fault.as_mut() {
            if *left > 0 && client != Client::Taker {
                *left -= 1;
                return Err(*failure);
            }
        }
        match (host.ctl, &host.engine) {
            (Ctl::Nothing, _) => return Err(DialFailure::Absent),
            (Ctl::File, _) => return Err(DialFailure::NotASocketDir),
            (Ctl::Socket, None) => return Err(DialFailure::Dead),
            (Ctl::Socket, Some(_)) => {}
        }
        let streams = &self.streams;
        let waiting = host.streams.iter().filter(|&&stream| !streams[stream].is_accepted);
        if waiting.count() >= BACKLOG {
            return Err(DialFailure::Busy);
        }
        let stream = self.streams.len();
        self.switches[index].streams.push(stream);
        self.streams.push(Stream {
            switch: index,
            client,
            client_open: true,
            vm_open: false,
            client_shut: false,
            switch_open: true,
            is_accepted: false,
            to_switch: Vec::new(),
            to_client: Vec::new(),
            later: Vec::new(),
            is_watched: false,
        });
        self.poke(index);
        Ok(stream)
    }

    /// There is something for the switch to see.
    pub(super) fn poke(&mut self, index: usize) {
        if !self.switches[index].is_poked {
            self.switches[index].is_poked = true;
            self.soon(Happening::Switch(index));
        }
    }

    /// The switch looks at all of its sockets once.
    pub(super) fn switch_looks(&mut self, index: usize) {
        self.switches[index].is_poked = false;
        if self.switches[index].is_frozen || self.switches[index].engine.is_none() {
            return;
        }
        self.forward_frames(index);
        let streams = std::mem::take(&mut self.switches[index].streams);
        for &stream in &streams {
            self.serve_stream(index, stream);
        }
        let open = &self.streams;
        let host = &mut self.switches[index];
        let added = std::mem::take(&mut host.streams);
        host.streams = streams.into_iter().filter(|&s| open[s].switch_open).collect();
        host.streams.extend(added);
    }

    fn serve_stream(&mut self, index: usize, stream: usize) {
        let state = &mut self.streams[stream];
        state.is_accepted = true;
        if !state.switch_open {
            return;
        }
        for request in std::mem::take(&mut state.to_switch) {
            self.serve_request(index, stream, &request);
        }
        self.say_what_is_due(stream);
        let state = &mut self.streams[stream];
        if state.switch_open && state.is_at_end() {
            state.switch_open = false;
            let owes = !state.later.is_empty();
            if owes && self.switches[index].personality == Personality::Old {
                self.cover.hit(Mark::Forgotten);
                self.switches[index].forgotten.push(stream);
                self.ledger.is_lenient = true;
                return;
            }
            self.tell_engine(index, Input::ControlClosed(conn(stream)));
        }
    }

    pub(super) fn tell_engine(&mut self, index: usize, input: Input<'_>) {
        let now = self.time();
        let Some(engine) = &mut self.switches[index].engine else { return };
        engine.handle(now, input);
        self.obey_engine(index);
    }

    pub(super) fn obey_engine(&mut self, index: usize) {
        let now = self.time();
        while let Some(output) = self.switches[index].engine.as_mut().and_then(Switch::poll_output)
        {
            let answer = self.obey(index, output);
            if let (Some(answer), Some(engine)) = (answer, &mut self.switches[index].engine) {
                engine.handle(now, answer);
            }
        }
    }

    fn obey(&mut self, index: usize, output: Output) -> Option<Input<'static>> {
        match output {
            Output::Attach { conn, address } => return Some(self.attach(index, conn, &address)),
            Output::Detach(conn) => self.detach(index, stream_of(conn)),
            Output::Serve { conn, endpoint, port } => {
                let attached = &mut self.switches[index].attached;
                let place = attached.iter().position(|(stream, ..)| *stream == stream_of(conn))?;
                let (stream, sock, client) = attached.swap_remove(place);
                let path = SocketPath::new(format!("/s{index}/{port:03}.{endpoint}")).ok()?;
                self.kernel.bind(sock, &path, self.switches[index].uid);
                let place =
                    Endpoint { id: endpoint, conn: stream, sock, path: Some(path.clone()), client };
                self.switches[index].endpoints.push(place);
                return Some(Input::Served { conn, path });
            }
            Output::Reply { conn, bytes } => self.reply(index, stream_of(conn), bytes),
            Output::CloseControl(conn) => self.hang_up(stream_of(conn)),
            Output::CloseEndpoint(id) => {
                let endpoints = &mut self.switches[index].endpoints;
                let place = endpoints.iter().position(|endpoint| endpoint.id == id)?;
                let endpoint = endpoints.swap_remove(place);
                self.kernel.close(endpoint.sock);
                endpoint.path.iter().for_each(|path| self.kernel.unlink(path));
            }
        }
        None
    }

    /// The switch's end of a stream is closed.
    pub(super) fn hang_up(&mut self, stream: usize) {
        self.streams[stream].switch_open = false;
        self.wake_client(stream);
    }

    fn attach(&mut self, index: usize, conn: ConnId, address: &ClientAddress) -> Input<'static> {
        let ClientAddress::Path(path) = address else { return Input::AttachFailed(conn) };
        let Some((owner, true)) = self.kernel.stat(path) else { return Input::AttachFailed(conn) };
        let client = self.streams[stream_of(conn)].client;
        let sock = self.kernel.socket(ROOM);
        if self.kernel.connect(sock, path).is_err() {
            self.kernel.close(sock);
            return Input::AttachFailed(conn);
        }
        self.switches[index].attached.push((stream_of(conn), sock, client));
        Input::Attached { conn, owner: Some(owner) }
    }

    fn detach(&mut self, index: usize, stream: usize) {
        let attached = &mut self.switches[index].attached;
        if let Some(place) = attached.iter().position(|(of, ..)| *of == stream) {
            let (_, sock, _) = attached.swap_remove(place);
            self.kernel.close(sock);
        }
    }

    fn forward_frames(&mut self, index: usize) {
        if self.switches[index].is_slow {
            return;
        }
        let now = self.time();
        let mut receivers = Vec::new();
        for place in 0..self.switches[index].endpoints.len() {
            let (id, sock) = (
                self.switches[index].endpoints[place].id,
                self.switches[index].endpoints[place].sock,
            );
            while let Some(frame) = self.kernel.receive(sock) {
                let Some(engine) = &mut self.switches[index].engine else { return };
                let forwarded = engine.forward(now, id, &frame, &mut receivers);
                let is_whole = forwarded.len() == frame.len();
                let out = if is_whole { Rc::clone(&frame) } else { Rc::from(forwarded.frame) };
                let lost = if receivers.is_empty() { Mark::LostDropped } else { Mark::Forwarded };
                self.cover.hit(lost);
                for receiver in &receivers {
                    self.deliver(index, *receiver, &out);
                }
            }
        }
    }

    fn deliver(
        &mut self,
        index: usize,
        receiver: vde_proto::switch::EndpointId,
        frame: &super::kernel::Frame,
    ) {
        let mut endpoints = self.switches[index].endpoints.iter();
        let Some(endpoint) = endpoints.find(|endpoint| endpoint.id == receiver) else { return };
        let client = endpoint.client;
        match self.kernel.send(endpoint.sock, frame) {
            Ok(()) => {
                if let Client::Nic(vdeq, nic) = client {
                    self.wake_guest(vdeq, nic);
                }
            }
            Err(Errno::Full) => {
                self.cover.hit(Mark::LostFull);
                if let Client::Nic(vdeq, nic) = client {
                    self.vdeqs[vdeq].nics[nic].relays.was_full = true;
                }
            }
            Err(Errno::Forbidden) => self.cover.hit(Mark::LostForbidden),
            Err(_) => self.cover.hit(Mark::LostDead),
        }
    }

    /// The socket by which this stream's switch serves it, if it does.
    pub(super) fn serves(&self, stream: usize) -> Option<Sock> {
        let Stream { switch, switch_open, .. } = self.streams[stream];
        let host = &self.switches[switch];
        host.engine.as_ref().filter(|_| switch_open)?;
        let endpoint = host.endpoints.iter().find(|endpoint| endpoint.conn == stream)?;
        self.kernel.is_open(endpoint.sock).then_some(endpoint.sock)
    }

    /// Something that only time brings.
    pub(super) fn poke_at(&mut self, index: usize, wait: Duration) {
        let time = self.now + u64::try_from(wait.as_nanos()).unwrap_or_default();
        self.at(time, Happening::Switch(index));
    }
}
