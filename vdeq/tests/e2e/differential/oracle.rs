//! What a QEMU says that is connected: the answer to `info network`, read to the letter.
//!
//! ```text
//! hub 1
//!  \ h1: e1000.0: index=0,type=nic,model=e1000,macaddr=52:54:00:d1:ff:01
//!  \ h2: n0: index=0,type=socket,socket: fd=7 unix
//!  \ h3: h4: index=0,type=hubport,
//!  \ h5
//! filters:
//!   - d: type=filter-dump,file=/dev/null,maxlen=65536,...,netdev=h4,...
//! e1000.1: index=0,type=nic,model=e1000,macaddr=52:54:00:d1:ff:02
//!  \ n1: index=0,type=user,net=10.0.11.0,restrict=off
//! ```
//!
//! Below a hub stand its ports, each with what is at its other end; below a NIC stands its backend;
//! a client without either stands alone. The filters of a client follow it.

use std::collections::BTreeMap;

use super::story::{Domain, UNNAMED};

/// One broadcast domain of a QEMU.
#[derive(Debug, Default)]
pub struct Found {
    pub members: Domain,
    pub has_hub: bool,
}

/// Reads the answer. `plug` says what is behind a descriptor.
///
/// # Errors
/// The line that is not as expected.
pub fn read(text: &str, plug: impl Fn(i32) -> Option<String>) -> Result<Vec<Found>, String> {
    let mut reader = Reader {
        plug,
        domains: Vec::new(),
        is_in_hub: false,
        last: None,
        ports: BTreeMap::new(),
        links: Vec::new(),
    };
    for line in text.lines().filter(|line| !line.is_empty()) {
        reader.line(line).ok_or_else(|| format!("not understood: {line}"))?;
    }
    reader.join()
}

struct Reader<P> {
    plug: P,
    domains: Vec<Found>,
    /// Whether the last domain began with a hub.
    is_in_hub: bool,
    /// The client that stood last, whose filters may follow.
    last: Option<String>,
    /// Which domain each port of a hub is in.
    ports: BTreeMap<String, usize>,
    /// Ports of one domain that have another port at the other end.
    links: Vec<(usize, String)>,
}

impl<P: Fn(i32) -> Option<String>> Reader<P> {
    /// Reads one line; `None` if it is not as expected.
    fn line(&mut self, line: &str) -> Option<()> {
        if let Some(number) = line.strip_prefix("hub ") {
            number.parse::<u32>().ok()?;
            self.domains.push(Found { has_hub: true, ..Found::default() });
            self.is_in_hub = true;
            return Some(());
        }
        if line == "filters:" {
            return self.last.is_some().then_some(());
        }
        if let Some(filter) = line.strip_prefix("  - ") {
            return self.filter(filter);
        }
        match (line.strip_prefix(" \\ "), self.is_in_hub) {
            (Some(port), true) => self.port(port),
            (Some(backend), false) => self.client(backend),
            (None, _) => {
                self.is_in_hub = false;
                self.domains.push(Found::default());
                self.client(line)
            }
        }
    }

    /// `PORT` or `PORT: CLIENT`.
    fn port(&mut self, text: &str) -> Option<()> {
        let (port, client) = match text.split_once(": ") {
            Some((port, client)) => (port, Some(client)),
            None => (text, None),
        };
        let taken = self.ports.insert(port.to_owned(), self.domains.len() - 1);
        self.last = None;
        match (taken, client) {
            (Some(_), _) => None,
            (None, Some(client)) => self.client(client),
            (None, None) => Some(()),
        }
    }

    /// `NAME: index=0,type=TYPE,INFORMATION`.
    fn client(&mut self, text: &str) -> Option<()> {
        let (name, rest) = text.split_once(": index=0,type=")?;
        let (kind, told) = rest.split_once(',')?;
        let member = match kind {
            "nic" => Some(nic(told)?),
            "user" => {
                let net = told.strip_prefix("net=")?.strip_suffix(",restrict=off")?;
                Some(format!("user {net}"))
            }
            "socket" => Some(self.socket(told.strip_prefix("socket: ")?)?),
            "hubport" => {
                self.links.push((self.domains.len() - 1, name.to_owned()));
                told.is_empty().then_some(None)?
            }
            _ => return None,
        };
        self.domains.last_mut()?.members.extend(member);
        self.last = Some(name.to_owned());
        Some(())
    }

