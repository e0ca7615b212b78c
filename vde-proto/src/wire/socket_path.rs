//! Paths that fit into a `sockaddr_un`.

use alloc::vec::Vec;
use core::fmt;

/// The path of a unix socket: 1 to 107 bytes without a NUL \[P-10.1\].
///
/// ```
/// use vde_proto::{SocketPath, SocketPathError};
///
/// let path = SocketPath::new("/run/vde/ctl")?;
/// assert!(path.is_absolute());
/// assert_eq!(SocketPath::new(vec![b'x'; 108]), Err(SocketPathError::TooLong { len: 108 }));
/// # Ok::<(), SocketPathError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketPath(Vec<u8>);

/// Why some bytes are no [`SocketPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketPathError {
    /// There are no bytes at all.
    Empty,
    /// There is a NUL among the bytes.
    Nul {
        /// Its offset.
        at: usize,
    },
    /// There are more than 107 bytes \[P-10.1\].
    TooLong {
        /// How many.
        len: usize,
    },
}

impl SocketPath {
    /// The longest path, in bytes: 108 bytes of `sun_path` less the terminating NUL.
    pub const MAX_LEN: usize = 107;

    /// Checks that `bytes` can be the path of a socket.
    ///
    /// # Errors
    /// [`SocketPathError`], if they are empty, more than [`Self::MAX_LEN`], or hold a NUL.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SocketPathError> {
        let bytes = bytes.into();
        if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
            return Err(SocketPathError::Nul { at });
        }
        match bytes.len() {
            0 => Err(SocketPathError::Empty),
            1..=Self::MAX_LEN => Ok(Self(bytes)),
            len => Err(SocketPathError::TooLong { len }),
        }
    }

    /// The bytes of the path, without a NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the path starts at the root. A switch's reply must \[P-5.2\].
    #[must_use]
    pub fn is_absolute(&self) -> bool {
        self.0.first() == Some(&b'/')
    }

    /// The port in the name of a switch's data socket, `DIR/PPP.F` \[P-1.2\]; other switches name
    /// theirs otherwise.
    ///
    /// ```
    /// use vde_proto::SocketPath;
    /// assert_eq!(SocketPath::new("/run/vde/003.6")?.switch_port(), Some(3));
    /// assert_eq!(SocketPath::new("/run/vde/fd7")?.switch_port(), None);
    /// # Ok::<(), vde_proto::SocketPathError>(())
    /// ```
    #[must_use]
    pub fn switch_port(&self) -> Option<u32> {
        let name = self.0.rsplit(|&byte| byte == b'/').next()?;
        let (port, _) = core::str::from_utf8(name).ok()?.split_once('.')?;
        (port.len() >= 3 && port.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| port.parse().ok())?
    }
}

impl AsRef<[u8]> for SocketPath {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// As ASCII, other bytes escaped.
impl fmt::Display for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketPath({self})")
    }
}

impl fmt::Display for SocketPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the socket path is empty"),
            Self::Nul { at } => write!(f, "the socket path has a NUL at byte {at}"),
            Self::TooLong { len } => write!(
                f,
                "the socket path has {len} bytes, but a socket address holds at most {}",
                SocketPath::MAX_LEN
            ),
        }
    }
}

impl core::error::Error for SocketPathError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec};

    #[test]
    fn every_length_from_1_to_107_is_a_path_and_no_other() {
        assert_eq!(SocketPath::new(""), Err(SocketPathError::Empty));
        for len in 1..=107 {
            assert_eq!(SocketPath::new(vec![b'x'; len]).unwrap().as_bytes().len(), len);
        }
        assert_eq!(SocketPath::new(vec![b'x'; 108]), Err(SocketPathError::TooLong { len: 108 }));
    }

    #[test]
    fn a_nul_is_refused_wherever_it_stands() {
        for at in 0..5 {
            let mut bytes = *b"/a/bc";
            bytes[at] = 0;
            assert_eq!(SocketPath::new(bytes), Err(SocketPathError::Nul { at }));
        }
    }

    #[test]
    fn only_a_leading_slash_makes_a_path_absolute() {
        assert!(SocketPath::new("/").unwrap().is_absolute());
        assert!(!SocketPath::new("run/vde").unwrap().is_absolute());
    }

    #[test]
    fn the_port_stands_in_the_name_of_the_data_socket_or_nowhere() {
        let port = |path: &str| SocketPath::new(path).unwrap().switch_port();
        assert_eq!(port("/tmp/sw/4096.12"), Some(4096));
        for path in ["/tmp/sw/fd7", "/tmp/sw/x03.6", "/tmp/sw/03.6", "/tmp/sw/", "/1.1/ctl"] {
            assert_eq!(port(path), None, "{path}");
        }
        assert_eq!(port("/tmp/sw/99999999999.6"), None);
    }

    #[test]
    fn bytes_that_could_disturb_a_terminal_are_shown_escaped() {
        let path = SocketPath::new(b"/a\x1b[2J\xff".to_vec()).unwrap();
        assert_eq!(format!("{path}"), "/a\\x1b[2J\\xff");
    }
}
