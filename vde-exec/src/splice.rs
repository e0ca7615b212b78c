//! The sockets of a relay, and how they get between a VM and its switch while frames flow.
//!
//! ```text
//!   direct     VM --data------------------------------------------peer-- switch
//!   relayed    VM --data------inner-- relay --outer-----------another peer-- switch
//! ```
//!
//! The VM's data socket stays the same object; all that changes is what it is connected to. Where it is
//! re-connected the kernel discards what the VM has not read yet, and a frame that a switch sends to
//! both sockets in that moment could arrive twice. So the moment is chosen (nothing waits to be read),
//! and kept to a few system calls.
//!
//! | moment | frames to the VM | frames of the VM |
//! |---|---|---|
//! | the switch has plugged `outer` in | come by `peer` as before; those that come to `outer`, too, are copies: discarded | as before |
//! | [`Spliced::insert`] | come by `outer` | one `connect`: none is lost |
//! | [`Spliced::hold`]: the switch is asked for the way back | wait in `outer` | through the relay |
//! | [`Spliced::let_go`]: right after | the switch may plug `data` in | have nowhere to go until it is: tenths of a millisecond |
//! | [`Spliced::stop`]: `data` is connected again | come by `peer`; copies of them in `outer` are discarded | direct |
//! | or [`Spliced::take_back`]: it is not to be | come by `outer`; what waited there is discarded, since some may be copies | through the relay |

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{UnixAddr, connect};
use vde_proto::SocketPath;

use crate::connection::Connection;
use crate::data_socket::{Access, DataSocket, drain, is_ours};
use crate::dir_handle::{errno_of, path_of};
use crate::environment::Environment;
use crate::place::places;
use crate::reach::Reach;
use crate::relay::{Relay, RelayOptions, RelayStats, RelayWork};
use crate::{as_path, sys};

/// Longest wait for the VM to read what it has got, before its socket is re-connected.
const UNREAD: Duration = Duration::from_millis(2);

/// Pause between two looks whether it has.
const STEP: Duration = Duration::from_micros(20);

/// A relay with its sockets, in the path or about to be.
#[derive(Debug)]
pub(crate) struct Spliced {
    relay: Relay,
    /// Faces the switch.
    outer: OwnedFd,
    reach: Reach,
    /// Faces the VM: the very file, by which the VM's socket is connected to it.
    inner: File,
    /// The same socket.
    inner_end: OwnedFd,
}

impl Spliced {
    /// Makes the sockets, and starts a relay between them that holds back what it gets.
    ///
    /// # Errors
    /// There is no place for a socket, or no thread to be had.
    pub(crate) fn prepare(
        plug: &Connection,
        environment: &Environment,
        work: RelayWork,
    ) -> Result<Self, Errno> {
        let ours = is_ours(&plug.switch);
        let dirs = environment.socket_dirs(ours);
        let places = places(plug.switch.dir(), &dirs, ours);
        let outer = DataSocket::bind(&plug.switch, &places, plug.access).map_err(|e| e.errno())?;
        let (outer, name) = outer.into_parts();
        let reach = plug.reach.same_for(name).map_err(|error| errno_of(&error))?;
        // Nobody but this process is to reach the other one, and only once.
        let private = Access { mode: Some(0o600), group: None };
        let inner = DataSocket::bind(&plug.switch, &places, private).map_err(|e| e.errno())?;
        let (inner_end, name) = inner.into_parts();
        let inner = name.handle().try_clone().map_err(|error| errno_of(&error))?;
        drop(name);
        let ends = [&inner_end, &outer].map(OwnedFd::try_clone);
        let [for_vm, for_switch] = ends.map(|end| end.map_err(|error| errno_of(&error)));
        let relay = Relay::start(for_vm?, for_switch?, RelayOptions::default());
        let relay = relay.map_err(|error| errno_of(&error))?;
        relay.hold();
        work.begin(&relay).map_err(|error| errno_of(&error))?;
        Ok(Self { relay, outer, reach, inner, inner_end })
    }

    /// Where a switch reaches it.
    pub(crate) fn address(&self) -> Option<SocketPath> {
        self.reach.address()
    }

    /// How a switch reaches it.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The socket that faces the switch.
    pub(crate) fn outer(&self) -> BorrowedFd<'_> {
        self.outer.as_fd()
    }

    /// The relay.
    pub(crate) fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Puts the relay between `data`, the VM's socket, which is reached by `reach`, and the switch, to
    /// which `outer` is connected.
    ///
    /// # Errors
    /// What the kernel says; then nothing has changed if `peer`, the switch's end of the direct path, is
    /// still there.
    pub(crate) fn insert(
        &self,
        data: BorrowedFd<'_>,
        reach: &Reach,
        peer: Option<&SocketPath>,
    ) -> Result<(), Errno> {
        let address = reach.address().ok_or(Errno::EADDRNOTAVAIL)?;
        drain(self.outer());
        wait_until_read(data);
        drain(self.outer());
        self.connect_vm(data)?;
        drain(self.outer());
        let connected = UnixAddr::new(as_path(address.as_bytes()))
            .and_then(|address| connect(self.inner_end.as_raw_fd(), &address));
        if connected.is_err() {
            let old = peer.and_then(|peer| UnixAddr::new(as_path(peer.as_bytes())).ok());
            match old {
                Some(old) => connect(data.as_raw_fd(), &old)?,
                None => sys::dissolve(data)?,
            }
        }
        connected?;
        self.relay.release();
        Ok(())
    }

    /// Nothing more is passed on to the VM, but kept for it.
    pub(crate) fn hold(&self) {
        self.relay.hold();
    }

    /// The VM's socket is connected to nobody, so that a switch can connect to it.
    pub(crate) fn let_go(&self, data: BorrowedFd<'_>) {
        wait_until_read(data);
        // It is a datagram socket, for which this cannot fail.
        let _ = sys::dissolve(data);
    }

    /// The way back was not to be had: everything goes through the relay again, but for what has been
    /// held. The switch may have plugged `data` in before the call failed, and then the VM has had that.
    pub(crate) fn take_back(&self, data: BorrowedFd<'_>) {
        // The socket is ours, and connected to nobody but the VM's.
        let _ = self.connect_vm(data);
        drain(self.outer());
        self.relay.release();
    }

    /// The relay is over.
    pub(crate) fn stop(self) -> RelayStats {
        self.relay.stop()
    }

    fn connect_vm(&self, data: BorrowedFd<'_>) -> Result<(), Errno> {
        connect(data.as_raw_fd(), &UnixAddr::new(&path_of(self.inner.as_raw_fd()))?)
    }
}

/// Waits until nothing waits for the VM, or it is clear that it does not read.
fn wait_until_read(data: BorrowedFd<'_>) {
    let started = Instant::now();
    while has_something(data) && started.elapsed() < UNREAD {
        std::thread::sleep(STEP);
    }
}

fn has_something(socket: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(socket, PollFlags::POLLIN)];
    matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1..))
}
