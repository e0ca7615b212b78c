//! A relay between a VM and a switch, for where something must see the frames.

mod fate;
mod impairment;
pub mod pcapng;
mod pipeline;

pub use impairment::{
    BURST, Impairment, MAX_WAITING_BYTES, MAX_WAITING_FRAMES, Probability, REORDER_PATIENCE,
};
pub use pipeline::{ImpairmentCounts, Pipeline};

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the VM to the switch.
    FromVm,
    /// From the switch to the VM.
    ToVm,
}
