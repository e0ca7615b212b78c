//! Which NIC each plug is joined to, and the hardware address that the line gives it.
//!
//! Who stands beside the VM may speak for its NIC only if the plug is this NIC's and nobody else's,
//! and if it knows the address for sure: whatever is in doubt has none.

use std::collections::BTreeMap;

use crate::mac::{Mac, derive_mac, is_a_nics, read_mac};
use crate::net_option::{NetKind, NetOption};
use crate::network::{Added, Network};
use crate::plug::AUTO;
use crate::{Note, OptionItem, Placeholders, PlugSpec};

impl Network<'_> {
    /// For each of [`Network::plugs`], the hardware address of the NIC that has the plug to itself,
    /// directly or on a hub with nothing else on it, if the command line says the address. `None`
    /// also of an address that QEMU would replace (all zeros) or that is no NIC's (a multicast one).
    ///
    /// ```
    /// use vde_args::{Command, Network, parse};
    /// let argv = ["vdeqemu", "-netdev", "vde,id=n0", "-device", "e1000,netdev=n0,mac=52:54:00:0:0:7"];
    /// let argv = argv.map(Into::into);
    /// let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
    /// assert_eq!(Network::read(&run)?.macs(), [Some([0x52, 0x54, 0, 0, 0, 7])]);
    /// # Ok::<(), vde_args::ArgError>(())
    /// ```
    #[must_use]
    pub fn macs(&self) -> Vec<Option<Mac>> {
        let mut macs = vec![None; self.plugs.len()];
        if self.reaches_into_nics() {
            return macs;
        }
        for room in Rooms::of(self).0.into_values() {
            if let ([nic], [Backend::Plug(plug)]) = (&*room.nics, &*room.backends) {
                if let Some(mac) = macs.get_mut(*plug) {
                    *mac = nic.mac.or_else(|| self.given.get(&nic.at).copied());
                }
            }
        }
        macs
    }

    /// Whether something else than their own arguments may give NICs an address or a backend.
    fn reaches_into_nics(&self) -> bool {
        let reaches = |option: OptionItem<'_>| {
            let can = option.name == "set" || option.name == "global";
            can && option.value.is_some_and(|value| may_reach_into_nics(value.as_encoded_bytes()))
        };
        self.file_reaches_into_nics || self.line.options().any(reaches)
    }

    /// Gives every NIC on a VDE network that the line gives no address one that is derived from `vm`, as
    /// far as `--mac` or `mac=` of one of its networks asks for that; and what there is to tell of it.
    pub(crate) fn give_macs(
        &mut self,
        vm: &[u8],
        is_wanted: impl Fn(&PlugSpec) -> bool,
    ) -> Option<Note> {
        if self.reaches_into_nics() {
            return self.plugs.iter().any(is_wanted).then_some(Note::AddressesElsewhere);
        }
        let rooms = Rooms::of(self).0.into_values();
        let plugged = rooms.filter_map(|room| {
            let plugs = room.backends.iter().filter_map(|backend| match backend {
                Backend::Plug(plug) => Some(*plug),
                Backend::Other => None,
            });
            let asks = |plug: &usize| self.plugs.get(*plug).is_some_and(&is_wanted);
            let plug = plugs.clone().find(asks).or_else(|| plugs.clone().next())?;
            Some(room.nics.into_iter().map(move |nic| (nic.at, plug, nic.is_told)))
        });
        let mut nics: Vec<_> = plugged.flatten().collect();
        // By their place on the line, and not by that of their network.
        nics.sort_unstable_by_key(|(at, ..)| *at);
        let mut bare = None;
        for (number, (at, plug, _)) in nics.iter().enumerate().filter(|(_, (.., told))| !told) {
            let Some(spec) = self.plugs.get(*plug) else { continue };
            let switch = spec.sock.as_deref().unwrap_or_default();
            match (at, is_wanted(spec)) {
                (NicAt::Option(_) | NicAt::Addition(_), true) => {
                    let mac = derive_mac(vm, number, switch.as_encoded_bytes());
                    self.given.insert(*at, mac);
                }
                (_, wanted) => {
                    bare = bare.or(Some(Note::NoAddress { network: *plug, in_file: wanted }));
                }
            }
        }
        bare
    }
}

impl Placeholders<'_> {
    /// For each of [`Placeholders::plugs`] none: what the program does with them is not known here.
    #[must_use]
    pub fn macs(&self) -> Vec<Option<Mac>> {
        vec![None; self.plugs().len()]
    }
}

/// Where a NIC and a backend meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The NIC refers to the netdev of this id.
    Netdev(Vec<u8>),
    Hub(u32),
    /// The plug has a NIC in its own argument.
    Own(usize),
}

/// Where frames come from and go to.
#[derive(Debug, PartialEq, Eq)]
enum Backend {
    Plug(usize),
    /// Another network, or something that may be one.
    Other,
}

/// Where a NIC comes from, in the order of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NicAt {
    /// From the option at this word.
    Option(usize),
    /// From a configuration file, which is not ours to change.
    File,
    /// It is added, as this of the additions.
    Addition(usize),
}

/// A NIC.
#[derive(Debug)]
struct Nic {
    at: NicAt,
    /// The address that the line gives it.
    mac: Option<Mac>,
    /// Whether the line says anything of its address.
    is_told: bool,
}

