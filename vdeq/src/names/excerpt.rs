//! A mistake in a file: what is wrong, in which line and column, and that line with carets.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::quote;

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    path: PathBuf,
    what: String,
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// The text of that line.
    text: String,
    /// Which bytes of it are meant.
    span: Range<usize>,
}

impl Mistake {
    /// A mistake in these bytes of `content`.
    pub(crate) fn new(path: &Path, content: &str, what: String, span: Range<usize>) -> Self {
        let bytes = content.as_bytes();
        let at = span.start.min(bytes.len());
        let is_newline = |byte: &u8| *byte == b'\n';
        let before = bytes.get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(is_newline).map_or(0, |newline| newline + 1);
        let text = content.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let from = at - start;
        let to = (span.end.max(at) - start).min(text.len()).max(from);
        let column = text.get(..from).map_or(from, |before| before.chars().count()) + 1;
        let text = text.to_owned();
        Self { path: path.to_owned(), what, line, column, text, span: from..to }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The line, and carets under what is wrong.
    pub(crate) fn excerpt(&self) -> String {
        quote::point_at(&[&self.text], 0, &self.span)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, what, line, column, .. } = self;
        write!(f, "{}, line {line}, column {column}: {what}", path.display())
    }
}
