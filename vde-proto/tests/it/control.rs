//! The control streams of a switch: drivers that are slow, clients that misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use vde_proto::switch::{ConnId, EndpointId, Input, Output, Personality, Switch, SwitchConfig};
use vde_proto::{ClientAddress, MacAddr, PortRequest, RawDescription, Reply, Request};

use crate::world::{number, path};

const NOW: Duration = Duration::ZERO;
const CONN: ConnId = ConnId(1);
const REAL: [Personality; 2] = [Personality::Old, Personality::New];
const ALL: [Personality; 3] = [Personality::Old, Personality::New, Personality::Strict];

fn switch(personality: Personality) -> Switch {
    Switch::new(SwitchConfig::new(personality))
}

fn address() -> ClientAddress {
    path("/client/a").into()
}

fn request(port: PortRequest) -> Vec<u8> {
    Request::new(port, address(), RawDescription::new("a")).emit()
}

fn outputs(switch: &mut Switch) -> Vec<Output> {
    std::iter::from_fn(|| switch.poll_output()).collect()
}

/// Does what the switch asks for at once; returns what else it says.
fn obey(switch: &mut Switch) -> Vec<Output> {
    let mut rest = Vec::new();
    while let Some(output) = switch.poll_output() {
        match output {
            Output::Attach { conn, .. } => {
                switch.handle(NOW, Input::Attached { conn, owner: Some(0) });
            }
            Output::Serve { conn, endpoint, port } => {
                let path = path(&format!("/switch/{port:03}.{endpoint}"));
                switch.handle(NOW, Input::Served { conn, path });
            }
            other => rest.push(other),
        }
    }
    rest
}

fn send(switch: &mut Switch, bytes: &[u8]) -> Vec<Output> {
    switch.handle(NOW, Input::Control(CONN, bytes));
    obey(switch)
}

/// The port and F in the path of the only reply among these outputs.
fn replied(outputs: &[Output]) -> String {
    let [Output::Reply { conn: CONN, bytes }] = outputs else { panic!("{outputs:?}") };
    Reply::parse(bytes).unwrap().path.to_string()
}

/// `(port, endpoints)` for each port ever used.
fn ports(switch: &Switch) -> Vec<(u32, usize)> {
    switch.ports().map(|port| (port.number, port.endpoints.len())).collect()
}

#[test]
fn a_request_in_either_version_is_granted() {
    let mac = MacAddr::default();
    for personality in ALL {
        for (zero, granted) in [(false, "/switch/001.1"), (true, "/switch/000.1")] {
            let request = Request::version_1(zero, mac, address(), RawDescription::default());
            let mut switch = switch(personality);
            assert_eq!(replied(&send(&mut switch, &request.emit())), granted);
        }
        assert_eq!(replied(&send(&mut switch(personality), &request(number(3)))), "/switch/003.1");
    }
}

#[test]
fn what_is_no_request_closes_the_stream_and_asks_for_nothing() {
    let good = request(PortRequest::Any);
    let mut type_2 = good.clone();
    type_2[if cfg!(target_endian = "little") { 8 } else { 11 }] = 2;
    for personality in ALL {
        for bytes in [&b"x"[..], &[0; 147], &good[..121], &type_2] {
            let outputs = send(&mut switch(personality), bytes);
            assert_eq!(outputs, [Output::CloseControl(CONN)]);
        }
    }
}

#[test]
fn a_driver_is_asked_in_the_order_of_the_checks() {
    let mut switch = switch(Personality::New);
    switch.handle(NOW, Input::Control(CONN, &request(number(3))));
    assert_eq!(outputs(&mut switch), [Output::Attach { conn: CONN, address: address() }]);
    switch.handle(NOW, Input::Attached { conn: CONN, owner: Some(7) });
    let asked = outputs(&mut switch);
    let [Output::Serve { conn: CONN, endpoint, port: 3 }] = asked[..] else { panic!("{asked:?}") };
    assert_eq!(endpoint.get(), 1);
    assert_eq!(ports(&switch), [(3, 0)], "reserved, but not there yet");
    switch.handle(NOW, Input::Served { conn: CONN, path: path("/switch/003.1") });
    assert_eq!(replied(&outputs(&mut switch)), "/switch/003.1");
    assert_eq!(ports(&switch), [(3, 1)]);
}

