//! What the benches share: the ends that frames go between, the programs in between, CPU clocks,
//! and tables.
//!
//! | bench | what is measured |
//! |---|---|
//! | `wire` | encoding, decoding, and a whole handshake in memory |
//! | `engine` | the switch engine: one decision about a frame, by ports, addresses and lengths; coming and going; the console |
//! | `argv` | reading and rewriting command lines |
//! | `hop` | one frame: the kernel's floor, and through a switch |
//! | `relay` | one hop: the kernel's floor, our relay, with a capture, and the C vdeq |
//! | `startup` | what vdeq adds to the start of a program, beside the C vdeq |
//! | `path` | frames a second, CPU time of a frame and round trips: direct, C vdeq, QEMU's own, switches; streams of TCP between guests |
//!
//! `cargo xtask bench` runs them all and writes what the last ones report to `docs/performance.md`.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench stops where the world is not as it needs it, and prints"
)]

pub mod cpu;
mod far_end;
pub mod flow;
mod frames;
pub mod guest;
pub mod plot;
mod plug;
pub mod report;
pub mod rounds;
pub mod table;
pub mod world;

pub use far_end::{FarEnd, Outlet};
pub use frames::{FAR, Mac, NEAR, broadcast, frame};
pub use plug::Plug;
pub use table::spread;
