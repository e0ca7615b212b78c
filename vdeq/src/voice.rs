//! What vdeq says while it works: one line an event, on standard error, with its name in front.

use std::fmt::Display;
use std::io::Write;

use crate::quote;

/// Speaks as loudly as it was asked to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    verbose: bool,
}

impl Voice {
    pub(crate) fn new(verbosity: u8) -> Self {
        Self { verbose: verbosity > 0 }
    }

    /// Says what the user has to know.
    pub(crate) fn say(self, what: impl Display) {
        write(&format!("vdeq: {}\n", quote::harmless(&what.to_string())));
    }

    /// Says what the user may want to know (`-v`).
    pub(crate) fn detail(self, what: impl Display) {
        if self.verbose {
            self.say(what);
        }
    }
}

/// Writes to standard error in one piece, so that the lines of several processes do not mix. That
/// nobody listens is no reason to end, let alone otherwise than planned.
pub(crate) fn write(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
