//! What was wrong with which bytes of which argument.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use crate::RelayError;
use crate::json::JsonError;

/// A command line that cannot be understood, and the place where understanding ended.
///
/// `Display` is one sentence that says what was read and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArgError {
    /// What is wrong.
    pub kind: ArgErrorKind,
    /// Which argument, counted from argv\[0\] = 0.
    pub index: usize,
    /// Which bytes of that argument. Empty, and at its end, where something is missing.
    pub span: Range<usize>,
    /// The bytes of the span, as they were read.
    pub found: OsString,
}

/// The kinds of [`ArgError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgErrorKind {
    /// No program to start is named.
    MissingProgram,
    /// A word with a dash before the program name that is no option of vdeq.
    UnknownOption {
        /// The option that was probably meant.
        nearest: Option<&'static str>,
    },
    /// An option of QEMU before the program name.
    OptionBeforeProgram,
    /// The command line ends where an option's argument should be.
    MissingValue {
        /// What the argument is, such as `OCTAL`.
        expected: &'static str,
    },
    /// `--option=value`, but the option takes no argument.
    UnexpectedValue,
    /// Not one to four octal digits up to 0777.
    BadMode,
    /// Not a number of seconds above zero and up to [`crate::TIMEOUT_MAX`].
    BadTimeout,
    /// Not `X.Y` or `X.Y.Z`.
    BadVersion,
    /// Not `all`.
    BadHelp,
    /// An own option that cannot stand before those of every command line.
    NotForAll,
    /// Not `json`.
    BadDoctor,
    /// Not a switch, behind `--doctor`.
    NoSwitch,
    /// Neither `text` nor `json`.
    BadExplain,
    /// Neither `on` nor `off`, nor a time as for [`ArgErrorKind::BadTimeout`].
    BadReconnect,
    /// `--relay` does not say what the relay is for.
    BadRelay {
        /// What is wrong with it.
        error: RelayError,
    },
    /// An own option that was given an empty word.
    EmptyValue {
        /// What it takes, such as `PATH`.
        expected: &'static str,
    },
    /// `--exec` beside an own option that needs a vdeq that is still there when the VM runs.
    NobodyBeside {
        /// What that vdeq would do.
        to: &'static str,
    },
    /// Not `auto`, where vdeq is to choose hardware addresses.
    BadMac,
    /// Hardware addresses are to follow from the name of a VM that has none.
    NeedsName,
    /// Not a number from 1 to [`crate::SWITCH_PORTS_MAX`].
    BadPorts,
    /// An own option about the switch of `--switch`, without that.
    NeedsSwitch,
    /// An own option about a program that is started, where none is: `--switch` alone.
    NeedsProgram,
    /// Not a decimal number from 0 to `max`.
    BadNumber {
        /// The parameter, such as `port`.
        key: &'static str,
        /// The largest number that makes sense.
        max: u32,
    },
    /// A parameter that a VDE network does not have.
    UnknownParameter {
        /// The parameter that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A parameter without `=value`.
    MissingParameterValue {
        /// The parameter.
        key: &'static str,
    },
    /// A value in JSON that has to be a string.
    NotText {
        /// The parameter.
        key: &'static str,
    },
    /// `-netdev vde` without `id=`, which QEMU insists on.
    MissingId,
    /// Two `-netdev` of one `id=`, one of them VDE.
    RepeatedId,
    /// A VDE network in a configuration file, which is not ours to change.
    VdeInFile {
        /// The line of the file where it begins.
        line: usize,
        /// What to write on the command line in place of it.
        instead: OsString,
    },
    /// A `-set` of a parameter of a VDE network, which has to say all by itself.
    SetOfVde,
    /// A `{vde:` without its `}`.
    OpenPlaceholder,
    /// More fields than a VDE interface of User-mode Linux has.
    TooManyFields,
    /// An own option that means nothing beside another.
    Contradiction {
        /// The other.
        other: &'static str,
    },
    /// An argument that starts like JSON and is none, and names VDE.
    BadJson {
        /// What is wrong with it.
        error: JsonError,
    },
    /// The rewrite got more or fewer descriptors than there are plugs, or a negative one. This is
    /// the caller's fault, not the user's.
    Descriptors {
        /// How many plugs the line asks for.
        plugs: usize,
        /// How many usable descriptors were given.
        given: usize,
    },
}