#[test]
fn a_client_that_cannot_be_reached_is_refused() {
    for personality in ALL {
        let mut switch = switch(personality);
        switch.handle(NOW, Input::Control(CONN, &request(PortRequest::Any)));
        outputs(&mut switch);
        switch.handle(NOW, Input::AttachFailed(CONN));
        assert_eq!(outputs(&mut switch), [Output::CloseControl(CONN)]);
    }
}

#[test]
fn a_data_socket_that_cannot_be_bound_frees_its_port() {
    for personality in ALL {
        let mut switch = switch(personality);
        switch.handle(NOW, Input::Control(CONN, &request(number(3))));
        switch.handle(NOW, Input::Attached { conn: CONN, owner: Some(0) });
        outputs(&mut switch);
        switch.handle(NOW, Input::ServeFailed(CONN));
        let outputs = outputs(&mut switch);
        let [Output::CloseEndpoint(_), Output::CloseControl(CONN)] = outputs[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(switch.ports().next().unwrap().user, None);
    }
}

#[test]
fn a_stream_that_ends_early_takes_everything_with_it() {
    let mut switch = switch(Personality::New);
    switch.handle(NOW, Input::Control(CONN, &request(number(3))));
    outputs(&mut switch);
    switch.handle(NOW, Input::ControlClosed(CONN));
    assert_eq!(outputs(&mut switch), [Output::Detach(CONN)]);
    // A driver that was already at it.
    switch.handle(NOW, Input::Attached { conn: CONN, owner: Some(0) });
    assert_eq!(outputs(&mut switch), [Output::Detach(CONN)]);

    let late = ConnId(2);
    switch.handle(NOW, Input::Control(late, &request(number(3))));
    switch.handle(NOW, Input::Attached { conn: late, owner: Some(0) });
    outputs(&mut switch);
    switch.handle(NOW, Input::ControlClosed(late));
    assert!(matches!(outputs(&mut switch)[..], [Output::CloseEndpoint(_)]));
    switch.handle(NOW, Input::Served { conn: late, path: path("/switch/003.1") });
    assert_eq!(outputs(&mut switch), []);
    assert_eq!(ports(&switch), [(3, 0)]);
}

#[test]
fn answers_nobody_asked_for_change_nothing() {
    let mut switch = switch(Personality::New);
    send(&mut switch, &request(number(3)));
    let before = format!("{switch:?}");
    for input in [
        Input::Attached { conn: CONN, owner: None },
        Input::AttachFailed(CONN),
        Input::Served { conn: CONN, path: path("/elsewhere") },
        Input::ServeFailed(CONN),
        Input::ControlClosed(ConnId(99)),
        Input::Control(CONN, b""),
    ] {
        switch.handle(NOW, input);
        assert_eq!(outputs(&mut switch), []);
    }
    assert_eq!(format!("{switch:?}"), before);
}

#[test]
fn after_a_refusal_in_silence_a_valid_request_is_answered() {
    let mut switch = switch(Personality::Old);
    assert_eq!(send(&mut switch, &request(number(99))), [Output::Detach(CONN)]);
    assert_eq!(replied(&send(&mut switch, &request(number(2)))), "/switch/002.1");
}

#[test]
fn a_second_request_on_a_stream_gets_a_second_endpoint_and_only_that_is_given_back() {
    for personality in REAL {
        let mut switch = switch(personality);
        send(&mut switch, &request(number(3)));
        assert_eq!(ports(&switch), [(3, 1)]);
        assert_eq!(replied(&send(&mut switch, &request(number(4)))), "/switch/004.2");
        switch.handle(NOW, Input::ControlClosed(CONN));
        assert_eq!(ports(&switch), [(3, 1), (4, 0)]);
        let orphan = switch.ports().next().unwrap().endpoints.iter().next().unwrap();
        assert_eq!((orphan.conn, orphan.id.get()), (None, 1));
        send(&mut switch, &request(number(3)));
        let ids: Vec<_> =
            switch.ports().flat_map(|port| port.endpoints).map(|e| e.id.get()).collect();
        assert_eq!(ids, [1, 3], "numbers are never used again");
    }
}

#[test]
fn a_second_request_to_a_strict_switch_ends_stream_and_endpoint() {
    let mut switch = switch(Personality::Strict);
    send(&mut switch, &request(number(3)));
    let outputs = send(&mut switch, &request(number(4)));
    assert!(matches!(outputs[..], [Output::CloseEndpoint(_), Output::CloseControl(CONN)]));
    assert_eq!(ports(&switch), [(3, 0)]);
}

#[test]
fn of_more_than_256_bytes_the_first_256_are_answered_and_the_rest_closes_the_stream() {
    let long = Request::new(number(3), address(), RawDescription::new([b'd'; 134])).emit();
    for extra in [1, 66, 256] {
        let bytes = [&long[..], &vec![b'd'; extra]].concat();
        for personality in REAL {
            let mut switch = switch(personality);
            let outputs = send(&mut switch, &bytes);
            let [Output::Reply { .. }, Output::CloseControl(CONN)] = outputs[..] else {
                panic!("{outputs:?}")
            };
            assert_eq!(ports(&switch), [(3, 1)], "the endpoint is immortal");
        }
        let mut strict = switch(Personality::Strict);
        send(&mut strict, &bytes);
        assert_eq!(ports(&strict), [(3, 0)]);
    }
}

#[test]
fn a_client_that_does_not_wait_is_not_remembered_without_bound() {
    for personality in ALL {
        let mut switch = switch(personality);
        let bytes = request(number(3));
        for _ in 0..=Switch::MAX_WAITING {
            switch.handle(NOW, Input::Control(CONN, &bytes));
        }
        assert!(matches!(outputs(&mut switch)[..], [Output::Attach { .. }]));
        switch.handle(NOW, Input::Control(CONN, &bytes));
        assert_eq!(outputs(&mut switch), [Output::Detach(CONN), Output::CloseControl(CONN)]);
    }
}

#[test]
fn an_endpoint_that_is_not_there_cannot_be_closed() {
    let mut switch = switch(Personality::New);
    send(&mut switch, &request(number(3)));
    let id = switch.ports().next().unwrap().endpoints.iter().next().unwrap().id;
    assert!(switch.close_endpoint(id));
    assert_eq!(outputs(&mut switch), [Output::CloseEndpoint(id), Output::CloseControl(CONN)]);
    assert!(!switch.close_endpoint(id));
    assert_eq!(outputs(&mut switch), []);
}

#[derive(Debug, Clone)]
enum Step {
    /// A client sends something.
    Read(usize, Vec<u8>),
    /// A client goes.
    Leave(usize),
    /// The driver gets round to one of the things it was asked for.
    Answer(usize, bool),
    /// An administrator closes one of the endpoints.
    Close(usize),
}

/// A driver that does things late, and keeps account of the sockets.
struct Driver {
    switch: Switch,
    /// The current stream of each client.
    streams: [ConnId; 3],
    last_conn: u64,
    /// What it was asked for and has not done.
    asked: Vec<Output>,
    attached: BTreeSet<ConnId>,
    /// Sockets of endpoints, and whether they are bound.
    endpoints: BTreeMap<EndpointId, bool>,
}

impl Driver {
    fn new(config: SwitchConfig) -> Self {
        Self {
            switch: Switch::new(config),
            streams: [ConnId(1), ConnId(2), ConnId(3)],
            last_conn: 3,
            asked: Vec::new(),
            attached: BTreeSet::new(),
            endpoints: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Read(client, bytes) => {
                self.switch.handle(NOW, Input::Control(self.streams[*client], bytes));
            }
            Step::Leave(client) => self.leave(*client),
            Step::Answer(index, good) => self.answer(*index, *good),
            Step::Close(index) => {
                let id = self.switch.ports().flat_map(|p| p.endpoints).nth(*index).map(|e| e.id);
                if let Some(id) = id {
                    assert!(self.switch.close_endpoint(id));
                }
            }
        }
        self.listen();
    }

    fn leave(&mut self, client: usize) {
        let conn = self.streams[client];
        self.renew(conn);
        self.switch.handle(NOW, Input::ControlClosed(conn));
        self.listen();
    }

    fn answer(&mut self, index: usize, good: bool) {
        if self.asked.is_empty() {
            return;
        }
        let input = match self.asked.remove(index % self.asked.len()) {
            Output::Attach { conn, .. } if good => {
                assert!(self.attached.insert(conn));
                Input::Attached { conn, owner: Some(0) }
            }
            Output::Attach { conn, .. } => Input::AttachFailed(conn),
            Output::Serve { conn, endpoint, port } if good => {
                self.endpoints.insert(endpoint, true);
                Input::Served { conn, path: path(&format!("/switch/{port:03}.{endpoint}")) }
            }
            Output::Serve { conn, .. } => Input::ServeFailed(conn),
            other => panic!("{other:?} needs no answer"),
        };
        self.switch.handle(NOW, input);
        self.listen();
    }

    fn listen(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Attach { .. } => self.asked.push(output),
                Output::Serve { conn, endpoint, .. } => {
                    assert!(self.attached.remove(&conn), "serves what is not attached");
                    self.endpoints.insert(endpoint, false);
                    self.asked.push(output);
                }
                Output::Detach(conn) => {
                    let held = self.attached.remove(&conn);
                    let asked = self.asked.len();
                    self.asked.retain(
                        |o| !matches!(o, Output::Attach { conn: other, .. } if *other == conn),
                    );
                    assert!(held || self.asked.len() < asked, "detaches nothing");
                }
                Output::Reply { conn, .. } => assert!(self.streams.contains(&conn)),
                Output::CloseControl(conn) => self.renew(conn),
                Output::CloseEndpoint(id) => {
                    assert!(self.endpoints.remove(&id).is_some(), "closed twice");
                    self.asked.retain(
                        |o| !matches!(o, Output::Serve { endpoint, .. } if *endpoint == id),
                    );
                }
            }
        }
    }

    /// The client has to call again.
    fn renew(&mut self, conn: ConnId) {
        let slot = self.streams.iter_mut().find(|stream| **stream == conn).expect("a live stream");
        self.last_conn += 1;
        *slot = ConnId(self.last_conn);
    }
}

