//! A storm: anything happens to switches, vdeqs and QEMUs, in an order that chance decides and a seed
//! repeats, while frames flow on several lines. A frame may be lost on a line that was hit, as long as
//! that lasts, and nowhere else; in the end everybody is plugged in, and nothing is left.
//!
//! `VDEQ_HAMMER_SECONDS` and `VDEQ_HAMMER_SEED` ask for a longer storm, or another one.
//!
//! A vde_switch itself forgets to give a port back now and then \[P-7.8\], \[P-7.10\]. That is counted
//! and told, and not held against anybody.

mod field;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use self::field::Field;
use crate::chance::Chance;

/// How long the storm is, unless somebody wants it longer.
const SECONDS: u64 = 25;

/// The seed of every usual run.
const SEED: u64 = 2_610;

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KillSwitch,
    EndSwitch,
    RemoveDirectory,
    StopSwitch,
    ClosePort,
    StopVdeq,
    StopQemu,
    KillVdeq,
    KillQemu,
}

use Fault::{
    ClosePort, EndSwitch, KillQemu, KillSwitch, KillVdeq, RemoveDirectory, StopQemu, StopSwitch,
    StopVdeq,
};

/// Those that take long are here once.
const FAULTS: [Fault; 14] = [
    KillSwitch,
    KillSwitch,
    KillSwitch,
    EndSwitch,
    EndSwitch,
    RemoveDirectory,
    RemoveDirectory,
    StopSwitch,
    ClosePort,
    ClosePort,
    StopVdeq,
    StopQemu,
    KillVdeq,
    KillQemu,
];

fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// One fault; returns the lines that it hits.
fn strike(fault: Fault, field: &mut Field, chance: &mut Chance) -> BTreeSet<usize> {
    let switch = chance.below(field.switches.len());
    let line = chance.below(field.lines());
    let end = chance.below(2);
    let away = Duration::from_millis(u64::try_from(chance.below(300)).unwrap());
    match fault {
        KillSwitch | EndSwitch | RemoveDirectory => {
            let is_end = fault == EndSwitch;
            if fault == RemoveDirectory {
                std::fs::remove_dir_all(field.switches[switch].dir()).unwrap();
            }
            field.restart(switch, is_end, away)
        }
        StopSwitch => field.stop_switch(switch, away),
        ClosePort => field.close_port(switch, chance),
        StopVdeq => field.stop_vdeq(line, end),
        StopQemu => field.stop_qemu(line, end, away),
        KillVdeq => field.kill_vdeq(line, end),
        KillQemu => field.kill_qemu(line, end),
    }
}

#[test]
fn a_storm_of_faults_costs_no_frame_but_in_outages_and_leaves_nothing() {
    let seed = number_of("VDEQ_HAMMER_SEED", SEED);
    let length = Duration::from_secs(number_of("VDEQ_HAMMER_SECONDS", SECONDS));
    let mut chance = Chance::new(seed, 0);
    let mut field = Field::new();
    let mut counts = BTreeMap::new();
    let (mut times, mut log) = (Vec::new(), Vec::new());
    let started = Instant::now();
    let mut begin = started;
    let mut is_calm = true;
    while started.elapsed() < length || !is_calm {
        if is_calm {
            begin = Instant::now();
        }
        for _ in 0..=chance.below(2) {
            let fault = chance.pick(&FAULTS);
            *counts.entry(fault).or_insert(0) += 1;
            let at = started.elapsed();
            let struck = strike(fault, &mut field, &mut chance);
            field.hit(&struck, begin);
            log.push(format!("{at:.3?} to {:.3?}: {fault:?} hits {struck:?}", started.elapsed()));
        }
        field.resume();
        // Now and then the next one comes before the last is over.
        is_calm = chance.percent(80) || started.elapsed() >= length;
        if is_calm {
            times.push(field.calm());
            log.push(format!("{:.3?}: calm", started.elapsed()));
            // A plug that is lost at once again is made again late.
            let pause = [20, 150, 400];
            field.flow(Duration::from_millis(chance.pick(&pause)));
        }
    }
    let (account, lost_ports) = field.finish();
    times.sort();
    let [median, max] = [times[times.len() / 2], times[times.len() - 1]];
    eprintln!("storm with seed {seed}: {counts:?}");
    eprintln!("calm again after {median:.0?} in the median, {max:.0?} at worst; {account}");
    eprintln!("endpoints that the switches forgot: {lost_ports}");
    for run in &account.runs {
        let at = run.sent.saturating_duration_since(started);
        log.push(format!("{} frames lost that were sent from {at:.3?} on", run.length));
    }
    assert_eq!(account.lost, 0, "{account}\n{}", log.join("\n"));
    account.assert_clean();
}
