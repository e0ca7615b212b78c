//! The only source of chance of a simulated world, so that it can be recorded, replayed and shrunk.
//!
//! Every choice is a number below a bound, and 0 is always the dullest: no fault, the first of a
//! list, at once. Where a replayed record ends, everything is dull.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// How many kinds of acts have a weight of their own.
const MOST_KINDS: usize = 64;

/// A small and good generator: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `bound`, which is not 0. (A bias of one in 2^32 does no harm here.)
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        u32::try_from(((z >> 32) * u64::from(bound)) >> 32).unwrap_or_default()
    }

    /// Up to `bound`, 0 for a bound of 0.
    pub(super) fn up_to(&mut self, bound: u64) -> u64 {
        let share = u64::from(self.below(1 << 16));
        ((u128::from(bound) * u128::from(share)) >> 16).try_into().unwrap_or_default()
    }
}

/// Where a run takes its choices from, and what it took.
#[derive(Debug, Clone)]
pub struct Choices {
    source: Source,
    taken: Vec<u32>,
}

#[derive(Debug, Clone)]
enum Source {
    /// What is drawn, and how likely each kind of act is in this run ("swarm testing", Groce et al.,
    /// 2012): many not at all, so that the others get far.
    Seed(Random, Vec<u32>),
    Record(VecDeque<u32>),
    Bytes(VecDeque<u8>),
}

impl Choices {
    /// Those of one seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        // Neighbours' streams must not be each other's, shifted.
        let mut random = Random::new(seed.wrapping_mul(0xd134_2543_de82_ef95));
        let weights = (0..MOST_KINDS).map(|_| [0, 0, 1, 1, 2, 5][random.below(6) as usize]);
        let weights = weights.collect();
        Self::from(Source::Seed(random, weights))
    }

    /// Those that a run took before.
    #[must_use]
    pub fn of_record(record: &[u32]) -> Self {
        Self::from(Source::Record(record.iter().copied().collect()))
    }

    /// Those that a fuzzer has in mind: one byte each, two where one cannot say it.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::from(Source::Bytes(bytes.iter().copied().collect()))
    }

    fn from(source: Source) -> Self {
        Self { source, taken: Vec::with_capacity(128) }
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let bound = bound.max(1);
        let value = match &mut self.source {
            Source::Seed(random, _) => random.below(bound),
            Source::Record(values) => values.pop_front().unwrap_or(0).min(bound - 1),
            Source::Bytes(bytes) => {
                let first = bytes.pop_front().map_or(0, u32::from);
                match bound {
                    0..=256 => first % bound,
                    _ => (first << 8 | bytes.pop_front().map_or(0, u32::from)) % bound,
                }
            }
        };
        self.taken.push(value);
        value
    }

    /// One of so many kinds of acts: some are likelier than others in a run of a seed. Kind 0 always
    /// happens.
    pub(super) fn kind(&mut self, kinds: usize) -> usize {
        let Source::Seed(random, weights) = &mut self.source else { return self.index(kinds) };
        let weight = |kind: usize| weights[kind % MOST_KINDS] + u32::from(kind == 0);
        let mut left = random.below((0..kinds).map(weight).sum());
        let mut kinds = 0..kinds;
        let kind = kinds.find(|&kind| match left.checked_sub(weight(kind)) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        let kind = kind.unwrap_or_default();
        self.taken.push(u32::try_from(kind).unwrap_or_default());
        kind
    }

    /// The index of one of `length` things.
    pub(super) fn index(&mut self, length: usize) -> usize {
        let bound = u32::try_from(length).unwrap_or(u32::MAX);
        usize::try_from(self.below(bound)).unwrap_or_default()
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }

    /// True in one of `many` cases.
    pub(super) fn one_in(&mut self, many: u32) -> bool {
        self.below(many) + 1 == many
    }

    /// How many were taken so far.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.taken.len()
    }

    /// What was taken so far; dull choices at its end say nothing and are left out.
    #[must_use]
    pub fn taken(&self) -> &[u32] {
        let end = self.taken.iter().rposition(|&value| value != 0).map_or(0, |last| last + 1);
        &self.taken[..end]
    }
}

/// A record in one line, to be pinned as a regression; `0x70` stands for 70 times 0.
#[must_use]
pub fn to_line(record: &[u32]) -> String {
    let mut line = String::new();
    for run in record.chunk_by(|one, next| one == next) {
        let gap = if line.is_empty() { "" } else { " " };
        let _ = match run {
            [value] => write!(line, "{gap}{value}"),
            _ => write!(line, "{gap}{}x{}", run[0], run.len()),
        };
    }
    line
}

/// The record in such a line.
#[must_use]
pub fn from_line(line: &str) -> Vec<u32> {
    let number = |word: &str| word.parse::<u32>().expect("a record is of numbers");
    let words = line.split_whitespace().flat_map(|word| {
        let (value, count) = word.split_once('x').unwrap_or((word, "1"));
        (0..number(count)).map(move |_| number(value))
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gives_the_choices_of_the_seed_again() {
        let bounds = [3, 1, 300, 7, 1 << 20];
        let mut choices = Choices::of_seed(5);
        let of_seed = bounds.map(|bound| choices.below(bound));
        let mut again = Choices::of_record(&from_line(&to_line(choices.taken())));
        assert_eq!(bounds.map(|bound| again.below(bound)), of_seed);
        assert_eq!(again.below(9), 0);
    }

    #[test]
    fn a_line_says_what_is_repeated_once() {
        let record = [1, 0, 0, 0, 7, 7, 3];
        assert_eq!(to_line(&record), "1 0x3 7x2 3");
        assert_eq!(from_line("1 0x3 7x2 3"), record);
    }

    #[test]
    fn bytes_that_end_are_followed_by_dull_choices() {
        let mut choices = Choices::of_bytes(&[7, 1, 2]);
        assert_eq!([choices.below(4), choices.below(1000), choices.below(9)], [3, 258, 0]);
        assert_eq!(choices.taken(), [3, 258]);
    }
}
