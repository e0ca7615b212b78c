//! What a VDE network asks for: the switch, the port, and the rights of the data socket.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use crate::json::Kind as JsonKind;
use crate::keyval::{Entry, KeyVal};
use crate::nearest::nearest;
use crate::net_option::{NetKind, NetOption, Notation};
use crate::net_param::NetParam;
use crate::values::{HUB_MAX, read_mode, read_number, read_vlan};
use crate::words::PLUG_WORDS;
use crate::{ArgError, ArgErrorKind, Sock};

/// The highest port number that the control protocol can carry: 23 bits \[P-2.4\].
pub const PORT_MAX: u32 = 0x7f_ffff;

/// The `mac=` that is vdeq's.
pub(crate) const AUTO: &[u8] = b"auto";

/// Whether a parameter is one of [`PLUG_WORDS`], which no QEMU is to see. `mac=` is only if it is `auto`.
pub(crate) fn is_of_plug(list: &KeyVal<'_>, entry: &Entry) -> bool {
    let key = list.key(entry);
    let is_named = PLUG_WORDS.iter().any(|word| word.name.as_bytes() == key);
    is_named && (key != b"mac" || list.value(entry).as_deref() == Some(AUTO))
}

/// Some bytes of an argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Spot {
    /// Which argument, counted from argv\[0\] = 0.
    pub index: usize,
    /// Which bytes of it.
    pub span: Range<usize>,
}

impl Spot {
    pub(crate) fn new(index: usize, span: Range<usize>) -> Self {
        Self { index, span }
    }
}

/// One plug to make before the program starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
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
    /// Whether `mac=auto` asks for an address of its own for each NIC on this network.
    pub auto_mac: bool,
    /// What the administrator of the switch is to read beside the port \[P-2.16\].
    pub description: Option<OsString>,
    /// The argument that asks for the plug: all of it that does. `None` if nothing does but the
    /// lack of any other network.
    pub spot: Option<Spot>,
    /// Where each part was said, for a message about it.
    pub parts: PlugParts,
}

/// Where the parts of a [`PlugSpec`] were said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PlugParts {
    /// The value of `sock=`, or the name in a `-sock` list.
    pub sock: Option<Spot>,
    /// The value of `port=`.
    pub port: Option<Spot>,
    /// The value of `group=`.
    pub group: Option<Spot>,
    /// The value of `mode=`.
    pub mode: Option<Spot>,
    /// The `auto` of `mac=`.
    pub mac: Option<Spot>,
}

impl PlugSpec {
    /// The plug for a name of a `-sock` list.
    pub(crate) fn of_sock(sock: &Sock) -> Self {
        let spot = Some(sock.spot.clone());
        let parts = PlugParts { sock: spot.clone(), ..PlugParts::default() };
        Self { sock: sock.path.clone(), spot, parts, ..Self::default() }
    }

    /// The plug that an option asks for which names VDE.
    pub(crate) fn of_option(option: &NetOption<'_>) -> Result<Self, ArgError> {
        let reader = Reader { index: option.index(), text: option.text() };
        let mut plug = Self::default();
        for param in option.params() {
            if matches!(&*param.key, b"type") {
                plug.spot = Some(reader.spot(&param.value_span));
            }
            reader.read(&param, &mut plug, other_keys(option.kind()))?;
        }
        let has_id = option.get(b"id").is_some_and(|id| !id.is_empty());
        if option.kind() == NetKind::Netdev && !has_id {
            let at = match option.notation {
                // Before the last brace, whatever blanks stand behind it.
                Notation::Json(_) => {
                    reader.text.as_bytes().trim_ascii_end().len().saturating_sub(1)
                }
                _ => reader.text.len(),
            };
            return Err(reader.error(ArgErrorKind::MissingId, &(at..at)));
        }
        Ok(plug)
    }

