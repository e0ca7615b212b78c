//! The data sockets of the ports, and frames on their way between them.
//!
//! # Theory of operation
//!
//! Frames are received into one piece of memory, from one endpoint after the other, and stay there until
//! it is full or nobody has more: [`Ports::take`] asks the engine who gets each and notes it at the
//! receiver; [`Ports::flush`] then sends each receiver all of its frames in one system call. So a frame
//! is copied by the kernel alone, and what one endpoint sent to another stays in order.
//!
//! A receiver's queue is its socket's send buffer in the kernel. Nobody waits for one that is full:
//! what does not fit is dropped and counted.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::Epoll;
use nix::sys::socket::{setsockopt, sockopt};
use vde_proto::switch::{EndpointId, Switch};
use vde_proto::wire::frame;

use crate::sys::Messages;

/// Send buffer of a data socket in bytes, as `SO_SNDBUF` takes it: what may wait for a client.
pub(super) const QUEUE: usize = 208 * 1024;

/// How many frames are under way at a time.
const FRAMES: usize = 64;

/// Room for a frame: one byte more than the longest, so that a longer one is known for what it is. The
/// beginnings of frames fall into different places of the processor's caches.
const ROOM: usize = 9 * 1024 + 64;
const _: () = assert!(ROOM > frame::LIBRARY_MAX);

/// How often a send is tried that failed for a reason that has passed with it.
const ATTEMPTS: usize = 3;

/// The data sockets.
pub(super) struct Ports {
    /// By rising numbers.
    endpoints: Vec<Endpoint>,
    messages: Messages,
    room: Box<[[u8; ROOM]]>,
    /// The lengths of the frames in `room`, in their order.
    lengths: Vec<usize>,
    /// Whose turn it is to be sent to: places in `endpoints`.
    receivers: Vec<usize>,
    /// For the engine to fill.
    to: Vec<EndpointId>,
    /// For a frame that the engine changed.
    changed: Vec<u8>,
}

/// A client's place on a port.
#[derive(Debug)]
struct Endpoint {
    id: EndpointId,
    socket: OwnedFd,
    name: OsString,
    /// The frames for it, by their places in the room.
    pending: Vec<usize>,
    /// Its client's socket is gone for good: nothing more is sent to it, nor taken from whoever could
    /// use its place.
    is_cut_off: bool,
}

impl Ports {
    pub(super) fn new() -> Self {
        Self {
            endpoints: Vec::new(),
            messages: Messages::new(FRAMES),
            room: vec![[0; ROOM]; FRAMES].into(),
            lengths: Vec::with_capacity(FRAMES),
            receivers: Vec::new(),
            to: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// Adds the endpoint with the highest number so far.
    pub(super) fn add(&mut self, id: EndpointId, socket: OwnedFd, name: OsString) {
        // A shorter queue is a queue, too.
        let _ = setsockopt(&socket, sockopt::SndBuf, &QUEUE);
        let pending = Vec::new();
        self.endpoints.push(Endpoint { id, socket, name, pending, is_cut_off: false });
    }

    /// Takes an endpoint away: its socket and its name. No frame may be under way.
    pub(super) fn remove(&mut self, id: EndpointId) -> Option<(OwnedFd, OsString)> {
        let place = find(&self.endpoints, id.get())?;
        let Endpoint { socket, name, .. } = self.endpoints.remove(place);
        Some((socket, name))
    }

    /// Takes what the endpoint with this number sent, and asks the switch who gets it.
    pub(super) fn take(&mut self, switch: &mut Switch, now: Duration, number: u64, epoll: &Epoll) {
        if self.lengths.len() == FRAMES {
            self.flush(switch, epoll);
        }
        let Some(place) = find(&self.endpoints, number) else { return };
        let Some(endpoint) = self.endpoints.get(place) else { return };
        let (from, first) = (endpoint.id, self.lengths.len());
        let room = self.room.get_mut(first..).unwrap_or_default();
        let mut lengths = [0; FRAMES];
        // An error (that its client left another peer, say) is over with having been told; what it was
        // about shows when something is sent.
        let received = self.messages.receive(endpoint.socket.as_fd(), room, &mut lengths);
        let frames = room.iter_mut().zip(lengths).take(received.unwrap_or_default());
        for (index, (room, length)) in (first..).zip(frames) {
            let frame = room.get(..length).unwrap_or(room);
            let forwarded = switch.forward(now, from, frame, &mut self.to);
            let length = forwarded.frame.len();
            let is_changed = !std::ptr::eq(forwarded.frame.as_ptr(), frame.as_ptr());
            if is_changed && length > 0 {
                self.changed.clear();
                self.changed.extend_from_slice(forwarded.frame);
                room.iter_mut().zip(&self.changed).for_each(|(to, from)| *to = *from);
            }
            self.lengths.push(length);
            for to in &self.to {
                let Some(place) = find(&self.endpoints, to.get()) else { continue };
                let Some(receiver) = self.endpoints.get_mut(place) else { continue };
                if receiver.pending.is_empty() {
                    self.receivers.push(place);
                }
                receiver.pending.push(index);
            }
        }
    }

    /// Sends what was taken.
    pub(super) fn flush(&mut self, switch: &mut Switch, epoll: &Epoll) {
        let Self { room, lengths, messages, .. } = self;
        for place in self.receivers.drain(..) {
            let Some(receiver) = self.endpoints.get_mut(place) else { continue };
            let frames = |from: usize| {
                receiver.pending.iter().skip(from).map(|&index| {
                    let length = lengths.get(index).copied().unwrap_or_default();
                    room.get(index).and_then(|frame| frame.get(..length)).unwrap_or_default()
                })
            };
            let mut sent = 0;
            if !receiver.is_cut_off {
                let socket = receiver.socket.as_fd();
                let mut attempts = 0;
                while sent < receiver.pending.len() && attempts < ATTEMPTS {
                    match messages.send(socket, frames(sent)) {
                        Ok(more) => sent += more,
                        Err(Errno::EINTR | Errno::ECONNRESET) => attempts += 1,
                        Err(errno) => {
                            receiver.is_cut_off =
                                matches!(errno, Errno::ECONNREFUSED | Errno::ENOTCONN);
                            break;
                        }
                    }
                }
                if receiver.is_cut_off {
                    let _ = epoll.delete(socket);
                }
            }
            for _ in sent..receiver.pending.len() {
                switch.unsent(receiver.id);
            }
            receiver.pending.clear();
        }
        self.lengths.clear();
    }

    /// All names, when everything is over.
    pub(super) fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.endpoints.iter().map(|endpoint| endpoint.name.as_os_str())
    }
}

/// The place of the endpoint with this number.
fn find(endpoints: &[Endpoint], number: u64) -> Option<usize> {
    endpoints.binary_search_by_key(&number, |endpoint| endpoint.id.get()).ok()
}