impl ArgError {
    /// An error about `span` of argument `index`, whose text is `text`.
    pub(crate) fn at(kind: ArgErrorKind, index: usize, text: &OsStr, span: Range<usize>) -> Self {
        let found = OsStr::from_bytes(text.as_bytes().get(span.clone()).unwrap_or_default());
        Self { kind, index, span, found: found.to_owned() }
    }

    /// The section of the manual page vdeq(1) that has the rule.
    ///
    /// ```
    /// let error = vde_args::parse(&["vdeq", "--mod", "9", "qemu"].map(Into::into)).unwrap_err();
    /// assert_eq!(error.manual_section(), "OPTIONS");
    /// ```
    #[must_use]
    pub fn manual_section(&self) -> &'static str {
        match self.kind {
            ArgErrorKind::MissingProgram | ArgErrorKind::OptionBeforeProgram => "SYNOPSIS",
            ArgErrorKind::UnknownOption { .. }
            | ArgErrorKind::MissingValue { .. }
            | ArgErrorKind::UnexpectedValue
            | ArgErrorKind::BadMode
            | ArgErrorKind::BadTimeout
            | ArgErrorKind::BadVersion
            | ArgErrorKind::BadHelp
            | ArgErrorKind::BadDoctor
            | ArgErrorKind::NotForAll
            | ArgErrorKind::NoSwitch
            | ArgErrorKind::BadExplain
            | ArgErrorKind::BadReconnect
            | ArgErrorKind::BadRelay { .. }
            | ArgErrorKind::BadNumber { key: "descriptor", .. }
            | ArgErrorKind::EmptyValue { .. }
            | ArgErrorKind::NobodyBeside { .. }
            | ArgErrorKind::NeedsName
            | ArgErrorKind::BadPorts
            | ArgErrorKind::NeedsSwitch
            | ArgErrorKind::NeedsProgram
            | ArgErrorKind::Contradiction { .. } => "OPTIONS",
            _ => "DESCRIPTION",
        }
    }

    /// An error about something that is missing after argument `index`.
    pub(crate) fn after(kind: ArgErrorKind, index: usize, text: &OsStr) -> Self {
        Self::at(kind, index, text, text.len()..text.len())
    }
}

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Quoted(&self.found);
        match &self.kind {
            ArgErrorKind::MissingProgram => f.write_str("expected the name of a QEMU to start"),
            ArgErrorKind::UnknownOption { nearest } => {
                write!(f, "{found} is not an option of vdeq")?;
                did_you_mean(f, *nearest)
            }
            ArgErrorKind::OptionBeforeProgram => write!(
                f,
                "{found} is an option of QEMU, but stands before the name of the QEMU to start"
            ),
            ArgErrorKind::MissingValue { expected } => {
                write!(f, "the command line ends where {expected} was expected")
            }
            ArgErrorKind::UnexpectedValue => {
                write!(f, "{found} was given to an option that takes no argument")
            }
            ArgErrorKind::BadMode => write!(
                f,
                "{found} is not a file mode: expected one to four octal digits up to 0777"
            ),
            ArgErrorKind::BadTimeout => write!(
                f,
                "{found} is not a time: expected seconds above 0 and up to {}",
                crate::TIMEOUT_MAX.as_secs()
            ),
            ArgErrorKind::BadVersion => {
                write!(f, "{found} is not a QEMU version: expected a number such as 7.2 or 11.1.3")
            }
            ArgErrorKind::NotForAll => {
                write!(f, "{found} is no option for every command line: it stands on one")
            }
            ArgErrorKind::BadDoctor => write!(f, "{found} is no form of a report: expected json"),
            ArgErrorKind::NoSwitch => {
                write!(
                    f,
                    "{found} is no switch: expected directories or names of switches behind --doctor"
                )
            }
            ArgErrorKind::BadHelp => write!(f, "{found} is no sort of help: expected all"),
            ArgErrorKind::BadExplain => {
                write!(f, "{found} is no form of an explanation: expected text or json")
            }
            ArgErrorKind::BadReconnect => write!(
                f,
                "{found} does not say whether to plug in again: expected on, off, \
                 or seconds above 0 and up to {}",
                crate::TIMEOUT_MAX.as_secs()
            ),
            ArgErrorKind::BadRelay { error } => error.fmt(f),
            ArgErrorKind::EmptyValue { expected } => {
                write!(f, "an empty word was given where {expected} was expected")
            }
            ArgErrorKind::NobodyBeside { to } => {
                write!(
                    f,
                    "{found} does not go with --exec, which leaves no vdeq beside the VM to {to}"
                )
            }
            ArgErrorKind::BadMac => write!(
                f,
                "{found} is no way to choose addresses: expected auto (an address itself stands \
                 with the NIC)"
            ),
            ArgErrorKind::NeedsName => write!(
                f,
                "{found} derives addresses from the name of the machine: expected -name NAME \
                 among the QEMU options"
            ),
            ArgErrorKind::BadPorts => write!(
                f,
                "{found} is not a number of ports: expected decimal digits, 1 to {}",
                crate::SWITCH_PORTS_MAX
            ),
            ArgErrorKind::NeedsSwitch => {
                write!(f, "{found} is about a switch of vdeq's own: expected --switch beside it")
            }
            ArgErrorKind::NeedsProgram => write!(
                f,
                "{found} is about a virtual machine, and --switch is given without one: \
                 expected the name of a QEMU to start"
            ),
            ArgErrorKind::BadNumber { key, max } => {
                write!(f, "{found} is not a {key} number: expected decimal digits, 0 to {max}")?;
                match (*key, self.found.as_bytes()) {
                    // For QEMU that is octal, and 010 another number.
                    ("vlan", [b'0', _, ..]) => f.write_str(", without leading zeros"),
                    _ => Ok(()),
                }
            }
            ArgErrorKind::UnknownParameter { nearest } => {
                write!(f, "{found} is not a parameter of a VDE network")?;
                did_you_mean(f, *nearest)
            }
            ArgErrorKind::MissingParameterValue { key } => {
                write!(f, "{found} has no value: expected {key}=...")
            }
            ArgErrorKind::NotText { key } => {
                write!(f, "{found} is not a value of {key}: expected a string in quotes")
            }
            ArgErrorKind::RepeatedId => {
                write!(f, "there is a network {found} already: expected another id=")
            }
            ArgErrorKind::MissingId => {
                f.write_str("a -netdev needs a name: expected id=... for a device to refer to")
            }
            ArgErrorKind::VdeInFile { line, instead } => write!(
                f,
                "line {line} of {found} names a VDE network: write {} on the command line instead",
                Quoted(instead)
            ),
            ArgErrorKind::SetOfVde => write!(
                f,
                "{found} is about a VDE network: expected its parameters in its own argument"
            ),
            ArgErrorKind::OpenPlaceholder => {
                write!(f, "{found} does not end: expected a closing brace")
            }
            ArgErrorKind::TooManyFields => write!(
                f,
                "{found} is too much: expected at most \
                 ethN=vde,SWITCH,MAC,PORT,GROUP,MODE,DESCRIPTION"
            ),
            ArgErrorKind::Contradiction { other } => {
                write!(f, "{found} means nothing with {other}")
            }
            ArgErrorKind::BadJson { error } => error.fmt(f),
            ArgErrorKind::Descriptors { plugs, given } => write!(
                f,
                "the command line asks for {plugs} plugs, but {given} descriptors were given"
            ),
        }
    }
}

