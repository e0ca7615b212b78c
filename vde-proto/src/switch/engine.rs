//! The switch itself: what it does about each event on its control streams.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::duplicates::{Duplicate, Move};
use super::forwarding::{Forwarded, Forwarding};
use super::personality::{Refusal, Rules, Stray, SwitchConfig};
use super::ports::{Ports, Released};
use super::status::PortStatus;
use super::streams::{Phase, Stream, Streams};
use super::{ConnId, EndpointId, Input, Output};
use crate::wire::{ClientAddress, PortRequest, Reply, Request, SocketPath};

/// A switch. See the [module](super) for how to drive it.
///
/// ```
/// use core::time::Duration;
/// use vde_proto::switch::{ConnId, Input, Output, Personality, Switch, SwitchConfig};
/// use vde_proto::{ClientAddress, Description, PortRequest, Reply, Request, SocketPath};
///
/// let mut switch = Switch::new(SwitchConfig::new(Personality::Strict));
/// let address = ClientAddress::Path(SocketPath::new("/run/vde/.00042-00000")?);
/// let request = Request::new(PortRequest::Any, address.clone(), Description::sanitised("me"));
///
/// let (now, conn) = (Duration::ZERO, ConnId(1));
/// switch.handle(now, Input::Control(conn, &request.emit()));
/// assert_eq!(switch.poll_output(), Some(Output::Attach { conn, address }));
/// switch.handle(now, Input::Attached { conn, owner: Some(1000) });
/// let Some(Output::Serve { port: 1, .. }) = switch.poll_output() else { panic!() };
/// let path = SocketPath::new("/run/vde/001.1")?;
/// switch.handle(now, Input::Served { conn, path: path.clone() });
/// assert_eq!(switch.poll_output(), Some(Output::Reply { conn, bytes: Reply { path }.emit() }));
/// # Ok::<(), vde_proto::SocketPathError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Switch {
    pub(super) config: SwitchConfig,
    rules: Rules,
    streams: Streams,
    pub(super) ports: Ports,
    pub(super) forwarding: Forwarding,
    outputs: VecDeque<Output>,
}

impl Switch {
    /// How many reads may wait on one stream while a request of it is served. One more closes it.
    pub const MAX_WAITING: usize = 4;

    /// A switch that nobody is connected to.
    #[must_use]
    pub fn new(config: SwitchConfig) -> Self {
        Self {
            config,
            rules: config.personality.rules(),
            streams: Streams::default(),
            ports: Ports::default(),
            forwarding: Forwarding::new(&config),
            outputs: VecDeque::new(),
        }
    }

