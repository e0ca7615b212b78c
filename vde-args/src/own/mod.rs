//! vdeq's own options: one table for the parser, and for whoever writes a help text.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::nearest::nearest;

/// One of vdeq's own options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnOption {
    /// Which it is.
    pub id: OwnId,
    /// Every way to write it, dashes included, the preferred one first.
    pub spellings: &'static [&'static str],
    /// What its argument is, if it takes one.
    pub value: OwnValue,
    /// Where it is recognised.
    pub place: Place,
    /// One line for a help text.
    pub help: &'static str,
}

/// Whether an [`OwnOption`] takes an argument, and what a help text calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OwnValue {
    /// It takes none.
    None,
    /// The next word, or what stands behind `=` of a spelling with two dashes.
    Required(&'static str),
    /// Only what stands behind `=`, if anything does.
    Optional(&'static str),
}

/// The identity of an [`OwnOption`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OwnId {
    /// `-h`
    Help,
    /// `--version`
    Version,
    /// `-v`
    Verbose,
    /// `--exec`
    Exec,
    /// `--dry-run`
    DryRun,
    /// `--explain`
    Explain,
    /// `--modernize`
    Modernize,
    /// `--fd-placeholder`
    FdPlaceholder,
    /// `--qemu-version`
    QemuVersion,
    /// `--timeout`
    Timeout,
    /// `--reconnect`
    Reconnect,
    /// `--wait`
    Wait,
    /// `--control`
    Control,
    /// `--events`
    Events,
    /// `--ready-fd`
    ReadyFd,
    /// `--link-state`
    LinkState,
    /// `--relay`
    Relay,
    /// `--switch`
    Switch,
    /// `--ports`
    Ports,
    /// `--hub`
    Hub,
    /// `--group`
    Group,
    /// `--mgmt`
    Management,
    /// `--mod`
    Mode,
    /// `-sock`
    Sock,
    /// `--`
    End,
}

/// Where on the command line an own option is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// Before the program name; on a link (`vdeqemu`), where there is no such room, only `--help`, `-h`
    /// and `--version` as the very first word.
    Front,
    /// Before the program name, and directly after it.
    Lead,
    /// Wherever an option can stand, until `--`.
    Anywhere,
}

impl OwnOption {
    /// Whether it means something to a QEMU only.
    pub(crate) fn is_for_qemu(&self) -> bool {
        matches!(self.id, OwnId::Modernize | OwnId::QemuVersion | OwnId::Sock | OwnId::LinkState)
    }

    /// Whether it means something to the switch of `--switch` only.
    pub(crate) fn is_for_switch(&self) -> bool {
        matches!(self.id, OwnId::Ports | OwnId::Hub | OwnId::Group | OwnId::Management)
    }

    /// Whether it means something only where a program is started.
    pub(crate) fn is_for_program(&self) -> bool {
        let is_plain = matches!(
            self.id,
            OwnId::Verbose | OwnId::DryRun | OwnId::Explain | OwnId::ReadyFd | OwnId::Mode
        );
        !(is_plain || self.id == OwnId::Switch || self.id == OwnId::End || self.is_for_switch())
    }
}

