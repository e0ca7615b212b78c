//! The reply of a switch, as a client reads it. A switch is not trusted: what is accepted here is
//! a path that a socket will be connected to.

use vde_proto::{Reply, ReplyError, SocketPath};

/// Reads `data` as a reply and compares the verdict with that of a model of section 5.
///
/// # Panics
/// If they differ, or an accepted reply does not survive being written.
pub fn check(data: &[u8]) {
    let verdict = Reply::parse(data);
    assert_eq!(verdict, model(data));
    match verdict {
        Ok(reply) => accepted(data, &reply),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn model(data: &[u8]) -> Result<Reply, ReplyError> {
    let (family, path) = match data.split_at_checked(2) {
        Some(parts) if data.len() == 110 => parts,
        _ => return Err(ReplyError::Length { got: data.len() }),
    };
    match u16::from_ne_bytes([family[0], family[1]]) {
        1 => {}
        other => return Err(ReplyError::Family(other)),
    }
    let Some(end) = path.iter().position(|&byte| byte == 0) else {
        return Err(ReplyError::Unterminated);
    };
    match &path[..end] {
        [] => Err(ReplyError::Empty),
        path => {
            let socket = SocketPath::new(path).expect("1 to 107 bytes without NUL");
            match path {
                [b'/', ..] => Ok(Reply { path: socket }),
                _ => Err(ReplyError::Relative(socket)),
            }
        }
    }
}

/// Only what follows the end of the path is lost when the reply is written again.
fn accepted(data: &[u8], reply: &Reply) {
    let end = 2 + reply.path.as_bytes().len();
    let emitted = reply.emit();
    assert_eq!(emitted[..=end], data[..=end]);
    assert!(emitted[end..].iter().all(|&byte| byte == 0));
    assert_eq!(Reply::parse(&emitted).as_ref(), Ok(reply));
    assert!(reply.path.to_string().is_ascii(), "a terminal would be at the switch's mercy");
}
