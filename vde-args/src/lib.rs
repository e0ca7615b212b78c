#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod client;
mod command;
mod dialect;
mod error;
mod informational;
pub mod keyval;
mod line;
mod nearest;
mod network;
mod options;
mod own;
mod plug;
mod rewrite;
mod spell;
mod values;
mod version;

pub use command::{Command, Invocation, Options, Sock, Style, parse};
pub use dialect::Dialect;
pub use error::{ArgError, ArgErrorKind};
pub use line::{CommandLine, Item, OptionItem};
pub use network::{Network, Note, Why};
pub use options::{OPTIONS, OptionSpec};
pub use own::{OWN_OPTIONS, OwnId, OwnOption, Place};
pub use plug::{PORT_MAX, PlugSpec};
pub use rewrite::{Change, Rewritten};
pub use values::TIMEOUT_MAX;
pub use version::{QemuVersion, VersionError};
