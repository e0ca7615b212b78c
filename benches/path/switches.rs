//! Switches: ports that flood, ports that come, and one that stands still.

use std::time::{Duration, Instant};

use vde_benches::cpu::{self, Placement};
use vde_benches::rounds::{Case, Findings, Plan, Way};
use vde_benches::table::{Table, extent, shown};
use vde_benches::{Plug, plot};
use vde_exec::testkit::real_switch::{Options, RealSwitch};

use crate::{Scene, cases};

const PLAN: Plan = Plan { rounds: 7, frames: 4_000, trips: 0 };

/// How many ports a frame to everybody goes to, beside that of its sender.
const PORTS: [usize; 5] = [3, 15, 63, 127, 255];

const METHOD: &str = "\
### Many ports

Method (`benches/path/switches.rs`): a frame to everybody goes to all ports but one, 64 or 1514 bytes, and \
is received from each by one thread, up to 32 in a system call; a rate is of frames received.";

pub(crate) fn measure(scene: &mut Scene<'_>) {
    let plan = scene.plan(PLAN);
    scene.report.add(METHOD);
    flood(scene, plan);
    stopped(scene, plan);
    growth(scene, plan);
    arrivals(scene);
}

/// A switch of either make, with plugs in it.
fn ways(scene: &Scene<'_>, ports: usize) -> [Way; 2] {
    let options = Options { ports: Some(600), ..Options::default() };
    let theirs = RealSwitch::start(options);
    let ours = scene.world.own_switch(600);
    let plugs =
        |dir: &std::path::Path| -> Vec<Plug> { (0..=ports).map(|_| Plug::into(dir)).collect() };
    let way = |name, plugs: Vec<Plug>, pid, switch: Box<dyn std::any::Any>| {
        let (near, far) = plugs.split_first().expect("plugs");
        let far: Vec<_> = far.iter().map(|plug| &plug.data).collect();
        let way = Way::new(name, (&near.data, &far), &cpu::groups(&[pid]), 9000);
        way.flooding().keeping((plugs, switch))
    };
    let (their_plugs, our_plugs) = (plugs(theirs.dir()), plugs(&ours.dir));
    let (their_pid, our_pid) = (theirs.pid(), ours.pid);
    [
        way("vde_switch", their_plugs, their_pid, Box::new(theirs)),
        way("our switch", our_plugs, our_pid, Box::new(ours)),
    ]
}

fn flood(scene: &mut Scene<'_>, plan: Plan) {
    let findings = Findings::measure(&ways(scene, 63), &cases(&[64, 1514]), plan);
    scene.report.add("To 63 ports, free to run on any CPU:");
    scene.report.add(&findings.table(Placement::Free, "vde_switch"));
    scene.report.add("To 63 ports, all on one core:");
    scene.report.add(&findings.table(Placement::OneCore, "vde_switch"));
}

/// What a port that stands still costs the others.
fn stopped(scene: &mut Scene<'_>, plan: Plan) {
    let all_read = among(scene, "all 16 read", 0);
    let one_does_not = among(scene, "one of 17 does not", 1);
    let plan = Plan { frames: plan.frames * 10, ..plan };
    let findings = Findings::measure(&[all_read, one_does_not], &cases(&[64, 1514]), plan);
    scene.report.add(
        "Our switch with 16 ports, one of which sends to the 15 others, and one more that does not read, as \
         if its program were stopped; frames are counted that the 15 get:",
    );
    scene.report.add(&findings.table(Placement::Free, "all 16 read"));
}

/// Our switch, 16 ports with readers, and others that nobody reads.
fn among(scene: &Scene<'_>, name: &'static str, unread: usize) -> Way {
    let switch = scene.world.own_switch(32);
    let plugs: Vec<Plug> = (0..16 + unread).map(|_| Plug::into(&switch.dir)).collect();
    let (near, far) = plugs.split_first().expect("plugs");
    let far: Vec<_> = far.iter().take(15).map(|plug| &plug.data).collect();
    let way = Way::new(name, (&near.data, &far), &cpu::groups(&[switch.pid]), 9000);
    way.flooding().keeping((plugs, switch))
}

/// CPU time of a frame to everybody by the number of ports.
fn growth(scene: &mut Scene<'_>, plan: Plan) {
    let mut table =
        Table::new(&["ports", "vde_switch, CPU µs a frame", "our switch, CPU µs a frame"]);
    let mut lines = [("vde_switch", Vec::new()), ("our switch", Vec::new())];
    let case = Case { length: 64, placement: Placement::Free };
    for ports in PORTS {
        let findings = Findings::measure(&ways(scene, ports), &[case], plan);
        let mut cells = vec![ports.to_string()];
        for (name, points) in &mut lines {
            let series = findings.of(name, case).map(|series| series.between.clone());
            let micros: Vec<f64> =
                series.unwrap_or_default().iter().map(|ns| ns / 1000.0).collect();
            let [_, middle, _] = extent(&micros);
            cells.push(shown(&micros, 1));
            points.push((f64::from(u32::try_from(ports).unwrap_or_default()), middle));
        }
        table.row(&cells);
    }
    scene.report.add("By the number of ports that a frame of 64 bytes goes to:");
    scene.report.add(&table.finish());
    let title = "CPU time of a frame to everybody, µs, by the number of ports";
    scene.report.keep("svg", &plot::lines(title, &lines));
}

/// How long it takes until 256 clients are plugged in, one after another.
fn arrivals(scene: &mut Scene<'_>) {
    let rounds = if scene.is_test { 1 } else { 5 };
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let theirs = RealSwitch::start(Options { ports: Some(600), ..Options::default() });
        let ours = scene.world.own_switch(600);
        for (dir, times) in [theirs.dir(), &ours.dir].into_iter().zip(&mut times) {
            let started = Instant::now();
            let plugs: Vec<Plug> = (0..256).map(|_| Plug::into(dir)).collect();
            times.push(millis(started.elapsed()));
            drop(plugs);
        }
    }
    let mut table = Table::new(&["switch", "256 ports are plugged in within, ms"]);
    for (name, times) in ["vde_switch", "our switch"].into_iter().zip(&times) {
        table.row(&[name.to_owned(), shown(times, 0)]);
    }
    scene.report.add(&table.finish());
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
