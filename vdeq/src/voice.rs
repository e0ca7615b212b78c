//! What vdeq says while it works: one line an event, on standard error, with its name in front.

use std::fmt::Display;

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
        use std::io::Write;
        // One write a line, so that the lines of several processes do not mix; and a closed
        // standard error is no reason to end.
        let _ = std::io::stderr().write_all(format!("vdeq: {what}\n").as_bytes());
    }

    /// Says what the user may want to know (`-v`).
    pub(crate) fn detail(self, what: impl Display) {
        if self.verbose {
            self.say(what);
        }
    }
}
