//! The way of frames, measured: what the VM has in direct mode beside the C vdeq, QEMU's own backend
//! and switches; what more NICs and more ports cost; and what a port that stands still costs others.
//!
//! `cargo bench -p vde-benches --bench path -- hop` measures one part; `--test` takes next to no time.
#![allow(
    clippy::expect_used,
    reason = "a bench stops where the world is not as it needs it, and prints tables"
)]

mod growth;
mod guests;
mod hop;
mod switches;
mod vms;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use vde_benches::cpu::Placement;
use vde_benches::report::{Arguments, Report};
use vde_benches::rounds::{Case, Plan};
use vde_benches::world::World;

/// Where everybody runs, in the order of the tables.
const PLACEMENTS: [Placement; 2] = [Placement::Free, Placement::OneCore];

/// What a part writes into: its chapter, in the world in which it measures.
struct Scene<'a> {
    world: &'a World,
    report: &'a mut Report,
    is_test: bool,
}

impl Scene<'_> {
    /// The plan, or one that only shows that everything runs.
    fn plan(&self, plan: Plan) -> Plan {
        if self.is_test { Plan { rounds: 1, frames: 500, trips: 50 } } else { plan }
    }
}

/// Every length in every placement.
fn cases(lengths: &[usize]) -> Vec<Case> {
    let of = |placement| lengths.iter().map(move |&length| Case { length, placement });
    PLACEMENTS.into_iter().flat_map(of).collect()
}

/// A part: its name, and what measures it.
type Part = (&'static str, fn(&mut Scene<'_>));

const PARTS: [Part; 6] = [
    ("hop", hop::measure),
    ("vms", vms::measure),
    ("guests", guests::measure),
    ("switches", switches::measure),
    ("frames", growth::by_frames),
    ("nics", growth::by_nics),
];

fn main() {
    let arguments = Arguments::read();
    let parts: Vec<_> = PARTS.into_iter().filter(|(name, _)| arguments.wants(name)).collect();
    if parts.is_empty() {
        return;
    }
    // Hundreds of plugs need more descriptors than a process has by default.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("a limit that is allowed");
    let world = World::new();
    for (name, measure) in parts {
        let mut report = Report::new(name, &arguments);
        measure(&mut Scene { world: &world, report: &mut report, is_test: arguments.is_test });
        report.finish();
    }
}
