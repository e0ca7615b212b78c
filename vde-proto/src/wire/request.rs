//! The request of a client: the only message it ever sends on the control stream.
//!
//! ```text
//!  0        4        8        12    14                                   122          ..256
//! +--------+--------+--------+-----+------------------------------------+-------------+
//! | magic  |   3    |  type  | fam |  sun_path, 108 bytes               | description |  version 3
//! +--------+--------+--------+-----+------------------------------------+-------------+
//! | magic  |  type  |    MAC    | fam |  sun_path, 108 bytes               | description |  version 1
//! +--------+--------+-----------+-----+------------------------------------+-------------+
//!  0        4        8           14    16                                   124         ..256
//! ```
//!
//! Host byte order, no padding \[P-2.1\].

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::address::{ADDRESS_LEN, AddressError, ClientAddress};
use super::description::RawDescription;
use super::field;
use super::mac::MacAddr;
use super::port::{PortRequest, UnknownType};

const MAGIC: Range<usize> = 0..4;
/// The version, or the type of a version 1 request.
const VERSION: Range<usize> = 4..8;

mod v3 {
    use core::ops::Range;
    pub(super) const TYPE: Range<usize> = 8..12;
    pub(super) const ADDRESS: Range<usize> = 12..122;
}

mod v1 {
    use core::ops::Range;
    pub(super) const TYPE: Range<usize> = super::VERSION;
    pub(super) const MAC: Range<usize> = 8..14;
    pub(super) const ADDRESS: Range<usize> = 14..124;
}

/// The format of a request. The protocol has no version 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// The old one, which no current client sends \[P-3.4\].
    V1,
    /// The current one.
    V3,
}

/// A request for a port, in either version. Make one with [`Request::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The format.
    pub version: Version,
    /// The port asked for. Version 1 has no field for a number \[P-3.2\]: if one is set all the
    /// same, [`emit`](Self::emit) writes the type word as it is, and a switch refuses it.
    pub port: PortRequest,
    /// Version 1 only: a MAC address that means nothing \[P-3.3\]; none is sent as zeros.
    pub mac: Option<MacAddr>,
    /// Where the client receives its frames.
    pub address: ClientAddress,
    /// Who the client says it is.
    pub description: RawDescription,
}

/// Why some bytes are no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// The message ends too early \[P-4.3\].
    Truncated {
        /// How many bytes there are.
        got: usize,
        /// How many this version needs at least.
        need: usize,
    },
    /// The message has more than 256 bytes \[P-4.2\].
    TooLong {
        /// How many.
        got: usize,
    },
    /// It does not start with the magic number \[P-2.2\].
    Magic(u32),
    /// The version is neither 3 nor the 0 or 1 of version 1 \[P-3.1\].
    Version(u32),
    /// The request type is neither 0 nor 1 \[P-2.9\].
    Type(u8),
    /// The client's address makes no sense.
    Address(AddressError),
}

impl Request {
    /// The number every request starts with.
    pub const MAGIC: u32 = 0xfeed_face;
    /// The longest request, in bytes: what a switch reads at once \[P-4.2\].
    pub const MAX_LEN: usize = 256;

    /// A request of the current version.
    #[must_use]
    pub fn new(
        port: PortRequest,
        address: ClientAddress,
        description: impl Into<RawDescription>,
    ) -> Self {
        Self { version: Version::V3, port, mac: None, address, description: description.into() }
    }

    /// A request of version 1, for any port, or for port 0 if `zero`.
    #[must_use]
    pub fn version_1(
        zero: bool,
        mac: MacAddr,
        address: ClientAddress,
        description: impl Into<RawDescription>,
    ) -> Self {
        let port = if zero { PortRequest::Zero } else { PortRequest::Any };
        let description = description.into();
        Self { version: Version::V1, port, mac: Some(mac), address, description }
    }

