//! A hardware address for the NIC among the words of an argument.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::lists;
use crate::mac::{Mac, write_mac};
use crate::{CommandLine, NetKind};

/// Gives the NIC among these words this address. For a QEMU of before 0.8 there is none among them.
pub(super) fn give(words: &mut [OsString], mac: Mac) {
    let line = CommandLine::parse(words);
    let nics = line.networks().filter(|net| net.kind() != NetKind::Netdev && net.is_nic());
    let nics: Vec<_> = nics.map(|net| (net.index(), net.kind())).collect();
    let mac = write_mac(mac);
    for (index, kind) in nics {
        let Some(list) = words.get_mut(index) else { continue };
        let key = if kind == NetKind::Net { "macaddr" } else { "mac" };
        *list = match before_brace(list) {
            Some(head) => {
                OsString::from_vec([head, br#","mac":""#, mac.as_bytes(), br#""}"#].concat())
            }
            None => lists::with_parameters(list, format!("{key}={mac}").as_bytes()),
        };
    }
}

/// What stands before the last brace of an object in JSON.
fn before_brace(text: &OsStr) -> Option<&[u8]> {
    let text = text.as_bytes().trim_ascii_end();
    text.starts_with(b"{").then(|| text.strip_suffix(b"}")).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nic_and_nothing_else_is_given_the_address_in_its_own_notation() {
        let mac = [2, 0, 0, 0, 0, 0x1f];
        for (before, after) in [
            ("-nic socket,fd=3", "-nic socket,fd=3,mac=02:00:00:00:00:1f"),
            ("-net nic -net tap,fd=3", "-net nic,macaddr=02:00:00:00:00:1f -net tap,fd=3"),
            (
                "-netdev hubport,id=a,hubid=1 -net nic,netdev=a",
                "-netdev hubport,id=a,hubid=1 -net nic,netdev=a,macaddr=02:00:00:00:00:1f",
            ),
            (
                r#"-device {"driver":"e1000"}"#,
                r#"-device {"driver":"e1000","mac":"02:00:00:00:00:1f"}"#,
            ),
            ("--device e1000,", "--device e1000,mac=02:00:00:00:00:1f"),
            ("-tun-fd 3", "-tun-fd 3"),
        ] {
            let mut words: Vec<OsString> = before.split(' ').map(Into::into).collect();
            give(&mut words, mac);
            assert_eq!(words.join(OsStr::new(" ")), after);
        }
    }
}
