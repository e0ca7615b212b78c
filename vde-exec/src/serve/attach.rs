//! The socket that a switch connects to a client's.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::unistd::{AccessFlags, access};
use vde_proto::ClientAddress;

use crate::as_path;
use crate::dir_handle::{errno_of, path_of};

/// Opens a datagram socket that is connected to the client's, as far as the client lets us \[P-6.2\]
/// \[P-6.3\]. Returns the owner of the client's socket file, too, if there is one.
pub(crate) fn attach(address: &ClientAddress) -> Result<(OwnedFd, Option<u32>), Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
    let owner = match address {
        ClientAddress::Unnamed => return Err(Errno::EINVAL),
        ClientAddress::Abstract(name) => {
            connect(fd.as_raw_fd(), &UnixAddr::new_abstract(name.as_bytes())?)?;
            None
        }
        ClientAddress::Path(path) => {
            // Whatever the path comes to mean, what is looked at is what is connected to. A link is
            // followed: a client may name its socket through /proc [P-7.12].
            let file = File::options()
                .read(true)
                .custom_flags(OFlag::O_PATH.bits())
                .open(as_path(path.as_bytes()))
                .map_err(|error| errno_of(&error))?;
            let meta = file.metadata().map_err(|error| errno_of(&error))?;
            if !meta.file_type().is_socket() {
                return Err(Errno::ENOTSOCK);
            }
            let through = path_of(file.as_raw_fd());
            access(&through, AccessFlags::R_OK | AccessFlags::W_OK)?;
            connect(fd.as_raw_fd(), &UnixAddr::new(&through)?)?;
            Some(meta.uid())
        }
    };
    Ok((fd, owner))
}
