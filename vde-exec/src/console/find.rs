//! Where the management console of a switch is: among the sockets that its process listens on.
//!
//! Nothing in a switch's directory says where its console is. But the kernel says which process
//! began to listen on the control socket (`SO_PEERCRED`), which sockets a process has open
//! (`/proc/PID/fd`), and which of them listen, by which path (`/proc/net/unix`, unix(7)).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::sys::socket::{getsockopt, sockopt};

use crate::switch_dir::SwitchDir;

/// The streams that the process at the other end of `control` listens on, but for that of the switch.
///
/// The table of the kernel has paths as they came, and a path can have a line of its own in it: what it
/// says is believed only of processes and of files of the user whom the switch runs as.
pub(crate) fn consoles_of(control: BorrowedFd<'_>, switch: &SwitchDir) -> Vec<PathBuf> {
    let Ok(peer) = getsockopt(&control, sockopt::PeerCredentials) else { return Vec::new() };
    // That of our own network namespace: a socket of another is not in it.
    let table = fs::read("/proc/self/net/unix").unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    let listening: BTreeMap<u64, &str> = table.lines().filter_map(listening_stream).collect();
    let named: Vec<u64> = listening
        .iter()
        .filter(|(_, path)| Path::new(path) == switch.control())
        .map(|(inode, _)| *inode)
        .collect();
    // A switch that went to the background after it began to listen has another number than it had.
    let is_switch = |pid: &i32, inodes: &BTreeSet<u64>| {
        *pid == peer.pid() || named.iter().any(|inode| inodes.contains(inode))
    };
    let all = processes_of(peer.uid()).map(|pid| (pid, sockets_of(pid)));
    let switches = all.filter(|(pid, inodes)| is_switch(pid, inodes));
    let mut paths: Vec<PathBuf> = switches
        .flat_map(|(pid, inodes)| {
            let paths = inodes.into_iter().filter_map(|inode| listening.get(&inode).copied());
            paths.map(|path| seen_by(pid, path)).collect::<Vec<_>>()
        })
        .filter(|path| path != switch.control() && path.file_name() != Some("ctl".as_ref()))
        .filter(|path| is_socket_of(path, peer.uid()))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Whether it is a socket of this user, whose path does nothing to who shows it.
fn is_socket_of(path: &Path, user: u32) -> bool {
    let is_plain = path.to_str().is_some_and(|path| !path.chars().any(char::is_control));
    let is_it = |meta: fs::Metadata| meta.file_type().is_socket() && meta.uid() == user;
    is_plain && fs::symlink_metadata(path).is_ok_and(is_it)
}

/// The processes of a user, as far as the kernel shows them.
fn processes_of(user: u32) -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(move |entry| entry.metadata().is_ok_and(|meta| meta.uid() == user))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The path by which a process bound a socket: it may have named the directory by a descriptor of its own.
fn seen_by(pid: i32, path: &str) -> PathBuf {
    let through_descriptor = || {
        let (fd, file) = path.strip_prefix("/proc/self/fd/")?.split_once('/')?;
        Some(fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?.join(file))
    };
    through_descriptor().unwrap_or_else(|| PathBuf::from(path))
}

/// The inodes of the sockets that a process has open, as far as we may know.
fn sockets_of(pid: i32) -> BTreeSet<u64> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter_map(|link| inode_of(link.to_str()?)).collect()
}

/// `socket:[4711]`
fn inode_of(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// `00000000e30b0fc7: 00000002 00000000 00010000 0001 01 88493 /run/vde.mgmt`: its inode and path, if
/// it is a stream that listens and has an absolute path.
fn listening_stream(line: &str) -> Option<(u64, &str)> {
    /// `__SO_ACCEPTCON`
    const LISTENS: u32 = 0x1_0000;
    const STREAM: &str = "0001";
    let mut words = line.splitn(8, ' ').filter(|word| !word.is_empty());
    let flags = u32::from_str_radix(words.nth(3)?, 16).ok()?;
    let is_stream = words.next()? == STREAM;
    let rest = line.split_once(" 0001 ")?.1.trim_start();
    let (_state, rest) = rest.split_once(' ')?;
    let (inode, path) = rest.trim_start().split_once(' ')?;
    let is_it = is_stream && flags & LISTENS != 0 && path.starts_with('/');
    is_it.then_some((inode.parse().ok()?, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_streams_are_told_from_other_sockets() {
        let line = "00000000e30b0fc7: 00000002 00000000 00010000 0001 01 88493 /run/a b.mgmt";
        assert_eq!(listening_stream(line), Some((88493, "/run/a b.mgmt")));
        let padded = "0000000000000000: 00000002 00000000 00010000 0001 01   393 /run/m";
        assert_eq!(listening_stream(padded), Some((393, "/run/m")));
        for other in [
            "Num       RefCount Protocol Flags    Type St Inode Path",
            "00000000e30b0fc7: 00000002 00000000 00000000 0001 03 88493 /run/connected",
            "00000000e30b0fc7: 00000002 00000000 00010000 0005 01 88493 /run/seqpacket",
            "00000000e30b0fc7: 00000002 00000000 00010000 0001 01 88493 @abstract",
            "00000000e30b0fc7: 00000002 00000000 00010000 0001 01 88493",
            "",
        ] {
            assert_eq!(listening_stream(other), None, "{other}");
        }
    }

    #[test]
    fn a_path_through_a_descriptor_is_what_that_is_of() {
        let dir = tempfile::tempdir().unwrap();
        let handle = fs::File::open(dir.path()).unwrap();
        let path = format!("/proc/self/fd/{}/console", std::os::fd::AsRawFd::as_raw_fd(&handle));
        let pid = i32::try_from(std::process::id()).unwrap();
        assert_eq!(seen_by(pid, &path), dir.path().canonicalize().unwrap().join("console"));
        assert_eq!(seen_by(pid, "/run/vde.mgmt"), Path::new("/run/vde.mgmt"));
    }

    #[test]
    fn a_path_that_has_a_line_in_it_or_is_of_another_user_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let own = nix::unistd::geteuid().as_raw();
        for (name, user, expected) in [
            ("m", own, true),
            ("m\n0: x", own, false),
            ("\u{1b}m", own, false),
            ("n", own + 1, false),
        ] {
            let path = dir.path().join(name);
            let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
            assert_eq!(is_socket_of(&path, user), expected, "{name:?}");
        }
        assert!(!is_socket_of(dir.path(), own));
    }

    #[test]
    fn the_inode_is_in_the_link() {
        assert_eq!(inode_of("socket:[88493]"), Some(88493));
        assert_eq!(inode_of("pipe:[1]"), None);
    }
}
