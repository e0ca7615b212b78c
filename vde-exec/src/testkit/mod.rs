//! What tests and benches of every crate share: switches and VMs to test against.
//!
//! | part | what it is |
//! |---|---|
//! | [`FakeSwitch`](fake_switch::FakeSwitch) | a switch on real sockets, with either generation's manners and faults on demand |
//! | [`RealSwitch`](real_switch::RealSwitch) | Debian's `vde_switch`, started, questioned and ended |
//! | [`fake_qemu`] | a program that takes QEMU's place, tells what it was given, and behaves as told |
//! | [`burst`] | many datagrams in one system call, for benches |
//! | [`inherit()`], [`inherit_nothing`] | handing descriptors down to one program, and none to all |
//! | [`sim`] | a world without sockets and clocks for the supervisor to live in, with faults on demand |
//! | [`wait`] | waiting for a condition, with a deadline |
//!
//! Everything here panics when the world is not as a test needs it: a test that cannot run is a
//! test that fails.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test kit stops where the world is not as the test needs it"
)]

pub mod burst;
pub mod fake_qemu;
pub mod fake_switch;
mod inherit;
pub mod real_switch;
pub mod sim;
pub mod wait;

pub use inherit::{inherit, inherit_nothing};
