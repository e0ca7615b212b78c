//! What vdeq says while it works: one line an event, on standard error, with its name in front.
//!
//! Whoever reads standard error may be slow, stopped (Ctrl-S on a terminal) or hanging, and the virtual
//! machine is looked after meanwhile: so what is not taken in time is not said, and it is told later
//! that something is missing.

use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use unicode_width::UnicodeWidthStr;
use vde_exec::Outlet;

use crate::quote;

/// The number of standard error.
const STDERR: i32 = 2;

/// Longest wait for room. There is none before somebody who let us wait so long has read something.
const PATIENCE: Duration = Duration::from_millis(100);

/// Goes to the beginning of the line, and erases it.
const ERASE: &str = "\r\x1b[K";

/// Whether a line is on the terminal that is to be seen for a while. Whoever writes holds this.
static STATUS: Mutex<bool> = Mutex::new(false);

/// How many times in a row there was no room.
static UNSAID: AtomicU32 = AtomicU32::new(0);

/// How much is said. (Why nothing was started is always said.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Error,
    Info,
    Debug,
    Trace,
}

/// What is said without `-v`.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);

/// Has so much said from now on, where no `-v` asks for more.
pub(crate) fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Speaks as loudly as it was asked to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    level: u8,
}

impl Voice {
    pub(crate) fn new(verbosity: u8) -> Self {
        let asked = match verbosity {
            0 => 0,
            1 => Level::Debug as u8,
            _ => Level::Trace as u8,
        };
        Self { level: LEVEL.load(Ordering::Relaxed).max(asked) }
    }

    /// Says what the user has to know.
    pub(crate) fn say(self, what: impl Display) {
        self.say_within(what, Level::Info, PATIENCE);
    }

    /// Says what the user has to know, without ever waiting for somebody to listen.
    pub(crate) fn say_if_heard(self, what: impl Display) {
        self.say_within(what, Level::Info, Duration::ZERO);
    }

    /// Says what the user may want to know (`-v`).
    pub(crate) fn detail(self, what: impl Display) {
        self.say_within(what, Level::Debug, PATIENCE);
    }

    /// Says what somebody may want to know who looks for a mistake (`-vv`), and finds it out only then.
    pub(crate) fn trace<T: Display>(self, what: impl FnOnce() -> T) {
        if self.level >= Level::Trace as u8 {
            self.say_within(what(), Level::Trace, PATIENCE);
        }
    }

    /// Whether anything is said but why nothing was started.
    pub(crate) fn is_quiet(self) -> bool {
        self.level < Level::Info as u8
    }

    fn say_within(self, what: impl Display, level: Level, patience: Duration) {
        if self.level >= level as u8 {
            write_within(&line(what), patience);
        }
    }
}

fn line(what: impl Display) -> String {
    format!("vdeq: {}\n", quote::harmless(&what.to_string()))
}

/// Writes to standard error in one piece, so that the lines of several processes do not mix. That
/// nobody listens is no reason to end, let alone otherwise than planned, nor one to wait for long.
pub(crate) fn write(text: &str) {
    write_within(text, PATIENCE);
}

/// Shows a line that is to be seen for a while, in place of the one before, if there is room: on a terminal
/// in whose foreground we are, and that is wide enough. What is said takes its place, too.
pub(crate) fn show(status: &str) {
    let mut is_shown = STATUS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(columns) = vde_exec::columns_in_front() else { return };
    let status = quote::harmless(status);
    // A line that is wrapped could not be erased; and in the last column the cursor is in doubt.
    if status.width() >= columns.into() {
        return;
    }
    let text = format!("{ERASE}{status}");
    let taken =
        Outlet::inherited(STDERR).ok().map(|mut outlet| outlet.write_bytes(text.as_bytes()));
    *is_shown |= matches!(taken, Some(Ok(true)));
}

/// Takes that line away.
pub(crate) fn hide() {
    let mut is_shown = STATUS.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::take(&mut *is_shown) {
        let outlet = Outlet::inherited(STDERR).ok();
        let _ = outlet.map(|mut outlet| outlet.write_bytes(ERASE.as_bytes()));
    }
}

fn write_within(text: &str, patience: Duration) {
    let mut is_shown = STATUS.lock().unwrap_or_else(PoisonError::into_inner);
    let erase = if std::mem::take(&mut *is_shown) { ERASE } else { "" };
    let text = &format!("{erase}{text}");
    let unsaid = UNSAID.load(Ordering::Relaxed);
    let taken = match unsaid {
        0 => is_taken(text, patience),
        _ => {
            let missing = format!("vdeq: messages are missing here: {unsaid}\n{text}");
            is_taken(&missing, Duration::ZERO)
        }
    };
    UNSAID.store(if taken { 0 } else { unsaid.saturating_add(1) }, Ordering::Relaxed);
}

/// Whether there was room, or nobody to be told.
fn is_taken(text: &str, patience: Duration) -> bool {
    // Anew each time: a vdeq that goes to the background leaves its terminal.
    match Outlet::inherited(STDERR) {
        Ok(mut outlet) => {
            let lines = text.strip_suffix('\n').unwrap_or(text);
            outlet.write_within(lines.as_bytes(), patience).unwrap_or(true)
        }
        // There are no descriptors left, say.
        Err(_) => {
            let _ = std::io::stderr().write_all(text.as_bytes());
            true
        }
    }
}
