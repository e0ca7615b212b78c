//! The argument of an option about networks with other parameters, and every byte of the rest kept.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::json::Object;
use crate::keyval::{Edit, Entry, KeyVal, Rules, size};
use crate::names::Names;
use crate::net_option::NetOption;
use crate::plug::is_of_plug;

/// A VDE network as a `backend` with the descriptor `fd`. `vlan=` and `name=` stay where a QEMU takes
/// them.
pub(super) fn without_plug(
    list: &KeyVal<'_>,
    backend: &str,
    fd: &str,
    keep_vlan: bool,
    names: &Names,
) -> Vec<u8> {
    let last_type = list.last_entry(b"type");
    let name = name_for_id(list, names);
    list.edit(|entry| match list.key(entry) {
        b"type" if Some(entry) == last_type => {
            let key: &[u8] = if entry.key.is_some() { b"type=" } else { b"" };
            Edit::Replace([key, backend.as_bytes(), b",fd=", fd.as_bytes()].concat())
        }
        b"type" => Edit::Remove,
        _ if is_of_plug(list, entry) => Edit::Remove,
        b"vlan" if !keep_vlan => Edit::Remove,
        b"name" if !keep_vlan => name_as_id(list, name, entry),
        _ if entry.is_empty() => Edit::Remove,
        _ => Edit::Keep,
    })
}

/// The same of a network in JSON, of which nothing is left but its id.
pub(super) fn json_without_plug(object: &Object<'_>, backend: &str, fd: &str) -> OsString {
    let id = object.get(b"id").map(|id| object.bytes(&id.value)).unwrap_or_default();
    let head = [br#"{"type":""#, backend.as_bytes(), br#"","id":"#].concat();
    OsString::from_vec([&*head, id, br#","fd":""#, fd.as_bytes(), br#""}"#].concat())
}

/// A `-nic` of VDE as the NIC alone, in the words of `-net`.
pub(super) fn nic(list: &KeyVal<'_>) -> Vec<u8> {
    let last_type = list.last_entry(b"type");
    let newer = |key: &[u8], entry: &Entry| match &entry.value {
        Some(value) => Edit::Replace([key, b"=", list.bytes(value)].concat()),
        None => Edit::Keep,
    };
    list.edit(|entry| match list.key(entry) {
        b"type" if Some(entry) == last_type => Edit::Replace(match entry.key {
            Some(_) => b"type=nic".to_vec(),
            None => b"nic".to_vec(),
        }),
        b"type" => Edit::Remove,
        _ if is_of_plug(list, entry) => Edit::Remove,
        b"mac" => newer(b"macaddr", entry),
        b"id" => newer(b"name", entry),
        _ if entry.is_empty() => Edit::Remove,
        _ => Edit::Keep,
    })
}

/// An argument without its `vlan=`.
pub(super) fn without_vlan(list: &KeyVal<'_>, has_name: bool, names: &Names) -> Vec<u8> {
    let name = name_for_id(list, names);
    list.edit(|entry| match list.key(entry) {
        b"vlan" => Edit::Remove,
        b"name" if has_name => name_as_id(list, name, entry),
        _ => Edit::Keep,
    })
}

/// A `-net dump` of `vlan` as the argument of an `-object` called `id` that listens to `netdev`.
pub(super) fn filter_dump(
    option: &NetOption<'_>,
    list: &KeyVal<'_>,
    id: &[u8],
    netdev: &[u8],
    vlan: u32,
) -> Vec<u8> {
    let type_entry = option.type_entry(list, b"type");
    let mut filter = list.edit(|entry| match list.key(entry) {
        b"type" if Some(entry) == type_entry => {
            let key: &[u8] = if entry.key.is_some() { b"qom-type=" } else { b"" };
            Edit::Replace([key, b"filter-dump,id=", id, b",netdev=", netdev].concat())
        }
        b"type" | b"vlan" | b"name" | b"id" => Edit::Remove,
        b"len" => dump_length(list, entry),
        _ => Edit::Keep,
    });
    if list.last(b"file").is_none() {
        filter.extend_from_slice(format!(",file=qemu-vlan{vlan}.pcap").as_bytes());
    }
    filter
}

/// The `name=` that has to become `id=`, its newer word, which QEMU takes alone since 5.1: the last
/// one, if there is no `id=` and it can be one.
fn name_for_id<'b>(list: &'b KeyVal<'_>, names: &Names) -> Option<&'b Entry> {
    list.first(b"id").is_none().then(|| names.id_of(list)).flatten()
}

/// What becomes of a `name=`, where `name` is the one to become `id=`.
fn name_as_id(list: &KeyVal<'_>, name: Option<&Entry>, entry: &Entry) -> Edit {
    match &entry.value {
        Some(value) if name == Some(entry) => Edit::Replace([b"id=", list.bytes(value)].concat()),
        _ => Edit::Remove,
    }
}

/// A NIC that refers to the netdev `id` in place of its `vlan=`, if it has one.
pub(super) fn with_netdev(list: &KeyVal<'_>, has_name: bool, id: &[u8], names: &Names) -> OsString {
    let (last, name) = (list.last_entry(b"vlan"), name_for_id(list, names));
    let reference = [b"netdev=", id].concat();
    let edited = OsString::from_vec(list.edit(|entry| match list.key(entry) {
        b"vlan" if Some(entry) == last => Edit::Replace(reference.clone()),
        b"vlan" => Edit::Remove,
        b"name" if has_name => name_as_id(list, name, entry),
        _ => Edit::Keep,
    }));
    if last.is_some() { edited } else { with_parameters(&edited, &reference) }
}

/// A backend as the netdev `id`, without its `vlan=`.
pub(super) fn with_id(option: &NetOption<'_>, list: &KeyVal<'_>, id: &[u8]) -> Option<Vec<u8>> {
    let type_entry = option.type_entry(list, b"type")?;
    let given = list.first(b"id").is_some_and(|given| !given.is_empty());
    Some(list.edit(|entry| match list.key(entry) {
        b"type" if entry == type_entry && !given => {
            Edit::Replace([list.bytes(&entry.span), b",id=", id].concat())
        }
        b"vlan" | b"name" => Edit::Remove,
        b"id" if !given => Edit::Remove,
        _ => Edit::Keep,
    }))
}

/// A list with more parameters at its end.
pub(super) fn with_parameters(list: &OsStr, parameters: &[u8]) -> OsString {
    let ends_in_comma =
        KeyVal::parse(list.as_bytes(), Rules::Qemu).entries().last().is_some_and(Entry::is_empty);
    let comma: &[u8] = if ends_in_comma { b"" } else { b"," };
    OsString::from_vec([list.as_bytes(), comma, parameters].concat())
}

/// The `len=` of a dump, a size, as the plain number that a filter wants.
fn dump_length(list: &KeyVal<'_>, entry: &Entry) -> Edit {
    let Some(value) = list.value(entry) else { return Edit::Keep };
    match size(&value) {
        Some(size) => Edit::Replace(format!("maxlen={size}").into_bytes()),
        // QEMU's to refuse, in the name of its newer word.
        None => Edit::Replace([b"maxlen=", &*value].concat()),
    }
}

/// The argument of a `-netdev` that is a port called `id` of hub `hub`.
pub(super) fn port(id: &[u8], hub: u32) -> Vec<u8> {
    [b"hubport,id=", id, b",hubid=", hub.to_string().as_bytes()].concat()
}
