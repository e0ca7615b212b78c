//! A command line of words that matter: vdeq's own options in every spelling and place, among
//! networks and other options of QEMU. `vde_args::ArbitraryArgv` says what it is made of.

use arbitrary::{Arbitrary, Unstructured};
use vde_args::ArbitraryArgv;

use crate::laws;

/// Makes a command line out of `data` and reads it.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    let Ok(argv) = ArbitraryArgv::arbitrary(&mut Unstructured::new(data)) else { return };
    laws::argv(&argv.words);
}
