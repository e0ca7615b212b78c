//! The networks that a command line asks for: which plugs to make, and what joins them to NICs.
//!
//! Reading needs no QEMU version, so that the handshakes with the switches can run while QEMU is
//! asked for it. [`Network::rewrite`] does the rest once the version is known.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::informational::informational;
use crate::joined::{NicAt, may_reach_into_nics};
use crate::keyval::{Entry, KeyVal, Rules};
use crate::mac::Mac;
use crate::net_option::{NetKind, NetOption, Notation};
use crate::note::{Note, Why};
use crate::plug::PlugSpec;
use crate::readconfig::Config;
use crate::{ArgError, ArgErrorKind, CommandLine, Invocation, OptionItem, Options, Spot, Style};

/// The networks of an [`Invocation`].
///
/// ```
/// use vde_args::{Command, Network, QemuVersion, parse};
/// let argv = ["vdeq", "qemu", "-net", "nic", "-net", "vde,sock=/tmp/my.ctl"].map(Into::into);
/// let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
/// let network = Network::read(&run)?;
/// assert_eq!(network.plugs()[0].sock.as_deref(), Some("/tmp/my.ctl".as_ref()));
/// let rewritten = network.rewrite(QemuVersion::new(7, 2, 0), &[7])?;
/// assert_eq!(rewritten.args, ["-net", "nic", "-net", "socket,fd=7"]);
/// # Ok::<(), vde_args::ArgError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network<'a> {
    pub(crate) line: CommandLine<'a>,
    /// What the line says of networks.
    pub(crate) options: Vec<NetOption<'a>>,
    /// What the configuration files say that the line names and that could be read.
    pub(crate) config: Vec<NetOption<'a>>,
    /// Whether a configuration file that the line names could not be read.
    pub(crate) has_unread_file: bool,
    /// Whether a file that could be read may give NICs an address or a backend by `[global]`.
    pub(crate) file_reaches_into_nics: bool,
    pub(crate) additions: Vec<Addition>,
    /// The program to start, if options that it has lost are to be replaced.
    pub(crate) modernize: Option<OsString>,
    /// Whether the guest is to be told of its links, which a hub would keep from it.
    pub(crate) link_state: bool,
    pub(crate) plugs: Vec<PlugSpec>,
    /// The addresses that NICs are given because they have none.
    pub(crate) given: BTreeMap<NicAt, Mac>,
    pub(crate) notes: Vec<Note>,
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

impl<'a> Network<'a> {
    /// Reads the networks of an invocation. What a `-readconfig` file says is not known here:
    /// see [`Network::read_with`].
    ///
    /// # Errors
    ///
    /// A parameter of a VDE network is unknown, or its value is not what it takes. The arguments
    /// of other networks are QEMU's to judge.
    pub fn read(invocation: &Invocation<'a>) -> Result<Self, ArgError> {
        Self::read_with(invocation, |_| None)
    }

    /// The same, with a way to the content of the files that `-readconfig` names. A file that it
    /// has no content of may hold networks of any kind.
    ///
    /// # Errors
    ///
    /// Also if such a file names a VDE network: the file is not ours to change.
    ///
    /// ```
    /// use vde_args::{Command, Network, Note, parse};
    /// let argv = ["vdeqemu", "-readconfig", "vm.cfg"].map(Into::into);
    /// let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
    /// let file = b"[netdev \"n0\"]\n  type = \"vde\"\n";
    /// let error = Network::read_with(&run, |_| Some(file.to_vec())).unwrap_err();
    /// assert!(error.to_string().contains("-netdev vde,id=n0"));
    /// ```
    pub fn read_with(
        invocation: &Invocation<'a>,
        content: impl FnMut(&OsStr) -> Option<Vec<u8>>,
    ) -> Result<Self, ArgError> {
        let line = invocation.line.clone();
        let options = line.options().filter(may_matter);
        let options = options.filter_map(|option| NetOption::read(&option)).collect();
        let mut network = Self {
            line,
            options,
            config: Vec::new(),
            has_unread_file: false,
            file_reaches_into_nics: false,
            additions: Vec::new(),
            modernize: invocation.options.modernize.then(|| invocation.program.clone()),
            link_state: invocation.options.link_state,
            plugs: Vec::new(),
            given: BTreeMap::new(),
            notes: Vec::new(),
        };
        let unread = network.read_config(content)?;
        network.has_unread_file = unread.is_some();
        network.read_named()?;
        network.read_socks(&invocation.options, invocation.style);
        if network.plugs.is_empty() {
            network.read_nothing_named(invocation.program_index, unread);
        }
        network.note_oddities();
        network.add_missing_nics();
        network.address_nics(invocation.options.auto_mac.as_ref())?;
        Ok(network)
    }

