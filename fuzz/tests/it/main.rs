//! The laws, without libFuzzer: over every short line of hostile words, over many random ones, and
//! over the corpora.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "tests say what they believe, and how much they tried"
)]

mod exhaustive;
mod properties;
mod replay;
