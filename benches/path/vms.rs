//! From a VM to a VM: two QEMUs and a switch between them, without guests.

use std::any::Any;
use std::path::Path;

use vde_benches::cpu::{self, Placement};
use vde_benches::rounds::{Findings, Plan, Way};
use vde_benches::world::{Vm, World};
use vde_exec::testkit::real_switch::{Options, RealSwitch};

use crate::{Scene, cases};

const PLAN: Plan = Plan { rounds: 7, frames: 40_000, trips: 2_000 };

/// Longest frames that `vde_switch` carries whole.
const LONGEST: usize = 1_514;

const METHOD: &str = "\
### From VM to VM

Method (`benches/path/vms.rs`): all that is between two guests, without the guests: frames go into a \
QEMU (a hub between a socket and its network), through a `vde_switch`, and out of another QEMU. The C \
vdeq starts the same QEMU by way of a script that translates the option which QEMU lost. A hub of QEMU takes \
every frame, also when it cannot go on, where the NIC of a guest would wait.";

pub(crate) fn measure(scene: &mut Scene<'_>) {
    let plan = scene.plan(PLAN);
    let world = scene.world;
    let ways = [
        way("native vde", |switch| world.native_hub(switch)),
        way("direct", |switch| world.hub_of_ours(&[], switch)),
        way("C vdeq", |switch| world.hub_of_theirs(switch)),
        way("our relay", |switch| world.hub_of_ours(&["--relay", "stats"], switch)),
        on_ours("direct, our switch", world),
    ];
    let findings = Findings::measure(&ways, &cases(&[64, 1514]), plan);
    scene.report.add(METHOD);
    scene.report.add("Free to run on any CPU:");
    scene.report.add(&findings.table(Placement::Free, "C vdeq"));
    scene.report.add("All on one core:");
    scene.report.add(&findings.table(Placement::OneCore, "C vdeq"));
}

fn way(name: &'static str, start: impl Fn(&Path) -> Vm) -> Way {
    let switch = RealSwitch::start(Options::default());
    let (dir, pid) = (switch.dir().to_owned(), switch.pid());
    between(name, [start(&dir), start(&dir)], pid, switch)
}

/// Direct, with our switch between the VMs.
fn on_ours(name: &'static str, world: &World) -> Way {
    let switch = world.own_switch(32);
    let vms = [(); 2].map(|()| world.hub_of_ours(&[], &switch.dir));
    between(name, vms, switch.pid, switch)
}

fn between(name: &'static str, vms: [Vm; 2], pid: u32, switch: impl Any) -> Way {
    let [near, far] = &vms;
    let groups = cpu::groups(&[near.pid, far.pid, pid]);
    let way = Way::new(name, (&near.wire, &[&far.wire]), &groups, LONGEST);
    way.keeping((vms, switch))
}
