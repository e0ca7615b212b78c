//! The gate before a switch: who is kept out, for how long, and who is not.
//!
//! A lock taken here with a descriptor of its own is that of another process to the gate.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use vde_exec::testkit::fake_switch::{FakeSwitch, Faults, Options, ReplyFault};
use vde_exec::testkit::wait::{self, PATIENCE};
use vde_exec::vde_proto::switch::Personality;
use vde_exec::{DialError, Environment, Gate, SwitchDir, dial, give_back, hang_up};

use crate::client::{Client, locator, options};

fn switch() -> FakeSwitch {
    FakeSwitch::start(Options::new(Personality::Old))
}

fn gate(dir: &Path) -> Gate {
    Gate::of(&SwitchDir::locate(&locator(dir, ""), &Environment::default()).unwrap().0)
}

/// The lock of another process, if it gets in.
fn stranger(dir: &Path) -> Option<Flock<File>> {
    match Flock::lock(File::open(dir).unwrap(), FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Some(lock),
        Err((_, Errno::EWOULDBLOCK)) => None,
        Err((_, errno)) => panic!("{errno}"),
    }
}

fn is_open(dir: &Path) -> bool {
    stranger(dir).is_some()
}

#[test]
fn one_process_is_inside_at_a_time() {
    let switch = switch();
    let gate = gate(switch.dir());
    let other = stranger(switch.dir()).unwrap();
    assert!(gate.try_enter().is_none());
    drop(other);
    let inside = gate.try_enter().unwrap();
    assert!(!is_open(switch.dir()));
    drop(inside);
    assert!(is_open(switch.dir()));
}

#[test]
fn plugs_of_one_process_are_inside_together_and_the_last_one_opens_the_gate() {
    let switch = switch();
    let gates = [gate(switch.dir()), gate(switch.dir())];
    let [first, second] = gates.each_ref().map(|gate| gate.try_enter().unwrap());
    drop(first);
    assert!(!is_open(switch.dir()));
    drop(second);
    assert!(is_open(switch.dir()));
}

#[test]
fn where_there_can_be_no_gate_everybody_enters() {
    let switch = switch();
    let gate = gate(switch.dir());
    drop(switch);
    assert!(gate.try_enter().is_some());
    assert!(gate.try_enter().is_some());
}

#[test]
fn a_lock_on_one_switch_says_nothing_about_another() {
    let (one, other) = (switch(), switch());
    let _stranger = stranger(one.dir()).unwrap();
    assert!(gate(one.dir()).try_enter().is_none());
    assert!(gate(other.dir()).try_enter().is_some());
}

#[test]
fn others_are_kept_out_until_the_switch_has_answered() {
    let switch = switch();
    switch.freeze();
    let dir = switch.dir().to_owned();
    let dialing = std::thread::spawn(move || Client::plug(&dir, ""));
    wait::until_true("the gate to be taken", || !is_open(switch.dir()));
    switch.thaw();
    let _client = dialing.join().unwrap();
    assert!(is_open(switch.dir()));
}

#[test]
fn a_switch_that_does_not_answer_keeps_nobody_out_for_ever() {
    let switch = switch();
    switch.set_faults(Faults { reply: ReplyFault::Silence, ..Faults::default() });
    let (mut trigger, interrupt) = UnixStream::pair().unwrap();
    let vnl = locator(switch.dir(), "");
    let dialing = std::thread::spawn(move || {
        dial(&vnl, &options(Duration::from_secs(600)), Some(interrupt.as_fd())).map(drop)
    });
    wait::until_true("the gate to be taken", || !is_open(switch.dir()));
    wait::until_true("the gate to be open though the dial goes on", || is_open(switch.dir()));
    assert!(!dialing.is_finished());
    trigger.write_all(b"!").unwrap();
    assert!(matches!(dialing.join().unwrap(), Err(DialError::Interrupted)));
}

#[test]
fn a_stranger_that_stays_inside_delays_once_and_stops_nobody() {
    let switch = switch();
    let _stranger = stranger(switch.dir()).unwrap();
    // Were each of them to wait as long as the first one, this would take a minute.
    let started = std::time::Instant::now();
    let clients: Vec<Client> = (0..20).map(|_| Client::plug(switch.dir(), "")).collect();
    clients.into_iter().for_each(|client| give_back(vec![client.connection], PATIENCE));
    assert!(started.elapsed() < PATIENCE);
    wait::until_true("the ports to be given back", || switch.ports().is_empty());
}

#[test]
fn a_wait_at_the_gate_can_be_interrupted() {
    let switch = switch();
    let _stranger = stranger(switch.dir()).unwrap();
    let (mut trigger, interrupt) = UnixStream::pair().unwrap();
    trigger.write_all(b"!").unwrap();
    let vnl = locator(switch.dir(), "");
    let end = dial(&vnl, &options(PATIENCE), Some(interrupt.as_fd()));
    assert!(matches!(end, Err(DialError::Interrupted)));
    assert_eq!(switch.requests(), 0);
    assert_eq!(switch.litter(), [""; 0]);
}

#[test]
fn who_goes_keeps_others_out_until_the_switch_has_noticed() {
    let switch = switch();
    let connection = Client::plug(switch.dir(), "").connection;
    switch.freeze();
    let going = std::thread::spawn(move || give_back(vec![connection], PATIENCE));
    wait::until_true("the gate to be taken", || !is_open(switch.dir()));
    switch.thaw();
    going.join().unwrap();
    assert!(switch.ports().is_empty());
    assert!(is_open(switch.dir()));
}

#[test]
fn plugs_of_several_switches_are_given_back_and_hung_up_on_together() {
    let (one, other) = (switch(), switch());
    let plug = |switch: &FakeSwitch| Client::plug(switch.dir(), "").connection;
    give_back(vec![plug(&one), plug(&other), plug(&one)], PATIENCE);
    assert_eq!((one.ports().len(), other.ports().len()), (0, 0));

    let connections = [plug(&one), plug(&other), plug(&one)];
    hang_up(&connections);
    for switch in [&one, &other] {
        wait::until_true("the switch to notice", || switch.ports().is_empty());
        assert!(is_open(switch.dir()));
    }
    give_back(connections.into(), PATIENCE);
}
