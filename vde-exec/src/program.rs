//! Finds the program that a name means, before anything is plugged in or started.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::environment::Environment;

/// Where distributions without a `kvm` program keep theirs.
const KVM_ELSEWHERE: [&str; 2] = ["/usr/libexec/qemu-kvm", "/usr/bin/qemu-kvm"];

/// An executable and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// What it sees as its own name.
    pub name: OsString,
    /// Whether it stands in for a program of the name that was asked for.
    pub stand_in: bool,
    /// Whether it stands in for `kvm`, which would have turned on KVM by itself.
    pub lacks_kvm: bool,
}

/// Why a name means no program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Nothing of that name.
    #[error("no program {} was found", name.to_string_lossy())]
    NotFound {
        /// The name.
        name: OsString,
        /// Programs that the name might have meant; none or several.
        candidates: Vec<OsString>,
    },
    /// Something of that name that this user cannot execute.
    #[error("{} cannot be executed: {reason}", path.display())]
    NotExecutable {
        /// Where it is.
        path: PathBuf,
        /// Why, as words for a sentence.
        reason: &'static str,
    },
}

impl Program {
    /// Finds `name` as `execvp` would: as a path if it has a slash, else in `PATH`.
    ///
    /// `qemu` and `kvm`, the names of the old man page, may also mean the `qemu-system-*` of this
    /// machine's architecture, or the only one there is; a program of the very name comes first.
    ///
    /// # Errors
    /// [`FindError`].
    pub fn find(name: &OsStr, environment: &Environment) -> Result<Self, FindError> {
        if name.as_bytes().contains(&b'/') {
            let path = PathBuf::from(name);
            return check_executable(&path).map(|()| Self::exactly(path, name));
        }
        let search = Search { dirs: search_dirs(environment) };
        match search.find(name) {
            Ok(path) => Ok(Self::exactly(path, name)),
            Err(not_found @ FindError::NotFound { .. }) => search.stand_in(name).ok_or(not_found),
            Err(other) => Err(other),
        }
        .map_err(|error| search.with_candidates(error))
    }

    /// Every QEMU on the search path, sorted: what is called `qemu`, `kvm`, `qemu-kvm` or
    /// `qemu-system-*`, and can be executed; of a name that comes twice, what a shell would take.
    /// Directories that are relative to where one stands are left out.
    #[must_use]
    pub fn all(environment: &Environment) -> Vec<Self> {
        // Whoever looks around does not run what lies about where they stand.
        let dirs = search_dirs(environment).into_iter().filter(|dir| dir.is_absolute()).collect();
        let search = Search { dirs };
        let old = ["kvm", "qemu", "qemu-kvm"].map(OsString::from);
        let names = old.into_iter().chain(search.system_emulators());
        let found = names.filter_map(|name| Some(Self::exactly(search.find(&name).ok()?, &name)));
        found.collect()
    }

    fn exactly(path: PathBuf, name: &OsStr) -> Self {
        Self { path, name: name.to_owned(), stand_in: false, lacks_kvm: false }
    }
}

struct Search {
    dirs: Vec<PathBuf>,
}

impl Search {
    fn find(&self, name: &OsStr) -> Result<PathBuf, FindError> {
        let mut denied = None;
        for path in self.dirs.iter().map(|dir| dir.join(name)) {
            match check_executable(&path) {
                Ok(()) => return Ok(path),
                Err(error @ FindError::NotExecutable { .. }) => denied = denied.or(Some(error)),
                Err(_) => {}
            }
        }
        let not_found = FindError::NotFound { name: name.to_owned(), candidates: Vec::new() };
        Err(denied.unwrap_or(not_found))
    }

    fn stand_in(&self, name: &OsStr) -> Option<Program> {
        let is_kvm = name == "kvm";
        if !is_kvm && name != "qemu" {
            return None;
        }
        let elsewhere = KVM_ELSEWHERE.iter().map(PathBuf::from);
        let kvm = elsewhere.filter(|_| is_kvm).find(|path| check_executable(path).is_ok());
        let path = kvm.or_else(|| self.system_emulator())?;
        let name = path.file_name()?.to_owned();
        Some(Program { path, name, stand_in: true, lacks_kvm: is_kvm })
    }

    /// The emulator of this machine's architecture, or the only one.
    fn system_emulator(&self) -> Option<PathBuf> {
        let native = format!("qemu-system-{}", qemu_architecture());
        if let Ok(path) = self.find(OsStr::new(&native)) {
            return Some(path);
        }
        match self.system_emulators().as_slice() {
            [only] => self.find(only).ok(),
            _ => None,
        }
    }

