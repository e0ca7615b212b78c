//! What `port/print` and `port/allprint` say, as values.
//!
//! ```text
//! Port 0001 untagged_vlan=0000 ACTIVE - Unnamed Allocatable
//!  Current User: root Access Control: (User: NONE - Group: NONE)
//!  IN:  pkts          1          bytes                   60
//!  OUT: pkts          1          bytes                   60
//!   -- endpoint ID 0003 module unix prog   : vdeq: user=root pid=4242
//! ```

/// One port of a switch, as its management console shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortInfo {
    /// The port's number; 0 is the management port.
    pub number: u32,
    /// The VLAN that its clients' untagged frames belong to; `None` where the switch does not say.
    pub untagged_vlan: Option<u32>,
    /// Whether the port takes part in switching: it has an endpoint.
    pub active: bool,
    /// Who holds the port: a login name or a number; `None` when the switch says `NONE`.
    pub user: Option<String>,
    /// Frames that came in from the port's clients; `None` if the switch counts none.
    pub packets_in: Option<u64>,
    /// Frames that went out to the port's clients.
    pub packets_out: Option<u64>,
    /// The connected clients, newest first.
    pub endpoints: Vec<Endpoint>,
}

/// One client of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What `port/epclose PORT ID` takes: the switch's descriptor of the connection.
    pub id: u32,
    /// What the client said about itself; empty until the switch has stored it, which is just after
    /// its reply.
    pub description: String,
}

/// Reads the data of a `port/print` or `port/allprint` answer.
///
/// # Errors
///
/// The first line that does not look as it should.
pub fn parse_ports(data: &str) -> Result<Vec<PortInfo>, String> {
    let mut ports: Vec<PortInfo> = Vec::new();
    for line in data.lines() {
        if let Some(rest) = line.strip_prefix("Port ") {
            ports.push(parse_port(rest).ok_or(line)?);
            continue;
        }
        let port = ports.last_mut().ok_or(line)?;
        if let Some(rest) = line.strip_prefix(" Current User: ") {
            let (user, _) = rest.split_once(" Access Control:").ok_or(line)?;
            port.user = (user != "NONE").then(|| user.to_owned());
        } else if let Some(rest) = line.strip_prefix(" IN: ") {
            port.packets_in = Some(parse_packets(rest).ok_or(line)?);
        } else if let Some(rest) = line.strip_prefix(" OUT: ") {
            port.packets_out = Some(parse_packets(rest).ok_or(line)?);
        } else if let Some(rest) = line.strip_prefix("  -- endpoint ID ") {
            port.endpoints.push(parse_endpoint(rest).ok_or(line)?);
        } else if !line.trim_start().starts_with("unsent packets:") {
            return Err(line.to_owned());
        }
    }
    Ok(ports)
}

/// `0001 untagged_vlan=0000 ACTIVE - Unnamed Allocatable`
fn parse_port(text: &str) -> Option<PortInfo> {
    let mut words = text.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let untagged_vlan = words.next()?.strip_prefix("untagged_vlan=").and_then(|n| n.parse().ok());
    let active = match words.next()? {
        "ACTIVE" => true,
        "INACTIVE" => false,
        _ => return None,
    };
    let (user, packets_in, packets_out) = (None, None, None);
    let endpoints = Vec::new();
    Some(PortInfo { number, untagged_vlan, active, user, packets_in, packets_out, endpoints })
}

/// ` pkts          1          bytes                   60`
fn parse_packets(text: &str) -> Option<u64> {
    let mut words = text.split_whitespace();
    (words.next()? == "pkts").then_some(())?;
    words.next()?.parse().ok()
}

/// `0003 module unix prog   : vdeq: user=root pid=4242`
fn parse_endpoint(text: &str) -> Option<Endpoint> {
    let (head, said) = text.split_once(": ").or_else(|| text.split_once(':'))?;
    let id = head.split_whitespace().next()?.parse().ok()?;
    let description = if said == "no endpoint description" { "" } else { said };
    Some(Endpoint { id, description: description.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_port_is_read() {
        let data = concat!(
            "Port 0001 untagged_vlan=0000 ACTIVE - Unnamed Allocatable\n",
            " Current User: root Access Control: (User: NONE - Group: NONE)\n",
            " IN:  pkts          7          bytes                   60\n",
            " OUT: pkts         12          bytes                  600\n",
            "  -- endpoint ID 0009 module unix prog   : vdeq: user=root pid=4242\n",
            "  -- endpoint ID 0003 module unix prog   : other: with: colons\n",
        );
        let expected = PortInfo {
            number: 1,
            untagged_vlan: Some(0),
            active: true,
            user: Some("root".to_owned()),
            packets_in: Some(7),
            packets_out: Some(12),
            endpoints: vec![
                Endpoint { id: 9, description: "vdeq: user=root pid=4242".to_owned() },
                Endpoint { id: 3, description: "other: with: colons".to_owned() },
            ],
        };
        assert_eq!(parse_ports(data), Ok(vec![expected]));
    }

    #[test]
    fn ports_without_users_counters_or_endpoints_are_ports_too() {
        let data = concat!(
            "Port 0002 untagged_vlan=0000 INACTIVE - NOT Unnamed Allocatable\n",
            " Current User: NONE Access Control: (User: NONE - Group: NONE)\n",
            "Port 0031 untagged_vlan=0010 ACTIVE - Unnamed Allocatable\n",
            " Current User: 1000 Access Control: (User: NONE - Group: NONE)\n",
            "  -- endpoint ID 0010 module tuntap       : no endpoint description\n",
            "              unsent packets: 0 max 0\n",
        );
        let ports = parse_ports(data).unwrap();
        assert_eq!((ports[0].number, ports[0].active, &ports[0].user), (2, false, &None));
        assert_eq!((ports[1].number, ports[1].user.as_deref()), (31, Some("1000")));
        assert_eq!(ports[1].endpoints, [Endpoint { id: 10, description: String::new() }]);
        assert_eq!(ports[1].packets_in, None);
    }

    #[test]
    fn a_line_of_another_kind_is_pointed_out() {
        for data in ["Numports=8\n", "Port x\n", "Port 1 untagged_vlan=0000 ASLEEP\n"] {
            assert_eq!(parse_ports(data), Err(data.trim_end().to_owned()));
        }
    }

    #[test]
    fn no_ports_are_no_ports() {
        assert_eq!(parse_ports(""), Ok(Vec::new()));
    }
}
