//! Traps between the program and the switch: answers that do not come or are odd, ports, modes and
//! names.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::sync::mpsc;
use std::time::Instant;

use vde_exec::testkit::fake_switch::{FakeSwitch, Faults, Options, ReplyFault};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::Personality;

use super::place::{Place, STATUS, Vm, ticks, vde_plug};
use crate::world::{Running, World, signal, sockets_in};

/// A switch that replies so.
fn replying(reply: ReplyFault) -> FakeSwitch {
    let faults = Faults { reply, ..Faults::default() };
    FakeSwitch::start(Options::new(Personality::New).with(faults))
}

/// `vde,sock=DIR`.
fn net(dir: &Path) -> String {
    format!("vde,sock={}", dir.display())
}

/// Ours gives up after half a second, and for that long theirs waits on: it said nothing, and there
/// is no VM.
fn ours_gives_up_first(ours: &Place, net: &str, words: &[&str], theirs: &mut Running) {
    let started = Instant::now();
    ours.refuses(&["--timeout", "0.5", "qemu", "-net", net], words);
    assert!(started.elapsed().as_millis() >= 500);
    assert!(theirs.child.try_wait().unwrap().is_none(), "theirs gave up, too");
}

/// A C vdeq in a handshake, when it has made its socket.
fn in_the_handshake(place: &Place, net: &str) -> Vm {
    let vm = place.start(&mut place.command(&["qemu", "-net", net], "run=42"));
    let pid = vm.running.pid();
    let dir = place.switch.dir();
    wait::until_true("its socket", || !place.world.sockets_of(pid, &[dir]).is_empty());
    vm
}

/// Kills it, and what it leaves is one socket.
fn killed_in_the_handshake(place: &Place, mut vm: Vm) {
    let pid = vm.running.pid();
    assert!(!vm.report().ready, "a VM without a network");
    signal(pid, "KILL");
    vm.wait_for_vdeq();
    assert_eq!(place.world.sockets_of(pid, &[place.switch.dir()]).len(), 1);
}

#[test]
fn v16_a_refused_port_is_an_error_and_leaves_nothing() {
    let (theirs, ours) = (Place::theirs(), Place::ours());
    let mut vm = in_the_handshake(&theirs, &format!("{},port=99", theirs.net()));
    let net = format!("{},port=99", ours.net());
    ours_gives_up_first(&ours, &net, &["port 99", "within 0.5 s"], &mut vm.running);
    killed_in_the_handshake(&theirs, vm);
}

#[test]
fn v17_a_switch_that_says_nothing_is_given_up() {
    let (theirs, ours) = (Place::theirs(), Place::ours());
    theirs.switch.stop();
    let mut vm = in_the_handshake(&theirs, &theirs.net());
    ours.switch.stop();
    let outcome = ours.finish(&["--timeout", "0.5", "qemu", "-net", &ours.net()], "exit=0");
    assert_eq!(outcome.status.code(), Some(125), "{outcome:?}");
    assert!(outcome.stderr.contains("did not answer within 0.5 s"), "{outcome:?}");
    assert!(vm.vdeq_is_alive());
    killed_in_the_handshake(&theirs, vm);
    assert_eq!(sockets_in(ours.switch.dir()), [ours.switch.ctl()]);
    ours.switch.cont();
}

#[test]
fn l1_the_handshake_has_a_deadline() {
    let ours = Place::ours();
    let place = Place::theirs();
    let descriptors = place.switch.open_descriptors();
    let dir = place.switch.dir().display();
    let mut plug = vde_plug(&place.world, &format!("{dir}[99]"));
    // A switch keeps a descriptor of every client that it refuses by silence.
    wait::until_true("the request", || place.switch.open_descriptors() > descriptors + 1);
    let net = format!("{},port=99", ours.net());
    ours_gives_up_first(&ours, &net, &["port 99"], &mut plug);
    assert_eq!(place.switch.busy_ports(), []);
}

/// A reply that names this path.
fn naming(path: &Path) -> ReplyFault {
    let path = path.as_os_str().as_encoded_bytes();
    ReplyFault::Instead([&[1, 0][..], path, &vec![0; 108 - path.len()]].concat())
}

