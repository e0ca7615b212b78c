//! Why some words do not say what a relay is for.

use std::ffi::OsString;
use std::fmt;
use std::ops::Range;

use super::{DELAY_MAX, keys};
use crate::error::Quoted;

/// Why some words do not say what a relay is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayError {
    /// What is wrong.
    pub kind: RelayErrorKind,
    /// Which bytes of the text it is about.
    pub span: Range<usize>,
    /// These bytes.
    pub found: OsString,
}

/// What can be wrong with them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayErrorKind {
    /// There is nothing in them that a relay would be for.
    Nothing,
    /// There is no such word.
    Unknown {
        /// The one that was probably meant.
        nearest: Option<&'static str>,
    },
    /// It has to have a value.
    NoValue {
        /// The word.
        key: &'static str,
    },
    /// It takes none.
    Value {
        /// The word.
        key: &'static str,
    },
    /// It is said twice.
    Twice {
        /// The word.
        key: &'static str,
    },
    /// No share of the frames.
    Share,
    /// No time, or one that is too long.
    Time,
    /// No rate, or one out of bounds.
    Rate,
    /// No number, or too large a one.
    Number,
    /// Neither `vm` nor `switch`.
    Direction,
    /// It is about impairments, and there are none.
    Idle {
        /// The word.
        key: &'static str,
    },
}

impl fmt::Display for RelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Quoted(&self.found);
        match &self.kind {
            RelayErrorKind::Nothing => f.write_str(
                "nothing is said that a relay would be for: expected pcap=FILE, stats, \
                 or an impairment such as loss=1%",
            ),
            RelayErrorKind::Unknown { nearest } => {
                write!(f, "there is no {found} for a relay")?;
                match nearest {
                    Some(word) => write!(f, "; did you mean {word}?"),
                    None => {
                        let keys: Vec<_> = keys().collect();
                        write!(f, ": expected one of {}", keys.join(", "))
                    }
                }
            }
            RelayErrorKind::NoValue { key } => write!(f, "{key} has no value: expected {key}=..."),
            RelayErrorKind::Value { key } => write!(f, "{key} takes no value, and has {found}"),
            RelayErrorKind::Twice { key } => write!(f, "{key} is said twice"),
            RelayErrorKind::Share => {
                write!(f, "{found} is no share of the frames: expected 0% to 100%, such as 1.5%")
            }
            RelayErrorKind::Time => write!(
                f,
                "{found} is not a time: expected a number with its unit, such as 200us, 10ms or \
                 1.5s, up to {}s",
                DELAY_MAX.as_secs()
            ),
            RelayErrorKind::Rate => {
                write!(f, "{found} is not a rate: expected bits a second, such as 512k, 10M or 1G")
            }
            RelayErrorKind::Number => write!(f, "{found} is not a number: expected digits"),
            RelayErrorKind::Direction => {
                write!(f, "{found} is no direction: expected vm or switch")
            }
            RelayErrorKind::Idle { key } => {
                write!(
                    f,
                    "{key} is about impairments, and there are none: expected loss=, delay= or another"
                )
            }
        }
    }
}

impl std::error::Error for RelayError {}
