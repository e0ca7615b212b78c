//! The arguments of a line that are about networks: NICs, and what they are connected to.
//!
//! QEMU's `vlan` and `hub` are one thing under two names: a broadcast domain inside the process.
//! A `-net` client is on hub 0 unless `vlan=` says otherwise.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use crate::json::{JsonError, Object};
use crate::keyval::{Entry, KeyVal, Rules, number};
use crate::names::Names;
use crate::values::{HUB_MAX, read_vlan};
use crate::{CommandLine, OptionItem};

/// The option that a [`NetOption`] was given with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetKind {
    /// `-net`: a NIC or a backend on a hub.
    Net,
    /// `-netdev`: a backend for a device that refers to it.
    Netdev,
    /// `-nic`: a backend with a NIC of its own.
    Nic,
    /// `-device`: a NIC perhaps.
    Device,
}

/// An argument about networks, in whichever notation it was written.
///
/// ```
/// use vde_args::{CommandLine, NetKind};
/// let words = ["-net", "nic,vlan=1", "-netdev", r#"{"type":"vde","id":"n0"}"#].map(Into::into);
/// let line = CommandLine::parse(&words);
/// let networks: Vec<_> = line.networks().collect();
/// assert_eq!((networks[0].kind(), networks[0].hub()), (NetKind::Net, Some(1)));
/// assert!(networks[1].is_vde());
/// assert_eq!(networks[1].get(b"id").as_deref(), Some(&b"n0"[..]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetOption<'a> {
    kind: NetKind,
    /// The word of argv that is the option.
    word: usize,
    pub(crate) notation: Notation<'a>,
    /// Which plug of the network it becomes, if it names VDE.
    pub(crate) plug: Option<usize>,
}

