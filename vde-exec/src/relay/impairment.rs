//! What a bad network does to frames, as numbers: the parameters of a [`Pipeline`](super::Pipeline).

use std::num::NonZeroU64;
use std::time::Duration;

/// How likely something is.
///
/// ```
/// use vde_exec::relay::Probability;
/// assert_eq!(Probability::new(0.0), Some(Probability::NEVER));
/// assert_eq!(Probability::new(1.0), Some(Probability::ALWAYS));
/// assert!(Probability::new(0.25) < Probability::new(0.5));
/// assert_eq!(Probability::new(1.1), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Probability(u64);

impl Probability {
    /// It never happens.
    pub const NEVER: Self = Self(0);
    /// It happens every time.
    pub const ALWAYS: Self = Self(1 << 32);

    /// From 0.0 (never) to 1.0 (always), in steps of 2⁻³²; `None` for anything else.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        if !(0.0..=1.0).contains(&value) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 0 and 2^32"
        )]
        Some(Self((value * 4_294_967_296.0).round() as u64))
    }

    /// Whether it happens, with this roll of the dice.
    pub(super) fn holds(self, roll: u32) -> bool {
        u64::from(roll) < self.0
    }
}

/// What is done to the frames of one direction. The default does nothing to them.
///
/// Everything random comes from `seed`: frame *n* since it was set has the same fate whenever it comes,
/// and whatever the other frames are. What depends on time is how long a frame waits for its turn at
/// `rate`, whether the queue is full, and whether a frame that was held back is overtaken in time.
///
/// ```
/// use std::time::Duration;
/// use vde_exec::relay::{Impairment, Probability};
/// let satellite = Impairment {
///     delay: Duration::from_millis(300),
///     jitter: Duration::from_millis(20),
///     loss: Probability::new(0.01).unwrap(),
///     ..Impairment::default()
/// };
/// assert_eq!(satellite.rate, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Impairment {
    /// Where the random numbers begin.
    pub seed: u64,
    /// How many frames are lost.
    pub loss: Probability,
    /// In how many frames one bit is flipped.
    pub corrupt: Probability,
    /// How many frames arrive twice.
    pub duplicate: Probability,
    /// How many frames are held back until the next one has passed, one at a time, but not longer than
    /// [`REORDER_PATIENCE`].
    pub reorder: Probability,
    /// Bits per second that pass, in bursts of at most [`BURST`]; `None` is no limit.
    pub rate: Option<NonZeroU64>,
    /// How long every frame is under way.
    pub delay: Duration,
    /// How much longer or shorter than `delay` that may be, all values being equally likely. Frames do
    /// not overtake each other by it: who comes out of order is for `reorder` to say.
    pub jitter: Duration,
}

impl Impairment {
    /// Whether frames stay as they are, whatever the seed.
    #[must_use]
    pub fn does_nothing(&self) -> bool {
        Self { seed: 0, ..*self } == Self::default()
    }
}

/// How long a frame that is held back waits, beyond its delay, for one that passes it.
pub const REORDER_PATIENCE: Duration = Duration::from_millis(10);

/// How far ahead of a steady stream a burst may be, as the time that the stream would need for it.
/// (Finer than that no relay can wake up without the cost being felt.)
pub const BURST: Duration = Duration::from_millis(1);

/// Most frames that wait in one direction.
pub const MAX_WAITING_FRAMES: usize = 1000;

/// Most bytes that wait in one direction.
pub const MAX_WAITING_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_and_always_are_meant_literally() {
        for roll in [0, 1, u32::MAX] {
            assert!(!Probability::NEVER.holds(roll));
            assert!(Probability::ALWAYS.holds(roll));
        }
    }

    #[test]
    fn a_half_is_half_of_all_rolls() {
        let half = Probability::new(0.5).unwrap();
        assert!(half.holds((1 << 31) - 1) && !half.holds(1 << 31));
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        for value in [-0.1, 1.000_001, f64::NAN, f64::INFINITY] {
            assert_eq!(Probability::new(value), None);
        }
    }
}
