//! What happens to a switch, and what its VMs notice of it: an outage as long as the switch is away.

use std::fs;
use std::time::{Duration, Instant};

use vde_exec::testkit::real_switch::RealSwitch;
use vde_exec::testkit::wait;

use super::account::{Account, Outage};
use super::line::{INTERVAL, Line};
use super::vm::Vm;
use crate::world::{World, switch, vde};

/// A plug that has held for so long is made again at once when it is lost.
const HELD: Duration = Duration::from_millis(200);

/// Two VMs of ours on one switch, and frames between them.
pub struct Pair {
    pub world: World,
    pub switch: RealSwitch,
    pub vms: [Vm; 2],
    pub line: Line,
    pub outages: Vec<Outage>,
}

impl Pair {
    /// Frames flow when this returns.
    pub fn new(switch: RealSwitch) -> Self {
        let world = World::new();
        let vms = [(); 2].map(|()| Vm::ours(&world, &[], &vde(&switch)));
        Self::of(world, switch, vms)
    }

    pub fn of(world: World, switch: RealSwitch, vms: [Vm; 2]) -> Self {
        vms.iter().for_each(Vm::wait_until_up);
        let begin = Instant::now();
        let line = Line::between(&vms[0].wire, &vms[1].wire, 1, INTERVAL);
        let outages = vec![line.wait_until_up(begin)];
        Self { world, switch, vms, line, outages }
    }

    /// An outage: `fault` begins it, and returns when the switch is back. Frames pass again when this
    /// returns; returns how long that took.
    pub fn outage(&mut self, fault: impl FnOnce(&mut RealSwitch)) -> Duration {
        self.settle();
        let begin = Instant::now();
        fault(&mut self.switch);
        let back = Instant::now();
        let traffic = self.line.wait_for_traffic(back);
        self.outages.push(Outage { begin, end: traffic });
        traffic - back
    }

    /// Lets frames flow for so long that the plugs count as held, and not as flapping.
    fn settle(&self) {
        let since = self.outages.last().map_or_else(Instant::now, |last| last.end);
        self.line.wait_for_traffic(since + HELD);
    }

    /// Nobody noticed anything but the outages, and nothing is left.
    pub fn finish(self) -> Account {
        let account = self.line.finish(&self.outages);
        account.assert_clean();
        for vm in self.vms {
            assert!(vm.answers_within(Duration::from_secs(20)));
            let pid = vm.pid();
            assert!(vm.end().success());
            self.world.assert_nothing_left_of(pid, &[self.switch.dir()]);
        }
        self.switch.wait_for_ports("every port is given back", <[_]>::is_empty);
        account
    }
}

/// Runs a fault a few times in a row; the QEMUs are told nothing.
fn survives(what: &str, mut fault: impl FnMut(&mut RealSwitch)) -> Account {
    let mut pair = Pair::new(switch());
    let before = pair.vms.each_ref().map(Vm::sockets_of_qemu);
    let times: Vec<_> = (0..3).map(|_| pair.outage(&mut fault)).collect();
    assert_eq!(pair.vms.each_ref().map(Vm::sockets_of_qemu), before);
    let account = pair.finish();
    eprintln!("{what}: frames passed {times:.0?} after the switch's return; {account}");
    account
}

#[test]
fn a_switch_that_is_killed_and_started_again() {
    survives("kill -9, restart", RealSwitch::restart_same_dir);
}

#[test]
fn whatever_happens_while_the_vms_are_silent() {
    let (world, mut switch) = (World::new(), switch());
    let vms = [(); 2].map(|()| Vm::ours(&world, &[], &vde(&switch)));
    vms.iter().for_each(Vm::wait_until_up);
    // A socket that nobody sends on does not notice that its switch is no more.
    for times in 1..=4 {
        match times % 2 {
            0 => close_ports(&switch),
            _ => switch.restart_same_dir(),
        }
        vms.iter().for_each(|vm| vm.wait_until_said_times(" is back on port ", times));
    }
    let line = Line::between(&vms[0].wire, &vms[1].wire, 1, INTERVAL);
    line.wait_for_traffic(Instant::now() + HELD);
    let pair = Pair { world, switch, vms, line, outages: Vec::new() };
    assert_eq!(pair.finish().excused, 0);
}

#[test]
fn a_switch_that_ends_and_is_started_again() {
    survives("SIGTERM, restart", |switch| {
        assert!(switch.terminate().success());
        assert!(!switch.dir().exists(), "a client left something in it");
        switch.restart_same_dir();
    });
}

#[test]
fn a_switch_whose_directory_is_removed() {
    survives("rm -rf, kill -9, restart", |switch| {
        fs::remove_dir_all(switch.dir()).unwrap();
        switch.restart_same_dir();
    });
    survives("kill -9, rm -rf, restart", |switch| {
        switch.kill();
        fs::remove_dir_all(switch.dir()).unwrap();
        switch.restart_same_dir();
    });
}

#[test]
fn a_switch_that_stands_still() {
    let mut pair = Pair::new(switch());
    for _ in 0..2 {
        let vms = &pair.vms;
        let begin = Instant::now();
        pair.switch.stop();
        // Longer than a queue lasts: QEMU has to be left in peace when it is full.
        while begin.elapsed() < Duration::from_millis(500) {
            assert!(vms.iter().all(|vm| vm.answers_within(Duration::from_secs(20))));
        }
        pair.switch.cont();
        let traffic = pair.line.wait_for_traffic(Instant::now());
        pair.outages.push(Outage { begin, end: traffic });
    }
    assert!(pair.vms.iter().all(|vm| !vm.said().contains("is lost")), "{}", pair.vms[0].said());
    let account = pair.finish();
    eprintln!("SIGSTOP, SIGCONT: {account}");
}

/// Closes every port of the switch, as an administrator does.
pub fn close_ports(switch: &RealSwitch) {
    for port in switch.busy_ports() {
        for endpoint in port.endpoints {
            // It may be gone by now.
            let _ = switch.try_console(&format!("port/epclose {} {}", port.number, endpoint.id));
        }
    }
}

#[test]
fn a_port_that_an_administrator_closes() {
    survives("port/epclose", |switch| {
        close_ports(switch);
        wait::until_true("both to be plugged in again", || switch.busy_ports().len() >= 2);
    });
}
