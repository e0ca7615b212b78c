//! A gate before each switch: one process at a time comes in or goes out.
//!
//! Theory of operation. A `vde_switch` 2.3.2 mixes up its clients if one comes or goes while another
//! has connected and its request is not yet served: it never frees the one's endpoint, and may close
//! a third one's \[P-7.8\]. No client can see that coming, but clients can keep out of each other's
//! way. So whoever is about to *come* (from the connect until the reply) or to *go* (from the close
//! until the switch has noticed) takes a lock, `flock` on the switch's directory, which needs no file
//! of its own, ends with its holder whatever becomes of it, and is nothing to a switch or to a
//! client that does not know of it.
//!
//! | who | what the gate does |
//! |---|---|
//! | another process | waits for us, and we for it |
//! | another plug of this process | enters with us: the lock is held as long as one [`Guard`] is |
//! | a process that holds it and hangs, or means ill | delays us by [`Gate::PATIENCE`] once; we go on without, and do not wait again before the gate was seen open |
//! | a directory that we may not read, a file system without locks | no gate: everybody enters |
//!
//! A gate is a courtesy and no permission: who is not let in in time goes on all the same. That two
//! plugs of one process do not harm each other is up to the process: it sends each request right after
//! its connect, and hangs up on a switch only when no other plug of its own is on its way into it.
//!
//! Out of reach are clients that do not take part (other programs; a VM started with `--exec`, as a
//! daemon, or killed together with its vdeq, whose control stream the kernel closes).

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::switch_dir::SwitchDir;

/// Pause between two knocks at a gate.
const STEP: Duration = Duration::from_micros(300);

/// Most gates that are remembered as stuck.
const MAX_STUCK: usize = 64;

/// The gate before one switch.
///
/// ```no_run
/// use vde_exec::{Environment, Gate, SwitchDir};
/// use vde_proto::Vnl;
///
/// let vnl = Vnl::parse(b"/run/vde.ctl").expect("a locator");
/// let (switch, _) = SwitchDir::locate(&vnl, &Environment::of_process()).expect("a switch");
/// match Gate::of(&switch).try_enter() {
///     Some(inside) => drop(inside), // connect, send, wait for the reply; then let others in
///     None => {}                    // somebody is inside: try again in a moment, but not for ever
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Gate {
    dir: PathBuf,
}

/// Being inside: other processes wait until the last guard of this one is dropped.
#[derive(Debug)]
#[must_use = "the gate is open again when this is dropped"]
pub struct Guard {
    /// `None` where there is no gate.
    _lock: Option<Arc<Lock>>,
}

/// What became of a wait at a gate.
#[derive(Debug)]
pub(crate) enum Waited {
    /// We are inside; or, without a guard, it was long enough.
    Over(Option<Guard>),
    /// The interruption came first.
    Interrupted,
}

impl Gate {
    /// Longest wait at a gate. Coming and going take a switch some tenths of a millisecond, so this is
    /// the turn of a thousand others.
    pub const PATIENCE: Duration = Duration::from_secs(1);

    /// How long to stay inside while a switch does not answer: one that is frozen, or refuses by
    /// silence \[P-6.7\], must not make others wait as long as us. Less than [`Gate::PATIENCE`], so
    /// that they see the gate open in time.
    pub const HOLD: Duration = Duration::from_millis(500);

    /// The gate before `switch`.
    #[must_use]
    pub fn of(switch: &SwitchDir) -> Self {
        Self { dir: switch.dir().to_owned() }
    }

    /// Enters unless another process is inside; never waits.
    ///
    /// Where there can be no gate (we may not read the directory, or it is gone) everybody enters.
    #[must_use]
    pub fn try_enter(&self) -> Option<Guard> {
        match self.knock() {
            Knock::Inside(guard) => Some(guard),
            Knock::Taken(_) => None,
        }
    }

