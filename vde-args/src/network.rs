//! The networks that a command line asks for: which plugs to make, and what joins them to NICs.
//!
//! Reading needs no QEMU version, so that the handshakes with the switches can run while QEMU is
//! asked for it. [`Network::rewrite`] does the rest once the version is known.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use crate::client::{Client, Kind};
use crate::error::Quoted;
use crate::informational::informational;
use crate::plug::PlugSpec;
use crate::{ArgError, CommandLine, Invocation, Style};

/// The networks of an [`Invocation`].
///
/// ```
/// use vde_args::{Command, Dialect, Network, parse};
/// let argv = ["vdeq", "qemu", "-net", "nic", "-net", "vde,sock=/tmp/my.ctl"].map(Into::into);
/// let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
/// let network = Network::read(&run)?;
/// assert_eq!(network.plugs()[0].sock.as_deref(), Some("/tmp/my.ctl".as_ref()));
/// let rewritten = network.rewrite(Dialect::Socket, &[7])?;
/// assert_eq!(rewritten.args, ["-net", "nic", "-net", "socket,fd=7"]);
/// # Ok::<(), vde_args::ArgError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    pub(crate) line: CommandLine,
    pub(crate) clients: Vec<Client>,
    pub(crate) additions: Vec<Addition>,
    plugs: Vec<PlugSpec>,
    notes: Vec<Note>,
}

/// Something the line needs besides what it names, whatever the spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addition {
    pub(crate) what: Added,
    /// The argument that gave rise to it.
    pub(crate) index: usize,
    pub(crate) why: Why,
}

/// What is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// A NIC with this plug to itself, without a hub where QEMU can do that.
    Direct(usize),
    /// This plug on this hub.
    Joined(usize, u32),
    /// A NIC on this hub.
    Nic(u32),
}

/// Why an argument was changed or added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// The argument names a VDE network.
    Vde,
    /// The argument uses `vlan=`, which this QEMU no longer has.
    VlanGone,
    /// The argument is a name of a `-sock` list.
    Sock,
    /// No network is named.
    NothingNamed,
    /// A plug has no NIC.
    NoNic,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vde => "it names a VDE network",
            Self::VlanGone => "this QEMU has hub ports in place of vlan=",
            Self::Sock => "-sock asks for this switch",
            Self::NothingNamed => "no network is named",
            Self::NoNic => "a VDE network without a NIC is of no use",
        })
    }
}

/// Something worth telling the user that is not wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// No network is named, so the default switch was taken.
    DefaultSwitch,
    /// No VDE network is named but another backend is, so nothing was added.
    OtherBackend {
        /// The argument that names it.
        index: usize,
        /// Its text.
        text: OsString,
    },
    /// QEMU will only print something and exit, so nothing was added.
    Informational {
        /// The argument that makes it so.
        index: usize,
        /// Its text.
        text: OsString,
    },
    /// A NIC was added, because a VDE network had none.
    NicAdded {
        /// The vlan (hub) it was added to; `None` if it has a plug to itself.
        vlan: Option<u32>,
    },
    /// A `-netdev vde` that nothing on the line refers to. A device may be plugged in later, so
    /// nothing was added.
    NoDevice {
        /// The argument.
        index: usize,
        /// Its id.
        id: OsString,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultSwitch => f.write_str("no network is named: joining the default switch"),
            Self::OtherBackend { text, .. } => {
                write!(f, "{} settles the network: no VDE network was added", Quoted(text))
            }
            Self::Informational { text, .. } => {
                write!(f, "{} only asks QEMU for information: no network was added", Quoted(text))
            }
            Self::NicAdded { vlan: None } => f.write_str("a NIC was added for the VDE network"),
            Self::NicAdded { vlan: Some(vlan) } => {
                write!(f, "a NIC was added on vlan {vlan}, where the VDE network had none")
            }
            Self::NoDevice { id, .. } => {
                write!(f, "no device refers to the VDE network with the id {}", Quoted(id))
            }
        }
    }
}

impl Network {
    /// Reads the networks of an invocation.
    ///
    /// # Errors
    ///
    /// A parameter of a VDE network is unknown, or its value is not what it takes. The arguments
    /// of other networks are QEMU's to judge.
    pub fn read(invocation: &Invocation) -> Result<Self, ArgError> {
        let line = invocation.line.clone();
        let clients = Client::all(&line);
        let mut network =
            Self { line, clients, additions: Vec::new(), plugs: Vec::new(), notes: Vec::new() };
        network.read_named()?;
        network.read_socks(invocation);
        if network.plugs.is_empty() {
            network.read_nothing_named(invocation);
        }
        network.add_missing_nics();
        Ok(network)
    }

