//! The arguments of a line that are about networks, seen as clients of numbered hubs.
//!
//! QEMU's `vlan` and `hub` are one thing under two names: a broadcast domain inside the process.
//! A `-net` client is on hub 0 unless `vlan=` says otherwise.

use std::os::unix::ffi::OsStrExt;

use crate::keyval::{Entry, KeyVal, Rules};
use crate::values::read_number;
use crate::{CommandLine, OptionItem};

/// The highest hub number: QEMU keeps it in a signed 32 bit number.
pub(crate) const HUB_MAX: u32 = i32::MAX as u32;

/// The option that a client was given with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `-net`: a NIC or a backend on a hub.
    Net,
    /// `-netdev`: a backend for a device that refers to it.
    Netdev,
    /// `-nic`: a backend with a NIC of its own.
    Nic,
    /// `-device`: a NIC perhaps.
    Device,
}

/// An argument about networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) kind: Kind,
    /// The word of the line that is the option, and the one that is its argument.
    pub(crate) word: usize,
    pub(crate) value: usize,
    pub(crate) list: KeyVal<'static>,
    /// Which plug of the network it becomes, if it names VDE.
    pub(crate) plug: Option<usize>,
}

/// A `vlan=` parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Vlan<'a> {
    Absent,
    Number(u32),
    /// Not a number; the item that should have held one.
    Bad(&'a Entry),
}

impl Client {
    /// The client that `option` is, or `None` if it is about something else.
    pub(crate) fn read(option: &OptionItem<'_>) -> Option<Self> {
        let kind = match option.name.as_bytes() {
            b"net" => Kind::Net,
            b"netdev" => Kind::Netdev,
            b"nic" => Kind::Nic,
            b"device" => Kind::Device,
            _ => return None,
        };
        let (value, text) = option.value?;
        let list = read_list(kind, text.as_bytes());
        Some(Self { kind, word: option.word, value, list, plug: None })
    }

    /// All clients of a line, in order.
    pub(crate) fn all(line: &CommandLine) -> Vec<Self> {
        line.options().filter_map(|option| Self::read(&option)).collect()
    }

    /// The kind of backend, `nic`, or the driver of a device.
    pub(crate) fn is_type(&self, name: &[u8]) -> bool {
        let key: &[u8] = if self.kind == Kind::Device { b"driver" } else { b"type" };
        let list = &self.list;
        let implied = list.entries().iter().rev().find(|e| e.key.is_none() || list.key(e) == key);
        implied.and_then(|e| list.value(e)).is_some_and(|value| *value == *name)
    }

    /// Whether it is a VDE network.
    pub(crate) fn is_vde(&self) -> bool {
        self.kind != Kind::Device && !self.is_json() && self.is_type(b"vde")
    }

    /// Whether it is in the other notation of QEMU's lists, which knows no `vlan`.
    fn is_json(&self) -> bool {
        self.list.text().first() == Some(&b'{')
    }

    /// What `vlan=` says. Only `-net` and, in its time, `-device` had it.
    pub(crate) fn vlan(&self) -> Vlan<'_> {
        if self.is_json() || !matches!(self.kind, Kind::Net | Kind::Device) {
            return Vlan::Absent;
        }
        let Some(entry) = self.list.last_entry(b"vlan") else { return Vlan::Absent };
        let number = self.list.value(entry).and_then(|value| read_number(&value, HUB_MAX));
        number.map_or(Vlan::Bad(entry), Vlan::Number)
    }

    /// The hub it is on, if it is on one.
    pub(crate) fn hub(&self) -> Option<u32> {
        match (self.kind, self.vlan()) {
            (Kind::Net, _) if self.is_type(b"nic") && self.refers().is_some() => None,
            (Kind::Net, _) if self.is_type(b"none") => None,
            (Kind::Net, Vlan::Absent | Vlan::Bad(_)) => Some(0),
            (_, Vlan::Number(vlan)) => Some(vlan),
            (Kind::Netdev | Kind::Nic, _) if self.is_type(b"hubport") => {
                self.list.last(b"hubid").and_then(|hub| read_number(&hub, HUB_MAX))
            }
            _ => None,
        }
    }

    /// Whether it is the guest's side of its hub: a NIC, or a port that waits for one.
    pub(crate) fn is_nic(&self) -> bool {
        match self.kind {
            Kind::Net => self.is_type(b"nic"),
            Kind::Nic | Kind::Device => true,
            Kind::Netdev => self.is_type(b"hubport") && self.refers().is_none(),
        }
    }

    /// Whether it names where frames come from and go to.
    pub(crate) fn is_backend(&self) -> bool {
        match self.kind {
            Kind::Net => !self.is_type(b"nic") && !self.is_type(b"dump"),
            Kind::Netdev | Kind::Nic => true,
            Kind::Device => false,
        }
    }

    /// The id of the netdev it refers to.
    pub(crate) fn refers(&self) -> Option<Vec<u8>> {
        self.list.last(b"netdev").map(std::borrow::Cow::into_owned)
    }

    /// Whether it refers to the netdev `id`, in either of the two notations of a device.
    pub(crate) fn refers_to(&self, id: &[u8]) -> bool {
        let text = self.list.text();
        if self.kind == Kind::Device && self.is_json() {
            let quoted = [b"\"", id, b"\""].concat();
            return has(text, b"\"netdev\"") && has(text, &quoted);
        }
        self.refers().is_some_and(|netdev| netdev == id)
    }
}

