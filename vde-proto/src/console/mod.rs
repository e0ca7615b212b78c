//! The management console of a switch: what `vde_switch` shows on the socket of its `-M` option, so
//! that the scripts and terminals written for it (`vdeterm`, `unixcmd`, test drivers) work with a
//! [`Switch`], too. Section 14 of `docs/protocol.md` has the language.
//!
//! A driver sends [`Console::greeting`] to whoever connects and then, for each read, what
//! [`Console::command`] answers. The console keeps nothing between two reads.
//!
//! Where we differ from `vde_switch`, on purpose:
//!
//! | | `vde_switch` | here |
//! |---|---|---|
//! | several lines in one read | the rest is an argument of the first \[P-14.5\] | each is a command |
//! | `\r` before a newline | part of the argument | ignored |
//! | a missing argument, or one that is not as it must be | is taken for 0 in most commands \[P-14.8\] | 1022 |
//! | an argument too many | ignored \[P-14.8\] | 1022 |
//! | numbers of `port/epclose` that begin with 0 | octal \[P-14.21\] | decimal, as they are shown |
//! | text right behind the name of a command | ignored \[P-14.7\] | 1038, no such command |
//! | descriptions of clients | as they came \[P-14.22\] | sanitised: no answer can be forged |
//! | `hash/find` | one more than the number of the port \[P-14.20\] | the number |
//! | VLAN, spanning tree, plug-in and debug menus; `load`, `port/setuser`, `port/setgroup`, `port/setvlan`, `hash/setsize`, `hash/setgcint` | are there | 1038, and not in `help` |

mod commands;
mod print;
mod status;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use commands::Session;

use crate::switch::Switch;
use crate::wire::MacAddr;

/// What the console shows besides the switch itself: what only the driver knows.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The program, for the greeting: one line.
    pub program: &'a str,
    /// The process id of the switch.
    pub pid: u32,
    /// The address of the switch; it uses none itself, but is asked for it.
    pub mac: MacAddr,
    /// The directory of the switch.
    pub ctl_dir: &'a [u8],
    /// The permission bits of its sockets.
    pub mode: u32,
    /// Path and permission bits of the management socket, if there is one.
    pub mgmt: Option<(&'a [u8], u32)>,
    /// When the switch was started, on the clock of [`Switch::handle`].
    pub started: Duration,
    /// The name of a user id. A user without a name is shown as a number.
    pub user_name: &'a dyn Fn(u32) -> Option<String>,
}

/// What is said to a read, and what comes then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// To be sent, all of it.
    pub bytes: Vec<u8>,
    /// To be done after that.
    pub then: Then,
}

/// What comes after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Then {
    /// The next read.
    GoOn,
    /// The end of this connection.
    HangUp,
    /// The end of the switch.
    ShutDown,
}

/// The console of a switch.
///
/// ```
/// use core::time::Duration;
/// use vde_proto::console::{Console, Facts, Then};
/// use vde_proto::switch::{Personality, Switch, SwitchConfig};
///
/// let mut switch = Switch::new(SwitchConfig::new(Personality::Strict));
/// let console = Console::new(Facts {
///     program: "example 1.0",
///     pid: 42,
///     mac: "02:00:00:00:00:01".parse()?,
///     ctl_dir: b"/run/vde",
///     mode: 0o600,
///     mgmt: None,
///     started: Duration::ZERO,
///     user_name: &|_| None,
/// });
/// assert_eq!(console.greeting(), b"VDE switch V.2.3.2\nexample 1.0\n\nvde$ ");
/// let answer = console.command(&mut switch, Duration::ZERO, b"port/create 7\nlogout\n");
/// assert_eq!(answer.bytes, b"1000 Success\n\nvde$ 9999 END OF SESSION");
/// assert_eq!(answer.then, Then::HangUp);
/// # Ok::<(), vde_proto::wire::MacAddrError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Console<'a> {
    facts: Facts<'a>,
}

impl<'a> Console<'a> {
    /// What is written when the console waits for a command \[P-14.2\].
    pub const PROMPT: &'static str = "\nvde$ ";

    /// Drivers read at most so many bytes at once.
    pub const READ_MAX: usize = 1024;

    /// When the answer to one read has become so long, its further commands are refused (1012): a
    /// read is short and cannot ask for any amount of memory.
    pub const ANSWER_MAX: usize = 1 << 20;

    /// A console that shows these facts.
    #[must_use]
    pub const fn new(facts: Facts<'a>) -> Self {
        Self { facts }
    }

    /// What is said to whoever connects \[P-14.1\], the first prompt included.
    #[must_use]
    pub fn greeting(&self) -> Vec<u8> {
        let mut text = String::new();
        print::banner(&mut text, &self.facts);
        text.push_str(Self::PROMPT);
        text.into_bytes()
    }

    /// Does what one read says, at the time `now`: each line is a command, and the end of the read
    /// ends a line as a newline does \[P-14.4\].
    pub fn command(&self, switch: &mut Switch, now: Duration, read: &[u8]) -> Answer {
        let read = read.strip_suffix(b"\n").unwrap_or(read);
        let mut session = Session { switch, now, facts: &self.facts, out: String::new() };
        for line in read.split(|&byte| byte == b'\n') {
            let then = session.line(line);
            if then != Then::GoOn {
                return Answer { bytes: session.out.into_bytes(), then };
            }
            session.out.push_str(Self::PROMPT);
        }
        Answer { bytes: session.out.into_bytes(), then: Then::GoOn }
    }
}
