//! The values of QEMU's parameters: truth, numbers, sizes.
//!
//! They are read as the newest QEMU reads them, and the tests with real QEMUs hold them against 5.2,
//! 7.2, 10.0 and 11.1. Where an older one differs, the function says so.

/// What QEMU takes for true and false, in just these letters. So do 5.2 and later in every option
/// that was tried; older ones took only `on` and `off` in some.
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

/// A whole number: decimal, `0x` hexadecimal, `0b` binary, or octal after a leading `0`. White space
/// and a sign may stand before it, as for C. A number below zero is none here, though QEMU takes it
/// in places.
///
/// Whether QEMU takes `0b` depends on the C library it was made with: 10.0 and 11.1 do in Debian, 5.2
/// and 7.2 do not.
///
/// ```
/// use vde_args::keyval::number;
/// assert_eq!((number(b"12"), number(b"0x1F"), number(b"010")), (Some(12), Some(31), Some(8)));
/// assert_eq!(number(b"12k"), None);
/// ```
#[must_use]
pub fn number(text: &[u8]) -> Option<u64> {
    let (is_negative, unsigned) = match unspaced(text) {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let number = match unsigned {
        [b'0', b'x' | b'X', digits @ ..] => digits_of(digits, 16),
        [b'0', b'b' | b'B', digits @ ..] => digits_of(digits, 2),
        [b'0', digits @ ..] if !digits.is_empty() => digits_of(digits, 8),
        digits => digits_of(digits, 10),
    };
    number.filter(|number| !is_negative || *number == 0)
}

/// A size in bytes: a decimal number, perhaps with a fraction, and perhaps with one of the
/// suffixes `B`, `K`, `M`, `G`, `T`, `P` and `E` (powers of 1024) in either case; or a hexadecimal
/// number without suffix. White space and a `+` may stand before it.
///
/// A part of a byte is rounded, half of one up; QEMU 5.2 cut it off. 5.2 also took exponents (`1e3`)
/// and hexadecimal fractions, 5.2 and 7.2 suffixes of hexadecimal numbers, and 7.2 alone no size that
/// starts with its point (`.5k`).
///
/// ```
/// use vde_args::keyval::size;
/// assert_eq!((size(b"64k"), size(b"1.5M"), size(b"0x10")), (Some(65536), Some(1_572_864), Some(16)));
/// assert_eq!(size(b"64kB"), None);
/// ```
#[must_use]
pub fn size(text: &[u8]) -> Option<u64> {
    let text = unspaced(text);
    let text = text.strip_prefix(b"+").unwrap_or(text);
    if let [b'0', b'x' | b'X', digits @ ..] = text {
        return digits_of(digits, 16);
    }
    let (digits, shift) = match text.split_last()? {
        (suffix, digits) if suffix.is_ascii_alphabetic() => (digits, shift(*suffix)?),
        _ => (text, 0),
    };
    let unit = 1_u64 << shift;
    let mut parts = digits.splitn(2, |&byte| byte == b'.');
    let (whole, fraction) = (parts.next()?, parts.next());
    let is_bare = whole.is_empty() && fraction.is_some_and(|fraction| !fraction.is_empty());
    let whole = if is_bare { 0 } else { digits_of(whole, 10)? };
    let part = fraction.map_or(Some(0), |fraction| part_of(unit, fraction))?;
    whole.checked_mul(unit)?.checked_add(part)
}

/// The text without the white space in front: C's, which has one byte more than Rust's.
fn unspaced(text: &[u8]) -> &[u8] {
    let is_space = |byte: &&u8| byte.is_ascii_whitespace() || **byte == 0x0b;
    text.get(text.iter().take_while(is_space).count()..).unwrap_or_default()
}

/// The power of two that a suffix stands for.
fn shift(suffix: u8) -> Option<u32> {
    let place = b"BKMGTPE".iter().position(|letter| *letter == suffix.to_ascii_uppercase())?;
    u32::try_from(place * 10).ok()
}

/// A number of digits only.
fn digits_of(digits: &[u8], radix: u32) -> Option<u64> {
    // A sign is no digit here, though it is for the standard library.
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_alphanumeric);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    u64::from_str_radix(digits, radix).ok()
}

/// `0.fraction` of `unit`, rounded. Bytes have no parts.
fn part_of(unit: u64, fraction: &[u8]) -> Option<u64> {
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if unit == 1 {
        return fraction.iter().all(|&digit| digit == b'0').then_some(0);
    }
    let part: f64 = format!("0.{}", std::str::from_utf8(fraction).ok()?).parse().ok()?;
    // The fraction is at most 1, so its part of a unit is at most 2 to the 60.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a power of two times a fraction from 0 to 1"
    )]
    let bytes = (part * unit as f64).round() as u64;
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
            (".5k", 512),
            ("1.", 1),
            ("1.m", 1 << 20),
            ("1.0B", 1),
            ("15E", 15 << 60),
            ("0xff", 255),
            ("0x1E", 30),
            ("010k", 10 << 10),
            (" \x0b+64k", 64 << 10),
        ] {
            assert_eq!(size(text.as_bytes()), Some(expected), "{text}");
        }
        for wrong in [
            "", "k", ".", ".k", "-1", "-0", "++1", "1kk", "16E", "0x1k", "0x", "1.5", "1.0.0k",
            "1e3", "1 ", "1 k", "0b1", ".5", "1.+5k",
        ] {
            assert_eq!(size(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_part_of_a_byte_is_rounded() {
        for (text, expected) in [
            ("0.1M", 104_858),
            ("0.0005k", 1),
            ("0.0004k", 0),
            ("1.23456789G", 1_325_607_178),
            ("0.99999999999999999999k", 1024),
            ("2.0000000000000004441k", 2048),
        ] {
            assert_eq!(size(text.as_bytes()), Some(expected), "{text}");
        }
        let (digits, nothing) =
            (format!("1.{}1", "0".repeat(400)), format!("1.{}", "0".repeat(400)));
        assert_eq!((size(digits.as_bytes()), size(nothing.as_bytes())), (None, Some(1)));
    }

    #[test]
    fn numbers_have_four_bases_and_perhaps_a_sign() {
        for wrong in [
            "",
            "0x",
            "0b",
            "0b2",
            "08",
            "-1",
            "+-1",
            "+ 1",
            "1 ",
            "00x1",
            "0x-1",
            "1.0",
            "99999999999999999999",
            "1_0",
        ] {
            assert_eq!(number(wrong.as_bytes()), None, "{wrong}");
        }
        for (text, expected) in [("0", 0), ("00", 0), ("-0", 0), ("\t +0X10", 16), ("0B11", 3)] {
            assert_eq!(number(text.as_bytes()), Some(expected), "{text}");
        }
    }
}
