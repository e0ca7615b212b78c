//! A client made with `dial`, and raw ones for what `dial` would never do.

use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::time::Duration;

use vde_exec::testkit::wait::PATIENCE;
use vde_exec::vde_proto::{
    ClientAddress, Description, PortRequest, Request, SocketPath, Version, Vnl,
};
use vde_exec::{Connection, DialError, DialOptions, Environment, dial};

pub struct Client {
    pub connection: Connection,
    pub data: UnixDatagram,
}

pub fn options(timeout: Duration) -> DialOptions {
    let description = "test".to_owned();
    DialOptions { description, timeout, environment: Environment::default() }
}

/// `DIR` or `DIR[PARAMETERS]`.
pub fn locator(dir: &Path, parameters: &str) -> Vnl {
    let brackets = if parameters.is_empty() { String::new() } else { format!("[{parameters}]") };
    Vnl::parse(format!("{}{brackets}", dir.display()).as_bytes()).unwrap()
}

impl Client {
    /// Plugs in; a switch that answers does so in far less than the time it has.
    pub fn plug(dir: &Path, parameters: &str) -> Self {
        Self::try_plug(dir, parameters, PATIENCE).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_plug(dir: &Path, parameters: &str, timeout: Duration) -> Result<Self, DialError> {
        let connection = dial(&locator(dir, parameters), &options(timeout), None)?;
        let data = UnixDatagram::from(connection.data.try_clone().unwrap());
        data.set_read_timeout(Some(PATIENCE)).unwrap();
        Ok(Self { connection, data })
    }

    pub fn send(&self, frame: &[u8]) {
        assert_eq!(self.data.send(frame).unwrap(), frame.len());
    }

    /// The next frame.
    pub fn receive(&self) -> Vec<u8> {
        let mut buffer = [0; 65_536];
        let length = self.data.recv(&mut buffer).expect("a frame");
        buffer[..length].to_vec()
    }
}

/// A frame of `length` bytes.
pub fn frame(destination: [u8; 6], source: [u8; 6], length: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..=250).cycle().take(length).collect();
    frame[..6].copy_from_slice(&destination);
    frame[6..12].copy_from_slice(&source);
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    frame
}

pub const EVERYBODY: [u8; 6] = [0xff; 6];

/// The address of the nth guest.
pub const fn mac(n: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, n]
}

/// A control stream of our own, to say on it whatever we want.
pub struct RawClient {
    stream: UnixStream,
    path: SocketPath,
    /// Bound, so that the switch can connect to it.
    _data: UnixDatagram,
    _home: tempfile::TempDir,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Reply(Vec<u8>),
    End,
}

impl RawClient {
    pub fn new(dir: &Path) -> Self {
        let home = tempfile::Builder::new().prefix("raw").tempdir().unwrap();
        let path = home.path().join("data");
        let data = UnixDatagram::bind(&path).unwrap();
        let stream = UnixStream::connect(dir.join("ctl")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let path = SocketPath::new(path.as_os_str().as_encoded_bytes()).unwrap();
        Self { stream, path, _data: data, _home: home }
    }

    /// A request for `port` that the switch can serve.
    pub fn request(&self, version: Version, port: PortRequest) -> Request {
        let mut request = Request::new(
            port,
            ClientAddress::Path(self.path.clone()),
            Description::sanitised("raw"),
        );
        request.version = version;
        request
    }

    pub fn say(&mut self, bytes: &[u8]) {
        // A switch that hung up already is found out when its answer is read.
        let _ = self.stream.write_all(bytes);
    }

    /// Waits for a whole reply or the end of the stream.
    pub fn verdict(&mut self) -> Verdict {
        let mut reply = Vec::new();
        let mut buffer = [0; 110];
        while reply.len() < 110 {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Verdict::End,
                Ok(length) => reply.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                    return Verdict::End;
                }
                Err(error) => panic!("neither a reply nor the end: {error}"),
            }
        }
        Verdict::Reply(reply)
    }

    pub fn is_granted(&mut self) -> bool {
        matches!(self.verdict(), Verdict::Reply(_))
    }
}