fn steps() -> impl Strategy<Value = Step> {
    let reads = prop_oneof![
        4 => (0..5_u32).prop_map(|n| request(if n == 0 { PortRequest::Any } else { number(n) })),
        1 => Just(request(PortRequest::Zero)),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => Just([request(number(1)), vec![0; 700]].concat()),
        1 => Just(Request::new(number(2), address(), RawDescription::new([b'd'; 134])).emit().repeat(3)),
    ];
    prop_oneof![
        4 => (0..3_usize, reads).prop_map(|(client, bytes)| Step::Read(client, bytes)),
        1 => (0..3_usize).prop_map(Step::Leave),
        6 => (0..4_usize, prop::bool::weighted(0.8)).prop_map(|(i, good)| Step::Answer(i, good)),
        1 => (0..4_usize).prop_map(Step::Close),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_every_socket_is_accounted_for(
        personality in prop::sample::select(ALL.to_vec()),
        steps in prop::collection::vec(steps(), 0..80),
    ) {
        let config = SwitchConfig { ports: 3, max_endpoints: 5, ..SwitchConfig::new(personality) };
        let mut driver = Driver::new(config);
        for step in &steps {
            driver.step(step);
            prop_assert!(driver.endpoints.len() <= 5);
        }
        for client in 0..3 {
            driver.leave(client);
        }
        prop_assert_eq!(&driver.asked, &[]);
        prop_assert_eq!(&driver.attached, &BTreeSet::new());
        prop_assert!(driver.endpoints.values().all(|bound| *bound));
        let left: Vec<_> = driver.switch.ports().flat_map(|port| port.endpoints).collect();
        prop_assert!(left.iter().all(|endpoint| endpoint.conn.is_none()));
        let ids: BTreeSet<_> = left.iter().map(|endpoint| endpoint.id).collect();
        prop_assert_eq!(ids, driver.endpoints.keys().copied().collect::<BTreeSet<_>>());
        prop_assert!(personality != Personality::Strict || left.is_empty());
    }
}
