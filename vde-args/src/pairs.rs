//! The vlans that need no hub: those of one NIC and one backend.
//!
//! A QEMU without vlans has hubs in their place. A hub costs time, and swaps frames where a backend
//! was busy, so a NIC that has its backend to itself refers to it directly. A NIC that says nothing of
//! vlans stays as it is, on a hub, unless it is to be told of its link (`--link-state`): hubs pass no
//! news of links on.

use std::collections::BTreeMap;

use crate::ids::Ids;
use crate::names::Names;
use crate::net_option::{NetKind, NetOption, Vlan};
use crate::network::{Added, Network};

/// For each vlan without hub, the id of its backend.
#[derive(Debug, Default)]
pub(crate) struct Pairs(BTreeMap<u32, Vec<u8>>);

/// What is on a vlan.
#[derive(Default)]
struct Members {
    nics: usize,
    backends: usize,
    /// Something on it stays as it is, so the hub it is on must be there.
    is_fixed: bool,
    /// Its NIC stays as it is, unless there is a plug to hear of.
    is_settled: bool,
    has_plug: bool,
    /// The id of the backend, if the user gave it one.
    id: Option<Vec<u8>>,
}

impl Pairs {
    pub(crate) fn of(network: &Network<'_>, names: &Names, ids: &mut Ids<'_>) -> Self {
        let mut vlans: BTreeMap<u32, Members> = BTreeMap::new();
        // A file that was not read may have others on the hub.
        let link_state = network.link_state && !network.has_unread_file;
        for option in network.options.iter().chain(&network.config) {
            if let Some(vlan) = option.hub() {
                vlans.entry(vlan).or_default().add(option, names, link_state);
            }
        }
        for option in &network.config {
            if let Some(members) = option.hub().and_then(|vlan| vlans.get_mut(&vlan)) {
                members.is_fixed = true;
            }
        }
        for addition in &network.additions {
            match addition.what {
                Added::Joined(_, vlan) => {
                    let members = vlans.entry(vlan).or_default();
                    members.backends += 1;
                    members.has_plug = true;
                }
                Added::Nic(vlan) => vlans.entry(vlan).or_default().nics += 1,
                Added::Direct(_) => {}
            }
        }
        let pairs = vlans.into_iter().filter(|(_, members)| members.are_a_pair());
        Self(pairs.map(|(vlan, m)| (vlan, m.id.unwrap_or_else(|| ids.fresh()))).collect())
    }

    /// The id of the backend of a vlan that is one NIC and one backend.
    pub(crate) fn netdev(&self, vlan: u32) -> Option<&[u8]> {
        self.0.get(&vlan).map(Vec::as_slice)
    }
}

impl Members {
    fn add(&mut self, option: &NetOption<'_>, names: &Names, link_state: bool) {
        let is_dump = option.kind() == NetKind::Net && option.is_type(b"dump");
        if is_dump {
            return;
        }
        let is_silent = option.plug.is_none() && option.vlan() == Vlan::Absent;
        let is_told = link_state && option.kind() == NetKind::Net && option.is_nic();
        self.is_settled |= is_silent && is_told;
        self.has_plug |= option.plug.is_some();
        let may_change = is_told || !is_silent;
        self.is_fixed |= !may_change || !matches!(option.kind(), NetKind::Net | NetKind::Device);
        if option.is_nic() {
            self.nics += 1;
        } else {
            self.backends += 1;
            // Without a type it is no netdev. QEMU will refuse it, in the user's own words.
            self.is_fixed |= option.type_name().is_none();
            self.id = option.own_id(names);
        }
    }

    fn are_a_pair(&self) -> bool {
        let may_change = !self.is_fixed && (self.has_plug || !self.is_settled);
        may_change && (self.nics, self.backends) == (1, 1)
    }
}
