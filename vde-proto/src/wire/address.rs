//! The client's socket address inside a request: a `sockaddr_un` as Linux lays it out.
//!
//! ```text
//!  0     2                                                110
//! +-----+------+--------------------------------------------+
//! |  1  | path, ended by a NUL, padded with zeros           |   a path
//! |  1  |  0   | 107 bytes, all of them the name            |   an abstract name
//! |  1  |  0   | 107 zeros                                  |   unnamed
//! +-----+------+--------------------------------------------+
//!  family, host byte order
//! ```

use core::fmt;
use core::ops::Range;

use super::field;
use super::socket_path::SocketPath;

/// Length of a socket address in requests and replies, in bytes \[P-2.10\].
pub const ADDRESS_LEN: usize = 110;

const FAMILY: Range<usize> = 0..2;
const PATH: Range<usize> = 2..ADDRESS_LEN;
/// `sun_path` after the NUL that makes it an abstract name.
const ABSTRACT: Range<usize> = 3..ADDRESS_LEN;

const AF_UNIX: u16 = 1;

/// Where the switch is to send the client's frames.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ClientAddress {
    /// Nowhere: a path of zeros. A switch refuses it \[P-6.14\].
    Unnamed,
    /// A socket file.
    Path(SocketPath),
    /// A Linux abstract name, which needs no file and no permission \[P-9.5\].
    Abstract(AbstractName),
}

/// The 107 bytes after the leading NUL of an abstract socket name. All of them count \[P-2.13\],
/// so the client has to bind its socket to the NUL and exactly these bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbstractName([u8; AbstractName::LEN]);

/// Why 110 bytes are no address of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    /// The family is not 1, AF_UNIX.
    Family(u16),
    /// The path fills all 108 bytes and no NUL ends it \[P-2.12\].
    Unterminated,
}

impl AbstractName {
    /// Length of every name, in bytes, without the leading NUL.
    pub const LEN: usize = 107;

    /// `None` if all bytes are zero, because that is how an unnamed address looks.
    #[must_use]
    pub fn new(bytes: [u8; Self::LEN]) -> Option<Self> {
        bytes.iter().any(|&byte| byte != 0).then_some(Self(bytes))
    }

    /// Pads `name` with zeros. `None` if it is longer than [`Self::LEN`] or has no byte but zeros.
    ///
    /// ```
    /// # use vde_proto::AbstractName;
    /// let name = AbstractName::padded(b"vdeq/42/0").unwrap();
    /// assert!(name.as_bytes().starts_with(b"vdeq/42/0\0"));
    /// assert_eq!(name.as_bytes().len(), 107);
    /// ```
    #[must_use]
    pub fn padded(name: &[u8]) -> Option<Self> {
        if name.len() > Self::LEN {
            return None;
        }
        let mut bytes = [0; Self::LEN];
        field::put(&mut bytes, 0..Self::LEN, name);
        Self::new(bytes)
    }

    /// The name with its padding, without the leading NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl ClientAddress {
    /// The address as it stands in a request.
    #[must_use]
    pub fn emit(&self) -> [u8; ADDRESS_LEN] {
        let mut bytes = [0; ADDRESS_LEN];
        self.emit_into(&mut bytes);
        bytes
    }

    /// Writes the address over every byte of `bytes`.
    pub fn emit_into(&self, bytes: &mut [u8; ADDRESS_LEN]) {
        let path = match self {
            Self::Path(path) => path.as_bytes(),
            Self::Unnamed | Self::Abstract(_) => &[],
        };
        emit_path_into(path, bytes);
        if let Self::Abstract(name) = self {
            field::put(bytes, ABSTRACT, name.as_bytes());
        }
    }

    /// Reads an address. What follows the NUL that ends a path is ignored.
    ///
    /// # Errors
    /// [`AddressError`], if the family is another one or the path has no end.
    pub fn parse(bytes: &[u8; ADDRESS_LEN]) -> Result<Self, AddressError> {
        let (family, path) = split(bytes);
        if family != AF_UNIX {
            return Err(AddressError::Family(family));
        }
        if path.first() == Some(&0) {
            let name = field::take(bytes, ABSTRACT).and_then(AbstractName::new);
            return Ok(name.map_or(Self::Unnamed, Self::Abstract));
        }
        match up_to_nul(path).map(SocketPath::new) {
            Some(Ok(path)) => Ok(Self::Path(path)),
            Some(Err(_)) | None => Err(AddressError::Unterminated),
        }
    }
}

