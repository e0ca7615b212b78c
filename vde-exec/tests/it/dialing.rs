//! What `dial` does around the handshake: names, modes, deadlines, interruptions.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vde_exec::testkit::fake_switch::{FakeSwitch, Faults, Options, ReplyFault};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::Personality;
use vde_exec::vde_proto::{DataFailure, DialFailure, PlugError, Vnl};
use vde_exec::{Connection, DialError, LocateError, dial};

use crate::client::{Client, EVERYBODY, frame, locator, mac, options};

fn switch() -> FakeSwitch {
    FakeSwitch::start(Options::new(Personality::New))
}

fn open_fds() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_plug_is_close_on_exec_and_connected_and_has_no_name() {
    use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
    let switch = switch();
    let Client { connection, data } = Client::plug(switch.dir(), "3");
    for fd in [connection.control.as_ref().unwrap(), &connection.data] {
        let flags = FdFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFD).unwrap());
        assert!(flags.contains(FdFlag::FD_CLOEXEC));
    }
    // QEMU before 0.12 needs it blocking, and later ones change that themselves.
    let flags = OFlag::from_bits_retain(fcntl(&connection.data, FcntlArg::F_GETFL).unwrap());
    assert!(!flags.contains(OFlag::O_NONBLOCK));
    let peer = data.peer_addr().unwrap().as_pathname().map(Path::to_owned).unwrap();
    assert_eq!(peer.parent(), Some(switch.dir()));
    assert_eq!(switch.litter(), [""; 0]);
}

/// The name and the mode of our data socket while the switch does not answer.
fn seen_while_connecting(switch: &FakeSwitch, parameters: &str) -> fs::Metadata {
    switch.freeze();
    let (dir, parameters) = (switch.dir().to_owned(), parameters.to_owned());
    let dialing = std::thread::spawn(move || Client::plug(&dir, &parameters));
    let name = wait::until("our data socket", || switch.litter().pop());
    let seen = fs::metadata(switch.dir().join(name)).unwrap();
    switch.thaw();
    dialing.join().unwrap();
    assert_eq!(switch.litter(), [""; 0]);
    seen
}

#[test]
fn the_data_socket_has_the_mode_that_was_asked_for_whatever_the_umask() {
    let switch = switch();
    for mode in [0o600, 0o660, 0o666, 0o777, 0o770] {
        let seen = seen_while_connecting(&switch, &format!("mode={mode:o}"));
        assert_eq!(seen.mode() & 0o777, mode, "{mode:o}");
    }
    assert_eq!(seen_while_connecting(&switch, "").mode() & 0o777, 0o700);
}

#[test]
fn the_data_socket_gets_the_group_that_was_asked_for() {
    let switch = switch();
    let mine = nix::unistd::getegid().as_raw();
    let seen = seen_while_connecting(&switch, &format!("mode=660/group={mine}"));
    assert_eq!(seen.gid(), mine);
    let unknown = Client::try_plug(switch.dir(), "group=no-such-group", Duration::from_secs(20));
    assert!(matches!(unknown.err(), Some(DialError::NoGroup { .. })));
}

