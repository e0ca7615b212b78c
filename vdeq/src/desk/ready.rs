//! Whoever waits for the VM to have its network, or for a switch to be there: `--ready-fd`, and a service manager (sd_notify(3)).
//!
//! The protocol of sd_notify is a datagram of `NAME=VALUE` lines. It is spoken here, without the
//! crate of that name: that waits for room in the socket of the service manager, and nothing here
//! may wait.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use vde_exec::Outlet;

/// Names the socket of the service manager.
const SOCKET: &str = "NOTIFY_SOCKET";

/// Who is told.
#[derive(Debug)]
pub(crate) struct Ready {
    outlet: Option<Outlet>,
    manager: Option<Manager>,
    is_told: bool,
}

impl Ready {
    /// `outlet` is that of `--ready-fd`.
    pub(crate) fn new(outlet: Option<Outlet>) -> Self {
        let manager = std::env::var_os(SOCKET).and_then(Manager::at);
        Self { outlet, manager, is_told: false }
    }

    /// Says that it is so, once. Returns what could not be told, and why.
    pub(crate) fn tell(&mut self) -> Vec<String> {
        let mut failures = Vec::new();
        if std::mem::replace(&mut self.is_told, true) {
            return failures;
        }
        if let Some(mut outlet) = self.outlet.take() {
            match outlet.write(b"ready") {
                Ok(true) => {}
                Ok(false) => failures.push("--ready-fd: there is no room for a word".to_owned()),
                Err(errno) => failures.push(format!("--ready-fd: {}", errno.desc())),
            }
        }
        if let Err(error) = self.notify("READY=1") {
            failures.push(format!("the service manager at {SOCKET} was not told: {error}"));
        }
        failures
    }

    /// Says how things are, in one line.
    pub(crate) fn describe(&self, line: &str) {
        // It is for people who look; the next one may arrive.
        let _ = self.notify(&format!("STATUS={line}"));
    }

    /// Says that the end has come.
    pub(crate) fn stopping(&self) {
        let _ = self.notify("STOPPING=1");
    }

    fn notify(&self, text: &str) -> io::Result<()> {
        self.manager.as_ref().map_or(Ok(()), |manager| manager.tell(text))
    }
}

/// A service manager.
#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Manager {
    /// A path, or with `@` in front an abstract name. Other kinds of addresses are not for here.
    fn at(name: OsString) -> Option<Self> {
        let address = match name.as_bytes() {
            [b'/', ..] => SocketAddr::from_pathname(&name).ok()?,
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok()?,
            _ => return None,
        };
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket, address })
    }

    fn tell(&self, text: &str) -> io::Result<()> {
        self.socket.send_to_addr(text.as_bytes(), &self.address).map(drop)
    }
}
