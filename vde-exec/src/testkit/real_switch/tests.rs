//! The real switch really starts, freezes, dies and comes back.

use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;

use super::*;

#[test]
fn a_fresh_switch_serves_and_has_no_busy_port() {
    let switch = RealSwitch::start(Options { ports: Some(8), ..Options::default() });
    assert!(switch.ctl().exists());
    assert_eq!(switch.busy_ports(), []);
    assert!(switch.console("port/showinfo").contains("Numports=8"));
    assert!(switch.console("ds/showinfo").contains(switch.dir().to_str().unwrap()));
}

#[test]
fn options_reach_the_switch() {
    let switch = RealSwitch::start(Options { hub: true, mode: Some(0o666), ..Options::default() });
    assert!(switch.console("port/showinfo").contains("HUB=true"));
    let mode = std::fs::metadata(switch.ctl()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
}

#[test]
fn a_refused_command_gives_the_switchs_status() {
    let switch = RealSwitch::start(Options::default());
    let refusal = switch.try_console("port/print 3").unwrap_err();
    assert_eq!(refusal.status, 1006, "{refusal}");
    assert_eq!(switch.try_console("nosuchcommand").unwrap_err().status, 1038);
}

#[test]
fn an_open_and_a_closed_port_are_told_apart() {
    let switch = RealSwitch::start(Options::default());
    let client = plug(&switch, 5, "testkit: a client");
    let ports = switch.wait_for_ports("port 5 is taken", |ports| {
        ports.iter().any(|port| !port.endpoints[0].description.is_empty())
    });
    assert_eq!((ports.len(), ports[0].number, ports[0].active), (1, 5, true));
    assert_eq!(ports[0].endpoints[0].description, "testkit: a client");
    drop(client);
    switch.wait_for_ports("port 5 is given back", <[_]>::is_empty);
    assert!(switch.ports().iter().any(|port| port.number == 5 && !port.active));
}

#[test]
fn a_frozen_switch_holds_its_sockets_and_answers_when_it_goes_on() {
    let switch = RealSwitch::start(Options::default());
    switch.stop();
    assert!(UnixStream::connect(switch.ctl()).is_ok(), "the kernel still queues connections");
    switch.cont();
    assert_eq!(switch.busy_ports(), []);
}

#[test]
fn a_killed_switch_leaves_its_socket_and_starts_again_over_it() {
    let mut switch = RealSwitch::start(Options::default());
    let first = switch.pid();
    switch.kill();
    assert!(switch.ctl().exists());
    assert!(UnixStream::connect(switch.ctl()).is_err());
    switch.restart_same_dir();
    assert_ne!(switch.pid(), first);
    assert_eq!(switch.busy_ports(), []);
}

#[test]
fn a_terminated_switch_tidies_up() {
    let mut switch = RealSwitch::start(Options::default());
    assert!(switch.terminate().success());
    assert!(!switch.dir().exists());
}

#[test]
fn a_launcher_that_stays_is_not_taken_for_the_switch() {
    let launcher = &["sh", "-c", "\"$0\" \"$@\"; exit 3"];
    let mut switch = RealSwitch::start(Options { launcher, ..Options::default() });
    let name = |pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(name(switch.pid()), "vde_switch\n");
    switch.kill();
    assert!(UnixStream::connect(switch.ctl()).is_err());
    switch.restart_with_ports(8);
    assert!(switch.console("port/showinfo").contains("Numports=8"));
    assert_eq!(switch.terminate().code(), Some(3));
}

#[test]
fn a_switch_runs_as_the_user_that_was_asked_for() {
    let own = nix::unistd::geteuid();
    // Only root has a choice.
    let user = own.is_root().then_some(65_534);
    let switch = RealSwitch::start(Options { user, ..Options::default() });
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(switch.ctl()).unwrap());
    assert_eq!(owner, user.unwrap_or(own.as_raw()));
}

#[test]
fn the_end_of_the_test_leaves_no_process_and_no_directory() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("chosen");
    let switch = RealSwitch::start(Options { dir: Some(dir.clone()), ..Options::default() });
    assert_eq!(switch.dir(), dir);
    let (pid, home) = (switch.pid(), switch.home.path().to_owned());
    drop(switch);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert!(!dir.exists() && !home.exists());
}

/// The least client there is: a version 3 request from a socket of its own. It leaves when dropped.
fn plug(switch: &RealSwitch, port: u32, description: &str) -> (UnixStream, UnixDatagram, TempDir) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("data");
    let data = UnixDatagram::bind(&path).unwrap();
    let mut request = Vec::new();
    for word in [0xfeed_face_u32, 3, port << 8] {
        request.extend(word.to_ne_bytes());
    }
    request.extend(1_u16.to_ne_bytes());
    request.extend(path.to_str().unwrap().bytes());
    request.resize(122, 0);
    request.extend(description.bytes());
    let mut stream = UnixStream::connect(switch.ctl()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&request).unwrap();
    stream.read_exact(&mut [0; 110]).unwrap();
    (stream, data, place)
}
