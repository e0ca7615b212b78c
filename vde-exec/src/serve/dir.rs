//! The directory of a switch that is served: made, or taken over from one that was killed.
//!
//! | what is there | what becomes of it |
//! |---|---|
//! | nothing | it is made, with the directories above it; all that goes when the switch ends |
//! | an empty directory | it is used as it is, and stays |
//! | a dead `ctl` of this user | its switch was killed: its sockets that nobody is bound to are removed; the directory goes with us if it is as we would have made it |
//! | only sockets that a switch or its clients left | the same |
//! | a living `ctl`, or another user's | refused |
//! | anything else | refused, and untouched |
//!
//! Whoever makes or takes over a directory holds its lock, and those above it ([`Made::make`]): of two who
//! start at once one wins.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{UnixAddr, bind};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, fchown, geteuid};

use super::ServeOptions;
use super::error::ServeError;
use super::made::{Locks, Made};
use crate::dir_handle::{DirHandle, errno_of, give, open_file};
use crate::listener::{Access, ListenError, Listener};
use crate::place::with_open_umask;
use crate::stale::is_abandoned;

/// Longest path of a directory, in bytes: what leaves room for the name of a client's socket
/// \[P-10.4\], and so for that of a data socket, with a number of nine digits \[P-10.3\].
pub const MAX_DIR: usize = 92;

/// The control socket's name \[P-1.1\].
const CTL: &str = "ctl";

/// How many clients may wait to be taken up: as many as ports are likely to come at once.
const BACKLOG: i32 = 1024;

/// How often it is tried to use a directory that somebody else makes or removes at the same time.
const ATTEMPTS: u32 = 8;

/// The directory, with its control socket.
#[derive(Debug)]
pub(super) struct Home {
    /// Dropped first: nobody finds a switch that is about to go.
    pub(super) ctl: Listener,
    pub(super) place: Place,
    /// Dropped last, when it is empty.
    pub(super) made: Made,
}

/// Where data sockets get their names.
#[derive(Debug)]
pub(super) struct Place {
    dir: DirHandle,
    /// By the path that clients are told: absolute, without links.
    pub(super) path: PathBuf,
    pub(super) group: Option<u32>,
}

impl Home {
    /// Makes the directory, or takes it over, and listens in it.
    pub(super) fn claim(options: &ServeOptions) -> Result<Self, ServeError> {
        let path = resolved(&options.dir)?;
        let length = path.as_os_str().len();
        if length > MAX_DIR {
            return Err(ServeError::TooLong { dir: path, length });
        }
        for _ in 0..ATTEMPTS {
            if let Some(home) = Self::try_claim(&path, options)? {
                return Ok(home);
            }
        }
        Err(ServeError::Dir { dir: path, errno: Errno::ENOENT })
    }

    /// `None` if the directory was removed in the meantime.
    fn try_claim(path: &Path, options: &ServeOptions) -> Result<Option<Self>, ServeError> {
        let failed = |errno| match errno {
            Errno::ENOTDIR => ServeError::NotADirectory { path: path.to_owned() },
            errno => ServeError::Dir { dir: path.to_owned(), errno },
        };
        // Held until the end of this, so that others wait.
        let mut locks = Locks::default();
        let mut made = match Made::make(path, &mut locks) {
            Err(Errno::ENOENT) => return Ok(None),
            made => made.map_err(failed)?,
        };
        let dir = match DirHandle::open(path) {
            Err(Errno::ENOENT) if fs::symlink_metadata(path).is_err() => return Ok(None),
            dir => dir.map_err(failed)?,
        };
        let lock = dir.lock();
        let here = fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).ok();
        if here.is_none() || here != dir.id() {
            return Ok(None);
        }
        if made.is_innermost(dir.id()) {
            let file = lock.as_deref().ok_or_else(|| failed(Errno::ENOLCK))?;
            settle(file, options).map_err(failed)?;
        }
        if clear(&dir, path)? && is_as_we_make_it(path, options) {
            made.adopt(path);
        }
        let access =
            Access { mode: options.mode, group: options.group, anyone: true, backlog: BACKLOG };
        let handle = dir.try_clone().map_err(failed)?;
        match Listener::bind_in(handle, OsStr::new(CTL), &path.join(CTL), access) {
            Ok(ctl) => {
                let place = Place { dir, path: path.to_owned(), group: options.group };
                Ok(Some(Self { ctl, place, made }))
            }
            Err(ListenError::System { errno: Errno::ENOENT, .. }) => Ok(None),
            Err(ListenError::Alive { .. }) => Err(ServeError::Alive { dir: path.to_owned() }),
            Err(error) => Err(error.into()),
        }
    }
}

