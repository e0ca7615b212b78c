//! What somebody knows of a switch who sees what it is told and what it asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vde_proto::switch::{
    ConnId, DropReason, EndpointId, Input, Output, Stray, Switch, SwitchConfig, Verdict,
};
use vde_proto::{ClientAddress, MacAddr, Reply, Request, SocketPath};

use super::frames::Frame;

pub(super) struct Watcher {
    switch: Switch,
    pub(super) now: Duration,
    /// Streams that neither side has closed.
    open: BTreeSet<ConnId>,
    /// Streams for which a socket is to be attached.
    attaching: BTreeSet<ConnId>,
    /// Sockets that are attached and not yet an endpoint's, with their owners.
    attached: BTreeMap<ConnId, Option<u32>>,
    /// Streams for which an endpoint is to be served.
    serving: BTreeMap<ConnId, EndpointId>,
    endpoints: BTreeMap<EndpointId, Endpoint>,
    /// Every endpoint there ever was, in order.
    known: Vec<EndpointId>,
    /// On which ports an address has ever been seen.
    seen: BTreeSet<(MacAddr, u16, u32)>,
}

struct Endpoint {
    port: u32,
    owner: Option<u32>,
    /// Where it is served, once it is.
    path: Option<SocketPath>,
}

impl Watcher {
    pub(super) fn new(config: SwitchConfig) -> Self {
        Self {
            switch: Switch::new(config),
            now: Duration::from_secs(1),
            open: BTreeSet::new(),
            attaching: BTreeSet::new(),
            attached: BTreeMap::new(),
            serving: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            known: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    pub(super) fn is_open(&self, conn: ConnId) -> bool {
        self.open.contains(&conn)
    }

    pub(super) fn open(&mut self, conn: ConnId) {
        assert!(self.open.insert(conn));
    }

    /// Tells the switch something, and sees what it asks for.
    pub(super) fn tell(&mut self, input: Input<'_>) {
        let mut closed = None;
        let mut most = 4 * (Switch::MAX_WAITING + 2);
        match &input {
            Input::Control(_, bytes) => most += 4 * (bytes.len() / Request::MAX_LEN),
            Input::Attached { conn, owner } => {
                if self.attaching.remove(conn) {
                    self.attached.insert(*conn, *owner);
                }
            }
            Input::AttachFailed(conn) => drop(self.attaching.remove(conn)),
            Input::Served { conn, .. } | Input::ServeFailed(conn) => {
                self.serving.remove(conn);
            }
            Input::ControlClosed(conn) => {
                self.open.remove(conn);
                closed = Some(*conn);
            }
        }
        self.switch.handle(self.now, input);
        let count = self.drain();
        assert!(count <= most, "{count} outputs for one input");
        if let Some(conn) = closed {
            self.assert_forgotten(conn);
        }
        self.check_state();
    }

    /// Serves the endpoint of a stream, wanted or not.
    pub(super) fn serve(&mut self, conn: ConnId) {
        let asked = self.serving.get(&conn).copied();
        let name = format!("/s/{}", asked.map_or(0, EndpointId::get));
        let path = SocketPath::new(name).expect("a short path");
        if let Some(endpoint) = asked.and_then(|id| self.endpoints.get_mut(&id)) {
            endpoint.path = Some(path.clone());
        }
        self.tell(Input::Served { conn, path });
    }

    /// Does all that was asked for, and what is asked for then.
    pub(super) fn obey(&mut self, owner: Option<u32>) {
        // Each round serves a request, and each stream can have only so many of them waiting.
        for _ in 0..=Switch::MAX_WAITING + 1 {
            for conn in self.attaching.clone() {
                self.tell(Input::Attached { conn, owner });
            }
            for conn in self.serving.clone().into_keys() {
                self.serve(conn);
            }
        }
        assert!(self.attaching.is_empty() && self.serving.is_empty(), "it never has enough");
    }

    /// Closes the endpoint with this number, if it can be.
    pub(super) fn close(&mut self, number: usize) {
        let Some(&id) = self.pick(number) else { return };
        let is_served = self.endpoints.get(&id).is_some_and(|endpoint| endpoint.path.is_some());
        assert_eq!(self.switch.close_endpoint(id), is_served);
        self.drain();
        assert!(!is_served || !self.endpoints.contains_key(&id));
        self.check_state();
    }

    fn pick(&self, number: usize) -> Option<&EndpointId> {
        self.known.get(number.checked_rem(self.known.len())?)
    }

    fn drain(&mut self) -> usize {
        let mut count = 0;
        while let Some(output) = self.switch.poll_output() {
            self.see(output);
            count += 1;
        }
        count
    }

    fn see(&mut self, output: Output) {
        match output {
            Output::Attach { conn, address } => {
                assert!(self.open.contains(&conn), "a closed stream is served");
                assert_ne!(address, ClientAddress::Unnamed);
                self.assert_forgotten(conn);
                self.attaching.insert(conn);
            }
            Output::Detach(conn) => {
                self.attaching.remove(&conn);
                self.attached.remove(&conn);
            }
            Output::Serve { conn, endpoint, port } => {
                let owner = self.attached.remove(&conn).expect("only an attached socket is bound");
                self.see_endpoint(endpoint, port, owner);
                assert!(self.serving.insert(conn, endpoint).is_none());
            }
            Output::Reply { conn, bytes } => {
                assert!(self.open.contains(&conn));
                let reply = Reply::parse(&bytes).expect("a switch sends replies");
                let mut paths = self.endpoints.values().filter_map(|e| e.path.as_ref());
                assert!(paths.any(|path| *path == reply.path), "nobody is served there");
            }
            Output::CloseControl(conn) => {
                assert!(self.open.remove(&conn), "a stream is closed twice");
                self.assert_forgotten(conn);
            }
            Output::CloseEndpoint(id) => {
                assert!(self.endpoints.remove(&id).is_some(), "an endpoint is closed twice");
                self.serving.retain(|_, serving| *serving != id);
            }
        }
    }

    fn see_endpoint(&mut self, id: EndpointId, port: u32, owner: Option<u32>) {
        assert!(self.known.last().is_none_or(|last| *last < id), "a number is used again");
        self.known.push(id);
        assert!(port <= self.switch.config().last_port());
        let others = self.endpoints.values().filter(|other| other.port == port);
        for other in others {
            assert_eq!(other.owner, owner, "port {port} is shared by two users");
        }
        self.endpoints.insert(id, Endpoint { port, owner, path: None });
    }

    /// Nothing is under way for a stream.
    fn assert_forgotten(&self, conn: ConnId) {
        assert!(!self.attaching.contains(&conn), "a question is left open");
        assert!(!self.attached.contains_key(&conn), "a socket is left");
        assert!(!self.serving.contains_key(&conn), "an endpoint is left unserved");
    }

    /// What the switch says of itself is what was seen.
    fn check_state(&self) {
        let config = self.switch.config();
        assert!(self.endpoints.len() <= config.max_endpoints);
        assert!(self.switch.ports().count() <= config.last_port() as usize + 1);
        let mut served = self.endpoints.iter().filter(|(_, endpoint)| endpoint.path.is_some());
        let mut count = 0;
        for port in self.switch.ports() {
            for endpoint in &port.endpoints {
                let expected = &self.endpoints[&endpoint.id];
                assert_eq!((port.number, port.user), (expected.port, expected.owner));
                assert_eq!(Some(endpoint.path), expected.path.as_ref());
                assert!(endpoint.conn.is_none_or(|conn| self.open.contains(&conn)));
                count += 1;
            }
        }
        assert_eq!(count, served.by_ref().count());
    }

    /// An endpoint sends a frame.
    pub(super) fn send(&mut self, from: usize, frame: &Frame) {
        let Some(&from) = self.pick(from) else { return };
        let mut to = vec![from];
        let config = *self.switch.config();
        let forwarded = self.switch.forward(self.now, from, &frame.bytes, &mut to);
        let (bytes, verdict) = (forwarded.frame.to_vec(), forwarded.verdict);
        let port = self.endpoints.get(&from).filter(|e| e.path.is_some()).map(|e| e.port);
        let expected = match port {
            None => Err(DropReason::UnknownEndpoint),
            Some(port) => frame.leaves(&config).map(|bytes| (bytes, port)),
        };
        match expected {
            Err(reason) => {
                assert_eq!(verdict, Verdict::Dropped(reason));
                assert!(to.is_empty() && bytes.is_empty());
            }
            Ok((expected, port)) => {
                assert_eq!(bytes, expected);
                if !frame.src.is_multicast() {
                    self.seen.insert((frame.src, frame.vlan, port));
                }
                self.judge(verdict, port, frame, to);
            }
        }
    }

    /// Whether the right ones get a frame that came from `port`.
    fn judge(&self, verdict: Verdict, port: u32, frame: &Frame, mut to: Vec<EndpointId>) {
        let config = self.switch.config();
        let is_known_on = |port| self.seen.contains(&(frame.dst, frame.vlan, port));
        let gets = |other: u32| match verdict {
            Verdict::Flood => other != port && !(config.hub && other == 0),
            Verdict::Unicast => to.iter().any(|id| self.endpoints[id].port == other),
            Verdict::Local | Verdict::Dropped(_) => false,
        };
        let served = self.endpoints.iter().filter(|(_, endpoint)| endpoint.path.is_some());
        let expected = served.filter(|(_, endpoint)| gets(endpoint.port)).map(|(id, _)| *id);
        let expected: Vec<_> = expected.collect();
        let ports: BTreeSet<u32> = to.iter().map(|id| self.endpoints[id].port).collect();
        assert!(!ports.contains(&port), "a frame comes back");
        match verdict {
            Verdict::Flood => {}
            Verdict::Unicast => {
                assert!(!config.hub && !frame.dst.is_multicast() && ports.len() <= 1);
                assert!(ports.into_iter().all(is_known_on), "who said that it lives there?");
            }
            Verdict::Local => assert!(!config.hub && is_known_on(port)),
            Verdict::Dropped(reason) => panic!("dropped for no reason: {reason:?}"),
        }
        to.sort_unstable();
        assert_eq!(to, expected, "{verdict:?}");
    }

    /// All clients go: nothing is left but what the personality loses, and that can be closed.
    pub(super) fn finish(&mut self) {
        for conn in self.open.clone() {
            self.tell(Input::ControlClosed(conn));
        }
        assert!(self.attached.is_empty() && self.attaching.is_empty() && self.serving.is_empty());
        let rules = self.switch.config().personality.rules();
        if rules.stray == Stray::Closes {
            assert!(self.endpoints.is_empty(), "an endpoint outlives its stream");
        }
        for id in self.endpoints.keys().copied().collect::<Vec<_>>() {
            assert!(self.switch.close_endpoint(id));
            self.drain();
        }
        assert!(self.endpoints.is_empty());
        self.check_state();
    }
}
