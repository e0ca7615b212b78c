//! The version of a QEMU, as its banner tells it.

use std::fmt;
use std::str::FromStr;

/// A QEMU release: `major.minor.micro`. A missing micro number is 0.
///
/// A micro number of 50 or more marks a development snapshot on the way to the next release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QemuVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number, 0 if absent.
    pub micro: u32,
}

/// The words in front of the number, in every banner of every release.
const BANNER: &[u8] = b"emulator version ";

impl QemuVersion {
    /// A version from its numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, micro: u32) -> Self {
        Self { major, minor, micro }
    }

    /// Finds the banner in the output of `-version` (QEMU 0.11 and later) or `-help` (all), also
    /// when warnings come before it. `None` if there is none or its number is not one.
    ///
    /// ```
    /// use vde_args::QemuVersion;
    /// let said = b"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright (c) ...\n";
    /// assert_eq!(QemuVersion::parse_output(said), Some(QemuVersion::new(7, 2, 22)));
    /// ```
    #[must_use]
    pub fn parse_output(output: &[u8]) -> Option<Self> {
        let mut rest = output;
        while let Some(at) = rest.windows(BANNER.len()).position(|w| w == BANNER) {
            rest = rest.get(at + BANNER.len()..)?;
            if let Some(version) = Self::leading(rest) {
                return Some(version);
            }
        }
        None
    }

    /// The version that `bytes` start with; what follows it does not matter.
    fn leading(bytes: &[u8]) -> Option<Self> {
        let (major, rest) = number(bytes)?;
        let (minor, rest) = number(rest.strip_prefix(b".")?)?;
        let micro = match rest.strip_prefix(b".") {
            Some(rest) if rest.first().is_some_and(u8::is_ascii_digit) => number(rest)?.0,
            _ => 0,
        };
        Some(Self { major, minor, micro })
    }
}

/// The decimal number that `bytes` start with, and the rest. `None` if there is no digit, or too
/// many for a `u32`.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = bytes.split_at_checked(digits)?;
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

impl fmt::Display for QemuVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// A text is not `X.Y` or `X.Y.Z` in decimal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionError;

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a QEMU version such as 7.2 or 11.1.3")
    }
}

impl std::error::Error for VersionError {}

impl FromStr for QemuVersion {
    type Err = VersionError;

    /// Reads exactly `X.Y` or `X.Y.Z`: digits and dots, nothing before, between or after.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let mut numbers = [0u32; 3];
        let mut count = 0;
        for part in text.split('.') {
            let place = numbers.get_mut(count).ok_or(VersionError)?;
            match number(part.as_bytes()) {
                Some((number, [])) => *place = number,
                _ => return Err(VersionError),
            }
            count += 1;
        }
        let [major, minor, micro] = numbers;
        if count < 2 { Err(VersionError) } else { Ok(Self { major, minor, micro }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(text: &str) -> Option<QemuVersion> {
        QemuVersion::parse_output(text.as_bytes())
    }

    #[test]
    fn every_banner_that_a_release_printed_is_read() {
        let said = [
            (
                "QEMU PC emulator version 0.7.0, Copyright (c) 2003-2005 Fabrice Bellard\n",
                (0, 7, 0),
            ),
            (
                "QEMU PC emulator version 0.9.1, Copyright (c) 2003-2008 Fabrice Bellard\n",
                (0, 9, 1),
            ),
            (
                "QEMU PC emulator version 0.12.5 (qemu-kvm-0.12.5), Copyright (c) 2003-2008\n",
                (0, 12, 5),
            ),
            ("QEMU emulator version 1.0.1, Copyright (c) 2003-2008 Fabrice Bellard\n", (1, 0, 1)),
            ("QEMU emulator version 2.5.0 (Debian 1:2.5+dfsg-5), Copyright (c) 2003\n", (2, 5, 0)),
            (
                "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c) \
                 2003-2022 Fabrice Bellard and the QEMU Project developers\n",
                (7, 2, 22),
            ),
            ("QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1)\nCopyright (c)\n", (11, 1, 3)),
            ("QEMU emulator version 3.1.50 (v3.1.0-1-g1234)\n", (3, 1, 50)),
            ("QEMU emulator version 2.12\n", (2, 12, 0)),
        ];
        for (text, (major, minor, micro)) in said {
            assert_eq!(banner(text), Some(QemuVersion::new(major, minor, micro)), "{text}");
        }
    }

    #[test]
    fn v25_a_warning_before_the_banner_of_any_length_does_not_hide_it() {
        let text = format!(
            "{}\nemulator version unknown\nQEMU emulator version 4.0.0\n",
            "warning: ".repeat(1000)
        );
        assert_eq!(banner(&text), Some(QemuVersion::new(4, 0, 0)));
    }

    #[test]
    fn output_without_a_version_is_none() {
        let huge = "QEMU emulator version 99999999999.1";
        for text in ["", "QEMU emulator version ", "QEMU emulator version 7", "version 7.2", huge] {
            assert_eq!(banner(text), None, "{text}");
        }
        assert_eq!(QemuVersion::parse_output(b"\xff\xfeemulator version \xff"), None);
    }

    #[test]
    fn a_version_that_a_user_types_is_two_or_three_numbers() {
        assert_eq!("7.2".parse(), Ok(QemuVersion::new(7, 2, 0)));
        assert_eq!("11.1.3".parse(), Ok(QemuVersion::new(11, 1, 3)));
        for text in ["", "7", "7.", ".2", "7.2.", "7.2.1.0", "7.x", "+7.2", " 7.2", "7,2", "7.-2"] {
            assert_eq!(text.parse::<QemuVersion>(), Err(VersionError), "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_number_not_by_letter() {
        assert!(QemuVersion::new(2, 9, 0) < QemuVersion::new(2, 12, 0));
        assert!(QemuVersion::new(9, 9, 9) < QemuVersion::new(10, 0, 0));
        assert_eq!(QemuVersion::new(2, 12, 1).to_string(), "2.12.1");
    }
}
