//! A supervisor of one NIC on a clock of the test's.

use std::time::Duration;

use vde_exec::supervisor::{
    Event, Input, NicConfig, NicState, NicStatus, Output, Policy, Reconnect, Stream, Supervisor,
    Trouble,
};
use vde_exec::vde_proto::{Description, MacAddr, PortNumber, PortRequest, Reply, SocketPath};

/// Where a switch reaches the VM's own socket.
pub const OWN: &str = "/proc/7/fd/5";

pub const MAC: MacAddr = MacAddr::new([0x52, 0x54, 0, 0, 0, 7]);

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A supervisor of one NIC, and the time.
pub struct Bench {
    pub supervisor: Supervisor,
    pub now: Duration,
}

/// A NIC on port 3, which was asked for.
pub fn nic() -> NicConfig {
    NicConfig {
        address: Some(SocketPath::new(OWN).unwrap()),
        asked: PortNumber::new(3).map_or(PortRequest::Any, PortRequest::Number),
        port: Some(3),
        description: Description::sanitised("bench"),
        mac: Some(MAC),
        reconnect: None,
    }
}

impl Bench {
    /// On port 3, which was asked for.
    pub fn new(reconnect: Reconnect) -> Self {
        Self::on_port(Some(3), reconnect)
    }

    /// On this port, as far as the switch tells; port 3 was asked for.
    pub fn on_port(port: Option<u32>, reconnect: Reconnect) -> Self {
        Self::of(NicConfig { port, ..nic() }, reconnect)
    }

    /// With this NIC, where `reconnect` is the policy.
    pub fn of(nic: NicConfig, reconnect: Reconnect) -> Self {
        let policy = Policy { reconnect, timeout: ms(5000), link_state: true, seed: 1 };
        let supervisor = Supervisor::new(Duration::ZERO, policy, vec![nic]);
        // Long enough for the first plug to count as one that held.
        Self { supervisor, now: ms(10_000) }
    }

    /// What it does about an event.
    pub fn on(&mut self, input: Input<'_>) -> Vec<Output> {
        self.supervisor.handle(self.now, input);
        std::iter::from_fn(|| self.supervisor.poll_output()).collect()
    }

    /// Lets time pass until it is due to do something, and says what that is.
    pub fn wait(&mut self) -> Vec<Output> {
        self.now = self.supervisor.deadline().expect("something is due");
        self.on(Input::Tick)
    }

    pub fn status(&self) -> NicStatus {
        self.supervisor.status().next().unwrap()
    }

    pub fn state(&self) -> NicState {
        self.status().state
    }

    /// The switch answers the call that has just been made: the outputs from then on.
    pub fn answer(&mut self, port: u32) -> Vec<Output> {
        let path = SocketPath::new(format!("/run/sw/{port:03}.9")).unwrap();
        let sent = self.on(Input::Dialed(0));
        assert!(matches!(sent.last(), Some(Output::Send(0, _))), "{sent:?}");
        let reply = Reply { path: path.clone() }.emit();
        let connects = self.on(Input::Received(0, Stream::New, &reply));
        assert_eq!(connects, [Output::ConnectData(0, path)]);
        self.on(Input::DataConnected(0))
    }

    pub fn lose(&mut self) -> Vec<Output> {
        self.on(Input::Closed(0, Stream::Held))
    }
}

pub fn lost(retrying: bool) -> Output {
    Output::Tell(Event::Lost { nic: 0, why: Trouble::HungUp, retrying })
}
