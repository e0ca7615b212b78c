//! Reads the text of an object from its beginning to its end, or to where it ceases to be one.

use std::ops::Range;

use super::strings::{NUL, is_noncharacter, unicode};
use super::{JsonError, Kind, Member};

/// The deepest nesting that QEMU reads.
pub(super) const DEEPEST: usize = 1024;

/// A place in the text.
pub(super) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn error(&self, expected: &'static str) -> JsonError {
        JsonError { at: self.at, expected }
    }

    pub(super) fn space(&mut self) {
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
    pub(super) fn object(&mut self) -> Result<Vec<Member>, JsonError> {
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
