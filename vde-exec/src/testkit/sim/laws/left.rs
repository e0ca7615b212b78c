//! Law 3: nothing is left. A stream is there as long as it is needed, and nothing is asked of one that
//! is not there. (What the switches have left of a VM is looked at when the world has come to rest.)

use vde_proto::PlugError;

use super::{After, Before, Verdict, so};
use crate::supervisor::{Event, NicState, Output};

#[derive(Debug)]
pub(super) struct Left {
    nics: Vec<Nic>,
}

#[derive(Debug, Clone, Default)]
struct Nic {
    /// Since the last input a call was said to have failed, and no other was begun.
    failed: bool,
}

impl Left {
    pub(super) fn new(nics: usize) -> Self {
        Self { nics: vec![Nic::default(); nics] }
    }

    pub(super) fn input(&mut self) {
        self.nics.iter_mut().for_each(|nic| nic.failed = false);
    }

    pub(super) fn output(&mut self, output: &Output, of: impl Fn(usize) -> Before) -> Verdict {
        let exists = match *output {
            Output::Dial(nic, _) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.failed = false;
                }
                true
            }
            Output::Send(nic, _) | Output::ConnectData(nic, _) | Output::Keep(nic) => of(nic).new,
            Output::Unplug(nic) => of(nic).held,
            // Where nobody answered the stream is kept until the next call: perhaps it ends.
            Output::Tell(Event::Failing { why: PlugError::NoAnswer { .. }, .. }) => true,
            Output::Tell(Event::Failing { nic, .. } | Event::GaveUp { nic, .. }) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.failed = true;
                }
                true
            }
            _ => true,
        };
        so(exists, || format!("{output:?} is about a stream that is not there"))
    }

    pub(super) fn settled(&self, nics: &[After]) -> Verdict {
        for (index, (nic, after)) in self.nics.iter().zip(nics).enumerate() {
            so(!(nic.failed && after.new), || {
                format!("the stream of the failed call of NIC {index} is still there")
            })?;
            so(after.has_names, || format!("a socket that NIC {index} had still has its name"))?;
            let is_held = after.is_swapping || after.held == (after.state == NicState::Up);
            so(is_held, || {
                format!("NIC {index} is {:?}; holds a stream: {}", after.state, after.held)
            })?;
        }
        Ok(())
    }
}
