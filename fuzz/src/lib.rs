#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a law that is broken stops the fuzzer, that is what it is for"
)]

pub mod argv;
pub mod console;
pub mod control;
pub mod handshake;
pub mod json;
pub mod keyval;
pub mod laws;
pub mod own;
pub mod relay;
pub mod reply;
pub mod request;
pub mod sim;
pub mod switch;
pub mod vnl;
