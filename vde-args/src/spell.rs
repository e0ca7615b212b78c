//! The words for each network argument, in the spelling of a given QEMU.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::client::{Client, HUB_MAX, Kind, Vlan, has};
use crate::keyval::{Edit, Entry, KeyVal};
use crate::network::{Added, Network, Why};
use crate::{ArgError, ArgErrorKind, Dialect};

/// Spells clients and additions, and keeps track of the ids and vlans it made up.
pub(crate) struct Speller<'a> {
    network: &'a Network,
    dialect: Dialect,
    fds: &'a [i32],
    /// The number of the next generated id.
    next_id: u32,
    /// The vlans that have a client.
    vlans: BTreeSet<u32>,
}

impl<'a> Speller<'a> {
    pub(crate) fn new(network: &'a Network, dialect: Dialect, fds: &'a [i32]) -> Self {
        let mut vlans = network.hubs(|_| true);
        vlans.extend(network.additions.iter().filter_map(|addition| match addition.what {
            Added::Joined(_, hub) => Some(hub),
            _ => None,
        }));
        Self { network, dialect, fds, next_id: 0, vlans }
    }

    /// What becomes of an argument about networks; `None` if it stays.
    pub(crate) fn client(
        &mut self,
        client: &Client,
    ) -> Result<Option<(Vec<OsString>, Why)>, ArgError> {
        if let Some(plug) = client.plug {
            return Ok(Some((self.vde(client, plug), Why::Vde)));
        }
        if self.dialect.has_vlan() {
            return Ok(None);
        }
        let after = match client.vlan() {
            Vlan::Absent => None,
            Vlan::Number(vlan) => self.without_vlan(client, vlan),
            Vlan::Bad(entry) => {
                let kind = ArgErrorKind::BadNumber { key: "vlan", max: HUB_MAX };
                let index = self.network.line.origin(client.value);
                let span = entry.value.clone().unwrap_or_else(|| entry.span.clone());
                return Err(ArgError::at(kind, index, OsStr::from_bytes(client.list.text()), span));
            }
        };
        Ok(after.map(|after| (after, Why::VlanGone)))
    }

    /// A client that names VDE.
    fn vde(&mut self, client: &Client, plug: usize) -> Vec<OsString> {
        let fd = self.fd(plug);
        let Some(backend) = self.dialect.backend() else {
            return words([b"-tun-fd", fd.as_bytes()]);
        };
        let keep_vlan = self.dialect.has_vlan();
        if let (Vlan::Number(vlan @ 1..), false) = (client.vlan(), keep_vlan) {
            let id = own_id(client).unwrap_or_else(|| self.fresh_id());
            let mut out = self.netdev(plug, &id);
            out.extend(self.port_for(vlan, &id));
            return out;
        }
        let list = &client.list;
        let last_type = list.last_entry(b"type");
        let edited = list.edit(|entry| match list.key(entry) {
            b"type" if Some(entry) == last_type => {
                let key: &[u8] = if entry.key.is_some() { b"type=" } else { b"" };
                Edit::Replace([key, backend.as_bytes(), b",fd=", fd.as_bytes()].concat())
            }
            b"type" | b"sock" | b"port" | b"group" | b"mode" => Edit::Remove,
            b"vlan" if !keep_vlan => Edit::Remove,
            b"name" if !keep_vlan => name_as_id(list, entry),
            _ if entry.is_empty() => Edit::Remove,
            _ => Edit::Keep,
        });
        vec![self.option(client), OsString::from_vec(edited)]
    }

    /// A client that does not name VDE, without its `vlan=`. `None` if it is QEMU's to refuse.
    fn without_vlan(&mut self, client: &Client, vlan: u32) -> Option<Vec<OsString>> {
        let list = &client.list;
        let is_nic = client.is_type(b"nic") || client.kind == Kind::Device;
        let is_joined = is_nic && client.refers().is_some();
        if client.kind == Kind::Device && is_joined {
            return None;
        }
        let is_plain = client.is_type(b"none") || client.is_type(b"dump");
        if client.kind == Kind::Net && (vlan == 0 || is_joined || is_plain) {
            let edited = list.edit(|entry| match list.key(entry) {
                b"vlan" => Edit::Remove,
                _ => Edit::Keep,
            });
            return Some(vec![self.option(client), OsString::from_vec(edited)]);
        }
        if is_nic {
            return Some(self.nic_on_hubport(client, vlan));
        }
        self.backend_on_hubport(client, vlan)
    }

    /// A NIC on hub `vlan`, by way of a hub port that it refers to.
    fn nic_on_hubport(&mut self, client: &Client, vlan: u32) -> Vec<OsString> {
        let list = &client.list;
        let port = self.fresh_id();
        let last = list.last_entry(b"vlan");
        let nic = list.edit(|entry| match list.key(entry) {
            b"vlan" if Some(entry) == last => Edit::Replace([b"netdev=", &*port].concat()),
            b"vlan" => Edit::Remove,
            _ => Edit::Keep,
        });
        let mut out = words([b"-netdev", &port_list(&port, vlan)]);
        out.extend([self.option(client), OsString::from_vec(nic)]);
        out
    }

    /// A backend on hub `vlan`, by way of a hub port that refers to it.
    fn backend_on_hubport(&mut self, client: &Client, vlan: u32) -> Option<Vec<OsString>> {
        let list = &client.list;
        let last_type = list.last_entry(b"type")?;
        let given = list.first(b"id").is_some();
        let id = own_id(client).unwrap_or_else(|| self.fresh_id());
        let netdev = list.edit(|entry| match list.key(entry) {
            b"type" if entry == last_type && !given => {
                Edit::Replace([list.bytes(&entry.span), b",id=", &id].concat())
            }
            b"vlan" | b"name" => Edit::Remove,
            _ => Edit::Keep,
        });
        let mut out = words([b"-netdev", &netdev]);
        out.extend(self.port_for(vlan, &id));
        Some(out)
    }

