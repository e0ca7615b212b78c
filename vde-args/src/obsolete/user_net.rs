//! Options that were about the `user` network of the line.
//!
//! They were for whichever `user` network there was. Where there is exactly one, it gets their
//! meaning as a parameter of its own; where there is none or several, nobody can say.

use super::{Case, Successor};
use crate::keyval::escape;
use crate::net_option::Notation;
use crate::{CommandLine, NetKind};

/// The word with the option of the only `user` network of the line, if it is a list.
pub(super) fn only(line: &CommandLine<'_>) -> Option<usize> {
    let mut users = line
        .networks()
        .filter(|option| option.kind() != NetKind::Device && option.is_type(b"user"));
    let user = users.next().filter(|user| matches!(user.notation, Notation::List(_)))?;
    users.next().is_none().then_some(user.word())
}

/// `-tftp`, `-bootp` and `-smb`: the parameter `key` with the same value.
pub(super) fn parameter(case: &Case<'_>, key: &[u8]) -> Option<Successor> {
    case.around.user_net?;
    Some(Successor::UserNet([key, b"=", &*escape(case.value)].concat()))
}

/// `-redir [tcp|udp]:HOST_PORT:[GUEST]:GUEST_PORT`.
pub(super) fn redirection(case: &Case<'_>) -> Option<Successor> {
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
    case.around.user_net?;
    Some(Successor::UserNet(rule))
}
