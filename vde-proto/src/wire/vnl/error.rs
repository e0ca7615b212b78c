//! What can be wrong with the name of a network, and where.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// A name that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VnlError {
    /// What is wrong.
    pub kind: VnlErrorKind,
    /// Which bytes of the name are to blame.
    pub range: Range<usize>,
}

/// What is wrong with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VnlErrorKind {
    /// `xxx://` with another word than `vde`; here is the word \[P-12.2\].
    UnknownScheme(Vec<u8>),
    /// `PORT->HOST:PORT`, a connection by UDP \[P-12.12\].
    Udp,
    /// There is a NUL, as itself or as `%00`.
    Nul,
    /// A quotation mark has no second one.
    UnclosedQuote,
    /// The name ends in a backslash.
    LoneBackslash,
    /// `[` without `]`.
    UnclosedBracket,
    /// There is something after `]`.
    TrailingText,
    /// `key=value` with an unknown key.
    UnknownKey,
    /// This key stands without a value.
    MissingValue(&'static str),
    /// This key was given a value before.
    Repeated(&'static str),
    /// A port group, which vde_switch does not have.
    PortGroup,
    /// A port that is not a number in decimal digits, or is negative.
    BadPort,
    /// A port beyond 8 388 607, the highest that a request can carry \[P-2.4\].
    PortTooLarge,
    /// A mode that is not an octal number up to 777.
    BadMode,
}

impl VnlErrorKind {
    pub(super) fn at(self, range: Range<usize>) -> VnlError {
        VnlError { kind: self, range }
    }
}

impl fmt::Display for VnlErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownScheme(scheme) => write!(
                f,
                "\"{}://\" is no network that is known here, only \"vde://\" is",
                scheme.escape_ascii()
            ),
            Self::Udp => f.write_str("\"->\" would be a connection by UDP, not a switch"),
            Self::Nul => f.write_str("the name of a network cannot hold a NUL"),
            Self::UnclosedQuote => f.write_str("the quotation is not closed"),
            Self::LoneBackslash => f.write_str("the backslash quotes nothing"),
            Self::UnclosedBracket => f.write_str("\"[\" is not closed by \"]\""),
            Self::TrailingText => f.write_str("nothing may follow \"]\""),
            Self::UnknownKey => f.write_str("the key is none of port, group and mode"),
            Self::MissingValue(key) => write!(f, "\"{key}\" needs a value"),
            Self::Repeated(key) => write!(f, "\"{key}\" is given twice"),
            Self::PortGroup => f.write_str("a port is a number; port groups do not exist here"),
            Self::BadPort => f.write_str("a port is a number in decimal digits"),
            Self::PortTooLarge => f.write_str("a port is at most 8388607"),
            Self::BadMode => f.write_str("a mode is an octal number up to 777"),
        }
    }
}

/// Says what and where; to show the place in the name is the caller's.
impl fmt::Display for VnlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (bytes {} to {})", self.kind, self.range.start, self.range.end)
    }
}

impl core::error::Error for VnlError {}
