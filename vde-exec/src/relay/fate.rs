//! The dice: what happens to frame *n*, from a seed and nothing else.

use std::time::Duration;

use oorandom::Rand32;

use super::{Direction, Impairment};

/// Rolls the fate of one frame after the other.
///
/// As many numbers are drawn for every frame, whatever the parameters and whatever happens to it, so
/// that one parameter changes nothing but what it is about.
#[derive(Debug, Clone)]
pub(super) struct Dice {
    random: Rand32,
}

/// What happens to one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) is_lost: bool,
    pub(super) is_doubled: bool,
    pub(super) is_held_back: bool,
    /// Which of all its bits is flipped, as a fraction of 2³².
    flipped: Option<u32>,
    /// Where it is between the shortest and the longest delay, as a fraction of 2³².
    lateness: u32,
}

impl Dice {
    /// The two directions have sequences of their own.
    pub(super) fn new(seed: u64, direction: Direction) -> Self {
        let sequence = match direction {
            Direction::FromVm => 1,
            Direction::ToVm => 2,
        };
        Self { random: Rand32::new_inc(seed, sequence) }
    }

    pub(super) fn roll(&mut self, impairment: &Impairment) -> Fate {
        let [lost, doubled, held_back, corrupt, position, lateness] =
            [(); 6].map(|()| self.random.rand_u32());
        Fate {
            is_lost: impairment.loss.holds(lost),
            is_doubled: impairment.duplicate.holds(doubled),
            is_held_back: impairment.reorder.holds(held_back),
            flipped: impairment.corrupt.holds(corrupt).then_some(position),
            lateness,
        }
    }
}

impl Fate {
    /// How long the frame is under way.
    pub(super) fn delay(&self, impairment: &Impairment) -> Duration {
        let span = impairment.jitter.as_nanos().saturating_mul(2);
        let extra = (span >> 32) * u128::from(self.lateness)
            + (((span & 0xffff_ffff) * u128::from(self.lateness)) >> 32);
        let longest = impairment.delay.as_nanos().saturating_add(extra);
        let nanos = longest.saturating_sub(impairment.jitter.as_nanos());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Flips the bit that is to be flipped; returns whether there was one.
    pub(super) fn corrupt(&self, frame: &mut [u8]) -> bool {
        let Some(position) = self.flipped else { return false };
        let bits = u64::try_from(frame.len()).unwrap_or_default().saturating_mul(8);
        let bit = (u128::from(position) * u128::from(bits)) >> 32;
        let byte = usize::try_from(bit / 8).unwrap_or_default();
        let Some(byte) = frame.get_mut(byte) else { return false };
        *byte ^= 1 << (bit % 8);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::Probability;
    use proptest::prelude::*;

    const ALL: Impairment = Impairment {
        seed: 0,
        loss: Probability::ALWAYS,
        corrupt: Probability::ALWAYS,
        duplicate: Probability::ALWAYS,
        reorder: Probability::ALWAYS,
        rate: None,
        delay: Duration::from_millis(30),
        jitter: Duration::from_millis(10),
    };

    fn half(seed: u64) -> Impairment {
        let half = Probability::new(0.5).unwrap();
        Impairment { seed, loss: half, corrupt: half, duplicate: half, reorder: half, ..ALL }
    }

    fn fates(impairment: &Impairment, direction: Direction) -> Vec<Fate> {
        let mut dice = Dice::new(impairment.seed, direction);
        (0..64).map(|_| dice.roll(impairment)).collect()
    }

    #[test]
    fn a_seed_means_the_same_in_every_release() {
        let fates = fates(&half(7), Direction::FromVm);
        let lost: String = fates.iter().map(|fate| if fate.is_lost { 'x' } else { '.' }).collect();
        // Whoever wrote a seed down wants to see the same again.
        assert_eq!(lost, ".xx..x...x..xxxxxxxx...xxx.x....x.x.xxx..xx.xxx.x.x...xx...x....");
    }
    proptest! {
        #[test]
        fn one_parameter_changes_nothing_but_what_it_is_about(seed: u64) {
            let with = half(seed);
            let without = Impairment { loss: Probability::NEVER, ..with };
            let (with, without) =
                (fates(&with, Direction::ToVm), fates(&without, Direction::ToVm));
            for (with, without) in with.into_iter().zip(without) {
                prop_assert_eq!(Fate { is_lost: false, ..with }, without);
            }
        }

        #[test]
        fn the_two_directions_have_fates_of_their_own(seed: u64) {
            let impairment = half(seed);
            let both = [Direction::FromVm, Direction::ToVm].map(|way| fates(&impairment, way));
            prop_assert_ne!(&both[0], &both[1]);
        }

        #[test]
        fn the_delay_is_as_far_from_the_usual_one_as_the_jitter_allows(
            seed: u64, delay in 0..u64::MAX, jitter in 0..u64::MAX,
        ) {
            let [delay, jitter] = [delay, jitter].map(Duration::from_nanos);
            let impairment = Impairment { delay, jitter, ..Impairment::default() };
            let fate = Dice::new(seed, Direction::ToVm).roll(&impairment);
            let drawn = fate.delay(&impairment);
            prop_assert!(drawn >= delay.saturating_sub(jitter));
            prop_assert!(drawn <= delay.saturating_add(jitter));
        }

        #[test]
        fn exactly_one_bit_is_flipped(seed: u64, frame in prop::collection::vec(any::<u8>(), 1..2000)) {
            let fate = Dice::new(seed, Direction::FromVm).roll(&ALL);
            let mut flipped = frame.clone();
            prop_assert!(fate.corrupt(&mut flipped));
            let bits: u32 = frame.iter().zip(&flipped).map(|(a, b)| (a ^ b).count_ones()).sum();
            prop_assert_eq!(bits, 1);
        }
    }

    #[test]
    fn every_bit_of_a_frame_may_be_the_one() {
        let mut seen = [0u8; 8];
        let mut dice = Dice::new(3, Direction::FromVm);
        for _ in 0..2000 {
            let mut frame = [0u8; 8];
            dice.roll(&ALL).corrupt(&mut frame);
            seen.iter_mut().zip(frame).for_each(|(seen, byte)| *seen |= byte);
        }
        assert_eq!(seen, [0xff; 8]);
    }

    #[test]
    fn no_frame_has_no_bit_to_flip() {
        assert!(!Dice::new(1, Direction::FromVm).roll(&ALL).corrupt(&mut []));
    }
}
