//! A model of unix datagram sockets and their names, as far as plugs can tell it from the real thing.
//!
//! * `connect` goes to whom a name belongs now. A socket that is connected refuses everybody but its
//!   peer, callers and datagrams alike (EPERM).
//! * The first datagram to a peer that is gone is answered by ECONNREFUSED and ends the association;
//!   after that it is ENOTCONN \[P-7.5\].
//! * The end of an association, however it comes, discards what the socket has not read yet.
//! * A socket takes so many datagrams and no more.

use std::collections::VecDeque;
use std::rc::Rc;

use vde_proto::SocketPath;

/// One datagram.
pub(super) type Frame = Rc<[u8]>;

/// A datagram socket: its place in the table. Places are not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sock(usize);

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errno {
    /// There is no such name.
    NoEntry,
    /// Nobody has it any more.
    Refused,
    /// The other one is connected to somebody else.
    Forbidden,
    /// There is no peer.
    NotConnected,
    /// The peer's queue is full.
    Full,
}

#[derive(Debug)]
struct Socket {
    peer: Option<usize>,
    queue: VecDeque<Frame>,
    room: usize,
    is_open: bool,
}

/// A name in the file system.
#[derive(Debug)]
struct Name {
    path: SocketPath,
    owner: u32,
    /// None if it is no socket at all.
    socket: Option<usize>,
}

/// All sockets and names, and how many datagrams there were.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    sockets: Vec<Socket>,
    names: Vec<Name>,
    /// Datagrams that came into a queue.
    pub(super) queued: u64,
    /// Those that were read.
    pub(super) read: u64,
    /// Those that were discarded unread.
    pub(super) purged: u64,
    /// Those without a byte, which nobody may send \[P-8.8\].
    pub(super) empty: u64,
}

impl Kernel {
    pub(super) fn socket(&mut self, room: usize) -> Sock {
        self.sockets.push(Socket { peer: None, queue: VecDeque::new(), room, is_open: true });
        Sock(self.sockets.len() - 1)
    }

    /// Gives the socket a name, which replaces a stale one.
    pub(super) fn bind(&mut self, sock: Sock, path: &SocketPath, owner: u32) {
        self.unlink(path);
        self.names.push(Name { path: path.clone(), owner, socket: Some(sock.0) });
    }

    /// A file that is no socket.
    pub(super) fn plain_file(&mut self, path: &SocketPath, owner: u32) {
        self.unlink(path);
        self.names.push(Name { path: path.clone(), owner, socket: None });
    }

    pub(super) fn unlink(&mut self, path: &SocketPath) {
        self.names.retain(|name| name.path != *path);
    }

    /// Who owns the file; whether it is a socket.
    pub(super) fn stat(&self, path: &SocketPath) -> Option<(u32, bool)> {
        self.name(path).map(|name| (name.owner, name.socket.is_some()))
    }

    /// Which socket has this name.
    pub(super) fn named(&self, path: &SocketPath) -> Option<Sock> {
        self.name(path)?.socket.map(Sock)
    }

    fn name(&self, path: &SocketPath) -> Option<&Name> {
        self.names.iter().find(|name| name.path == *path)
    }

    pub(super) fn connect(&mut self, sock: Sock, path: &SocketPath) -> Result<(), Errno> {
        let other = self.name(path).ok_or(Errno::NoEntry)?.socket.ok_or(Errno::Refused)?;
        self.connect_to(sock, Sock(other))
    }

    /// Connects to a socket whose file one has, whatever its name is by now.
    pub(super) fn connect_to(&mut self, sock: Sock, other: Sock) -> Result<(), Errno> {
        if !self.sockets[other.0].is_open {
            return Err(Errno::Refused);
        }
        if !self.may_send(sock.0, other.0) {
            return Err(Errno::Forbidden);
        }
        if self.sockets[sock.0].peer.is_some_and(|peer| peer != other.0) {
            self.purge(sock.0);
        }
        self.sockets[sock.0].peer = Some(other.0);
        Ok(())
    }

    /// Ends the association, as `connect` to nobody (AF_UNSPEC) does.
    pub(super) fn dissolve(&mut self, sock: Sock) {
        if self.sockets[sock.0].peer.take().is_some() {
            self.purge(sock.0);
        }
    }

