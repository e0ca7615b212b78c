//! What a command line is to mean: NICs, backends and dumps, and who of them hears whom.
//!
//! The meaning is worked out here from the story alone, by the rules of docs/compatibility.md, and
//! never from what vde-args makes of the line.

use std::collections::{BTreeMap, BTreeSet};

/// All that a line says of networks.
#[derive(Debug, Default)]
pub struct Story {
    pub vlans: Vec<Vlan>,
    pub pairs: Vec<Pair>,
    /// Devices that are connected with nothing.
    pub devices: Vec<Nic>,
    /// How many times `-net none` or `-nic none`.
    pub nones: usize,
    /// The `-sock` list.
    pub socks: Vec<Switch>,
    /// Called as `vdeoq`: each name of the list has a NIC of its own.
    pub is_vdeoq: bool,
}

/// A broadcast domain inside QEMU.
#[derive(Debug)]
pub struct Vlan {
    pub number: u32,
    pub nics: Vec<(Nic, NicBy)>,
    pub backends: Vec<(Backend, BackendBy)>,
    pub dumps: Vec<(Dump, Said)>,
}

/// A backend that is nobody's or a single NIC's.
#[derive(Debug)]
pub struct Pair {
    pub backend: Backend,
    pub nic: Option<Nic>,
    pub by: PairBy,
}

/// A NIC, known by its hardware address; without one it is like any other that says none.
#[derive(Debug, Clone, Copy)]
pub struct Nic(pub Option<u8>);

/// A switch by its path; the empty path is the default switch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Switch(pub String);

/// Where frames come from and go to; each is known by what it says of itself.
#[derive(Debug, Clone)]
pub enum Backend {
    Vde(Switch),
    User(u8),
    Udp(u16),
}

/// A `-net dump`, known by the path of its file, which is always the null device.
#[derive(Debug)]
pub struct Dump {
    pub number: usize,
    /// How `len=` is said, and what it is.
    pub len: Option<(&'static str, u32)>,
}

/// Whether `vlan=` is on the line, or left out, because it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Yes,
    No,
}

/// How a NIC is put on a vlan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NicBy {
    /// `-net nic`.
    Net(Said),
    /// `-device ...,vlan=`.
    Device,
    /// `-netdev hubport` and a device.
    Port,
    /// `-nic hubport`.
    NicPort,
}

/// How a backend is put on a vlan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendBy {
    Net(Said),
    /// `-netdev`, and a `-netdev hubport` for it.
    Port,
}

/// How a backend and its NIC are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairBy {
    /// `-netdev` and `-device`.
    Device,
    /// The same, with the reference or the address in a `-set`.
    Set,
    /// `-netdev` and `-net nic,netdev=`.
    Net,
    Nic,
}

impl Nic {
    pub fn mac(self) -> Option<String> {
        self.0.map(|number| format!("52:54:00:d1:ff:{number:02x}"))
    }

    fn label(self) -> String {
        self.mac().map_or_else(|| UNNAMED.to_owned(), |mac| format!("nic {mac}"))
    }
}

/// A NIC with whatever address QEMU gave it.
pub const UNNAMED: &str = "nic ?";

impl Switch {
    pub fn label(&self) -> String {
        format!("vde {}", if self.0.is_empty() { "(default)" } else { &self.0 })
    }
}

impl Backend {
    pub fn label(&self) -> String {
        match self {
            Self::Vde(switch) => switch.label(),
            Self::User(number) => format!("user 10.0.{number}.0"),
            Self::Udp(port) => format!("udp 127.0.0.1:{port}"),
        }
    }

    pub fn is_vde(&self) -> bool {
        matches!(self, Self::Vde(_))
    }
}

impl Dump {
    /// A way to write `/dev/null` that no other dump has.
    pub fn path(&self) -> String {
        format!("/dev{}/null", "/.".repeat(self.number))
    }

    fn label(&self) -> String {
        format!("dump {} {}", self.path(), self.len.map_or(65536, |(_, len)| len))
    }
}

/// Everybody in one broadcast domain, sorted.
pub type Domain = Vec<String>;

/// What a story comes to.
#[derive(Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Sorted; each domain that somebody is in.
    pub domains: Vec<Domain>,
    /// Those that must do without a hub: one NIC and one backend, and vdeq may rewrite both.
    pub direct: BTreeSet<Domain>,
    /// The default switch is joined, because nothing is named.
    pub is_default: bool,
}

