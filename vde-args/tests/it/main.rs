//! The crate as its users see it: argv in, plugs and argv out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may say what they believe and stop when it is not so"
)]

mod addresses;
mod ancestor;
mod called;
mod joined;
mod link_state;
mod man_page;
mod modernize;
mod networks;
mod notations;
mod own_options;
mod placeholders;
mod spellings;
mod supervisor_options;
mod support;
mod switch_options;
mod uml;
mod vlans;
