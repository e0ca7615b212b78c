//! What runs the guest's code: KVM, TCG, ...

use std::os::unix::ffi::OsStrExt;

use crate::CommandLine;
use crate::keyval::{KeyVal, Rules};

impl CommandLine<'_> {
    /// Whether the line says what runs the guest's code, by whichever of QEMU's options for that.
    ///
    /// ```
    /// use vde_args::CommandLine;
    /// let words = ["-M", "q35,accel=tcg"].map(Into::into);
    /// assert!(CommandLine::parse(&words).names_accelerator());
    /// ```
    #[must_use]
    pub fn names_accelerator(&self) -> bool {
        self.options().any(|option| match option.name.as_bytes() {
            b"accel" | b"enable-kvm" | b"no-kvm" => true,
            b"machine" | b"M" => option.value.is_some_and(|value| {
                KeyVal::parse(value.as_bytes(), Rules::Qemu).first(b"accel").is_some()
            }),
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(words: &[&str]) -> bool {
        let words: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
        CommandLine::parse(&words).names_accelerator()
    }

    #[test]
    fn every_way_to_name_an_accelerator_counts() {
        assert!(named(&["-accel", "tcg"]));
        assert!(named(&["-m", "64", "--accel", "kvm", "-accel", "tcg"]));
        assert!(named(&["-machine", "q35,accel=tcg"]));
        assert!(named(&["-M", "accel=tcg,type=pc"]));
        assert!(named(&["-enable-kvm"]));
    }

    #[test]
    fn words_that_only_look_like_one_do_not_count() {
        assert!(!named(&[]));
        assert!(!named(&["-name", "-accel"]));
        assert!(!named(&["-M", "q35", "-append", "accel=tcg"]));
        assert!(!named(&["-machine"]));
    }
}