    fn socket(&self, told: &str) -> Option<String> {
        if let Some(udp) = told.strip_prefix("udp=") {
            return Some(format!("udp {udp}"));
        }
        (self.plug)(told.strip_prefix("fd=")?.strip_suffix(" unix")?.parse().ok()?)
    }

    /// `ID: type=filter-dump,KEY=VALUE,...` of the client that stood last.
    fn filter(&mut self, text: &str) -> Option<()> {
        let (_, list) = text.split_once(": ")?;
        let items: BTreeMap<_, _> =
            list.split(',').filter_map(|item| item.split_once('=')).collect();
        let is_of_last = self.last.as_deref() == items.get("netdev").copied();
        let is_dump = items.get("type") == Some(&"filter-dump");
        let sees_all = items.get("queue") == Some(&"all") && items.get("status") == Some(&"on");
        let member = format!("dump {} {}", items.get("file")?, items.get("maxlen")?);
        self.domains.last_mut()?.members.push(member);
        (is_of_last && is_dump && sees_all).then_some(())
    }

    /// Makes hubs that are linked one domain, and drops what nobody is in.
    fn join(self) -> Result<Vec<Found>, String> {
        let mut roots: Vec<usize> = (0..self.domains.len()).collect();
        for (domain, name) in &self.links {
            let other = *self.ports.get(name).ok_or_else(|| format!("no port: {name}"))?;
            let (root, gone) = (roots[*domain], roots[other]);
            roots.iter_mut().filter(|it| **it == gone).for_each(|it| *it = root);
        }
        let mut joined: BTreeMap<usize, Found> = BTreeMap::new();
        for (root, found) in roots.into_iter().zip(self.domains) {
            let whole = joined.entry(root).or_default();
            whole.members.extend(found.members);
            whole.has_hub |= found.has_hub;
        }
        let mut all: Vec<_> = joined.into_values().collect();
        all.retain(|found| !found.members.is_empty());
        all.iter_mut().for_each(|found| found.members.sort());
        all.sort_by(|one, other| one.members.cmp(&other.members));
        Ok(all)
    }
}

/// `model=MODEL,macaddr=MAC`.
fn nic(told: &str) -> Option<String> {
    let (_, mac) = told.strip_prefix("model=")?.split_once(",macaddr=")?;
    // The addresses that QEMU gives.
    Some(match mac.starts_with("52:54:00:12:34:") {
        true => UNNAMED.to_owned(),
        false => format!("nic {mac}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<Vec<(Domain, bool)>, String> {
        let all = read(text, |fd| (fd == 7).then(|| "vde /sw".to_owned()))?;
        Ok(all.into_iter().map(|found| (found.members, found.has_hub)).collect())
    }

    #[test]
    fn hubs_that_are_linked_are_one_domain_and_a_nic_and_its_backend_are_another() {
        let text = r"hub 1
 \ h1: n0: index=0,type=socket,socket: fd=7 unix
 \ h2: h3: index=0,type=hubport,
hub 2
 \ h3: h2: index=0,type=hubport,
filters:
  - d: type=filter-dump,file=/f,maxlen=9,status=on,netdev=h2,queue=all
 \ h4
x: index=0,type=nic,model=e1000,macaddr=52:54:00:d1:ff:02
 \ u: index=0,type=user,net=10.0.2.0,restrict=off
y: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56
";
        let domain = |members: &[&str]| members.iter().map(|&member| member.to_owned()).collect();
        let expected = [
            (domain(&["dump /f 9", "vde /sw"]), true),
            (domain(&["nic 52:54:00:d1:ff:02", "user 10.0.2.0"]), false),
            (domain(&["nic ?"]), false),
        ];
        assert_eq!(found(text).unwrap(), expected);
    }

    #[test]
    fn a_line_that_is_not_as_expected_is_said() {
        for text in [
            "hub x",
            " \\ n0: index=0,type=user,net=10.0.2.0,restrict=off",
            "x: index=0,type=frob,model=y",
            "x: index=0,type=socket,socket: fd=8 unix",
            "x: index=0,type=socket,",
            "x: index=1,type=user,net=10.0.2.0,restrict=off",
            "filters:",
            "x: index=0,type=user,net=10.0.2.0,restrict=off\nfilters:\n  - d: type=filter-dump,\
             file=/f,maxlen=9,status=on,netdev=y,queue=all",
            "hub 0\n \\ h1: h9: index=0,type=hubport,",
        ] {
            assert!(found(text).is_err(), "{text}");
        }
    }
}
