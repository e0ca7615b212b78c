//! Waiting for a condition, with a deadline: the only way in which tests wait.

use std::time::{Duration, Instant};

/// Longest wait for something that must happen: generous, since only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Pause between two looks.
const STEP: Duration = Duration::from_millis(2);

/// Looks at `condition` until it gives a value.
///
/// # Panics
/// After [`PATIENCE`], with `what` in the message.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for: {what}");
        std::thread::sleep(STEP);
    }
}

/// Looks at `condition` until it holds.
///
/// # Panics
/// After [`PATIENCE`], with `what` in the message.
pub fn until_true(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, || condition().then_some(()));
}