impl std::error::Error for ArgError {}

fn did_you_mean(f: &mut fmt::Formatter<'_>, nearest: Option<&str>) -> fmt::Result {
    nearest.map_or(Ok(()), |word| write!(f, ": did you mean `{word}`?"))
}

/// Shows bytes in backquotes, one line, harmless to a terminal.
pub(crate) struct Quoted<'a>(pub &'a OsStr);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        for chunk in self.0.as_bytes().utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() {
                    write!(f, "{}", c.escape_default())?
                } else {
                    write!(f, "{c}")?
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_str("`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_holds_the_bytes_it_is_about() {
        let text = OsStr::new("vde,port=abc");
        let kind = ArgErrorKind::BadNumber { key: "port", max: 9 };
        let error = ArgError::at(kind.clone(), 3, text, 9..12);
        assert_eq!(error.found, "abc");
        assert_eq!(
            error.to_string(),
            "`abc` is not a port number: expected decimal digits, 0 to 9"
        );
        let past_the_end = ArgError::at(kind, 3, text, 40..50);
        assert_eq!(past_the_end.found, "");
    }

    #[test]
    fn bytes_that_could_steer_a_terminal_are_shown_as_text() {
        let hostile = OsStr::from_bytes(b"a\x1b[2J\n\xff\xc3\xa9");
        assert_eq!(Quoted(hostile).to_string(), "`a\\u{1b}[2J\\n\\xffé`");
    }
}
