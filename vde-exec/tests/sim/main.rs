//! Simulated worlds: a fixed set of seeds, the runs that once broke a law, and the canaries.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test stops where a law is broken, and says how long it looked"
)]

mod canaries;
mod regressions;
mod seeds;
