//! Quoting in names \[P-12.9\]: from bytes to letters that know whether they were quoted, and back.

use alloc::vec::Vec;
use core::ops::Range;

use super::error::{VnlError, VnlErrorKind};

/// One byte of a name after quoting is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    byte: u8,
    quoted: bool,
    /// The bytes of the name that made it.
    range: Range<usize>,
}

impl Letter {
    /// Whether it is this byte in its special meaning.
    pub(super) fn is(&self, special: u8) -> bool {
        self.byte == special && !self.quoted
    }
}

/// The bytes that letters stand for.
pub(super) fn bytes(letters: &[Letter]) -> Vec<u8> {
    letters.iter().map(|letter| letter.byte).collect()
}

/// The bytes of the name that letters were made of.
pub(super) fn range(letters: &[Letter]) -> Range<usize> {
    match letters {
        [] => 0..0,
        [only] => only.range.clone(),
        [first, .., last] => first.range.start..last.range.end,
    }
}

/// Resolves the quoting of `name` from the byte at `start` on.
pub(super) fn letters(name: &[u8], start: usize) -> Result<Vec<Letter>, VnlError> {
    let mut letters = Vec::new();
    let mut at = start;
    while let Some((&byte, rest)) = name.get(at..).and_then(<[u8]>::split_first) {
        let (letter, len) = match (byte, rest) {
            (b'\'' | b'"', _) => {
                at = quotation(byte, rest, at, &mut letters)?;
                continue;
            }
            (b'\\', [quoted, ..]) => (Some(*quoted), 2),
            (b'\\', []) => return Err(VnlErrorKind::LoneBackslash.at(at..at + 1)),
            (b'%', [high, low, ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (Some(high << 4 | low), 3),
                _ => (None, 1),
            },
            _ => (None, 1),
        };
        let range = at..at + len;
        at = range.end;
        letters.push(Letter { byte: letter.unwrap_or(byte), quoted: letter.is_some(), range });
    }
    match letters.iter().find(|letter| letter.byte == 0) {
        Some(nul) => Err(VnlErrorKind::Nul.at(nul.range.clone())),
        None => Ok(letters),
    }
}

/// Takes what `mark` at offset `at` quotes, from the bytes after it; returns the offset behind
/// the second mark.
fn quotation(
    mark: u8,
    rest: &[u8],
    at: usize,
    letters: &mut Vec<Letter>,
) -> Result<usize, VnlError> {
    let first = at + 1;
    let Some(len) = rest.iter().position(|&byte| byte == mark) else {
        return Err(VnlErrorKind::UnclosedQuote.at(at..first + rest.len()));
    };
    letters.extend(rest.iter().take(len).enumerate().map(|(index, &byte)| Letter {
        byte,
        quoted: true,
        range: first + index..first + index + 1,
    }));
    Ok(first + len + 1)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// `bytes` with a backslash before all that could have a special meaning anywhere in a name.
pub(super) fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        let rest = bytes.get(at..).unwrap_or_default();
        let special =
            b"[]'\"\\%".contains(&byte) || rest.starts_with(b"->") || rest.starts_with(b"://");
        if special {
            name.push(b'\\');
        }
        name.push(byte);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &[u8]) -> Vec<(u8, bool)> {
        letters(name, 0).unwrap().iter().map(|letter| (letter.byte, letter.quoted)).collect()
    }

    #[test]
    fn each_way_of_quoting_gives_a_quoted_letter() {
        assert_eq!(read(b"a[b"), [(b'a', false), (b'[', false), (b'b', false)]);
        for name in [&b"a'['b"[..], b"a\"[\"b", b"a\\[b", b"a%5bb", b"a%5Bb"] {
            assert_eq!(read(name), [(b'a', false), (b'[', true), (b'b', false)]);
        }
    }

    #[test]
    fn nothing_is_special_inside_quotation_marks() {
        assert_eq!(bytes(&letters(br#"'\%41"'"#, 0).unwrap()), br#"\%41""#);
        assert_eq!(bytes(&letters(br#""'""#, 0).unwrap()), b"'");
        assert_eq!(bytes(&letters(b"''", 0).unwrap()), b"");
    }

    #[test]
    fn a_percent_sign_without_two_digits_stands_for_itself() {
        for name in [&b"%"[..], b"%4", b"%4g", b"%g4", b"%+4", b"a%"] {
            assert_eq!(bytes(&letters(name, 0).unwrap()), name);
        }
        assert_eq!(bytes(&letters(b"%%41", 0).unwrap()), b"%A");
    }

    #[test]
    fn letters_know_where_they_come_from() {
        let letters = letters(b"vde://a\\b%41'c'", 6).unwrap();
        let ranges: Vec<_> = letters.iter().map(|letter| letter.range.clone()).collect();
        assert_eq!(ranges, [6..7, 7..9, 9..12, 13..14]);
        assert_eq!(range(&letters), 6..14);
    }
}
