//! vdeq's own options: what one is, and how a word is recognised as one.

mod table;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::nearest::nearest;
use crate::{ArgError, ArgErrorKind, OptionSpec};
pub use table::OWN_OPTIONS;

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
    /// A paragraph for a manual. What is to be typed as it stands is between backticks.
    pub about: &'static str,
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
    /// `--doctor`
    Doctor,
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
    /// `--mac`
    Mac,
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
        matches!(
            self.id,
            OwnId::Modernize | OwnId::QemuVersion | OwnId::Sock | OwnId::LinkState | OwnId::Mac
        )
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
fn nearest_spelling(word: &OsStr) -> Option<&'static str> {
    let word = word.as_bytes();
    let name = word.split(|&b| b == b'=').next().unwrap_or(word);
    nearest(name, OWN_OPTIONS.iter().flat_map(|option| option.spellings.iter().copied()))
}

/// Checks that these words are own options that any command line can begin with, and nothing else: no
/// program, no QEMU option, nothing that ends vdeq's own options.
///
/// # Errors
/// The first word that is not, or an option whose argument is missing.
///
/// ```
/// use vde_args::own_options;
/// assert!(own_options(&["--wait", "--timeout", "10"].map(Into::into)).is_ok());
/// assert!(own_options(&["--timeout"].map(Into::into)).is_err());
/// assert!(own_options(&["-v", "qemu"].map(Into::into)).is_err());
/// ```
pub fn own_options(words: &[OsString]) -> Result<(), ArgError> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let can_be = |own: &Own| own.option.place != Place::Front && own.option.id != OwnId::End;
        let own = Own::read(word);
        if own.is_some_and(|own| !can_be(&own)) {
            return Err(ArgError::at(ArgErrorKind::NotForAll, at, word, 0..word.len()));
        }
        let own = own.ok_or_else(|| unknown(at, word))?;
        if let (OwnValue::Required(expected), None) = (own.option.value, own.inline) {
            at += 1;
            if words.get(at).is_none() {
                return Err(ArgError::after(ArgErrorKind::MissingValue { expected }, at - 1, word));
            }
        }
        at += 1;
    }
    Ok(())
}

/// The error for a word with a dash, before the program name, that is not ours.
pub(crate) fn unknown(index: usize, word: &OsStr) -> ArgError {
    let bytes = word.as_bytes();
    let name = bytes.strip_prefix(b"--").or_else(|| bytes.strip_prefix(b"-")).unwrap_or(bytes);
    let kind = if OptionSpec::find(name).is_some() {
        ArgErrorKind::OptionBeforeProgram
    } else {
        ArgErrorKind::UnknownOption { nearest: nearest_spelling(word) }
    };
    ArgError::at(kind, index, word, 0..word.len())
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
