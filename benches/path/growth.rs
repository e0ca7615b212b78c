//! How the cost grows: with frames, and with NICs.

use std::time::{Duration, Instant};

use vde_benches::cpu::{Group, Placement};
use vde_benches::plot;
use vde_benches::rounds::{Case, Findings, Plan};
use vde_benches::table::{Table, extent, shown};
use vde_benches::world::vde;
use vde_exec::testkit::real_switch::{Options, RealSwitch};

use crate::{Scene, hop};

/// How many frames are sent, a tenth of the last each time.
const FRAMES: [u64; 5] = [200_000, 400_000, 600_000, 800_000, 1_000_000];

/// How many NICs a VM has.
const NICS: [usize; 6] = [1, 2, 4, 8, 16, 32];

const ROUNDS: usize = 7;

const METHOD_OF_FRAMES: &str = "\
### By the number of frames

Method (`benches/path/growth.rs`): frames of 64 bytes go through one box, as in the first table, all on one \
core, more of them each time; the processor time of the box is counted.";

const METHOD_OF_NICS: &str = "\
### By the number of NICs

Method (`benches/path/growth.rs`): VMs with ever more NICs are started on a `vde_switch`; the time is from the \
start of vdeq until the program in QEMU's place has handed on the last of its plugs.";

type Lines = Vec<(&'static str, Vec<(f64, f64)>)>;

/// Processor time in ms by the number of frames.
pub(crate) fn by_frames(scene: &mut Scene<'_>) {
    scene.report.add(METHOD_OF_FRAMES);
    let ways = [hop::direct(scene.world), hop::relay(scene.world), hop::own_switch(scene.world)];
    let mut lines: Lines = ways.iter().map(|way| (way.name, Vec::new())).collect();
    let case = Case { length: 64, placement: Placement::OneCore };
    let heads = lines.iter().map(|(name, _)| format!("{name}, CPU ms"));
    let heads: Vec<_> = std::iter::once("frames".to_owned()).chain(heads).collect();
    let mut table = Table::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for frames in FRAMES {
        let plan = scene.plan(Plan { rounds: 3, frames, trips: 0 });
        let findings = Findings::measure(&ways, &[case], plan);
        let mut cells = vec![frames.to_string()];
        for (name, points) in &mut lines {
            let between = findings.of(name, case).map(|series| series.between.clone());
            #[allow(clippy::cast_precision_loss, reason = "a million at most")]
            let frames = frames as f64;
            let millis: Vec<_> =
                between.unwrap_or_default().iter().map(|ns| ns * frames / 1e6).collect();
            let [_, middle, _] = extent(&millis);
            points.push((frames / 1000.0, middle));
            cells.push(shown(&millis, 0));
        }
        table.row(&cells);
    }
    scene.report.add(&table.finish());
    scene.report.keep("svg", &plot::lines("CPU time, ms, by thousands of frames", &lines));
}

/// How long a start takes in ms by the number of NICs, and of that the processor time of vdeq.
pub(crate) fn by_nics(scene: &mut Scene<'_>) {
    scene.report.add(METHOD_OF_NICS);
    let rounds = if scene.is_test { 1 } else { ROUNDS };
    let switch = RealSwitch::start(Options { ports: Some(64), ..Options::default() });
    let network = vde(switch.dir());
    let mut found = NICS.map(|nics| (nics, [Vec::new(), Vec::new()]));
    for _ in 0..rounds {
        for (nics, [up, cpu]) in &mut found {
            let started = Instant::now();
            let vm = scene.world.handed_by_ours(&[], *nics, &network);
            up.push(millis(started.elapsed()));
            let ours = vm.groups.iter().filter(|group| group.name == "vdeq").map(Group::time);
            cpu.push(millis(ours.sum()));
        }
    }
    let mut table = Table::new(&["NICs", "up after, ms", "CPU of vdeq, ms"]);
    let mut lines: Lines = vec![("up after", Vec::new()), ("CPU of vdeq", Vec::new())];
    for (nics, series) in &found {
        table.row(&[nics.to_string(), shown(&series[0], 1), shown(&series[1], 1)]);
        for ((_, points), series) in lines.iter_mut().zip(series) {
            let [_, middle, _] = extent(series);
            points.push((f64::from(u32::try_from(*nics).unwrap_or_default()), middle));
        }
    }
    scene.report.add(&table.finish());
    scene.report.keep("svg", &plot::lines("a start, ms, by the number of NICs", &lines));
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
