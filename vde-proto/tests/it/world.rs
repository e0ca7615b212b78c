//! Plugs and a switch back to back: a driver for both, without sockets, on virtual time.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use vde_proto::plug::{self, Plug};
use vde_proto::switch::{self, ConnId, EndpointId, Switch, SwitchConfig};
use vde_proto::{
    ClientAddress, DataFailure, Description, DialFailure, PlugConfig, PortNumber, PortRequest,
    SocketPath,
};

/// What goes wrong between the two.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// So many dials find the queue of callers full.
    pub(crate) busy: u32,
    /// So many data sockets are gone when the client connects to them.
    pub(crate) gone: u32,
    /// Replies arrive in pieces that end at these offsets.
    pub(crate) split: Vec<usize>,
    /// The stream ends after so many bytes of the reply.
    pub(crate) cut: Option<usize>,
    /// These bytes come after the reply.
    pub(crate) extra: Vec<u8>,
}

pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) switch: Switch,
    pub(crate) faults: Faults,
    clients: Vec<Client>,
    /// Sockets that clients have bound, and who owns them.
    bound: HashMap<ClientAddress, Option<u32>>,
    /// Sockets the switch holds for streams, not yet for endpoints.
    attached: BTreeSet<ConnId>,
    /// Data sockets of the switch.
    data: BTreeMap<EndpointId, SocketPath>,
    callers: BTreeMap<ConnId, usize>,
    last_conn: u64,
}

struct Client {
    plug: Plug,
    conn: Option<ConnId>,
    outputs: Vec<plug::Output>,
}

/// A [`plug::Input`] that owns its bytes.
#[derive(Debug, Clone)]
enum Event {
    Start,
    Dialed,
    DialFailed(DialFailure),
    Received(Vec<u8>),
    Closed,
    DataConnected,
    DataConnectFailed(DataFailure),
    Tick,
}

impl Event {
    fn input(&self) -> plug::Input<'_> {
        match self {
            Self::Start => plug::Input::Start,
            Self::Dialed => plug::Input::Dialed,
            Self::DialFailed(failure) => plug::Input::DialFailed(*failure),
            Self::Received(bytes) => plug::Input::Received(bytes),
            Self::Closed => plug::Input::Closed,
            Self::DataConnected => plug::Input::DataConnected,
            Self::DataConnectFailed(failure) => plug::Input::DataConnectFailed(*failure),
            Self::Tick => plug::Input::Tick,
        }
    }
}

pub(crate) fn path(name: &str) -> SocketPath {
    SocketPath::new(name).unwrap()
}

pub(crate) fn number(port: u32) -> PortRequest {
    PortRequest::Number(PortNumber::new(port).unwrap())
}

/// A plug bound to `/client/NAME`, of 5 seconds and 3 attempts.
pub(crate) fn config(name: &str, port: PortRequest) -> PlugConfig {
    PlugConfig {
        address: ClientAddress::Path(path(&format!("/client/{name}"))),
        port,
        description: Description::sanitised(name),
        timeout: Duration::from_secs(5),
        attempts: 3,
        pause: Duration::from_millis(50),
    }
}

impl World {
    pub(crate) fn new(config: SwitchConfig) -> Self {
        Self {
            now: Duration::from_secs(1_000),
            switch: Switch::new(config),
            faults: Faults::default(),
            clients: Vec::new(),
            bound: HashMap::new(),
            attached: BTreeSet::new(),
            data: BTreeMap::new(),
            callers: BTreeMap::new(),
            last_conn: 0,
        }
    }

    /// A client whose socket is bound, and whose plug is started and has got as far as it can
    /// without time passing.
    pub(crate) fn plug(&mut self, config: PlugConfig, owner: Option<u32>) -> usize {
        self.bound.insert(config.address.clone(), owner);
        self.plug_unbound(config)
    }

    /// The same with a socket that nobody is bound to.
    pub(crate) fn plug_unbound(&mut self, config: PlugConfig) -> usize {
        let client = self.clients.len();
        self.clients.push(Client { plug: Plug::new(config), conn: None, outputs: Vec::new() });
        self.feed(client, [Event::Start]);
        client
    }

    pub(crate) fn is_up(&self, client: usize) -> bool {
        self.clients[client].plug.is_up()
    }

    pub(crate) fn conn(&self, client: usize) -> Option<ConnId> {
        self.clients[client].conn
    }

    pub(crate) fn outputs(&self, client: usize) -> &[plug::Output] {
        &self.clients[client].outputs
    }

    /// How the plug ended, if it did.
    pub(crate) fn end(&self, client: usize) -> Option<&plug::Output> {
        self.outputs(client)
            .last()
            .filter(|last| matches!(last, plug::Output::Failed(_) | plug::Output::Lost))
    }

    /// Lets time pass until this plug waits for nothing.
    pub(crate) fn settle(&mut self, client: usize) {
        for _ in 0..100_000 {
            let Some(deadline) = self.clients[client].plug.deadline() else { return };
            self.now = self.now.max(deadline);
            self.feed(client, [Event::Tick]);
        }
        panic!("the plug waits for ever");
    }

