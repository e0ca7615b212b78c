//! What is odd about a line and may not be meant, though it is not wrong.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::nearest::nearest;
use crate::net_option::NetKind;
use crate::network::Network;
use crate::note::Note;
use crate::own::{Own, OwnId};

/// The types of networks that some QEMU has, besides `vde`.
const KNOWN_TYPES: [&str; 21] = [
    "af-xdp",
    "bridge",
    "channel",
    "dgram",
    "dump",
    "help",
    "hubport",
    "l2tpv3",
    "netmap",
    "nic",
    "none",
    "passt",
    "socket",
    "stream",
    "tap",
    "user",
    "vhost-user",
    "vhost-vdpa",
    "vmnet-bridged",
    "vmnet-host",
    "vmnet-shared",
];

impl Network<'_> {
    /// Tells of everything here.
    pub(crate) fn note_oddities(&mut self) {
        self.note_near_misses();
        self.note_misplaced();
        self.note_loops();
    }

    /// Tells of types that QEMU does not have and that `vde` may have been meant by.
    fn note_near_misses(&mut self) {
        let networks = self.options.iter().filter(|option| option.kind() != NetKind::Device);
        let notes = networks.filter_map(|option| {
            // `vde:sock=...` has no type, but a first word.
            let first = || option.params().into_iter().next().map(|param| param.key);
            let name = option.type_name().or_else(first)?;
            if option.is_vde() || KNOWN_TYPES.iter().any(|known| known.as_bytes() == &*name) {
                return None;
            }
            let small = name.to_ascii_lowercase();
            let is_near = small.starts_with(b"vde") || nearest(&small, ["vde"]).is_some();
            is_near.then(|| (option.index(), OsStr::from_bytes(&name).to_owned()))
        });
        let near: BTreeMap<_, _> = notes.collect();
        // That it is another network is not what there is to say of it.
        let is_near =
            |n: &Note| matches!(n, Note::OtherBackend { index, .. } if near.contains_key(index));
        self.notes.retain(|note| !is_near(note));
        self.notes.extend(near.into_iter().map(|(index, found)| Note::NearMiss { index, found }));
    }

    /// Tells of options of vdeq's own that stand where QEMU gets them.
    fn note_misplaced(&mut self) {
        let unknown = self.line.options().filter(|option| option.spec.is_none());
        let ours = unknown.filter_map(|option| {
            let text = self.line.word(option.word)?;
            let own = Own::read(text).filter(|own| own.option.id != OwnId::End);
            own.map(|_| Note::Misplaced { index: option.word, text: text.to_owned() })
        });
        let ours: Vec<_> = ours.collect();
        self.notes.extend(ours);
    }

    /// Tells of hubs that are plugged into one switch twice: frames would go round for ever.
    fn note_loops(&mut self) {
        let named = self.options.iter().filter_map(|option| Some((option.hub()?, option.plug?)));
        let added = self.joined().map(|(plug, hub, _)| (hub, plug));
        let mut seen: BTreeMap<(u32, Option<&OsStr>), usize> = BTreeMap::new();
        let mut loops = Vec::new();
        for (hub, plug) in named.chain(added) {
            let Some(spec) = self.plugs.get(plug) else { continue };
            let plugs = seen.entry((hub, spec.sock.as_deref())).or_default();
            *plugs += 1;
            // A third one makes nothing worse.
            if *plugs == 2 {
                let index = spec.spot.as_ref().map_or(0, |spot| spot.index);
                loops.push(Note::Loop { index, vlan: hub });
            }
        }
        self.notes.extend(loops);
    }
}
