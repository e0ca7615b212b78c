//! The built-in switch: the engine of `vde-proto` on real sockets.
//!
//! # Theory of operation
//!
//! ```text
//!   open ------> SwitchServer --run or spawn--> served --stop, or `shutdown` on a console--> gone
//!   (DIR and DIR/ctl are there,                 (one thread,
//!    and clients can connect)                    nothing waits)
//! ```
//!
//! | room | what is in it |
//! |---|---|
//! | `dir.rs` | DIR: made, taken over from a switch that was killed, or refused |
//! | `made.rs` | directories that are made, and go with the switch |
//! | `carrier.rs` | the loop: events to the engine, and what the engine says to the sockets |
//! | `streams.rs` | control streams, and how long one may say nothing |
//! | `collision.rs` | what is told of two clients with one address |
//! | `traffic.rs` | frames on their way: whom they are for, batches |
//! | `backlog.rs` | frames that wait for a receiver which is full, and their senders |
//! | `ports.rs` | data sockets |
//! | `management.rs` | the management socket |
//!
//! Whatever can come from outside is bounded: endpoints (by [`SwitchConfig`]), streams without one, what
//! waits for a client (its socket's send buffer, and the backlog), consoles and what waits for them. A
//! client that does not read loses frames, and delays nobody for long.

mod attach;
mod backlog;
mod carrier;
mod collision;
mod dir;
mod error;
mod events;
mod made;
mod management;
mod ports;
mod served;
mod streams;
mod traffic;

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use vde_proto::switch::SwitchConfig;

#[cfg(feature = "testkit")]
pub(crate) use attach::attach;
use carrier::Carrier;
pub use collision::Collision;
use dir::Home;
pub use dir::MAX_DIR as MAX_SERVED_DIR_LEN;
#[cfg(feature = "testkit")]
pub(crate) use dir::data_socket_name;
pub use error::ServeError;
use management::Management;
pub use served::ServedSwitch;

/// What a switch is served with.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Its directory: made if it is not there, with those above it. At most [`MAX_SERVED_DIR_LEN`] bytes
    /// as an absolute path without links.
    pub dir: PathBuf,
    /// Permission bits of its control and data sockets \[P-1.6\]. A directory that is made lets in
    /// whoever may read or write them.
    pub mode: u32,
    /// Group of its sockets and, if it is made, of its directory, which then has the set-group-id bit
    /// \[P-1.5\].
    pub group: Option<u32>,
    /// What the engine is made with.
    pub config: SwitchConfig,
    /// Where its console is, if anywhere: a socket of mode 0600.
    pub management: Option<PathBuf>,
}

impl ServeOptions {
    /// A switch for this user alone, without a console, as [`SwitchConfig::default`] has it, but with room
    /// for 16,384 addresses: enough for every container in every guest of a lab, for less than a
    /// megabyte.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let config = SwitchConfig { hash_size: 1 << 14, ..SwitchConfig::default() };
        Self { dir: dir.into(), mode: 0o600, group: None, config, management: None }
    }
}

/// A switch whose directory is there and that clients can connect to; they are answered when it
/// [runs](SwitchServer::run).
///
/// ```no_run
/// use vde_exec::serve::{ServeOptions, SwitchServer};
///
/// let switch = SwitchServer::open(&ServeOptions::new("/run/user/1000/lab"))?;
/// println!("QEMU may join {}", switch.dir().display());
/// let served = switch.spawn()?;
/// // ... until this is dropped, or:
/// served.stop()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SwitchServer {
    management: Option<Management>,
    home: Home,
    mode: u32,
    config: SwitchConfig,
    witness: Witness,
}

/// Who is told of collisions.
struct Witness(Box<dyn FnMut(Collision) + Send>);

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

impl SwitchServer {
    /// Makes the directory of a switch, or takes over that of one that was killed, and listens there.
    ///
    /// # Errors
    /// [`ServeError`]: a switch is running there, the directory is for something else, or the kernel
    /// says no. Nothing that was there has been touched, and nothing is left.
    pub fn open(options: &ServeOptions) -> Result<Self, ServeError> {
        let home = Home::claim(options)?;
        let management = options.management.as_deref().map(Management::bind).transpose()?;
        let witness = Witness(Box::new(drop));
        Ok(Self { management, home, mode: options.mode, config: options.config, witness })
    }

    /// Has `tell` called when two clients turn out to have one address, once in five minutes for each
    /// address. It must not wait: the switch does meanwhile.
    #[must_use]
    pub fn on_collision(self, tell: impl FnMut(Collision) + Send + 'static) -> Self {
        Self { witness: Witness(Box::new(tell)), ..self }
    }

    /// Its directory, absolute and without links: what clients are told.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.home.place.path
    }

    /// Its management socket, absolute, if it has one.
    #[must_use]
    pub fn management(&self) -> Option<&Path> {
        self.management.as_ref().map(Management::path)
    }

    /// Serves until `stop` is readable, or `shutdown` is said on its console; then its sockets are gone,
    /// and so is its directory if it was made for it and nobody left anything there.
    ///
    /// # Errors
    /// What the kernel says about the epoll set; none is expected. Nothing is left then, either.
    pub fn run(self, stop: BorrowedFd<'_>) -> io::Result<()> {
        Carrier::new(self)?.run(stop)
    }

    /// Serves in a thread of its own, which no signal is delivered to.
    ///
    /// # Errors
    /// What the kernel says about the thread or a descriptor for it. Nothing is left then.
    pub fn spawn(self) -> io::Result<ServedSwitch> {
        ServedSwitch::spawn(self)
    }
}
