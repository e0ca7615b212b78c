//! Many at once: vdeqs on one switch whose starts and ends meet, and 64 NICs in one VM.
//!
//! vde_switch 2.3.2 mixes its clients up when one goes while another is on its way in \[P-7.8\]; that
//! vdeqs spare each other that is what the crowds show. The management console stays connected all
//! the time, so it is in nobody's way.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;

use vde_exec::PortInfo;
use vde_exec::testkit::fake_qemu::{self, Report};
use vde_exec::testkit::real_switch::{Options, RealSwitch};
use vde_exec::testkit::wait;

use crate::rig;
use crate::world::{Running, World, signal, sockets_in, start, vde};

const CROWD: usize = 32;
const NICS: usize = 64;
/// How many are started before the first of them is interrupted.
const INTERRUPTED: usize = 8;

/// A switch with room for a crowd, and what it had before anybody came.
struct Scene {
    world: World,
    switch: RealSwitch,
    descriptors: usize,
    begun: usize,
    pids: Vec<u32>,
}

/// A vdeq of the crowd, the report of its VM, and the status that it has to end with.
struct Member {
    vdeq: Running,
    report: PathBuf,
    status: i32,
}

impl Scene {
    fn new() -> Self {
        let switch = RealSwitch::start(Options { ports: Some(80), ..Options::default() });
        let descriptors = switch.open_descriptors();
        Self { world: World::new(), switch, descriptors, begun: 0, pids: Vec::new() }
    }

    /// Starts a crowd at once, whose VMs do these acts (`exit`, `run`) in turn.
    fn crowd(&mut self, acts: &[&str]) -> Vec<Member> {
        acts.iter().cycle().take(CROWD).map(|act| self.begin(act)).collect()
    }

    fn begin(&mut self, act: &str) -> Member {
        self.begun += 1;
        // Below what vdeq says itself (125 and up).
        let status = i32::try_from(self.begun % 100 + 1).unwrap();
        let report = self.world.path(&format!("report{}", self.begun));
        let mut command = self.world.vdeq();
        command.env(fake_qemu::REPORT, &report);
        command.env(fake_qemu::DO, format!("send=1 {act}={status}")).arg(rig::fake_qemu());
        command.args(["-net", "nic", "-net", &vde(&self.switch)]).stdin(Stdio::null());
        Member { vdeq: start(&mut command), report, status }
    }

    /// Waits for an end, which has to be the right one.
    fn finish(&mut self, member: Member) {
        let outcome = member.vdeq.finish();
        assert_eq!(outcome.status.code(), Some(member.status), "{outcome:?}");
        self.pids.push(outcome.pid);
    }

    /// Ends all of them at once.
    fn end(&mut self, members: Vec<Member>) {
        members.iter().for_each(|member| signal(member.vdeq.pid(), "TERM"));
        members.into_iter().for_each(|member| self.finish(member));
    }

    /// This many endpoints are there, each on a port of its own.
    fn assert_ports(&self, count: usize) {
        let ports = self.switch.busy_ports();
        assert!(ports.iter().all(|port| port.endpoints.len() == 1), "{ports:#?}");
        assert_eq!(ports.len(), count, "{ports:#?}");
    }

    /// Every port is given back, and neither a file nor a descriptor is left.
    fn assert_nothing_left(&self) {
        self.switch.wait_for_ports("every port is given back", <[_]>::is_empty);
        assert_eq!(sockets_in(self.switch.dir()), [self.switch.ctl()]);
        wait::until_true("the switch to close what was theirs", || {
            self.switch.open_descriptors() == self.descriptors
        });
        for &pid in &self.pids {
            self.world.assert_no_socket_of(pid, &[]);
        }
    }
}

impl Member {
    fn wait_running(&mut self) {
        wait::until_true("a VM of the crowd to run", || {
            let ended = self.vdeq.child.try_wait().unwrap();
            assert_eq!(ended, None, "a vdeq of the crowd ended at once");
            Report::read(&self.report).running
        });
    }
}

#[test]
fn thirty_two_vdeqs_that_start_and_end_at_once_leave_nothing() {
    let mut scene = Scene::new();
    for _ in 0..3 {
        let mut crowd = scene.crowd(&["run"]);
        crowd.iter_mut().for_each(Member::wait_running);
        scene.assert_ports(CROWD);
        scene.end(crowd);
        scene.assert_nothing_left();
    }
}

