//! What the crate promises, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "tests may say what they believe and stop when it is not so"
)]

mod allocations;
mod back_to_back;
mod citations;
mod console;
mod console_golden;
mod control;
mod forwarding;
mod forwarding_model;
mod golden;
mod messages;
mod net;
mod plug;
mod plug_laws;
mod requests;
mod world;