    pub(super) fn send(&mut self, sock: Sock, frame: &Frame) -> Result<(), Errno> {
        self.empty += u64::from(frame.is_empty());
        let peer = self.sockets[sock.0].peer.ok_or(Errno::NotConnected)?;
        if !self.sockets[peer].is_open {
            self.dissolve(sock);
            return Err(Errno::Refused);
        }
        if !self.may_send(sock.0, peer) {
            return Err(Errno::Forbidden);
        }
        let other = &mut self.sockets[peer];
        if other.queue.len() >= other.room {
            return Err(Errno::Full);
        }
        other.queue.push_back(Rc::clone(frame));
        self.queued += 1;
        Ok(())
    }

    pub(super) fn receive(&mut self, sock: Sock) -> Option<Frame> {
        let frame = self.sockets[sock.0].queue.pop_front();
        self.read += u64::from(frame.is_some());
        frame
    }

    /// Whether it takes one more.
    pub(super) fn has_room(&self, sock: Sock) -> bool {
        let Socket { queue, room, .. } = &self.sockets[sock.0];
        queue.len() < *room
    }

    pub(super) fn close(&mut self, sock: Sock) {
        self.purge(sock.0);
        let socket = &mut self.sockets[sock.0];
        (socket.is_open, socket.peer) = (false, None);
    }

    pub(super) fn is_open(&self, sock: Sock) -> bool {
        self.sockets[sock.0].is_open
    }

    pub(super) fn peer(&self, sock: Sock) -> Option<Sock> {
        self.sockets[sock.0].peer.map(Sock)
    }

    /// Datagrams that it has not read yet.
    pub(super) fn waiting(&self, sock: Sock) -> usize {
        self.sockets[sock.0].queue.len()
    }

    /// Datagrams that are in queues now.
    pub(super) fn in_queues(&self) -> u64 {
        self.sockets.iter().map(|socket| socket.queue.len() as u64).sum()
    }

    /// Names whose path begins like this.
    pub(super) fn names_below<'a>(
        &'a self,
        beginning: &'a str,
    ) -> impl Iterator<Item = &'a SocketPath> {
        let paths = self.names.iter().map(|name| &name.path);
        paths.filter(move |path| path.as_bytes().starts_with(beginning.as_bytes()))
    }

    fn may_send(&self, from: usize, to: usize) -> bool {
        self.sockets[to].peer.is_none_or(|peer| peer == from)
    }

    fn purge(&mut self, socket: usize) {
        let queue = &mut self.sockets[socket].queue;
        self.purged += queue.len() as u64;
        queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Kernel, Sock, Sock, SocketPath) {
        let mut kernel = Kernel::default();
        let (one, other) = (kernel.socket(2), kernel.socket(2));
        let path = SocketPath::new("/other").unwrap();
        kernel.bind(other, &path, 0);
        kernel.connect(one, &path).unwrap();
        (kernel, one, other, path)
    }

    fn frame() -> Frame {
        Rc::from(&b"a frame of 14+"[..])
    }

    #[test]
    fn a_connected_socket_refuses_a_third_one() {
        let (mut kernel, one, other, path) = pair();
        let own = SocketPath::new("/one").unwrap();
        kernel.bind(one, &own, 0);
        kernel.connect(other, &own).unwrap();
        let third = kernel.socket(2);
        assert_eq!(kernel.connect(third, &path), Err(Errno::Forbidden));
        kernel.dissolve(other);
        assert_eq!(kernel.connect(third, &path), Ok(()));
    }

    #[test]
    fn a_dead_peer_refuses_once_and_what_was_not_read_is_gone() {
        let (mut kernel, one, other, _) = pair();
        let own = SocketPath::new("/one").unwrap();
        kernel.bind(one, &own, 0);
        kernel.connect(other, &own).unwrap();
        kernel.send(other, &frame()).unwrap();
        kernel.close(other);
        assert_eq!(kernel.waiting(one), 1);
        assert_eq!(kernel.send(one, &frame()), Err(Errno::Refused));
        assert_eq!(kernel.send(one, &frame()), Err(Errno::NotConnected));
        assert_eq!((kernel.receive(one), kernel.purged), (None, 1));
    }

    #[test]
    fn a_queue_has_room_for_so_many() {
        let (mut kernel, one, other, _) = pair();
        assert_eq!([0; 3].map(|_| kernel.send(one, &frame()).is_ok()), [true, true, false]);
        assert!(kernel.receive(other).is_some());
        assert_eq!((kernel.queued, kernel.read, kernel.in_queues()), (2, 1, 1));
    }
}
