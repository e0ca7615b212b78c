//! What the management console of a switch says, where it is found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use vde_exec::{Connection, ConsoleClient, PortInfo, parse_ports};

use super::finding::{Finding, Topic};
use crate::quote;

/// Longest time for all that one switch is asked. What is no console says nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// Most sockets that are tried: a process can listen on any number, and each costs a wait.
const MOST: usize = 4;

/// Most ports that are named one by one.
const MOST_ALONE: usize = 3;

/// What a switch says of itself.
pub(super) struct Console {
    path: PathBuf,
    ports: u32,
    hub: bool,
    used: Vec<PortInfo>,
    /// The active ports of each VLAN, tagged or not.
    vlans: BTreeMap<u32, Vec<u32>>,
}

/// Asks the switch of this plug, on whichever of its sockets is a console.
pub(super) fn ask(connection: &Connection) -> Option<Console> {
    let (user, deadline) = (connection.user()?, Instant::now() + PATIENCE);
    let paths = connection.consoles().into_iter().take(MOST);
    paths.into_iter().find_map(|path| ask_at(path, user, deadline).ok().flatten())
}

fn ask_at(path: PathBuf, user: u32, deadline: Instant) -> std::io::Result<Option<Console>> {
    let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let mut client = ConsoleClient::connect(&path, user, left())?;
    let mut answer = |command| {
        client.set_patience(left());
        Ok::<_, std::io::Error>(client.command(command)?.unwrap_or_default())
    };
    let info = answer("port/showinfo")?;
    let used = parse_ports(&answer("port/print")?).unwrap_or_default();
    let vlans = parse_vlans(&answer("vlan/print")?);
    let field = |key: &str| info.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let ports: Option<u32> = field("Numports=").and_then(|number| number.parse().ok());
    let hub = field("HUB=") == Some("true");
    Ok(ports.map(|ports| Console { path, ports, hub, used, vlans }))
}

/// ```text
/// VLAN 0003
///  -- Port 0005 tagged=0 active=1 status=Forwarding
/// ```
fn parse_vlans(text: &str) -> BTreeMap<u32, Vec<u32>> {
    let mut vlans: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut vlan = None;
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("VLAN ") {
            vlan = number.trim().parse().ok();
        } else if let (Some(vlan), Some(rest)) = (vlan, line.trim_start().strip_prefix("-- Port "))
        {
            let port = rest.split_whitespace().next();
            let port = port.and_then(|port| port.parse::<u32>().ok());
            if rest.contains("active=1") {
                vlans.entry(vlan).or_default().extend(port);
            }
        }
    }
    vlans
}

impl Console {
    /// Behind what is said of a switch that answers.
    pub(super) fn in_words(&self) -> String {
        let kind = if self.hub { " of a hub" } else { "" };
        format!("; {} of {} ports{kind} in use, counting this one", self.used.len(), self.ports)
    }

