#![doc = include_str!("../README.md")]

mod accounts;
mod attendant;
mod background;
mod calls;
mod config_file;
mod connection;
mod console;
mod data_socket;
mod dial;
mod dir_handle;
mod environment;
mod gate;
mod give_back;
mod keeper;
mod launch;
mod line_server;
mod line_stream;
mod listener;
mod nic_sockets;
mod numbers;
mod outlet;
mod place;
mod probe;
mod program;
mod reach;
pub mod relay;
pub mod serve;
mod signals;
mod socket_name;
mod splice;
mod stale;
pub mod supervisor;
mod switch_dir;
mod sys;
mod terminal;
#[cfg(feature = "testkit")]
pub mod testkit;
mod version_cache;
mod vm;

pub use accounts::{find_group, group_name, user_name};
pub use attendant::{Attendant, Move, Order, RelayOrder, Report};
pub use background::{Back, Front, Side, split};
pub use config_file::read_config;
pub use connection::Connection;
pub use console::{CommandFailed, ConsoleClient, Endpoint, PortInfo, parse_ports};
pub use data_socket::BindError;
pub use dial::{DialError, DialOptions, dial};
pub use environment::Environment;
pub use gate::{Gate, Guard};
pub use give_back::{give_back, hang_up};
pub use keeper::{NicSettings, Settings, supervise};
pub use launch::{Launch, LaunchError, memory_file};
pub use line_server::{ClientId, LineServer, Served};
pub use line_stream::{Heard, LineLimits, LineStream};
pub use listener::{ListenError, MAX_SOCKET_PATH};
pub use nix::errno::Errno;
pub use nix::poll::PollFlags;
pub use numbers::{foresee_numbers, number, number_one};
pub use outlet::{Outlet, OutletError};
pub use probe::{Answer, Probe};
pub use program::{FindError, Program};
pub use signals::{Held, Signals, die_by};
pub use stale::abandoned_sockets;
pub use switch_dir::{LocateError, MAX_DIR_LEN, SwitchDir};
pub use terminal::columns_in_front;
pub use vde_proto;
pub use version_cache::VersionCache;
pub use vm::{End, Vm, adopt_orphans};

/// The effective user id of this process: the one that a switch sees.
#[must_use]
pub fn effective_user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// The path that these bytes are.
pub(crate) fn as_path(bytes: &[u8]) -> &std::path::Path {
    use std::os::unix::ffi::OsStrExt;
    std::path::Path::new(std::ffi::OsStr::from_bytes(bytes))
}