#[test]
fn a_dial_that_fails_leaves_neither_a_file_nor_a_descriptor() {
    // Other tests of this process open descriptors at the same time, so this one looks at a
    // process of its own.
    if std::env::var_os("VDE_EXEC_ALONE").is_none() {
        let name = "dialing::a_dial_that_fails_leaves_neither_a_file_nor_a_descriptor";
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", name, "--test-threads=1"]).env("VDE_EXEC_ALONE", "1");
        let output = alone.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let replies = [
        ReplyFault::HangUp,
        ReplyFault::Cut(50),
        ReplyFault::Silence,
        ReplyFault::Instead(vec![0; 110]),
        ReplyFault::Longer(vec![0]),
    ];
    let switch = switch();
    let before = open_fds();
    for reply in replies {
        switch.set_faults(Faults { reply, ..Faults::default() });
        let failed = Client::try_plug(switch.dir(), "", Duration::from_millis(50));
        assert!(failed.is_err());
        assert_eq!(switch.litter(), [""; 0]);
        // The switch, in a thread of this process, closes its end when it sees ours closed.
        wait::until_true("the descriptors to be closed", || open_fds() == before);
    }
}

#[test]
fn a_dial_ends_when_its_interruption_becomes_readable() {
    let switch = switch();
    switch.freeze();
    let (mut trigger, interrupt) = UnixStream::pair().unwrap();
    let vnl = locator(switch.dir(), "");
    let dialing = std::thread::spawn(move || {
        dial(&vnl, &options(Duration::from_secs(600)), Some(interrupt.as_fd())).map(drop)
    });
    wait::until_true("our data socket", || !switch.litter().is_empty());
    trigger.write_all(b"!").unwrap();
    assert!(matches!(dialing.join().unwrap(), Err(DialError::Interrupted)));
    assert_eq!(switch.litter(), [""; 0]);
}

#[test]
fn the_deadline_holds_against_a_switch_that_dribbles() {
    let switch = switch();
    let faults = Faults { reply: ReplyFault::Pieces(1), ..Faults::default() };
    switch.set_faults(faults);
    let started = Instant::now();
    let slow = Client::try_plug(switch.dir(), "", Duration::from_millis(20));
    // 110 pieces, 1 ms apart, are too slow for 20 ms, however little is missing each time.
    assert!(slow.is_err());
    assert!(started.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_switch_whose_backlog_is_full_is_called_again() {
    let home = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(home.path().join("ctl")).unwrap();
    // Linux takes backlog + 1 connections; fill whatever std asked for.
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let _waiting = UnixStream::connect(home.path().join("ctl")).unwrap();
    let full = Client::try_plug(home.path(), "", Duration::from_millis(100));
    let Err(DialError::Handshake { error, .. }) = full else { panic!("not refused") };
    assert!(error.to_string().contains("busy") || matches!(error, PlugError::Dial(_)), "{error}");
}

#[test]
fn control_sockets_and_their_links_name_the_switch_too() {
    let switch = switch();
    let home = tempfile::tempdir().unwrap();
    let link = home.path().join("link");
    symlink(switch.dir(), &link).unwrap();
    let socket = home.path().join("socket");
    symlink(switch.dir().join("ctl"), &socket).unwrap();
    for path in [switch.dir().join("ctl"), link.clone(), link.join("ctl"), socket] {
        assert_eq!(Client::plug(&path, "").connection.switch.dir(), switch.dir());
    }
}

fn locate(path: &Path) -> LocateError {
    let vnl = Vnl::parse(path.as_os_str().as_encoded_bytes()).unwrap();
    match dial(&vnl, &options(Duration::from_secs(20)), None) {
        Err(DialError::Locate(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_switch_is_said_to_be_what_it_is() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::create_dir(at("empty")).unwrap();
    fs::create_dir(at("odd")).unwrap();
    fs::write(at("odd/ctl"), "").unwrap();
    fs::write(at("loop"), at("loop").as_os_str().as_encoded_bytes()).unwrap();
    fs::write(at("bad"), "tap://x").unwrap();
    assert!(matches!(locate(&at("none")), LocateError::Absent { .. }));
    assert!(matches!(locate(&at("empty")), LocateError::NotASwitch { .. }));
    assert!(matches!(locate(&at("odd")), LocateError::NotASwitch { .. }));
    assert!(matches!(locate(&at("loop")), LocateError::FileChain { .. }));
    assert!(matches!(locate(&at("bad")), LocateError::BadFile { .. }));
    assert!(matches!(locate(&at("empty/x/y")), LocateError::Absent { .. }));
    assert!(matches!(locate(Path::new("/dev/null")), LocateError::NotASwitch { .. }));
}

#[test]
fn a_dead_switch_is_told_from_an_absent_one() {
    let mut switch = switch();
    switch.kill();
    let Err(DialError::Handshake { error, .. }) =
        Client::try_plug(switch.dir(), "", Duration::from_secs(20)).map(drop)
    else {
        panic!("plugged into a dead switch");
    };
    assert_eq!(error, PlugError::Dial(DialFailure::Dead));
}

#[test]
fn a_file_that_names_a_switch_may_name_its_port() {
    let switch = switch();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("default");
    fs::write(&file, format!("vde://{}[7]\n", switch.dir().display())).unwrap();
    assert_eq!(Client::plug(&file, "").connection.port, Some(7));
    assert_eq!(Client::plug(&file, "5").connection.port, Some(5), "what is asked for counts");
}

#[test]
fn a_data_socket_with_no_room_beside_the_switch_lives_elsewhere() {
    let base = tempfile::Builder::new().prefix("long").tempdir().unwrap();
    let room = 99 - base.path().as_os_str().len() - 1;
    let mut options = Options::new(Personality::New);
    options.dir = Some(base.path().join("d".repeat(room)));
    let switch = FakeSwitch::start(options);
    let runtime = tempfile::tempdir().unwrap();
    switch.freeze();
    let mut dial_options = crate::client::options(Duration::from_secs(20));
    dial_options.environment.runtime_dir = Some(runtime.path().to_owned());
    let vnl = locator(switch.dir(), "");
    let dialing = std::thread::spawn(move || dial(&vnl, &dial_options, None));
    let names = || -> Vec<PathBuf> {
        fs::read_dir(runtime.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    wait::until_true("our data socket in the runtime directory", || names().len() == 1);
    switch.thaw();
    dialing.join().unwrap().unwrap();
    assert_eq!(names(), [""; 0].map(PathBuf::from));
}

/// A switch of which every byte is ours to choose.
fn reply_naming(path: &Path) -> Result<Connection, DialError> {
    let switch = switch();
    let bytes = path.as_os_str().as_encoded_bytes();
    let reply = [&1u16.to_ne_bytes()[..], bytes, &vec![0; 108 - bytes.len()]].concat();
    switch.set_faults(Faults { reply: ReplyFault::Instead(reply), ..Faults::default() });
    dial(&locator(switch.dir(), ""), &options(Duration::from_secs(20)), None)
}

#[test]
fn l2_only_a_socket_of_the_switch_or_our_own_user_is_connected_to() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let victim = UnixDatagram::bind(at("socket")).unwrap();
    fs::set_permissions(at("socket"), Permissions::from_mode(0o640)).unwrap();
    symlink(at("socket"), at("link")).unwrap();
    fs::write(at("file"), "").unwrap();

    let foreign =
        |name: &str| matches!(reply_naming(&at(name)), Err(DialError::ForeignSocket { .. }));
    assert!(foreign("link"));
    assert!(foreign("file"));
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(at("socket"), Some(65_534), None).unwrap();
        assert!(foreign("socket"), "a socket of a third user");
        std::os::unix::fs::chown(at("socket"), Some(0), None).unwrap();
    }
    // Our own is fine: a switch that runs as root gives its sockets away.
    assert!(reply_naming(&at("socket")).is_ok());
    assert_eq!(fs::metadata(at("socket")).unwrap().mode() & 0o777, 0o640, "nobody chmods it");
    drop(victim);
}

#[test]
fn a_data_socket_that_is_connected_to_somebody_else_counts_as_gone() {
    let home = tempfile::tempdir().unwrap();
    let (path, other) = (home.path().join("socket"), home.path().join("other"));
    let socket = UnixDatagram::bind(&path).unwrap();
    let _other = UnixDatagram::bind(&other).unwrap();
    socket.connect(&other).unwrap();
    let error = reply_naming(&path).unwrap_err();
    let DialError::Handshake { error: PlugError::Data(DataFailure::Gone), .. } = error else {
        panic!("{error}");
    };
}

#[test]
fn what_arrived_before_the_switch_did_is_thrown_away() {
    let switch = switch();
    switch.freeze();
    let dir = switch.dir().to_owned();
    let dialing = std::thread::spawn(move || Client::plug(&dir, "mode=777"));
    let name = wait::until("our data socket", || switch.litter().pop());
    let stranger = UnixDatagram::unbound().unwrap();
    let path = switch.dir().join(name);
    stranger.send_to(b"an injected frame of a stranger", &path).unwrap();
    stranger.send_to(b"", &path).unwrap();
    switch.thaw();
    let client = dialing.join().unwrap();

    assert!(stranger.send_to(b"more", &path).is_err(), "the name should be gone");
    client.data.set_nonblocking(true).unwrap();
    assert!(client.data.recv(&mut [0; 64]).is_err(), "a stranger's frame is in the queue");
}

#[test]
fn v13_a_frame_of_any_length_leaves_whole() {
    let home = tempfile::tempdir().unwrap();
    let peer_path = home.path().join("peer");
    let peer = UnixDatagram::bind(&peer_path).unwrap();
    let connection = reply_naming(&peer_path).unwrap();
    let ours = UnixDatagram::from(connection.data);
    let jumbo: Vec<u8> = (0..=250).cycle().take(9_234).collect();
    assert_eq!(ours.send(&jumbo).unwrap(), jumbo.len());
    let mut buffer = vec![0; 65_536];
    assert_eq!(peer.recv(&mut buffer).unwrap(), jumbo.len());
    assert_eq!(buffer[..jumbo.len()], jumbo);
    // The longest that QEMU ever sends.
    assert_eq!(ours.send(&vec![0; 69_632]).unwrap(), 69_632);
}

#[test]
fn a_switch_that_reads_nothing_pushes_back_and_loses_nothing() {
    let switch = switch();
    let (a, b) = (Client::plug(switch.dir(), ""), Client::plug(switch.dir(), ""));
    switch.set_faults(Faults { deaf: true, ..Faults::default() });
    // The fake may still be at the frame that it was waiting for when it was made deaf.
    a.data.set_nonblocking(true).unwrap();
    let mut sent = 0_u8;
    while a.data.send(&numbered(sent)).is_ok() {
        sent = sent.checked_add(1).expect("a bounded queue");
    }
    assert!(sent > 16, "SO_SNDBUF leaves room for {sent} frames only");

    switch.set_faults(Faults::default());
    for number in 0..sent {
        assert_eq!(b.receive(), numbered(number));
    }
}

fn numbered(number: u8) -> Vec<u8> {
    let mut frame = frame(EVERYBODY, mac(1), 1514);
    frame[14] = number;
    frame
}
