//! A plug of the bench's own: what a VM has in direct mode.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use vde_exec::vde_proto::Vnl;
use vde_exec::{Connection, DialOptions, Environment, dial};

/// A plug in a switch.
#[derive(Debug)]
pub struct Plug {
    /// The data socket, blocking.
    pub data: UnixDatagram,
    _connection: Connection,
}

impl Plug {
    /// Plugs into the switch in `dir`.
    ///
    /// # Panics
    /// If the switch does not answer.
    #[must_use]
    pub fn into(dir: &Path) -> Self {
        let vnl = Vnl::parse(dir.as_os_str().as_encoded_bytes()).expect("a locator");
        let options = DialOptions {
            description: "bench".to_owned(),
            timeout: Duration::from_secs(20),
            environment: Environment::default(),
        };
        let connection = dial(&vnl, &options, None).expect("a plug");
        let data = connection.data.try_clone().expect("a descriptor");
        Self { data: UnixDatagram::from(data), _connection: connection }
    }
}
