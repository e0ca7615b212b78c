//! What the kernel allows.

use std::fs;
use std::path::Path;

use super::finding::{Finding, Topic};

/// What one frame of full size takes in a send buffer, in bytes: it holds 93 in 212992 of them.
const FRAME: u64 = 2290;

/// The default of Linux for a socket's send buffer, in bytes.
const USUAL_BUFFER: u64 = 212_992;

/// Fewer open files than this, and a machine with some disks and NICs may want for them.
const FEW_FILES: u64 = 256;

pub(super) fn look(findings: &mut Vec<Finding>) {
    findings.extend(buffers("/proc/sys/net".as_ref()));
    if fs::metadata("/proc/self/fd").is_err() {
        let says = "/proc is not there: data sockets cannot be handed to switches";
        findings.push(Finding::wrong(Topic::Host, says).by("mount -t proc proc /proc"));
    }
    if let Some(most) = open_files().filter(|most| *most < FEW_FILES) {
        let says = format!("a process may have no more than {most} files open");
        findings.push(Finding::note(Topic::Host, says).by("ulimit -n 1024"));
    }
}

/// How much a plug can hold before its sender has to wait: `net` is where the kernel says that.
fn buffers(net: &Path) -> Option<Finding> {
    let read =
        |name| -> Option<u64> { fs::read_to_string(net.join(name)).ok()?.trim().parse().ok() };
    let buffer = read("core/wmem_default")?;
    let frames = buffer / FRAME;
    let says =
        format!("{frames} full frames may wait in a plug (net.core.wmem_default is {buffer})");
    if buffer < USUAL_BUFFER / 2 {
        let fix = format!("sysctl -w net.core.wmem_default={USUAL_BUFFER}");
        return Some(Finding::note(Topic::Host, says).by(fix));
    }
    let queue = read("unix/max_dgram_qlen").map(|queue| {
        format!("; net.unix.max_dgram_qlen, {queue} here, does not limit plugs, which are connected both ways")
    });
    Some(Finding::ok(Topic::Host, says + &queue.unwrap_or_default()))
}

/// The most files that this process may have open.
fn open_files() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wmem: &str, qlen: &str) -> String {
        let net = tempfile::tempdir().unwrap();
        for (name, text) in [("core/wmem_default", wmem), ("unix/max_dgram_qlen", qlen)] {
            fs::create_dir_all(net.path().join(name).parent().unwrap()).unwrap();
            fs::write(net.path().join(name), text).unwrap();
        }
        buffers(net.path()).map(|finding| finding.lines()).unwrap_or_default()
    }

    #[test]
    fn the_usual_buffer_is_fine_whatever_the_queue_of_the_unconnected() {
        let text = of("212992\n", "10\n");
        assert!(text.starts_with("  ok     93 full frames"), "{text}");
        assert!(text.contains("max_dgram_qlen, 10 here, does not"), "{text}");
    }

    #[test]
    fn a_small_buffer_comes_with_the_command_for_a_larger_one() {
        let text = of("8192\n", "10\n");
        assert!(text.contains("note   3 full frames") && text.contains("-> sysctl -w"), "{text}");
    }

    #[test]
    fn where_nothing_can_be_read_nothing_is_said() {
        assert_eq!(of("x", "y"), "");
        assert!(open_files().is_some());
    }
}
