//! A whole command line, from argv to the argv of every generation of QEMU.
//!
//! The words are separated by NUL; the first is the name vdeq was called by.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use vde_args::Style;

use crate::laws;

/// Reads `data` as a command line, makes the networks of it and spells them in every dialect.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    let word = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let argv: Vec<OsString> = data.split(|&byte| byte == 0).map(word).collect();
    laws::argv(&argv);
    // The same words as QEMU's alone, as a caller of the library may have them.
    laws::line(&argv, Style::Current, false);
}
