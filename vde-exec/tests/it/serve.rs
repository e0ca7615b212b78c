//! The built-in switch on real sockets: its directory, its ports, its frames, its console, its end.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tempfile::TempDir;
use vde_exec::serve::{ServeError, ServeOptions, ServedSwitch, SwitchServer};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::{PlugError, Vnl};
use vde_exec::{Connection, DialError, DialOptions, Environment, dial, give_back};

/// A switch in a directory of the test's.
struct Place {
    base: TempDir,
    served: Option<ServedSwitch>,
}

impl Place {
    fn new(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let base = tempfile::tempdir().unwrap();
        let mut options = ServeOptions::new(base.path().join("switch"));
        change(&mut options);
        let served = SwitchServer::open(&options).unwrap().spawn().unwrap();
        Self { base, served: Some(served) }
    }

    fn dir(&self) -> PathBuf {
        self.base.path().join("switch")
    }

    fn plug(&self) -> Plug {
        Plug::at(&self.dir(), "").unwrap()
    }

    fn stop(&mut self) {
        self.served.take().unwrap().stop().unwrap();
    }
}

/// A client.
struct Plug {
    data: UnixDatagram,
    connection: Connection,
}

impl Plug {
    fn at(dir: &Path, port: &str) -> Result<Self, DialError> {
        let vnl = Vnl::parse(format!("{}{port}", dir.display()).as_bytes()).unwrap();
        let options = DialOptions {
            description: "test".to_owned(),
            timeout: Duration::from_secs(20),
            environment: Environment::default(),
        };
        let connection = dial(&vnl, &options, None)?;
        let data = UnixDatagram::from(connection.data.try_clone().unwrap());
        data.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Ok(Self { data, connection })
    }

    fn receive(&self) -> Vec<u8> {
        let mut buffer = [0; 16 * 1024];
        let length = self.data.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    fn leave(self) {
        give_back(vec![self.connection], Duration::from_secs(20));
    }
}

fn frame(to: u8, from: u8, length: usize) -> Vec<u8> {
    let mut frame = match to {
        0xff => vec![0xff; 6],
        to => vec![2, 0, 0, 0, 0, to],
    };
    frame.extend([2, 0, 0, 0, 0, from, 0x88, 0xb5]);
    frame.resize(length, from);
    frame
}

#[test]
fn frames_go_to_all_until_an_address_is_known_and_then_to_it_alone() {
    let place = Place::new(|_| {});
    let [a, b, c] = [(); 3].map(|()| place.plug());
    let hello = frame(0xff, 1, 60);
    a.data.send(&hello).unwrap();
    assert_eq!([b.receive(), c.receive()], [hello.clone(), hello]);
    let answer = frame(1, 2, 9234);
    b.data.send(&answer).unwrap();
    assert_eq!(a.receive(), answer, "a jumbo frame, whole");
    // What is for A alone C has not had: the next that it gets is for all.
    let last = frame(0xff, 2, 20);
    b.data.send(&last).unwrap();
    assert_eq!([a.receive(), c.receive()], [last.clone(), last]);
}

#[test]
fn too_long_and_too_short_datagrams_are_dropped_and_nothing_else() {
    let place = Place::new(|_| {});
    let [a, b] = [(); 2].map(|()| place.plug());
    for length in [9235, 13, 1] {
        let whole = frame(0xff, 1, length.max(14));
        a.data.send(&whole[..length]).unwrap();
    }
    a.data.send(&[]).unwrap();
    let good = frame(0xff, 1, 60);
    a.data.send(&good).unwrap();
    assert_eq!(b.receive(), good);
}

#[test]
fn ports_are_given_out_shared_and_given_back() {
    let mut place = Place::new(|options| options.config.ports = 4);
    let dir = place.dir();
    let [a, b] = [Plug::at(&dir, "[3]").unwrap(), Plug::at(&dir, "[3]").unwrap()];
    assert_eq!([a.connection.port, b.connection.port], [Some(3); 2], "one user may share a port");
    let started = Instant::now();
    let refused = Plug::at(&dir, "[5]").err().unwrap();
    let DialError::Handshake { error, .. } = refused else { panic!("{refused}") };
    assert_eq!(error, PlugError::Refused);
    assert!(started.elapsed() < Duration::from_secs(10), "it is told, and not waited for");
    let names = || fs::read_dir(&dir).unwrap().count();
    assert_eq!(names(), 3, "ctl, and two data sockets");
    a.leave();
    b.leave();
    assert_eq!(names(), 1);
    place.stop();
    assert!(!dir.exists());
}

#[test]
fn a_client_that_does_not_read_loses_frames_and_delays_nobody() {
    let mut place = Place::new(|options| {
        options.management = Some(options.dir.with_file_name("mgmt"));
    });
    let [sender, stalled, reader] = [(); 3].map(|()| place.plug());
    let frame = frame(0xff, 1, 1514);
    for _ in 0..2000 {
        sender.data.send(&frame).unwrap();
        assert_eq!(reader.receive(), frame);
    }
    // It gets what there was room for; the rest is counted at its port.
    let mut console = UnixStream::connect(place.base.path().join("mgmt")).unwrap();
    console.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    say(&mut console, "");
    stalled.data.set_nonblocking(true).unwrap();
    let mut kept = 0;
    wait::until_true("every frame to be accounted for", || {
        while stalled.data.recv(&mut [0; 2000]).is_ok() {
            kept += 1;
        }
        let expected = format!(" DROP: in {:11} out {:25}\n", 0, 2000 - kept);
        say(&mut console, "port/print 2\n").contains(&expected)
    });
    assert!((10..1000).contains(&kept), "{kept} of 2000 had room");
    assert!(!say(&mut console, "port/print 3\n").contains("DROP"));
    place.stop();
}

#[test]
fn many_ports_are_plugged_in_and_hear_everything() {
    // More would not fit into the descriptors that a process has by default.
    let place = Place::new(|options| options.config.ports = 100);
    let plugs: Vec<Plug> = (0..100).map(|_| place.plug()).collect();
    let frame = frame(0xff, 1, 100);
    plugs[0].data.send(&frame).unwrap();
    for plug in &plugs[1..] {
        assert_eq!(plug.receive(), frame);
    }
}

#[test]
fn a_living_switch_is_refused_and_a_dead_one_taken_over() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("switch");
    let options = ServeOptions::new(&dir);
    let first = SwitchServer::open(&options).unwrap();
    assert!(matches!(SwitchServer::open(&options), Err(ServeError::Alive { .. })));
    drop(first);
    assert!(!dir.exists());

