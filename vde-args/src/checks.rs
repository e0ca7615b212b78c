//! What a line may not do with a network that names VDE, since it is another one for QEMU.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;

use crate::informational::informational;
use crate::net_option::NetKind;
use crate::{ArgError, ArgErrorKind, Network};

impl Network<'_> {
    /// QEMU refuses a second network of the same name, in words of what we make of the line. Of several
    /// `id=` in one list the first is the name.
    pub(crate) fn check_ids(&self) -> Result<(), ArgError> {
        if informational(&self.line).is_some() {
            return Ok(());
        }
        let mut seen = BTreeMap::new();
        let netdevs = self.options.iter().filter(|option| option.kind() == NetKind::Netdev);
        for option in netdevs {
            let mut params = option.params().into_iter();
            let Some(id) = params.find(|param| &*param.key == b"id") else { continue };
            let is_vde = option.plug.is_some();
            match seen.insert(id.value.clone(), is_vde) {
                Some(was_vde) if is_vde || was_vde => {
                    let kind = ArgErrorKind::RepeatedId;
                    return Err(ArgError::at(kind, option.index(), option.text(), id.value_span));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `-set netdev.ID.KEY=VALUE` reaches into a network from outside: of one that names VDE there is
    /// nothing left to reach into, and none may come to name VDE.
    pub(crate) fn check_set(&self) -> Result<(), ArgError> {
        let named = self.options.iter().filter(|option| option.plug.is_some());
        let ids: BTreeSet<_> = named.map(|option| option.get(b"id")).collect();
        for option in self.line.options().filter(|option| option.name == "set") {
            let Some(text) = option.value else { continue };
            let (path, value) = match text.as_bytes().iter().position(|byte| *byte == b'=') {
                Some(at) => text.as_bytes().split_at(at),
                None => continue,
            };
            let mut parts = path.splitn(3, |byte| *byte == b'.');
            let (group, id, key) = (parts.next(), parts.next(), parts.next());
            let is_network =
                group.and_then(NetKind::of_option).is_some_and(|k| k != NetKind::Device);
            let names_vde = key == Some(b"type") && value == b"=vde";
            if is_network && (names_vde || ids.contains(&id.map(Cow::Borrowed))) {
                let kind = ArgErrorKind::SetOfVde;
                return Err(ArgError::at(kind, option.subject(), text, 0..text.len()));
            }
        }
        Ok(())
    }
}