#[test]
fn l2_what_the_switch_names_keeps_its_mode() {
    let place = Place::ours();
    let victim = place.world.path("victim");
    let _victim = UnixDatagram::bind(&victim).unwrap();
    let mode = || fs::metadata(&victim).unwrap().mode() & 0o777;
    let lock = || fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
    let link = place.world.path("link");
    symlink(&victim, &link).unwrap();
    for path in [&victim, &link] {
        lock();
        let switch = replying(naming(path));
        let plug = vde_plug(&place.world, switch.dir().to_str().unwrap());
        wait::until_true("a mode of the client's choice", || mode() == 0o700);
        drop(plug);
        lock();
        let words = ["qemu", "-net", &net(switch.dir())];
        if *path == link {
            place.refuses(&words, &["told us to send frames to", "not a socket"]);
        } else {
            // A socket of our own user: one of a switch that runs as root looks like that, too.
            assert_eq!(place.vm(&words, "run=42").end().status.code(), Some(STATUS));
        }
        assert_eq!(mode(), 0o600);
    }
}

/// The first bytes that it prints.
fn first_of(plug: &mut Running, length: usize) -> Vec<u8> {
    let mut stdout = plug.child.stdout.take().unwrap();
    let (sender, receiver) = mpsc::channel();
    // The reader ends with vde_plug, at the latest.
    std::thread::spawn(move || {
        let mut bytes = vec![0; length];
        let _ = sender.send(stdout.read_exact(&mut bytes).map(|()| bytes));
    });
    receiver.recv_timeout(wait::PATIENCE).expect("in time").unwrap()
}

#[test]
fn l3_a_short_reply_is_no_reply() {
    let place = Place::ours();
    for length in [1, 3] {
        let switch = replying(ReplyFault::Cut(length));
        let mut plug = vde_plug(&place.world, switch.dir().to_str().unwrap());
        // It has connected to itself: a frame that goes in comes out again.
        let frame = [&[0, 60][..], &[0xff; 60]].concat();
        plug.child.stdin.as_mut().unwrap().write_all(&frame).unwrap();
        assert_eq!(first_of(&mut plug, frame.len()), frame, "{length}");

        let words = ["--timeout", "0.3", "qemu", "-net", &net(switch.dir())];
        place.refuses(&words, &["reply"]);
    }
}

#[test]
fn l4_a_reply_without_a_socket_is_an_error() {
    let (theirs, ours) = (Place::theirs(), Place::ours());
    let unspecified = [&[0, 0][..], b"/tmp/x", &[0; 102]].concat();
    for reply in [vec![0; 110], unspecified] {
        let switch = replying(ReplyFault::Instead(reply));
        let words = ["qemu", "-net", &net(switch.dir())];
        let mut vm = theirs.vm(&words, "line send=1 run=42");
        vm.line();
        assert_eq!(vm.wait_for_vdeq().code(), Some(1), "the VM finds out");
        assert!(vm.is_alive());
        drop(vm);

        ours.refuses(&words, &["reply"]);
    }
    // What is whole in the end is a reply.
    let switch = replying(ReplyFault::Pieces(50));
    let words = ["--timeout", "60", "qemu", "-net", &net(switch.dir())];
    assert_eq!(ours.vm(&words, "run=42").end().status.code(), Some(STATUS));
}

/// The library of version 2, which took a refusal for success, is in no Debian of today.
#[test]
fn l5_a_refusal_is_no_plug() {
    let switch = replying(ReplyFault::HangUp);
    Place::ours().refuses(&["qemu", "-net", &net(switch.dir())], &["refused"]);
}

#[test]
fn l6_a_refusal_is_not_explained_by_some_old_errno() {
    let switch = replying(ReplyFault::HangUp);
    let world = World::new();
    let outcome = vde_plug(&world, switch.dir().to_str().unwrap()).finish();
    assert!(outcome.stderr.contains("Invalid argument"), "{outcome:?}");

    let outcome = Place::ours().finish(&["qemu", "-net", &net(switch.dir())], "exit=0");
    assert!(outcome.stderr.contains("refused"), "{outcome:?}");
    assert!(!outcome.stderr.contains("nvalid argument"), "{outcome:?}");
}

