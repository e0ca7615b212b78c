//! What a VDE network asks for: the switch, the port, and the rights of the data socket.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use crate::client::{Client, HUB_MAX, Kind};
use crate::keyval::Entry;
use crate::nearest::nearest;
use crate::values::{read_mode, read_number};
use crate::{ArgError, ArgErrorKind, CommandLine, Sock};

/// The highest port number that the control protocol can carry: 23 bits \[P-2.4\].
pub const PORT_MAX: u32 = 0x7f_ffff;

/// One plug to make before QEMU starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlugSpec {
    /// The switch as the user named it, a path or a network locator, with option escapes resolved
    /// and quotes kept (they are the locator's). `None` is the default switch \[P-11.1\].
    pub sock: Option<OsString>,
    /// The port, 1 to [`PORT_MAX`] \[P-2.6\]. `None` is any \[P-2.5\]: `port=0` was that for the
    /// C vdeq, and is for QEMU's own backend. Port 0 itself has to be asked for in the locator.
    pub port: Option<u32>,
    /// The group of the data socket, by name or number.
    pub group: Option<OsString>,
    /// The mode of the data socket that `mode=` of this network asks for. `None`, also for a mode
    /// of 0, which would lock the switch out \[P-9.2\], is what the locator says, then what
    /// [`crate::Options::mode`] says, then the default.
    pub mode: Option<u32>,
    /// The argument that names the switch, and which bytes of it do: the value of `sock=`, the
    /// name in a `-sock` list, or the word `vde`. `None` if nothing asked for this plug but the
    /// lack of any other network.
    pub origin: Option<(usize, Range<usize>)>,
}

impl PlugSpec {
    /// The plug for a name of a `-sock` list.
    pub(crate) fn of_sock(sock: &Sock) -> Self {
        let origin = Some(sock.origin.clone());
        Self { sock: sock.path.clone(), origin, ..Self::default_switch() }
    }

    /// The plug of a command line that names no network.
    pub(crate) fn default_switch() -> Self {
        Self { sock: None, port: None, group: None, mode: None, origin: None }
    }

    /// The plug that a client asks for which names VDE.
    pub(crate) fn of_client(client: &Client, line: &CommandLine) -> Result<Self, ArgError> {
        let reader = Reader { client, line };
        let mut plug = Self { origin: reader.origin(b"type"), ..Self::default_switch() };
        for entry in client.list.entries().iter().filter(|entry| !entry.is_empty()) {
            reader.read(entry, &mut plug)?;
        }
        if client.kind == Kind::Netdev && client.list.first(b"id").is_none_or(|id| id.is_empty()) {
            let text = reader.text();
            return Err(ArgError::after(ArgErrorKind::MissingId, reader.index(), text));
        }
        Ok(plug)
    }
}

/// The parameters that each option takes beside `vde`, for the reader and for suggestions.
const OWN_KEYS: [&str; 4] = ["sock", "port", "group", "mode"];

fn other_keys(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Net => &["type", "vlan", "id", "name"],
        Kind::Netdev => &["type", "id"],
        Kind::Nic => &["type", "id", "name", "model", "mac", "macaddr", "addr", "vectors"],
        Kind::Device => &[],
    }
}

struct Reader<'a> {
    client: &'a Client,
    line: &'a CommandLine,
}

impl Reader<'_> {
    fn index(&self) -> usize {
        self.line.origin(self.client.value)
    }

    fn text(&self) -> &OsStr {
        OsStr::from_bytes(self.client.list.text())
    }

    /// Where the value of the last item called `key` stands.
    fn origin(&self, key: &[u8]) -> Option<(usize, Range<usize>)> {
        let entry = self.client.list.last_entry(key)?;
        Some((self.index(), entry.value.clone()?))
    }

    fn error(&self, kind: ArgErrorKind, span: &Range<usize>) -> ArgError {
        ArgError::at(kind, self.index(), self.text(), span.clone())
    }

    /// Reads one item into the plug. Of a repeated key the last one counts.
    fn read(&self, entry: &Entry, plug: &mut PlugSpec) -> Result<(), ArgError> {
        let list = &self.client.list;
        let name = list.key(entry);
        let mut keys = OWN_KEYS.iter().chain(other_keys(self.client.kind)).copied();
        let Some(key) = keys.clone().find(|key| key.as_bytes() == name) else {
            let nearest = nearest(name, keys.by_ref());
            let span = entry.key.as_ref().unwrap_or(&entry.span);
            return Err(self.error(ArgErrorKind::UnknownParameter { nearest }, span));
        };
        let (Some(value), Some(span)) = (list.value(entry), &entry.value) else {
            return Err(self.error(ArgErrorKind::MissingParameterValue { key }, &entry.span));
        };
        let text = || (!value.is_empty()).then(|| OsStr::from_bytes(&value).to_owned());
        let number = |max| {
            let kind = ArgErrorKind::BadNumber { key, max };
            read_number(&value, max).ok_or_else(|| self.error(kind, span))
        };
        match key {
            "sock" => {
                plug.sock = text();
                plug.origin = Some((self.index(), span.clone()));
            }
            "group" => plug.group = text(),
            "port" => plug.port = Some(number(PORT_MAX)?).filter(|port| *port > 0),
            "mode" => {
                let mode = read_mode(&value);
                let mode = mode.ok_or_else(|| self.error(ArgErrorKind::BadMode, span))?;
                plug.mode = (mode != 0).then_some(mode);
            }
            "vlan" => drop(number(HUB_MAX)?),
            _ => {}
        }
        Ok(())
    }
}