    /// What keeps machines from hearing each other. `own` is the port that we were given.
    pub(super) fn trouble(&self, own: Option<u32>) -> Vec<Finding> {
        let path = quote::shell(self.path.as_os_str());
        let note = |says: String, command: String| {
            Finding::note(Topic::Switch, says)
                .by(format!("unixcmd -f /etc/vde2/vdecmd -s {path} {command}"))
        };
        let mut findings = Vec::new();
        if self.hub {
            let says = "it is a hub: every machine sees all frames of all others";
            findings.push(note(says.to_owned(), "port/sethub 0".to_owned()));
        }
        // A vde_switch gives all of them but one [P-6.9].
        let used = self.used.len();
        if used > 1 && used + 1 >= usize::try_from(self.ports).unwrap_or(usize::MAX) {
            let says = "it has hardly a free port left".to_owned();
            findings.push(note(says, format!("port/setnumports {}", self.ports.saturating_mul(2))));
        }
        let mut alone = Vec::new();
        for port in self.used.iter().filter(|port| port.number <= self.ports) {
            let Some(vlan) = port.untagged_vlan.filter(|vlan| *vlan != 0) else { continue };
            let number = port.number;
            if own == Some(number) {
                let says = format!(
                    "port {number}, which a new machine gets, is in VLAN {vlan}: it does not hear those of VLAN 0"
                );
                findings.push(note(says, format!("port/setvlan {number} 0")));
            } else if self.vlans.get(&vlan).is_none_or(|ports| ports.iter().all(|p| *p == number)) {
                alone.push((number, vlan));
            }
        }
        for (number, vlan) in alone.iter().take(MOST_ALONE) {
            let says =
                format!("port {number} is alone in VLAN {vlan}: who is on it reaches nobody");
            findings.push(note(says, format!("port/setvlan {number} 0")));
        }
        if let Some(more) = alone.len().checked_sub(MOST_ALONE + 1) {
            let says = format!("and so are {} more ports in theirs", more + 1);
            findings.push(note(says, "vlan/print".to_owned()));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(ports: u32, print: &str, vlans: &str) -> Console {
        let used = parse_ports(print).unwrap();
        let vlans = parse_vlans(vlans);
        Console { path: "/run/m".into(), ports, hub: false, used, vlans }
    }

    fn said(console: &Console, own: u32) -> String {
        console.trouble(Some(own)).iter().map(Finding::lines).collect()
    }

    const TWO: &str = "Port 0001 untagged_vlan=0000 ACTIVE - Unnamed Allocatable\n\
                       Port 0002 untagged_vlan=0003 ACTIVE - Unnamed Allocatable\n";

    #[test]
    fn a_port_that_is_alone_in_its_vlan_is_told_and_one_that_is_not_alone_is_not() {
        let alone = console(
            32,
            TWO,
            "VLAN 0000\n -- Port 0001 tagged=0 active=1 status=Forwarding\n\
             VLAN 0003\n -- Port 0002 tagged=0 active=1 status=Forwarding\n",
        );
        let text = said(&alone, 1);
        assert!(text.contains("port 2 is alone in VLAN 3"), "{text}");
        assert!(
            text.contains("-> unixcmd -f /etc/vde2/vdecmd -s /run/m port/setvlan 2 0"),
            "{text}"
        );
        let trunk = console(
            32,
            TWO,
            "VLAN 0003\n -- Port 0002 tagged=0 active=1 status=Forwarding\n \
             -- Port 0001 tagged=1 active=1 status=Forwarding\n",
        );
        assert_eq!(said(&trunk, 1), "");
        let text = said(&trunk, 2);
        assert!(text.contains("port 2, which a new machine gets, is in VLAN 3"), "{text}");
    }

    #[test]
    fn of_many_that_are_alone_some_are_named_and_ports_that_cannot_be_are_not() {
        let line =
            |n: u32| format!("Port {n:04} untagged_vlan={n:04} ACTIVE - Unnamed Allocatable\n");
        let many = console(32, &(1..=20).chain([33, 4000]).map(line).collect::<String>(), "");
        let text = said(&many, 0);
        assert_eq!(text.matches("is alone in VLAN").count(), MOST_ALONE, "{text}");
        assert!(text.contains("and so are 17 more ports"), "{text}");
    }

    #[test]
    fn a_hub_and_a_full_switch_are_told() {
        let mut full = console(2, TWO.replace("0003", "0000").as_str(), "");
        assert!(said(&full, 2).contains("hardly a free port left"));
        assert!(said(&full, 2).contains("port/setnumports 4"));
        full.hub = true;
        assert!(said(&full, 2).contains("port/sethub 0"));
        assert_eq!(full.in_words(), "; 2 of 2 ports of a hub in use, counting this one");
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        assert_eq!(
            parse_vlans(" -- Port 1 active=1\nVLAN x\n -- Port 2 active=1\n"),
            BTreeMap::new()
        );
        assert_eq!(parse_vlans("VLAN 1\n -- Port x active=1\n"), [(1, vec![])].into());
    }
}
