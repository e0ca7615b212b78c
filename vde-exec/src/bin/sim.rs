//! Runs simulated worlds on all cores: `sim FROM COUNT`. See `vde_exec::testkit::sim`.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vde_exec::testkit::sim::{Choices, Cover, Failure, Mark, run};

/// Seeds that a core takes at a time.
const BATCH: u64 = 200;

/// How often it is said how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let numbers: Option<Vec<u64>> =
        std::env::args().skip(1).map(|word| word.parse().ok()).collect();
    let Some(&[from, count]) = numbers.as_deref() else {
        println!("usage: sim FROM COUNT");
        return ExitCode::from(2);
    };
    let crowd = Crowd {
        from,
        count,
        next: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        sum: Mutex::default(),
    };
    let start = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| crowd.work(start));
        }
    });
    crowd.report(start)
}

/// What the cores share.
struct Crowd {
    from: u64,
    count: u64,
    /// How many seeds are taken.
    next: AtomicU64,
    is_over: AtomicBool,
    sum: Mutex<Sum>,
}

#[derive(Default)]
struct Sum {
    cover: Cover,
    failed: Option<u64>,
    said: Duration,
}

impl Crowd {
    fn work(&self, start: Instant) {
        while !self.is_over.load(Ordering::Relaxed) {
            let first = self.next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= self.count {
                return;
            }
            let (mut cover, mut failed) = (Cover::default(), None);
            for offset in first..self.count.min(first + BATCH) {
                let seed = self.from.wrapping_add(offset);
                let run = run(Choices::of_seed(seed), None);
                cover.merge(&run.cover);
                if run.broken.is_some() {
                    failed = Some(seed);
                    self.is_over.store(true, Ordering::Relaxed);
                    break;
                }
            }
            self.add(&cover, failed, start);
        }
    }

    fn add(&self, cover: &Cover, failed: Option<u64>, start: Instant) {
        let Ok(mut sum) = self.sum.lock() else { return };
        sum.cover.merge(cover);
        // The smallest seed, so that more cores do not make it another one than need be.
        sum.failed = [sum.failed, failed].into_iter().flatten().min();
        let elapsed = start.elapsed();
        if elapsed >= sum.said + PROGRESS {
            sum.said = elapsed;
            println!(
                "{} of {} seeds, {}",
                sum.cover.of(Mark::Runs),
                self.count,
                rate(&sum.cover, elapsed)
            );
        }
    }

    fn report(&self, start: Instant) -> ExitCode {
        let elapsed = start.elapsed();
        let Ok(sum) = self.sum.lock() else { return ExitCode::FAILURE };
        for mark in Mark::ALL {
            println!("{:>14}  {}", sum.cover.of(*mark), mark.text());
        }
        println!("{:.1} s, {}", elapsed.as_secs_f64(), rate(&sum.cover, elapsed));
        let Some(seed) = sum.failed else {
            println!("no law was broken");
            return ExitCode::SUCCESS;
        };
        println!("\nseed {seed} breaks a law; shrunk:");
        match Failure::of(&run(Choices::of_seed(seed), None), None) {
            Some(failure) => println!("{failure}"),
            None => println!("... but not again: the world has a source of chance of its own"),
        }
        ExitCode::FAILURE
    }
}

fn rate(cover: &Cover, elapsed: Duration) -> String {
    let runs = u32::try_from(cover.of(Mark::Runs)).unwrap_or(u32::MAX);
    format!("{:.0} seeds a second", f64::from(runs) / elapsed.as_secs_f64().max(1e-9))
}