/// A vlan as it is filled.
#[derive(Default)]
struct Filled {
    members: Vec<String>,
    nics: usize,
    backends: usize,
    /// Somebody's words must stay as they are, so the hub must be there.
    is_fixed: bool,
    /// A VDE network on a vlan without NIC gets one.
    wants_nic: bool,
}

impl Filled {
    fn plug(&mut self, switch: &Switch) {
        self.members.push(switch.label());
        self.backends += 1;
        self.wants_nic = true;
    }
}

impl Story {
    /// What it means, if `first` is the vlan of the first `-net nic`, or else of the first
    /// `-net dump`, in the order of the line: the default switch goes there.
    pub fn meaning(&self, first: Option<u32>) -> Meaning {
        let mut vlans: BTreeMap<u32, Filled> = BTreeMap::new();
        for vlan in &self.vlans {
            vlan.fill(vlans.entry(vlan.number).or_default());
        }
        let mut own: Vec<Domain> = Vec::new();
        for pair in &self.pairs {
            let nic = pair.nic.map(Nic::label);
            own.push([pair.backend.label()].into_iter().chain(nic).collect());
        }
        own.extend(self.devices.iter().map(|nic| vec![nic.label()]));
        for switch in &self.socks {
            match self.is_vdeoq {
                true => own.push(vec![UNNAMED.to_owned(), switch.label()]),
                false => vlans.entry(0).or_default().plug(switch),
            }
        }
        let is_default = !self.names_a_backend();
        if is_default {
            let switch = Switch(String::new());
            match first {
                Some(vlan) => vlans.entry(vlan).or_default().plug(&switch),
                None => own.push(vec![UNNAMED.to_owned(), switch.label()]),
            }
        }
        let mut meaning = Meaning { domains: own, direct: BTreeSet::new(), is_default };
        for mut filled in vlans.into_values() {
            if filled.wants_nic && filled.nics == 0 {
                filled.members.push(UNNAMED.to_owned());
                filled.nics = 1;
            }
            filled.members.sort();
            if !filled.is_fixed && (filled.nics, filled.backends) == (1, 1) {
                meaning.direct.insert(filled.members.clone());
            }
            meaning.domains.push(filled.members);
        }
        meaning.domains.iter_mut().for_each(|domain| domain.sort());
        meaning.domains.retain(|domain| !domain.is_empty());
        meaning.domains.sort();
        meaning
    }

    /// Whether anything on the line is a backend, or says that there is none. A hub port counts.
    fn names_a_backend(&self) -> bool {
        let on_vlan = |vlan: &Vlan| {
            let ports = |(_, by): &(Nic, NicBy)| matches!(by, NicBy::Port | NicBy::NicPort);
            !vlan.backends.is_empty() || vlan.nics.iter().any(ports)
        };
        let is_other = self.nones > 0 || !self.pairs.is_empty();
        is_other || !self.socks.is_empty() || self.vlans.iter().any(on_vlan)
    }

    /// The switches that plugs have to be made into.
    pub fn switches(&self) -> Vec<&Switch> {
        let on_vlans = self.vlans.iter().flat_map(|vlan| &vlan.backends).map(|(it, _)| it);
        let backends = on_vlans.chain(self.pairs.iter().map(|pair| &pair.backend));
        let named = backends.filter_map(|backend| match backend {
            Backend::Vde(switch) => Some(switch),
            _ => None,
        });
        named.chain(&self.socks).collect()
    }
}

impl Vlan {
    fn fill(&self, filled: &mut Filled) {
        for (nic, by) in &self.nics {
            filled.members.push(nic.label());
            filled.nics += 1;
            filled.is_fixed |= !matches!(by, NicBy::Net(Said::Yes) | NicBy::Device);
        }
        for (backend, by) in &self.backends {
            filled.members.push(backend.label());
            filled.backends += 1;
            let is_net_vde = backend.is_vde() && matches!(by, BackendBy::Net(_));
            filled.wants_nic |= is_net_vde;
            filled.is_fixed |= !is_net_vde && *by != BackendBy::Net(Said::Yes);
        }
        filled.members.extend(self.dumps.iter().map(|(dump, _)| dump.label()));
    }
}
