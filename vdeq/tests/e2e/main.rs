//! vdeq with real guests, a real vde_switch and real QEMUs of several versions.
//!
//! `cargo xtask test-e2e` prepares what these tests need and runs them; see docs/testing.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "tests stop where the world is not as they believe, and say so"
)]

mod chance;
mod debian;
mod guest;
mod qmp;
mod rig;
mod wire;
mod world;

mod ancestor;
mod any_program;
mod bugs;
mod capture;
mod crowd;
mod differential;
mod doctor;
mod faults;
mod footprint;
mod grammar;
mod interop;
mod joined;
mod leftovers;
mod link_state;
mod man_page;
mod manual;
mod modernize;
mod names;
mod own_switch;
mod recipes;
mod refusals;
mod replug;
mod uml;
mod versions;
mod ways_to_run;