/// The table.
pub const OWN_OPTIONS: &[OwnOption] = &[
    OwnOption {
        id: OwnId::Help,
        spellings: &["--help", "-h", "-help"],
        value: OwnValue::None,
        place: Place::Front,
        help: "say how vdeq is used",
    },
    OwnOption {
        id: OwnId::Version,
        spellings: &["--version", "-version"],
        value: OwnValue::None,
        place: Place::Front,
        help: "say which vdeq this is",
    },
    OwnOption {
        id: OwnId::Verbose,
        spellings: &["-v", "--verbose"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "say what is done",
    },
    OwnOption {
        id: OwnId::Exec,
        spellings: &["--exec"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "become QEMU instead of watching over it",
    },
    OwnOption {
        id: OwnId::DryRun,
        spellings: &["--dry-run"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "print the command that would run",
    },
    OwnOption {
        id: OwnId::Explain,
        spellings: &["--explain"],
        value: OwnValue::Optional("text|json"),
        place: Place::Lead,
        help: "print what becomes of each argument, and why",
    },
    OwnOption {
        id: OwnId::Modernize,
        spellings: &["--modernize"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "replace options that this QEMU has lost, too",
    },
    OwnOption {
        id: OwnId::FdPlaceholder,
        spellings: &["--fd-placeholder"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "start any program: {vde:SWITCH} becomes a descriptor",
    },
    OwnOption {
        id: OwnId::QemuVersion,
        spellings: &["--qemu-version"],
        value: OwnValue::Required("X.Y[.Z]"),
        place: Place::Lead,
        help: "do not ask QEMU for its version",
    },
    OwnOption {
        id: OwnId::Timeout,
        spellings: &["--timeout"],
        value: OwnValue::Required("SECONDS"),
        place: Place::Lead,
        help: "give a switch this long to answer",
    },
    OwnOption {
        id: OwnId::Reconnect,
        spellings: &["--reconnect"],
        value: OwnValue::Required("on|off|SECONDS"),
        place: Place::Lead,
        help: "whether, or how long, to try to plug in again",
    },
    OwnOption {
        id: OwnId::Wait,
        spellings: &["--wait"],
        value: OwnValue::Optional("SECONDS"),
        place: Place::Lead,
        help: "wait for a switch that is not there yet",
    },
    OwnOption {
        id: OwnId::Control,
        spellings: &["--control"],
        value: OwnValue::Required("PATH"),
        place: Place::Lead,
        help: "answer questions and orders on this socket",
    },
    OwnOption {
        id: OwnId::Events,
        spellings: &["--events"],
        value: OwnValue::Required("FD|PATH"),
        place: Place::Lead,
        help: "tell what happens, as lines of JSON",
    },
    OwnOption {
        id: OwnId::ReadyFd,
        spellings: &["--ready-fd"],
        value: OwnValue::Required("FD"),
        place: Place::Lead,
        help: "say on this descriptor that the VM has its network",
    },
    OwnOption {
        id: OwnId::LinkState,
        spellings: &["--link-state"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "tell the guest when its network goes and comes",
    },
    OwnOption {
        id: OwnId::Relay,
        spellings: &["--relay"],
        value: OwnValue::Required("FEATURES"),
        place: Place::Lead,
        help: "capture, count or impair frames, such as pcap=FILE or loss=1%",
    },
    OwnOption {
        id: OwnId::Switch,
        spellings: &["--switch"],
        value: OwnValue::Optional("DIR"),
        place: Place::Lead,
        help: "serve a switch there; without a program, nothing else",
    },
    OwnOption {
        id: OwnId::Ports,
        spellings: &["--ports"],
        value: OwnValue::Required("N"),
        place: Place::Lead,
        help: "how many ports that switch has",
    },
    OwnOption {
        id: OwnId::Hub,
        spellings: &["--hub"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "it is a hub: every frame goes to every port",
    },
    OwnOption {
        id: OwnId::Group,
        spellings: &["--group"],
        value: OwnValue::Required("NAME|GID"),
        place: Place::Lead,
        help: "the group that its sockets belong to",
    },
    OwnOption {
        id: OwnId::Management,
        spellings: &["--mgmt"],
        value: OwnValue::Required("PATH"),
        place: Place::Lead,
        help: "answer its management console on this socket",
    },
    // As vde_switch has it. Behind a program's name, and on a link, it is QEMU's machine.
    OwnOption {
        id: OwnId::Management,
        spellings: &["-M"],
        value: OwnValue::Required("PATH"),
        place: Place::Front,
        help: "the same as --mgmt",
    },
    OwnOption {
        id: OwnId::Mode,
        spellings: &["--mod", "-mod", "--mode", "-mode"],
        value: OwnValue::Required("OCTAL"),
        place: Place::Anywhere,
        help: "file mode of the data sockets, and of the sockets of --switch",
    },
    OwnOption {
        id: OwnId::Sock,
        spellings: &["-sock", "--sock", "-vdesock", "--vdesock", "-unix", "--unix"],
        value: OwnValue::Required("PATH[,PATH...]"),
        place: Place::Anywhere,
        help: "join these switches (old syntax)",
    },
    OwnOption {
        id: OwnId::End,
        spellings: &["--"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "what follows is not for vdeq",
    },
];

/// A word that is an own option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) option: &'static OwnOption,
    /// Where in the word the value of `--option=value` starts.
    pub(crate) inline: Option<usize>,
    /// How often: `-vv` is `-v` twice.
    pub(crate) times: u8,
}

impl Own {
    /// Recognises a word, whole or up to the `=` of a long option.
    pub(crate) fn read(word: &OsStr) -> Option<Self> {
        let word = word.as_bytes();
        if let Some(option) = find(word) {
            return Some(Self { option, inline: None, times: 1 });
        }
        if let Some(letters) =
            word.strip_prefix(b"-").filter(|l| !l.is_empty() && l.iter().all(|&b| b == b'v'))
        {
            let times = u8::try_from(letters.len()).unwrap_or(u8::MAX);
            return find(b"-v").map(|option| Self { option, inline: None, times });
        }
        let equals = word.iter().position(|&b| b == b'=')?;
        let option = word.get(..equals).filter(|w| w.starts_with(b"--")).and_then(find)?;
        (option.id != OwnId::End).then_some(Self { option, inline: Some(equals + 1), times: 1 })
    }
}

fn find(word: &[u8]) -> Option<&'static OwnOption> {
    OWN_OPTIONS.iter().find(|option| option.spellings.iter().any(|s| s.as_bytes() == word))
}

/// The spelling that was probably meant by a word that is none.
pub(crate) fn nearest_spelling(word: &OsStr) -> Option<&'static str> {
    let word = word.as_bytes();
    let name = word.split(|&b| b == b'=').next().unwrap_or(word);
    nearest(name, OWN_OPTIONS.iter().flat_map(|option| option.spellings.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(word: &str) -> Option<(OwnId, Option<usize>, u8)> {
        Own::read(OsStr::new(word)).map(|own| (own.option.id, own.inline, own.times))
    }

    #[test]
    fn every_spelling_is_recognised_as_its_own_option() {
        for option in OWN_OPTIONS {
            for spelling in option.spellings {
                assert_eq!(id(spelling), Some((option.id, None, 1)), "{spelling}");
            }
        }
    }

    #[test]
    fn long_options_take_their_value_after_an_equals_sign_too() {
        assert_eq!(id("--mod=600"), Some((OwnId::Mode, Some(6), 1)));
        assert_eq!(id("--exec="), Some((OwnId::Exec, Some(7), 1)));
        assert_eq!(id("-mod=600"), None);
        assert_eq!(id("--="), None);
    }

    #[test]
    fn the_letter_v_repeats_and_nothing_else_does() {
        assert_eq!(id("-vvv"), Some((OwnId::Verbose, None, 3)));
        assert_eq!(id(&format!("-{}", "v".repeat(1000))), Some((OwnId::Verbose, None, 255)));
        assert_eq!(id("-vx"), None);
        assert_eq!(id("-"), None);
        assert_eq!(id(""), None);
    }

    #[test]
    fn the_nearest_spelling_is_offered() {
        assert_eq!(nearest_spelling(OsStr::new("--verbos")), Some("--verbose"));
        assert_eq!(nearest_spelling(OsStr::new("-exec")), Some("--exec"));
        assert_eq!(nearest_spelling(OsStr::new("--timout=3")), Some("--timeout"));
        assert_eq!(nearest_spelling(OsStr::new("--reconect=on")), Some("--reconnect"));
        assert_eq!(nearest_spelling(OsStr::new("--frobnicate")), None);
    }
}
