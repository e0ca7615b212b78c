//! Shares, times and rates with their units.

use std::time::Duration;

use super::Impair;
use crate::values::read_number;

/// Digits, perhaps with a decimal fraction, as a number of parts of which `unit` make 1. What is finer
/// is cut.
fn read_decimal(text: &[u8], unit: u64) -> Option<u64> {
    let mut parts = text.splitn(2, |&byte| byte == b'.');
    let (whole, fraction) = (parts.next()?, parts.next());
    let digits = fraction.unwrap_or(b"0");
    if whole.is_empty() || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut value = u64::from(read_number(whole, u32::MAX)?).checked_mul(unit)?;
    let mut place = unit;
    for digit in digits {
        place /= 10;
        value = value.checked_add(u64::from(digit - b'0').checked_mul(place)?)?;
    }
    Some(value)
}

/// A part of the whole: `1.5%`, or `0.015`; in parts of a million.
pub(super) fn read_share(text: &[u8]) -> Option<u32> {
    let whole = u64::from(Impair::WHOLE);
    let parts = match text.strip_suffix(b"%") {
        Some(percent) => read_decimal(percent, whole / 100)?,
        None => read_decimal(text, whole)?,
    };
    u32::try_from(parts).ok().filter(|parts| *parts <= Impair::WHOLE)
}

/// A time with its unit: `200us`, `10ms`, `1.5s`.
pub(super) fn read_time(text: &[u8]) -> Option<Duration> {
    const UNITS: [(&[u8], u64); 3] = [(b"us", 1_000), (b"ms", 1_000_000), (b"s", 1_000_000_000)];
    let (number, nanos) =
        UNITS.iter().find_map(|(unit, nanos)| Some((text.strip_suffix(*unit)?, *nanos)))?;
    read_decimal(number, nanos).map(Duration::from_nanos)
}

/// Bits a second: `512k`, `10M`, `1.5G`, or a plain number.
pub(super) fn read_rate(text: &[u8]) -> Option<u64> {
    let (last, number) = text.split_last()?;
    match last {
        b'k' | b'K' => read_decimal(number, 1_000),
        b'M' => read_decimal(number, 1_000_000),
        b'G' => read_decimal(number, 1_000_000_000),
        _ => read_decimal(text, 1),
    }
}

/// A seed: decimal digits.
pub(super) fn read_seed(text: &[u8]) -> Option<u64> {
    let is_number = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}
