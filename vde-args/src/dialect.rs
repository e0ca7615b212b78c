//! How a QEMU of a given age wants to be told of an inherited, connected data socket.

use crate::QemuVersion;

/// The four spellings, in the order of history.
///
/// The wrong one does not always fail: `socket,fd=` on QEMU 2.10 to 3.1 starts and silently loses
/// every frame the guest sends, so the age must be known. `tap,fd=` is fatal from 5.1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// QEMU 0.6 and 0.7: `-tun-fd N`, one NIC each, no `-net` at all.
    TunFd,
    /// QEMU 0.8 to 2.12: `tap,fd=N`, and `vlan=` is a parameter of `-net`.
    TapVlan,
    /// QEMU 3.0 and 3.1: `tap,fd=N`, and `vlan=` is refused; hub ports take its place.
    TapHub,
    /// QEMU 4.0 and later: `socket,fd=N`.
    Socket,
}

impl Dialect {
    /// The spelling that works on `version`.
    ///
    /// A development snapshot (micro of 50 or more) stands between two releases, and gets the
    /// spelling that works on both: one of 2.12.50 may have lost `vlan=` already but has hub
    /// ports, and one of 3.1.50 may not have learnt `socket,fd=` yet but still takes `tap,fd=`.
    ///
    /// ```
    /// use vde_args::{Dialect, QemuVersion};
    /// assert_eq!(Dialect::of(QemuVersion::new(7, 2, 22)), Dialect::Socket);
    /// ```
    #[must_use]
    pub const fn of(version: QemuVersion) -> Self {
        match (version.major, version.minor, version.micro) {
            (0, 0..=7, _) => Self::TunFd,
            (2, 12, 50..) => Self::TapHub,
            (0..=2, _, _) => Self::TapVlan,
            (3, _, _) => Self::TapHub,
            _ => Self::Socket,
        }
    }

    /// Whether `-net` options of this QEMU take `vlan=`.
    #[must_use]
    pub const fn has_vlan(self) -> bool {
        matches!(self, Self::TunFd | Self::TapVlan)
    }

    /// The backend that takes an inherited descriptor, or `None` where there are no backends.
    #[must_use]
    pub const fn backend(self) -> Option<&'static str> {
        match self {
            Self::TunFd => None,
            Self::TapVlan | Self::TapHub => Some("tap"),
            Self::Socket => Some("socket"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_gets_the_spelling_that_was_tried_on_it() {
        let tried = [
            ((0, 6, 0), Dialect::TunFd),
            ((0, 7, 2), Dialect::TunFd),
            ((0, 8, 0), Dialect::TapVlan),
            ((0, 12, 5), Dialect::TapVlan),
            ((1, 0, 1), Dialect::TapVlan),
            ((2, 12, 1), Dialect::TapVlan),
            ((3, 0, 0), Dialect::TapHub),
            ((3, 1, 1), Dialect::TapHub),
            ((4, 0, 0), Dialect::Socket),
            ((5, 1, 0), Dialect::Socket),
            ((7, 2, 22), Dialect::Socket),
            ((11, 1, 3), Dialect::Socket),
        ];
        for ((major, minor, micro), dialect) in tried {
            assert_eq!(Dialect::of(QemuVersion::new(major, minor, micro)), dialect);
        }
    }

    #[test]
    fn a_snapshot_gets_what_both_of_its_neighbours_take() {
        assert_eq!(Dialect::of(QemuVersion::new(2, 12, 50)), Dialect::TapHub);
        assert_eq!(Dialect::of(QemuVersion::new(3, 1, 92)), Dialect::TapHub);
        assert_eq!(Dialect::of(QemuVersion::new(4, 0, 50)), Dialect::Socket);
        assert_eq!(Dialect::of(QemuVersion::new(0, 7, 50)), Dialect::TunFd);
    }
}
