//! From a guest to a guest: streams of TCP (iperf3) and pings, under TCG.

use std::path::Path;
use std::process::Command;

use vde_benches::cpu::{self, Group};
use vde_benches::flow::nanos;
use vde_benches::guest::Guest;
use vde_benches::table::{Table, median, ratio, shown, times};
use vde_benches::world::{C_VDEQ, OwnSwitch, QEMU, World, vde};
use vde_exec::testkit::real_switch::{Options, RealSwitch};

use crate::Scene;

/// Rounds, seconds of a stream, and pings, of a measurement and of `--test`.
const PLAN: (usize, u32, u32) = (7, 5, 200);
const TEST_PLAN: (usize, u32, u32) = (1, 1, 10);

/// Where the guest is that takes streams, and the one that sends them.
const ADDRESSES: [&str; 2] = ["10.0.0.1", "10.0.0.2"];

const METHOD: &str = "\
### From guest to guest

Method (`benches/path/guests.rs`): two Linux guests with a virtio NIC each, emulated by QEMU (TCG: no KVM \
here), on one switch. `iperf3` sends one stream of TCP for 5 seconds after a first one that does not count, \
then 200 pings follow at 0.01 s. All guests run all the time, and one pair at a time has something to do. \
CPU time is that of every process, the QEMUs with the guests in them among these, over the whole stream. \
The C vdeq, which starts no QEMU of today, is given a script that translates one option, so that its relay \
is in the path of the same QEMU.";

/// A pair of guests on a switch, and what was found, round by round.
struct Pair {
    name: &'static str,
    server: Guest,
    client: Guest,
    groups: Vec<Group>,
    /// Mbit/s of a stream.
    rate: Vec<f64>,
    /// The median ping, and the one that 99 of 100 do not exceed, ms.
    pings: [Vec<f64>; 2],
    /// CPU seconds a Gbit, of everything, and of it outside of the QEMUs.
    cpu: [Vec<f64>; 2],
    switch: Switch,
}

enum Switch {
    Theirs(RealSwitch),
    Ours(OwnSwitch),
}

impl Switch {
    fn theirs() -> Self {
        Self::Theirs(RealSwitch::start(Options::default()))
    }

    fn at(&self) -> (&Path, u32) {
        match self {
            Self::Theirs(switch) => (switch.dir(), switch.pid()),
            Self::Ours(switch) => (&switch.dir, switch.pid),
        }
    }
}

pub(crate) fn measure(scene: &mut Scene<'_>) {
    let (rounds, seconds, pings) = if scene.is_test { TEST_PLAN } else { PLAN };
    let mut pairs = pairs(scene.world, scene.is_test);
    for round in 0..rounds {
        let mut order: Vec<_> = pairs.iter_mut().collect();
        if round % 2 == 1 {
            order.reverse();
        }
        order.into_iter().for_each(|pair| pair.sample(seconds, pings));
    }
    scene.report.add(METHOD);
    scene.report.add(&table(&pairs));
}

fn pairs(world: &World, is_test: bool) -> Vec<Pair> {
    let starting = |starter: Command, program: &Path| {
        let mut command = starter;
        command.arg(program);
        command
    };
    let ours = |options: &[&str]| starting(world.ours(options), Path::new(QEMU));
    let theirs = || starting(world.command(C_VDEQ), &world.shim);
    let mut pairs = vec![
        Pair::boot("C vdeq", Switch::theirs(), theirs),
        Pair::boot("direct", Switch::theirs(), || ours(&[])),
    ];
    if !is_test {
        pairs.extend([
            Pair::boot("native vde", Switch::theirs(), || world.command(QEMU)),
            Pair::boot("our relay", Switch::theirs(), || ours(&["--relay", "stats"])),
            Pair::boot("direct, our switch", Switch::Ours(world.own_switch(32)), || ours(&[])),
        ]);
    }
    pairs.iter_mut().for_each(Pair::wait_until_up);
    pairs
}

impl Pair {
    fn boot(name: &'static str, switch: Switch, command: impl Fn() -> Command) -> Self {
        let network = vde(switch.at().0);
        let mut number = 0;
        let [server, client] = ADDRESSES.map(|address| {
            number += 1;
            let mut command = command();
            command.args(["-net", "nic,model=virtio", "-net", &network]);
            Guest::boot(&mut command, address, number)
        });
        let (groups, rate, pings, cpu) = Default::default();
        Self { name, server, client, groups, rate, pings, cpu, switch }
    }

    fn wait_until_up(&mut self) {
        for guest in [&mut self.server, &mut self.client] {
            guest.wait_until_up();
            self.groups.extend(guest.groups.iter().cloned());
        }
        self.groups.extend(cpu::groups(&[self.switch.at().1]));
        self.server.serve();
    }

    fn sample(&mut self, seconds: u32, pings: u32) {
        let [server, _] = ADDRESSES;
        let before: Vec<_> = self.groups.iter().map(Group::time).collect();
        let rate = self.client.stream(server, seconds);
        // One second more is sent than counts.
        let gigabits = rate * f64::from(seconds + 1) / 1000.0;
        let [mut all, mut outside] = [0.0; 2];
        for (group, before) in self.groups.iter().zip(before) {
            let time = nanos(group.time().saturating_sub(before)) / 1e9 / gigabits;
            all += time;
            if !group.name.starts_with("qemu") {
                outside += time;
            }
        }
        self.rate.push(rate);
        self.cpu.iter_mut().zip([all, outside]).for_each(|(series, time)| series.push(time));
        let times = self.client.ping(server, pings);
        for (series, part) in self.pings.iter_mut().zip([50, 99]) {
            series.push(times.get(times.len() * part / 100).copied().unwrap_or(f64::NAN));
        }
    }
}

fn table(pairs: &[Pair]) -> String {
    let to = |pair: &Pair, name| {
        let other = pairs.iter().find(|pair| pair.name == name);
        times(other.map_or(f64::NAN, |other| ratio(&pair.rate, &other.rate)))
    };
    let mut table = Table::new(&[
        "way",
        "TCP, Mbit/s",
        "x C vdeq",
        "x native vde",
        "CPU s a Gbit, all",
        "of it outside QEMU",
        "ping p50, ms",
        "p99, ms",
    ]);
    for pair in pairs {
        let ([all, outside], [half, most]) = (&pair.cpu, &pair.pings);
        table.row(&[
            pair.name.to_owned(),
            shown(&pair.rate, 0),
            to(pair, "C vdeq"),
            to(pair, "native vde"),
            shown(all, 2),
            format!("{:.2}", median(outside)),
            shown(half, 2),
            shown(most, 2),
        ]);
    }
    table.finish()
}