    // What a killed switch leaves.
    fs::create_dir(&dir).unwrap();
    drop(UnixListener::bind(dir.join("ctl")).unwrap());
    drop(UnixDatagram::bind(dir.join("001.7")).unwrap());
    fs::write(dir.join("notes"), "mine").unwrap();
    let second = SwitchServer::open(&options).unwrap().spawn().unwrap();
    assert!(!dir.join("001.7").exists() && dir.join("notes").exists());
    Plug::at(&dir, "").unwrap().leave();
    second.stop().unwrap();
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "what was there stays");
}

#[test]
fn what_is_no_place_for_a_switch_is_refused_and_untouched() {
    let base = tempfile::tempdir().unwrap();
    let of = |name: &str| base.path().join(name);
    fs::write(of("file"), "").unwrap();
    fs::create_dir(of("home")).unwrap();
    fs::write(of("home/letter"), "dear").unwrap();
    fs::create_dir(of("taken")).unwrap();
    fs::write(of("taken/ctl"), "no socket").unwrap();
    for name in ["file", "home", "taken", "file/below"] {
        let error = SwitchServer::open(&ServeOptions::new(of(name))).err();
        assert!(error.is_some(), "{name}");
    }
    let long = of(&"x".repeat(100));
    let error = SwitchServer::open(&ServeOptions::new(&long)).err();
    assert!(matches!(error, Some(ServeError::TooLong { .. })), "{error:?}");
    assert!(!long.exists());
    assert_eq!(fs::read_to_string(of("taken/ctl")).unwrap(), "no socket");
    assert_eq!(fs::read_dir(of("home")).unwrap().count(), 1);
}

#[test]
fn of_many_that_start_at_once_in_one_place_one_wins() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("a/b/switch");
    let options = ServeOptions { mode: 0o660, ..ServeOptions::new(&dir) };
    let servers: Vec<_> = std::thread::scope(|scope| {
        let open = || scope.spawn(|| SwitchServer::open(&options).ok());
        let threads: Vec<_> = (0..8).map(|_| open()).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(servers.len(), 1);
    let mode = fs::metadata(&dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o1770, "whoever made it");
    drop(servers);
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0, "what was made above it went, too");
}

#[test]
fn modes_are_as_they_were_asked_for_whatever_the_umask() {
    let place = Place::new(|options| options.mode = 0o660);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&place.dir().join("ctl")), 0o660);
    assert_eq!(mode(&place.dir()), 0o1770);
    let plug = place.plug();
    // Root's clients get what is theirs alone.
    let expected = if vde_exec::effective_user() == 0 { 0o600 } else { 0o660 };
    assert_eq!(mode(&plug.connection.peer), expected);
}

/// Says one thing on a console, and returns what came until the next prompt, or the end.
fn say(console: &mut UnixStream, command: &str) -> String {
    console.write_all(command.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"vde$ ") && console.read(&mut byte).unwrap() == 1 {
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn the_console_shows_ports_and_ends_the_switch() {
    let mut place = Place::new(|options| {
        options.management = Some(options.dir.with_file_name("mgmt"));
    });
    let path = place.base.path().join("mgmt");
    let plug = place.plug();
    let mut console = UnixStream::connect(&path).unwrap();
    console.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(say(&mut console, "").contains("vdeq"), "the greeting");
    let ports = say(&mut console, "port/print\n");
    assert!(ports.contains("Port 0001") && ports.contains("1000 Success"), "{ports}");
    let served = place.served.take().unwrap();
    say(&mut console, "shutdown\n");
    let mut ended = [PollFd::new(served.ended(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut ended, PollTimeout::try_from(20_000).unwrap()), Ok(1));
    served.stop().unwrap();
    assert!(!path.exists() && !place.dir().exists());
    // Its clients see its end on their control streams.
    let control = plug.connection.control.as_ref().unwrap();
    let gone =
        nix::sys::socket::recv(control.as_raw_fd(), &mut [0], nix::sys::socket::MsgFlags::empty());
    assert_eq!(gone, Ok(0));
}

#[test]
fn who_connects_and_hangs_up_leaves_nothing() {
    let place = Place::new(|_| {});
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    for _ in 0..300 {
        let mut stream = UnixStream::connect(place.dir().join("ctl")).unwrap();
        let _ = stream.write_all(b"nonsense");
    }
    // Other tests of this process have some, too, now and then.
    wait::until_true("all of them to be forgotten", || descriptors() < before + 250);
    place.plug().leave();
}