    /// The bytes to send, in one system call \[P-4.1\].
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let mut buffer = [0; Self::MAX_LEN];
        let len = self.emit_into(&mut buffer);
        buffer.into_iter().take(len).collect()
    }

    /// Writes the request into the beginning of `buffer` and returns its length. A description
    /// that would go beyond the buffer is cut (134 bytes fit into version 3, 132 into version 1).
    pub fn emit_into(&self, buffer: &mut [u8; Self::MAX_LEN]) -> usize {
        let type_word = self.port.to_type_word().to_ne_bytes();
        field::put(buffer, MAGIC, &Self::MAGIC.to_ne_bytes());
        match self.version {
            Version::V3 => {
                field::put(buffer, VERSION, &3_u32.to_ne_bytes());
                field::put(buffer, v3::TYPE, &type_word);
            }
            Version::V1 => {
                field::put(buffer, v1::TYPE, &type_word);
                field::put(buffer, v1::MAC, &self.mac.unwrap_or_default().octets());
            }
        }
        let address = self.version.address();
        let start = address.end;
        field::put(buffer, address, &self.address.emit());

        let end = (start + self.description.as_bytes().len()).min(Self::MAX_LEN);
        field::put(buffer, start..end, self.description.as_bytes());
        end
    }

    /// Reads what one read from a control stream returned.
    ///
    /// # Errors
    /// [`RequestError`], the first that applies in the order in which a switch checks \[P-6.1\].
    /// Unlike vde_switch it never completes a truncated request with old bytes \[P-4.4\].
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(RequestError::TooLong { got: bytes.len() });
        }
        let magic = word(bytes, MAGIC)?;
        if magic != Self::MAGIC {
            return Err(RequestError::Magic(magic));
        }
        let version = Version::from_word(word(bytes, VERSION)?)?;
        let type_field = match version {
            Version::V3 => v3::TYPE,
            Version::V1 => v1::TYPE,
        };
        let port = PortRequest::from_type_word(word(bytes, type_field)?)?;
        let mac = match version {
            Version::V3 => None,
            Version::V1 => Some(MacAddr::new(take(bytes, v1::MAC)?)),
        };
        let address = version.address();
        let description = RawDescription::new(bytes.get(address.end..).unwrap_or_default());
        let address = ClientAddress::parse(&take::<ADDRESS_LEN>(bytes, address)?)?;
        Ok(Self { version, port, mac, address, description })
    }
}

impl Version {
    /// The shortest request of this version, in bytes \[P-4.3\].
    #[must_use]
    pub fn min_len(self) -> usize {
        self.address().end
    }

    fn address(self) -> Range<usize> {
        match self {
            Self::V3 => v3::ADDRESS,
            Self::V1 => v1::ADDRESS,
        }
    }

    fn from_word(word: u32) -> Result<Self, RequestError> {
        match word {
            0 | 1 => Ok(Self::V1),
            3 => Ok(Self::V3),
            other => Err(RequestError::Version(other)),
        }
    }
}

fn take<const N: usize>(bytes: &[u8], field: Range<usize>) -> Result<[u8; N], RequestError> {
    let version = field::take(bytes, VERSION).map(u32::from_ne_bytes);
    let need = match version.map(Version::from_word) {
        Some(Ok(version)) => version.min_len(),
        Some(Err(_)) | None => Version::V3.min_len(),
    };
    field::take(bytes, field).ok_or(RequestError::Truncated { got: bytes.len(), need })
}

fn word(bytes: &[u8], field: Range<usize>) -> Result<u32, RequestError> {
    take(bytes, field).map(u32::from_ne_bytes)
}

impl From<UnknownType> for RequestError {
    fn from(UnknownType(low): UnknownType) -> Self {
        Self::Type(low)
    }
}

impl From<AddressError> for RequestError {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { got, need } => {
                write!(f, "the request has {got} bytes, but needs at least {need}")
            }
            Self::TooLong { got } => {
                write!(f, "the request has {got} bytes, more than {}", Request::MAX_LEN)
            }
            Self::Magic(magic) => {
                write!(
                    f,
                    "the request starts with {magic:#010x} instead of {:#010x}",
                    Request::MAGIC
                )
            }
            Self::Version(version) => write!(f, "the request has unknown version {version}"),
            Self::Type(low) => write!(f, "the request has unknown type {low}"),
            Self::Address(error) => write!(f, "the request cannot be answered: {error}"),
        }
    }
}

impl core::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Address(error) => Some(error),
            _ => None,
        }
    }
}
