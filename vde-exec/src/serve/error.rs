//! Why a switch cannot be served.

use std::path::PathBuf;

use nix::errno::Errno;

use super::dir::MAX_DIR;
use crate::listener::ListenError;

/// Why no switch can be served in a directory. What was in the way has not been touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The names of data sockets would not fit into a socket address \[P-10.1\] \[P-10.4\].
    #[error("the directory {} is {length} bytes long; that of a switch to be served has at most {MAX_DIR}",
        dir.display())]
    TooLong {
        /// The directory, by the path that clients would be told.
        dir: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// There is a switch already.
    #[error("a switch is running in {} already", dir.display())]
    Alive {
        /// Its directory.
        dir: PathBuf,
    },
    /// It is no directory.
    #[error("{} is there already, and is no directory", path.display())]
    NotADirectory {
        /// What is.
        path: PathBuf,
    },
    /// It is a directory for something else.
    #[error("{} is not the directory of a switch: there is {entry:?} in it", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// Something in it that no switch leaves.
        entry: String,
    },
    /// The directory cannot be made or used.
    #[error("cannot use the directory {}: {}", dir.display(), errno.desc())]
    Dir {
        /// The directory.
        dir: PathBuf,
        /// What the kernel said.
        errno: Errno,
    },
    /// The control socket or the management socket cannot be made.
    #[error(transparent)]
    Listen(#[from] ListenError),
}
