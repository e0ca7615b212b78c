//! Where the storm is: two switches, and lines between VMs on them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use vde_exec::testkit::real_switch::RealSwitch;

use crate::chance::Chance;
use crate::faults::account::{Account, Outage};
use crate::faults::line::Line;
use crate::faults::vm::Vm;
use crate::world::{World, signal, switch, vde, wait_gone, wait_stopped};

/// The lines: the switch, and whether the VM at each end is a real QEMU.
const LINES: [(usize, [bool; 2]); 4] =
    [(0, [true, true]), (0, [false, false]), (1, [true, false]), (1, [false, false])];

/// From one frame to the next: the queues of the kernel have to last while everybody is busy.
const INTERVAL: Duration = Duration::from_millis(4);

/// How often a VM is started that does not come up: a switch that loses its way \[P-7.8\] refuses it.
const STARTS: u32 = 5;

/// How long a port may take to be given back.
const GIVEN_BACK: Duration = Duration::from_secs(1);

pub struct Field {
    world: World,
    pub switches: [RealSwitch; 2],
    tracks: Vec<Track>,
    account: Account,
    /// Processes that stand still until [`Field::resume`].
    stopped: Vec<u32>,
    stopped_switches: BTreeSet<usize>,
    /// Every vdeq there was.
    vdeqs: Vec<u32>,
    next_line: u8,
}

/// A line, and the VMs at its ends.
struct Track {
    switch: usize,
    is_real: [bool; 2],
    vms: [Vm; 2],
    /// Always there but while an end of it is replaced.
    line: Option<Line>,
    outages: Vec<Outage>,
    /// Since when it is hit, if it is.
    hit: Option<Instant>,
}

impl Field {
    /// Frames flow on every line when this returns.
    pub fn new() -> Self {
        let (world, switches) = (World::new(), [switch(), switch()]);
        let mut field = Self {
            world,
            switches,
            tracks: Vec::new(),
            account: Account::default(),
            stopped: Vec::new(),
            stopped_switches: BTreeSet::new(),
            vdeqs: Vec::new(),
            next_line: 0,
        };
        for (switch, is_real) in LINES {
            let begin = Instant::now();
            let vms = is_real.map(|is_real| field.start(switch, is_real));
            field.next_line += 1;
            let line = Line::between(&vms[0].wire, &vms[1].wire, field.next_line, INTERVAL);
            let (outages, line) = (vec![line.wait_until_up(begin)], Some(line));
            field.tracks.push(Track { switch, is_real, vms, line, outages, hit: None });
        }
        field
    }

    pub fn lines(&self) -> usize {
        self.tracks.len()
    }

    fn start(&mut self, switch: usize, is_real: bool) -> Vm {
        self.wake(switch);
        let network = vde(&self.switches[switch]);
        for _ in 0..STARTS {
            let mut vm = match is_real {
                true => Vm::ours(&self.world, &[], &network),
                false => Vm::fake(&self.world, &network),
            };
            self.vdeqs.push(vm.pid());
            if vm.comes_up() {
                return vm;
            }
            eprintln!("a VM does not start: {}", vm.said());
        }
        panic!("no VM starts");
    }

    /// The lines of a switch.
    fn of(&self, switch: usize) -> BTreeSet<usize> {
        (0..self.tracks.len()).filter(|track| self.tracks[*track].switch == switch).collect()
    }

    fn wake(&mut self, switch: usize) {
        if self.stopped_switches.remove(&switch) {
            self.switches[switch].cont();
        }
    }

    /// Everybody goes on who was stopped.
    pub fn resume(&mut self) {
        (0..self.switches.len()).for_each(|switch| self.wake(switch));
        for pid in self.stopped.drain(..) {
            // It may be dead by now.
            if std::path::Path::new(&format!("/proc/{pid}")).exists() {
                signal(pid, "CONT");
            }
        }
    }

    pub fn restart(&mut self, switch: usize, is_end: bool, away: Duration) -> BTreeSet<usize> {
        if is_end {
            self.wake(switch);
            self.switches[switch].terminate();
        } else {
            self.stopped_switches.remove(&switch);
            self.switches[switch].kill();
        }
        std::thread::sleep(away);
        self.switches[switch].restart_same_dir();
        self.of(switch)
    }

    pub fn stop_switch(&mut self, switch: usize, time: Duration) -> BTreeSet<usize> {
        self.switches[switch].stop();
        self.stopped_switches.insert(switch);
        std::thread::sleep(time);
        self.of(switch)
    }

