//! The known traps of the C programs, one test each: the C program falls into it, as measured here,
//! and ours, in the same situation, does not.
//!
//! V1 to V31 are the C vdeq's, as docs/compatibility.md numbers them. L1 to L16 are those of its
//! library, libvdeplug, and of `vde_plug`, the library's own program:
//!
//! | trap | what the C does |
//! |---|---|
//! | L1 | waits for a switch's answer for ever |
//! | L2 | changes the mode of whatever path the switch names |
//! | L3 | takes a part of a reply for a whole one |
//! | L4 | takes a reply that names no socket for a plug |
//! | L5 | v2 only: takes a refusal for a plug |
//! | L6 | explains a refusal by some old errno |
//! | L7 | takes a port that is no number for any port |
//! | L8 | makes a socket of mode 0, which keeps the switch out |
//! | L9 | cuts paths that are too long for an address |
//! | L10 | cuts the last character of a default file without a newline |
//! | L11 | leaves a socket when it is killed, and nobody removes it |
//! | L12 | loses frames of a byte stream whose lengths come in two pieces |
//! | L13 | `cmd://` waits for ever for a command that does not care |
//! | L14 | `vxlan://` ignores what it is told |
//! | L15 | v2 only: writes into its caller's strings |
//! | L16 | `vde_plug` ends with success when the switch goes |
//!
//! A test's name begins with its trap; `vdeq/tests/it/traps.rs` sees to it that no trap is without
//! a test. Where Debian has no program that shows the C's side, the test is about ours alone, and
//! says so.

mod ending;
mod handshake;
mod library;
mod place;
mod running;
mod starting;