#[test]
fn l7_a_port_that_is_no_number_is_never_any_port() {
    for port in ["lan", "3x", "-1"] {
        let place = Place::theirs();
        let locator = format!("{}[{port}]", place.switch.dir().display());
        let _plug = vde_plug(&place.world, &locator);
        place.switch.wait_for_ports("any port", |ports| ports.len() == 1);

        let place = Place::ours();
        let net = format!("{}[{port}]", place.net());
        place.refuses(&["qemu", "-net", &net], &[port, "^"]);
    }
}

#[test]
fn l8_a_mode_of_zero_locks_no_switch_out() {
    let (theirs, ours) = (Place::theirs(), Place::ours());
    // The mode of its socket while the switch is frozen.
    let mode = |place: &Place, pid| {
        let sockets = place.world.sockets_of(pid, &[place.switch.dir()]);
        sockets.first().and_then(|path| Some(fs::metadata(path).ok()?.mode() & 0o777))
    };
    theirs.switch.stop();
    let locator = format!("{}[mode=0]", theirs.switch.dir().display());
    let plug = vde_plug(&theirs.world, &locator);
    // A switch that is not root's cannot write to this, and refuses.
    wait::until_true("a mode of 0", || mode(&theirs, plug.pid()) == Some(0));

    let net = ours.net();
    let locator = format!("{net}[mode=0]");
    for words in [["--mod", "0", "-net", &net], ["-net", &locator, "-name", "x"]] {
        ours.switch.stop();
        let words = [&["--timeout", "60", "qemu"], &words[..]].concat();
        let vm = ours.start(&mut ours.command(&words, "run=42"));
        let ours_mode = wait::until("our socket", || mode(&ours, vm.running.pid()));
        assert_eq!(ours_mode & 0o600, 0o600, "{ours_mode:o}");
        ours.switch.cont();
        vm.wait_running();
        assert_eq!(vm.end().status.code(), Some(STATUS));
    }
}

#[test]
fn l9_a_path_that_is_too_long_is_an_error() {
    let base = tempfile::Builder::new().prefix("long").tempdir().unwrap();
    let room = 105 - base.path().as_os_str().len() - 1;
    let dir = base.path().join("d".repeat(room));
    fs::create_dir(&dir).unwrap();
    // What is left of `/ctl` in an address.
    let _listener = UnixListener::bind(dir.join("c")).unwrap();
    let world = World::new();
    let plug = vde_plug(&world, dir.to_str().unwrap());
    wait::until_true("a third of a second of tries", || ticks(plug.pid()) > 33);
    drop(plug);

    Place::ours().refuses(&["qemu", "-net", &net(&dir)], &["105 bytes", "at most 103"]);
}

#[test]
fn l10_a_default_file_needs_no_newline_at_its_end() {
    let ports = |place: &Place, end: &str| {
        let home = place.world.path(".vdeplug");
        fs::create_dir_all(&home).unwrap();
        let text = format!("{}{end}", place.switch.dir().display());
        fs::write(home.join("default"), text).unwrap();
        let vm = place.vm(&["qemu", "-net", "vde"], "run=42");
        let ports = place.switch.busy_ports().len();
        vm.end();
        place.switch.wait_for_ports("no port", <[_]>::is_empty);
        ports
    };
    let (theirs, ours) = (Place::theirs(), Place::ours());
    assert_eq!((ports(&theirs, "\n"), ports(&theirs, "")), (1, 0));
    assert_eq!((ports(&ours, "\n"), ports(&ours, "")), (1, 1));
}

#[test]
fn l11_what_a_killed_one_left_is_removed_by_the_next() {
    let (theirs, ours) = (Place::theirs(), Place::ours());
    let leave = |place: &Place| {
        place.switch.stop();
        killed_in_the_handshake(place, in_the_handshake(place, &place.net()));
        place.switch.cont();
    };
    let litter = |place: &Place| {
        let run = place.vm(&["qemu", "-net", &place.net()], "run=42").end();
        assert_eq!(run.status.code(), Some(STATUS), "{run:?}");
        let sockets = sockets_in(place.switch.dir()).into_iter();
        let name =
            |path: std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        sockets.map(name).filter(|name| name.starts_with('.')).count()
    };
    leave(&theirs);
    assert_eq!(litter(&theirs), 1);
    leave(&ours);
    assert_eq!(litter(&ours), 0);
}
