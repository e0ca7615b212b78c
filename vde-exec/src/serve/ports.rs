//! The data sockets of the ports: the lines on which frames come and go.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollFlags};
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use vde_proto::switch::EndpointId;

use super::events::{Source, rewatch};
use super::traffic::{FRAMES, Lines, ROOM, Sent};
use crate::sys::Messages;

/// Send buffer of a data socket in bytes, as `SO_SNDBUF` takes it: what is on its way to a client in the
/// kernel. The kernel says that there is room again when three quarters of it are free. (Of a client whose
/// socket is not connected to ours it holds `net.unix.max_dgram_qlen` frames and one more, eleven mostly.)
const QUEUE: usize = 96 * 1024;

/// How often a send is tried that failed for a reason that has passed with it.
const ATTEMPTS: usize = 3;

/// The data sockets.
pub(super) struct Ports {
    /// By rising numbers.
    endpoints: Vec<Endpoint>,
    messages: Messages,
}

/// A client's place on a port.
#[derive(Debug)]
struct Endpoint {
    id: EndpointId,
    socket: OwnedFd,
    name: OsString,
    /// Its client's socket is gone for good: nothing more is sent to it, nor taken from whoever could
    /// use its place.
    is_cut_off: bool,
}

impl Ports {
    pub(super) fn new() -> Self {
        Self { endpoints: Vec::new(), messages: Messages::new(FRAMES) }
    }

    /// Adds the endpoint with the highest number so far.
    pub(super) fn add(&mut self, id: EndpointId, socket: OwnedFd, name: OsString) {
        // A shorter queue is a queue, too.
        let _ = setsockopt(&socket, sockopt::SndBuf, &QUEUE);
        self.endpoints.push(Endpoint { id, socket, name, is_cut_off: false });
    }

    /// Takes an endpoint away: its socket and its name.
    pub(super) fn remove(&mut self, id: EndpointId) -> Option<(OwnedFd, OsString)> {
        let place = self.find(id)?;
        let Endpoint { socket, name, .. } = self.endpoints.remove(place);
        Some((socket, name))
    }

    /// All names, when everything is over.
    pub(super) fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.endpoints.iter().map(|endpoint| endpoint.name.as_os_str())
    }

    /// As the traffic needs them, in the set that tells of them.
    pub(super) fn watched_by<'a>(&'a mut self, epoll: &'a Epoll) -> Watched<'a> {
        Watched { ports: self, epoll }
    }

    fn find(&self, id: EndpointId) -> Option<usize> {
        self.endpoints.binary_search_by_key(&id.get(), |endpoint| endpoint.id.get()).ok()
    }
}

/// The data sockets, and the set that tells of them.
pub(super) struct Watched<'a> {
    ports: &'a mut Ports,
    epoll: &'a Epoll,
}

impl Lines for Watched<'_> {
    fn receive(
        &mut self,
        from: EndpointId,
        room: &mut [[u8; ROOM]],
        lengths: &mut [usize; FRAMES],
    ) -> usize {
        let Some(place) = self.ports.find(from) else { return 0 };
        let Ports { endpoints, messages } = &mut *self.ports;
        let Some(endpoint) = endpoints.get(place).filter(|endpoint| !endpoint.is_cut_off) else {
            return 0;
        };
        // An error (that its client left another peer, say) is over with having been told; what it was
        // about shows when something is sent.
        messages.receive(endpoint.socket.as_fd(), room, lengths).unwrap_or_default()
    }

    fn send<'a>(&mut self, to: EndpointId, frames: impl Iterator<Item = &'a [u8]> + Clone) -> Sent {
        let Some(place) = self.ports.find(to) else { return Sent::Nobody };
        let Ports { endpoints, messages } = &mut *self.ports;
        let Some(endpoint) = endpoints.get_mut(place) else { return Sent::Nobody };
        if endpoint.is_cut_off {
            return Sent::Nobody;
        }
        let socket = endpoint.socket.as_fd();
        for _ in 0..ATTEMPTS {
            match messages.send(socket, frames.clone()) {
                Ok(count) => return Sent::Some(count),
                Err(Errno::EINTR | Errno::ECONNRESET) => {}
                Err(Errno::ECONNREFUSED | Errno::ENOTCONN) => {
                    endpoint.is_cut_off = true;
                    let _ = self.epoll.delete(socket);
                    return Sent::Nobody;
                }
                Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM) => return Sent::Some(0),
                // It is connected to somebody else, say, or does not want to read any more.
                Err(_) => return Sent::Refused,
            }
        }
        Sent::Some(0)
    }

    fn watch(&mut self, endpoint: EndpointId, frames: bool, room: bool) {
        let Some(endpoint) = self.ports.find(endpoint).and_then(|at| self.ports.endpoints.get(at))
        else {
            return;
        };
        let mut flags = EpollFlags::empty();
        flags.set(EpollFlags::EPOLLIN, frames);
        flags.set(EpollFlags::EPOLLOUT, room);
        if !frames {
            // The set tells of an error whether asked or not, again and again until somebody takes it.
            let _ = getsockopt(&endpoint.socket, sockopt::SocketError);
        }
        // One that is cut off is not in the set any more.
        let _ = rewatch(
            self.epoll,
            endpoint.socket.as_fd(),
            flags,
            Source::Endpoint(endpoint.id.get()),
        );
    }
}
