//! The switch against a model that is too simple to be wrong, over random lives of a network.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use proptest::prelude::*;
use vde_proto::MacAddr;
use vde_proto::switch::{ConnId, EndpointId, Personality, PortError, PortStatus, SwitchConfig};

use crate::net::{Net, frame, mac};

#[derive(Debug, Clone)]
enum Step {
    Join(u32),
    Leave(usize),
    /// An administrator closes an endpoint.
    Close(usize),
    /// An administrator removes a port.
    Remove(u32),
    Hub(bool),
    /// Ageing in seconds, and whether addresses move at once.
    Times(u64, bool),
    Wait(u64),
    Frame {
        from: usize,
        dst: Address,
        src: Address,
        tag: Option<u16>,
        len: usize,
    },
    /// An endpoint does not take a frame.
    Unsent(usize),
}

#[derive(Debug, Clone, Copy)]
enum Address {
    Host(u8),
    Group(u8),
    Everybody,
}

impl Address {
    fn mac(self) -> MacAddr {
        match self {
            Self::Host(last) => mac(last),
            Self::Group(last) => MacAddr::new([3, 0, 0, 0, 0, last]),
            Self::Everybody => MacAddr::BROADCAST,
        }
    }
}

struct Model {
    personality: Personality,
    hub: bool,
    ageing: Duration,
    persistence: Duration,
    endpoints: Vec<(ConnId, EndpointId, u32)>,
    homes: HashMap<(MacAddr, u16), (u32, Duration)>,
    counters: BTreeMap<u32, Counted>,
}

/// In and out: frames, bytes, dropped.
type Counted = [[u64; 3]; 2];

impl Model {
    /// The bytes that leave the switch, and the VLAN.
    fn shape(&self, bytes: &[u8], tag: Option<u16>) -> Option<(Vec<u8>, u16)> {
        let strict = self.personality == Personality::Strict;
        let mut bytes = bytes.to_vec();
        if strict && bytes.len() > 9234 {
            return None;
        }
        if !strict {
            bytes.truncate(1518);
        }
        let vlan = tag.unwrap_or(0) & 0xfff;
        if !strict && !self.hub {
            if vlan != 0 {
                return None;
            }
            if tag.is_some() {
                bytes.drain(12..16);
            }
        }
        if self.personality == Personality::New {
            while bytes.len() < 60 {
                bytes.push(0);
            }
        }
        Some((bytes, vlan))
    }

    fn receivers(
        &mut self,
        now: Duration,
        port: u32,
        [dst, src]: [MacAddr; 2],
        vlan: u16,
    ) -> Vec<EndpointId> {
        let mut home = None;
        if !self.hub {
            // What is too old stays, since more time may be given to it.
            let Self { ageing, persistence, .. } = *self;
            let is_old = |seen: Duration| now - seen >= ageing;
            if !src.is_multicast() {
                let known = self.homes.entry((src, vlan)).or_insert((port, now));
                let quiet = persistence.is_zero() || now - known.1 > persistence;
                if known.0 == port || quiet || is_old(known.1) {
                    *known = (port, now);
                }
            }
            if !dst.is_multicast() {
                let known = self.homes.get(&(dst, vlan)).filter(|(_, seen)| !is_old(*seen));
                home = known.map(|&(port, _)| port);
            }
        }
        let gets = |&(_, _, other): &(ConnId, EndpointId, u32)| {
            other != port && home.is_none_or(|home| home == other) && !(self.hub && other == 0)
        };
        self.endpoints.iter().copied().filter(gets).map(|(_, id, _)| id).collect()
    }

    fn join(&mut self, (conn, id): (ConnId, EndpointId), port: u32) {
        self.endpoints.push((conn, id, port));
        self.counters.entry(port).or_default();
    }

    fn leave(&mut self, index: usize) -> Option<(ConnId, EndpointId)> {
        if index >= self.endpoints.len() {
            return None;
        }
        let (conn, id, port) = self.endpoints.remove(index);
        if !self.is_in_use(port) {
            self.homes.retain(|_, (home, _)| *home != port);
        }
        Some((conn, id))
    }

    fn is_in_use(&self, port: u32) -> bool {
        self.endpoints.iter().any(|&(_, _, other)| other == port)
    }

    /// Counts a frame that came in at `from` and goes out to these endpoints.
    fn count(&mut self, from: u32, len: u64, to: &[EndpointId]) {
        let Self { counters, endpoints, .. } = self;
        let mut ports: Vec<_> =
            endpoints.iter().filter(|(_, id, _)| to.contains(id)).map(|end| end.2).collect();
        ports.sort_unstable();
        ports.dedup();
        for (port, direction) in [(from, 0)].into_iter().chain(ports.into_iter().map(|p| (p, 1))) {
            let counted = &mut counters.get_mut(&port).unwrap()[direction];
            counted[0] += 1;
            counted[1] += len;
        }
    }

