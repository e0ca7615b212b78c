//! Inputs and outputs for the trace, without the bytes that nobody reads.

use crate::supervisor::{Input, Output};

/// Something, in short.
pub(super) struct Brief<'a, T>(pub(super) &'a T);

impl std::fmt::Display for Brief<'_, Input<'_>> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Input::Received(nic, stream, bytes) => {
                write!(f, "Received({nic}, {stream:?}, {} bytes)", bytes.len())
            }
            other => write!(f, "{other:?}"),
        }
    }
}

impl std::fmt::Display for Brief<'_, Output> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Output::Send(nic, bytes) => write!(f, "Send({nic}, {} bytes)", bytes.len()),
            other => write!(f, "{other:?}"),
        }
    }
}
