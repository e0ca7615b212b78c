//! The words for each network argument, in the spelling of a given QEMU.

mod addresses;
mod lists;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::ids::Ids;
use crate::joined::NicAt;
use crate::keyval::{KeyVal, Rules, escape};
use crate::names::Names;
use crate::net_option::{NetKind, NetOption, Notation, Vlan};
use crate::network::{Added, Network};
use crate::note::Why;
use crate::obsolete::Successors;
use crate::pairs::Pairs;
use crate::values::HUB_MAX;
use crate::{ArgError, ArgErrorKind, Dialect, QemuVersion};

/// The first QEMU that reads JSON behind `-netdev`.
const JSON: QemuVersion = QemuVersion::new(7, 2, 0);

/// The first QEMU that has `-nic`.
const NIC: QemuVersion = QemuVersion::new(2, 12, 0);

/// The first QEMU that has lost `-net dump`, one release before `vlan=`.
const NO_DUMP: QemuVersion = QemuVersion::new(2, 12, 0);

/// Spells network arguments and additions, and keeps track of the ids and vlans it made up.
pub(crate) struct Speller<'a> {
    network: &'a Network<'a>,
    dialect: Dialect,
    version: QemuVersion,
    fds: &'a [i32],
    ids: Ids<'a>,
    names: Names,
    /// The vlans that have a client.
    vlans: BTreeSet<u32>,
    /// All vlans below this have one.
    free_from: u32,
    /// The vlans that need no hub. None on a QEMU that has vlans.
    pairs: Pairs,
    /// What stands in the place of options that are gone. Nothing, unless that was asked for.
    successors: Successors,
}

impl<'a> Speller<'a> {
    pub(crate) fn new(network: &'a Network<'a>, version: QemuVersion, fds: &'a [i32]) -> Self {
        let dialect = Dialect::of(version);
        let mut vlans = network.hubs(|_| true);
        vlans.extend(network.joined().map(|(_, hub, _)| hub));
        let mut ids = Ids::of(&network.line);
        let names = Names::of(network.options.iter().chain(&network.config));
        let pairs = match dialect.has_vlan() {
            true => Pairs::default(),
            false => Pairs::of(network, &names, &mut ids),
        };
        let successors = match &network.modernize {
            Some(program) => Successors::of(&network.line, program, version, &mut ids),
            None => Successors::default(),
        };
        Self { network, dialect, version, fds, ids, names, vlans, free_from: 0, pairs, successors }
    }

    /// What becomes of an option at this word that is not about networks; `None` if it stays.
    pub(crate) fn obsolete(&self, word: usize) -> Option<(Vec<OsString>, Why)> {
        self.successors.words(word)
    }

    /// What becomes of an argument about networks; `None` if it stays.
    pub(crate) fn option(
        &mut self,
        option: &NetOption<'_>,
    ) -> Result<Option<(Vec<OsString>, Why)>, ArgError> {
        let change = self.moved_option(option)?;
        let Some(mac) = self.network.given.get(&NicAt::Option(option.word())) else {
            return Ok(change);
        };
        let as_it_is = || (vec![self.word(option), option.text().to_owned()], Why::AutoMac);
        let (mut after, why) = change.unwrap_or_else(as_it_is);
        addresses::give(&mut after, *mac);
        Ok(Some((after, why)))
    }

    /// The same before its NIC is given an address.
    fn moved_option(
        &mut self,
        option: &NetOption<'_>,
    ) -> Result<Option<(Vec<OsString>, Why)>, ArgError> {
        let change = self.network_option(option)?;
        let Some(parameters) = self.successors.parameters(option.word()) else { return Ok(change) };
        let as_it_is = || vec![self.word(option), option.text().to_owned()];
        let (mut after, why) = change.unwrap_or_else(|| (as_it_is(), Why::OptionMoved));
        // The network comes first, whatever joins it to a hub after it.
        if let Some(list) = after.get_mut(1) {
            *list = lists::with_parameters(list, parameters);
        }
        Ok(Some((after, why)))
    }

    fn network_option(
        &mut self,
        option: &NetOption<'_>,
    ) -> Result<Option<(Vec<OsString>, Why)>, ArgError> {
        if let Some(plug) = option.plug {
            return Ok(Some((self.vde(option, plug), Why::Vde)));
        }
        let Notation::List(list) = &option.notation else { return Ok(None) };
        let is_dump = option.kind() == NetKind::Net && option.is_type(b"dump");
        let is_dump_gone = is_dump && self.version >= NO_DUMP;
        if self.dialect.has_vlan() && !is_dump_gone {
            return Ok(None);
        }
        let vlan = match option.vlan() {
            Vlan::Bad(span) => return Err(bad_vlan(option, span)),
            Vlan::Number(vlan) => Some(vlan),
            Vlan::Absent if self.is_told_of_its_link(option) => {
                let after = self.without_vlan(option, list, 0);
                return Ok(after.map(|after| (after, Why::LinkState)));
            }
            Vlan::Absent => None,
        };
        if is_dump_gone {
            return Ok(Some((self.dump(option, list, vlan.unwrap_or(0)), Why::DumpGone)));
        }
        let after = vlan.and_then(|vlan| self.without_vlan(option, list, vlan));
        Ok(after.map(|after| (after, Why::VlanGone)))
    }

