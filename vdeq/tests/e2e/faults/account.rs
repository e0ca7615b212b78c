//! What became of numbered frames: a judgement of a list of sent and one of received ones.
//!
//! Frames of one direction arrive in order. So the lost ones make runs, and a run is excused if the
//! time touches an outage from when its first frame was sent to when the one after it arrived: what was
//! under way when the switch died is lost with it, and nothing is asked of how long that way takes on a
//! busy machine.

use std::fmt;
use std::ops::AddAssign;
use std::time::Instant;

/// From the moment before a fault to the one when frames were seen to pass again.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    pub begin: Instant,
    pub end: Instant,
}

/// A frame that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// This one, as it was sent.
    Whole(usize),
    /// One that was not sent like this.
    Altered,
}

/// The sum of one direction, or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    pub sent: usize,
    pub received: usize,
    /// Lost in an outage or under way when it began.
    pub excused: usize,
    /// Lost otherwise.
    pub lost: usize,
    pub twice: usize,
    pub altered: usize,
    /// Later than the next one. QEMU's hub exchanges two frames where a socket does not take one at
    /// once.
    pub exchanged: usize,
    /// Later than that.
    pub disordered: usize,
    /// The runs of those that were lost otherwise.
    pub runs: Vec<Run>,
}

/// Frames that were lost, one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub number: usize,
    pub length: usize,
    pub sent: Instant,
}

impl Account {
    /// Judges one direction: when each frame was sent, and which came when, in order.
    pub fn of(sent: &[Instant], arrivals: &[(Arrival, Instant)], outages: &[Outage]) -> Self {
        let mut account = Self { sent: sent.len(), ..Self::default() };
        let mut came = vec![None; sent.len()];
        let mut highest = 0;
        for (arrival, at) in arrivals {
            let number = match *arrival {
                Arrival::Whole(number) if number < sent.len() => number,
                _ => {
                    account.altered += 1;
                    continue;
                }
            };
            if came[number].replace(*at).is_some() {
                account.twice += 1;
            } else {
                account.received += 1;
            }
            match highest {
                _ if number >= highest => highest = number,
                _ if number + 1 == highest => account.exchanged += 1,
                _ => account.disordered += 1,
            }
        }
        let mut number = 0;
        while number < sent.len() {
            let length = came[number..].iter().take_while(|came| came.is_none()).count();
            if length > 0 {
                let from = sent[number];
                let next = came.get(number + length).copied().flatten();
                let touches = |outage: &Outage| {
                    from <= outage.end && next.is_none_or(|next| next >= outage.begin)
                };
                match outages.iter().any(touches) {
                    true => account.excused += length,
                    false => {
                        account.lost += length;
                        account.runs.push(Run { number, length, sent: from });
                    }
                }
            }
            number += length + 1;
        }
        account
    }

    /// Nothing happened to frames but what an outage excuses.
    #[track_caller]
    pub fn assert_clean(&self) {
        let Self { lost, twice, altered, disordered, .. } = *self;
        assert_eq!((lost, twice, altered, disordered), (0, 0, 0, 0), "{self}");
        assert_eq!(self.received + self.excused, self.sent, "{self}");
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.excused += other.excused;
        self.lost += other.lost;
        self.twice += other.twice;
        self.altered += other.altered;
        self.exchanged += other.exchanged;
        self.disordered += other.disordered;
        self.runs.extend(other.runs);
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, received, excused, lost, twice, altered, exchanged, disordered, .. } =
            self;
        write!(f, "sent {sent}, received {received}, lost in outages {excused}, ")?;
        write!(f, "lost otherwise {lost}, twice {twice}, altered {altered}, ")?;
        write!(f, "exchanged {exchanged}, disordered {disordered}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Ten frames a millisecond apart of which those came, half a millisecond later, and an outage from
    /// `begin` to `end`.
    fn account(came: &[usize], begin: u64, end: u64) -> Account {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let sent: Vec<_> = (0..10).map(at).collect();
        let late = Duration::from_micros(500);
        let came = came.iter().map(|number| {
            let sent = sent.get(*number).copied().unwrap_or(start);
            (Arrival::Whole(*number), sent + late)
        });
        let came: Vec<_> = came.collect();
        Account::of(&sent, &came, &[Outage { begin: at(begin), end: at(end) }])
    }

    #[test]
    fn a_loss_in_an_outage_is_excused_and_so_is_what_was_under_way() {
        let sum = account(&[0, 1, 2, 7, 8, 9], 4, 6);
        assert_eq!((sum.received, sum.excused, sum.lost), (6, 4, 0));
        sum.assert_clean();
    }

    #[test]
    fn a_loss_anywhere_else_is_found() {
        for lost in [0, 1, 8, 9] {
            let came: Vec<usize> = (0..10).filter(|number| *number != lost).collect();
            assert_eq!(account(&came, 4, 6).lost, 1, "{lost}");
        }
        assert_eq!(account(&[0, 1, 2, 7, 8], 4, 6).lost, 1);
        assert_eq!(account(&[0, 3, 4, 5, 6, 7, 8, 9], 4, 6).lost, 2);
    }

    #[test]
    fn what_comes_twice_late_or_altered_is_found() {
        assert_eq!(account(&[0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4, 6).twice, 1);
        assert_eq!(account(&[0, 2, 1, 3, 4, 5, 6, 7, 8, 9], 4, 6).exchanged, 1);
        assert_eq!(account(&[0, 2, 3, 1, 4, 5, 6, 7, 8, 9], 4, 6).disordered, 1);
        assert_eq!(account(&[0, 77], 4, 6).altered, 1);
    }
}