#[test]
fn vdeqs_that_start_while_others_end_have_a_port_each_and_leave_nothing() {
    let mut scene = Scene::new();
    let mut staying = scene.crowd(&["run"]);
    staying.iter_mut().for_each(Member::wait_running);
    for _ in 0..4 {
        // Every other VM ends by itself, as soon as it runs; and those of the wave before are ended.
        let coming = scene.crowd(&["run", "exit"]);
        scene.end(staying);
        let (stay, go): (Vec<_>, Vec<_>) =
            coming.into_iter().enumerate().partition(|(index, _)| index % 2 == 0);
        go.into_iter().for_each(|(_, member)| scene.finish(member));
        staying = stay.into_iter().map(|(_, member)| member).collect();
        staying.iter_mut().for_each(Member::wait_running);
        scene.assert_ports(CROWD / 2);
    }
    scene.end(staying);
    scene.assert_nothing_left();
}

#[test]
fn vdeqs_that_are_interrupted_while_others_start_leave_nothing() {
    let mut scene = Scene::new();
    for _ in 0..3 {
        let mut crowd: Vec<Member> = Vec::new();
        for _ in 0..CROWD {
            crowd.push(scene.begin("sleep"));
            // Some processes ago: it may be anywhere between its first step and its VM's.
            if let Some(earlier) = crowd.len().checked_sub(INTERRUPTED) {
                signal(crowd[earlier].vdeq.pid(), "TERM");
            }
        }
        for late in &crowd[CROWD - INTERRUPTED + 1..] {
            signal(late.vdeq.pid(), "TERM");
        }
        for member in crowd {
            let outcome = member.vdeq.finish();
            assert_eq!(outcome.status.signal(), Some(15), "{outcome:?}");
            scene.pids.push(outcome.pid);
        }
    }
    scene.assert_nothing_left();
}

/// The words for 64 networks of one switch.
fn networks(switch: &RealSwitch) -> impl Iterator<Item = String> {
    let network = vde(switch);
    (0..NICS).flat_map(move |nic| ["-netdev".to_owned(), format!("{network},id=n{nic}")])
}

impl Scene {
    /// Ports 1 to 64 are taken, in the order of the command line.
    fn wait_for_64_ports(&self) {
        let described = |ports: &[PortInfo]| {
            ports.len() == NICS
                && ports.iter().all(|port| !port.endpoints[0].description.is_empty())
        };
        let ports = self.switch.wait_for_ports("64 NICs to be plugged in", described);
        for (nic, port) in ports.iter().enumerate() {
            assert_eq!((port.number as usize, port.endpoints.len()), (nic + 1, 1), "{ports:#?}");
            let description = &port.endpoints[0].description;
            assert!(format!("{description} ").contains(&format!(" net={nic} ")), "{description}");
        }
    }
}

#[test]
fn a_vm_with_64_nics_has_as_many_ports_in_order_and_leaves_nothing() {
    let mut scene = Scene::new();
    let report = scene.world.path("report");
    let mut command = scene.world.vdeq();
    command.env(fake_qemu::REPORT, &report).env(fake_qemu::DO, "send=1 run=5");
    command.arg(rig::fake_qemu()).args(networks(&scene.switch));
    command.args((0..NICS).flat_map(|nic| ["-device".to_owned(), format!("e1000,netdev=n{nic}")]));
    let vdeq = start(command.stdin(Stdio::null()));
    let vm = Report::wait_for(&report, "the VM to run", |vm| vm.running);
    scene.wait_for_64_ports();
    assert_eq!(vm.sockets().len(), 2 * NICS, "a data socket and a control stream each");
    signal(vdeq.pid(), "TERM");
    scene.finish(Member { vdeq, report, status: 5 });
    scene.assert_nothing_left();
}

#[test]
fn every_qemu_takes_64_networks_and_leaves_nothing() {
    for qemu in rig::QEMUS {
        let mut scene = Scene::new();
        let mut command = scene.world.vdeq();
        command.arg(rig::qemu(qemu)).args(networks(&scene.switch));
        command.args(["-M", "none", "-display", "none", "-serial", "none", "-monitor", "stdio"]);
        let mut vdeq = start(command.stdin(Stdio::piped()));
        scene.wait_for_64_ports();
        let mut monitor = vdeq.child.stdin.take().unwrap();
        monitor.write_all(b"info network\nquit\n").unwrap();
        let outcome = vdeq.finish();
        assert!(outcome.status.success(), "{qemu}: {outcome:?}");
        let sockets = outcome.stdout.matches(",type=socket,").count();
        assert_eq!(sockets, NICS, "{qemu}: {outcome:?}");
        scene.pids.push(outcome.pid);
        scene.assert_nothing_left();
    }
}