    /// An argument that names VDE.
    fn vde(&mut self, option: &NetOption<'_>, plug: usize) -> Vec<OsString> {
        let fd = self.fd(plug);
        let Some(backend) = self.dialect.backend() else {
            return words([b"-tun-fd", fd.as_bytes()]);
        };
        let list = match &option.notation {
            Notation::List(list) => list,
            // QEMU makes networks in JSON first, and a hub port in JSON may refer to this one.
            Notation::Json(object) if self.version >= JSON => {
                return vec![self.word(option), lists::json_without_plug(object, backend, &fd)];
            }
            _ => {
                let id = option.get(b"id").unwrap_or_default();
                let list = [&*self.backend(plug), b",id=", &*escape(&id)].concat();
                return vec![self.word(option), OsString::from_vec(list)];
            }
        };
        if option.kind() == NetKind::Nic && self.version < NIC {
            let vlan = self.free_vlan();
            let mut out = net(&lists::nic(list), vlan);
            out.extend(net(&self.backend(plug), vlan));
            return out;
        }
        let keep_vlan = self.dialect.has_vlan();
        if let Some(id) = option.hub().and_then(|hub| self.pairs.netdev(hub)) {
            return self.netdev(plug, id);
        }
        if let (Vlan::Number(vlan @ 1..), false) = (option.vlan(), keep_vlan) {
            let id = option.own_id(&self.names).unwrap_or_else(|| self.ids.fresh());
            let mut out = self.netdev(plug, &id);
            out.extend(self.port_for(vlan, &id));
            return out;
        }
        let edited = lists::without_plug(list, backend, &fd, keep_vlan, &self.names);
        vec![self.word(option), self.with_a_name(option.kind(), OsString::from_vec(edited))]
    }

    /// Whether it is a NIC that says nothing of vlans, and has a plug to itself all the same.
    fn is_told_of_its_link(&self, option: &NetOption<'_>) -> bool {
        let is_nic = option.kind() == NetKind::Net && option.is_nic() && option.hub() == Some(0);
        is_nic && self.pairs.netdev(0).is_some()
    }

    /// The list of a plug; that of a `-nic` with an id, if its link is going to be set: QEMU would
    /// make up another name for it on every start.
    fn with_a_name(&mut self, kind: NetKind, list: OsString) -> OsString {
        let is_told = self.network.link_state && self.dialect == Dialect::Socket;
        let has_id = KeyVal::parse(list.as_bytes(), Rules::Qemu).first(b"id").is_some();
        if kind != NetKind::Nic || !is_told || has_id {
            return list;
        }
        lists::with_parameters(&list, &[b"id=", &*self.ids.fresh()].concat())
    }

    /// An argument that does not name VDE, without its `vlan=`. `None` if it is QEMU's to refuse.
    fn without_vlan(
        &mut self,
        option: &NetOption<'_>,
        list: &KeyVal<'_>,
        vlan: u32,
    ) -> Option<Vec<OsString>> {
        let is_device = option.kind() == NetKind::Device;
        let is_nic = is_device || option.is_type(b"nic");
        let is_joined = is_nic && option.netdev().is_some();
        if is_device && is_joined {
            return None;
        }
        // The network `none` is on no vlan, whatever it says.
        let is_none = !is_device && option.is_type(b"none");
        if let (Some(id), false) = (self.pairs.netdev(vlan), is_joined || is_none) {
            return Some(match is_nic {
                true => {
                    vec![self.word(option), lists::with_netdev(list, !is_device, id, &self.names)]
                }
                false => words([b"-netdev", &lists::with_id(option, list, id)?]),
            });
        }
        let is_on_hub_0 = !is_device && vlan == 0;
        if is_on_hub_0 || is_joined || is_none {
            let edited = lists::without_vlan(list, !is_device, &self.names);
            return Some(vec![self.word(option), OsString::from_vec(edited)]);
        }
        if is_nic {
            let port = self.ids.fresh();
            let mut out = words([b"-netdev", &lists::port(&port, vlan)]);
            out.extend([
                self.word(option),
                lists::with_netdev(list, !is_device, &port, &self.names),
            ]);
            return Some(out);
        }
        let id = option.own_id(&self.names).unwrap_or_else(|| self.ids.fresh());
        let mut out = words([b"-netdev", &lists::with_id(option, list, &id)?]);
        out.extend(self.port_for(vlan, &id));
        Some(out)
    }

