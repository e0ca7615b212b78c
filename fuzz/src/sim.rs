//! The fuzzer as fate: it makes all the choices of a simulated world, in which supervisors live.
//!
//! The bytes are the choices of `vde_exec::testkit::sim`, in their order: one byte each, but two for
//! the second (where jitter comes from, 0 for none). First the plan, 70 bytes; then, as often as the
//! first byte says, an act of five: the time before it, its kind, and three that say where and how much.
//! What is missing is 0, the dullest choice. A run that breaks a law is shrunk before it is shown.

use vde_exec::testkit::sim::{Choices, Failure, run};

/// Lives through the world that the bytes choose.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    let run = run(Choices::of_bytes(data), None);
    if let Some(failure) = Failure::of(&run, None) {
        panic!("{failure}");
    }
}
