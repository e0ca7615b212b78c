//! Law 2 again: a call that fails is told if it is the first of an outage, or failed for another reason than
//! the one before; and if neither, it is not. (A switch that hangs up on the very first call may be dying:
//! that is not told either, before it has happened again.)

use std::time::Duration;

use vde_proto::{DataFailure, DialFailure, PlugError};

use super::{Verdict, so};
use crate::supervisor::{Event, Input, Output, Policy, Stream};

#[derive(Debug)]
pub(super) struct Failing {
    /// The longest time of a call that nobody asked for.
    patience: Duration,
    nics: Vec<Nic>,
    /// What the input under way says of a call that fails by it; none if it is a request, which may
    /// interrupt a call.
    why: Option<Why>,
    /// The NIC whose call failed last.
    abandoned: Option<usize>,
}

#[derive(Debug, Clone, Default)]
struct Nic {
    /// Why the last call of this outage failed, and why one did during this input.
    last: Option<Why>,
    failed: Option<Why>,
    is_told: bool,
    is_calling: bool,
    /// It was told that the call failed, but its stream is kept: perhaps it ends.
    lingers: bool,
    /// Calls of this outage.
    calls: u32,
    called_at: Duration,
    /// What has come of the call under way: bytes of a reply, or a reason to pause.
    got: usize,
    paused: Option<Why>,
}

/// Why a call failed, as far as it can be seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Dial(DialFailure),
    Data(DataFailure),
    /// The end of the stream.
    End,
    /// The time was up.
    Time,
    /// Either, after a part of a reply.
    Part(usize),
    /// What came made no sense.
    Bytes,
}

impl Failing {
    pub(super) fn new(policy: Policy, nics: usize) -> Self {
        let patience = policy.timeout * 4;
        Self { patience, nics: vec![Nic::default(); nics], why: None, abandoned: None }
    }

    pub(super) fn input(&mut self, now: Duration, input: &Input<'_>) {
        for nic in &mut self.nics {
            (nic.failed, nic.is_told) = (None, false);
        }
        self.abandoned = None;
        self.why = self.reason(now, input);
    }

    /// Why a call would fail by this. What is to be remembered of it if it does not, is.
    fn reason(&mut self, now: Duration, input: &Input<'_>) -> Option<Why> {
        let (Input::Dialed(index)
        | Input::DialFailed(index, _)
        | Input::DataConnectFailed(index, _)
        | Input::Received(index, Stream::New, _)
        | Input::Closed(index, Stream::New)) = *input
        else {
            return matches!(input, Input::Tick).then_some(Why::Time);
        };
        let nic = self.nics.get_mut(index)?;
        let why = match *input {
            Input::DialFailed(_, failure) => Why::Dial(failure),
            Input::DataConnectFailed(_, failure) => Why::Data(failure),
            Input::Closed(..) => return Some(Why::End),
            // What comes after its time does not count any more.
            Input::Received(..) if now >= nic.called_at + self.patience => return Some(Why::Time),
            Input::Received(_, _, bytes) => {
                nic.got += bytes.len();
                return Some(Why::Bytes);
            }
            _ => {
                (nic.got, nic.paused) = (0, None);
                return None;
            }
        };
        nic.paused = Some(why);
        Some(why)
    }

    pub(super) fn output(&mut self, now: Duration, output: &Output) {
        match *output {
            Output::Dial(nic, _) => {
                if let Some(nic) = self.nics.get_mut(nic).filter(|nic| !nic.is_calling) {
                    (nic.is_calling, nic.called_at) = (true, now);
                    nic.calls += 1;
                }
            }
            Output::Abandon(index) => {
                if let Some(nic) = self.nics.get_mut(index) {
                    nic.is_calling = false;
                    if std::mem::take(&mut nic.lingers) {
                        return;
                    }
                    nic.failed = self.why.map(|why| nic.judge(why, now, self.patience));
                }
                self.abandoned = Some(index);
            }
            Output::Keep(nic) => self.on(nic, |nic| nic.is_calling = false),
            Output::Unplug(nic) => self.on(nic, |nic| {
                // The call to where it moves was made before.
                (nic.last, nic.calls) = (None, nic.is_calling.into());
            }),
            Output::Tell(Event::Failing { nic, why: PlugError::NoAnswer { .. } }) => {
                self.on(nic, |nic| {
                    (nic.is_told, nic.lingers, nic.failed) = (true, true, Some(Why::Time));
                });
            }
            Output::Tell(Event::Failing { nic, .. }) => self.on(nic, |nic| nic.is_told = true),
            Output::Tell(Event::GaveUp { nic, .. }) => self.on(nic, |nic| nic.failed = None),
            // Whoever asked for that call is told by this.
            Output::Answer(..) => {
                if let Some(nic) = self.abandoned {
                    self.on(nic, |nic| nic.failed = None);
                }
            }
            _ => {}
        }
    }

    fn on(&mut self, nic: usize, change: impl FnOnce(&mut Nic)) {
        if let Some(nic) = self.nics.get_mut(nic) {
            change(nic);
        }
    }

    pub(super) fn settled(&mut self) -> Verdict {
        for (index, nic) in self.nics.iter_mut().enumerate() {
            let Some(why) = nic.failed else { continue };
            if why == Why::End && nic.calls == 1 {
                so(!nic.is_told, || format!("NIC {index} tells of a switch that may be dying"))?;
                continue;
            }
            let last = nic.last.replace(why);
            so(nic.is_told || last == Some(why), || {
                format!("a call of NIC {index} failed ({why:?}), and nobody was told")
            })?;
            // There are several ways to make no sense.
            let is_news = last != Some(why) || why == Why::Bytes;
            so(!nic.is_told || is_news, || {
                format!("NIC {index} tells again that a call failed ({why:?})")
            })?;
        }
        Ok(())
    }
}

impl Nic {
    /// Why its call failed, if the last input would make it fail for this reason.
    fn judge(&mut self, why: Why, now: Duration, patience: Duration) -> Why {
        let paused = self.paused.take();
        let why = if now >= self.called_at + patience { Why::Time } else { why };
        match (why, paused) {
            (Why::Time, Some(paused)) => paused,
            (Why::Time | Why::End, _) if self.got > 0 => Why::Part(self.got),
            (why, _) => why,
        }
    }
}
