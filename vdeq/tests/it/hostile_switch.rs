//! A switch that swaps what it can reach (its directory, and in it our socket's name) for links to a
//! victim's files, between any two steps of the handshake: we remove, change and follow none of them.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::unistd::geteuid;
use tempfile::TempDir;
use vde_exec::testkit::wait;

use crate::hostile_replies::snapshot;
use crate::world::{QEMU, World};

/// When the switch strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Our socket has its name.
    Named,
    /// We are connected to the control socket.
    Connected,
    /// It has our request.
    Asked,
    /// Its data socket is there, and the reply is about to be sent.
    Replying,
    /// The reply is on its way.
    Replied,
}

const STEPS: [Step; 5] = [Step::Named, Step::Connected, Step::Asked, Step::Replying, Step::Replied];

/// What it does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attack {
    /// Its directory moves, and its path is a link to the victim's, where a file has our name.
    MoveDirectory,
    /// Our name is a link to the victim's file.
    LinkName,
    /// Our name is the victim's file, too.
    HardLinkName,
    /// Our name is a link to the victim's socket.
    LinkNameToSocket,
    /// Our name is a directory with something in it.
    NameIsDirectory,
    /// The name in the reply is a link to the victim's socket.
    LinkReply,
    /// The name in the reply is a link to the victim's file.
    LinkReplyToFile,
}

const ATTACKS: [Attack; 7] = [
    Attack::MoveDirectory,
    Attack::LinkName,
    Attack::HardLinkName,
    Attack::LinkNameToSocket,
    Attack::NameIsDirectory,
    Attack::LinkReply,
    Attack::LinkReplyToFile,
];

/// The switch, its directory and the victim's.
struct Hostile {
    home: TempDir,
    attack: Attack,
    strikes_at: Step,
    is_over: Arc<AtomicBool>,
}

impl Hostile {
    fn dir(&self) -> PathBuf {
        self.home.path().join("sw")
    }

    fn moved(&self) -> PathBuf {
        self.home.path().join("moved")
    }

    fn victims(&self) -> PathBuf {
        self.home.path().join("victims")
    }

