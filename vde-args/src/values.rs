//! The values of vdeq's own options and of VDE parameters: numbers, modes, times. All are strict:
//! digits and nothing else, where the C vdeq took any text for 0.

use std::time::Duration;

use crate::keyval::number;

/// The highest hub number: QEMU keeps it in a signed 32 bit number.
pub(crate) const HUB_MAX: u32 = i32::MAX as u32;

/// The highest descriptor that a system can number.
pub(crate) const DESCRIPTOR_MAX: u32 = i32::MAX as u32;

/// The longest time-out that can be asked for: a day. Longer means a slip, not a plan.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The most ports that the switch of `--switch` can have: as many as clients can be at once.
pub const SWITCH_PORTS_MAX: u32 = 1024;

/// The decimal number that `text` is, if it is at most `max`.
pub(crate) fn read_number(text: &[u8], max: u32) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    let mut number = 0u32;
    for byte in text {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number = number.checked_mul(10)?.checked_add(u32::from(digit))?;
    }
    (number <= max).then_some(number)
}

/// The descriptor that `text` is.
pub(crate) fn read_descriptor(text: &[u8]) -> Option<i32> {
    read_number(text, DESCRIPTOR_MAX).and_then(|fd| i32::try_from(fd).ok())
}

/// The vlan that `text` is. For QEMU `010` was 8, for the C vdeq perhaps not: only what is the same
/// number for both is one.
pub(crate) fn read_vlan(text: &[u8]) -> Option<u32> {
    read_number(text, HUB_MAX).filter(|vlan| number(text) == Some(u64::from(*vlan)))
}

/// The file mode that `text` is: one to four octal digits, at most 0777.
pub(crate) fn read_mode(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 4 {
        return None;
    }
    let mut mode = 0u32;
    for byte in text {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 8)?;
        mode = mode << 3 | u32::from(digit);
    }
    (mode <= 0o777).then_some(mode)
}

/// The time that `text` is: seconds, with a decimal fraction perhaps, above 0, at most
/// [`TIMEOUT_MAX`]. What is finer than a nanosecond is cut.
pub(crate) fn read_timeout(text: &[u8]) -> Option<Duration> {
    let mut parts = text.splitn(2, |&b| b == b'.');
    let whole = parts.next()?;
    let fraction = parts.next().unwrap_or(b"0");
    let is_bare_dot = whole.is_empty() && fraction.is_empty();
    if is_bare_dot || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = if whole.is_empty() { 0 } else { read_number(whole, u32::MAX)? };
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    let nanos = digits.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    let time = Duration::new(u64::from(seconds), nanos);
    (!time.is_zero() && time <= TIMEOUT_MAX).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_digits_within_its_bound() {
        assert_eq!(read_number(b"0", 9), Some(0));
        assert_eq!(read_number(b"007", 9), Some(7));
        assert_eq!(read_number(b"4294967295", u32::MAX), Some(u32::MAX));
        for wrong in ["", "10", "-1", "+1", " 1", "1 ", "0x1", "a", "4294967296", "99999999999"] {
            assert_eq!(read_number(wrong.as_bytes(), 9), None, "{wrong}");
        }
    }

    #[test]
    fn a_vlan_is_a_number_that_means_the_same_with_and_without_octal() {
        assert_eq!(read_vlan(b"0"), Some(0));
        assert_eq!(read_vlan(b"007"), Some(7));
        assert_eq!(read_vlan(b"2147483647"), Some(HUB_MAX));
        for wrong in ["", "010", "08", "0x1", "2147483648", "zz"] {
            assert_eq!(read_vlan(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_mode_is_one_to_four_octal_digits() {
        assert_eq!(read_mode(b"0"), Some(0));
        assert_eq!(read_mode(b"700"), Some(0o700));
        assert_eq!(read_mode(b"0777"), Some(0o777));
        for wrong in ["", "8", "1000", "07777", "00700", "0o7", "-1", "rw"] {
            assert_eq!(read_mode(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_time_is_seconds_above_zero_with_or_without_fraction() {
        assert_eq!(read_timeout(b"5"), Some(Duration::from_secs(5)));
        assert_eq!(read_timeout(b"0.25"), Some(Duration::from_millis(250)));
        assert_eq!(read_timeout(b".5"), Some(Duration::from_millis(500)));
        assert_eq!(read_timeout(b"1."), Some(Duration::from_secs(1)));
        assert_eq!(read_timeout(b"0.0000000019"), Some(Duration::from_nanos(1)));
        assert_eq!(read_timeout(b"86400"), Some(TIMEOUT_MAX));
        for wrong in
            ["", ".", "0", "0.0", "-1", "1e3", "inf", "NaN", "86400.1", "1.5s", "1.2.3", "1,5"]
        {
            assert_eq!(read_timeout(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
