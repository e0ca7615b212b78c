//! What happens to the networks of a running VM, in words.

use vde_exec::supervisor::{Event, Trouble};
use vde_exec::vde_proto::{PlugError, PortRequest};
use vde_exec::{Errno, Report};

/// The event as a sentence; `None` if there is nothing to say of it.
pub(super) fn sentence(event: &Event, report: &Report<'_>) -> Option<String> {
    let switch =
        |nic: usize| report.switch_of(nic).map(|dir| dir.display().to_string()).unwrap_or_default();
    Some(match event {
        Event::Lost { nic, why, retrying } => {
            let what = match why {
                Trouble::Chatter => "talks where it should be silent, so we hung up on it",
                _ => "closed it, or ended",
            };
            let next = match retrying {
                true => "plugging in again as soon as it is back",
                false => "the virtual machine runs on without it",
            };
            format!("network {nic} is lost: the switch {} {what}; {next}", switch(*nic))
        }
        Event::Failing { nic, why } if why.is_absence() => {
            format!("network {nic}: waiting for the switch {} ({why})", switch(*nic))
        }
        Event::Failing { nic, why } => match port_asked_for(*nic, report) {
            // Another port may be on another VLAN: it is this one or none.
            Some(port) if is_refusal(why) => format!(
                "network {nic}: port {port} of {} is not to be had ({why}): it may be beyond the last \
                 one, or in use by another user; asking for it again",
                switch(*nic)
            ),
            _ => format!("network {nic}: {}: {why}; trying again", switch(*nic)),
        },
        Event::Plugged { nic, port, outage, moved, .. } => {
            let place = match port {
                Some(port) => format!("port {port} of {}", switch(*nic)),
                None => switch(*nic),
            };
            match moved {
                true => format!("network {nic} is plugged into {place} now"),
                false => {
                    format!("network {nic} is back on {place}, after {:.1} s", outage.as_secs_f64())
                }
            }
        }
        Event::RelayFailed { nic } => format!(
            "the relay of network {nic} failed, which is a fault of vdeq; the network goes on without it"
        ),
        Event::CaptureFailed { nic, errno } => {
            format!(
                "network {nic} is not captured any more: {} (what is in the file by now stays)",
                Errno::from_raw(*errno).desc()
            )
        }
        Event::GaveUp { nic, why } => {
            format!("network {nic} is given up ({why}); the virtual machine runs on without it")
        }
        Event::SignalRefused(signal) => {
            format!("signal {signal} was not passed on: the virtual machine runs as another user")
        }
        _ => return None,
    })
}

fn port_asked_for(nic: usize, report: &Report<'_>) -> Option<u32> {
    match report.nics().nth(nic)?.1.asked {
        PortRequest::Number(port) => Some(port.get()),
        _ => None,
    }
}

fn is_refusal(error: &PlugError) -> bool {
    matches!(error, PlugError::Refused | PlugError::NoAnswer { .. })
}
