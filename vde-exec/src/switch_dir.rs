//! Finds the switch that a locator names: its directory, its control socket and who owns it.
//!
//! Looking is all that happens here; nothing is created and nothing connected. The search order
//! for an unnamed switch is \[P-11.1\].

use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use vde_proto::{Vnl, VnlError};

use crate::as_path;
use crate::environment::Environment;

/// Longest directory path, in bytes, to which `/ctl` can be added in a `sun_path` \[P-10.2\].
pub const MAX_DIR_LEN: usize = 103;

/// Longest locator file that is read: one line that names a switch.
const MAX_LOCATOR_FILE: u64 = 4096;

/// A switch as the file system shows it.
///
/// ```no_run
/// use vde_exec::{Environment, SwitchDir};
/// use vde_proto::Vnl;
///
/// let vnl = Vnl::parse(b"/run/vde.ctl[3]").expect("a locator");
/// let (switch, _) = SwitchDir::locate(&vnl, &Environment::of_process()).expect("a switch");
/// println!("{}", switch.control().display());
/// ```
#[derive(Debug, Clone)]
pub struct SwitchDir {
    dir: PathBuf,
    control: PathBuf,
    control_uid: u32,
    control_gid: u32,
    dir_setgid_gid: Option<u32>,
}

/// Why no switch was found at the place that was named.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocateError {
    /// No switch was named and none of the default places exists.
    #[error("no switch was named and none of the default ones exists")]
    NoDefault {
        /// The places looked at, in order.
        tried: Vec<PathBuf>,
    },
    /// Nothing is there.
    #[error("there is no switch at {}", path.display())]
    Absent {
        /// What was looked for.
        path: PathBuf,
    },
    /// Something is there that is no switch.
    #[error("{} is not a VDE switch: it is {found}", path.display())]
    NotASwitch {
        /// What was looked at.
        path: PathBuf,
        /// What it is, as words for a sentence.
        found: &'static str,
    },
    /// The path does not fit into a socket address.
    #[error("the directory {} is {length} bytes long; a switch directory has at most {MAX_DIR_LEN}", path.display())]
    TooLong {
        /// The directory.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// A file that should name a switch in its first line does not.
    #[error("the file {} does not name a switch: {error}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with its first line.
        error: VnlError,
    },
    /// A file that names a switch names another such file.
    #[error("the file {} names another file, {}; it must name a switch directory", path.display(), target.display())]
    FileChain {
        /// The file that was named.
        path: PathBuf,
        /// The file that it names in turn.
        target: PathBuf,
    },
    /// The kernel did not let us look.
    #[error("cannot look at {}: {error}", path.display())]
    Io {
        /// What was looked at.
        path: PathBuf,
        /// What the kernel said.
        error: io::Error,
    },
}

impl SwitchDir {
    /// Finds the switch of `vnl`: a directory, its `ctl`, or a file whose first line names one of them.
    ///
    /// Returns the switch and the locator in force, with an absolute path: a locator read from a file
    /// fills in the port, group and mode that `vnl` leaves open.
    ///
    /// # Errors
    /// [`LocateError`] says what was looked at and what was found instead.
    pub fn locate(vnl: &Vnl, environment: &Environment) -> Result<(Self, Vnl), LocateError> {
        let named = if vnl.path.is_empty() {
            default_switch(environment)?
        } else {
            as_path(&vnl.path).to_owned()
        };
        if !is_regular_file(&named)? {
            // Absolute, so that it means the same switch from wherever it is looked for again.
            let named = std::path::absolute(&named).map_err(|error| io_error(&named, error))?;
            let path = named.as_os_str().as_bytes().to_vec();
            return Ok((Self::at(&named)?, Vnl { path, ..vnl.clone() }));
        }
        let inner = read_locator_file(&named)?;
        let target = as_path(&inner.path).to_owned();
        if is_regular_file(&target)? {
            return Err(LocateError::FileChain { path: named, target });
        }
        let merged = Vnl {
            path: inner.path,
            port: vnl.port.or(inner.port),
            group: vnl.group.clone().or(inner.group),
            mode: vnl.mode.or(inner.mode),
        };
        Ok((Self::at(&target)?, merged))
    }