    /// A `-net dump`, which wrote the frames of a vlan to a file, as a filter that does.
    ///
    /// A filter listens to a netdev. Where there is a hub, that is a pair of hub ports made for it,
    /// with nothing at the other end: every frame of the hub passes there.
    fn dump(&mut self, option: &NetOption<'_>, list: &KeyVal<'_>, vlan: u32) -> Vec<OsString> {
        let mut out = Vec::new();
        let netdev = match self.pairs.netdev(vlan) {
            Some(id) => id.to_vec(),
            None => {
                let (end, tap) = (self.ids.fresh(), self.ids.fresh());
                out.extend(words([b"-netdev", &lists::port(&end, self.free_vlan())]));
                let tap_list = [&*lists::port(&tap, vlan), b",netdev=", &end].concat();
                out.extend(words([b"-netdev", &tap_list]));
                tap
            }
        };
        let id = option.own_id(&self.names).unwrap_or_else(|| self.ids.fresh());
        let filter = lists::filter_dump(option, list, &id, &netdev, vlan);
        out.extend(words([b"-object", &filter]));
        out
    }

    /// Something the line needs besides what it names, the addition of this index. No words if this QEMU
    /// does not need it.
    pub(crate) fn addition(&mut self, index: usize, what: Added) -> Vec<OsString> {
        let mut words = self.added(what);
        if let Some(mac) = self.network.given.get(&NicAt::Addition(index)) {
            addresses::give(&mut words, *mac);
        }
        words
    }

    fn added(&mut self, what: Added) -> Vec<OsString> {
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
                let list = OsString::from_vec(self.backend(plug));
                vec!["-nic".into(), self.with_a_name(NetKind::Nic, list)]
            }
            (Added::Joined(plug, hub), _) => self.joined(plug, hub),
            (Added::Nic(hub), _) => self.nic(hub),
        }
    }

    /// A plug on a hub.
    fn joined(&mut self, plug: usize, hub: u32) -> Vec<OsString> {
        if let Some(id) = self.pairs.netdev(hub) {
            return self.netdev(plug, id);
        }
        if hub == 0 || self.dialect.has_vlan() {
            return net(&self.backend(plug), hub);
        }
        let id = self.ids.fresh();
        let mut out = self.netdev(plug, &id);
        out.extend(self.port_for(hub, &id));
        out
    }

    /// A NIC on a hub.
    fn nic(&mut self, hub: u32) -> Vec<OsString> {
        if let Some(id) = self.pairs.netdev(hub) {
            return words([b"-net", &[b"nic,netdev=", id].concat()]);
        }
        if hub == 0 || self.dialect.has_vlan() {
            return net(b"nic", hub);
        }
        let port = self.ids.fresh();
        let mut out = words([b"-netdev", &lists::port(&port, hub)]);
        out.extend(words([b"-net", &[b"nic,netdev=", &*port].concat()]));
        out
    }

    /// How QEMU 0.7 is told the number of NICs, unless the user told it.
    pub(crate) fn nic_count(&self) -> Option<Vec<OsString>> {
        let is_told = self.network.line.options().any(|option| option.name == "nics");
        let is_due = self.dialect == Dialect::TunFd && !self.fds.is_empty() && !is_told;
        is_due.then(|| words([b"-nics", self.fds.len().to_string().as_bytes()]))
    }

    /// The option of an argument as the user wrote it.
    fn word(&self, option: &NetOption<'_>) -> OsString {
        self.network.line.word(option.word()).unwrap_or_default().to_owned()
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
        let port = self.ids.fresh();
        let list = [&*lists::port(&port, hub), b",netdev=", id].concat();
        words([b"-netdev", &list])
    }

    /// A vlan that has no client yet, and now has.
    fn free_vlan(&mut self) -> u32 {
        // Below the last one that was free there is no other: vlans are taken and never given back.
        let vlan = (self.free_from..=HUB_MAX).find(|vlan| !self.vlans.contains(vlan)).unwrap_or(0);
        self.vlans.insert(vlan);
        self.free_from = vlan.saturating_add(1);
        vlan
    }
}

fn bad_vlan(option: &NetOption<'_>, span: Range<usize>) -> ArgError {
    let kind = ArgErrorKind::BadNumber { key: "vlan", max: HUB_MAX };
    ArgError::at(kind, option.index(), option.text(), span)
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
