//! How the console shows things: the lines that scripts read, to the blank.

use alloc::string::String;
use core::fmt::Write;
use core::time::Duration;

use super::Facts;
use crate::switch::{Learned, PortStatus, Switch};
use crate::wire::harmless_into;

/// The first line is the one that programs look for; the name of ours stands where `vde_switch`
/// has its copyright \[P-14.1\].
pub(super) fn banner(out: &mut String, facts: &Facts<'_>) {
    out.push_str("VDE switch V.2.3.2\n");
    // A dot alone would end a block of data; no other line consists of a text of others.
    harmless_into(out, if facts.program == "." { b"?" } else { facts.program.as_bytes() });
    out.push('\n');
}

/// `showinfo` \[P-14.12\].
pub(super) fn info(out: &mut String, now: Duration, facts: &Facts<'_>) {
    banner(out, facts);
    let uptime = now.saturating_sub(facts.started).as_secs();
    put(out, format_args!("\npid {} MAC {} uptime {uptime}\n", facts.pid, facts.mac));
    if let Some((path, mode)) = facts.mgmt {
        out.push_str("mgmt ");
        harmless_into(out, path);
        put(out, format_args!(" perm {mode:04o}\n"));
    }
}

/// `ds/showinfo` \[P-14.13\].
pub(super) fn data_sockets(out: &mut String, facts: &Facts<'_>) {
    out.push_str("ctl dir ");
    harmless_into(out, facts.ctl_dir);
    put(out, format_args!("\nstd mode {:04o}\n", facts.mode));
}

/// `port/showinfo` \[P-14.14\].
pub(super) fn ports_info(out: &mut String, switch: &Switch) {
    let config = switch.config();
    put(out, format_args!("Numports={}\nHUB={}\ncounters=true\n", config.ports, config.hub));
}

/// One port of `port/print` \[P-14.15\], newest endpoint first.
pub(super) fn port(out: &mut String, facts: &Facts<'_>, port: &PortStatus<'_>) {
    let state = if port.endpoints.is_empty() { "INACTIVE" } else { "ACTIVE" };
    let not = if port.allocatable { "" } else { "NOT " };
    let number = port.number;
    put(
        out,
        format_args!("Port {number:04} untagged_vlan=0000 {state} - {not}Unnamed Allocatable\n"),
    );
    out.push_str(" Current User: ");
    match (port.user, port.user.and_then(facts.user_name)) {
        (None, _) => out.push_str("NONE"),
        (Some(_), Some(name)) => harmless_into(out, name.as_bytes()),
        (Some(number), None) => put(out, format_args!("{number}")),
    }
    out.push_str(" Access Control: (User: NONE - Group: NONE)\n");
    let c = &port.counters;
    for (way, frames, bytes) in
        [("IN: ", c.frames_in, c.bytes_in), ("OUT:", c.frames_out, c.bytes_out)]
    {
        put(out, format_args!(" {way} pkts {frames:10}          bytes {bytes:20}\n"));
    }
    // A line of our own, and only where there is something to say.
    if c.dropped_in > 0 || c.dropped_out > 0 {
        put(out, format_args!(" DROP: in {:11} out {:25}\n", c.dropped_in, c.dropped_out));
    }
    for endpoint in port.endpoints.iter().rev() {
        put(out, format_args!("  -- endpoint ID {:04} module unix prog   : ", endpoint.id.get()));
        harmless_into(out, endpoint.description.as_bytes());
        out.push('\n');
    }
}

/// `hash/showinfo` \[P-14.18\]. Nothing is collected here at intervals: age counts when it is asked
/// for.
pub(super) fn hash_info(out: &mut String, switch: &Switch) {
    let config = switch.config();
    let (expire, persistence) = (config.ageing.as_secs(), config.min_persistence.as_secs());
    put(out, format_args!("Hash size {}\nGC interval 0 secs\n", config.hash_size));
    put(out, format_args!("GC expire {expire} secs\nMin persistence {persistence} secs\n"));
}

/// One address of `hash/print` \[P-14.19\].
pub(super) fn address(out: &mut String, known: &Learned) {
    let Learned { bucket, mac, vlan, port, age, .. } = known;
    let age = age.as_secs();
    put(
        out,
        format_args!(
            "Hash: {bucket:04} Addr: {mac} VLAN {vlan:04} to port: {port:03}  age {age} secs\n"
        ),
    );
}

/// Writing to a `String` cannot fail.
pub(super) fn put(out: &mut String, text: core::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}
