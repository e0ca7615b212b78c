//! The names of our data sockets in the file system: `.vdeq.PID.N`.
//!
//! The process id tells whose it is, so that what a killed process left can be told from what a
//! living one uses; the number tells the plugs of one process apart.

use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::unistd::Pid;

const PREFIX: &str = ".vdeq.";

/// A name that this process has not used yet.
pub(crate) fn next() -> OsString {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    of(std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// The name of the socket with the number `n` of the process `pid`.
pub(crate) fn of(pid: u32, n: u32) -> OsString {
    format!("{PREFIX}{pid}.{n}").into()
}

/// The process in a name; `None` if the name has another form.
pub(crate) fn process_of(name: &OsStr) -> Option<Pid> {
    let rest = name.to_str()?.strip_prefix(PREFIX)?;
    let (pid, n) = rest.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(pid) && is_number(n)).then(|| pid.parse().ok().map(Pid::from_raw))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_found_in_our_own_names() {
        assert_eq!(process_of(&of(1, 0)), Some(Pid::from_raw(1)));
        assert_eq!(process_of(&of(4_194_304, 12)), Some(Pid::from_raw(4_194_304)));
        assert_eq!(process_of(&next()), Some(Pid::this()));
        assert_ne!(next(), next());
    }

    #[test]
    fn names_of_another_form_are_nobodys() {
        let names =
            ["vdeq.1.0", ".vdeq.1", ".vdeq.1.", ".vdeq..1", ".vdeq.a.1", ".vdeq.1.0.0", "ctl"];
        for name in names {
            assert_eq!(process_of(OsStr::new(name)), None, "{name}");
        }
    }
}