    /// The plug that a list asks for which has no keys but those of a plug. It stands in argument
    /// `index`, which is `text`, from byte `from` on.
    pub(crate) fn of_list(
        list: &KeyVal<'_>,
        index: usize,
        text: &OsStr,
        from: usize,
    ) -> Result<Self, ArgError> {
        let reader = Reader { index, text };
        let mut plug = Self::default();
        for entry in
            list.entries().iter().filter(|entry| !entry.is_empty() && !entry.span.is_empty())
        {
            let shift = |span: &Range<usize>| span.start + from..span.end + from;
            let key = list.key(entry);
            let param = NetParam {
                key: Cow::Borrowed(key),
                key_span: shift(entry.key.as_ref().unwrap_or(&entry.span)),
                value: list.value(entry),
                value_span: shift(entry.value.as_ref().unwrap_or(&entry.span)),
                json: None,
            };
            reader.read(&param, &mut plug, &[])?;
        }
        Ok(plug)
    }
}

/// The parameters that each option takes beside those of [`PLUG_WORDS`].
fn other_keys(kind: NetKind) -> &'static [&'static str] {
    match kind {
        NetKind::Net => &["type", "vlan", "id", "name"],
        NetKind::Netdev => &["type", "id"],
        NetKind::Nic => &["type", "id", "name", "model", "mac", "macaddr", "addr", "vectors"],
        NetKind::Device => &[],
    }
}

/// Reads parameters, and knows the argument that they are of.
struct Reader<'a> {
    index: usize,
    text: &'a OsStr,
}

impl Reader<'_> {
    fn spot(&self, span: &Range<usize>) -> Spot {
        Spot::new(self.index, span.clone())
    }

    fn error(&self, kind: ArgErrorKind, span: &Range<usize>) -> ArgError {
        ArgError::at(kind, self.index, self.text, span.clone())
    }

    /// Reads one parameter into the plug. Of a repeated key the last one counts.
    fn read(
        &self,
        param: &NetParam<'_>,
        plug: &mut PlugSpec,
        others: &'static [&'static str],
    ) -> Result<(), ArgError> {
        let own = PLUG_WORDS.iter().map(|word| word.name);
        let mut keys = own.chain(others.iter().copied());
        let Some(key) = keys.clone().find(|key| key.as_bytes() == &*param.key) else {
            let nearest = nearest(&param.key, keys.by_ref());
            return Err(self.error(ArgErrorKind::UnknownParameter { nearest }, &param.key_span));
        };
        let Some(value) = &param.value else {
            let kind = ArgErrorKind::MissingParameterValue { key };
            return Err(self.error(kind, &param.value_span));
        };
        let text = || (!value.is_empty()).then(|| OsStr::from_bytes(value).to_owned());
        let number = |max| {
            let kind = ArgErrorKind::BadNumber { key, max };
            read_number(value, max).ok_or_else(|| self.error(kind, &param.value_span))
        };
        let spot = Some(self.spot(&param.value_span));
        let is_number = matches!((param.json, key), (Some(JsonKind::Number), "port" | "mode"));
        if !(is_number || matches!(param.json, None | Some(JsonKind::String))) {
            return Err(self.error(ArgErrorKind::NotText { key }, &param.value_span));
        }
        match key {
            "sock" => (plug.sock, plug.parts.sock) = (text(), spot),
            "group" => (plug.group, plug.parts.group) = (text(), spot),
            // Empty, as of a variable in a script that is not set.
            "port" if value.is_empty() => (plug.port, plug.parts.port) = (None, spot),
            "port" => {
                plug.port = Some(number(PORT_MAX)?).filter(|port| *port > 0);
                plug.parts.port = spot;
            }
            "mode" if value.is_empty() => (plug.mode, plug.parts.mode) = (None, spot),
            "mode" => {
                let bad = || self.error(ArgErrorKind::BadMode, &param.value_span);
                let mode = match param.json {
                    // It is decimal there, whatever it is for.
                    Some(JsonKind::Number) => number(0o777)?,
                    _ => read_mode(value).ok_or_else(bad)?,
                };
                plug.mode = Some(mode).filter(|mode| *mode != 0);
                plug.parts.mode = spot;
            }
            "mac" if **value == *AUTO => (plug.auto_mac, plug.parts.mac) = (true, spot),
            // The NIC's, and QEMU's to read.
            "mac" if others.contains(&"mac") => {}
            "mac" => return Err(self.error(ArgErrorKind::BadMac, &param.value_span)),
            "vlan" if read_vlan(value).is_none() => {
                let kind = ArgErrorKind::BadNumber { key, max: HUB_MAX };
                return Err(self.error(kind, &param.value_span));
            }
            _ => {}
        }
        Ok(())
    }
}
