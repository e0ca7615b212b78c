//! What a relay has counted, as JSON.

use serde_json::{Value, json};
use vde_exec::relay::{Amount, CaptureState, CaptureStats, DirectionStats, RelayStats};

/// What a relay has counted since it came into the path.
pub(crate) fn relay_stats(stats: &RelayStats) -> Value {
    json!({
        "from_vm": direction(&stats.from_vm),
        "to_vm": direction(&stats.to_vm),
        "capture": stats.capture.as_ref().map(capture),
    })
}

fn direction(stats: &DirectionStats) -> Value {
    let DirectionStats { received, sent, drops, impaired, delayed, receive_errors } = stats;
    json!({
        "received": amount(received),
        "sent": amount(sent),
        "dropped": {
            "empty": drops.empty,
            "too_long": drops.too_long,
            "stalled": drops.stalled,
            "refused": drops.refused,
            "unconnected": drops.unconnected,
            "forbidden": drops.forbidden,
            "other": drops.other,
        },
        "impaired": {
            "lost": impaired.lost,
            "corrupted": impaired.corrupted,
            "duplicated": impaired.duplicated,
            "reordered": impaired.reordered,
            "overflowed": impaired.overflowed,
        },
        "delayed": amount(delayed),
        "receive_errors": receive_errors,
    })
}

fn amount(amount: &Amount) -> Value {
    json!({ "frames": amount.frames, "bytes": amount.bytes })
}

fn capture(stats: &CaptureStats) -> Value {
    let (state, error) = match stats.state {
        CaptureState::Waiting => ("waiting", None),
        CaptureState::Running => ("running", None),
        CaptureState::Ended => ("ended", None),
        CaptureState::Failed(errno) => ("failed", Some(errno.desc())),
    };
    json!({ "state": state, "error": error, "seen": stats.seen, "dropped": stats.dropped })
}
