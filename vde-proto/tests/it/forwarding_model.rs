//! The switch against a model that is too simple to be wrong, over random lives of a network.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use vde_proto::MacAddr;
use vde_proto::switch::{ConnId, EndpointId, Personality, SwitchConfig};

use crate::net::{Net, frame, mac};

#[derive(Debug, Clone)]
enum Step {
    Join(u32),
    Leave(usize),
    Wait(u64),
    Frame { from: usize, dst: Address, src: Address, tag: Option<u16>, len: usize },
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
    endpoints: Vec<(ConnId, EndpointId, u32)>,
    homes: HashMap<(MacAddr, u16), (u32, Duration)>,
}

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
            self.homes.retain(|_, (_, seen)| now - *seen < Duration::from_secs(100));
            if !src.is_multicast() {
                let known = self.homes.entry((src, vlan)).or_insert((port, now));
                let silence = now - known.1 > Duration::from_secs(3);
                if known.0 == port || silence || self.personality == Personality::Strict {
                    *known = (port, now);
                }
            }
            if !dst.is_multicast() {
                home = self.homes.get(&(dst, vlan)).map(|&(port, _)| port);
            }
        }
        let gets = |&(_, _, other): &(ConnId, EndpointId, u32)| {
            other != port && home.is_none_or(|home| home == other) && !(self.hub && other == 0)
        };
        self.endpoints.iter().copied().filter(gets).map(|(_, id, _)| id).collect()
    }

    fn leave(&mut self, index: usize) -> Option<ConnId> {
        if index >= self.endpoints.len() {
            return None;
        }
        let (conn, _, port) = self.endpoints.remove(index);
        if !self.endpoints.iter().any(|&(_, _, other)| other == port) {
            self.homes.retain(|_, (home, _)| *home != port);
        }
        Some(conn)
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
        2 => prop_oneof![0..4_000_u64, 90_000..110_000_u64].prop_map(Step::Wait),
        10 => (0..8_usize, addresses(), addresses(), tags, lengths)
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
        let mut net = Net::new(SwitchConfig { hub, ..SwitchConfig::new(personality) });
        let mut model = Model { personality, hub, endpoints: Vec::new(), homes: HashMap::new() };
        for port in [1, 2, 2, 0, 3] {
            let (conn, id) = net.join(port);
            model.endpoints.push((conn, id, port));
        }
        for step in &steps {
            match *step {
                Step::Join(port) => {
                    let (conn, id) = net.join(port);
                    model.endpoints.push((conn, id, port));
                }
                Step::Leave(index) => {
                    if let Some(conn) = model.leave(index) {
                        net.leave(conn);
                    }
                }
                Step::Wait(ms) => net.now += Duration::from_millis(ms),
                Step::Frame { from, dst, src, tag, len } => {
                    let Some(&(_, from, port)) = model.endpoints.get(from) else { continue };
                    let bytes = frame(dst.mac(), src.mac(), tag, &vec![0xa5; len]);
                    let mut outcome = net.send(from, &bytes);
                    let (bytes, mut to) = match model.shape(&bytes, tag) {
                        Some((bytes, vlan)) => {
                            let pair = [dst.mac(), src.mac()];
                            (bytes, model.receivers(net.now, port, pair, vlan))
                        }
                        None => Default::default(),
                    };
                    outcome.to.sort_unstable();
                    to.sort_unstable();
                    prop_assert_eq!(outcome.to, to);
                    prop_assert_eq!(outcome.bytes, bytes);
                }
            }
        }
    }
}
