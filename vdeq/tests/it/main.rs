//! The command, end to end: real sockets and processes, a fake switch and a fake QEMU.
//!
//! A name that begins with `v7_` shows that trap V7 of the C vdeq is none of ours; the list is in
//! `docs/compatibility.md`.
#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where the world is not as it needs it"
)]

mod client;
mod collision;
mod command_line;
mod console;
mod control;
mod conversation;
mod daemonize;
mod doctor;
mod documentation;
mod events;
mod exit_status;
mod footprint;
mod hostile_replies;
mod hostile_switch;
mod inheritance;
mod link_state;
mod names;
mod placeholder;
mod preview;
mod program;
mod ready;
mod reconnecting;
mod refusals;
mod relays;
mod sharing;
mod signals;
mod surroundings;
mod switch_alone;
mod switch_beside;
mod switch_trouble;
mod terminal;
mod traps;
mod version;
mod waiting;
mod world;
mod wrong_uses;
