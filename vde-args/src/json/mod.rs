//! QEMU's other notation for the argument of an option: one JSON object.
//!
//! Where an option takes both notations, an argument that starts with `{` is JSON: of white space
//! before it QEMU knows nothing. Its dialect is RFC 8259 with these differences:
//!
//! - Strings may stand in single quotes, too. In both kinds `\'` is a quote.
//! - Code points that Unicode keeps from being characters (`U+FFFF`, `U+FDD0`, ...) are refused,
//!   written out or escaped. NUL, as `\u0000` or as it stands in "modified UTF-8" (C0 80), is not;
//!   it is C0 80 in the string.
//! - Nesting is limited, and no object may have a key twice: see [`Object::members`].
//!
//! QEMU 7.2, 10.0 and 11.1 agree in all this; 5.2 reads no JSON on its command line.
//!
//! ```
//! use vde_args::json::Object;
//! let object = Object::parse(br#"{"type": "vde", 'sock': "/tmp/a,b", "port": 3}"#)?;
//! let sock = object.get(b"sock").and_then(|member| object.string(member));
//! assert_eq!(sock.as_deref(), Some(&b"/tmp/a,b"[..]));
//! # Ok::<(), vde_args::json::JsonError>(())
//! ```

mod reader;
mod strings;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use reader::Reader;
use strings::unescape;

/// An object, as the text it was read from and where its members stand in that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<'a> {
    text: &'a [u8],
    members: Vec<Member>,
}

/// One member of an [`Object`]. The ranges are bytes of the whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The key, with its quotes.
    pub key: Range<usize>,
    /// The value, with its quotes if it is a string.
    pub value: Range<usize>,
    /// What the value is.
    pub kind: Kind,
}

/// The kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are JSON's own words")]
pub enum Kind {
    String,
    Number,
    Bool,
    Null,
    Array,
    Object,
}

/// A text is not one JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonError {
    /// At which byte it ceases to be one; at the end of the text if that is too short.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is no JSON object: expected {} at byte {}", self.expected, self.at)
    }
}

impl std::error::Error for JsonError {}

impl<'a> Object<'a> {
    /// Reads a text that is one object, with white space around it perhaps.
    ///
    /// # Errors
    ///
    /// Where the text ceases to be an object that QEMU would read.
    pub fn parse(text: &'a [u8]) -> Result<Self, JsonError> {
        let mut reader = Reader::new(text);
        reader.space();
        let members = reader.object()?;
        reader.space();
        match reader.peek() {
            None => Ok(Self { text, members }),
            Some(_) => Err(reader.error("the end")),
        }
    }

    /// The text, exactly as it came.
    #[must_use]
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The members, in order. QEMU refuses an object, be it this one or one within it, that has a key
    /// twice; here it is read, and [`Object::get`] takes the last.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The bytes of a range of the text; empty if the range is not in it.
    #[must_use]
    pub fn bytes(&self, range: &Range<usize>) -> &'a [u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The last member called `key`.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Member> {
        self.members.iter().rev().find(|member| *self.key(member) == *key)
    }

    /// The first member whose key an earlier one has, as an error: QEMU takes no such object.
    pub(crate) fn repeated(&self) -> Option<JsonError> {
        let mut keys = BTreeSet::new();
        let member = self.members.iter().find(|member| !keys.insert(self.key(member)))?;
        Some(JsonError { at: member.key.start, expected: "a key that is new" })
    }

    /// The key of a member, without quotes and escapes.
    #[must_use]
    pub fn key(&self, member: &Member) -> Cow<'a, [u8]> {
        unescape(self.bytes(&member.key))
    }

    /// The value of a member without quotes and escapes, if it is a string.
    #[must_use]
    pub fn string(&self, member: &Member) -> Option<Cow<'a, [u8]>> {
        (member.kind == Kind::String).then(|| unescape(self.bytes(&member.value)))
    }
}

#[cfg(test)]
mod tests {
    use super::reader::DEEPEST;
    use super::*;