    pub fn close_port(&mut self, switch: usize, chance: &mut Chance) -> BTreeSet<usize> {
        self.wake(switch);
        let switch_of = &self.switches[switch];
        let ports = switch_of.busy_ports();
        if let Some(port) = (!ports.is_empty()).then(|| chance.pick(&ports)) {
            for endpoint in port.endpoints {
                // It may be gone by now.
                let _ =
                    switch_of.try_console(&format!("port/epclose {} {}", port.number, endpoint.id));
            }
        }
        // Whose port it was does not matter; the others of the switch are hit by what it may do to
        // them in its confusion [P-7.8].
        self.of(switch)
    }

    /// Nobody is hit by that alone.
    pub fn stop_vdeq(&mut self, track: usize, end: usize) -> BTreeSet<usize> {
        self.stop(self.tracks[track].vms[end].pid());
        BTreeSet::new()
    }

    pub fn stop_qemu(&mut self, track: usize, end: usize, time: Duration) -> BTreeSet<usize> {
        self.stop(self.tracks[track].vms[end].qemu());
        std::thread::sleep(time);
        BTreeSet::from([track])
    }

    fn stop(&mut self, pid: u32) {
        signal(pid, "STOP");
        wait_stopped(pid);
        self.stopped.push(pid);
    }

    /// The VM is left alone for a while, then it is killed, and another takes its place.
    pub fn kill_vdeq(&mut self, track: usize, end: usize) -> BTreeSet<usize> {
        let vm = &self.tracks[track].vms[end];
        let qemu = vm.qemu();
        signal(vm.pid(), "KILL");
        std::thread::sleep(Duration::from_millis(100));
        let begin = Instant::now();
        signal(qemu, "KILL");
        wait_gone(qemu);
        self.replace(track, end, begin)
    }

    pub fn kill_qemu(&mut self, track: usize, end: usize) -> BTreeSet<usize> {
        let begin = Instant::now();
        let vm = &mut self.tracks[track].vms[end];
        signal(vm.qemu(), "KILL");
        signal(vm.pid(), "CONT");
        vm.wait_for_end();
        self.replace(track, end, begin)
    }

    /// A new VM, and so a new line: a VM has the socket of its own start.
    fn replace(&mut self, track: usize, end: usize, begin: Instant) -> BTreeSet<usize> {
        let (switch, is_real) = (self.tracks[track].switch, self.tracks[track].is_real[end]);
        if let Some(line) = self.tracks[track].line.take() {
            let mut outages = std::mem::take(&mut self.tracks[track].outages);
            // It may have been hit by something before.
            let begin = self.tracks[track].hit.map_or(begin, |hit| hit.min(begin));
            outages.push(Outage { begin, end: Instant::now() });
            self.account += line.cut(&outages);
        }
        self.tracks[track].vms[end] = self.start(switch, is_real);
        self.next_line = self.next_line.wrapping_add(1);
        let Track { vms: [one, other], line, .. } = &mut self.tracks[track];
        *line = Some(Line::between(&one.wire, &other.wire, self.next_line, INTERVAL));
        BTreeSet::from([track])
    }

    /// These are excused from `begin` until it is calm again.
    pub fn hit(&mut self, tracks: &BTreeSet<usize>, begin: Instant) {
        for track in tracks {
            self.tracks[*track].hit.get_or_insert(begin);
        }
    }

    /// Waits until frames flow on every line; returns how long that took.
    pub fn calm(&mut self) -> Duration {
        let since = Instant::now();
        for track in &mut self.tracks {
            let Some(line) = &track.line else { continue };
            let end = line.wait_for_traffic(since);
            if let Some(begin) = track.hit.take() {
                track.outages.push(Outage { begin, end });
            }
        }
        since.elapsed()
    }

    /// Lets frames flow for a while.
    pub fn flow(&self, time: Duration) {
        let until = Instant::now() + time;
        for line in self.tracks.iter().filter_map(|track| track.line.as_ref()) {
            line.wait_for_traffic(until);
        }
    }

    /// Everybody ends. Returns the sum of all frames, and how many endpoints the switches forgot.
    pub fn finish(mut self) -> (Account, usize) {
        for track in self.tracks.drain(..) {
            if let Some(line) = track.line {
                self.account += line.finish(&track.outages);
            }
            for vm in track.vms {
                let said = vm.said();
                assert!(vm.end().success(), "{said}");
            }
        }
        let dirs = self.switches.each_ref().map(RealSwitch::dir);
        for vdeq in self.vdeqs {
            self.world.assert_nothing_left_of(vdeq, &dirs);
        }
        let deadline = Instant::now() + GIVEN_BACK;
        let busy = |switch: &RealSwitch| {
            switch.busy_ports().iter().map(|port| port.endpoints.len()).sum::<usize>()
        };
        loop {
            let left = self.switches.iter().map(busy).sum();
            if left == 0 || Instant::now() > deadline {
                return (self.account, left);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
