//! The clients of a listening socket: lines come, lines go, and nobody ever waits.
//!
//! # Theory of operation
//!
//! [`LineServer::serve`] is called when something may have happened; it returns one thing a call,
//! until there is nothing more. A client's lines are handed out one by one, and no further one while
//! much that it was told waits to be read, or while it is [held](LineServer::hold) because an answer
//! takes time: so answers come in the order of the questions, and who does not read is not read from.
//!
//! ```text
//!   served --(its end, and every answer sent)--> gone
//!     |   \--(keep)--> kept beyond the end of what it says, until it hangs up
//!     +--(dismiss)--> leaving: gets what waits for it, and makes room as soon as others come
//! ```
//!
//! Only this user and root are served, and only so many at once; who comes too many is told so, and
//! hung up on.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::line_stream::{Heard, LineLimits, LineStream};
use crate::listener::{ListenError, Listener};

/// Names a client for as long as the server lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(u64);

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    /// A client said a line.
    Line(ClientId, Vec<u8>),
    /// A client said more than a line may have; nothing more is read from it.
    TooLong(ClientId),
    /// A client has gone; its name means nobody any more.
    Gone(ClientId),
}

/// Listens, and serves those who come.
#[derive(Debug)]
pub struct LineServer {
    listener: Listener,
    limits: LineLimits,
    most: usize,
    /// What is said to one too many.
    full: Vec<u8>,
    clients: BTreeMap<ClientId, Client>,
    next: u64,
    /// Whose turn it is; the clients that were ready at the last look.
    turns: VecDeque<ClientId>,
    gone: VecDeque<ClientId>,
}

#[derive(Debug)]
struct Client {
    stream: LineStream,
    held: bool,
    kept: bool,
    leaving: bool,
}

impl LineServer {
    /// Listens at `path` for up to `most` clients at a time; `full` is said to others.
    ///
    /// # Errors
    /// [`ListenError`]; nothing that was there has been touched.
    pub fn bind(
        path: &Path,
        limits: LineLimits,
        most: usize,
        full: &[u8],
    ) -> Result<Self, ListenError> {
        Ok(Self {
            listener: Listener::bind(path)?,
            limits,
            most,
            full: full.to_vec(),
            clients: BTreeMap::new(),
            next: 0,
            turns: VecDeque::new(),
            gone: VecDeque::new(),
        })
    }

    /// What to wait for.
    pub fn watched(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let clients = self.clients.values();
        let clients = clients
            .filter_map(|client| Some((client.stream.as_fd(), client.interest(self.limits)?)));
        let listener = self.listener.can_wait().then(|| self.listener.as_fd());
        listener.into_iter().map(|fd| (fd, PollFlags::POLLIN)).chain(clients)
    }

    /// Looks who is there and who can go on; then [`LineServer::serve`] has something to return, or not.
    pub fn look(&mut self) {
        self.admit();
        let ids: Vec<ClientId> = self.clients.keys().copied().collect();
        for id in ids {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            if client.stream.flush().is_err() || client.has_hung_up() {
                self.lose(id);
            }
        }
        self.turns = self.clients.keys().copied().collect();
    }

    /// The next thing that clients said, each in its turn. `None` if there is nothing, or nothing that
    /// may be handed out now.
    pub fn serve(&mut self) -> Option<Served> {
        loop {
            if let Some(id) = self.gone.pop_front() {
                return Some(Served::Gone(id));
            }
            let id = self.turns.pop_front()?;
            let Some(client) = self.clients.get_mut(&id) else { continue };
            if !client.may_speak(self.limits) {
                self.bury(id);
                continue;
            }
            match client.stream.hear() {
                Heard::Nothing => {}
                Heard::Line(line) => {
                    self.turns.push_back(id);
                    return Some(Served::Line(id, line));
                }
                Heard::TooLong => return Some(Served::TooLong(id)),
                Heard::End => self.bury(id),
            }
        }
    }

    /// Tells a client something; false if there is no room for it, because it does not read.
    pub fn tell(&mut self, id: ClientId, line: &[u8]) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return true };
        match client.stream.say(line) {
            Ok(has_room) => has_room,
            Err(_) => {
                self.lose(id);
                true
            }
        }
    }

    /// Hands out no line of this client until it is [released](Self::release).
    pub fn hold(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.held = true;
        }
    }

    /// Hands out its lines again. It may have some already: look again.
    pub fn release(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.held = false;
            self.turns.push_back(id);
        }
    }

    /// Keeps this client when it has nothing more to say: it wants to hear.
    pub fn keep(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.kept = true;
        }
    }

    /// Listens no longer to this client, which gets these last words in place of whatever waits for it.
    pub fn cut_off(&mut self, id: ClientId, last_words: &[u8]) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.stream.cut();
            self.tell(id, last_words);
        }
        self.dismiss(id);
    }

    /// Listens no longer to this client, and hangs up when it has read what waits for it.
    pub fn dismiss(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.leaving = true;
            self.bury(id);
        }
    }

    /// Whether there is such a client.
    #[must_use]
    pub fn has(&self, id: ClientId) -> bool {
        self.clients.contains_key(&id)
    }

    /// Takes up those who wait for it.
    fn admit(&mut self) {
        while let Some(fd) = self.listener.accept() {
            let mut stream = LineStream::of(fd, self.limits);
            if self.clients.len() >= self.most && !self.make_room() {
                // It fits into a fresh socket.
                let _ = stream.say(&self.full);
                continue;
            }
            let client = Client { stream, held: false, kept: false, leaving: false };
            self.clients.insert(ClientId(self.next), client);
            self.next = self.next.wrapping_add(1);
        }
    }

    /// Hangs up on one that is leaving.
    fn make_room(&mut self) -> bool {
        let leaving = self.clients.iter().find(|(_, client)| client.leaving);
        let Some((&id, _)) = leaving else { return false };
        self.lose(id);
        true
    }

    /// Hangs up on a client if all is said on both sides.
    fn bury(&mut self, id: ClientId) {
        if self.clients.get(&id).is_some_and(Client::is_done) {
            self.lose(id);
        }
    }

    fn lose(&mut self, id: ClientId) {
        if self.clients.remove(&id).is_some() {
            self.gone.push_back(id);
        }
    }
}

impl Client {
    /// Whether a line of it may be handed out.
    fn may_speak(&self, limits: LineLimits) -> bool {
        !self.held && !self.leaving && self.stream.waiting() <= limits.output / 2
    }

    /// What to wait for; `None` if for nothing, not even a hang-up, which would be told for ever.
    fn interest(&self, limits: LineLimits) -> Option<PollFlags> {
        let mut flags = self.stream.interest();
        if !self.may_speak(limits) {
            flags.remove(PollFlags::POLLIN);
        } else if self.stream.has_more() && !self.stream.has_ended() {
            // It is its turn again at once.
            flags.insert(PollFlags::POLLOUT);
        }
        (!flags.is_empty() || (self.kept && !self.held)).then_some(flags)
    }

    /// Whether the other side is known to be there no more, though it said its last long ago.
    fn has_hung_up(&self) -> bool {
        if !(self.kept && self.stream.has_ended()) {
            return false;
        }
        let mut fds = [PollFd::new(self.stream.as_fd(), PollFlags::empty())];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    fn is_done(&self) -> bool {
        let is_silent = self.leaving || (self.stream.has_ended() && !self.kept);
        is_silent && !self.held && self.stream.waiting() == 0
    }
}

#[cfg(test)]
mod tests;
