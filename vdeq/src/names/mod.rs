//! Named switches: what `sock=NAME` means, by the user's `switches.toml` and the system's.
//!
//! A name is a word without a slash. The user's file is looked at first, then the system's; each is read
//! when a name is looked up and not before, so that a mistake in it is nobody's trouble who names
//! switches by their paths.

mod entry;
mod excerpt;

use std::io;
use std::path::{Path, PathBuf};

use vde_exec::{Environment, read_config};
use vdeq_protocol::is_name;

pub(crate) use entry::Named;
pub(crate) use excerpt::Mistake;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The files in which names are looked up.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// The first counts.
    files: Vec<PathBuf>,
    /// What `~/` in them stands for.
    home: Option<PathBuf>,
}

/// Why a name could not be looked up.
#[derive(Debug)]
pub(crate) enum NamesError {
    /// What the file says makes no sense.
    Mistake(Box<Mistake>),
    /// The file is there, and cannot be read.
    Unreadable { path: PathBuf, error: io::Error },
}

impl Names {
    pub(crate) fn of(environment: &Environment) -> Self {
        let files = environment.config_dirs().into_iter().map(|dir| dir.join("switches.toml"));
        Self { files: files.collect(), home: environment.home.clone() }
    }

    /// What names are looked up in.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The switch of this name; `None` if no file has it, or if it is a path.
    ///
    /// # Errors
    /// A file that had to be looked at makes no sense, or cannot be read.
    pub(crate) fn find(&self, name: &[u8]) -> Result<Option<Named>, NamesError> {
        if !is_name(name) {
            return Ok(None);
        }
        for file in &self.files {
            let found = self.read(file)?.into_iter().find(|named| named.name.as_bytes() == name);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Every name, in the order of the files; one that the user's file has is not in the system's.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub(crate) fn all(&self) -> Result<Vec<Named>, NamesError> {
        let mut all: Vec<Named> = Vec::new();
        for file in &self.files {
            for named in self.read(file)? {
                if all.iter().all(|known| known.name != named.name) {
                    all.push(named);
                }
            }
        }
        Ok(all)
    }

    fn read(&self, path: &Path) -> Result<Vec<Named>, NamesError> {
        let unreadable = |error| NamesError::Unreadable { path: path.to_owned(), error };
        let Some(text) = read_config(path, LONGEST).map_err(unreadable)? else {
            return Ok(Vec::new());
        };
        entry::read(&text, path, self.home.as_deref()).map_err(|(what, span)| {
            NamesError::Mistake(Box::new(Mistake::new(path, &text, what, span)))
        })
    }
}

impl std::fmt::Display for NamesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mistake(mistake) => mistake.fmt(f),
            Self::Unreadable { path, error } => {
                write!(f, "cannot read {}: {error}", path.display())
            }
        }
    }
}

impl NamesError {
    /// Whether it is the user's own mistake, and nothing that others have done.
    pub(crate) fn is_users(&self, names: &Names) -> bool {
        match self {
            Self::Mistake(mistake) => {
                names.files.len() > 1
                    && names.files.first().is_some_and(|file| file == mistake.path())
            }
            Self::Unreadable { .. } => false,
        }
    }

    /// The line that it is about, with carets, if it is about one.
    pub(crate) fn excerpt(&self) -> Option<String> {
        match self {
            Self::Mistake(mistake) => Some(mistake.excerpt()),
            Self::Unreadable { .. } => None,
        }
    }

    /// What to do.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Mistake(_) => {
                "a switch is [NAME] and, below it, path = \"/DIR\", mode = \"0660\" and so on, texts in quotes; \
                 see vdeq(1), FILES"
                    .to_owned()
            }
            Self::Unreadable { path, .. } => {
                let path = crate::quote::shell(path.as_os_str());
                format!("make {path} a file of yours that you can read, or name the switch by its path")
            }
        }
    }
}

#[cfg(test)]
mod tests;
