//! The description of a client: the free text at the end of a request.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A text fit to be sent to a switch and to be shown on a terminal: at most 127 bytes of UTF-8
/// without control characters.
///
/// A switch shows descriptions as they are \[P-2.15\], so what we send must not be able to forge
/// the output of its console, nor what we received that of ours.
///
/// ```
/// # use vde_proto::Description;
/// let description = Description::sanitised("vdeq: vm=\x1b[31mdb\n1000 Success");
/// assert_eq!(description.as_str(), "vdeq: vm=?[31mdb?1000 Success");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Description(String);

/// The description as it came from a client: any bytes but NUL, at most 134.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct RawDescription(Vec<u8>);

impl Description {
    /// The longest description, in bytes: what the C clients send \[P-2.16\].
    pub const MAX_LEN: usize = 127;

    /// Makes any text fit: each control character (ESC, newline and NUL among them), each line or
    /// paragraph separator, each character that reorders text, and each broken piece of UTF-8
    /// becomes one `?`; then the text is cut after the last character that ends within 127 bytes.
    #[must_use]
    pub fn sanitised(text: impl AsRef<[u8]>) -> Self {
        let mut clean = String::new();
        for chunk in text.as_ref().utf8_chunks() {
            let broken = (!chunk.invalid().is_empty()).then_some('?');
            for character in chunk.valid().chars().map(harmless).chain(broken) {
                if clean.len() + character.len_utf8() > Self::MAX_LEN {
                    return Self(clean);
                }
                clean.push(character);
            }
        }
        Self(clean)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RawDescription {
    /// The longest description a request has room for, in bytes \[P-4.2\].
    pub const MAX_LEN: usize = 134;

    /// The bytes up to the first NUL \[P-2.14\], and at most [`Self::MAX_LEN`] of them.
    #[must_use]
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(bytes.as_ref().iter().copied().take_while(|&b| b != 0).take(Self::MAX_LEN).collect())
    }

    /// The bytes as they came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text made fit to be shown.
    #[must_use]
    pub fn sanitised(&self) -> Description {
        Description::sanitised(&self.0)
    }
}

impl From<Description> for RawDescription {
    fn from(description: Description) -> Self {
        Self(description.0.into_bytes())
    }
}

/// Appends any text, made fit to be shown as [`Description::sanitised`] does, but of any length.
pub(crate) fn harmless_into(out: &mut String, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        let broken = (!chunk.invalid().is_empty()).then_some('?');
        out.extend(chunk.valid().chars().map(harmless).chain(broken));
    }
}

/// The character itself, or `?` if it does something else than look like itself.
fn harmless(character: char) -> char {
    match character {
        '\u{2028}' | '\u{2029}' => '?',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => '?',
        _ if character.is_control() => '?',
        _ => character,
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RawDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawDescription({})", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn every_control_byte_becomes_a_question_mark() {
        for byte in (0..0x20).chain([0x7f]) {
            assert_eq!(Description::sanitised([b'a', byte, b'b']).as_str(), "a?b");
        }
    }

    #[test]
    fn separators_and_reordering_characters_become_question_marks() {
        for character in ["\u{85}", "\u{9b}", "\u{2028}", "\u{202e}", "\u{2067}", "\u{200f}"] {
            assert_eq!(Description::sanitised(character).as_str(), "?");
        }
    }

    #[test]
    fn a_broken_piece_of_utf_8_becomes_one_question_mark() {
        assert_eq!(Description::sanitised(b"a\xff\xe2\x82b\xc3").as_str(), "a??b?");
    }

    #[test]
    fn printable_text_of_any_language_is_kept() {
        assert_eq!(Description::sanitised("vdeq: Gerät λ 仮想").as_str(), "vdeq: Gerät λ 仮想");
    }

    #[test]
    fn a_long_text_is_cut_before_the_character_that_would_not_fit() {
        let text = "é".repeat(64);
        assert_eq!(text.len(), 128);
        assert_eq!(Description::sanitised(&text).as_str(), "é".repeat(63));
        assert_eq!(Description::sanitised("x".repeat(127)).as_str().len(), 127);
        assert_eq!(Description::sanitised("x".repeat(128)).as_str().len(), 127);
    }

    #[test]
    fn a_raw_description_ends_at_its_first_nul_or_after_134_bytes() {
        assert_eq!(RawDescription::new(b"ab\0cd").as_bytes(), b"ab");
        assert_eq!(RawDescription::new(vec![0xff; 200]).as_bytes(), [0xff; 134]);
        assert_eq!(RawDescription::new(b"").as_bytes(), b"");
    }

    proptest! {
        #[test]
        fn what_is_sanitised_stays_as_it_is(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let once = Description::sanitised(&bytes);
            prop_assert!(once.as_str().len() <= Description::MAX_LEN);
            prop_assert!(!once.as_str().chars().any(char::is_control));
            prop_assert_eq!(Description::sanitised(once.as_str()), once);
        }
    }
}
