//! Law 4: signals go to the VM, each once and in order; its end is ours, and the last thing.

use std::collections::VecDeque;

use super::{Verdict, so};
use crate::End;
use crate::supervisor::{Input, Output};

#[derive(Debug, Default)]
pub(super) struct Faithful {
    /// Signals and stops that have to come, in order.
    due: VecDeque<Output>,
    end: Option<End>,
    is_over: bool,
}

impl Faithful {
    pub(super) fn input(&mut self, input: &Input<'_>) {
        if self.is_over {
            return;
        }
        match input {
            Input::Signal { number, had_by_vm, stops } => {
                self.due.extend((!had_by_vm).then_some(Output::PassOn(*number)));
                self.due.extend(stops.then_some(Output::Stop));
            }
            Input::VmEnded(end) => self.end = Some(*end),
            _ => {}
        }
    }

    pub(super) fn output(&mut self, output: &Output) -> Verdict {
        so(!self.is_over, || format!("{output:?} after the end"))?;
        match output {
            Output::PassOn(_) | Output::Stop => {
                let due = self.due.pop_front();
                so(due.as_ref() == Some(output), || format!("{output:?} where {due:?} is due"))
            }
            Output::Exit(end) => {
                self.is_over = true;
                so(self.end == Some(*end), || {
                    format!("ends with {end:?}, the VM with {:?}", self.end)
                })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn settled(&self) -> Verdict {
        so(self.due.is_empty(), || format!("nothing came of {:?}", self.due))?;
        so(self.is_over || self.end.is_none(), || "the VM ended, and nothing came of it".to_owned())
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}
