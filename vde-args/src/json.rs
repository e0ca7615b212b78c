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

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

/// The deepest nesting that QEMU reads.
const DEEPEST: usize = 1024;

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
        let mut reader = Reader { text, at: 0 };
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

/// A place in the text.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn error(&self, expected: &'static str) -> JsonError {
        JsonError { at: self.at, expected }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.error(expected));
        }
        self.at += 1;
        Ok(())
    }

    /// The members of the object that starts here.
    fn object(&mut self) -> Result<Vec<Member>, JsonError> {
        self.take(b'{', "{")?;
        let mut members = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(members);
        }
        loop {
            let key = self.key()?;
            let (value, kind) = self.value()?;
            members.push(Member { key, value, kind });
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(members);
                }
                _ => return Err(self.error(", or }")),
            }
        }
    }

    /// A key and its colon.
    fn key(&mut self) -> Result<Range<usize>, JsonError> {
        self.space();
        let start = self.at;
        if !matches!(self.peek(), Some(b'"' | b'\'')) {
            return Err(self.error("a key in quotes"));
        }
        self.string()?;
        let key = start..self.at;
        self.space();
        self.take(b':', ":")?;
        Ok(key)
    }

    /// A value. What is in arrays and objects is read without recursion, so that no text is too
    /// deep for the stack.
    fn value(&mut self) -> Result<(Range<usize>, Kind), JsonError> {
        self.space();
        let start = self.at;
        let mut open: Vec<u8> = Vec::new();
        let kind = self.value_start(&mut open)?;
        while let Some(&bracket) = open.last() {
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.element(bracket, &mut open)?;
                }
                Some(byte) if byte == bracket => {
                    self.at += 1;
                    open.pop();
                }
                _ => return Err(self.error(", or a closing bracket")),
            }
        }
        Ok((start..self.at, kind))
    }

    /// The next element of the innermost array or object.
    fn element(&mut self, bracket: u8, open: &mut Vec<u8>) -> Result<(), JsonError> {
        if bracket == b'}' {
            self.key()?;
        }
        self.value_start(open).map(drop)
    }

    /// A value that is in one piece, or the opening bracket of one that is not and the first thing
    /// in it. `open` has the brackets that are due.
    fn value_start(&mut self, open: &mut Vec<u8>) -> Result<Kind, JsonError> {
        let mut outermost = None;
        loop {
            self.space();
            let (kind, bracket) = match self.peek() {
                Some(b'[') => (Kind::Array, b']'),
                Some(b'{') => (Kind::Object, b'}'),
                _ => {
                    let kind = self.scalar()?;
                    return Ok(outermost.unwrap_or(kind));
                }
            };
            outermost.get_or_insert(kind);
            if open.len() + 1 >= DEEPEST {
                return Err(self.error("no deeper nesting"));
            }
            self.at += 1;
            open.push(bracket);
            self.space();
            if self.peek() == Some(bracket) {
                return Ok(outermost.unwrap_or(kind));
            }
            if bracket == b'}' {
                self.key()?;
            }
        }
    }

    fn scalar(&mut self) -> Result<Kind, JsonError> {
        match self.peek() {
            Some(b'"' | b'\'') => self.string().map(|()| Kind::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Kind::Number),
            Some(b'a'..=b'z') => self.word(),
            _ => Err(self.error("a value")),
        }
    }

    fn word(&mut self) -> Result<Kind, JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        let kind = match rest.get(..len).unwrap_or_default() {
            b"true" | b"false" => Kind::Bool,
            b"null" => Kind::Null,
            _ => return Err(self.error("a value")),
        };
        self.at += len;
        Ok(kind)
    }

    /// `-`, digits without leading zeros, a fraction and an exponent perhaps.
    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let is_zero = self.peek() == Some(b'0');
        let whole = self.digits()?;
        if is_zero && whole > 1 {
            self.at -= whole - 1;
            return Err(self.error("no digit after a leading 0"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<usize, JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.error("a digit")) } else { Ok(self.at - start) }
    }

    /// A string in quotes of either kind.
    fn string(&mut self) -> Result<(), JsonError> {
        let Some(quote) = self.peek() else { return Err(self.error("a string")) };
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(self.error("a closing quote")),
                Some(byte) if byte == quote => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(0..0x20) => return Err(self.error("no control character")),
                Some(0x20..0x80) => self.at += 1,
                Some(_) => self.character()?,
            }
        }
    }

    /// A character of more than one byte.
    fn character(&mut self) -> Result<(), JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let longest = rest.get(..4.min(rest.len())).unwrap_or_default();
        if longest.starts_with(NUL) {
            self.at += NUL.len();
            return Ok(());
        }
        let first = longest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
        let first = first.ok_or_else(|| self.error("UTF-8"))?;
        if is_noncharacter(first) {
            return Err(self.error("a character"));
        }
        self.at += first.len_utf8();
        Ok(())
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest.get(1) {
            Some(b'"' | b'\'' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let (_, len) =
                    unicode(rest).ok_or_else(|| self.error("the escape of a character"))?;
                self.at += len;
            }
            _ => return Err(self.error("an escape")),
        }
        Ok(())
    }
}

/// NUL where no byte may be 0.
const NUL: &[u8] = b"\xc0\x80";

/// The code points that Unicode keeps from being characters: 32 in a row, and the last two of each
/// plane.
fn is_noncharacter(point: char) -> bool {
    matches!(u32::from(point), 0xfdd0..0xfdf0) || u32::from(point) & 0xfffe == 0xfffe
}

/// The character that `\uXXXX`, or a pair of them, stands for, and how long that is.
fn unicode(text: &[u8]) -> Option<(char, usize)> {
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
fn unescape(quoted: &[u8]) -> Cow<'_, [u8]> {
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

#[cfg(test)]
mod tests {
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
