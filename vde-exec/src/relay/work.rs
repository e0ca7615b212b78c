//! What a relay is to do, all of it in one order.

use std::io;

use super::{Capture, Direction, Impairment, Relay};

/// What a relay is to do; nothing of what it did before goes on, but perhaps a capture.
#[derive(Debug)]
pub struct RelayWork {
    /// What befalls frames on their way to the VM.
    pub to_vm: Impairment,
    /// What befalls frames on their way to the switch.
    pub from_vm: Impairment,
    /// What becomes of the capture.
    pub capture: CaptureWork,
}

/// What becomes of a capture.
#[derive(Debug)]
pub enum CaptureWork {
    /// The one that goes on goes on.
    GoOn,
    /// It ends, if there is one.
    End,
    /// This one begins.
    Begin(Capture),
}

impl RelayWork {
    /// Has `relay` do it.
    pub(crate) fn begin(self, relay: &Relay) -> io::Result<()> {
        let Self { to_vm, from_vm, capture } = self;
        let some = |impairment: Impairment| Some(impairment).filter(|it| !it.does_nothing());
        relay.set_impairment(Direction::ToVm, some(to_vm));
        relay.set_impairment(Direction::FromVm, some(from_vm));
        match capture {
            CaptureWork::GoOn => Ok(()),
            CaptureWork::End => relay.capture(None).map(drop),
            CaptureWork::Begin(capture) => relay.capture(Some(capture)).map(drop),
        }
    }
}
