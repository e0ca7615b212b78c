//! A plug of the test's own: puts frames into a switch and takes them out, with no guest at all.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use vde_exec::testkit::real_switch::RealSwitch;
use vde_exec::{Connection, DialOptions, Environment, dial};

/// Longest wait for a frame that has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Local experimental ethertype 1 (IEEE 802): frames of this test and nobody else's.
const ETHERTYPE: [u8; 2] = [0x88, 0xb5];

/// A port of a switch, held by the test.
pub struct Wire {
    data: UnixDatagram,
    address: [u8; 6],
    _control: std::os::fd::OwnedFd,
}

impl Wire {
    /// Plugs in; `number` makes the hardware address.
    pub fn into(switch: &RealSwitch, number: u8) -> Self {
        Self::into_dir(switch.dir(), number)
    }

    /// The same for a switch of any make.
    pub fn into_dir(dir: &Path, number: u8) -> Self {
        let vnl = vde_exec::vde_proto::Vnl::parse(dir.to_str().unwrap().as_bytes()).unwrap();
        let options = DialOptions {
            description: format!("e2e wire {number}"),
            timeout: PATIENCE,
            environment: Environment::of_process(),
        };
        let Connection { control, data, .. } = dial(&vnl, &options, None).unwrap();
        let data = UnixDatagram::from(data);
        Self { data, address: [2, 0, 0, 0, 0, number], _control: control.unwrap() }
    }

    /// A broadcast frame from here that says `text`.
    pub fn frame(&self, text: &str) -> Vec<u8> {
        let mut frame = vec![0xff; 6];
        frame.extend(self.address);
        frame.extend(ETHERTYPE);
        frame.extend(text.bytes());
        frame.resize(frame.len().max(60), 0);
        frame
    }

    pub fn send(&self, frame: &[u8]) {
        self.data.send(frame).unwrap();
    }

    /// The next frame of this test's kind, if one comes within `patience`.
    pub fn receive(&self, patience: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + patience;
        let mut buffer = [0; 2048];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.data.set_read_timeout(Some(left)).unwrap();
            match self.data.recv(&mut buffer) {
                Ok(length) if length >= 14 && buffer[12..14] == ETHERTYPE => {
                    return Some(buffer[..length].to_vec());
                }
                _ => {} // another kind of frame, or the time is over
            }
        }
    }

    /// The next frame of whatever kind, if one comes within `patience`.
    pub fn receive_any(&self, patience: Duration) -> Option<Vec<u8>> {
        let mut buffer = [0; 16 * 1024];
        self.data.set_read_timeout(Some(patience)).unwrap();
        self.data.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec())
    }

    /// Sends until the first frame arrives at `other`, which is when the way between them is open,
    /// and throws away what arrives late.
    pub fn wait_for_way_to(&self, other: &Self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.send(&self.frame("hello?"));
            if other.receive(Duration::from_millis(100)).is_some() {
                break;
            }
            assert!(Instant::now() < deadline, "no frame came through");
        }
        while other.receive(Duration::from_millis(300)).is_some() {}
    }
}
