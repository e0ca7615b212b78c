//! A fixed set of seeds, and what it has to come across.

use vde_exec::testkit::sim::{Choices, Cover, Failure, Mark, run};

/// About ten seconds; `cargo xtask sim` runs as many as one wants.
const SEEDS: u64 = 120_000;

#[test]
fn no_seed_of_the_fixed_set_breaks_a_law_and_everything_happens_in_one_of_them() {
    let mut cover = Cover::default();
    for seed in 0..SEEDS {
        let run = run(Choices::of_seed(seed), None);
        if let Some(failure) = Failure::of(&run, None) {
            panic!("seed {seed} breaks a law\n{failure}");
        }
        cover.merge(&run.cover);
    }
    let never: Vec<&str> =
        Mark::ALL.iter().filter(|mark| cover.of(**mark) == 0).map(|mark| mark.text()).collect();
    assert!(never.is_empty(), "the simulator never tries: {never:#?}");
}
