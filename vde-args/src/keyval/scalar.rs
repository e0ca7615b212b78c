//! The values of QEMU's parameters: truth, numbers, sizes.

/// What QEMU takes for true and false. Before QEMU 6.0 only `on` and `off` were taken everywhere;
/// network options took `yes`, `y`, `no` and `n` as well.
///
/// ```
/// use vde_args::keyval::boolean;
/// assert_eq!((boolean(b"on"), boolean(b"no"), boolean(b"1")), (Some(true), Some(false), None));
/// ```
#[must_use]
pub fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"on" | b"yes" | b"true" | b"y" => Some(true),
        b"off" | b"no" | b"false" | b"n" => Some(false),
        _ => None,
    }
}

/// A whole number: decimal, `0x` hexadecimal, or octal after a leading `0`.
///
/// ```
/// use vde_args::keyval::number;
/// assert_eq!((number(b"12"), number(b"0x1F"), number(b"010")), (Some(12), Some(31), Some(8)));
/// assert_eq!(number(b"12k"), None);
/// ```
#[must_use]
pub fn number(text: &[u8]) -> Option<u64> {
    let (digits, radix) = match text {
        [b'0', b'x' | b'X', digits @ ..] => (digits, 16),
        [b'0', digits @ ..] if !digits.is_empty() => (digits, 8),
        digits => (digits, 10),
    };
    // A sign is no digit here, though it is for the standard library.
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_alphanumeric);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    u64::from_str_radix(digits, radix).ok()
}

/// A size in bytes: a decimal number, perhaps with a fraction, and perhaps with one of the
/// suffixes `B`, `K`, `M`, `G`, `T`, `P` and `E` (powers of 1024) in either case; or a hexadecimal
/// number without suffix.
///
/// ```
/// use vde_args::keyval::size;
/// assert_eq!((size(b"64k"), size(b"1.5M"), size(b"0x10")), (Some(65536), Some(1_572_864), Some(16)));
/// assert_eq!(size(b"64kB"), None);
/// ```
#[must_use]
pub fn size(text: &[u8]) -> Option<u64> {
    if matches!(text, [b'0', b'x' | b'X', ..]) {
        return number(text);
    }
    let (digits, shift) = match text.split_last()? {
        (suffix, digits) if suffix.is_ascii_alphabetic() => (digits, shift(*suffix)?),
        _ => (text, 0),
    };
    let mut parts = digits.splitn(2, |&byte| byte == b'.');
    let whole = decimal(parts.next()?)?;
    let unit = 1_u64 << shift;
    let fraction = match parts.next() {
        None => 0,
        Some(fraction) => part_of(unit, fraction)?,
    };
    whole.checked_mul(unit)?.checked_add(fraction)
}

/// The power of two that a suffix stands for.
fn shift(suffix: u8) -> Option<u32> {
    let place = b"BKMGTPE".iter().position(|letter| *letter == suffix.to_ascii_uppercase())?;
    u32::try_from(place * 10).ok()
}

/// A number of decimal digits only.
fn decimal(digits: &[u8]) -> Option<u64> {
    let is_decimal = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_decimal)?.parse().ok()
}

/// `0.fraction` of `unit`, without what is less than 1. Bytes have no parts.
fn part_of(unit: u64, fraction: &[u8]) -> Option<u64> {
    let mut part = 0.0;
    let mut place = 1.0;
    for byte in fraction {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        place /= 10.0;
        part += f64::from(digit) * place;
    }
    if unit == 1 && part > 0.0 {
        return None;
    }
    // A fraction is less than 1, so its part of a unit is less than 2 to the 60.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a power of two times a fraction between 0 and 1"
    )]
    let bytes = (part * unit as f64) as u64;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_a_suffix_of_one_letter() {
        for (text, expected) in [
            ("0", 0),
            ("512", 512),
            ("1b", 1),
            ("64K", 65536),
            ("2g", 2 << 30),
            ("0.5k", 512),
            ("1.", 1),
            ("15E", 15 << 60),
            ("0xff", 255),
        ] {
            assert_eq!(size(text.as_bytes()), Some(expected), "{text}");
        }
        for wrong in ["", "k", "-1", "+1", "1kk", "16E", "0x1k", "1.5", "1e3", " 1", "1 "] {
            assert_eq!(size(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_have_three_bases() {
        for wrong in ["", "0x", "08", "-1", "+1", "1.0", "99999999999999999999", "1_0"] {
            assert_eq!(number(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"00"), Some(0));
    }
}
