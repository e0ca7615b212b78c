//! The frame by which a station shows the switches where it is now.
//!
//! ```text
//!  0             6        12     14     16     18  19  20     22        28      32        38    ..60
//! +-------------+--------+------+------+------+---+---+------+---------+-------+---------+-------+
//! |ff:ff:ff:ff:ff:ff| mac | 8035 | 0001 | 0800 | 6 | 4 | 0003 |   mac   | zeros |   mac   | zeros |
//! +-------------+--------+------+------+------+---+---+------+---------+-------+---------+-------+
//! ```
//!
//! It is the request "reverse" of RARP (RFC 903) about the station itself, which nobody answers: what
//! counts is that every switch on the way learns the source address. QEMU sends the same frame when
//! a machine has migrated.

use super::frame;
use super::mac::MacAddr;

/// The type of a RARP frame.
pub const ETHERTYPE_RARP: u16 = 0x8035;

/// Hardware type (Ethernet), protocol type (IPv4), the lengths of their addresses, and the operation
/// "request reverse".
const ASKING: [u8; 8] = [0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 0x03];

/// Everybody hears that `mac` is here.
///
/// ```
/// use vde_proto::wire::rarp;
/// let frame = rarp::announcement("52:54:00:12:34:56".parse()?);
/// assert_eq!(frame.len(), 60);
/// assert_eq!(frame[12..14], rarp::ETHERTYPE_RARP.to_be_bytes());
/// # Ok::<(), vde_proto::wire::MacAddrError>(())
/// ```
#[must_use]
pub fn announcement(mac: MacAddr) -> [u8; frame::PADDED_LEN] {
    let mac = mac.octets();
    let fields: [&[u8]; 7] = [
        &MacAddr::BROADCAST.octets(),
        &mac,
        &ETHERTYPE_RARP.to_be_bytes(),
        &ASKING,
        &mac,
        &[0; 4],
        &mac,
    ];
    let mut bytes = [0; frame::PADDED_LEN];
    let written = fields.iter().copied().flatten();
    bytes.iter_mut().zip(written).for_each(|(byte, field)| *byte = *field);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Captured from QEMU 7.2.22 (Debian 12): what it sends at the QMP command `announce-self` for an
    /// e1000 with this address; one datagram of 60 bytes.
    const OF_QEMU: &str = "ffffffffffff525400123456803500010800060400035254001234560000000052540012345600000000000000000000000000000000000000000000";

    #[test]
    fn the_frame_is_the_one_that_qemu_sends() {
        let frame = announcement("52:54:00:12:34:56".parse().unwrap());
        let text: alloc::string::String =
            frame.iter().map(|byte| alloc::format!("{byte:02x}")).collect();
        assert_eq!(text, OF_QEMU);
    }
}