    /// The names of all system emulators on the search path, sorted.
    fn system_emulators(&self) -> Vec<OsString> {
        let entries = self.dirs.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten();
        let mut names: Vec<OsString> = entries
            .filter(|entry| entry.file_name().as_bytes().starts_with(b"qemu-system-"))
            .filter(|entry| check_executable(&entry.path()).is_ok())
            .map(|entry| entry.file_name())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn with_candidates(&self, error: FindError) -> FindError {
        match error {
            FindError::NotFound { name, .. } => {
                FindError::NotFound { name, candidates: self.system_emulators() }
            }
            other => other,
        }
    }
}

/// The directories of `PATH`; like every shell, an empty entry means the working directory.
fn search_dirs(environment: &Environment) -> Vec<PathBuf> {
    let path = environment.path.clone().unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let here = |dir: PathBuf| if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
    std::env::split_paths(&path).map(here).collect()
}

fn check_executable(path: &Path) -> Result<(), FindError> {
    let refuse = |reason| Err(FindError::NotExecutable { path: path.to_owned(), reason });
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return refuse("permission denied");
        }
        Err(_) => {
            let name = path.as_os_str().to_owned();
            return Err(FindError::NotFound { name, candidates: Vec::new() });
        }
    };
    if meta.is_dir() {
        return refuse("it is a directory");
    }
    if !meta.is_file() {
        return refuse("it is no file");
    }
    // access() lets root execute what nobody may; execve() does not.
    if access(path, AccessFlags::X_OK).is_err() || meta.permissions().mode() & 0o111 == 0 {
        return refuse("permission denied");
    }
    Ok(())
}

/// QEMU's name for the architecture that this program was built for.
fn qemu_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86" => "i386",
        "powerpc" => "ppc",
        "powerpc64" => "ppc64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bin(tempfile::TempDir);

    impl Bin {
        fn with(names: &[&str]) -> Self {
            let bin = Self(tempfile::tempdir().unwrap());
            for name in names {
                let path = bin.0.path().join(name);
                fs::write(&path, "#!/bin/sh\n").unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            }
            bin
        }

        fn find(&self, name: &str) -> Result<Program, FindError> {
            let path = Some(self.0.path().as_os_str().to_owned());
            Program::find(OsStr::new(name), &Environment { path, ..Environment::default() })
        }
    }

    fn native() -> String {
        format!("qemu-system-{}", qemu_architecture())
    }

    #[test]
    fn a_program_of_the_very_name_comes_first() {
        let found = Bin::with(&["qemu", &native()]).find("qemu").unwrap();
        assert_eq!((found.name.to_str(), found.stand_in), (Some("qemu"), false));
    }

    #[test]
    fn qemu_means_the_emulator_of_this_machine_where_there_is_no_qemu() {
        let found = Bin::with(&[&native(), "qemu-system-sparc"]).find("qemu").unwrap();
        assert_eq!((found.name.to_str(), found.stand_in), (Some(native().as_str()), true));
        assert!(!found.lacks_kvm);
    }

    #[test]
    fn the_only_emulator_will_do_but_of_several_none_is_guessed() {
        let found = Bin::with(&["qemu-system-sparc"]).find("qemu").unwrap();
        assert_eq!(found.name, "qemu-system-sparc");

        let error = Bin::with(&["qemu-system-sparc", "qemu-system-avr"]).find("qemu").unwrap_err();
        let FindError::NotFound { candidates, .. } = error else { panic!("{error}") };
        assert_eq!(candidates, ["qemu-system-avr", "qemu-system-sparc"]);
    }

    #[test]
    fn all_of_them_are_found_once() {
        let bin = Bin::with(&["kvm", "qemu-system-b", "qemu-system-a", "qemu-img"]);
        let path = std::env::join_paths([bin.0.path(), bin.0.path()]).unwrap();
        let all = Program::all(&Environment { path: Some(path), ..Environment::default() });
        let names: Vec<_> = all.iter().map(|program| program.name.to_str().unwrap()).collect();
        assert_eq!(names, ["kvm", "qemu-system-a", "qemu-system-b"]);
    }

    #[test]
    fn other_names_have_no_stand_in() {
        assert!(matches!(Bin::with(&[&native()]).find("qumu"), Err(FindError::NotFound { .. })));
    }

    #[test]
    fn what_cannot_be_executed_is_said_to_be_there() {
        let bin = Bin::with(&["tool"]);
        let path = bin.0.path().join("tool");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(bin.find("tool"), Err(FindError::NotExecutable { .. })));
    }
}
