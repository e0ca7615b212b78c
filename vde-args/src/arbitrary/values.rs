//! Arguments of network options, as lists and in JSON.

use arbitrary::{Result, Unstructured};

/// What is a network, or looks like one. The repeated ones are wanted more often.
const TYPES: [&str; 20] = [
    "vde",
    "vde",
    "vde",
    "vde",
    "vde",
    "nic",
    "nic",
    "nic",
    "user",
    "user",
    "tap",
    "hubport",
    "dump",
    "socket",
    "none",
    "help",
    "vdex",
    "e1000",
    "virtio-net-pci",
    "",
];

/// Few, so that they are met again; some of them are such as vdeq makes up.
const IDS: [&str; 8] = ["n0", "n0", "n1", "vdeq0", "vdeq1", "a,,b", "\u{e9}", ""];

/// A key, and values that it takes, that it does not take, and that take one by surprise.
type Parameter = (&'static str, &'static [&'static str]);

/// What a VDE network has. The repeated ones are wanted more often.
const OF_VDE: [Parameter; 8] = [
    ("vlan", &["0", "1", "1", "2", "3", "2147483647", "2147483648", "x", ""]),
    ("vlan", &["0", "1", "2"]),
    ("id", &IDS),
    ("name", &["n0", "vdeq0", "a,,b", ""]),
    ("sock", &["/s", "/s", "/a,,b", "\"/a,b\"", "'/a", "/s[3]", "vxvde://239.0.0.1", "vlan=1", ""]),
    ("port", &["1", "2", "10", "0", "8388607", "8388608", "x", ""]),
    ("mode", &["600", "660", "0777", "0", "8", ""]),
    ("group", &["kvm", "0", ""]),
];

/// What other networks and devices have.
const OF_OTHERS: [Parameter; 8] = [
    ("netdev", &IDS),
    ("hubid", &["0", "1", "2", "x"]),
    ("model", &["e1000", "virtio", "help"]),
    ("mac", &["52:54:00:00:00:01"]),
    ("file", &["/f", "a,,b"]),
    ("len", &["65536", "64k", "1G", "x"]),
    ("fd", &["3"]),
    ("type", &["vde", "user", "dump", "nic"]),
];

/// Bytes that lists, objects and options are made of.
const SIGNIFICANT: &[u8] = b",=\"'-/v0129{}:[]\\n ";

/// A list: mostly a type, an id if it `has_id`, then parameters. Any part may be missing, doubled, or
/// rubbish.
pub(super) fn list(u: &mut Unstructured<'_>, has_id: bool) -> Result<Vec<u8>> {
    let mut list = match u.int_in_range(0..=15)? {
        0..=12 => u.choose(&TYPES)?.as_bytes().to_vec(),
        13 => format!("type={}", u.choose(&TYPES)?).into_bytes(),
        14 => Vec::new(),
        _ => rubbish(u)?,
    };
    let is_vde = list == b"vde";
    if has_id && u.ratio(7, 8)? {
        list.extend(format!(",id={}", u.choose(&IDS)?).into_bytes());
    }
    for _ in 0..u.int_in_range(0..=4)? {
        list.push(b',');
        list.extend(item(u, is_vde)?);
    }
    Ok(list)
}

/// A key and a value, the key mostly one that VDE networks have if it is for one.
fn parameter(u: &mut Unstructured<'_>, is_vde: bool) -> Result<(&'static str, &'static str)> {
    let foreign = if is_vde { 1 } else { 8 };
    let (key, values) =
        if u.ratio(foreign, 16)? { *u.choose(&OF_OTHERS)? } else { *u.choose(&OF_VDE)? };
    Ok((key, u.choose(values)?))
}

/// One item of a list.
fn item(u: &mut Unstructured<'_>, is_vde: bool) -> Result<Vec<u8>> {
    let (key, value) = parameter(u, is_vde)?;
    Ok(match u.int_in_range(0..=31)? {
        0..=27 => format!("{key}={value}").into_bytes(),
        28 => key.as_bytes().to_vec(),
        29 => Vec::new(),
        30 => [key.as_bytes(), b"=", &rubbish(u)?].concat(),
        _ => rubbish(u)?,
    })
}

/// An object with a type (or a driver) and other members; one in 16 is cut short.
pub(super) fn object(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let key = if u.ratio(1, 4)? { "driver" } else { "type" };
    let name = *u.choose(&TYPES)?;
    let mut text = [b"{", &*member(key, name)].concat();
    if u.ratio(7, 8)? {
        text.extend([b", ", &*member("id", u.choose(&IDS)?)].concat());
    }
    for _ in 0..u.int_in_range(0..=4)? {
        let (key, value) = parameter(u, name == "vde")?;
        let is_number = value.parse::<u32>().is_ok() && !value.starts_with('0');
        text.extend_from_slice(u.choose(&[",", ", ", ",\n"])?.as_bytes());
        match u.int_in_range(0..=15)? {
            0..=8 => text.extend(member(key, value)),
            9..=12 if is_number => text.extend(format!("\"{key}\":{value}").into_bytes()),
            13 => text.extend(format!("\"\\u0074ype\" : \"{key}\"").into_bytes()),
            14 => text.extend(format!("\"{key}\":{{\"id\":[null,true,-1.5e3]}}").into_bytes()),
            15 => text.extend(rubbish(u)?),
            _ => text.extend(format!("\"{key}\" :\t\"{key}\"").into_bytes()),
        }
    }
    text.push(b'}');
    if u.ratio(1, 16)? {
        text.truncate(u.int_in_range(1..=text.len())?);
    }
    Ok(text)
}

/// A member whose value is a string.
fn member(key: &str, value: &str) -> Vec<u8> {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{key}\":\"{value}\"").into_bytes()
}

/// A few bytes of any sort, half of them bytes that matter.
pub(super) fn rubbish(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for _ in 0..u.int_in_range(0..=11)? {
        let byte = if u.ratio(1, 2)? { *u.choose(SIGNIFICANT)? } else { u.arbitrary()? };
        bytes.push(byte.max(1));
    }
    Ok(bytes)
}
