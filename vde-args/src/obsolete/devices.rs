//! Devices that had options of their own.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::{Case, Successor};
use crate::QemuVersion;
use crate::ids::Ids;
use crate::keyval::escape;

/// The sound cards of a PC, sorted, and the devices that each was made of.
const SOUND_CARDS: [(&[u8], &[&str]); 7] = [
    (b"ac97", &["AC97"]),
    (b"adlib", &["adlib"]),
    (b"cs4231a", &["cs4231a"]),
    (b"es1370", &["ES1370"]),
    (b"gus", &["gus"]),
    (b"hda", &["intel-hda", "hda-duplex"]),
    (b"sb16", &["sb16"]),
];

/// What else `-usbdevice` knew, and the devices. They went later than the arguments with a colon.
const USB_DEVICES: [(&[u8], &[u8]); 2] = [(b"audio", b"usb-audio"), (b"ccid", b"usb-ccid")];
const USB_DEVICES_GONE: QemuVersion = QemuVersion::new(6, 0, 0);

/// `-soundhw CARD[,CARD...]`. `pcspk`, which is a part of the machine, cannot be told without a
/// backend, and `all` is not what it was.
pub(super) fn sound(case: &Case<'_>) -> Option<Successor> {
    if !has_default_sound(case) {
        return None;
    }
    let (mut out, mut made) = (Vec::new(), BTreeSet::new());
    for card in case.value.split(|&byte| byte == b',') {
        let (_, devices) = SOUND_CARDS.iter().find(|(name, _)| *name == card)?;
        // To ask for a card twice was to ask for it once.
        let is_new = case.around.sound_cards.get(card) == Some(&case.word);
        if is_new && made.insert(card) {
            out.extend(devices.iter().flat_map(|name| device(name.as_bytes())));
        }
    }
    Some(Successor::Words(out))
}

/// Whether the QEMU has a backend that a device plays on if it names none, as the cards did. With
/// `-nodefaults` a QEMU of today has none, nor where the user made one by a name: then somebody has to
/// choose.
fn has_default_sound(case: &Case<'_>) -> bool {
    !case.around.has_nodefaults && !case.around.has_audiodev
}

/// `-balloon none|virtio[,PARAMETERS]`.
pub(super) fn balloon(value: &[u8]) -> Option<Successor> {
    match value.strip_prefix(b"virtio") {
        None => (value == b"none").then(|| Successor::Words(Vec::new())),
        Some(rest) if matches!(rest.first(), None | Some(b',')) => {
            Some(Successor::Words(device(&[b"virtio-balloon", rest].concat()).into()))
        }
        Some(_) => None,
    }
}

/// `-watchdog MODEL`.
pub(super) fn watchdog(value: &[u8]) -> Option<Successor> {
    let is_model = !value.is_empty() && !matches!(value, b"help" | b"?") && !value.contains(&b',');
    is_model.then(|| Successor::Words(device(value).into()))
}

/// The arguments of `-usbdevice` that are gone; the others, such as `tablet`, never went.
pub(super) fn usb(case: &Case<'_>, ids: &mut Ids<'_>) -> Option<Successor> {
    let value = case.value;
    let mut out = vec![OsString::from("-usb")];
    if let Some(disk) = value.strip_prefix(b"disk:") {
        let id = ids.fresh();
        out.extend(drive(disk, &id)?);
        out.extend(device(&[b"usb-storage,drive=", &*id].concat()));
    } else if let Some(host) = value.strip_prefix(b"host:") {
        out.extend(device(&host_device(host)?));
    } else {
        let (_, name) = USB_DEVICES.iter().find(|(old, _)| *old == value)?;
        let lacks_sound = value == b"audio" && !has_default_sound(case);
        if case.version < USB_DEVICES_GONE || lacks_sound {
            return None;
        }
        out.extend(device(name));
    }
    Some(Successor::Words(out))
}

/// `FILE` or `format=FORMAT:FILE`.
fn drive(disk: &[u8], id: &[u8]) -> Option<[OsString; 2]> {
    let (format, file) = match disk.strip_prefix(b"format=") {
        None => (&b""[..], disk),
        Some(rest) => {
            let end = rest.iter().position(|&byte| byte == b':')?;
            (rest.get(..end)?, rest.get(end + 1..)?)
        }
    };
    let mut list = [b"if=none,id=", id, b",file=", &escape(file)].concat();
    if !format.is_empty() {
        list.extend_from_slice(&[b",format=", &*escape(format)].concat());
    }
    (!file.is_empty()).then(|| ["-drive".into(), OsString::from_vec(list)])
}

/// `VENDOR:PRODUCT` in hexadecimal, or `BUS.ADDRESS` in decimal digits.
fn host_device(host: &[u8]) -> Option<Vec<u8>> {
    let pair = |separator: u8, is_digit: fn(&u8) -> bool| {
        let at = host.iter().position(|&byte| byte == separator)?;
        let (first, second) = (host.get(..at)?, host.get(at + 1..)?);
        let is_number = |text: &[u8]| matches!(text.len(), 1..=4) && text.iter().all(is_digit);
        (is_number(first) && is_number(second)).then_some((first, second))
    };
    if let Some((vendor, product)) = pair(b':', u8::is_ascii_hexdigit) {
        return Some([b"usb-host,vendorid=0x", vendor, b",productid=0x", product].concat());
    }
    let (bus, address) = pair(b'.', u8::is_ascii_digit)?;
    // QEMU would read a leading zero as the sign of an octal number, then and now.
    Some([b"usb-host,hostbus=", bus, b",hostaddr=", address].concat())
}

fn device(list: &[u8]) -> [OsString; 2] {
    ["-device".into(), OsStr::from_bytes(list).to_owned()]
}
