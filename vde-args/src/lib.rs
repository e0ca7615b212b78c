#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod accelerator;
#[cfg(feature = "arbitrary")]
mod arbitrary;
mod checks;
mod checkup;
mod command;
mod dialect;
mod error;
mod given;
mod ids;
mod informational;
mod joined;
pub mod json;
pub mod keyval;
mod line;
mod link_names;
mod mac;
mod names;
mod nearest;
mod net_option;
mod net_param;
mod network;
mod note;
mod obsolete;
mod oddities;
mod options;
mod own;
mod pairs;
mod placeholder;
mod plug;
pub mod readconfig;
mod relay;
mod rewrite;
mod spell;
mod uml;
mod values;
mod version;
mod words;

#[cfg(feature = "arbitrary")]
pub use crate::arbitrary::{ArbitraryArgv, ArbitraryLine, ArbitraryList, ArbitraryObject};
pub use checkup::Checkup;
pub use command::{Command, Help, Invocation, Style, parse};
pub use dialect::Dialect;
pub use error::{ArgError, ArgErrorKind};
pub use given::{Explain, Given, Options, Reconnect, Sink, Sock, SwitchOptions, Wait};
pub use line::{CommandLine, Item, ItemEdit, OptionItem};
pub use net_option::{NetKind, NetOption};
pub use net_param::NetParam;
pub use network::Network;
pub use note::{Note, Why};
pub use options::{OPTIONS, OptionSpec};
pub use own::{OWN_OPTIONS, OwnId, OwnOption, OwnValue, Place, own_options};
pub use placeholder::Placeholders;
pub use plug::{PORT_MAX, PlugParts, PlugSpec, Spot};
pub use relay::{DELAY_MAX, Impair, RATES, RelayError, RelayErrorKind, RelayWish};
pub use rewrite::{Change, Rewritten};
pub use uml::is_uml;
pub use values::{SWITCH_PORTS_MAX, TIMEOUT_MAX};
pub use version::{QemuVersion, VersionError};
pub use words::{PLUG_WORDS, RELAY_WORDS, Word};
