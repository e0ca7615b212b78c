//! Every law can be broken, and it is noticed when it is.

use vde_exec::testkit::sim::{Canary, Choices, Failure, Law, from_line, run, to_line};

/// How many seeds a canary may survive.
const MOST_SEEDS: u64 = 10_000;

/// How many choices the shrunk run may have; 70 of them are the plan of the world, five each act.
const MOST_CHOICES: usize = 100;

#[test]
fn every_canary_is_caught_by_its_own_law_and_shrinks_to_a_short_run() {
    for &(canary, law) in Canary::ALL {
        let caught = (0..MOST_SEEDS).find_map(|seed| {
            let run = run(Choices::of_seed(seed), Some(canary));
            run.broken.is_some().then_some((seed, run))
        });
        let (seed, run) = caught.unwrap_or_else(|| panic!("{canary:?} is not caught"));
        let broken = run.broken.clone().unwrap();
        println!("{canary:?}: seed {seed}: {broken}");
        assert_eq!(broken.law, law, "{canary:?}, seed {seed}: {broken}");
        let failure = Failure::of(&run, Some(canary)).unwrap();
        assert_eq!(failure.broken.law, law);
        let (before, after) = (run.record.len(), failure.record.len());
        println!("    {before} choices, shrunk to {after}: {}", to_line(&failure.record));
        assert!(after <= MOST_CHOICES.min(before), "{canary:?}: {before} to {after} choices");
        // What was shrunk is caught again, however it is handed on.
        let again = from_line(&to_line(&failure.record));
        let again = vde_exec::testkit::sim::run(Choices::of_record(&again), Some(canary));
        assert_eq!(again.broken, Some(failure.broken), "{canary:?}");
    }
}

#[test]
fn every_law_has_two_canaries_and_no_world_without_one_breaks_it() {
    let laws = [
        Law::MinimalEdit,
        Law::NothingSilent,
        Law::NothingLeft,
        Law::Faithful,
        Law::Frames,
        Law::Bounded,
        Law::LeastTrust,
    ];
    for law in laws {
        let canaries = Canary::ALL.iter().filter(|(_, breaks)| *breaks == law).count();
        assert!(canaries >= 2, "{law:?} has {canaries}");
    }
}
