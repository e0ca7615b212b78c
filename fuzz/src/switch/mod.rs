//! Hostile clients, a clumsy driver, and frames against the switch engine.
//!
//! The first four bytes are the switch: personality (modulo 3) and 128 for a hub, ports (modulo 6),
//! the most endpoints (modulo 16), the size of the table of addresses. Then, until the input ends,
//! one byte each, modulo 10, and what belongs to it. A client is one of four control streams.
//!
//! | | | |
//! |---|---|---|
//! | 0 | a client sends good requests in one piece | client, port, address, how many: 4 bytes |
//! | 1 | a client sends any bytes | client, length, the bytes |
//! | 2 | a client goes | client |
//! | 3 | its socket was attached | client, owner |
//! | 4 | it was not | client |
//! | 5 | its endpoint is served | client |
//! | 6 | it is not | client |
//! | 7 | everything that the switch asked for is done | owner |
//! | 8 | an endpoint sends a frame | endpoint, destination, source, tag, length: 6 bytes |
//! | 9 | time passes; or, with both bytes 255, an endpoint is closed | hundredths of a second: 2 bytes, or endpoint: 3 |
//!
//! Answers to questions that were never asked are part of the game.

mod frames;
mod watcher;

use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use frames::Frame;
use vde_proto::switch::{ConnId, Input, Personality, SwitchConfig};
use vde_proto::{ClientAddress, Description, PortNumber, PortRequest, Request, SocketPath};
use watcher::Watcher;

/// Plays the story in `data` to a switch and watches it.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let Ok(config) = config(&mut bytes) else { return };
    let mut story = Story { watcher: Watcher::new(config), clients: [None; 4], last_conn: 0 };
    while !bytes.is_empty() {
        if story.step(&mut bytes).is_err() {
            break;
        }
    }
    story.watcher.finish();
}

fn config(bytes: &mut Unstructured<'_>) -> Result<SwitchConfig> {
    let [kind, ports, endpoints, hash] = <[u8; 4]>::arbitrary(bytes)?;
    let personality = match kind & 127 {
        n if n % 3 == 0 => Personality::Old,
        n if n % 3 == 1 => Personality::New,
        _ => Personality::Strict,
    };
    Ok(SwitchConfig {
        hub: kind & 128 != 0,
        ports: u32::from(ports % 6),
        max_endpoints: usize::from(endpoints % 16),
        hash_size: hash.into(),
        ..SwitchConfig::new(personality)
    })
}

struct Story {
    watcher: Watcher,
    /// The stream of each client, if it has one now.
    clients: [Option<ConnId>; 4],
    last_conn: u64,
}

impl Story {
    fn step(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        match u8::arbitrary(bytes)? % 10 {
            0 => {
                let conn = self.client(bytes)?;
                let request = request(bytes)?;
                let times = usize::from(u8::arbitrary(bytes)? % 8);
                // Long ones, so that each is a read of its own.
                self.watcher.tell(Input::Control(conn, &request.repeat(times)));
            }
            1 => {
                let conn = self.client(bytes)?;
                let len = usize::from(u8::arbitrary(bytes)?).min(bytes.len());
                self.watcher.tell(Input::Control(conn, bytes.bytes(len)?));
            }
            2 => {
                let conn = self.client(bytes)?;
                self.watcher.tell(Input::ControlClosed(conn));
            }
            3 => {
                let conn = self.client(bytes)?;
                let owner = owner(bytes)?;
                self.watcher.tell(Input::Attached { conn, owner });
            }
            4 => {
                let conn = self.client(bytes)?;
                self.watcher.tell(Input::AttachFailed(conn));
            }
            5 => {
                let conn = self.client(bytes)?;
                self.watcher.serve(conn);
            }
            6 => {
                let conn = self.client(bytes)?;
                self.watcher.tell(Input::ServeFailed(conn));
            }
            7 => self.watcher.obey(owner(bytes)?),
            8 => {
                let from = u8::arbitrary(bytes)?;
                self.watcher.send(from.into(), &Frame::arbitrary(bytes)?);
            }
            _ => match u16::arbitrary(bytes)? {
                u16::MAX => self.watcher.close(usize::from(u8::arbitrary(bytes)?)),
                time => self.watcher.now += Duration::from_millis(u64::from(time) * 10),
            },
        }
        Ok(())
    }

    /// The stream of a client; a new one if the switch or the client closed the last.
    fn client(&mut self, bytes: &mut Unstructured<'_>) -> Result<ConnId> {
        let slot = &mut self.clients[usize::from(u8::arbitrary(bytes)? % 4)];
        Ok(match *slot {
            Some(conn) if self.watcher.is_open(conn) => conn,
            _ => {
                self.last_conn += 1;
                let conn = ConnId(self.last_conn);
                *slot = Some(conn);
                self.watcher.open(conn);
                conn
            }
        })
    }
}

fn owner(bytes: &mut Unstructured<'_>) -> Result<Option<u32>> {
    Ok(match u8::arbitrary(bytes)? % 4 {
        0 => None,
        uid => Some(uid.into()),
    })
}

/// A request that a switch can grant, of the greatest length.
fn request(bytes: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let [port, address] = <[u8; 2]>::arbitrary(bytes)?;
    let port = match port % 8 {
        0 | 1 => PortRequest::Any,
        2 => PortRequest::Zero,
        number => {
            PortNumber::new(u32::from(number) - 2).map_or(PortRequest::Any, PortRequest::Number)
        }
    };
    let address = match address % 8 {
        0 => ClientAddress::Unnamed,
        1 => ClientAddress::Abstract(
            vde_proto::AbstractName::padded(b"client").expect("a short name"),
        ),
        n => ClientAddress::Path(SocketPath::new([b'/', b'0' + n]).expect("a short path")),
    };
    let mut request = Request::new(port, address, Description::default());
    request.description = vde_proto::RawDescription::new([b'd'; 134]);
    Ok(request.emit())
}