    /// Something the line needs besides what it names. No words if this QEMU does not need it.
    pub(crate) fn addition(&mut self, what: Added) -> Vec<OsString> {
        match (what, self.dialect) {
            (Added::Direct(plug) | Added::Joined(plug, _), Dialect::TunFd) => {
                words([b"-tun-fd", self.fd(plug).as_bytes()])
            }
            (Added::Nic(_), Dialect::TunFd) => Vec::new(),
            (Added::Direct(plug), Dialect::TapVlan) => {
                let vlan = self.free_vlan();
                let mut out = net(b"nic", vlan);
                out.extend(net(&self.backend(plug), vlan));
                out
            }
            (Added::Direct(plug), Dialect::TapHub | Dialect::Socket) => {
                words([b"-nic", &self.backend(plug)])
            }
            (Added::Joined(plug, hub @ 1..), Dialect::TapHub | Dialect::Socket) => {
                let id = self.fresh_id();
                let mut out = self.netdev(plug, &id);
                out.extend(self.port_for(hub, &id));
                out
            }
            (Added::Joined(plug, hub), _) => net(&self.backend(plug), hub),
            (Added::Nic(hub @ 1..), Dialect::TapHub | Dialect::Socket) => {
                let port = self.fresh_id();
                let mut out = words([b"-netdev", &port_list(&port, hub)]);
                out.extend(words([b"-net", &[b"nic,netdev=", &*port].concat()]));
                out
            }
            (Added::Nic(hub), _) => net(b"nic", hub),
        }
    }

    /// How QEMU 0.7 is told the number of NICs, unless the user told it.
    pub(crate) fn nic_count(&self) -> Option<Vec<OsString>> {
        let is_told = self.network.line.options().any(|option| option.name == "nics");
        let is_due = self.dialect == Dialect::TunFd && !self.fds.is_empty() && !is_told;
        is_due.then(|| words([b"-nics", self.fds.len().to_string().as_bytes()]))
    }

    /// The option of a client as the user wrote it.
    fn option(&self, client: &Client) -> OsString {
        self.network.line.words().get(client.word).cloned().unwrap_or_default()
    }

    /// The descriptor of a plug, in decimal: QEMU takes no other form.
    fn fd(&self, plug: usize) -> String {
        self.fds.get(plug).map(i32::to_string).unwrap_or_default()
    }

    /// The backend for a plug, without id.
    fn backend(&self, plug: usize) -> Vec<u8> {
        let backend = self.dialect.backend().unwrap_or_default();
        format!("{backend},fd={}", self.fd(plug)).into_bytes()
    }

    /// A `-netdev` for a plug.
    fn netdev(&self, plug: usize, id: &[u8]) -> Vec<OsString> {
        let backend = self.dialect.backend().unwrap_or_default();
        let list = [backend.as_bytes(), b",id=", id, b",fd=", self.fd(plug).as_bytes()].concat();
        words([b"-netdev", &list])
    }

    /// A port of hub `hub` that joins the netdev `id` to it.
    fn port_for(&mut self, hub: u32, id: &[u8]) -> Vec<OsString> {
        let port = self.fresh_id();
        let list = [&*port_list(&port, hub), b",netdev=", id].concat();
        words([b"-netdev", &list])
    }

    /// An id that nothing on the line can clash with, because it is nowhere on the line.
    fn fresh_id(&mut self) -> Vec<u8> {
        loop {
            let id = format!("vdeq{}", self.next_id).into_bytes();
            self.next_id = self.next_id.wrapping_add(1);
            if !self.network.line.words().iter().any(|word| has(word.as_bytes(), &id)) {
                return id;
            }
        }
    }

    /// A vlan that has no client yet, and now has.
    fn free_vlan(&mut self) -> u32 {
        let vlan = (0..=HUB_MAX).find(|vlan| !self.vlans.contains(vlan)).unwrap_or_default();
        self.vlans.insert(vlan);
        vlan
    }
}

/// The id that the user gave, as it stands; `name` is the older word for it.
fn own_id(client: &Client) -> Option<Vec<u8>> {
    let list = &client.list;
    let id = list.entries().iter().find(|entry| list.key(entry) == b"id");
    let id = id.or_else(|| list.last_entry(b"name"))?;
    id.value.as_ref().map(|value| list.bytes(value).to_vec()).filter(|id| !id.is_empty())
}

/// `name=` as `id=`, its newer word, which QEMU takes alone since 5.1: the last one, if there is no
/// `id=` yet.
fn name_as_id(list: &KeyVal<'_>, entry: &Entry) -> Edit {
    match &entry.value {
        Some(value) if list.first(b"id").is_none() && list.last_entry(b"name") == Some(entry) => {
            Edit::Replace([b"id=", list.bytes(value)].concat())
        }
        _ => Edit::Remove,
    }
}

/// The argument of a `-netdev` that is a port called `id` of hub `hub`.
fn port_list(id: &[u8], hub: u32) -> Vec<u8> {
    [b"hubport,id=", id, b",hubid=", hub.to_string().as_bytes()].concat()
}

/// A `-net` option on a vlan; 0 goes without saying.
fn net(list: &[u8], vlan: u32) -> Vec<OsString> {
    match vlan {
        0 => words([b"-net", list]),
        _ => words([b"-net", &[list, b",vlan=", vlan.to_string().as_bytes()].concat()]),
    }
}

fn words<const N: usize>(words: [&[u8]; N]) -> Vec<OsString> {
    words.map(|word| OsStr::from_bytes(word).to_owned()).to_vec()
}
