//! Plugs against switches: the fake one in both generations, and the real one.
#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where the world is not as it needs it"
)]

mod bench;
mod blackbox;
mod client;
mod dialing;
mod gate;
mod probing;
mod properties;
mod relay;
mod serve;
mod splicing;
mod supervisor;
