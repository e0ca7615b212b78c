//! A switch on real sockets, in a thread of the test: the engine of `vde-proto`, with the manners of
//! either generation of `vde_switch`, and faults on demand.
//!
//! Life of a `FakeSwitch`: *running* from [`FakeSwitch::start`]; *frozen* between
//! [`FakeSwitch::freeze`] and [`FakeSwitch::thaw`] (its sockets are there, and it does nothing); *dead*
//! after [`FakeSwitch::kill`] (its files stay, as after a crash); *running* again after
//! [`FakeSwitch::restart`]; gone, with its directory, when dropped.

mod faults;
mod server;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tempfile::TempDir;
use vde_proto::switch::{Personality, SwitchConfig};

pub use faults::{Faults, ReplyFault};
use server::Server;

use crate::testkit::wait;

/// How a fake switch is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The engine's configuration.
    pub switch: SwitchConfig,
    /// What it does wrong.
    pub faults: Faults,
    /// Its directory; a fresh one if `None`. It is made, and must not exist.
    pub dir: Option<PathBuf>,
}

impl Options {
    /// A faultless switch with the manners of one generation.
    #[must_use]
    pub fn new(personality: Personality) -> Self {
        Self { switch: SwitchConfig::new(personality), faults: Faults::default(), dir: None }
    }

    /// The same with faults.
    #[must_use]
    pub fn with(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }
}

/// A port with a client, as the switch sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakePort {
    /// Its number.
    pub number: u32,
    /// The descriptions of its endpoints, oldest first.
    pub descriptions: Vec<String>,
}

/// A running fake switch.
#[derive(Debug)]
pub struct FakeSwitch {
    dir: PathBuf,
    shared: Arc<Mutex<Shared>>,
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
    home: TempDir,
}

/// What the test and the switch's thread have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) faults: Faults,
    pub(super) frozen: bool,
    pub(super) killed: bool,
    /// What to say on the control streams of the clients of a port, where it should be silent.
    pub(super) say: Vec<(u32, Vec<u8>)>,
    /// Ports whose clients are to be hung up on.
    pub(super) close: Vec<u32>,
    pub(super) ports: Vec<FakePort>,
    /// How many requests were read, well-formed or not.
    pub(super) requests: usize,
    /// How many things the test asked for, and how many of them the switch has done.
    pub(super) asked: usize,
    pub(super) done: usize,
}

impl FakeSwitch {
    /// Starts a switch; it listens when this returns.
    ///
    /// # Panics
    /// If its sockets cannot be made.
    #[must_use]
    pub fn start(options: Options) -> Self {
        let home = tempfile::Builder::new().prefix("fake").tempdir().expect("a directory");
        let dir = options.dir.unwrap_or_else(|| home.path().join("sw"));
        std::fs::create_dir(&dir).expect("the switch's directory");
        let dir = dir.canonicalize().expect("the switch's directory");
        let (shared, wake, thread) = launch(&dir, options.switch, options.faults);
        Self { dir, shared, wake, thread: Some(thread), home }
    }

    /// Starts in the same directory again, as another switch; kills it first if it still runs. The
    /// directory of the options does not count.
    ///
    /// # Panics
    /// As [`FakeSwitch::start`].
    pub fn restart(&mut self, options: Options) {
        self.kill();
        std::fs::create_dir_all(&self.dir).expect("the switch's directory");
        // Nobody listens there, which is how a vde_switch knows that it may take the name.
        let _ = std::fs::remove_file(self.dir.join("ctl"));
        let (shared, wake, thread) = launch(&self.dir, options.switch, options.faults);
        (self.shared, self.wake, self.thread) = (shared, wake, Some(thread));
    }

    /// The switch's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Does other things wrong from the next request on.
    pub fn set_faults(&self, faults: Faults) {
        self.change(|shared| shared.faults = faults);
    }

    /// Stops doing anything; what clients send waits in the sockets.
    pub fn freeze(&self) {
        self.change(|shared| shared.frozen = true);
    }

    /// Goes on.
    pub fn thaw(&self) {
        self.change(|shared| shared.frozen = false);
    }

    /// Hangs up on the clients of a port, as `port/epclose` does.
    pub fn close_port(&self, number: u32) {
        self.change(|shared| shared.close.push(number));
    }

    /// Says something on the control streams of a port's clients, which should be silent.
    pub fn say(&self, number: u32, bytes: &[u8]) {
        self.change(|shared| shared.say.push((number, bytes.to_vec())));
    }

    /// The ports with clients, by number.
    #[must_use]
    pub fn ports(&self) -> Vec<FakePort> {
        self.lock().ports.clone()
    }

    /// How many requests it has read.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.lock().requests
    }

    /// Ends the switch as a crash does: every socket is closed, every file stays.
    ///
    /// # Panics
    /// If the switch's thread did.
    pub fn kill(&mut self) {
        self.ask(|shared| shared.killed = true);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the fake switch ran into trouble");
        }
    }

    /// Files in the switch's directory that are not its own: what clients left there.
    ///
    /// # Panics
    /// If the directory cannot be read.
    #[must_use]
    pub fn litter(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.dir).expect("the switch's directory").flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with('.')).collect()
    }

    /// Changes something, and waits until the switch goes by it.
    fn change(&self, change: impl FnOnce(&mut Shared)) {
        let asked = self.ask(change);
        let has_ended = || self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        wait::until_true("the fake switch to obey", || self.lock().done >= asked || has_ended());
    }

    /// Asks for something; it is the how-manieth.
    fn ask(&self, change: impl FnOnce(&mut Shared)) -> usize {
        let mut shared = self.lock();
        change(&mut shared);
        shared.asked += 1;
        // The thread may have ended; then there is nobody to wake.
        let _ = (&self.wake).write_all(b"!");
        shared.asked
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread of a switch.
fn launch(
    dir: &Path,
    config: SwitchConfig,
    faults: Faults,
) -> (Arc<Mutex<Shared>>, UnixStream, JoinHandle<()>) {
    let shared = Arc::new(Mutex::new(Shared { faults, ..Shared::default() }));
    let (wake, woken) = UnixStream::pair().expect("a socket pair");
    let server = Server::listen(dir, config, Arc::clone(&shared), woken);
    (shared, wake, std::thread::spawn(move || server.run()))
}

impl Drop for FakeSwitch {
    fn drop(&mut self) {
        self.ask(|shared| shared.killed = true);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the fake switch ran into trouble");
        }
        // A directory outside ours is removed too, since it was made by us.
        if !self.dir.starts_with(self.home.path()) {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}
