//! The management socket of a switch that is served, and the consoles on it.
//!
//! One read is one command, or several lines of them, as the engine's [`Console`] has it. A client that
//! does not read its answer is not read from before it has; there are at most [`MAX_CLIENTS`], and
//! whoever comes then is told so.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollFlags};
use nix::sys::socket::{MsgFlags, recv, send};
use nix::unistd::{Uid, User, geteuid};
use std::os::unix::ffi::OsStrExt;
use vde_proto::console::{Console, Facts, Then};
use vde_proto::switch::Switch;
use vde_proto::wire::MacAddr;

use super::events::{Door, Source, rewatch, watch};
use crate::listener::{ListenError, Listener};

/// How many clients are served at a time.
const MAX_CLIENTS: usize = 16;

/// What one too many is told.
const FULL: &[u8] = b"too many connections to the management socket\n";

/// What stands in the greeting.
const PROGRAM: &str = concat!("vdeq ", env!("CARGO_PKG_VERSION"), ", built-in switch");

/// The permission bits of the management socket, which [`Listener::bind`] gives it.
const MODE: u32 = 0o600;

/// The management socket and its clients.
#[derive(Debug)]
pub(super) struct Management {
    pub(super) door: Door,
    path: PathBuf,
    clients: BTreeMap<u64, Client>,
    next: u64,
    /// The names of this user and of root. Others stay numbers: to look up a name may take long.
    users: BTreeMap<u32, String>,
}

/// What consoles show of the switch besides what the engine knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) dir: &'a Path,
    pub(super) mode: u32,
}

#[derive(Debug)]
struct Client {
    fd: OwnedFd,
    /// What waits to be sent.
    waiting: Vec<u8>,
    /// It is hung up on when nothing waits.
    is_leaving: bool,
}

impl Management {
    /// Listens at `path`, for this user alone.
    pub(super) fn bind(path: &Path) -> Result<Self, ListenError> {
        let door = Door::new(Listener::bind(path)?, Source::ConsoleNewcomer);
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let name = |uid: Uid| Some((uid.as_raw(), User::from_uid(uid).ok()??.name));
        let users = [geteuid(), Uid::from_raw(0)].into_iter().filter_map(name).collect();
        Ok(Self { door, path, clients: BTreeMap::new(), next: 0, users })
    }

    /// Where it listens.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes up those who wait for it, and greets them.
    pub(super) fn admit(&mut self, epoll: &Epoll, shown: Shown<'_>) {
        while let Some(fd) = self.door.next(epoll) {
            let leaving = self.clients.iter().find(|(_, client)| client.is_leaving);
            if let Some((&id, _)) = leaving.filter(|_| self.clients.len() >= MAX_CLIENTS) {
                self.lose(id, epoll);
            }
            let mut client = Client { fd, waiting: Vec::new(), is_leaving: false };
            if self.clients.len() >= MAX_CLIENTS {
                // It fits into a socket that nothing was ever written to.
                client.say(FULL);
                continue;
            }
            let id = self.next;
            self.next = self.next.wrapping_add(1);
            if watch(epoll, client.fd.as_fd(), Source::Console(id)).is_ok() {
                client.say(&self.with_console(shown, |console| console.greeting()));
                self.clients.insert(id, client);
                self.settle(id, epoll);
            }
        }
    }

    /// Serves a client that something happened to; whether the switch is to go on.
    pub(super) fn serve(
        &mut self,
        id: u64,
        epoll: &Epoll,
        switch: &mut Switch,
        now: Duration,
        shown: Shown<'_>,
    ) -> bool {
        let Some(read) = self.read(id, epoll) else { return true };
        let answer = self.with_console(shown, |console| console.command(switch, now, &read));
        if let Some(client) = self.clients.get_mut(&id) {
            client.is_leaving = answer.then != Then::GoOn;
            client.say(&answer.bytes);
            self.settle(id, epoll);
        }
        answer.then != Then::ShutDown
    }

    /// One read of what a client says, if all is sent that waits for it.
    fn read(&mut self, id: u64, epoll: &Epoll) -> Option<Vec<u8>> {
        let client = self.clients.get_mut(&id)?;
        if !client.waiting.is_empty() {
            client.flush();
            self.settle(id, epoll);
            return None;
        }
        let mut buffer = [0; Console::READ_MAX];
        match recv(client.fd.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EAGAIN | Errno::EINTR) => None,
            Ok(0) | Err(_) => {
                self.lose(id, epoll);
                None
            }
            Ok(length) => buffer.get(..length).map(<[u8]>::to_vec),
        }
    }

    /// Waits with a client for what is next, or hangs up if that is nothing.
    fn settle(&mut self, id: u64, epoll: &Epoll) {
        let Some(client) = self.clients.get(&id) else { return };
        let flags = match client.waiting.is_empty() {
            true if client.is_leaving => return self.lose(id, epoll),
            true => EpollFlags::EPOLLIN,
            false => EpollFlags::EPOLLOUT,
        };
        if rewatch(epoll, client.fd.as_fd(), flags, Source::Console(id)).is_err() {
            self.lose(id, epoll);
        }
    }

    fn lose(&mut self, id: u64, epoll: &Epoll) {
        if let Some(client) = self.clients.remove(&id) {
            let _ = epoll.delete(&client.fd);
        }
    }

    fn with_console<T>(&self, shown: Shown<'_>, act: impl FnOnce(Console<'_>) -> T) -> T {
        let pid = std::process::id();
        let [a, b, c, d] = pid.to_be_bytes();
        act(Console::new(Facts {
            program: PROGRAM,
            pid,
            mac: MacAddr::new([2, 0, a, b, c, d]),
            ctl_dir: shown.dir.as_os_str().as_bytes(),
            mode: shown.mode,
            mgmt: Some((self.path.as_os_str().as_bytes(), MODE)),
            started: Duration::ZERO,
            user_name: &|user| self.users.get(&user).cloned(),
        }))
    }
}

impl Client {
    fn say(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        self.flush();
    }

    /// Sends what there is room for.
    fn flush(&mut self) {
        while !self.waiting.is_empty() {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            match send(self.fd.as_raw_fd(), &self.waiting, flags) {
                Ok(length) => drop(self.waiting.drain(..length.min(self.waiting.len()))),
                Err(Errno::EAGAIN) => return,
                Err(Errno::EINTR) => {}
                Err(_) => {
                    self.waiting.clear();
                    self.is_leaving = true;
                }
            }
        }
    }
}
