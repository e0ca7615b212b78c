//! The reply of a switch that granted a request.
//!
//! ```text
//!  0     2                                                110
//! +-----+---------------------------------------------------+
//! |  1  | path of the switch's data socket, NUL, padding    |   [P-5.1]
//! +-----+---------------------------------------------------+
//!  family, host byte order
//! ```

use core::fmt;

use super::address::{self, ADDRESS_LEN};
use super::socket_path::SocketPath;

/// Where the client's frames go. A switch refuses by not sending one \[P-5.5\].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The data socket the switch bound for this client.
    pub path: SocketPath,
}

/// Why some bytes are no reply \[P-13.5\] \[P-13.6\].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyError {
    /// There are not exactly 110 bytes.
    Length {
        /// How many there are. Of a reply that is too long it may be only what was read so far.
        got: usize,
    },
    /// The address family is not 1, AF_UNIX.
    Family(u16),
    /// The path is empty, or an abstract name, which no switch uses.
    Empty,
    /// The path fills all 108 bytes and no NUL ends it.
    Unterminated,
    /// The path does not start at the root, so its meaning would depend on our own directory.
    Relative(SocketPath),
}

impl Reply {
    /// Length of every reply, in bytes.
    pub const LEN: usize = ADDRESS_LEN;

    /// The bytes to send.
    #[must_use]
    pub fn emit(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        self.emit_into(&mut bytes);
        bytes
    }

    /// Writes the reply over every byte of `bytes`.
    pub fn emit_into(&self, bytes: &mut [u8; Self::LEN]) {
        address::emit_path_into(self.path.as_bytes(), bytes);
    }

    /// Reads a complete reply. What follows the NUL that ends the path is ignored, because
    /// netnodes leave junk there \[P-5.3\].
    ///
    /// # Errors
    /// [`ReplyError`], if the length or the family is wrong, or the path is not an absolute one.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        let bytes: &[u8; Self::LEN] =
            bytes.try_into().map_err(|_| ReplyError::Length { got: bytes.len() })?;
        let (family, path) = address::split(bytes);
        if family != 1 {
            return Err(ReplyError::Family(family));
        }
        let path = address::up_to_nul(path).ok_or(ReplyError::Unterminated)?;
        let path = SocketPath::new(path).map_err(|_| ReplyError::Empty)?;
        if path.is_absolute() { Ok(Self { path }) } else { Err(ReplyError::Relative(path)) }
    }
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { got } => {
                write!(f, "the reply has {got} bytes instead of {}", Reply::LEN)
            }
            Self::Family(family) => {
                write!(f, "the address in the reply has family {family} instead of 1 (AF_UNIX)")
            }
            Self::Empty => f.write_str("the path in the reply is empty"),
            Self::Unterminated => f.write_str("the path in the reply has no end"),
            Self::Relative(path) => write!(f, "the path in the reply, {path}, is not absolute"),
        }
    }
}

impl core::error::Error for ReplyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn reply(path: &str) -> Reply {
        Reply { path: SocketPath::new(path).unwrap() }
    }

    #[test]
    fn a_reply_survives_a_round_trip_through_a_dirty_buffer() {
        for path in ["/", "/run/vde/001.7"] {
            let mut bytes = [0xa5; Reply::LEN];
            reply(path).emit_into(&mut bytes);
            assert_eq!(bytes, reply(path).emit());
            assert_eq!(Reply::parse(&bytes), Ok(reply(path)));
        }
    }

    #[test]
    fn a_reply_that_is_cut_short_is_refused() {
        let bytes = reply("/run/vde/001.7").emit();
        for got in 0..Reply::LEN {
            assert_eq!(Reply::parse(&bytes[..got]), Err(ReplyError::Length { got }));
        }
    }

    #[test]
    fn a_reply_that_is_too_long_is_refused() {
        for got in 111..300 {
            let mut bytes = vec![0; got];
            bytes[..110].copy_from_slice(&reply("/a").emit());
            assert_eq!(Reply::parse(&bytes), Err(ReplyError::Length { got }));
        }
    }

    #[test]
    fn every_family_but_af_unix_is_refused() {
        for family in (0..=u16::MAX).filter(|&family| family != 1) {
            let mut bytes = reply("/a").emit();
            bytes[..2].copy_from_slice(&family.to_ne_bytes());
            assert_eq!(Reply::parse(&bytes), Err(ReplyError::Family(family)));
        }
    }

    #[test]
    fn a_reply_of_zeros_is_refused() {
        assert_eq!(Reply::parse(&[0; 110]), Err(ReplyError::Family(0)));
    }

    #[test]
    fn an_empty_path_and_an_abstract_name_are_refused() {
        let mut bytes = reply("/a").emit();
        bytes[2] = 0;
        assert_eq!(Reply::parse(&bytes), Err(ReplyError::Empty));
        bytes[2..].fill(0);
        assert_eq!(Reply::parse(&bytes), Err(ReplyError::Empty));
    }

    #[test]
    fn a_path_without_an_end_is_refused() {
        let mut bytes = reply("/a").emit();
        bytes[2..].fill(b'/');
        assert_eq!(Reply::parse(&bytes), Err(ReplyError::Unterminated));
        bytes[109] = 0;
        assert!(Reply::parse(&bytes).is_ok());
    }

    #[test]
    fn a_relative_path_is_refused_and_named() {
        let relative = reply("001.7");
        assert_eq!(Reply::parse(&relative.emit()), Err(ReplyError::Relative(relative.path)));
    }

    #[test]
    fn junk_after_the_end_of_the_path_is_ignored() {
        let mut bytes = reply("/run/x").emit();
        bytes[9..].fill(0xa5);
        assert_eq!(Reply::parse(&bytes), Ok(reply("/run/x")));
    }
}
