//! How a simulated world is at its beginning: who there is, and how they are disposed.

use std::time::Duration;

use vde_proto::switch::Personality;
use vde_proto::{PortNumber, PortRequest};

use super::choices::Choices;
use crate::supervisor::{Policy, Reconnect};

/// The whole of it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Where jitter comes from: 0 for none.
    pub(super) jitter: u32,
    /// The longest time until somebody notices something.
    pub(super) latency: Duration,
    pub(super) switches: Vec<SwitchPlan>,
    pub(super) vdeqs: Vec<VdeqPlan>,
    /// How many acts the script has.
    pub(super) acts: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct SwitchPlan {
    pub(super) personality: Personality,
    pub(super) ports: u32,
    pub(super) hub: bool,
}

#[derive(Debug, Clone)]
pub(super) struct VdeqPlan {
    pub(super) uid: u32,
    pub(super) policy: Policy,
    pub(super) nics: Vec<NicPlan>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct NicPlan {
    pub(super) home: usize,
    pub(super) asked: PortRequest,
    pub(super) has_address: bool,
    pub(super) mac_known: bool,
}

impl Plan {
    pub(super) const MOST_SWITCHES: usize = 3;
    pub(super) const MOST_VDEQS: usize = 3;
    pub(super) const MOST_NICS: usize = 3;

    /// How many choices a plan always takes, so that what follows keeps its place when a record is
    /// shrunk.
    pub(super) const CHOICES: usize =
        6 + Self::MOST_SWITCHES * 3 + Self::MOST_VDEQS * (6 + Self::MOST_NICS * 4);

    pub(super) fn draw(choices: &mut Choices) -> Self {
        let acts = choices.below(28);
        let jitter = choices.below(1 << 16);
        let latency = [0, 20, 300, 5_000, 40_000][choices.index(5)];
        let vdeqs = [1, 1, 2, 3][choices.index(4)];
        let switches = [1, 2, 2, 3][choices.index(4)];
        let few_ports = choices.one_in(8);
        let all_switches = [(); Self::MOST_SWITCHES].map(|()| switch(choices, few_ports));
        let all_vdeqs = [(); Self::MOST_VDEQS].map(|()| vdeq(choices, switches));
        Self {
            jitter,
            latency: Duration::from_micros(latency),
            switches: all_switches.into_iter().take(switches).collect(),
            vdeqs: all_vdeqs.into_iter().take(vdeqs).collect(),
            acts,
        }
    }
}

pub(super) const PERSONALITIES: [Personality; 3] =
    [Personality::Strict, Personality::Old, Personality::New];

fn switch(choices: &mut Choices, few_ports: bool) -> SwitchPlan {
    let personality = choices.pick(&PERSONALITIES);
    // Enough for every NIC to begin with, even on an old switch [P-6.9].
    let ports = [32, 11, 10][choices.index(if few_ports { 3 } else { 1 })];
    SwitchPlan { personality, ports, hub: choices.one_in(8) }
}

fn vdeq(choices: &mut Choices, switches: usize) -> VdeqPlan {
    let uid = choices.pick(&[1000, 1000, 1000, 1001]);
    let nics = [1, 1, 2, 3][choices.index(4)];
    let reconnect = match choices.below(8) {
        0..=5 => Reconnect::Always,
        6 => Reconnect::For(Duration::from_millis([500, 4_000, 70_000][choices.index(3)])),
        _ => Reconnect::Never,
    };
    if !matches!(reconnect, Reconnect::For(_)) {
        choices.below(1); // it keeps its place
    }
    let timeout = Duration::from_millis(choices.pick(&[2_000, 100, 5_000, 30]));
    let link_state = choices.below(2) == 1;
    let seed = 7 + u64::from(uid);
    let policy = Policy { reconnect, timeout, link_state, seed };
    let all_nics = [(); Plan::MOST_NICS].map(|()| nic(choices, switches));
    VdeqPlan { uid, policy, nics: all_nics.into_iter().take(nics).collect() }
}

fn nic(choices: &mut Choices, switches: usize) -> NicPlan {
    NicPlan {
        home: choices.index(switches),
        asked: port(choices.below(8)),
        has_address: !choices.one_in(12),
        mac_known: choices.below(3) != 2,
    }
}

/// One of eight requests: mostly for any port.
pub(super) fn port(which: u32) -> PortRequest {
    match which {
        5 => PortNumber::new(3).map_or(PortRequest::Any, PortRequest::Number),
        6 => PortNumber::new(4).map_or(PortRequest::Any, PortRequest::Number),
        7 => PortRequest::Zero,
        _ => PortRequest::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_takes_the_same_number_of_choices() {
        for seed in 0..200 {
            let mut choices = Choices::of_seed(seed);
            Plan::draw(&mut choices);
            assert_eq!(choices.count(), Plan::CHOICES);
        }
    }

    #[test]
    fn the_dullest_world_is_one_plug_on_one_switch() {
        let plan = Plan::draw(&mut Choices::of_record(&[]));
        assert_eq!((plan.switches.len(), plan.vdeqs.len(), plan.acts), (1, 1, 0));
        assert_eq!(plan.vdeqs[0].nics.len(), 1);
        assert!(plan.vdeqs[0].nics[0].has_address);
    }
}
