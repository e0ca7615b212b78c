//! What a running QEMU calls the backends that the rewrite spells: where `set_link` finds them.

use crate::network::Network;
use crate::note::Why;
use crate::{CommandLine, Dialect, Placeholders, QemuVersion};

impl Network<'_> {
    /// For each of [`Network::plugs`], the name under which the QMP command `set_link` of a QEMU of
    /// `version` reaches the backend that [`Network::rewrite`] spells for it: its id.
    ///
    /// `None` of a backend that is spelt without id: the name that QEMU makes up for it
    /// (`#net000` or `__org.qemu.net0`) is another on every start. Of a QEMU older than 4.0 no
    /// name is known to work.
    ///
    /// A NIC hears of it only if it is joined to the backend directly: a hub passes frames on, and no
    /// news of links.
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
                let fd =
                    option.get(b"fd").and_then(|fd| std::str::from_utf8(&fd).ok()?.parse().ok());
                let id = option.get(b"id").filter(|id| !id.is_empty());
                let id = id.and_then(|id| String::from_utf8(id.into_owned()).ok());
                if let Some(name) = fd.and_then(|fd: usize| names.get_mut(fd)) {
                    *name = id;
                }
            }
        }
        names
    }
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
