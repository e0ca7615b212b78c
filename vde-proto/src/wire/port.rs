//! The type word of a request: which port the client wants.
//!
//! ```text
//!  31                                8 7        0
//! +-----------------------------------+----------+
//! |      port number, signed          |   type   |   host byte order
//! +-----------------------------------+----------+
//! ```

use core::fmt;

/// The number of a port that can be asked for: 1 to 8 388 607, the positive range of a signed
/// 24-bit number \[P-2.4\]. Port 0 is asked for in another way, see [`PortRequest::Zero`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortNumber(u32);

impl PortNumber {
    /// The highest number the type word can carry.
    pub const MAX: Self = Self(0x7f_ffff);

    /// `None` if `number` is 0 or too large for the type word.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number >= 1 && number <= Self::MAX.0 { Some(Self(number)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for PortNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which port of the switch a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PortRequest {
    /// The first free one \[P-2.5\].
    #[default]
    Any,
    /// This one \[P-2.6\].
    Number(PortNumber),
    /// Port 0, the management client port \[P-2.8\].
    Zero,
}

/// The low byte of a type word is neither 0 nor 1 \[P-2.9\].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownType(pub u8);

impl PortRequest {
    /// The type word that asks for this port.
    #[must_use]
    pub const fn to_type_word(self) -> u32 {
        match self {
            Self::Any => 0,
            Self::Number(number) => number.get() << 8,
            Self::Zero => 1,
        }
    }

    /// Reads a type word as vde_switch does: a negative number is port 0 \[P-2.7\], and the number
    /// beside type 1 is ignored \[P-2.8\].
    ///
    /// # Errors
    /// [`UnknownType`], if the low byte is 2 or more.
    pub const fn from_type_word(word: u32) -> Result<Self, UnknownType> {
        let [.., low] = word.to_be_bytes();
        match (low, word >> 8) {
            (0, 0) => Ok(Self::Any),
            (0, number) => match PortNumber::new(number) {
                Some(number) => Ok(Self::Number(number)),
                None => Ok(Self::Zero),
            },
            (1, _) => Ok(Self::Zero),
            (other, _) => Err(UnknownType(other)),
        }
    }
}

impl fmt::Display for PortRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any port"),
            Self::Number(number) => write!(f, "port {number}"),
            Self::Zero => f.write_str("port 0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_numbers_end_where_the_signed_24_bit_field_ends() {
        assert_eq!(PortNumber::new(0), None);
        assert_eq!(PortNumber::new(1).map(PortNumber::get), Some(1));
        assert_eq!(PortNumber::new(0x7f_ffff), Some(PortNumber::MAX));
        assert_eq!(PortNumber::new(0x80_0000), None);
    }

    #[test]
    fn every_port_number_survives_the_type_word() {
        for number in 1..=PortNumber::MAX.get() {
            let request = PortRequest::Number(PortNumber::new(number).unwrap());
            assert_eq!(PortRequest::from_type_word(request.to_type_word()), Ok(request));
        }
    }

    #[test]
    fn type_0_without_a_number_is_any_port() {
        assert_eq!(PortRequest::from_type_word(0), Ok(PortRequest::Any));
        assert_eq!(PortRequest::Any.to_type_word(), 0);
    }

    #[test]
    fn type_1_is_port_0_whatever_the_number_says() {
        assert_eq!(PortRequest::Zero.to_type_word(), 1);
        for word in [0x1, 0x301, 0xffff_ff01] {
            assert_eq!(PortRequest::from_type_word(word), Ok(PortRequest::Zero));
        }
    }

    #[test]
    fn a_negative_number_is_port_0_by_accident() {
        for word in [0xffff_ff00, 0x8000_0000] {
            assert_eq!(PortRequest::from_type_word(word), Ok(PortRequest::Zero));
        }
    }

    #[test]
    fn every_other_type_is_refused() {
        for low in 2..=u8::MAX {
            for number in [0, 0x300, 0xffff_ff00] {
                let word = u32::from(low) | number;
                assert_eq!(PortRequest::from_type_word(word), Err(UnknownType(low)));
            }
        }
    }
}
