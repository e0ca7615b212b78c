//! The far end of plugs: a switch that carries nothing. Its data sockets are the bench's, so that a
//! program between a VM and a switch can be measured alone.

use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use vde_exec::testkit::wait;
use vde_proto::{ClientAddress, Reply, Request, SocketPath};

/// Longest wait for a client's request.
const PATIENCE: Duration = Duration::from_secs(20);

/// A switch's directory and control socket.
#[derive(Debug)]
pub struct FarEnd {
    home: tempfile::TempDir,
    listener: UnixListener,
}

/// The switch's end of one plug. The plug is taken out when it is dropped.
#[derive(Debug)]
pub struct Outlet {
    /// The switch's data socket, connected to the client's.
    pub data: UnixDatagram,
    _control: UnixStream,
}

impl FarEnd {
    /// Makes a directory for clients to find.
    #[must_use]
    pub fn open() -> Self {
        let home = tempfile::Builder::new().prefix("far").tempdir().expect("a directory");
        let listener = UnixListener::bind(home.path().join("ctl")).expect("a control socket");
        listener.set_nonblocking(true).expect("non-blocking");
        Self { home, listener }
    }

    /// What a plug is given as `sock=`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.home.path()
    }

    /// Plugs the next client in.
    ///
    /// # Panics
    /// If none comes in time, or what it asks for cannot be read.
    #[must_use]
    pub fn accept(&self) -> Outlet {
        let mut control = wait::until("a client of the far end", || {
            let (stream, _) = self.listener.accept().ok()?;
            stream.set_nonblocking(false).expect("blocking");
            Some(stream)
        });
        let address = client(&mut control);
        let data = UnixDatagram::bind(self.path_of(&control)).expect("a data socket");
        data.connect(&address).expect("the client's data socket");
        let path = data.local_addr().expect("an address");
        let path = path.as_pathname().expect("a path").as_os_str();
        let path = SocketPath::new(path.as_bytes()).expect("a short path");
        std::io::Write::write_all(&mut control, &Reply { path }.emit()).expect("a reply");
        Outlet { data, _control: control }
    }

    fn path_of(&self, control: &UnixStream) -> PathBuf {
        self.dir().join(format!("001.{}", control.as_raw_fd()))
    }
}

/// Reads the client's request for the address of its data socket.
fn client(control: &mut UnixStream) -> PathBuf {
    control.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut bytes = [0; 256];
    let length = std::io::Read::read(control, &mut bytes).expect("a request");
    let request = bytes.get(..length).and_then(|bytes| Request::parse(bytes).ok());
    match request.expect("a whole request").address {
        ClientAddress::Path(path) => std::ffi::OsStr::from_bytes(path.as_bytes()).into(),
        other => panic!("a client with an address in the file system, not {other:?}"),
    }
}
