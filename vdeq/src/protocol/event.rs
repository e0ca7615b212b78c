//! Events as JSON: the one place that knows their names.

use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};
use vde_exec::supervisor::{Event, MoveError};
use vde_exec::{End, Errno};

use crate::{path, rfc3339, seconds};

/// When an event is told, and which it is.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The time of day.
    pub time: SystemTime,
    /// Its number, from 1: every event has one more than the one before.
    pub seq: u64,
}

impl Moment {
    /// The event with its time and its number.
    fn of(self, mut event: Value) -> Value {
        if let Value::Object(object) = &mut event {
            object.insert("time".to_owned(), rfc3339(self.time).into());
            object.insert("seq".to_owned(), self.seq.into());
        }
        event
    }
}

/// The first event: the VM runs, and this is how everything is.
#[must_use]
pub fn started(status: Value, moment: Moment) -> Value {
    let mut event = status;
    if let Value::Object(object) = &mut event {
        object.insert("event".to_owned(), "started".into());
    }
    moment.of(event)
}

/// The last event: the VM ended like this.
#[must_use]
pub fn ended(end: End, moment: Moment) -> Value {
    moment.of(match end {
        End::Exited(status) => json!({ "event": "ended", "status": status }),
        End::Killed(signal) => json!({ "event": "ended", "signal": signal }),
    })
}

/// A NIC was not plugged in where it was wanted.
#[must_use]
pub fn move_failed(nic: usize, error: &MoveError, moment: Moment) -> Value {
    moment.of(json!({ "event": "move-failed", "nic": nic, "error": error.to_string() }))
}

/// Not an event of the VM, but of who is told: so many are missing here, because it did not read. If
/// it is not said how many, this is the last line.
#[must_use]
pub fn overrun(dropped: Option<u64>, time: SystemTime) -> Value {
    let time = rfc3339(time);
    match dropped {
        Some(dropped) => json!({ "event": "overrun", "dropped": dropped, "time": time }),
        None => json!({ "event": "overrun", "time": time }),
    }
}

/// An event of a NIC that belongs to `switch`, or of no NIC. `None` of what there is no name for.
#[must_use]
pub fn event(event: &Event, switch: Option<&Path>, moment: Moment) -> Option<Value> {
    let switch = switch.map(path);
    Some(moment.of(match event {
        Event::Lost { nic, why, retrying } => json!({
            "event": "lost",
            "nic": nic,
            "switch": switch,
            "error": why.to_string(),
            "retrying": retrying,
        }),
        Event::Failing { nic, why } => json!({
            "event": "failing",
            "nic": nic,
            "switch": switch,
            "error": why.to_string(),
        }),
        Event::Plugged { nic, port, outage, attempts, moved } => json!({
            "event": "plugged",
            "nic": nic,
            "switch": switch,
            "port": port,
            "outage": seconds(*outage),
            "attempts": attempts,
            "moved": moved,
        }),
        Event::Spliced { nic, is_relayed } => json!({
            "event": if *is_relayed { "relayed" } else { "direct" },
            "nic": nic,
            "switch": switch,
        }),
        Event::RelayFailed { nic } => json!({ "event": "relay-failed", "nic": nic }),
        Event::CaptureFailed { nic, errno } => json!({
            "event": "capture-failed",
            "nic": nic,
            "error": Errno::from_raw(*errno).desc(),
        }),
        Event::GaveUp { nic, why } => json!({
            "event": "given-up",
            "nic": nic,
            "switch": switch,
            "error": why.to_string(),
        }),
        Event::SignalRefused(signal) => json!({ "event": "signal-refused", "signal": signal }),
        _ => return None,
    }))
}
