//! vdeq's own options as given, and how the value of each is read.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use crate::own::{Own, OwnId, OwnOption, OwnValue};
use crate::plug::AUTO;
use crate::values::{
    DESCRIPTOR_MAX, SWITCH_PORTS_MAX, read_descriptor, read_mode, read_number, read_timeout,
};
use crate::{ArgError, ArgErrorKind, QemuVersion, RelayWish, Spot};

/// vdeq's own options, as given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Options {
    /// How often `-v` was given.
    pub verbose: u8,
    /// `--exec`: become QEMU.
    pub exec: bool,
    /// `--dry-run`: only print the command.
    pub dry_run: bool,
    /// `--explain`: only print what becomes of the arguments.
    pub explain: Option<Explain>,
    /// `--modernize`: replace options that the QEMU at hand has lost.
    pub modernize: bool,
    /// `--fd-placeholder`, or the program is a User-mode Linux kernel: the program is no QEMU, and
    /// [`crate::Placeholders`] are what is for us in its arguments.
    pub fd_placeholder: bool,
    /// `--qemu-version`: what the user says QEMU is.
    pub qemu_version: Option<QemuVersion>,
    /// `--timeout`: how long a switch may take to answer.
    pub timeout: Option<Duration>,
    /// `--reconnect`: whether to plug in again when a switch has closed a plug.
    pub reconnect: Option<Reconnect>,
    /// `--wait`: whether to wait for a switch that is not there yet.
    pub wait: Option<Wait>,
    /// `--control`: where the control socket is to be. Never empty.
    pub control: Option<Given<OsString>>,
    /// `--events`: where to tell what happens.
    pub events: Option<Given<Sink>>,
    /// `--ready-fd`: the descriptor to say on that the network is there. Never negative.
    pub ready_fd: Option<Given<i32>>,
    /// `--link-state`: tell the guest when its network goes and comes.
    pub link_state: bool,
    /// `--relay`, each time that it was given: what relays are for from the start.
    pub relays: Vec<Given<RelayWish>>,
    /// `--mac=auto`: NICs without an address get one of their own. Where that is said.
    pub auto_mac: Option<Spot>,
    /// `--switch`: the switch to serve.
    pub switch: Option<SwitchOptions>,
    /// `--mod`: file mode of the data sockets, and of the sockets of `--switch`. `None` if not given, or given as 0: a socket of
    /// mode 0 would lock out the very switch it is for \[P-9.2\], and callers of the C library that
    /// meant "the default" passed 0.
    pub mode: Option<u32>,
    /// The switches of all `-sock` lists, in order.
    pub socks: Vec<Sock>,
}

/// The switch to serve: `--switch`, and the options beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SwitchOptions {
    /// `--switch=DIR`: its directory. Never empty; `None` is the default switch \[P-11.1\].
    pub dir: Option<OsString>,
    /// Where that is said: DIR, or the option.
    pub spot: Spot,
    /// `--ports`: how many it has, 1 to [`crate::SWITCH_PORTS_MAX`].
    pub ports: Option<u32>,
    /// `--hub`: every frame goes to every port.
    pub hub: bool,
    /// `--group`: the group of its sockets, by name or number. Never empty.
    pub group: Option<Given<OsString>>,
    /// `--mgmt`: where its management console is to answer. Never empty.
    pub management: Option<Given<OsString>>,
}

/// How `--explain` is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Explain {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Whether a plug that a switch has closed is plugged in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reconnect {
    /// Until it works.
    On,
    /// Never.
    Off,
    /// Until it works, or this long has been tried.
    For(Duration),
}

/// How long a switch that is not there is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wait {
    /// Until it is there.
    Forever,
    /// At most this long.
    For(Duration),
}

/// Where something is written to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sink {
    /// A descriptor that vdeq was started with: the word is digits. Never negative.
    Fd(i32),
    /// A path: any other word, such as `./3`. Never empty.
    Path(OsString),
}

/// A value, and where it was said, for a message about what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// Where it was said.
    pub spot: Spot,
}

/// One name of a `-sock` list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sock {
    /// The switch; `None` for an empty name, which is the default switch.
    pub path: Option<OsString>,
    /// Where it is named.
    pub spot: Spot,
}

/// What a vdeq beside the VM does for this option, in the words of
/// [`ArgErrorKind::NobodyBeside`]. `None` if nothing.
pub(crate) fn watcher_needs(id: OwnId) -> Option<&'static str> {
    Some(match id {
        OwnId::Reconnect => "plug in again",
        OwnId::Control => "answer on a socket",
        OwnId::Events => "tell what happens",
        OwnId::LinkState => "tell the guest of its network",
        OwnId::Relay => "relay frames",
        OwnId::Switch => "serve a switch",
        _ => return None,
    })
}

impl Options {
    /// What is known of the switch to serve. Options may stand before the `--switch` that they need.
    fn served(&mut self) -> &mut SwitchOptions {
        self.switch.get_or_insert_default()
    }

