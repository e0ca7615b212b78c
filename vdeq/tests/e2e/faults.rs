//! Faults on the real thing: switches, vdeqs and QEMUs are killed, stopped and started again while
//! numbered frames flow through them, and every frame is accounted for.
//!
//! A VM here is a real QEMU without a guest: its hub joins the plug that vdeq made and a socket of the
//! test's (`vm.rs`), so that what the test sends takes the way of a guest's frames. Two such VMs on one
//! switch make a line (`line.rs`), and what came of its frames is judged in `account.rs`: each is
//! received once, unaltered and in order, or it was lost in an outage that the test made.
//! Real guests do the same by ping (`guests.rs`).

mod account;
mod ancestors;
mod guests;
mod hammer;
mod line;
mod others;
mod ports;
mod processes;
mod splices;
mod switches;
pub mod vm;

pub use others::assert_root;