    /// Takes one event at the time `now`, measured since any fixed moment.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) {
        let (Input::Control(conn, _)
        | Input::ControlClosed(conn)
        | Input::Attached { conn, .. }
        | Input::AttachFailed(conn)
        | Input::Served { conn, .. }
        | Input::ServeFailed(conn)) = input;
        match input {
            Input::Control(_, bytes) => self.received(conn, bytes),
            Input::ControlClosed(_) => self.closed(conn),
            Input::Attached { owner, .. } => self.attached(now, conn, owner),
            Input::AttachFailed(_) => self.attach_failed(conn),
            Input::Served { path, .. } => self.served(conn, path),
            Input::ServeFailed(_) => self.serve_failed(conn),
        }
        // Reads that waited: each takes the stream out of its idle phase or ends it, or the queue
        // is one shorter.
        while let Some(read) = self.streams.get(conn).and_then(Stream::next_waiting) {
            self.read(conn, &read);
        }
    }

    /// The next thing to do, in order; `None` if there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Decides about a frame that endpoint `from` sent: fills `to`, which is cleared first, with
    /// the endpoints that get it, and returns what they get.
    ///
    /// Allocates nothing once `to` has grown to the number of endpoints.
    pub fn forward<'a>(
        &'a mut self,
        now: Duration,
        from: EndpointId,
        frame: &'a [u8],
        to: &mut Vec<EndpointId>,
    ) -> Forwarded<'a> {
        self.forwarding.forward(&mut self.ports, now, from, frame, to)
    }

    /// An address that was seen on two ports in turn, if there was one since the last time that this was
    /// asked: two stations have it, or there is a loop. Asking costs next to nothing.
    pub fn take_duplicate(&mut self) -> Option<Duplicate> {
        let Move { mac, vlan, from, to, .. } = self.forwarding.take_duplicate()?;
        let number = |slot| self.ports.get(slot).map(|port| port.number);
        Some(Duplicate { mac, vlan, ports: [number(from)?, number(to)?] })
    }

    /// The driver could not deliver a frame to endpoint `to`, one of those that
    /// [`forward`](Self::forward) named: its queue is full, or its client has gone. The frame is
    /// lost \[P-8.7\]; its port counts it.
    pub fn unsent(&mut self, to: EndpointId) {
        if let Some(port) = self.ports.port_of(to) {
            self.ports.count_unsent(port);
        }
    }

    /// Ends a served endpoint and its stream, as an administrator does with `port/epclose`.
    /// Returns whether there was such an endpoint.
    pub fn close_endpoint(&mut self, id: EndpointId) -> bool {
        if self.ports.port_of(id).is_none() {
            return false;
        }
        if let Some(conn) = self.release(id) {
            if let Some(stream) = self.streams.remove(conn) {
                self.abandon(conn, stream.phase);
                self.outputs.push_back(Output::CloseControl(conn));
            }
        }
        true
    }

    /// Every port that was used or created, in the order of numbers.
    pub fn ports(&self) -> impl Iterator<Item = PortStatus<'_>> {
        self.ports.status()
    }

    /// What the switch was made with, and what was changed since.
    #[must_use]
    pub fn config(&self) -> &SwitchConfig {
        &self.config
    }

    fn received(&mut self, conn: ConnId, bytes: &[u8]) {
        for (index, read) in bytes.chunks(Request::MAX_LEN).enumerate() {
            // What follows a read that ended the stream is lost with it.
            let stream = match index {
                0 => self.streams.open(conn),
                _ => match self.streams.get(conn) {
                    Some(stream) => stream,
                    None => return,
                },
            };
            if stream.is_idle() {
                self.read(conn, read);
            } else if !stream.wait(read, Self::MAX_WAITING) {
                self.hang_up(conn);
            }
        }
    }

    /// Takes a read of an idle stream for a request \[P-4.1\].
    fn read(&mut self, conn: ConnId, bytes: &[u8]) {
        let Some(stream) = self.streams.get(conn) else { return };
        let stray = stream.endpoint.is_some() && self.rules.stray == Stray::Closes;
        match Request::parse(bytes) {
            Ok(request) if !stray && request.address != ClientAddress::Unnamed => {
                let Request { port, address, description, .. } = request;
                stream.phase = Phase::Attaching { port, description };
                self.outputs.push_back(Output::Attach { conn, address });
            }
            _ => self.hang_up(conn),
        }
    }

    fn attached(&mut self, now: Duration, conn: ConnId, owner: Option<u32>) {
        let Some(stream) = self.streams.get(conn) else {
            // The stream ended in the meantime.
            self.outputs.push_back(Output::Detach(conn));
            return;
        };
        match mem::take(&mut stream.phase) {
            Phase::Attaching { port, description } => match self.choose(port, owner) {
                Some(port) => {
                    let (endpoint, slot) = self.ports.reserve(now, conn, port, owner);
                    self.forwarding.prepare_port(slot);
                    self.set_phase(conn, Phase::Serving { endpoint, description });
                    self.outputs.push_back(Output::Serve { conn, endpoint, port });
                }
                None => self.refuse(conn),
            },
            unasked @ (Phase::Idle | Phase::Serving { .. }) => self.set_phase(conn, unasked),
        }
    }

    fn choose(&self, port: PortRequest, owner: Option<u32>) -> Option<u32> {
        if self.ports.endpoint_count() >= self.config.max_endpoints {
            return None;
        }
        self.ports.choose(port, owner, self.config.last_port())
    }

    /// The client cannot have its port \[P-6.7\].
    fn refuse(&mut self, conn: ConnId) {
        self.outputs.push_back(Output::Detach(conn));
        match self.rules.refusal {
            Refusal::Silence => {}
            Refusal::Close => self.hang_up(conn),
        }
    }

    fn attach_failed(&mut self, conn: ConnId) {
        let Some(stream) = self.streams.get(conn) else { return };
        if let Phase::Attaching { .. } = stream.phase {
            stream.phase = Phase::Idle;
            self.hang_up(conn);
        }
    }

    fn served(&mut self, conn: ConnId, path: SocketPath) {
        let Some(stream) = self.streams.get(conn) else { return };
        match mem::take(&mut stream.phase) {
            Phase::Serving { endpoint, description } => {
                // Only the last endpoint ends with the stream [P-4.7].
                if let Some(previous) = stream.endpoint.replace(endpoint) {
                    self.ports.orphan(previous);
                }
                let bytes = Reply { path: path.clone() }.emit();
                self.ports.activate(endpoint, path, description);
                self.outputs.push_back(Output::Reply { conn, bytes });
            }
            unasked @ (Phase::Idle | Phase::Attaching { .. }) => stream.phase = unasked,
        }
    }

    fn serve_failed(&mut self, conn: ConnId) {
        let Some(stream) = self.streams.get(conn) else { return };
        if let Phase::Serving { .. } = stream.phase {
            self.hang_up(conn);
        }
    }

    /// The client ended its stream \[P-7.3\].
    fn closed(&mut self, conn: ConnId) {
        let Some(stream) = self.streams.remove(conn) else { return };
        self.abandon(conn, stream.phase);
        if let Some(endpoint) = stream.endpoint {
            self.release(endpoint);
        }
    }

    /// We end a stream that has no endpoint, or that carried what it must not \[P-4.6\].
    fn hang_up(&mut self, conn: ConnId) {
        let Some(stream) = self.streams.remove(conn) else { return };
        self.abandon(conn, stream.phase);
        match (stream.endpoint, self.rules.stray) {
            (None, _) => {}
            (Some(endpoint), Stray::Orphans) => self.ports.orphan(endpoint),
            (Some(endpoint), Stray::Closes) => {
                self.release(endpoint);
            }
        }
        self.outputs.push_back(Output::CloseControl(conn));
    }

    /// Takes back what a request in progress has got so far.
    fn abandon(&mut self, conn: ConnId, phase: Phase) {
        match phase {
            Phase::Idle => {}
            Phase::Attaching { .. } => self.outputs.push_back(Output::Detach(conn)),
            Phase::Serving { endpoint, .. } => {
                self.release(endpoint);
            }
        }
    }

    /// Ends an endpoint; returns the stream it belonged to.
    fn release(&mut self, endpoint: EndpointId) -> Option<ConnId> {
        let Released { conn, emptied } = self.ports.release(endpoint)?;
        if let Some(port) = emptied {
            self.forwarding.forget_port(port);
        }
        self.outputs.push_back(Output::CloseEndpoint(endpoint));
        conn
    }

    fn set_phase(&mut self, conn: ConnId, phase: Phase) {
        if let Some(stream) = self.streams.get(conn) {
            stream.phase = phase;
        }
    }
}