    /// Members as `key=value`, strings as they mean, all else as it stands.
    fn read(text: &str) -> Result<Vec<String>, String> {
        let object = Object::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let text = |bytes: Cow<'_, [u8]>| String::from_utf8(bytes.into_owned()).unwrap();
        let value = |member| object.string(member).unwrap_or(object.bytes(&member.value).into());
        let members = object.members().iter();
        Ok(members.map(|m| format!("{}={}", text(object.key(m)), text(value(m)))).collect())
    }

    #[test]
    fn members_are_read_with_their_escapes_resolved() {
        let text =
            r#" { "a" : "x\"\\\/\n" , 'b':'\'"', "\u0063":-0.5e+3,"d":[1,{"e":[]}],"f":true } "#;
        let d = r#"d=[1,{"e":[]}]"#;
        assert_eq!(read(text).unwrap(), ["a=x\"\\/\n", "b='\"", "c=-0.5e+3", d, "f=true"]);
        assert_eq!(read("{}").unwrap(), [""; 0]);
        assert_eq!(read(r#"{"a":"\ud83d\ude00é"}"#).unwrap(), ["a=😀é"]);
    }

    #[test]
    fn what_is_no_object_is_said_with_the_place() {
        for (text, at, expected) in [
            ("", 0, "{"),
            ("[]", 0, "{"),
            ("{", 1, "a key in quotes"),
            ("{a:1}", 1, "a key in quotes"),
            ("{\"a\" 1}", 5, ":"),
            ("{\"a\":}", 5, "a value"),
            ("{\"a\":1,}", 7, "a key in quotes"),
            ("{\"a\":1 \"b\":2}", 7, ", or }"),
            ("{\"a\":1}x", 7, "the end"),
            ("{\"a\":\"x", 7, "a closing quote"),
            ("{\"a\":\"\n\"}", 6, "no control character"),
            ("{\"a\":\"\\x\"}", 6, "an escape"),
            ("{\"a\":\"\\ud800\"}", 6, "the escape of a character"),
            ("{\"a\":\"\\uffff\"}", 6, "the escape of a character"),
            ("{\"a\":\"\\ud83f\\udffe\"}", 6, "the escape of a character"),
            ("{\"a\":\"x\u{fdef}\"}", 7, "a character"),
            ("{\"a\":\"\u{10ffff}\"}", 6, "a character"),
            ("{\"a\":\"\\u+123\"}", 6, "the escape of a character"),
            ("{\"a\":01}", 6, "no digit after a leading 0"),
            ("{\"a\":1.}", 7, "a digit"),
            ("{\"a\":-}", 6, "a digit"),
            ("{\"a\":nul}", 5, "a value"),
            ("{\"a\":[1,]}", 8, "a value"),
            ("{\"a\":[1}", 7, ", or a closing bracket"),
            ("{\"a\":{\"b\":1]}", 11, ", or a closing bracket"),
            ("{\"a\":+1}", 5, "a value"),
        ] {
            let error = Object::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error, JsonError { at, expected }, "{text}");
        }
        assert_eq!(Object::parse(b"{\"a\":\"\xff\"}").unwrap_err().expected, "UTF-8");
    }

    #[test]
    fn nul_is_two_bytes_however_it_is_written() {
        let object = Object::parse(b"{\"a\":\"x\\u0000y\xc0\x80\"}").unwrap();
        assert_eq!(object.string(&object.members()[0]).unwrap(), &b"x\xc0\x80y\xc0\x80"[..]);
        assert_eq!(Object::parse(b"{\"a\":\"\xc0\x81\"}").unwrap_err().expected, "UTF-8");
    }

    #[test]
    fn of_one_key_the_last_member_counts() {
        let object = Object::parse(br#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(object.get(b"a").map(|member| object.bytes(&member.value)), Some(&b"2"[..]));
        assert_eq!(object.get(b"b"), None);
    }

    #[test]
    fn nesting_is_bounded_and_takes_no_stack() {
        let nested = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Object::parse(nested(DEEPEST - 1).as_bytes()).is_ok());
        assert!(Object::parse(nested(DEEPEST).as_bytes()).is_err());
        assert!(Object::parse("{\"a\":[".repeat(100_000).as_bytes()).is_err());
    }
}
