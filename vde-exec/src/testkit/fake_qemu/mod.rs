//! A program in QEMU's place: it tells what it was given and behaves as it is told.
//!
//! The binary `fake-qemu` calls [`main`]. A test tells it what to do through the environment, which
//! reaches it through vdeq unchanged, and reads what it was given with [`Report`].
//!
//! | variable | meaning |
//! |---|---|
//! | `FAKE_QEMU_REPORT` | file that gets the report, a line a fact |
//! | `FAKE_QEMU_DO` | what to do: words of [`Act`], done one after another; `exit=0` if unset |
//! | `FAKE_QEMU_VERSION` | what `-version` prints; `hang` prints nothing and stays, `refuse` is an error |
//! | `FAKE_QEMU_HELP` | what `-help` prints; an error if unset |
//! | `FAKE_QEMU_PROBES` | file that gets a line for every `-version` or `-help` |

mod program;
mod report;

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

pub use program::{Act, DEFAULT_BANNER, main};
pub use report::{OpenFd, Report};

/// The program, built if need be. (Cargo builds binaries for the tests of their own package only.)
///
/// # Panics
/// If it cannot be built; the message is cargo's.
#[must_use]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let build = escargot::CargoBuild::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .features("testkit")
            .bin("fake-qemu")
            .run()
            .unwrap_or_else(|error| panic!("cannot build fake-qemu: {error}"));
        build.path().to_owned()
    })
}

/// Takes the next plug from a fake QEMU that hands its plugs over its standard input, `from` being the
/// other end of that.
///
/// # Panics
/// If none comes.
#[must_use]
pub fn receive_plug(from: &UnixStream) -> OwnedFd {
    let (mut byte, mut space) = ([0], cmsg_space!(i32));
    let mut pieces = [IoSliceMut::new(&mut byte)];
    let message =
        recvmsg::<()>(from.as_raw_fd(), &mut pieces, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC);
    let message = message.expect("a message of the fake QEMU");
    let rights = message.cmsgs().expect("a plug, whole").find_map(|part| match part {
        ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
        _ => None,
    });
    crate::sys::take_over(rights.expect("a plug")).expect("a descriptor that has just come")
}

/// Variable that names the report file.
pub const REPORT: &str = "FAKE_QEMU_REPORT";
/// Variable that says what to do.
pub const DO: &str = "FAKE_QEMU_DO";
/// Variable with the answer to `-version`.
pub const VERSION: &str = "FAKE_QEMU_VERSION";
/// Variable with the answer to `-help`.
pub const HELP: &str = "FAKE_QEMU_HELP";
/// Variable that names the file in which probes are counted.
pub const PROBES: &str = "FAKE_QEMU_PROBES";
