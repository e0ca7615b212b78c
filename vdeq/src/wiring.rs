//! What the arguments ask for, whether the program is a QEMU or any other.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;

use vde_args::{
    ArgError, Invocation, Network, Note, OptionItem, Placeholders, PlugSpec, QemuVersion, Rewritten,
};

use crate::voice::Voice;

/// The longest configuration file that is read.
const LONGEST: u64 = 1 << 20;

/// The networks of a command line.
#[derive(Debug)]
pub(crate) enum Wiring<'a> {
    Qemu(Network<'a>),
    Other(Placeholders<'a>),
}

impl<'a> Wiring<'a> {
    pub(crate) fn read(invocation: &Invocation<'a>) -> Result<Self, ArgError> {
        if invocation.options.fd_placeholder {
            return Placeholders::read(invocation).map(Self::Other);
        }
        Network::read_with(invocation, content).map(Self::Qemu)
    }

    pub(crate) fn plugs(&self) -> &[PlugSpec] {
        match self {
            Self::Qemu(network) => network.plugs(),
            Self::Other(placeholders) => placeholders.plugs(),
        }
    }

    /// Whether the program is a QEMU that is told to go on in the background.
    pub(crate) fn daemonizes(&self, invocation: &Invocation<'_>) -> bool {
        let asks = |option: OptionItem<'_>| option.name == "daemonize";
        matches!(self, Self::Qemu(_))
            && !invocation.options.exec
            && invocation.line.options().any(asks)
    }

    /// The guest's address on each plug, where it is known.
    pub(crate) fn macs(&self) -> Vec<Option<[u8; 6]>> {
        match self {
            Self::Qemu(network) => network.macs(),
            Self::Other(placeholders) => placeholders.macs(),
        }
    }

    pub(crate) fn notes(&self) -> &[Note] {
        match self {
            Self::Qemu(network) => network.notes(),
            Self::Other(placeholders) => placeholders.notes(),
        }
    }

    /// Says that a NIC has no address, which matters where there is a network.
    pub(crate) fn tell_addresses(&self, voice: Voice) {
        let is_it = |note: &&Note| matches!(note, Note::NoAddress { .. });
        self.notes().iter().filter(is_it).for_each(|note| voice.say(note));
    }

    /// Says what else there is to say of the arguments.
    pub(crate) fn tell_notes(&self, voice: Voice) {
        for note in self.notes() {
            match note {
                Note::NoAddress { .. } => {}
                Note::DefaultSwitch | Note::Informational { .. } | Note::NicAdded { .. } => {
                    voice.detail(note);
                }
                // Not what was asked for, perhaps.
                _ => voice.say(note),
            }
        }
    }

    /// What to say of options that a QEMU of `version` has lost, and that stay as they are.
    pub(crate) fn lost(&self, invocation: &Invocation<'_>, version: QemuVersion) -> Option<String> {
        if matches!(self, Self::Other(_)) || invocation.options.modernize {
            return None;
        }
        let name = |option: OptionItem<'_>| format!("-{}", option.name.to_string_lossy());
        let mut names: Vec<_> = invocation.line.obsolete(version).map(name).collect();
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        (!names.is_empty()).then(|| {
            format!("QEMU {version} has lost {}: --modernize translates that", names.join(", "))
        })
    }

    /// The arguments for the program, a QEMU of `version` if it is one.
    pub(crate) fn rewrite(&self, version: QemuVersion, fds: &[i32]) -> Result<Rewritten, ArgError> {
        match self {
            Self::Qemu(network) => network.rewrite(version, fds),
            Self::Other(placeholders) => placeholders.rewrite(fds),
        }
    }
}

/// What a configuration file says. Only of a regular file: whatever else it is (a pipe, a terminal)
/// is QEMU's to read, and can be read once.
fn content(path: &OsStr) -> Option<Vec<u8>> {
    let is_file = std::fs::metadata(path).ok()?.is_file();
    let file = is_file.then(|| File::open(path).ok()).flatten()?;
    let mut content = Vec::new();
    file.take(LONGEST).read_to_end(&mut content).ok()?;
    Some(content)
}
