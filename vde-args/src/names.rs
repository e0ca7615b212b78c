//! Which `name=` of a network can be its `id=`, the newer word, which QEMU takes alone since 5.1.
//!
//! A name was any text, and two networks could have the same one. An id has rules, and is of one
//! network.

use std::collections::BTreeMap;

use crate::keyval::{Entry, KeyVal};
use crate::net_option::{NetKind, NetOption};

/// How often each name and id is on the line.
#[derive(Default)]
pub(crate) struct Names(BTreeMap<Vec<u8>, usize>);

impl Names {
    pub(crate) fn of<'a>(options: impl Iterator<Item = &'a NetOption<'a>>) -> Self {
        let mut names = Self::default();
        for option in options.filter(|option| option.kind() != NetKind::Device) {
            for key in [b"id", &b"name"[..]] {
                if let Some(name) = option.get(key) {
                    *names.0.entry(name.into_owned()).or_default() += 1;
                }
            }
        }
        names
    }

    /// The `name=` of a list that counts, if it can be an id.
    pub(crate) fn id_of<'b>(&self, list: &'b KeyVal<'_>) -> Option<&'b Entry> {
        let name = list.last_entry(b"name")?;
        list.value(name).is_some_and(|name| self.can_be_id(&name)).then_some(name)
    }

    fn can_be_id(&self, name: &[u8]) -> bool {
        let is_free = self.0.get(name).is_none_or(|times| *times == 1);
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
        is_free && name.first().is_some_and(u8::is_ascii_alphabetic) && name.iter().all(is_part)
    }
}
