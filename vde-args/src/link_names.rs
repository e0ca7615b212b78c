//! What a running QEMU calls the backends that the rewrite spells: where `set_link` finds them, and
//! which of them a hub keeps from the guest; and a monitor to say it through.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;

use crate::joined::is_port;
use crate::net_option::{NetKind, NetOption};
use crate::network::Network;
use crate::note::Why;
use crate::{CommandLine, Dialect, Placeholders, QemuVersion};

impl Network<'_> {
    /// For each of [`Network::plugs`], the name under which the QMP command `set_link` of a QEMU of
    /// `version` reaches the backend that [`Network::rewrite`] spells for it: its id.
    ///
    /// `None` of a backend that is spelt without id: the name that QEMU makes up for it
    /// (`#net000` or `__org.qemu.net0`) is another on every start. (With `--link-state` every backend
    /// that has a NIC to itself is spelt with one.) Of a QEMU older than 4.0 no name is known to work.
    ///
    /// A NIC hears of it only if it is joined to the backend directly: see [`Network::on_hubs`].
    ///
    /// ```
    /// use vde_args::{Command, Network, QemuVersion, parse};
    /// let argv = ["vdeqemu", "-nic", "vde,id=lan", "-nic", "vde,sock=/run/b"].map(Into::into);
    /// let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
    /// let names = Network::read(&run)?.link_names(QemuVersion::new(7, 2, 0));
    /// assert_eq!(names, [Some("lan".to_owned()), None]);
    /// # Ok::<(), vde_args::ArgError>(())
    /// ```
    #[must_use]
    pub fn link_names(&self, version: QemuVersion) -> Vec<Option<String>> {
        let mut names = vec![None; self.plugs.len()];
        if Dialect::of(version) != Dialect::Socket {
            return names;
        }
        // Any descriptors do: they say in the rewritten words which plug it is.
        let fds: Vec<i32> = (0..).take(names.len()).collect();
        let Ok(rewritten) = self.rewrite(version, &fds) else { return names };
        for change in rewritten.changes.iter().filter(|change| spells_plugs(change.why)) {
            for option in CommandLine::parse(&change.after).networks() {
                let id = option.get(b"id").filter(|id| !id.is_empty());
                let id = id.and_then(|id| String::from_utf8(id.into_owned()).ok());
                if let Some(name) = plug_of(&option).and_then(|plug| names.get_mut(plug)) {
                    *name = id;
                }
            }
        }
        names
    }

    /// For each of [`Network::plugs`], whether a QEMU of `version` has it on a hub, which passes frames
    /// on and no news of links.
    #[must_use]
    pub fn on_hubs(&self, version: QemuVersion) -> Vec<bool> {
        let fds: Vec<i32> = (0..).take(self.plugs.len()).collect();
        let mut on_hubs = vec![false; fds.len()];
        let Ok(rewritten) = self.rewrite(version, &fds) else { return on_hubs };
        let line = CommandLine::parse(&rewritten.args);
        let options: Vec<NetOption<'_>> = line.networks().collect();
        let all = options.iter().chain(&self.config);
        let ports: BTreeSet<_> =
            all.filter(|option| is_port(option)).filter_map(NetOption::netdev).collect();
        for change in rewritten.changes.iter().filter(|change| spells_plugs(change.why)) {
            for option in CommandLine::parse(&change.after).networks() {
                let is_on_hub = match option.kind() {
                    NetKind::Net => true,
                    _ => option.get(b"id").is_some_and(|id| ports.contains(&id)),
                };
                if let Some(entry) = plug_of(&option).and_then(|plug| on_hubs.get_mut(plug)) {
                    *entry = is_on_hub;
                }
            }
        }
        on_hubs
    }

    /// What a `-readconfig` file has to say so that QEMU 4.0 or newer has one monitor more, for
    /// programs, on the connected stream socket `fd`.
    ///
    /// In a file, because options (`-mon`, `-qmp`) would take the monitor away that QEMU has
    /// where none is named.
    ///
    /// ```
    /// use vde_args::{Command, Network, parse};
    /// let argv = ["vdeqemu", "--link-state"].map(Into::into);
    /// let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
    /// let file = String::from_utf8(Network::read(&run)?.monitor_file(103)).unwrap();
    /// assert!(file.starts_with("[chardev \"vdeq-qmp\"]\n"), "{file}");
    /// # Ok::<(), vde_args::ArgError>(())
    /// ```
    #[must_use]
    pub fn monitor_file(&self, fd: i32) -> Vec<u8> {
        let is_taken = |id: &str| {
            let text = |word: &[u8]| word.windows(id.len()).any(|part| part == id.as_bytes());
            self.line.words().any(|word| text(word.as_bytes()))
        };
        let mut id = MONITOR.to_owned();
        // No line has so many words.
        for number in 1..=u16::MAX {
            if !is_taken(&id) {
                break;
            }
            id = format!("{MONITOR}{number}");
        }
        let chardev = format!("[chardev \"{id}\"]\n  backend = \"socket\"\n  fd = \"{fd}\"\n");
        let monitor = format!("[mon \"{id}\"]\n  chardev = \"{id}\"\n  mode = \"control\"\n");
        (chardev + &monitor).into_bytes()
    }
}

/// What the monitor and its socket are called.
const MONITOR: &str = "vdeq-qmp";

/// The plug whose number a network has for its descriptor.
fn plug_of(option: &NetOption<'_>) -> Option<usize> {
    std::str::from_utf8(&option.get(b"fd")?).ok()?.parse().ok()
}

impl Placeholders<'_> {
    /// For each of [`Placeholders::plugs`] none: the program is no QEMU.
    #[must_use]
    pub fn link_names(&self, _version: QemuVersion) -> Vec<Option<String>> {
        vec![None; self.plugs().len()]
    }
}

/// Whether the words that a change brought are of a plug. Others may have descriptors of the user's.
fn spells_plugs(why: Why) -> bool {
    matches!(why, Why::Vde | Why::Sock | Why::NothingNamed)
}