    /// The plugs to make, in the order in which [`Network::rewrite`] wants their descriptors.
    #[must_use]
    pub fn plugs(&self) -> &[PlugSpec] {
        &self.plugs
    }

    /// What there is to tell the user.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Finds the VDE networks that the line names.
    fn read_named(&mut self) -> Result<(), ArgError> {
        for client in &mut self.clients {
            if client.is_vde() {
                let spec = PlugSpec::of_client(client, &self.line)?;
                client.plug = Some(self.plugs.len());
                self.plugs.push(spec);
            }
        }
        for client in &self.clients {
            let id = client.list.first(b"id").unwrap_or_default();
            let is_netdev = client.plug.is_some() && client.kind == Kind::Netdev;
            if is_netdev && !self.clients.iter().any(|other| other.refers_to(&id)) {
                let id = std::ffi::OsStr::from_bytes(&id).to_owned();
                let index = self.line.origin(client.value);
                self.notes.push(Note::NoDevice { index, id });
            }
        }
        Ok(())
    }

    /// Adds the plugs of `-sock`: all on vlan 0, or in the old style one for each NIC. A lone plug
    /// that nothing else on vlan 0 could talk to gets its NIC directly.
    fn read_socks(&mut self, invocation: &Invocation) {
        let socks = &invocation.options.socks;
        let is_lone = socks.len() == 1 && !self.hubs(|_| true).contains(&0);
        for sock in socks {
            let plug = self.plugs.len();
            self.plugs.push(PlugSpec::of_sock(sock));
            let what = match invocation.style {
                Style::Current if !is_lone => Added::Joined(plug, 0),
                _ => Added::Direct(plug),
            };
            self.add(what, sock.origin.0, Why::Sock);
        }
    }

    /// Adds the default plug to a line that asks for no plug, unless it has another network or
    /// needs none.
    fn read_nothing_named(&mut self, invocation: &Invocation) {
        if let Some((index, text)) = informational(&self.line) {
            self.notes.push(Note::Informational { index, text });
            return;
        }
        if let Some((index, text)) = other_backend(&self.line, &self.clients) {
            self.notes.push(Note::OtherBackend { index, text });
            return;
        }
        self.plugs.push(PlugSpec::default_switch());
        self.notes.push(Note::DefaultSwitch);
        let mut nics = self.clients.iter().filter(|c| c.kind == Kind::Net && c.is_nic());
        let what = match nics.find_map(Client::hub) {
            Some(hub) => Added::Joined(0, hub),
            None => Added::Direct(0),
        };
        self.add(what, invocation.program_index, Why::NothingNamed);
    }

    /// Adds a NIC to every hub that has a plug and no NIC.
    fn add_missing_nics(&mut self) {
        let with_nic = self.hubs(Client::is_nic);
        let named = self.clients.iter().filter(|client| client.plug.is_some());
        let named = named.filter_map(|c| c.hub().map(|hub| (hub, self.line.origin(c.value))));
        let added = self.additions.iter().filter_map(|addition| match addition.what {
            Added::Joined(_, hub) => Some((hub, addition.index)),
            _ => None,
        });
        let mut seen = with_nic;
        let plugged: Vec<(u32, usize)> = named.chain(added).collect();
        for (hub, index) in plugged {
            if seen.insert(hub) {
                self.add(Added::Nic(hub), index, Why::NoNic);
            }
        }
    }

    fn add(&mut self, what: Added, index: usize, why: Why) {
        match what {
            Added::Direct(_) => self.notes.push(Note::NicAdded { vlan: None }),
            Added::Nic(hub) => self.notes.push(Note::NicAdded { vlan: Some(hub) }),
            Added::Joined(..) => {}
        }
        self.additions.push(Addition { what, index, why });
    }

    /// The hubs that have a client of some sort.
    pub(crate) fn hubs(&self, is_sort: impl Fn(&Client) -> bool) -> BTreeSet<u32> {
        self.clients.iter().filter(|client| is_sort(client)).filter_map(Client::hub).collect()
    }
}

/// The first argument that names a network backend: where in argv it is, and its text.
fn other_backend(line: &CommandLine, clients: &[Client]) -> Option<(usize, OsString)> {
    line.options().find_map(|option| {
        let client = clients.iter().find(|client| client.word == option.word);
        let word = match (client, option.name.as_bytes(), option.value) {
            (Some(client), _, _) if client.is_backend() => client.value,
            // The backends of QEMU 0.7.
            (_, b"user-net" | b"dummy-net", _) | (_, b"tun-fd", Some(_)) => option.word,
            // A file can hold networks of any kind, and what it holds is not read here.
            (_, b"readconfig", Some((word, _))) => word,
            _ => return None,
        };
        Some((line.origin(word), line.words().get(word)?.clone()))
    })
}
