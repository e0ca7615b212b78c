//! The words of `vdeq --control` and `vdeq --events`: JSON, one object a line. No I/O is here.
//!
//! [`Question::read`] reads what a client said, whatever it is; [`granted`] and [`refused`] are the
//! answers. [`event`] tells what happens, and [`nic_status`] how a NIC is. `docs/control.md` is the
//! description for those who write clients.

mod event;
mod relay;
mod reply;
mod request;
mod status;
mod time;

pub use event::{Moment, ended, event, move_failed, overrun, started};
pub use reply::{Refusal, granted, move_refusal, refused, relay_refusal};
pub use request::{COMMANDS, Question, Relay, Replug, Request, is_name};
pub use status::{Nic, nic_status, status};
pub use time::rfc3339;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

/// A path as a string, or, if it is not UTF-8, as its bytes.
fn path(path: &Path) -> Value {
    match path.to_str() {
        Some(text) => json!(text),
        None => json!({ "bytes": path.as_os_str().as_bytes() }),
    }
}

/// A time in seconds, to the millisecond.
fn seconds(time: std::time::Duration) -> Value {
    let rounded = (time.as_secs_f64() * 1000.0).round() / 1000.0;
    json!(rounded)
}