impl From<SocketPath> for ClientAddress {
    fn from(path: SocketPath) -> Self {
        Self::Path(path)
    }
}

/// Family and `sun_path` of a raw address.
pub(super) fn split(bytes: &[u8; ADDRESS_LEN]) -> (u16, &[u8]) {
    let [family_0, family_1, path @ ..] = bytes;
    (u16::from_ne_bytes([*family_0, *family_1]), path)
}

/// Writes an address with this path over every byte of `bytes`.
pub(super) fn emit_path_into(path: &[u8], bytes: &mut [u8; ADDRESS_LEN]) {
    field::put(bytes, FAMILY, &AF_UNIX.to_ne_bytes());
    field::put(bytes, PATH, path);
}

/// What comes before the first NUL, if there is one.
pub(super) fn up_to_nul(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().position(|&byte| byte == 0)?;
    path.get(..end)
}

/// `@` and the name without its padding, other bytes than ASCII escaped.
impl fmt::Display for AbstractName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let name = self.0.get(..end).unwrap_or_default();
        write!(f, "@{}", name.escape_ascii())
    }
}

impl fmt::Debug for AbstractName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AbstractName({self})")
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed => f.write_str("an unnamed socket"),
            Self::Path(path) => path.fmt(f),
            Self::Abstract(name) => name.fmt(f),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Family(family) => {
                write!(f, "the socket address has family {family} instead of {AF_UNIX} (AF_UNIX)")
            }
            Self::Unterminated => {
                f.write_str("the path of the socket address fills 108 bytes without a NUL")
            }
        }
    }
}

impl core::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec};

    fn path(len: usize) -> ClientAddress {
        SocketPath::new(vec![b'p'; len]).unwrap().into()
    }

    #[test]
    fn addresses_of_every_kind_survive_a_round_trip_through_a_dirty_buffer() {
        let addresses = [
            ClientAddress::Unnamed,
            path(1),
            path(107),
            ClientAddress::Abstract(AbstractName::padded(b"x").unwrap()),
            ClientAddress::Abstract(AbstractName::new([0xff; 107]).unwrap()),
        ];
        for address in addresses {
            let mut bytes = [0xa5; ADDRESS_LEN];
            address.emit_into(&mut bytes);
            assert_eq!(bytes, address.emit());
            assert_eq!(ClientAddress::parse(&bytes), Ok(address));
        }
    }

    #[test]
    fn an_abstract_name_may_begin_with_zeros_but_not_be_all_zeros() {
        let mut bytes = [0; 107];
        assert_eq!(AbstractName::new(bytes), None);
        bytes[106] = 1;
        let address = ClientAddress::Abstract(AbstractName::new(bytes).unwrap());
        assert_eq!(ClientAddress::parse(&address.emit()), Ok(address));
    }

    #[test]
    fn a_name_too_long_is_not_cut() {
        assert!(AbstractName::padded(&[b'x'; 107]).is_some());
        assert_eq!(AbstractName::padded(&[b'x'; 108]), None);
    }

    #[test]
    fn every_family_but_af_unix_is_refused() {
        for family in (0..=u16::MAX).filter(|&family| family != 1) {
            let mut bytes = path(4).emit();
            bytes[..2].copy_from_slice(&family.to_ne_bytes());
            assert_eq!(ClientAddress::parse(&bytes), Err(AddressError::Family(family)));
        }
    }

    #[test]
    fn a_path_of_108_bytes_without_an_end_is_refused() {
        let mut bytes = path(107).emit();
        bytes[109] = b'p';
        assert_eq!(ClientAddress::parse(&bytes), Err(AddressError::Unterminated));
    }

    #[test]
    fn bytes_after_the_end_of_a_path_do_not_matter() {
        let mut bytes = path(4).emit();
        bytes[7..].fill(0xa5);
        assert_eq!(ClientAddress::parse(&bytes), Ok(path(4)));
    }

    #[test]
    fn an_abstract_name_is_shown_without_its_padding() {
        let name = AbstractName::padded(b"a\0b").unwrap();
        assert_eq!(format!("{name}"), "@a\\x00b");
    }
}