    /// The switch whose directory or control socket is `path`.
    fn at(path: &Path) -> Result<Self, LocateError> {
        let path = shortest_absolute(path)?;
        let kind = metadata(&path)?;
        let (dir, control) = if kind.is_dir() {
            (path.clone(), path.join("ctl"))
        } else if kind.file_type().is_socket() {
            // The directory of the socket, not that of a link to it.
            let real = fs::canonicalize(&path).map_err(|error| io_error(&path, error))?;
            (real.parent().unwrap_or(Path::new("/")).to_owned(), path.clone())
        } else {
            return Err(LocateError::NotASwitch {
                path,
                found: "neither a directory nor a socket",
            });
        };
        check_length(&dir, &control)?;
        let socket = match metadata(&control) {
            Err(LocateError::Absent { .. }) if kind.is_dir() => {
                return Err(LocateError::NotASwitch {
                    path,
                    found: "a directory without a ctl socket",
                });
            }
            other => other?,
        };
        if !socket.file_type().is_socket() {
            return Err(LocateError::NotASwitch { path: control, found: "not a socket" });
        }
        let dir_meta = metadata(&dir)?;
        let setgid = dir_meta.mode() & 0o2000 != 0;
        Ok(Self {
            control_uid: socket.uid(),
            control_gid: socket.gid(),
            dir_setgid_gid: setgid.then(|| dir_meta.gid()),
            dir,
            control,
        })
    }

    /// The switch's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The switch's control socket.
    #[must_use]
    pub fn control(&self) -> &Path {
        &self.control
    }

    /// The user who owns the control socket: in practice the one whom the switch runs as.
    #[must_use]
    pub fn owner(&self) -> u32 {
        self.control_uid
    }

    /// Whether it is the same control socket, by whatever path.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let id = |switch: &Self| fs::metadata(&switch.control).map(|meta| (meta.dev(), meta.ino()));
        matches!((id(self), id(other)), (Ok(one), Ok(other)) if one == other)
    }

    /// The group of the control socket.
    pub(crate) fn group(&self) -> u32 {
        self.control_gid
    }

    /// Whether a socket made in the directory gets the group of the control socket by itself.
    pub(crate) fn hands_down_its_group(&self) -> bool {
        self.dir_setgid_gid == Some(self.control_gid)
    }
}

/// The first default place that exists, dead or alive: that ends the search \[P-11.4\].
fn default_switch(environment: &Environment) -> Result<PathBuf, LocateError> {
    let tried = environment.default_switches();
    for path in &tried {
        match path.symlink_metadata().map_err(|error| io_error(path, error)) {
            Ok(_) => return Ok(path.clone()),
            Err(LocateError::Absent { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(LocateError::NoDefault { tried })
}

fn check_length(dir: &Path, control: &Path) -> Result<(), LocateError> {
    let length = dir.as_os_str().len();
    if length > MAX_DIR_LEN || control.as_os_str().len() > MAX_DIR_LEN + "/ctl".len() {
        return Err(LocateError::TooLong { path: dir.to_owned(), length });
    }
    Ok(())
}

/// The absolute spelling of `path` with the fewest bytes: as given, or with symbolic links resolved.
fn shortest_absolute(path: &Path) -> Result<PathBuf, LocateError> {
    let given = std::path::absolute(path).map_err(|error| io_error(path, error))?;
    let real = fs::canonicalize(path).map_err(|error| io_error(path, error))?;
    let shorter = real.as_os_str().len() <= given.as_os_str().len();
    Ok(if shorter { real } else { given })
}

fn is_regular_file(path: &Path) -> Result<bool, LocateError> {
    metadata(path).map(|meta| meta.is_file())
}

fn metadata(path: &Path) -> Result<fs::Metadata, LocateError> {
    fs::metadata(path).map_err(|error| io_error(path, error))
}

fn io_error(path: &Path, error: io::Error) -> LocateError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => LocateError::Absent { path },
        _ => LocateError::Io { path, error },
    }
}

fn read_locator_file(path: &Path) -> Result<Vnl, LocateError> {
    let mut text = Vec::new();
    // What was a file a moment ago must not turn out to be a FIFO that nobody writes to.
    let flags = OFlag::O_NONBLOCK.bits();
    let opened = fs::File::options().read(true).custom_flags(flags).open(path);
    opened
        .and_then(|file| file.take(MAX_LOCATOR_FILE).read_to_end(&mut text))
        .map_err(|error| io_error(path, error))?;
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let vnl = Vnl::parse(line.trim_ascii())
        .map_err(|error| LocateError::BadFile { path: path.to_owned(), error })?;
    if !vnl.path.starts_with(b"/") {
        let found = "a file whose first line is no absolute path";
        return Err(LocateError::NotASwitch { path: path.to_owned(), found });
    }
    Ok(vnl)
}
