//! The formats of the protocol: one file each, with its diagram, its type, and parse beside emit.

mod address;
mod description;
mod field;
pub mod frame;
mod mac;
mod port;
pub mod rarp;
mod reply;
mod request;
mod socket_path;
mod vnl;

pub use address::{ADDRESS_LEN, AbstractName, AddressError, ClientAddress};
pub(crate) use description::harmless_into;
pub use description::{Description, RawDescription};
pub use mac::{MacAddr, MacAddrError};
pub use port::{PortNumber, PortRequest, UnknownType};
pub use reply::{Reply, ReplyError};
pub use request::{Request, RequestError, Version};
pub use socket_path::{SocketPath, SocketPathError};
pub use vnl::{Vnl, VnlError, VnlErrorKind};