    /// Notes an option without value, which stands at `spot`.
    pub(crate) fn switch_on(&mut self, own: Own, spot: Spot) {
        match own.option.id {
            OwnId::Verbose => self.verbose = self.verbose.saturating_add(own.times),
            OwnId::Exec => self.exec = true,
            OwnId::DryRun => self.dry_run = true,
            OwnId::Explain => self.explain = Some(Explain::Text),
            OwnId::Modernize => self.modernize = true,
            OwnId::FdPlaceholder => self.fd_placeholder = true,
            OwnId::Wait => self.wait = Some(Wait::Forever),
            OwnId::LinkState => self.link_state = true,
            OwnId::Switch => {
                let served = self.served();
                (served.dir, served.spot) = (None, spot);
            }
            OwnId::Hub => self.served().hub = true,
            // Help, Version and the end are the parser's; the others take a value.
            _ => {}
        }
    }

    /// Notes an option whose value is the bytes of argument `index` from `from` on.
    pub(crate) fn set(
        &mut self,
        option: &OwnOption,
        index: usize,
        text: &OsStr,
        from: usize,
    ) -> Result<(), ArgError> {
        let value = text.as_bytes().get(from..).unwrap_or_default();
        let wrong = |kind| ArgError::at(kind, index, text, from..text.len());
        let time = || read_timeout(value).ok_or_else(|| wrong(ArgErrorKind::BadTimeout));
        match option.id {
            OwnId::Mode if value.is_empty() => self.mode = None,
            OwnId::Mode => {
                let mode = read_mode(value).ok_or_else(|| wrong(ArgErrorKind::BadMode))?;
                self.mode = (mode != 0).then_some(mode);
            }
            OwnId::Timeout => self.timeout = Some(time()?),
            OwnId::Wait => self.wait = Some(Wait::For(time()?)),
            OwnId::Reconnect => {
                self.reconnect = Some(match value {
                    b"on" => Reconnect::On,
                    b"off" => Reconnect::Off,
                    _ => match read_timeout(value) {
                        Some(time) => Reconnect::For(time),
                        None => return Err(wrong(ArgErrorKind::BadReconnect)),
                    },
                });
            }
            OwnId::QemuVersion => {
                let version = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
                self.qemu_version = Some(version.ok_or_else(|| wrong(ArgErrorKind::BadVersion))?);
            }
            OwnId::Explain => {
                self.explain = Some(match value {
                    b"text" => Explain::Text,
                    b"json" => Explain::Json,
                    _ => return Err(wrong(ArgErrorKind::BadExplain)),
                });
            }
            OwnId::Mac if value == AUTO => {
                self.auto_mac = Some(Spot::new(index, from..text.len()));
            }
            OwnId::Mac => return Err(wrong(ArgErrorKind::BadMac)),
            OwnId::Ports => {
                let ports = read_number(value, SWITCH_PORTS_MAX).filter(|ports| *ports > 0);
                self.served().ports = Some(ports.ok_or_else(|| wrong(ArgErrorKind::BadPorts))?);
            }
            OwnId::Control
            | OwnId::Events
            | OwnId::ReadyFd
            | OwnId::Switch
            | OwnId::Group
            | OwnId::Management => {
                let spot = Spot::new(index, from..text.len());
                self.set_file(option, value, spot).map_err(wrong)?;
            }
            OwnId::Relay => {
                let value = RelayWish::parse(value).map_err(|error| {
                    let span = from + error.span.start..from + error.span.end;
                    ArgError::at(ArgErrorKind::BadRelay { error }, index, text, span)
                })?;
                let spot = Spot::new(index, from..text.len());
                self.relays.push(Given { value, spot });
            }
            OwnId::Sock => self.add_socks(index, value, from),
            _ => {}
        }
        Ok(())
    }

    /// Notes an option whose value is a file of some sort, or a name.
    fn set_file(
        &mut self,
        option: &OwnOption,
        value: &[u8],
        spot: Spot,
    ) -> Result<(), ArgErrorKind> {
        let path = || OsStr::from_bytes(value).to_owned();
        let descriptor = || {
            let bad = ArgErrorKind::BadNumber { key: "descriptor", max: DESCRIPTOR_MAX };
            read_descriptor(value).ok_or(bad)
        };
        match (option.id, option.value) {
            (OwnId::ReadyFd, _) => self.ready_fd = Some(Given { value: descriptor()?, spot }),
            (_, OwnValue::Required(expected) | OwnValue::Optional(expected))
                if value.is_empty() =>
            {
                return Err(ArgErrorKind::EmptyValue { expected });
            }
            (OwnId::Events, _) => {
                let value = match value.iter().all(u8::is_ascii_digit) {
                    true => Sink::Fd(descriptor()?),
                    false => Sink::Path(path()),
                };
                self.events = Some(Given { value, spot });
            }
            (OwnId::Control, _) => self.control = Some(Given { value: path(), spot }),
            (OwnId::Switch, _) => {
                let served = self.served();
                (served.dir, served.spot) = (Some(path()), spot);
            }
            (OwnId::Group, _) => self.served().group = Some(Given { value: path(), spot }),
            (OwnId::Management, _) => {
                self.served().management = Some(Given { value: path(), spot });
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds the names of a `-sock` list. The list has no escape: every comma separates.
    fn add_socks(&mut self, index: usize, list: &[u8], from: usize) {
        let mut start = from;
        for name in list.split(|&b| b == b',') {
            let path = (!name.is_empty()).then(|| OsStr::from_bytes(name).to_owned());
            let end = start + name.len();
            self.socks.push(Sock { path, spot: Spot::new(index, start..end) });
            start = end + 1;
        }
    }
}
