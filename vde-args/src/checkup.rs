//! `--doctor`: what it is to look at.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::own::Own;
use crate::{ArgError, ArgErrorKind, Given, Spot};

/// What `--doctor` is to look at, and how it is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Checkup {
    /// `--doctor=json`: for programs.
    pub json: bool,
    /// The switches that are named, besides those that it looks at anyhow: paths, locators or names.
    pub switches: Vec<Given<OsString>>,
}

impl Checkup {
    /// Reads it behind the option, which is the word at this position in argv: every word that follows is
    /// a switch.
    pub(crate) fn read(argv: &[OsString], at: usize, own: &Own) -> Result<Self, ArgError> {
        let word = |at: usize| argv.get(at).map_or(OsStr::new(""), OsString::as_os_str);
        let text = word(at);
        let json = match own.inline.map(|from| (from, text.as_bytes().get(from..))) {
            None => false,
            Some((_, Some(b"json"))) => true,
            Some((from, _)) => {
                let kind = ArgErrorKind::BadDoctor;
                return Err(ArgError::at(kind, at, text, from..text.len()));
            }
        };
        let mut switches = Vec::new();
        for at in at + 1..argv.len() {
            let text = word(at);
            if text.is_empty() || text.as_bytes().starts_with(b"-") {
                let kind = ArgErrorKind::NoSwitch;
                return Err(ArgError::at(kind, at, text, 0..text.len()));
            }
            switches.push(Given { value: text.to_owned(), spot: Spot::new(at, 0..text.len()) });
        }
        Ok(Self { json, switches })
    }
}