    /// Whether a plug of this process is inside: then no other one may hang up on the switch.
    pub(crate) fn is_ours(&self) -> bool {
        let Ok(meta) = fs::metadata(&self.dir) else { return false };
        let id = (meta.dev(), meta.ino());
        places().0.get(&id).is_some_and(|place| place.lock.strong_count() > 0)
    }

    /// Enters, and waits for that, but neither longer than `patience` nor at a gate that was waited
    /// for in vain and has not been open since.
    pub(crate) fn enter(&self, patience: Duration, interrupt: Option<BorrowedFd<'_>>) -> Waited {
        let started = Instant::now();
        loop {
            let place = match self.knock() {
                Knock::Inside(guard) => return Waited::Over(Some(guard)),
                Knock::Taken(place) => place,
            };
            let mut places = places();
            let known = places.at(place);
            known.stuck |= started.elapsed() >= patience.min(Self::PATIENCE);
            if known.stuck {
                return Waited::Over(None);
            }
            drop(places);
            if pause(interrupt) {
                return Waited::Interrupted;
            }
        }
    }

    fn knock(&self) -> Knock {
        let opened = fs::File::options()
            .read(true)
            .custom_flags(OFlag::O_DIRECTORY.bits())
            .open(&self.dir)
            .and_then(|dir| Ok((dir.metadata()?, dir)));
        let Ok((meta, dir)) = opened else { return Knock::Inside(Guard { _lock: None }) };
        let id = (meta.dev(), meta.ino());
        let mut places = places();
        let place = places.at(id);
        if let Some(lock) = place.lock.upgrade() {
            return Knock::Inside(Guard { _lock: Some(lock) });
        }
        match Flock::lock(dir.into(), FlockArg::LockExclusiveNonblock) {
            Ok(held) => {
                let lock = Arc::new(Lock(Some(held)));
                *place = Place { lock: Arc::downgrade(&lock), stuck: false };
                Knock::Inside(Guard { _lock: Some(lock) })
            }
            Err((_, Errno::EWOULDBLOCK)) => Knock::Taken(id),
            Err(_) => Knock::Inside(Guard { _lock: None }),
        }
    }
}

/// The answer at a gate.
enum Knock {
    Inside(Guard),
    Taken(Id),
}

/// The lock of this process on a directory; the gate is open again when it is dropped.
#[derive(Debug)]
struct Lock(Option<Flock<OwnedFd>>);

impl Drop for Lock {
    fn drop(&mut self) {
        // Unlocked by name: a child that was forked a moment ago may hold the descriptor as well.
        if let Some(Err((held, _))) = self.0.take().map(Flock::unlock) {
            // It would unlock itself when dropped, and panic.
            std::mem::forget(held);
        }
    }
}

/// A directory, whatever its path: device and inode.
type Id = (u64, u64);

/// What this process knows of a gate.
#[derive(Default)]
struct Place {
    /// Alive as long as we are inside.
    lock: Weak<Lock>,
    /// It was waited for in vain.
    stuck: bool,
}

/// The gates that this process is inside of, and those that are stuck.
struct Places(BTreeMap<Id, Place>);

fn places() -> MutexGuard<'static, Places> {
    static PLACES: Mutex<Places> = Mutex::new(Places(BTreeMap::new()));
    PLACES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Places {
    /// What is known of this one; what has lost its use about others is forgotten.
    fn at(&mut self, id: Id) -> &mut Place {
        let mut stuck = 0;
        self.0.retain(|_, place| {
            stuck += usize::from(place.stuck);
            place.lock.strong_count() > 0 || (place.stuck && stuck <= MAX_STUCK)
        });
        self.0.entry(id).or_default()
    }
}

/// Sleeps for a moment; whether it was interrupted.
fn pause(interrupt: Option<BorrowedFd<'_>>) -> bool {
    let mut fds: Vec<_> =
        interrupt.into_iter().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    matches!(ppoll(&mut fds, Some(TimeSpec::from_duration(STEP)), None), Ok(1..))
}
