//! The file format of a capture: pcapng (draft-ietf-opsawg-pcapng), in this machine's byte order.
//!
//! ```text
//! +------+--------+-----------------------------------------+---------+--------+
//! | type | length |  fixed fields, data padded to 4 bytes   | options | length |   every block
//! +------+--------+-----------------------------------------+---------+--------+
//! | code | length |  value padded to 4 bytes |   every option; code 0 ends them
//! +------+--------+--------------------------+
//! ```
//!
//! A section has one interface, the NIC, whose timestamps count nanoseconds. Blocks are added to the
//! end of a buffer.

use std::time::Duration;

use super::Direction;

/// Block types.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// By which a reader knows the byte order.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Ethernet, without checksum.
const LINKTYPE_ETHERNET: u16 = 1;

/// Option codes.
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;
const ISB_STARTTIME: u16 = 2;
const ISB_ENDTIME: u16 = 3;
const ISB_IFRECV: u16 = 4;
const ISB_OSDROP: u16 = 7;

/// `epb_flags` of a frame that the interface received, and of one that it sent.
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// Longest text that is written as an option, in bytes: the rest is cut off.
const MAX_TEXT: usize = 4096;

/// What a frame takes at most beyond its own length, in bytes.
pub const PACKET_OVERHEAD: usize = 64;

/// A captured frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When, since 1970.
    pub time: Duration,
    /// Inbound is what the VM is sent.
    pub direction: Direction,
    /// The whole frame.
    pub frame: &'a [u8],
    /// How many frames before it, and after the one that was captured last, are missing.
    pub dropped: u64,
}

/// What is said at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// When the capture began, since 1970.
    pub began: Duration,
    /// When it ended, since 1970.
    pub ended: Duration,
    /// Frames that were there to be captured.
    pub seen: u64,
    /// How many of them are missing, since nobody took them in time.
    pub dropped: u64,
}

/// Begins a section: what wrote it (`application`), and its one interface.
pub fn begin(out: &mut Vec<u8>, application: &str, name: &str, description: &str) {
    block(out, SECTION_HEADER, |out| {
        out.extend(BYTE_ORDER_MAGIC.to_ne_bytes());
        // Version 1.0, and a section of a length that nobody knows yet.
        out.extend(1u16.to_ne_bytes());
        out.extend(0u16.to_ne_bytes());
        out.extend(u64::MAX.to_ne_bytes());
        text(out, SHB_USERAPPL, application);
        end_of_options(out);
    });
    block(out, INTERFACE_DESCRIPTION, |out| {
        out.extend(LINKTYPE_ETHERNET.to_ne_bytes());
        out.extend(0u16.to_ne_bytes());
        // Frames are not cut.
        out.extend(0u32.to_ne_bytes());
        text(out, IF_NAME, name);
        text(out, IF_DESCRIPTION, description);
        // Units of 10⁻⁹ s.
        option(out, IF_TSRESOL, &[9]);
        end_of_options(out);
    });
}

/// Adds a frame.
///
/// ```
/// use std::time::Duration;
/// use vde_exec::relay::{Direction, pcapng};
/// let mut file = Vec::new();
/// pcapng::begin(&mut file, "an example", "net0", "vde:///run/vde.ctl");
/// let (time, direction) = (Duration::from_secs(1_700_000_000), Direction::ToVm);
/// let before = file.len();
/// pcapng::packet(&mut file, &pcapng::Packet { time, direction, frame: &[0; 60], dropped: 0 });
/// assert!(file.len() - before <= 60 + pcapng::PACKET_OVERHEAD);
/// ```
pub fn packet(out: &mut Vec<u8>, packet: &Packet<'_>) {
    block(out, ENHANCED_PACKET, |out| {
        out.extend(0u32.to_ne_bytes());
        out.extend(timestamp(packet.time));
        let length = length_of(packet.frame.len()).to_ne_bytes();
        out.extend([length, length].as_flattened());
        padded(out, packet.frame);
        let flags = match packet.direction {
            Direction::ToVm => INBOUND,
            Direction::FromVm => OUTBOUND,
        };
        option(out, EPB_FLAGS, &flags.to_ne_bytes());
        if packet.dropped > 0 {
            option(out, EPB_DROPCOUNT, &packet.dropped.to_ne_bytes());
        }
        end_of_options(out);
    });
}

/// Ends a capture.
pub fn end(out: &mut Vec<u8>, statistics: &Statistics) {
    block(out, INTERFACE_STATISTICS, |out| {
        out.extend(0u32.to_ne_bytes());
        out.extend(timestamp(statistics.ended));
        option(out, ISB_STARTTIME, &timestamp(statistics.began));
        option(out, ISB_ENDTIME, &timestamp(statistics.ended));
        option(out, ISB_IFRECV, &statistics.seen.to_ne_bytes());
        option(out, ISB_OSDROP, &statistics.dropped.to_ne_bytes());
        end_of_options(out);
    });
}

/// A block of this type; its length stands in front and at the end.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let begin = out.len();
    out.extend(kind.to_ne_bytes());
    out.extend([0; 4]);
    body(out);
    let length = length_of(out.len() - begin + 4).to_ne_bytes();
    out.extend(length);
    if let Some(front) = out.get_mut(begin + 4..begin + 8) {
        front.copy_from_slice(&length);
    }
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend(code.to_ne_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or_default().to_ne_bytes());
    padded(out, value);
}

fn text(out: &mut Vec<u8>, code: u16, value: &str) {
    let mut end = value.len().min(MAX_TEXT);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    option(out, code, value.get(..end).unwrap_or_default().as_bytes());
}

fn end_of_options(out: &mut Vec<u8>) {
    out.extend([0; 4]);
}

fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.extend(std::iter::repeat_n(0, bytes.len().next_multiple_of(4) - bytes.len()));
}

/// Nanoseconds since 1970 (until 2554): the upper half comes first, in any byte order.
fn timestamp(time: Duration) -> [u8; 8] {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let [high, low] = [nanos >> 32, nanos & 0xffff_ffff];
    let mut bytes = [0; 8];
    let halves = [high, low].map(|half| u32::try_from(half).unwrap_or_default().to_ne_bytes());
    bytes.copy_from_slice(halves.as_flattened());
    bytes
}

/// Frames are at most 64 KiB long, and so is everything else.
fn length_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