    fn check_counters(&self, net: &Net) {
        let of = |port: PortStatus<'_>| {
            let c = port.counters;
            let way = [
                [c.frames_in, c.bytes_in, c.dropped_in],
                [c.frames_out, c.bytes_out, c.dropped_out],
            ];
            (port.number, way)
        };
        assert!(net.switch.ports().map(of).eq(self.counters.clone()));
    }
}

fn addresses() -> impl Strategy<Value = Address> {
    prop_oneof![
        8 => (0..4_u8).prop_map(Address::Host),
        1 => (0..2_u8).prop_map(Address::Group),
        1 => Just(Address::Everybody),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let tags = prop_oneof![
        6 => Just(None),
        1 => Just(Some(0)),
        1 => Just(Some(0xe000)),
        2 => Just(Some(5)),
    ];
    let lengths = prop_oneof![8 => 0..100_usize, 1 => 1480..1540_usize, 1 => 9200..9250_usize];
    prop_oneof![
        2 => (0..4_u32).prop_map(Step::Join),
        1 => (0..6_usize).prop_map(Step::Leave),
        1 => (0..6_usize).prop_map(Step::Close),
        1 => (0..4_u32).prop_map(Step::Remove),
        1 => prop::bool::weighted(0.3).prop_map(Step::Hub),
        1 => (1..200_u64, any::<bool>()).prop_map(|(age, at_once)| Step::Times(age, at_once)),
        1 => (0..8_usize).prop_map(Step::Unsent),
        2 => prop_oneof![0..4_000_u64, 90_000..110_000_u64].prop_map(Step::Wait),
        14 => (0..8_usize, addresses(), addresses(), tags, lengths)
            .prop_map(|(from, dst, src, tag, len)| Step::Frame { from, dst, src, tag, len }),
    ]
}

proptest! {
    #[test]
    fn every_frame_goes_where_the_model_says_with_the_bytes_it_says(
        personality in prop::sample::select(
            vec![Personality::Old, Personality::New, Personality::Strict]
        ),
        hub: bool,
        steps in prop::collection::vec(steps(), 1..80),
    ) {
        let config = SwitchConfig { hub, ..SwitchConfig::new(personality) };
        let mut net = Net::new(config);
        let mut model = Model {
            personality,
            hub,
            ageing: config.ageing,
            persistence: config.min_persistence,
            endpoints: Vec::new(),
            homes: HashMap::new(),
            counters: BTreeMap::new(),
        };
        for port in [1, 2, 2, 0, 3] {
            model.join(net.join(port), port);
        }
        for step in &steps {
            match *step {
                Step::Join(port) => model.join(net.join(port), port),
                Step::Leave(index) => {
                    if let Some((conn, _)) = model.leave(index) {
                        net.leave(conn);
                    }
                }
                Step::Close(index) => {
                    if let Some((_, id)) = model.leave(index) {
                        prop_assert!(net.switch.close_endpoint(id));
                        while net.switch.poll_output().is_some() {}
                    }
                }
                Step::Remove(port) => {
                    let expected = match (model.is_in_use(port), model.counters.contains_key(&port)) {
                        (true, _) => Err(PortError::InUse),
                        (false, false) => Err(PortError::Unknown),
                        (false, true) => Ok(()),
                    };
                    prop_assert_eq!(net.switch.remove_port(port), expected);
                    if expected.is_ok() {
                        model.counters.remove(&port);
                    }
                }
                Step::Hub(hub) => {
                    net.switch.set_hub(hub);
                    if model.hub != hub {
                        model.homes.clear();
                    }
                    model.hub = hub;
                }
                Step::Times(age, at_once) => {
                    model.ageing = Duration::from_secs(age);
                    model.persistence = Duration::from_secs(if at_once { 0 } else { 3 });
                    net.switch.set_ageing(model.ageing);
                    net.switch.set_min_persistence(model.persistence);
                }
                Step::Wait(ms) => net.now += Duration::from_millis(ms),
                Step::Unsent(index) => {
                    let Some(&(_, id, port)) = model.endpoints.get(index) else { continue };
                    net.switch.unsent(id);
                    model.counters.get_mut(&port).unwrap()[1][2] += 1;
                }
                Step::Frame { from, dst, src, tag, len } => {
                    let Some(&(_, from, port)) = model.endpoints.get(from) else { continue };
                    let bytes = frame(dst.mac(), src.mac(), tag, &vec![0xa5; len]);
                    let mut outcome = net.send(from, &bytes);
                    let (bytes, mut to) = match model.shape(&bytes, tag) {
                        Some((bytes, vlan)) => {
                            let pair = [dst.mac(), src.mac()];
                            let to = model.receivers(net.now, port, pair, vlan);
                            model.count(port, bytes.len() as u64, &to);
                            (bytes, to)
                        }
                        None => {
                            model.counters.get_mut(&port).unwrap()[0][2] += 1;
                            Default::default()
                        }
                    };
                    outcome.to.sort_unstable();
                    to.sort_unstable();
                    prop_assert_eq!(outcome.to, to);
                    prop_assert_eq!(outcome.bytes, bytes);
                }
            }
        }
        model.check_counters(&net);
    }
}
