//! Makes a run that breaks a law shorter and duller, as long as it breaks the same law.
//!
//! Acts are deleted, many at once and then one by one; then single choices are lowered: to nothing, to a
//! half, by one. (The way of Hypothesis; MacIver and Donaldson, 2020.)

use super::acts::CHOICES;
use super::plan::Plan;
use super::{Canary, Choices, Law, run};

/// Most runs that are tried.
const MOST_RUNS: u32 = 4_000;

pub(super) fn shrink(record: Vec<u32>, law: Law, canary: Option<Canary>) -> Vec<u32> {
    let mut shrinker = Shrinker { best: record, law, canary, runs: 0 };
    loop {
        let before = shrinker.best.clone();
        shrinker.delete_acts();
        shrinker.lower();
        if shrinker.best == before || shrinker.runs >= MOST_RUNS {
            return shrinker.best;
        }
    }
}

struct Shrinker {
    best: Vec<u32>,
    law: Law,
    canary: Option<Canary>,
    runs: u32,
}

impl Shrinker {
    /// Keeps the record if it breaks the law, too.
    fn try_out(&mut self, record: Vec<u32>) -> bool {
        if record == self.best || self.runs >= MOST_RUNS {
            return false;
        }
        self.runs += 1;
        let run = run(Choices::of_record(&record), self.canary);
        let breaks = run.broken.is_some_and(|broken| broken.law == self.law);
        if breaks {
            // What the run did not come to is no part of it.
            self.best = run.record;
        }
        breaks
    }

    fn delete_acts(&mut self) {
        let mut size = 16;
        while size > 0 {
            let mut act = 0;
            loop {
                let start = Plan::CHOICES + act * CHOICES;
                let end = start + size * CHOICES;
                if start >= self.best.len() {
                    break;
                }
                let mut shorter = self.best.clone();
                shorter.drain(start..end.min(shorter.len()));
                shorter[0] = shorter[0].saturating_sub(u32::try_from(size).unwrap_or(1));
                if !self.try_out(shorter) {
                    act += 1;
                }
            }
            size /= 2;
        }
    }

    fn lower(&mut self) {
        for place in 0..self.best.len() {
            for lower in [|_| 0, |value: u32| value / 2, |value: u32| value.saturating_sub(1)] {
                let Some(&value) = self.best.get(place) else { return };
                let mut lowered = self.best.clone();
                lowered[place] = lower(value);
                self.try_out(lowered);
            }
        }
    }
}