/// How an argument is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notation<'a> {
    /// `type,key=value,...`
    List(KeyVal<'a>),
    /// `{"type": ..., "key": "value", ...}`
    Json(Object<'a>),
    /// It starts like JSON and is none.
    Broken(&'a [u8], JsonError),
}

/// A `vlan=` parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Vlan {
    Absent,
    Number(u32),
    /// Not a number; where the number should have been.
    Bad(Range<usize>),
}

impl<'a> NetOption<'a> {
    /// The network argument that `option` has, or `None` if it is about something else.
    #[must_use]
    pub fn read(option: &OptionItem<'a>) -> Option<Self> {
        let kind = NetKind::of_option(option.name.as_bytes())?;
        Some(Self::of_text(kind, option.word, option.value?.as_bytes()))
    }

    /// The argument `text` of an option at `word`.
    fn of_text(kind: NetKind, word: usize, text: &'a [u8]) -> Self {
        let is_json = matches!(kind, NetKind::Netdev | NetKind::Device) && text.starts_with(b"{");
        let notation = match is_json.then(|| Object::parse(text)) {
            None => Notation::List(read_list(kind, Cow::Borrowed(text))),
            Some(Ok(object)) => Notation::Json(object),
            Some(Err(error)) => Notation::Broken(text, error),
        };
        Self { kind, word, notation, plug: None }
    }

    /// The section of a configuration file, as a list, that the option at `word` names.
    pub(crate) fn of_section(kind: NetKind, word: usize, list: Vec<u8>) -> NetOption<'static> {
        let notation = Notation::List(read_list(kind, Cow::Owned(list)));
        NetOption { kind, word, notation, plug: None }
    }

    /// The option it was given with.
    #[must_use]
    pub fn kind(&self) -> NetKind {
        self.kind
    }

    /// Which word of argv is the option.
    #[must_use]
    pub fn word(&self) -> usize {
        self.word
    }

    /// Which word of argv is the argument.
    #[must_use]
    pub fn index(&self) -> usize {
        self.word + 1
    }

    /// The argument, as it stands.
    #[must_use]
    pub fn text(&self) -> &OsStr {
        OsStr::from_bytes(match &self.notation {
            Notation::List(list) => list.text(),
            Notation::Json(object) => object.text(),
            Notation::Broken(text, _) => text,
        })
    }

    /// The argument as a list, if it is written as one.
    ///
    /// ```
    /// use vde_args::keyval::Edit;
    /// use vde_args::{CommandLine, Item, ItemEdit, NetOption};
    ///
    /// // Every user network gets another name.
    /// let words = ["-m", "64", "-nic", "user,hostname=a,model=e1000"].map(Into::into);
    /// let edited = CommandLine::parse(&words).edit(|item| {
    ///     let Item::Option(option) = item else { return ItemEdit::Keep };
    ///     let Some(net) = NetOption::read(&option).filter(|net| net.is_type(b"user")) else {
    ///         return ItemEdit::Keep;
    ///     };
    ///     let Some(list) = net.list() else { return ItemEdit::Keep };
    ///     let renamed = list.edit(|entry| match list.key(entry) {
    ///         b"hostname" => Edit::Replace(b"hostname=b".to_vec()),
    ///         _ => Edit::Keep,
    ///     });
    ///     ItemEdit::Replace(vec!["-nic".into(), String::from_utf8(renamed).unwrap().into()])
    /// });
    /// assert_eq!(edited, ["-m", "64", "-nic", "user,hostname=b,model=e1000"]);
    /// ```
    #[must_use]
    pub fn list(&self) -> Option<&KeyVal<'a>> {
        match &self.notation {
            Notation::List(list) => Some(list),
            _ => None,
        }
    }

    /// The argument as an object, if it is written as one.
    #[must_use]
    pub fn json(&self) -> Option<&Object<'a>> {
        match &self.notation {
            Notation::Json(object) => Some(object),
            _ => None,
        }
    }

    /// The type of a network or the driver of a device: `vde`, `nic`, `user`, `e1000`, ...
    #[must_use]
    pub fn type_name(&self) -> Option<Cow<'_, [u8]>> {
        let key = self.type_key();
        match &self.notation {
            Notation::List(list) => list.value(self.type_entry(list, key)?),
            _ => self.get(key),
        }
    }

    /// Whether its [`NetOption::type_name`] is `name`.
    #[must_use]
    pub fn is_type(&self, name: &[u8]) -> bool {
        self.type_name().is_some_and(|value| *value == *name)
    }

    /// Whether it names a VDE network.
    #[must_use]
    pub fn is_vde(&self) -> bool {
        self.kind != NetKind::Device && self.is_type(b"vde")
    }

    /// The value of a parameter: of a repeated one the last, of `id` the first. `type`, or `driver` of
    /// a device, is [`NetOption::type_name`].
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        match &self.notation {
            Notation::List(_) if key == self.type_key() => self.type_name(),
            Notation::List(list) if key == b"id" => list.first(key),
            Notation::List(list) => list.last(key),
            Notation::Json(object) => {
                let member = object.get(key)?;
                Some(object.string(member).unwrap_or_else(|| object.bytes(&member.value).into()))
            }
            Notation::Broken(..) => None,
        }
    }

    /// The key that names the type.
    pub(crate) fn type_key(&self) -> &'static [u8] {
        if self.kind == NetKind::Device { b"driver" } else { b"type" }
    }

    /// The item of a list that names the type.
    pub(crate) fn type_entry<'b>(&self, list: &'b KeyVal<'_>, key: &[u8]) -> Option<&'b Entry> {
        list.entries().iter().rev().find(|entry| entry.key.is_none() || list.key(entry) == key)
    }

    /// Its `vlan=`, if it is of a sort that has one. Modern options never had.
    pub(crate) fn vlan(&self) -> Vlan {
        let Notation::List(list) = &self.notation else { return Vlan::Absent };
        let entry = match self.kind {
            NetKind::Net | NetKind::Device => list.last_entry(b"vlan"),
            NetKind::Netdev | NetKind::Nic => None,
        };
        let Some(entry) = entry else { return Vlan::Absent };
        let number = list.value(entry).and_then(|value| read_vlan(&value));
        let span = || entry.value.clone().unwrap_or_else(|| entry.span.clone());
        number.map_or_else(|| Vlan::Bad(span()), Vlan::Number)
    }

    /// The hub (`vlan`) that it is a client of; `None` if of none.
    #[must_use]
    pub fn hub(&self) -> Option<u32> {
        match (self.kind, self.vlan()) {
            (NetKind::Net, _) if self.is_type(b"none") => None,
            (NetKind::Net, _) if self.is_type(b"nic") && self.netdev().is_some() => None,
            (NetKind::Net, Vlan::Absent | Vlan::Bad(_)) => Some(0),
            (_, Vlan::Number(vlan)) => Some(vlan),
            (NetKind::Netdev | NetKind::Nic, _) if self.is_type(b"hubport") => {
                // QEMU's to read, so by its rules.
                let hub = self.get(b"hubid").and_then(|hub| number(&hub));
                hub.and_then(|hub| u32::try_from(hub).ok()).filter(|hub| *hub <= HUB_MAX)
            }
            _ => None,
        }
    }

    /// Whether it is the guest's side of its hub: a NIC, or a port that waits for one.
    #[must_use]
    pub fn is_nic(&self) -> bool {
        match self.kind {
            NetKind::Net => self.is_type(b"nic"),
            NetKind::Nic | NetKind::Device => true,
            NetKind::Netdev => self.is_type(b"hubport") && self.netdev().is_none(),
        }
    }

    /// Whether it names where frames come from and go to.
    #[must_use]
    pub fn is_backend(&self) -> bool {
        match self.kind {
            NetKind::Net => !self.is_type(b"nic") && !self.is_type(b"dump"),
            NetKind::Netdev | NetKind::Nic => true,
            NetKind::Device => false,
        }
    }

    /// The id that the user gave, as it stands in a list; `name` is the older word for it, if it can
    /// be one.
    pub(crate) fn own_id(&self, names: &Names) -> Option<Vec<u8>> {
        let list = self.list()?;
        let id = list.entries().iter().find(|entry| list.key(entry) == b"id");
        let id = id.or_else(|| names.id_of(list))?;
        id.value.as_ref().map(|value| list.bytes(value).to_vec()).filter(|id| !id.is_empty())
    }

    /// The id of the netdev that it refers to.
    #[must_use]
    pub fn netdev(&self) -> Option<Cow<'_, [u8]>> {
        self.get(b"netdev")
    }
}

