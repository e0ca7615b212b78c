//! Two clients of a switch with one hardware address.

use std::fmt;

use vde_proto::switch::{Duplicate, PortStatus, Switch};

/// An address that frames come from on two ports in turn: each of the two loses what the other gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collision {
    /// The address, and on which ports.
    pub duplicate: Duplicate,
    /// What the clients on these ports said about themselves, made fit to be shown.
    pub clients: [String; 2],
}

impl Collision {
    /// What `switch` has found since the last time.
    pub(super) fn take(switch: &mut Switch) -> Option<Self> {
        let duplicate = switch.take_duplicate()?;
        let clients = duplicate.ports.map(|number| {
            let port = switch.ports().find(|port| port.number == number);
            port.map(|port| descriptions(&port)).unwrap_or_default()
        });
        Some(Self { duplicate, clients })
    }
}

fn descriptions(port: &PortStatus<'_>) -> String {
    let each = port.endpoints.iter().map(|endpoint| endpoint.description.sanitised().to_string());
    each.collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Duplicate { mac, vlan, ports: [one, other], .. } = self.duplicate;
        let [first, second] = &self.clients;
        write!(f, "the address {mac} comes from port {one} ({first}) and port {other} ({second})")?;
        if vlan != 0 {
            write!(f, " in VLAN {vlan}")?;
        }
        f.write_str(" in turn: two machines have it and do not hear each other (--mac=auto), or there is a loop")
    }
}
