//! What the benches share: the plugs that frames go through, and medians.
//!
//! | bench | what is measured |
//! |---|---|
//! | `wire` | encoding, decoding, and a whole handshake in memory |
//! | `engine` | the switch engine: one decision about a frame, by ports, addresses and lengths; coming and going; the console |
//! | `argv` | reading and rewriting command lines |
//! | `hop` | one frame: the kernel's floor, and through a switch |
//! | `relay` | one hop: the kernel's floor, our relay, with a capture, and the C vdeq |
//! | `startup` | what vdeq adds to the start of a program, beside the C vdeq |
//!
//! `cargo xtask bench` runs them all; `docs/performance.md` has figures of one machine.
#![allow(clippy::expect_used, reason = "a bench stops where the world is not as it needs it")]

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

/// A frame to everybody, of `length` bytes.
#[must_use]
pub fn broadcast(length: usize) -> Vec<u8> {
    let mut frame = vec![0; length];
    let header = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
    for (byte, value) in frame.iter_mut().zip(header) {
        *byte = value;
    }
    frame
}

/// The least, the middle, and the greatest of some durations; `None` if there are none.
#[must_use]
pub fn spread(samples: &[Duration]) -> Option<(Duration, Duration, Duration)> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    Some((*sorted.first()?, *sorted.get(sorted.len() / 2)?, *sorted.last()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_whatever_the_order() {
        let [one, two, nine] = [1, 2, 9].map(Duration::from_millis);
        assert_eq!(spread(&[nine, one, two]), Some((one, two, nine)));
        assert_eq!(spread(&[]), None);
    }
}
