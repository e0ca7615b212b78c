//! Where `--events` go: written whole, or counted as missing; never waited for.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::SystemTime;

use serde_json::Value;
use vde_exec::{Errno, Outlet, OutletError};
use vdeq_protocol::overrun;

/// What listens to the events of this VM.
#[derive(Debug)]
pub(super) struct Sink {
    outlet: Outlet,
    /// Events that there was no room for, and that nobody was told of yet.
    dropped: u64,
}

impl Sink {
    pub(super) fn open(place: &vde_args::Sink) -> Result<Self, OutletError> {
        let outlet = match place {
            vde_args::Sink::Fd(number) => Outlet::inherited(*number),
            vde_args::Sink::Path(path) => Outlet::open(path.as_ref()),
            _ => Err(OutletError::System(Errno::ENOTSUP)),
        }?;
        Ok(Self { outlet, dropped: 0 })
    }

    /// Tells an event, if there is room for it.
    pub(super) fn tell(&mut self, event: &Value) -> Result<(), Errno> {
        let has_room = self.catch_up()? && self.outlet.write(event.to_string().as_bytes())?;
        if !has_room {
            self.dropped = self.dropped.saturating_add(1);
        }
        Ok(())
    }

    /// Tells what is missing, if there is room for that; returns whether there is more.
    pub(super) fn catch_up(&mut self) -> Result<bool, Errno> {
        if !self.outlet.flush()? {
            return Ok(false);
        }
        if self.dropped > 0 {
            let line = overrun(Some(self.dropped), SystemTime::now()).to_string();
            if !self.outlet.write(line.as_bytes())? {
                return Ok(false);
            }
            self.dropped = 0;
        }
        Ok(true)
    }

    /// What to wait for room on, if there is anything to write.
    pub(super) fn watched(&self) -> Option<BorrowedFd<'_>> {
        (self.outlet.is_busy() || self.dropped > 0).then(|| self.outlet.as_fd())
    }
}
