//! The items between the brackets of a name.

use alloc::format;
use alloc::vec::Vec;

use super::error::{VnlError, VnlErrorKind};
use super::quoting::{self, Letter};
use super::{PortRequest, Vnl};
use crate::wire::port::PortNumber;

const PORT: &str = "port";
const PORT_GROUP: &str = "portgroup";
const GROUP: &str = "group";
const MODE: &str = "mode";

/// In the order in which libvdeplug4 compares: a shortened key is the first that fits \[P-12.5\].
const KEYS: [&str; 4] = [PORT, PORT_GROUP, GROUP, MODE];

/// The highest mode: permissions, without set-id and sticky bits.
const MAX_MODE: u32 = 0o777;

/// Enters one item, which is not empty, into `vnl`.
pub(super) fn apply(item: &[Letter], vnl: &mut Vnl) -> Result<(), VnlError> {
    let at = |kind: VnlErrorKind| kind.at(quoting::range(item));
    let mut halves = item.splitn(2, |letter| letter.is(b'='));
    let key = key_of(halves.next().unwrap_or_default());
    match (key, halves.next()) {
        (None, None) => set(&mut vnl.port, PORT, port(item)?).map_err(at),
        (None, Some(_)) => Err(at(VnlErrorKind::UnknownKey)),
        (Some(key), None | Some([])) => Err(at(VnlErrorKind::MissingValue(key))),
        (Some(PORT), Some(value)) => set(&mut vnl.port, PORT, port(value)?).map_err(at),
        (Some(GROUP), Some(value)) => set(&mut vnl.group, GROUP, quoting::bytes(value)).map_err(at),
        (Some(MODE), Some(value)) => set(&mut vnl.mode, MODE, mode(value)?).map_err(at),
        (Some(_), Some(_)) => Err(at(VnlErrorKind::PortGroup)),
    }
}

/// The items that say what `vnl` says.
pub(super) fn render(vnl: &Vnl) -> Vec<Vec<u8>> {
    let port = match vnl.port {
        None | Some(PortRequest::Any) => None,
        Some(PortRequest::Zero) => Some(b"0".to_vec()),
        Some(PortRequest::Number(number)) => Some(format!("{number}").into_bytes()),
    };
    let group = vnl.group.as_ref().map(|group| {
        let mut item = b"group=".to_vec();
        for &byte in group {
            // More than a path needs: a slash ends an item.
            item.extend([b'\\', byte]);
        }
        item
    });
    let mode = vnl.mode.map(|mode| format!("mode={mode:04o}").into_bytes());
    [port, group, mode].into_iter().flatten().collect()
}

/// The key that `letters` spell or begin to spell.
fn key_of(letters: &[Letter]) -> Option<&'static str> {
    let text = quoting::bytes(letters);
    KEYS.into_iter().find(|key| !text.is_empty() && key.as_bytes().starts_with(&text))
}

fn set<T>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), VnlErrorKind> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(VnlErrorKind::Repeated(key)),
    }
}

/// A port number in decimal digits, 0 for port 0 \[P-12.7\].
fn port(letters: &[Letter]) -> Result<PortRequest, VnlError> {
    let at = |kind: VnlErrorKind| kind.at(quoting::range(letters));
    let text = quoting::bytes(letters);
    let number = match text.first() {
        Some(b'0'..=b'9' | b'-' | b'+') => number(&text, 10, PortNumber::MAX.get()),
        _ => return Err(at(VnlErrorKind::PortGroup)),
    };
    match number {
        Ok(number) => Ok(PortNumber::new(number).map_or(PortRequest::Zero, PortRequest::Number)),
        Err(NotANumber::Digit) => Err(at(VnlErrorKind::BadPort)),
        Err(NotANumber::TooLarge) => Err(at(VnlErrorKind::PortTooLarge)),
    }
}

/// An octal mode \[P-12.8\].
fn mode(letters: &[Letter]) -> Result<u32, VnlError> {
    number(&quoting::bytes(letters), 8, MAX_MODE)
        .map_err(|_| VnlErrorKind::BadMode.at(quoting::range(letters)))
}

enum NotANumber {
    Digit,
    TooLarge,
}

/// A number of digits and nothing else; of what is wrong a wrong digit comes first.
fn number(text: &[u8], radix: u32, max: u32) -> Result<u32, NotANumber> {
    let digits: Option<Vec<u32>> =
        text.iter().map(|&byte| char::from(byte).to_digit(radix)).collect();
    let add = |value: u32, digit: u32| value.checked_mul(radix)?.checked_add(digit);
    match digits.ok_or(NotANumber::Digit)?.into_iter().try_fold(0, add) {
        Some(value) if value <= max => Ok(value),
        _ => Err(NotANumber::TooLarge),
    }
}
