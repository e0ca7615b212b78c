//! The control streams of a switch, and how far each of them is.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::{ConnId, EndpointId};
use crate::wire::{PortRequest, RawDescription};

/// All streams that have sent something and have not ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams(BTreeMap<ConnId, Stream>);

#[derive(Debug, Clone, Default)]
pub(super) struct Stream {
    pub(super) phase: Phase,
    /// The endpoint that ends with the stream.
    pub(super) endpoint: Option<EndpointId>,
    /// Reads that came while a request was being served.
    waiting: VecDeque<Vec<u8>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// The next read is a request.
    #[default]
    Idle,
    /// The driver is connecting a socket to the client.
    Attaching { port: PortRequest, description: RawDescription },
    /// The driver is binding the endpoint's data socket.
    Serving { endpoint: EndpointId, description: RawDescription },
}

impl Streams {
    /// The stream, which comes into being if it is new.
    pub(super) fn open(&mut self, conn: ConnId) -> &mut Stream {
        self.0.entry(conn).or_default()
    }

    pub(super) fn get(&mut self, conn: ConnId) -> Option<&mut Stream> {
        self.0.get_mut(&conn)
    }

    pub(super) fn remove(&mut self, conn: ConnId) -> Option<Stream> {
        self.0.remove(&conn)
    }
}

impl Stream {
    pub(super) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Keeps a read for later. False if there are `max` of them already.
    pub(super) fn wait(&mut self, bytes: &[u8], max: usize) -> bool {
        let room = self.waiting.len() < max;
        if room {
            self.waiting.push_back(bytes.to_vec());
        }
        room
    }

    /// The next read that waited, if the stream is ready for it.
    pub(super) fn next_waiting(&mut self) -> Option<Vec<u8>> {
        if self.is_idle() { self.waiting.pop_front() } else { None }
    }
}
