//! Hands descriptors down to one program that a test starts, and to no other.

use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::sync::Once;

use nix::sys::signal::{SigSet, Signal};

use crate::signals::is_ignored;

/// Lets the program that `command` starts inherit `fds`, under their numbers. To make them inheritable
/// in this process would hand them down to whatever another test starts at the same moment, too.
///
/// The caller keeps them open until the program has been started.
pub fn inherit(command: &mut Command, fds: &[OwnedFd]) {
    let mask = SigSet::thread_get_mask().expect("the signal mask");
    crate::sys::inherit(command, fds.iter().map(AsRawFd::as_raw_fd).collect(), mask);
}

/// Keeps what this process was started with, but for the standard streams, from all that it starts: a
/// shell or a CI may have had anything open, under any number, and ignore signals (nohup, a shell's
/// background).
pub fn inherit_nothing() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        crate::sys::close_on_exec_from(3).expect("close_range(2)");
        // (Rust's run-time ignores SIGPIPE in this process, and in no other.)
        let can_be = |signal: &Signal| {
            !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP | Signal::SIGPIPE)
        };
        for signal in Signal::iterator().filter(can_be).filter(|signal| is_ignored(*signal)) {
            crate::sys::reset_to_default(signal).expect("a signal's disposition");
        }
    });
}