    /// Serves one client, in a thread, until it is over.
    fn start(strikes_at: Step, attack: Attack) -> (Arc<Self>, JoinHandle<bool>) {
        let home = tempfile::Builder::new().prefix("hostile").tempdir().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let this = Arc::new(Self { home, attack, strikes_at, is_over });
        fs::create_dir(this.dir()).unwrap();
        fs::create_dir(this.victims()).unwrap();
        fs::write(this.victims().join("file"), "of value").unwrap();
        let listener = UnixListener::bind(this.dir().join("ctl")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = Arc::clone(&this);
        let thread = std::thread::spawn(move || server.serve(listener).unwrap_or(false));
        (this, thread)
    }

    /// Whether it came to the end of the handshake.
    fn serve(&self, listener: UnixListener) -> Option<bool> {
        let victim = UnixDatagram::bind(self.victims().join("socket")).unwrap();
        victim.set_nonblocking(true).unwrap();
        let name = self.until(|| name_in(&self.dir()))?;
        fs::write(self.victims().join(&name), "somebody else's").unwrap();
        let before = snapshot(&self.victims());
        // Its sockets stay until the client has left.
        let sockets = self.shake_hands(listener, &name);
        wait::until_true("the client's end", || self.is_over.load(Ordering::Acquire));
        assert_eq!(snapshot(&self.victims()), before);
        assert!(victim.recv(&mut [0; 64]).is_err(), "a frame for the victim");
        Some(sockets.is_some())
    }

    /// The sockets of the one port; `None` if it was over before the end.
    fn shake_hands(
        &self,
        listener: UnixListener,
        name: &OsString,
    ) -> Option<(UnixStream, Option<UnixDatagram>)> {
        let strike = |step| {
            if step == self.strikes_at {
                self.strike(name);
            }
        };
        strike(Step::Named);
        let (mut control, _) = self.until(|| listener.accept().ok())?;
        // Whoever comes again is not to wait for an answer.
        drop(listener);
        strike(Step::Connected);
        control.set_nonblocking(true).unwrap();
        self.until(|| control.read(&mut [0; 256]).ok())?;
        strike(Step::Asked);
        let data = self.data_socket();
        strike(Step::Replying);
        let _ = control.write_all(&self.reply());
        strike(Step::Replied);
        Some((control, data))
    }

    /// Looks as quickly as it can: what is attacked is the time between two system calls.
    fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            if let Some(seen) = look() {
                return Some(seen);
            }
            if self.is_over.load(Ordering::Acquire) {
                return None;
            }
            std::thread::yield_now();
        }
    }

    /// The data socket of the port, if there still is such a directory.
    fn data_socket(&self) -> Option<UnixDatagram> {
        let path = self.data_path();
        let is_open = self.attack == Attack::MoveDirectory && self.dir().is_symlink();
        let path = if is_open { self.moved().join(path.file_name()?) } else { path };
        UnixDatagram::bind(path).ok()
    }

    fn data_path(&self) -> PathBuf {
        self.dir().join("001.5")
    }

    fn reply(&self) -> Vec<u8> {
        let path = self.data_path().into_os_string().into_encoded_bytes();
        [&1_u16.to_ne_bytes()[..], &path, &vec![0; 108 - path.len()]].concat()
    }

    fn strike(&self, name: &OsString) {
        let (ours, data) = (self.dir().join(name), self.data_path());
        let victim = |what: &str| self.victims().join(what);
        // Where the step comes too late there is nothing of this name, and a new one may be made.
        let clear = |path: &Path| drop(fs::remove_file(path));
        let done = match self.attack {
            Attack::MoveDirectory => {
                fs::rename(self.dir(), self.moved()).unwrap();
                symlink(self.victims(), self.dir())
            }
            Attack::LinkName => {
                clear(&ours);
                symlink(victim("file"), ours)
            }
            Attack::HardLinkName => {
                clear(&ours);
                fs::hard_link(victim("file"), ours)
            }
            Attack::LinkNameToSocket => {
                clear(&ours);
                symlink(victim("socket"), ours)
            }
            Attack::NameIsDirectory => {
                clear(&ours);
                fs::create_dir(&ours).and_then(|()| fs::write(ours.join("inside"), ""))
            }
            Attack::LinkReply => {
                clear(&data);
                symlink(victim("socket"), data)
            }
            Attack::LinkReplyToFile => {
                clear(&data);
                symlink(victim("file"), data)
            }
        };
        done.unwrap_or_else(|error| panic!("{:?} at {:?}: {error}", self.attack, self.strikes_at));
    }
}

/// The name of a client's socket in a directory.
fn name_in(dir: &Path) -> Option<OsString> {
    let names = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.file_name());
    names.filter(|name| name.to_string_lossy().starts_with('.')).last()
}

/// A client's socket that is left in a directory.
fn socket_in(dir: &Path) -> Option<PathBuf> {
    let path = dir.join(name_in(dir)?);
    path.symlink_metadata().is_ok_and(|meta| meta.file_type().is_socket()).then_some(path)
}

#[test]
fn l2_paths_that_are_swapped_during_the_handshake_lead_us_to_nobody_elses_files() {
    let world = World::new();
    for (step, attack) in STEPS.into_iter().flat_map(|step| ATTACKS.map(|attack| (step, attack))) {
        // Root can give its socket to any group, and does so in the middle of the first attack.
        let gives = step == Step::Named && geteuid().is_root();
        let (hostile, server) = Hostile::start(step, attack);
        let group = if gives { ",group=12345" } else { "" };
        let net = format!("vde,sock={}{group}", hostile.dir().display());
        let run = world.vdeq(&["--timeout", "2", QEMU, "-net", &net]).act("send=3 exit=0");
        let outcome = run.run();
        hostile.is_over.store(true, Ordering::Release);
        let shook_hands = server.join().unwrap_or_else(|_| panic!("{attack:?} at {step:?}"));
        // Whoever sees the first strike may well not knock at all.
        assert!(shook_hands || step == Step::Named, "{attack:?} at {step:?}: {outcome:?}");
        // It may have come too late; then there is a VM with a network.
        if outcome.status.code() != Some(0) || !outcome.report.ready {
            outcome.assert_failed(125, &["vdeq: "]);
        }
        for dir in [hostile.dir(), hostile.moved()] {
            assert_eq!(socket_in(&dir), None, "{attack:?} at {step:?}: {outcome:?}");
        }
    }
}
