//! The monitor through which QEMU is told of links (`--link-state`), and how QEMU is told of it.
//!
//! A socket pair carries it. The words that make a monitor of it are in a nameless file that QEMU
//! reads through `/dev/fd`: an option for a monitor on the command line would take away the one that
//! QEMU has where none is named, the keys of `-nographic` with it, and newer ones warn of it.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use vde_args::{Dialect, Invocation, Network, QemuVersion};
use vde_exec::{LineStream, memory_file, number_one};

use crate::command_line::{Change, Line};
use crate::desk::link::{LIMITS, Link};
use crate::failure::Failure;
use crate::wiring::Wiring;

/// How many descriptors a monitor takes.
pub(crate) const DESCRIPTORS: usize = 2;

/// A monitor for a QEMU that is going to be started.
#[derive(Debug)]
pub(crate) struct Monitor {
    link: Link,
    /// QEMU's end of the socket pair, and the file.
    fds: Vec<OwnedFd>,
}

/// Whether a monitor is needed: there are links to tell of.
pub(crate) fn is_needed(
    invocation: &Invocation<'_>,
    wiring: &Wiring<'_>,
    version: QemuVersion,
) -> Result<bool, Failure> {
    if !invocation.options.link_state || wiring.plugs().is_empty() {
        return Ok(false);
    }
    match Dialect::of(version) {
        Dialect::Socket => Ok(true),
        _ => Err(Failure::NoLinkState(version)),
    }
}

impl Monitor {
    pub(crate) fn new(network: &Network<'_>, version: QemuVersion) -> io::Result<Self> {
        let (stream, theirs) = LineStream::pair(LIMITS)?;
        let theirs = number_one(theirs);
        let file = memory_file(&network.monitor_file(theirs.as_raw_fd()))?;
        let on_hubs = network.on_hubs(version).into_iter().chain(std::iter::repeat(false));
        let names = network.link_names(version).into_iter().zip(on_hubs);
        let names = names.map(|(name, is_on_hub)| name.filter(|_| !is_on_hub)).collect();
        Ok(Self { link: Link::new(stream, names), fds: vec![theirs, number_one(file)] })
    }

    /// The numbers of QEMU's end and of the file.
    pub(crate) fn numbers(&self) -> Vec<i32> {
        self.fds.iter().map(AsRawFd::as_raw_fd).collect()
    }

    /// Our end, and what QEMU is to inherit.
    pub(crate) fn into_parts(self) -> (Link, Vec<OwnedFd>) {
        (self.link, self.fds)
    }
}

/// Has the program read the file in front of all else; `fds` are [`Monitor::numbers`].
pub(crate) fn add_to(line: &mut Line, fds: &[i32], program_index: usize) {
    let [socket, file] = fds else { return };
    let words = ["-readconfig".into(), OsString::from(format!("/dev/fd/{file}"))];
    line.args.splice(0..0, words.clone());
    line.changes.insert(
        0,
        Change {
            index: program_index,
            before: Vec::new(),
            after: words.to_vec(),
            why: format!(
                "--link-state needs a monitor of its own: this file says that fd {socket} is one"
            ),
        },
    );
}

/// What to say of plugs on hubs.
pub(crate) fn unseen(network: &Network<'_>, version: QemuVersion) -> Vec<String> {
    let on_hubs = network.on_hubs(version).into_iter().enumerate().filter(|(_, on_hub)| *on_hub);
    let each = on_hubs.map(|(nic, _)| {
        format!(
            "--link-state: the guest will not see network {nic} go: it is on a hub, which passes no \
             news on (give its NIC a netdev of its own)"
        )
    });
    each.collect()
}