impl NetKind {
    /// The kind that the option called `name` (without dashes) has arguments of.
    pub(crate) fn of_option(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"net" => Self::Net,
            b"netdev" => Self::Netdev,
            b"nic" => Self::Nic,
            b"device" => Self::Device,
            _ => return None,
        })
    }
}

impl<'a> CommandLine<'a> {
    /// The arguments that are about networks, in order.
    pub fn networks(&self) -> impl Iterator<Item = NetOption<'a>> {
        self.options().filter_map(|option| NetOption::read(&option))
    }
}

/// Reads the list by QEMU's rules, or by the wider ones if by either it names VDE.
fn read_list(kind: NetKind, text: Cow<'_, [u8]>) -> KeyVal<'_> {
    let strict = KeyVal::parse(text, Rules::Qemu);
    // An empty item behind the type looks like a part of it.
    let may_be_vde =
        strict.last(b"type").is_some_and(|value| *value == *b"vde" || value.starts_with(b"vde,"));
    if kind == NetKind::Device || !may_be_vde {
        return strict;
    }
    let wide = strict.reread(Rules::Vde);
    let is_vde = wide.last(b"type").is_some_and(|t| *t == *b"vde");
    if is_vde { wide } else { strict }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(option: &str, value: &'static str) -> NetOption<'static> {
        let kind = NetKind::of_option(option.trim_start_matches('-').as_bytes()).unwrap();
        NetOption::of_text(kind, 0, value.as_bytes())
    }

    #[test]
    fn vde_is_seen_in_every_spelling_and_nowhere_else() {
        for vde in [
            "vde",
            "vde,",
            "vde,,sock=x",
            "type=vde",
            "sock=x,type=vde",
            "user,type=vde",
            "type=vde,,sock=x",
            "sock=x,type=vde,,port=3",
        ] {
            assert!(option("-net", vde).is_vde(), "{vde}");
            assert!(option("--netdev", vde).is_vde(), "{vde}");
        }
        for other in
            ["user", "vdefoo", "user,sock=vde", "vde,type=user", "VDE", "", "user,,type=vde"]
        {
            assert!(!option("-net", other).is_vde(), "{other}");
        }
        assert!(!option("-device", "vde").is_vde());
        assert!(option("-netdev", r#"{"id": "n", "type": "vde"}"#).is_vde());
        assert!(!option("-netdev", r#"{"type": "user", "id": "vde"}"#).is_vde());
        assert!(!option("-net", r#"{"type":"vde"}"#).is_vde());
    }

    #[test]
    fn json_is_not_cut_at_its_commas() {
        let device = option("-device", r#"{"driver":"e1000","id":"a,vlan=1,type=vde"}"#);
        assert_eq!(device.vlan(), Vlan::Absent);
        assert!(device.is_type(b"e1000"));
        assert!(!option("-netdev", r#"{"type":"user","id":"a,type=vde"}"#).is_vde());
        assert!(option("-netdev", r#"{"type":"user","id":"a"}"#).is_backend());
    }

    #[test]
    fn json_that_is_none_is_no_network_of_ours() {
        let broken = option("-netdev", r#"{"type":"vde""#);
        assert!(!broken.is_vde() && broken.is_backend() && broken.params().is_empty());
        assert!(matches!(broken.notation, Notation::Broken(..)));
    }

    #[test]
    fn a_net_client_is_on_hub_0_unless_it_says_otherwise() {
        assert_eq!(option("-net", "nic").hub(), Some(0));
        assert_eq!(option("-net", "user,vlan=1,vlan=2").hub(), Some(2));
        assert_eq!(option("-net", "nic,netdev=n0").hub(), None);
        assert_eq!(option("-nic", "user").hub(), None);
        assert_eq!(option("-nic", "hubport,hubid=3").hub(), Some(3));
        assert_eq!(option("-nic", "hubport,hubid=0x1f").hub(), Some(31));
        assert_eq!(option("-nic", "hubport,hubid=010").hub(), Some(8));
        assert_eq!(option("-nic", "hubport,hubid=0x80000000").hub(), None);
        assert_eq!(option("-netdev", r#"{"type":"hubport","id":"h","hubid":3}"#).hub(), Some(3));
        assert_eq!(option("-device", "e1000,vlan=4").hub(), Some(4));
        assert_eq!(option("-device", "e1000").hub(), None);
    }

    #[test]
    fn a_device_refers_to_its_netdev_in_both_notations() {
        let netdev = |value| option("-device", value).netdev().map(Cow::into_owned);
        assert_eq!(netdev("e1000,netdev=n0"), Some(b"n0".to_vec()));
        assert_eq!(netdev(r#"{"driver":"e1000","netdev":"n0"}"#), Some(b"n0".to_vec()));
        assert_eq!(netdev(r#"{"driver":"e1000","id":"n0"}"#), None);
        let get = |value, key| option("-device", value).get(key).map(Cow::into_owned);
        for e1000 in ["e1000,id=a", "id=a,driver=e1000", r#"{"driver":"e1000"}"#] {
            assert_eq!(get(e1000, b"driver"), Some(b"e1000".to_vec()), "{e1000}");
        }
    }
}
