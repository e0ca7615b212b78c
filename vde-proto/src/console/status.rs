//! How a command ended: `1000` plus an error number of Linux, and that number's usual words.

use crate::switch::PortError;

/// How a command ended \[P-14.3\].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// As it should.
    Success,
    /// There is no such port or endpoint: ENXIO.
    NoSuchPort,
    /// The answer would be too long: ENOMEM.
    TooMuch,
    /// The port is there already: EEXIST.
    Exists,
    /// The address is not known: ENODEV.
    NoSuchAddress,
    /// An argument is missing, too many, or not what it must be: EINVAL.
    Invalid,
    /// No port is free: ENOSPC.
    NoneFree,
    /// There is no such command: ENOSYS.
    NoSuchCommand,
    /// The port has endpoints: EADDRINUSE.
    InUse,
}

impl Status {
    /// The number: four digits.
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::Success => 1000,
            Self::NoSuchPort => 1006,
            Self::TooMuch => 1012,
            Self::Exists => 1017,
            Self::NoSuchAddress => 1019,
            Self::Invalid => 1022,
            Self::NoneFree => 1028,
            Self::NoSuchCommand => 1038,
            Self::InUse => 1098,
        }
    }

    /// The words: those of `strerror` in the C locale.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::NoSuchPort => "No such device or address",
            Self::TooMuch => "Cannot allocate memory",
            Self::Exists => "File exists",
            Self::NoSuchAddress => "No such device",
            Self::Invalid => "Invalid argument",
            Self::NoneFree => "No space left on device",
            Self::NoSuchCommand => "Function not implemented",
            Self::InUse => "Address already in use",
        }
    }
}

impl From<PortError> for Status {
    fn from(error: PortError) -> Self {
        match error {
            PortError::OutOfRange => Self::Invalid,
            PortError::Unknown => Self::NoSuchPort,
            PortError::Exists => Self::Exists,
            PortError::InUse => Self::InUse,
            PortError::NoneFree => Self::NoneFree,
        }
    }
}
