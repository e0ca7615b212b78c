//! Options that were about the `user` network of the line.
//!
//! They were for whichever `user` network there was. Where there is exactly one, it gets their
//! meaning as a parameter of its own, unless it has that parameter already, which was stronger; where
//! there is none or several, nobody can say.

use super::{Case, Successor};
use crate::keyval::escape;
use crate::{CommandLine, NetKind};

/// A `user` network.
pub(super) struct UserNet {
    /// The word with its option.
    pub(super) word: usize,
    has_tftp: bool,
    has_bootfile: bool,
    has_smb: bool,
}

/// The only `user` network of the line, if it is a list.
pub(super) fn only(line: &CommandLine<'_>) -> Option<UserNet> {
    let mut users = line
        .networks()
        .filter(|option| option.kind() != NetKind::Device && option.is_type(b"user"));
    let (user, other) = (users.next()?, users.next());
    let list = user.list().filter(|_| other.is_none())?;
    let has = |key| list.last_entry(key).is_some();
    let (has_tftp, has_bootfile, has_smb) = (has(b"tftp"), has(b"bootfile"), has(b"smb"));
    Some(UserNet { word: user.word(), has_tftp, has_bootfile, has_smb })
}

/// `-tftp` and `-bootp`: the parameter `key` with the same value.
pub(super) fn parameter(case: &Case<'_>, key: &str) -> Option<Successor> {
    let net = case.around.user_net.as_ref()?;
    let has_it = if key == "tftp" { net.has_tftp } else { net.has_bootfile };
    if has_it {
        return Some(Successor::Words(Vec::new()));
    }
    Some(Successor::UserNet([key.as_bytes(), b"=", &*escape(case.value)].concat()))
}

/// `-smb`, of which it is not known whether it was stronger than the network's own.
pub(super) fn shares(case: &Case<'_>) -> Option<Successor> {
    case.around.user_net.as_ref().filter(|net| !net.has_smb)?;
    Some(Successor::UserNet([b"smb=", &*escape(case.value)].concat()))
}

/// `-redir [tcp|udp]:HOST_PORT:[GUEST]:GUEST_PORT`.
pub(super) fn redirection(case: &Case<'_>) -> Option<Successor> {
    case.around.user_net.as_ref()?;
    let mut fields = case.value.split(|&byte| byte == b':');
    let [protocol, host_port, guest, guest_port] =
        [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    let is_protocol = matches!(protocol, b"" | b"tcp" | b"udp");
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let is_address = guest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let is_whole = fields.next().is_none() && is_address;
    if !(is_whole && is_protocol && is_number(host_port) && is_number(guest_port)) {
        return None;
    }
    let rule = [b"hostfwd=", protocol, b"::", host_port, b"-", guest, b":", guest_port].concat();
    Some(Successor::UserNet(rule))
}
