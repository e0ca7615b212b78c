//! Two clients of the built-in switch with one address: it is said, with both ports, and once.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, recv, send};
use vde_exec::testkit::wait::{self, PATIENCE};
use vde_exec::vde_proto::{MacAddr, Vnl, rarp};
use vde_exec::{Connection, DialOptions, Environment, dial};

use crate::world::{QEMU, Running, World, kill};

const MAC: MacAddr = MacAddr::new([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
const OTHER: MacAddr = MacAddr::new([0x52, 0x54, 0, 0x12, 0x34, 0x57]);

fn plug(dir: &Path, name: &str) -> Connection {
    let options = DialOptions {
        description: name.to_owned(),
        timeout: PATIENCE,
        environment: Environment::of_process(),
    };
    dial(&Vnl::parse(dir.to_str().unwrap().as_bytes()).unwrap(), &options, None).unwrap()
}

/// Has a frame of this station go from one plug to all, and waits for it at another.
fn announce(from: &Connection, mac: MacAddr, to: &OwnedFd) {
    send(from.data.as_raw_fd(), &rarp::announcement(mac), MsgFlags::empty()).unwrap();
    recv(to.as_raw_fd(), &mut [0; 100], MsgFlags::empty()).unwrap();
}

/// Two clients take turns with one address, often.
pub fn collide(dir: &Path) {
    let [one, two, witness] = ["left", "right", "witness"].map(|name| plug(dir, name));
    for _ in 0..20 {
        announce(&one, OTHER, &witness.data);
        announce(&one, MAC, &witness.data);
        announce(&two, MAC, &witness.data);
    }
}

fn told(run: &Running) -> String {
    wait::until_true("a word on the collision", || run.stderr().contains("comes from port"));
    run.stderr()
}

#[test]
fn two_clients_of_a_switch_with_one_address_are_told_of_once_with_both_ports() {
    let world = World::new();
    let dir = world.home.path().join("lab");
    let run = world.vdeq(&["--switch=lab"]).start();
    wait::until_true("the switch", || dir.join("ctl").exists());
    collide(&dir);
    told(&run);
    kill(run.pid(), Signal::SIGTERM);
    let said = run.finish().stderr;
    let lines: Vec<_> = said.lines().filter(|line| line.contains("comes from port")).collect();
    let [line] = lines[..] else { panic!("{said}") };
    for part in ["52:54:00:12:34:56", "port 1 (left)", "port 2 (right)"] {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn so_they_are_where_the_switch_is_beside_a_machine() {
    let world = World::new();
    let dir = world.home.path().join("lab");
    let run = world.vdeq(&["--switch=lab", QEMU, "-nic", "vde"]).act("run").start();
    run.wait_running();
    collide(&dir);
    assert!(told(&run).contains("port 2 (left)"), "{}", run.stderr());
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

#[test]
fn a_client_that_moves_is_no_collision() {
    let world = World::new();
    let dir = world.home.path().join("lab");
    let run = world.vdeq(&["--switch=lab"]).start();
    wait::until_true("the switch", || dir.join("ctl").exists());
    let witness = plug(&dir, "witness");
    // It goes and comes on another port each time.
    let mut last = plug(&dir, "guest");
    for _ in 0..4 {
        announce(&last, MAC, &witness.data);
        let next = plug(&dir, "guest");
        drop(last);
        last = next;
    }
    announce(&last, MAC, &witness.data);
    kill(run.pid(), Signal::SIGTERM);
    let said = run.finish().stderr;
    assert!(!said.contains("comes from port"), "{said}");
}
