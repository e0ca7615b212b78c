//! Law 6: bounded. No switch is called more often than the pauses allow, and nothing is told more often
//! than it is tried. (That a NIC comes back in its time is looked at when the faults are over.)

use std::time::Duration;

use vde_proto::{DataFailure, DialFailure};

use super::{After, Verdict, so};
use crate::supervisor::{Event, Input, NicState, Output, Policy, Stream, Supervisor};

/// Most things that may be asked for because of one event of one NIC.
const MOST_OUTPUTS: usize = 12;

/// A plug that was lost sooner than this is no reason to call at once, nor for pauses to begin anew.
const STEADY: Duration = Duration::from_secs(10);

/// The shortest pause between the calls of one handshake.
const AGAIN: Duration = Duration::from_millis(20);

/// The longest pause after the first call that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(313);

#[derive(Debug)]
pub(super) struct Bounded {
    /// The longest time of a call that nobody asked for: its stream may be kept after that.
    patience: Duration,
    nics: Vec<Nic>,
    outputs: usize,
}

#[derive(Debug, Clone)]
struct Nic {
    /// Since when the plug has held.
    held_since: Duration,
    /// When the last call failed or the last plug was lost.
    ended: Duration,
    /// When the last call was made, and when the handshake that it belongs to began.
    dialed: Duration,
    called: Duration,
    /// The new stream has just said something, or ended.
    has_news: bool,
    is_calling: bool,
    /// The next call needs no pause.
    is_free: bool,
    is_up: bool,
    /// Somebody has just asked for a relay, or for none: a call under way is of no use any more.
    is_interrupted: bool,
    calls: u32,
    failings: u32,
    /// Since when it has been without a plug, unless somebody asked for a move since.
    lost_at: Option<Duration>,
    /// How many calls were refused since then, and whether the one under way is.
    refusals: u32,
    is_absent: bool,
    /// Calls that failed since a plug was lost that had held; of no matter while it is none.
    failures: Option<u32>,
}

impl Bounded {
    pub(super) fn new(now: Duration, policy: Policy, nics: usize) -> Self {
        let nic = Nic {
            held_since: now,
            ended: now,
            dialed: now,
            called: now,
            has_news: false,
            is_calling: false,
            is_free: false,
            is_up: true,
            is_interrupted: false,
            calls: 0,
            failings: 0,
            lost_at: None,
            refusals: 0,
            is_absent: false,
            failures: None,
        };
        Self { patience: policy.timeout * 4, nics: vec![nic; nics], outputs: 0 }
    }

    pub(super) fn input(&mut self, input: &Input<'_>) {
        self.outputs = 0;
        for nic in &mut self.nics {
            (nic.has_news, nic.is_interrupted) = (false, false);
        }
        match *input {
            Input::Closed(nic, Stream::New) | Input::Received(nic, Stream::New, _) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.has_news = true;
                }
            }
            Input::Replug { nic, .. } => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    (nic.is_free, nic.lost_at) = (true, None);
                }
            }
            Input::Splice { nic, .. } => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.is_free |= nic.is_up;
                    nic.is_interrupted = true;
                }
            }
            Input::DialFailed(nic, failure) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.is_absent = matches!(
                        failure,
                        DialFailure::Absent | DialFailure::NotASocketDir | DialFailure::Dead
                    );
                }
            }
            Input::DataConnectFailed(nic, DataFailure::Gone) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.is_absent = true;
                }
            }
            _ => {}
        }
    }

    pub(super) fn output(&mut self, now: Duration, output: &Output) -> Verdict {
        self.outputs += 1;
        let most = MOST_OUTPUTS * self.nics.len().max(1);
        so(self.outputs <= most, || format!("{} things at once", self.outputs))?;
        match *output {
            Output::Dial(nic, _) => self.dial(now, nic)?,
            Output::Unplug(nic) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    (nic.ended, nic.calls, nic.failings) = (now, 0, 0);
                    (nic.lost_at, nic.refusals, nic.is_up) = (Some(now), 0, false);
                    let had_held = now.saturating_sub(nic.held_since) >= STEADY;
                    nic.failures = had_held.then_some(0);
                    nic.is_free |= had_held;
                }
            }
            Output::Keep(nic) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    if !nic.is_up {
                        nic.held_since = now;
                    }
                    (nic.is_calling, nic.is_free, nic.is_up) = (false, false, true);
                    nic.lost_at = None;
                }
            }
            Output::Abandon(nic) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    let given_up = nic.called + self.patience;
                    (nic.ended, nic.is_calling) = (now.min(given_up), false);
                    nic.is_free |= nic.has_news && now > given_up;
                    nic.failures = nic.failures.map(|count| count.saturating_add(1));
                    if !nic.is_interrupted {
                        nic.refuse(now)?;
                    }
                }
            }
            // Whoever asked for a move and did not get it is put back at once.
            Output::Answer(_, Err(_)) => self.nics.iter_mut().for_each(|nic| nic.is_free = true),
            Output::Tell(Event::Failing { nic, .. }) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.failings += 1;
                    so(nic.failings <= nic.calls, || "tells more often than it tries".to_owned())?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Pauses begin small whenever a plug had held: they at most double with each call that fails.
    pub(super) fn settled(&self, now: Duration, wait: Option<Duration>, nics: &[After]) -> Verdict {
        for (nic, after) in self.nics.iter().zip(nics) {
            let Some(failures @ 1..) = nic.failures else { continue };
            let most = FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(16));
            let is_waiting = after.state == NicState::Down && !nic.is_calling;
            so(!is_waiting || wait.is_some_and(|deadline| deadline <= now + most), || {
                format!("after {failures} calls the next one waits for {wait:?}")
            })?;
        }
        Ok(())
    }

    fn dial(&mut self, now: Duration, nic: usize) -> Verdict {
        let Some(nic) = self.nics.get_mut(nic) else { return Ok(()) };
        let (since, pause) = match nic.is_calling {
            true => (nic.dialed, AGAIN),
            false => (nic.ended, Supervisor::PAUSES[0]),
        };
        let paused = now.saturating_sub(since);
        so(nic.is_free || paused >= pause, || format!("calls again after {paused:?}"))?;
        nic.calls += 1;
        nic.is_absent = false;
        if !nic.is_calling {
            nic.called = now;
        }
        (nic.dialed, nic.is_calling, nic.is_free) = (now, true, false);
        Ok(())
    }
}

impl Nic {
    /// A call failed. Somebody who refuses is asked ten times in the first minutes, and then but once a
    /// minute; nobody at all may be called twice a second.
    fn refuse(&mut self, now: Duration) -> Verdict {
        let Some(lost_at) = self.lost_at.filter(|_| !self.is_absent) else { return Ok(()) };
        self.refusals += 1;
        let minutes = (now - lost_at).as_secs() / 45;
        so(u64::from(self.refusals) <= 10 + minutes, || {
            format!("asks {} times in {:?}", self.refusals, now - lost_at)
        })
    }
}
