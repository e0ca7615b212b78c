//! How long to wait before a call is made again.
//!
//! Pauses double from attempt to attempt up to a limit, and vary by a quarter either way, so that the
//! VMs of a host do not all call a switch at the same instant when it comes back.

use std::time::Duration;

use vde_proto::{DataFailure, PlugError};

/// Between attempts where nobody listens: the first pause, and the longest one.
const ABSENT: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(500)];

/// Between attempts where somebody listens, but will not have us.
const REFUSED: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(60)];

/// A plug that was lost so soon was never a plug: the switch refused.
pub(super) const FLAP: Duration = Duration::from_millis(100);

/// A plug that held so long was a good one: pauses begin anew, and the switch is called again at once.
pub(super) const STEADY: Duration = Duration::from_secs(10);

/// The shortest and the longest pause that there can be, jitter included.
pub(super) const BOUNDS: [Duration; 2] = [Duration::from_micros(7500), Duration::from_secs(75)];

/// Pauses of one NIC.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    absent: u32,
    refused: u32,
    random: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { absent: 0, refused: 0, random: seed }
    }

    /// A plug held for this long: how far do pauses begin anew?
    pub(super) fn held(&mut self, time: Duration) {
        if time >= FLAP {
            self.refused = 0;
        }
        if time >= STEADY {
            self.absent = 0;
        }
    }

    /// The pause after an attempt that failed like this.
    pub(super) fn after(&mut self, error: &PlugError) -> Duration {
        let (times, [first, longest]) = match is_absence(error) {
            true => (&mut self.absent, ABSENT),
            false => (&mut self.refused, REFUSED),
        };
        let pause = first.saturating_mul(1 << (*times).min(16)).min(longest);
        *times = times.saturating_add(1);
        self.vary(pause)
    }

    /// Between three quarters and five quarters of `pause`.
    fn vary(&mut self, pause: Duration) -> Duration {
        let quarter = pause / 4;
        let share = u32::try_from(self.next() >> 40).unwrap_or_default(); // 24 bits
        (pause - quarter) + (quarter * 2).mul_f64(f64::from(share) / f64::from(1 << 24))
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014): small, and good enough for jitter.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Whether it says that the switch is away, rather than that it does not want us. (One that is busy is
/// there, and hangs: our own calls fill its queue.)
fn is_absence(error: &PlugError) -> bool {
    error.is_absence() || *error == PlugError::Data(DataFailure::Gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vde_proto::DialFailure;

    fn pauses(error: &PlugError, count: usize) -> Vec<Duration> {
        let mut backoff = Backoff::new(7);
        (0..count).map(|_| backoff.after(error)).collect()
    }

    #[test]
    fn an_absent_switch_is_called_every_half_second_and_no_more_often_than_every_8_ms() {
        let pauses = pauses(&PlugError::Dial(DialFailure::Dead), 50);
        assert!(pauses.iter().all(|pause| *pause >= BOUNDS[0]), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_millis(625)), "{pauses:?}");
        assert!(pauses[49] >= Duration::from_millis(375));
    }

    #[test]
    fn a_switch_that_refuses_is_soon_asked_but_once_a_minute() {
        let pauses = pauses(&PlugError::Refused, 50);
        assert!(pauses[0] <= Duration::from_millis(313));
        assert!(pauses[20..].iter().all(|pause| *pause >= Duration::from_secs(45)));
        assert!(pauses.iter().all(|pause| *pause <= BOUNDS[1]), "{pauses:?}");
    }

    #[test]
    fn pauses_vary_and_begin_anew_when_the_plug_held() {
        let error = PlugError::Dial(DialFailure::Absent);
        let [one, other] = [1, 2].map(|seed| Backoff::new(seed).after(&error));
        assert_ne!(one, other);
        let mut backoff = Backoff::new(0);
        assert!((0..20).map(|_| backoff.after(&error)).max() > Some(Duration::from_millis(300)));
        backoff.held(STEADY);
        assert!(backoff.after(&error) < Duration::from_millis(13));
    }
}
