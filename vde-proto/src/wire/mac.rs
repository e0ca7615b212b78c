//! Ethernet addresses.

use core::fmt;
use core::str::{self, FromStr};

/// The address of a network interface, six bytes.
///
/// ```
/// # use vde_proto::MacAddr;
/// let mac: MacAddr = "52:54:00:12:34:56".parse()?;
/// assert_eq!(mac.octets(), [0x52, 0x54, 0x00, 0x12, 0x34, 0x56]);
/// assert!(!mac.is_multicast());
/// assert_eq!(mac.to_string(), "52:54:00:12:34:56");
/// # Ok::<(), vde_proto::wire::MacAddrError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddr([u8; 6]);

/// A text that is not six bytes in hexadecimal, separated by colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MacAddrError;

impl MacAddr {
    /// Everybody: `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// The address made of these bytes, in the order of transmission.
    #[must_use]
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The bytes, in the order of transmission.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether the address stands for a group, as [`Self::BROADCAST`] does: the lowest bit of the
    /// first byte, which is the first bit on the wire.
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        let [first, ..] = self.0;
        first & 1 == 1
    }
}

impl FromStr for MacAddr {
    type Err = MacAddrError;

    /// Reads one or two hexadecimal digits per byte, in either case.
    fn from_str(text: &str) -> Result<Self, MacAddrError> {
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().ok_or(MacAddrError)?;
            // `from_str_radix` alone would take a sign.
            if !(1..=2).contains(&part.len()) || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(MacAddrError);
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| MacAddrError)?;
        }
        if parts.next().is_some() { Err(MacAddrError) } else { Ok(Self(octets)) }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By hand, since a switch shows thousands of them at once.
        let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' - 10 + value };
        let mut text = [b':'; 17];
        for (place, octet) in text.chunks_mut(3).zip(self.0) {
            if let [high, low, ..] = place {
                (*high, *low) = (digit(octet >> 4), digit(octet & 15));
            }
        }
        f.pad(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for MacAddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a MAC address is six bytes in hexadecimal, separated by colons")
    }
}

impl core::error::Error for MacAddrError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn the_first_bit_on_the_wire_tells_a_group() {
        for first in 0..=255 {
            assert_eq!(MacAddr::new([first, 1, 1, 1, 1, 1]).is_multicast(), first % 2 == 1);
        }
        assert!(MacAddr::BROADCAST.is_multicast());
    }

    #[test]
    fn what_is_not_six_bytes_is_no_address() {
        for text in ["", "1:2:3:4:5", "1:2:3:4:5:6:7", "1:2:3:4:5:", "1:2:3:4:5:g", "1:2:3:4:5:+6"]
        {
            assert_eq!(text.parse::<MacAddr>(), Err(MacAddrError), "{text}");
        }
        assert_eq!("001:2:3:4:5:6".parse::<MacAddr>(), Err(MacAddrError));
    }

    proptest! {
        #[test]
        fn every_address_can_be_read_as_it_is_shown(octets: [u8; 6]) {
            let mac = MacAddr::new(octets);
            prop_assert_eq!(mac.to_string().parse(), Ok(mac));
        }
    }
}