    /// The client closes its control stream.
    pub(crate) fn leave(&mut self, client: usize) {
        if let Some(conn) = self.clients[client].conn.take() {
            self.callers.remove(&conn);
            self.tell_switch(switch::Input::ControlClosed(conn));
        }
    }

    /// The client sends something over its control stream that no plug would.
    pub(crate) fn misbehave(&mut self, client: usize, bytes: &[u8]) {
        let conn = self.clients[client].conn.expect("a control stream");
        self.tell_switch(switch::Input::Control(conn, bytes));
    }

    /// An administrator closes the endpoint.
    pub(crate) fn close_endpoint(&mut self, endpoint: EndpointId) {
        assert!(self.switch.close_endpoint(endpoint));
        self.obey_switch();
    }

    /// `(port, number of endpoints)` of the ports in use.
    pub(crate) fn used_ports(&self) -> Vec<(u32, usize)> {
        let used = self.switch.ports().map(|port| (port.number, port.endpoints.len()));
        used.filter(|&(_, endpoints)| endpoints > 0).collect()
    }

    /// The sockets the switch has are exactly those of its endpoints.
    pub(crate) fn assert_nothing_leaked(&self) {
        assert!(self.attached.is_empty(), "attached and forgotten: {:?}", self.attached);
        let endpoints: BTreeMap<_, _> = self
            .switch
            .ports()
            .flat_map(|port| port.endpoints)
            .map(|endpoint| (endpoint.id, endpoint.path.clone()))
            .collect();
        assert_eq!(self.data, endpoints);
    }

    fn feed(&mut self, client: usize, events: impl IntoIterator<Item = Event>) {
        let mut queue: VecDeque<Event> = events.into_iter().collect();
        while let Some(event) = queue.pop_front() {
            let plug = &mut self.clients[client].plug;
            let Some(output) = plug.handle(self.now, event.input()) else { continue };
            self.clients[client].outputs.push(output.clone());
            match output {
                plug::Output::Dial => {
                    self.leave(client);
                    queue.push_back(self.dial(client));
                }
                plug::Output::Send(bytes) => {
                    let conn = self.clients[client].conn.expect("a control stream");
                    self.tell_switch(switch::Input::Control(conn, &bytes));
                }
                plug::Output::ConnectData(path) => queue.push_back(self.connect_data(&path)),
                plug::Output::Up => {}
                plug::Output::Failed(_) | plug::Output::Lost => self.leave(client),
            }
        }
    }

    fn dial(&mut self, client: usize) -> Event {
        if self.faults.busy > 0 {
            self.faults.busy -= 1;
            return Event::DialFailed(DialFailure::Busy);
        }
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        self.clients[client].conn = Some(conn);
        self.callers.insert(conn, client);
        Event::Dialed
    }

    fn connect_data(&mut self, path: &SocketPath) -> Event {
        if self.faults.gone > 0 {
            self.faults.gone -= 1;
            return Event::DataConnectFailed(DataFailure::Gone);
        }
        assert!(self.data.values().any(|bound| bound == path), "{path} was never bound");
        Event::DataConnected
    }

    fn tell_switch(&mut self, input: switch::Input<'_>) {
        self.switch.handle(self.now, input);
        self.obey_switch();
    }

    fn obey_switch(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                switch::Output::Attach { conn, address } => {
                    let input = match self.bound.get(&address) {
                        Some(&owner) => {
                            assert!(self.attached.insert(conn), "attached twice");
                            switch::Input::Attached { conn, owner }
                        }
                        None => switch::Input::AttachFailed(conn),
                    };
                    self.switch.handle(self.now, input);
                }
                switch::Output::Detach(conn) => assert!(self.attached.remove(&conn)),
                switch::Output::Serve { conn, endpoint, port } => {
                    assert!(self.attached.remove(&conn), "serves what is not attached");
                    let path = path(&format!("/switch/{port:03}.{endpoint}"));
                    self.data.insert(endpoint, path.clone());
                    self.switch.handle(self.now, switch::Input::Served { conn, path });
                }
                switch::Output::Reply { conn, bytes } => self.deliver(conn, &bytes),
                switch::Output::CloseControl(conn) => {
                    if let Some(client) = self.callers.remove(&conn) {
                        self.clients[client].conn = None;
                        self.feed(client, [Event::Closed]);
                    }
                }
                switch::Output::CloseEndpoint(endpoint) => {
                    assert!(self.data.remove(&endpoint).is_some(), "closed but never bound");
                }
            }
        }
    }

    /// The reply on its way to the client, with all that may happen to it.
    fn deliver(&mut self, conn: ConnId, reply: &[u8]) {
        let Some(&client) = self.callers.get(&conn) else { return };
        let bytes = [reply, &self.faults.extra].concat();
        let end = self.faults.cut.unwrap_or(bytes.len()).min(bytes.len());
        let mut events = Vec::new();
        let mut start = 0;
        for stop in self.faults.split.iter().copied().chain([end]) {
            let stop = stop.clamp(start, end);
            events.push(Event::Received(bytes[start..stop].to_vec()));
            start = stop;
        }
        if self.faults.cut.is_some() {
            events.push(Event::Closed);
        }
        self.feed(client, events);
    }
}
