//! How everything is, as JSON.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vde_exec::relay::RelayStats;
use vde_exec::supervisor::{NicState, NicStatus};
use vde_exec::vde_proto::PortRequest;

use crate::relay::relay_stats;
use crate::{path, rfc3339, seconds};

/// A NIC, as a report has it.
#[derive(Debug, Clone, Copy)]
pub struct Nic<'a> {
    /// Its number.
    pub number: usize,
    /// The directory of its switch.
    pub switch: &'a Path,
    /// How it is.
    pub status: &'a NicStatus,
    /// For how long.
    pub time: Duration,
    /// What its relay has counted, if there is one in its path.
    pub relay: Option<&'a RelayStats>,
}

/// How the whole is: this process, the VM's, and each NIC.
pub fn status<'a>(
    pid: u32,
    vm: i32,
    nics: impl Iterator<Item = Nic<'a>>,
    now: SystemTime,
) -> Value {
    let nics: Vec<Value> = nics.map(|nic| nic_status(nic, now)).collect();
    json!({ "pid": pid, "vm": { "pid": vm }, "nics": nics })
}

/// How a NIC is.
#[must_use]
pub fn nic_status(nic: Nic<'_>, now: SystemTime) -> Value {
    let Nic { number, switch, status, time, relay } = nic;
    let since = now.checked_sub(time).unwrap_or(now);
    json!({
        "nic": number,
        "state": state(status.state),
        "switch": path(switch),
        "port": status.port,
        "relay": relay.map(relay_stats),
        "asked": asked(status.asked),
        "seconds": seconds(time),
        "since": rfc3339(since),
        "replugs": status.replugs,
        "attempts": status.attempts,
        "last_error": status.last_trouble.as_ref().map(ToString::to_string),
    })
}

fn state(state: NicState) -> &'static str {
    match state {
        NicState::Up => "up",
        NicState::GivenUp => "given-up",
        // There may be more states one day; none of them is up.
        _ => "down",
    }
}

/// The port that was asked for, as `"port"` of a request takes it.
fn asked(port: PortRequest) -> Value {
    match port {
        PortRequest::Any => json!("any"),
        PortRequest::Zero => json!("zero"),
        PortRequest::Number(number) => json!(number.get()),
    }
}
