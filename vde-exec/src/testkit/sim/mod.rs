//! A simulated world: guests, vdeqs, switches and a clock, in which everything that can go wrong does.
//!
//! # Theory of operation
//!
//! A [`World`] has up to three vdeqs with up to three NICs each, and up to three switches:
//! the production [`Supervisor`](crate::supervisor::Supervisor) and the production
//! [`Switch`](vde_proto::switch::Switch), with their drivers, processes and sockets modelled around them.
//! Nothing in it is real but the decisions. Time is a number, and what is going to happen stands in a
//! queue; so a run is a function of its [`Choices`], the only source of chance.
//!
//! ```text
//!   choices ---> plan.rs     who there is, how patient and how disposed
//!           ---> acts.rs     the script: a fault, a signal, a request, one after the other
//!                            each followed by what comes of it (world.rs)
//!
//!   guests.rs   driver.rs  <--->  Supervisor          switches.rs  <--->  Switch
//!   relays.rs   obey.rs         laws/                 manners.rs           |
//!        \         |                                                       |
//!         +--------+---------------- kernel.rs ---------------+-------------+
//!
//!   calm.rs      the faults end: who comes back, when, do frames flow, what is left
//! ```
//!
//! * **Swarm.** A run of a seed draws how likely each kind of act is, and leaves most out: a world where
//!   everything goes wrong at once goes wrong always in the same way.
//! * **Laws** (`laws/`) are judged after every step, by models that see what anybody outside would see.
//! * **Shrinking** (`shrink.rs`) looks for the dullest choices that break the same law.
//! * **Canaries** (`subject.rs`) are planted mistakes, one or more for each law, which must be found: they
//!   show that the laws can be broken at all.
//!
//! `cargo test` runs a fixed set of seeds and the pinned regressions (`tests/sim`), `cargo xtask sim` as
//! many as one wants, and a fuzz target lets libFuzzer make the choices.

mod acts;
mod brief;
mod calm;
mod choices;
mod count;
mod cover;
mod driver;
mod guests;
mod kernel;
mod laws;
mod manners;
mod obey;
mod plan;
mod relays;
mod shrink;
mod start;
mod subject;
mod switches;
mod world;

use std::fmt;

pub use choices::{Choices, from_line, to_line};
pub use cover::{Cover, Mark};
pub use laws::{Broken, Law};
pub use subject::Canary;
use world::World;

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The law that was broken, if one was.
    pub broken: Option<Broken>,
    /// What happened, counted.
    pub cover: Cover,
    /// The choices that were taken.
    pub record: Vec<u32>,
}

/// One run.
#[must_use]
pub fn run(choices: Choices, canary: Option<Canary>) -> Run {
    let mut world = World::new(choices, canary, false);
    world.run();
    let record = world.choices.taken().to_vec();
    Run { broken: world.broken, cover: world.cover, record }
}

/// A run that broke a law, made as short as it could be.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The law.
    pub broken: Broken,
    /// The choices, dullest of all that break the same law.
    pub record: Vec<u32>,
    /// What happened, line by line.
    pub trace: String,
}

impl Failure {
    /// Shrinks the run with this record, which breaks a law.
    #[must_use]
    pub fn of(run: &Run, canary: Option<Canary>) -> Option<Self> {
        let law = run.broken.as_ref()?.law;
        let record = shrink::shrink(run.record.clone(), law, canary);
        let mut world = World::new(Choices::of_record(&record), canary, true);
        world.run();
        let trace = world.trace.unwrap_or_default();
        Some(Self { broken: world.broken?, record, trace })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=> {}\n\nto pin it:\n\"{}\"", self.trace, self.broken, to_line(&self.record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_choices_give_the_same_run() {
        for seed in 0..50 {
            let [one, other] = [(); 2].map(|()| run(Choices::of_seed(seed), None));
            assert_eq!(one.record, other.record);
            assert_eq!(one.cover.of(Mark::Steps), other.cover.of(Mark::Steps));
            let again = run(Choices::of_record(&one.record), None);
            assert_eq!(again.cover.of(Mark::Steps), one.cover.of(Mark::Steps), "seed {seed}");
        }
    }

    #[test]
    fn the_dullest_run_breaks_no_law_and_loses_no_frame() {
        let run = run(Choices::of_record(&[]), None);
        assert_eq!(run.broken, None);
        assert_eq!(run.cover.of(Mark::CalmUp), 1);
    }
}