    /// Gives NICs an address of their own where that is asked for, and tells of one that has none.
    /// `everywhere` is where it is asked for all of them.
    fn address_nics(&mut self, everywhere: Option<&Spot>) -> Result<(), ArgError> {
        if self.plugs.is_empty() {
            return Ok(());
        }
        let somewhere = self.plugs.iter().find(|plug| plug.auto_mac);
        let asked = everywhere.or_else(|| somewhere.and_then(|plug| plug.parts.mac.as_ref()));
        let vm = vm_name(&self.line);
        if let (Some(Spot { index, span }), None) = (asked, &vm) {
            let text = self.line.word(*index).unwrap_or_default();
            return Err(ArgError::at(ArgErrorKind::NeedsName, *index, text, span.clone()));
        }
        let is_wanted = |plug: &PlugSpec| everywhere.is_some() || plug.auto_mac;
        let note = self.give_macs(&vm.unwrap_or_default(), is_wanted);
        self.notes.extend(note);
        Ok(())
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

    /// Reads the sections about networks of all files; the first option whose file has no content.
    fn read_config(
        &mut self,
        mut content: impl FnMut(&OsStr) -> Option<Vec<u8>>,
    ) -> Result<Option<usize>, ArgError> {
        let mut unread = None;
        for option in self.line.options().filter(|option| option.name == "readconfig") {
            let Some(path) = option.value else { continue };
            let Some(content) = content(path) else {
                unread = unread.or(Some(option.subject()));
                continue;
            };
            for section in Config::parse(&content).sections() {
                self.file_reaches_into_nics |=
                    section.group() == b"global" && may_reach_into_nics(&section.as_list());
                let Some(kind) = NetKind::of_option(section.group()) else { continue };
                let list = section.as_list();
                let network = NetOption::of_section(kind, option.word, list.clone());
                if network.is_vde() {
                    let instead = [b"-", section.group(), b" ", &list].concat();
                    let instead = OsStr::from_bytes(&instead).to_owned();
                    let kind = ArgErrorKind::VdeInFile { line: section.line(), instead };
                    return Err(ArgError::at(kind, option.subject(), path, 0..path.len()));
                }
                self.config.push(network);
            }
        }
        Ok(unread)
    }

    /// Finds the VDE networks that the line names.
    fn read_named(&mut self) -> Result<(), ArgError> {
        for option in &mut self.options {
            if let Notation::Broken(text, error) = &option.notation {
                // Who else it is for will hear of it from QEMU.
                if text.windows(5).any(|window| window == b"\"vde\"") {
                    return Err(broken_json(option.index(), text, error));
                }
            }
            if option.is_vde() {
                if let Notation::Json(object) = &option.notation {
                    if let Some(error) = object.repeated() {
                        return Err(broken_json(option.index(), object.text(), &error));
                    }
                }
                let spec = PlugSpec::of_option(option)?;
                option.plug = Some(self.plugs.len());
                self.plugs.push(spec);
            }
        }
        self.check_set()?;
        self.check_ids()?;
        let all = self.options.iter().chain(&self.config);
        let referred: BTreeSet<_> = all.filter_map(NetOption::netdev).collect();
        let netdevs =
            self.options.iter().filter(|o| o.plug.is_some() && o.kind() == NetKind::Netdev);
        let without = netdevs.filter_map(|option| {
            let id = option.get(b"id").unwrap_or_default();
            let id_text = OsStr::from_bytes(&id).to_owned();
            (!referred.contains(&id)).then(|| Note::NoDevice { index: option.index(), id: id_text })
        });
        let without: Vec<_> = without.collect();
        self.notes.extend(without);
        Ok(())
    }

    /// Adds the plugs of `-sock`: all on vlan 0, or in the old style one for each NIC. A lone plug
    /// that nothing else on vlan 0 could talk to gets its NIC directly.
    fn read_socks(&mut self, options: &Options, style: Style) {
        let socks = &options.socks;
        let is_lone = socks.len() == 1 && !self.hubs(|_| true).contains(&0);
        for sock in socks {
            let plug = self.plugs.len();
            self.plugs.push(PlugSpec::of_sock(sock));
            let what = match style {
                Style::Current if !is_lone => Added::Joined(plug, 0),
                _ => Added::Direct(plug),
            };
            self.add(what, sock.spot.index, Why::Sock);
        }
    }

    /// Adds the default plug to a line that asks for no plug, unless it has another network or
    /// needs none. `unread` is a file that may have one.
    fn read_nothing_named(&mut self, program_index: usize, unread: Option<usize>) {
        if let Some((index, text)) = informational(&self.line) {
            self.notes.push(Note::Informational { index, text });
            return;
        }
        if let Some(index) = self.other_backend() {
            let text = self.line.word(index).unwrap_or_default().to_owned();
            self.notes.push(Note::OtherBackend { index, text });
            return;
        }
        if let Some(index) = unread {
            let text = self.line.word(index).unwrap_or_default().to_owned();
            self.notes.push(Note::UnreadFile { index, text });
            return;
        }
        self.plugs.push(PlugSpec::default());
        self.notes.push(Note::DefaultSwitch);
        // The hub of the first NIC, or of the first dump, which wants to see the frames.
        let on_hubs = || {
            let all = self.options.iter().chain(&self.config);
            all.filter(|option| option.kind() == NetKind::Net && option.hub().is_some())
        };
        let first = on_hubs().find(|option| option.is_nic()).or_else(|| on_hubs().next());
        let what = match first.and_then(NetOption::hub) {
            Some(hub) => Added::Joined(0, hub),
            None => Added::Direct(0),
        };
        self.add(what, program_index, Why::NothingNamed);
    }

    /// The first argument that names a network backend that is not VDE.
    fn other_backend(&self) -> Option<usize> {
        let of_files = || self.config.iter().find(|o| o.is_backend()).map(NetOption::index);
        let old = |name: &[u8], has_value| match name {
            // The backends of QEMU 0.7.
            b"user-net" | b"dummy-net" => true,
            b"tun-fd" => has_value,
            _ => false,
        };
        let named = self.options.iter().find(|o| o.is_backend()).map(NetOption::index);
        let old = self.line.options().find(|o| old(o.name.as_bytes(), o.value.is_some()));
        let first = [named, old.map(|option| option.word)].into_iter().flatten().min();
        first.or_else(of_files)
    }

    /// Adds a NIC to every hub that has a plug and no NIC.
    fn add_missing_nics(&mut self) {
        let named = self.options.iter().filter(|option| option.plug.is_some());
        let named = named.filter_map(|option| Some((option.hub()?, option.index())));
        let added = self.joined().map(|(_, hub, index)| (hub, index));
        let plugged: Vec<(u32, usize)> = named.chain(added).collect();
        let has_nics = self.options.iter().any(|o| o.kind() == NetKind::Net && o.is_nic());
        let mut seen = self.hubs(|option| option.is_nic());
        for (hub, index) in plugged {
            if seen.insert(hub) {
                self.notes.push(match has_nics {
                    true => Note::NicElsewhere { vlan: hub },
                    false => Note::NicAdded { vlan: Some(hub) },
                });
                self.additions.push(Addition { what: Added::Nic(hub), index, why: Why::NoNic });
            }
        }
    }

    /// Adds a plug.
    fn add(&mut self, what: Added, index: usize, why: Why) {
        if matches!(what, Added::Direct(_)) {
            self.notes.push(Note::NicAdded { vlan: None });
        }
        self.additions.push(Addition { what, index, why });
    }

    /// The added plugs that are on a hub: the plug, the hub, and the argument that gave rise to it.
    pub(crate) fn joined(&self) -> impl Iterator<Item = (usize, u32, usize)> {
        self.additions.iter().filter_map(|addition| match addition.what {
            Added::Joined(plug, hub) => Some((plug, hub, addition.index)),
            _ => None,
        })
    }

    /// The hubs that have a client of some sort.
    pub(crate) fn hubs(&self, is_sort: impl Fn(&NetOption<'_>) -> bool) -> BTreeSet<u32> {
        let all = self.options.iter().chain(&self.config);
        all.filter(|option| is_sort(option)).filter_map(NetOption::hub).collect()
    }
}

/// What `-name` calls the VM: `guest=`, or what stands first without a key; of several the last. Not if it
/// is empty.
fn vm_name(line: &CommandLine<'_>) -> Option<Vec<u8>> {
    let named = line.options().rev().filter(|option| option.name == "name");
    let mut names = named.filter_map(|option| {
        let list = KeyVal::parse(option.value?.as_bytes(), Rules::Qemu);
        let is_it = |entry: &&Entry| entry.key.is_none() || list.key(entry) == b"guest";
        let entry = list.entries().iter().rev().find(is_it)?;
        list.value(entry).map(Cow::into_owned)
    });
    names.next().filter(|name| !name.is_empty())
}

/// Whether an option may say anything of networks: most devices do not, and long lines are made of
/// devices.
fn may_matter(option: &OptionItem<'_>) -> bool {
    let Some(value) = option.value.filter(|_| option.name == "device") else { return true };
    // In JSON letters may be escaped.
    let value = value.as_bytes();
    value.starts_with(b"{") || value.windows(4).any(|window| matches!(window, b"netd" | b"vlan"))
}

fn broken_json(index: usize, text: &[u8], error: &crate::json::JsonError) -> ArgError {
    let end = text.len();
    // One character, though it may be of several bytes.
    let rest = text.get(error.at..).unwrap_or_default();
    let first = rest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    let span = error.at.min(end)..(error.at + first.map_or(1, char::len_utf8)).min(end);
    let kind = ArgErrorKind::BadJson { error: *error };
    ArgError::at(kind, index, OsStr::from_bytes(text), span)
}
