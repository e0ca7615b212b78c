//! The programs that vdeq is held against, as Debian's packages install them: the C vdeq (`vde2`) and
//! `vde_plug`, which is little more than their library (`vdeplug`).

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use vde_exec::testkit::wait;

use crate::world::{Running, start};

pub const C_VDEQ: &str = "/usr/bin/vdeq";

pub const VDE_PLUG: &str = "/usr/bin/vde_plug";

/// How the C vdeq begins, whatever it does.
const DEPRECATED: (&str, &str) = ("NOTE: ", "stopping using it.\n\n");

/// How long a C vdeq may do nothing at all before it is killed and started again. It does so for ever
/// now and then, when the VM, or the attempt to start one, ends before it waits for that (V31).
const STUCK: Duration = Duration::from_secs(3);

/// Starts of a C vdeq until one is not stuck.
const TRIES: u32 = 8;

/// Starts a C vdeq until `look` sees something.
pub fn begin_theirs<T>(
    what: &str,
    command: impl Fn() -> Command,
    look: impl Fn(&mut Running) -> Option<T>,
) -> (Running, T) {
    assert!(Path::new(C_VDEQ).exists(), "no C vdeq: cargo xtask setup");
    for _ in 0..TRIES {
        let mut running = start(&mut command());
        let deadline = Instant::now() + STUCK;
        let seen = wait::until(what, || match look(&mut running) {
            Some(seen) => Some(Some(seen)),
            None => (Instant::now() > deadline).then_some(None),
        });
        if let Some(seen) = seen {
            return (running, seen);
        }
    }
    panic!("it is stuck every time: {what}")
}

/// What the C vdeq said on standard error, without its note that it is deprecated.
pub fn without_note(stderr: &str) -> &str {
    let (begin, end) = DEPRECATED;
    let rest = stderr.strip_prefix(begin).and_then(|text| text.split_once(end));
    rest.unwrap_or_else(|| panic!("no note: {stderr}")).1
}

/// Whether the modes of files mean nothing to us.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether a process sleeps, as `/proc` has it.
pub fn is_asleep(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
}

/// The processes that were started by this path, zombies aside.
pub fn processes_of(program: &Path) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").unwrap().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_ours = |pid: &u32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split(|&byte| byte == 0).next() == Some(program.as_os_str().as_bytes())
    };
    numbers.filter(is_ours).collect()
}
