//! Which NIC each plug is joined to, and the hardware address that the line gives it.
//!
//! Who stands beside the VM may speak for its NIC only if the plug is this NIC's and nobody else's,
//! and if it knows the address for sure: whatever is in doubt has none.

use std::collections::BTreeMap;

use crate::net_option::{NetKind, NetOption};
use crate::network::{Added, Network};
use crate::{CommandLine, Placeholders};

/// A hardware address.
type Mac = [u8; 6];

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
        if reaches_into_nics(&self.line) {
            return macs;
        }
        for room in Rooms::of(self).0.into_values() {
            if let ([nic], [Backend::Plug(plug)]) = (&*room.nics, &*room.backends) {
                if let Some(mac) = macs.get_mut(*plug) {
                    *mac = *nic;
                }
            }
        }
        macs
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

/// Who is in one place.
#[derive(Debug, Default)]
struct Room {
    /// The NICs, each with the address that the line gives it.
    nics: Vec<Option<Mac>>,
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
        for option in all() {
            rooms.add(option, &ports);
        }
        for addition in &network.additions {
            match addition.what {
                // Its NIC gets its address from QEMU.
                Added::Direct(_) => {}
                Added::Joined(plug, hub) => {
                    rooms.at(Place::Hub(hub)).backends.push(Backend::Plug(plug));
                }
                Added::Nic(hub) => rooms.at(Place::Hub(hub)).nics.push(None),
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

    fn add(&mut self, option: &NetOption<'_>, ports: &BTreeMap<Vec<u8>, u32>) {
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
                room.nics.push(mac_of(option));
                room.backends.push(Backend::Plug(plug));
            }
            (NetKind::Net | NetKind::Nic | NetKind::Device, None) if option.is_nic() => {
                let place = option.netdev().map(|id| place_of(&id)).or(hub);
                if let Some(place) = place {
                    self.at(place).nics.push(mac_of(option));
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

/// Whether the line has a `-set` or a `-global` that may give NICs another address or another
/// backend than their own argument does.
fn reaches_into_nics(line: &CommandLine<'_>) -> bool {
    const KEYS: [&[u8]; 4] = [b"mac", b"macaddr", b"netdev", b"vlan"];
    let values = line.options().filter(|option| option.name == "set" || option.name == "global");
    values.filter_map(|option| option.value).any(|value| {
        let mut words = value.as_encoded_bytes().split(|byte| b".=,".contains(byte));
        words.any(|word| KEYS.contains(&word))
    })
}

/// The address that the argument of a NIC gives it: of several the last, as for QEMU.
fn mac_of(option: &NetOption<'_>) -> Option<Mac> {
    let params = option.params();
    let is_mac = |key: &[u8]| match option.kind() {
        NetKind::Device => key == b"mac",
        // `-nic` has the one word and `-net nic` the other, and of the wrong one QEMU will not hear.
        _ => key == b"mac" || key == b"macaddr",
    };
    let last = params.iter().rev().find(|param| is_mac(&param.key))?;
    read_mac(last.value.as_deref()?).filter(|mac| is_a_nics(*mac))
}

/// Six numbers of one or two hexadecimal digits, with `:` or `-` between them. What else `-net nic`
/// takes for an address, such as a plain number, is not told from a slip.
fn read_mac(text: &[u8]) -> Option<Mac> {
    let mut mac = Mac::default();
    let mut parts = text.split(|byte| b":-".contains(byte));
    for byte in &mut mac {
        let part = parts.next().filter(|part| matches!(part.len(), 1 | 2))?;
        for digit in part {
            let digit =
                char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())?;
            *byte = *byte << 4 | digit;
        }
    }
    parts.next().is_none().then_some(mac)
}

/// Whether a NIC can have this address: not of a group, and not the one that stands for none.
fn is_a_nics(mac: Mac) -> bool {
    mac.first().is_some_and(|first| first & 1 == 0) && mac != Mac::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_six_hexadecimal_numbers() {
        let mac = Some([0x52, 0x54, 0, 0x12, 0xab, 0xcd]);
        for text in
            ["52:54:00:12:ab:cd", "52-54-00-12-AB-CD", "52:54:0:12:ab:cd", "52-54:0:12:aB-Cd"]
        {
            assert_eq!(read_mac(text.as_bytes()), mac, "{text}");
        }
        for wrong in [
            "",
            "0x123456",
            "52:54:00:12:ab",
            "52:54:00:12:ab:cd:",
            "52:54:00:12:ab:cd:ef",
            "52:54:00:12:ab:",
            "52:54::12:ab:cd",
            "052:54:00:12:ab:cd",
            "52:54:00:12:ab:cg",
            "+2:54:00:12:ab:cd",
            " 52:54:00:12:ab:cd",
        ] {
            assert_eq!(read_mac(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_group_or_nobody_is_no_nic() {
        assert!(is_a_nics([0x52, 0, 0, 0, 0, 0]));
        assert!(is_a_nics([0, 0, 0, 0, 0, 1]));
        for wrong in [[1, 0, 0, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1], [0xff; 6], [0; 6]] {
            assert!(!is_a_nics(wrong));
        }
    }
}
