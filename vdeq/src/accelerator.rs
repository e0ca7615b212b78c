//! `kvm` where there is no program `kvm`: the emulator has to be told to use KVM.

use std::os::unix::ffi::OsStrExt;

use vde_args::CommandLine;
use vde_args::keyval::{KeyVal, Rules};

/// Whether the line says itself what runs the guest's code: then `-enable-kvm` would contradict.
pub(crate) fn is_named(line: &CommandLine<'_>) -> bool {
    line.options().any(|option| match option.name.as_bytes() {
        b"accel" | b"enable-kvm" | b"no-kvm" => true,
        b"machine" | b"M" => option.value.is_some_and(|value| {
            KeyVal::parse(value.as_bytes(), Rules::Qemu).first(b"accel").is_some()
        }),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(words: &[&str]) -> bool {
        let words: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
        is_named(&CommandLine::parse(&words))
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
