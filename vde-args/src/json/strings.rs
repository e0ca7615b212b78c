//! The characters of strings, and their escapes.

use std::borrow::Cow;

/// NUL where no byte may be 0.
pub(super) const NUL: &[u8] = b"\xc0\x80";

/// The code points that Unicode keeps from being characters: 32 in a row, and the last two of each
/// plane.
pub(super) fn is_noncharacter(point: char) -> bool {
    matches!(u32::from(point), 0xfdd0..0xfdf0) || u32::from(point) & 0xfffe == 0xfffe
}

/// The character that `\uXXXX`, or a pair of them, stands for, and how long that is.
pub(super) fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    let units = [first, if matches!(first, 0xd800..0xdc00) { unit(6)? } else { 0 }];
    let count = if matches!(first, 0xd800..0xdc00) { 2 } else { 1 };
    let character = char::decode_utf16(units.into_iter().take(count)).next()?.ok()?;
    (!is_noncharacter(character)).then_some((character, 6 * count))
}

/// The bytes of a string that was read before, without its quotes and escapes.
pub(super) fn unescape(quoted: &[u8]) -> Cow<'_, [u8]> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let (mut out, mut at) = (Vec::with_capacity(inner.len()), 0);
    while let Some(&byte) = inner.get(at) {
        let escaped = if byte == b'\\' { inner.get(at + 1).copied() } else { None };
        at += 1 + usize::from(escaped.is_some());
        out.push(match escaped {
            None => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let (character, len) = unicode(inner.get(at - 2..).unwrap_or_default())
                    .unwrap_or((char::REPLACEMENT_CHARACTER, 2));
                at += len - 2;
                match character {
                    '\0' => out.extend_from_slice(NUL),
                    _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                }
                continue;
            }
            Some(other) => other,
        });
    }
    Cow::Owned(out)
}