/// Whether `needle` (not empty) is somewhere in `text`.
pub(crate) fn has(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

/// Reads the list by QEMU's rules, or by the wider ones if by either it names VDE.
fn read_list(kind: Kind, text: &[u8]) -> KeyVal<'static> {
    let strict = KeyVal::parse(text.to_vec(), Rules::Qemu);
    let may_be_vde =
        text.starts_with(b"vde,") || strict.last(b"type").is_some_and(|t| *t == *b"vde");
    if kind == Kind::Device || !may_be_vde {
        return strict;
    }
    let wide = KeyVal::parse(text.to_vec(), Rules::Vde);
    let is_vde = wide.last(b"type").is_some_and(|t| *t == *b"vde");
    if is_vde { wide } else { strict }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(option: &str, value: &str) -> Client {
        let line = CommandLine::parse(vec![option.into(), value.into()]);
        Client::all(&line).pop().unwrap()
    }

    #[test]
    fn vde_is_seen_in_every_spelling_and_nowhere_else() {
        for vde in ["vde", "vde,", "vde,,sock=x", "type=vde", "sock=x,type=vde", "user,type=vde"] {
            assert!(client("-net", vde).is_vde(), "{vde}");
            assert!(client("--netdev", vde).is_vde(), "{vde}");
        }
        for other in
            ["user", "vdefoo", "user,sock=vde", "vde,type=user", "VDE", "", "user,,type=vde"]
        {
            assert!(!client("-net", other).is_vde(), "{other}");
        }
        assert!(!client("-device", "vde").is_vde());
    }

    #[test]
    fn json_is_not_cut_at_its_commas() {
        let device = client("-device", r#"{"driver":"e1000","id":"a,vlan=1,type=vde"}"#);
        assert_eq!(device.vlan(), Vlan::Absent);
        assert!(!client("-netdev", r#"{"type":"user","id":"a,type=vde"}"#).is_vde());
        assert!(client("-netdev", r#"{"type":"user","id":"a"}"#).is_backend());
    }

    #[test]
    fn a_net_client_is_on_hub_0_unless_it_says_otherwise() {
        assert_eq!(client("-net", "nic").hub(), Some(0));
        assert_eq!(client("-net", "user,vlan=1,vlan=2").hub(), Some(2));
        assert_eq!(client("-net", "nic,netdev=n0").hub(), None);
        assert_eq!(client("-nic", "user").hub(), None);
        assert_eq!(client("-nic", "hubport,hubid=3").hub(), Some(3));
        assert_eq!(client("-device", "e1000,vlan=4").hub(), Some(4));
        assert_eq!(client("-device", "e1000").hub(), None);
    }

    #[test]
    fn a_device_refers_to_its_netdev_in_both_notations() {
        assert!(client("-device", "e1000,netdev=n0").refers_to(b"n0"));
        assert!(client("-device", r#"{"driver":"e1000","netdev":"n0"}"#).refers_to(b"n0"));
        assert!(!client("-device", r#"{"driver":"e1000","id":"n0"}"#).refers_to(b"n0"));
        assert!(!client("-device", "e1000,netdev=n1").refers_to(b"n0"));
    }
}
