//! A plug that is up: its two sockets, and what is needed to make it again.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use vde_proto::{Description, PortRequest, Vnl};

use crate::console::consoles_of;
use crate::data_socket::Access;
use crate::reach::Reach;
use crate::switch_dir::SwitchDir;

/// A plug: hand `data` to a VM, and keep `control` open as long as the VM lives.
#[derive(Debug)]
pub struct Connection {
    /// The control stream. The port lives as long as a copy of it is open; end of file on it is
    /// the only sign that the switch gave the port up \[P-7.2\]. `None` while the switch is lost.
    pub control: Option<OwnedFd>,
    /// The data socket: connected, blocking, close-on-exec; one datagram is one frame.
    pub data: OwnedFd,
    /// The switch.
    pub switch: SwitchDir,
    /// The port that the switch gave, where its reply tells.
    pub port: Option<u32>,
    /// The switch's data socket, which it removes when it has the port back \[P-7.3\].
    pub peer: PathBuf,
    /// The user whom the switch runs as, if the kernel tells.
    pub(crate) user: Option<u32>,
    /// What was dialed, with an absolute path.
    pub(crate) vnl: Vnl,
    /// Who may reach a socket of the plug while a handshake lasts.
    pub(crate) access: Access,
    /// Who we said we are.
    pub(crate) description: Description,
    /// How a switch reaches the data socket from now on.
    pub(crate) reach: Reach,
}

impl Connection {
    /// The user whom the switch runs as, if the kernel tells.
    #[must_use]
    pub fn user(&self) -> Option<u32> {
        self.user
    }

    /// The management sockets of the switch, where the kernel shows what its process listens on: to
    /// root and, usually, to the user whom it runs as. None where it does not.
    #[must_use]
    pub fn consoles(&self) -> Vec<PathBuf> {
        let control = self.control.as_ref().map(AsFd::as_fd);
        control.map(|control| consoles_of(control, &self.switch)).unwrap_or_default()
    }

    /// The port that was asked for.
    pub(crate) fn asked(&self) -> PortRequest {
        self.vnl.port.unwrap_or(PortRequest::Any)
    }
}
