//! The plain types: versions, options, and what has a few kinds.

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::keyval::Rules;
use crate::{
    Dialect, Explain, NetKind, OPTIONS, OWN_OPTIONS, OptionSpec, OwnOption, QemuVersion, Style,
};

/// The first and the last release of each dialect, snapshots between them, and what is common.
const RELEASES: [(u32, u32, u32); 16] = [
    (0, 6, 0),
    (0, 7, 2),
    (0, 8, 0),
    (0, 12, 5),
    (1, 0, 1),
    (2, 5, 0),
    (2, 12, 1),
    (2, 12, 50),
    (3, 0, 0),
    (3, 1, 50),
    (4, 0, 0),
    (5, 1, 0),
    (7, 2, 22),
    (8, 2, 0),
    (10, 0, 0),
    (11, 1, 3),
];

/// Mostly one that something changed in, else any three numbers.
impl<'a> Arbitrary<'a> for QemuVersion {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (major, minor, micro) =
            if u.ratio(3, 4)? { *u.choose(&RELEASES)? } else { u.arbitrary()? };
        Ok(Self::new(major, minor, micro))
    }
}

/// One row of [`OPTIONS`].
impl<'a> Arbitrary<'a> for &'static OptionSpec {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(OPTIONS)
    }
}

/// One row of [`OWN_OPTIONS`].
impl<'a> Arbitrary<'a> for &'static OwnOption {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(OWN_OPTIONS)
    }
}

impl<'a> Arbitrary<'a> for Dialect {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::TunFd, Self::TapVlan, Self::TapHub, Self::Socket]).copied()
    }
}

impl<'a> Arbitrary<'a> for NetKind {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::Net, Self::Netdev, Self::Nic, Self::Device]).copied()
    }
}

impl<'a> Arbitrary<'a> for Style {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::Current, Self::TunFd]).copied()
    }
}

impl<'a> Arbitrary<'a> for Explain {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::Text, Self::Json]).copied()
    }
}

impl<'a> Arbitrary<'a> for Rules {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::Qemu, Self::Vde]).copied()
    }
}