impl Place {
    /// Gives a datagram socket, which has its mode already, the name `file`; and to `user`, if one is
    /// told \[P-6.16\].
    pub(super) fn bind(&self, fd: RawFd, file: &OsStr, user: Option<u32>) -> Result<(), Errno> {
        let through = self.dir.at(file);
        with_open_umask(|| bind(fd, &UnixAddr::new(&through)?))?;
        if user.is_none() && self.group.is_none() {
            return Ok(());
        }
        let given = open_file(&through)
            .map_err(|error| errno_of(&error))
            .and_then(|handle| give(&handle, user, self.group));
        if given.is_err() {
            self.remove(file);
        }
        given
    }

    /// Removes a name.
    pub(super) fn remove(&self, file: &OsStr) {
        // Gone already is as good as removed now; there is nobody to tell about anything else.
        let _ = self.dir.remove(file);
    }
}

/// Gives a directory that was just made its group and its mode \[P-1.5\]: who may read or write the
/// sockets may pass through. Where others may make files they may remove their own and no other
/// (the sticky bit), or they could put a switch of theirs in the place of this one.
fn settle(dir: &File, options: &ServeOptions) -> Result<(), Errno> {
    if let Some(group) = options.group {
        fchown(dir, None, Some(Gid::from_raw(group)))?;
    }
    fchmod(dir, Mode::from_bits_truncate(mode_of_dir(options)))
}

fn mode_of_dir(options: &ServeOptions) -> u32 {
    let mode = options.mode & 0o666;
    let passing = (mode & 0o444) >> 2 | (mode & 0o222) >> 1;
    let set_group_id = if options.group.is_some() { 0o2000 } else { 0 };
    let sticky = if mode & 0o022 == 0 { 0 } else { 0o1000 };
    mode | passing | set_group_id | sticky
}

/// Whether a directory, in which a switch was killed, looks as if that had made it.
fn is_as_we_make_it(dir: &Path, options: &ServeOptions) -> bool {
    let is_it = |meta: fs::Metadata| {
        meta.uid() == geteuid().as_raw() && meta.mode() & 0o7777 == mode_of_dir(options)
    };
    fs::symlink_metadata(dir).is_ok_and(is_it)
}

/// The path without links, as far as it is there already, and absolute.
fn resolved(dir: &Path) -> Result<PathBuf, ServeError> {
    let failed = |errno| ServeError::Dir { dir: dir.to_owned(), errno };
    let absolute = std::path::absolute(dir).map_err(|error| failed(errno_of(&error)))?;
    let mut rest: Vec<&OsStr> = Vec::new();
    let mut there = absolute.as_path();
    loop {
        match fs::canonicalize(there) {
            Ok(real) => {
                // A path that ends in `..` has no name to be made.
                return Ok(rest.iter().rev().fold(real, |path, name| path.join(name)));
            }
            Err(error) if errno_of(&error) != Errno::ENOENT => {
                return Err(match errno_of(&error) {
                    Errno::ENOTDIR => ServeError::NotADirectory { path: there.to_owned() },
                    errno => failed(errno),
                });
            }
            Err(_) => {
                let (Some(parent), Some(name)) = (there.parent(), there.file_name()) else {
                    return Err(failed(Errno::ENOENT));
                };
                rest.push(name);
                there = parent;
            }
        }
    }
}

/// Removes what a killed switch left, if nothing says that the directory is for something else.
fn clear(dir: &DirHandle, path: &Path) -> Result<bool, ServeError> {
    let failed = |errno| ServeError::Dir { dir: path.to_owned(), errno };
    let ctl = dir.at(OsStr::new(CTL));
    let had_a_switch = match fs::symlink_metadata(&ctl) {
        Err(_) => false,
        Ok(_) if is_abandoned(&ctl) => true,
        Ok(meta) if meta.file_type().is_socket() && meta.uid() == geteuid().as_raw() => {
            return Err(ServeError::Alive { dir: path.to_owned() });
        }
        Ok(_) => return Err(ListenError::Taken { path: path.join(CTL) }.into()),
    };
    let mut left: Vec<OsString> = Vec::new();
    for entry in dir.entries().map_err(|error| failed(errno_of(&error)))? {
        let entry = entry.map_err(|error| failed(errno_of(&error)))?;
        let name = entry.file_name();
        let is_socket = entry.file_type().is_ok_and(|kind| kind.is_socket());
        if is_socket && is_abandoned(&dir.at(&name)) {
            left.push(name);
            continue;
        }
        let is_clients = is_socket && name.as_encoded_bytes().starts_with(b".");
        if !had_a_switch && !is_clients {
            let entry = name.to_string_lossy().into_owned();
            return Err(ServeError::Foreign { dir: path.to_owned(), entry });
        }
    }
    for name in left.iter().filter(|name| is_data_socket_name(name)) {
        let _ = dir.remove(name);
    }
    Ok(had_a_switch)
}

/// The name of a data socket \[P-1.2\].
pub(crate) fn data_socket_name(port: u32, number: u64) -> OsString {
    format!("{port:03}.{number}").into()
}

/// Whether it is one.
fn is_data_socket_name(name: &OsStr) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.to_str().and_then(|name| name.split_once('.'));
    parts.is_some_and(|(port, number)| port.len() >= 3 && is_number(port) && is_number(number))
}
