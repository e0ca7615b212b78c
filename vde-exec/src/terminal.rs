//! What is known of the terminal behind standard error.

use std::os::fd::AsFd;

use nix::unistd::{getpgrp, tcgetpgrp};

use crate::sys;

/// The columns of a terminal that does not say.
const USUAL: u16 = 80;

/// How many columns the terminal behind standard error has, if it is one and this process is in its
/// foreground: what writes there from the background writes into what somebody types.
///
/// ```
/// // A test has a pipe there.
/// let _ = vde_exec::columns_in_front();
/// ```
#[must_use]
pub fn columns_in_front() -> Option<u16> {
    let stderr = std::io::stderr();
    let group = tcgetpgrp(stderr.as_fd()).ok()?;
    if group != getpgrp() {
        return None;
    }
    // One that nobody has told its size says 0.
    sys::columns(stderr.as_fd()).map(|columns| if columns == 0 { USUAL } else { columns })
}