impl Nic {
    fn of(option: &NetOption<'_>, at: NicAt) -> Self {
        let said = said_mac(option);
        let mac = said.as_deref().and_then(read_mac).filter(|mac| is_a_nics(*mac));
        Self { at, mac, is_told: said.is_some() }
    }

    fn added(addition: usize) -> Self {
        Self { at: NicAt::Addition(addition), mac: None, is_told: false }
    }
}

/// Who is in one place.
#[derive(Debug, Default)]
struct Room {
    nics: Vec<Nic>,
    backends: Vec<Backend>,
}

/// Who is where.
#[derive(Debug, Default)]
struct Rooms(BTreeMap<Place, Room>);

impl Rooms {
    fn of(network: &Network<'_>) -> Self {
        let mut rooms = Self::default();
        let all = || network.options.iter().chain(&network.config);
        let ports = rooms.ports(all());
        for option in &network.options {
            rooms.add(option, NicAt::Option(option.word()), &ports);
        }
        for option in &network.config {
            rooms.add(option, NicAt::File, &ports);
        }
        for (index, addition) in network.additions.iter().enumerate() {
            match addition.what {
                Added::Direct(plug) => {
                    let room = rooms.at(Place::Own(plug));
                    room.nics.push(Nic::added(index));
                    room.backends.push(Backend::Plug(plug));
                }
                Added::Joined(plug, hub) => {
                    rooms.at(Place::Hub(hub)).backends.push(Backend::Plug(plug));
                }
                Added::Nic(hub) => rooms.at(Place::Hub(hub)).nics.push(Nic::added(index)),
            }
        }
        if network.has_unread_file {
            // It may add to hubs; a netdev that the line refers to is taken.
            for (place, room) in &mut rooms.0 {
                if matches!(place, Place::Hub(_)) {
                    room.backends.push(Backend::Other);
                }
            }
        }
        rooms
    }

    fn at(&mut self, place: Place) -> &mut Room {
        self.0.entry(place).or_default()
    }

    /// The hub that each netdev is joined to: a backend by the port that names it, and a port that
    /// names none by itself.
    fn ports<'a>(
        &mut self,
        options: impl Iterator<Item = &'a NetOption<'a>>,
    ) -> BTreeMap<Vec<u8>, u32> {
        let mut ports = BTreeMap::new();
        for option in options.filter(|option| is_port(option)) {
            let end = option.netdev().or_else(|| option.get(b"id"));
            let (Some(end), Some(hub)) = (end, option.hub()) else { continue };
            if let Some(other) = ports.insert(end.into_owned(), hub) {
                // Two hubs become one.
                self.at(Place::Hub(hub)).backends.push(Backend::Other);
                self.at(Place::Hub(other)).backends.push(Backend::Other);
            }
        }
        ports
    }

    fn add(&mut self, option: &NetOption<'_>, at: NicAt, ports: &BTreeMap<Vec<u8>, u32>) {
        let place_of = |id: &[u8]| match ports.get(id) {
            Some(hub) => Place::Hub(*hub),
            None => Place::Netdev(id.to_vec()),
        };
        let hub = option.hub().map(Place::Hub);
        match (option.kind(), option.plug) {
            // It listens, and says nothing.
            (NetKind::Net, _) if option.is_type(b"dump") => {}
            (NetKind::Netdev, _) if is_port(option) => {}
            (NetKind::Nic, Some(plug)) => {
                let room = self.at(Place::Own(plug));
                room.nics.push(Nic::of(option, at));
                room.backends.push(Backend::Plug(plug));
            }
            (NetKind::Net | NetKind::Nic | NetKind::Device, None) if option.is_nic() => {
                let place = option.netdev().map(|id| place_of(&id)).or(hub);
                if let Some(place) = place {
                    self.at(place).nics.push(Nic::of(option, at));
                }
            }
            (kind, plug) => {
                let id = option.get(b"id").filter(|_| kind == NetKind::Netdev);
                let place = id.map(|id| place_of(&id)).or(hub);
                if let Some(place) = place {
                    self.at(place).backends.push(plug.map_or(Backend::Other, Backend::Plug));
                }
            }
        }
    }
}

/// Whether it is a port of a hub that a netdev, a NIC or another port is joined to.
pub(crate) fn is_port(option: &NetOption<'_>) -> bool {
    option.kind() == NetKind::Netdev && option.is_type(b"hubport")
}

/// Whether a `-set` or a `-global`, or a `[global]` of a file, may give NICs another address or another
/// backend than their own argument does.
pub(crate) fn may_reach_into_nics(value: &[u8]) -> bool {
    const KEYS: [&[u8]; 4] = [b"mac", b"macaddr", b"netdev", b"vlan"];
    value.split(|byte| b".=,".contains(byte)).any(|word| KEYS.contains(&word))
}

/// What the argument of a NIC says of its address: of several the last, as for QEMU. `auto` on a network
/// of ours is none.
fn said_mac(option: &NetOption<'_>) -> Option<Vec<u8>> {
    let is_mac = |key: &[u8]| match option.kind() {
        NetKind::Device => key == b"mac",
        // `-nic` has the one word and `-net nic` the other, and of the wrong one QEMU will not hear.
        _ => key == b"mac" || key == b"macaddr",
    };
    let last = option.params().into_iter().rev().find(|param| is_mac(&param.key))?;
    let value = last.value.as_deref().unwrap_or_default().to_vec();
    (option.plug.is_none() || value != AUTO).then_some(value)
}
