//! Ethernet frames, as they travel over a data socket: one datagram each, without checksum.
//!
//! ```text
//!  0             6             12     14                                        ..1514
//! +-------------+-------------+------+------------------------------------------+
//! | destination |   source    | type |  payload                                 |
//! +-------------+-------------+------+------+------+-----------------------------+
//! | destination |   source    | 8100 | tag  | type |  payload                    |   802.1Q
//! +-------------+-------------+------+------+------+-----------------------------+
//!  0             6             12     14     16     18                            ..1518
//! ```
//!
//! Types and tags are in network byte order \[P-8.1\].

use alloc::vec::Vec;
use core::ops::Range;

use super::field;
use super::mac::MacAddr;

/// The shortest frame, in bytes: its header. Switches ignore shorter datagrams \[P-8.2\].
pub const MIN_LEN: usize = 14;
/// What a new vde_switch pads short frames to, in bytes \[P-8.6\]; the shortest frame on a real
/// Ethernet without its checksum.
pub const PADDED_LEN: usize = 60;
/// Where vde_switch cuts a frame, in bytes: 1500 of payload, header and one tag \[P-8.3\].
pub const SWITCH_MAX: usize = 1518;
/// The longest frame vde_switch sends, in bytes \[P-8.4\].
pub const SWITCH_SEND_MAX: usize = 1522;
/// The longest frame of a libvdeplug4 peer, in bytes \[P-8.5\].
pub const LIBRARY_MAX: usize = 9234;
/// A buffer that no datagram of a VDE peer outgrows, in bytes.
pub const BUFFER_LEN: usize = 65536;
/// The type of a frame that carries an 802.1Q tag.
pub const ETHERTYPE_VLAN: u16 = 0x8100;

const DESTINATION: Range<usize> = 0..6;
const SOURCE: Range<usize> = 6..12;
const TYPE: Range<usize> = 12..14;
const TAG: Range<usize> = 14..16;
const INNER_TYPE: Range<usize> = 16..18;

/// The tag of a frame that belongs to a virtual LAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VlanTag(u16);

impl VlanTag {
    /// The tag made of these 16 bits: 3 of priority, 1 of drop eligibility, 12 of VLAN number.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// All 16 bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The number of the VLAN, 0 to 4095.
    #[must_use]
    pub const fn id(self) -> u16 {
        self.0 & 0xfff
    }

    /// The priority, 0 to 7.
    #[must_use]
    pub const fn priority(self) -> u16 {
        self.0 >> 13
    }
}

/// A frame that has at least a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EthernetFrame<'a> {
    bytes: &'a [u8],
    header: FrameHeader,
}

impl<'a> EthernetFrame<'a> {
    /// `None` if there are less than [`MIN_LEN`] bytes.
    ///
    /// ```
    /// # use vde_proto::frame::EthernetFrame;
    /// let bytes = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1], &[0x08, 0x06], b"who has?"].concat();
    /// let frame = EthernetFrame::new(&bytes).unwrap();
    /// assert_eq!(frame.src().to_string(), "02:00:00:00:00:01");
    /// assert_eq!(frame.ethertype(), 0x0806);
    /// assert_eq!(frame.payload(), b"who has?");
    /// assert!(EthernetFrame::new(&bytes[..13]).is_none());
    /// ```
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        FrameHeader::parse(bytes).map(|header| Self { bytes, header })
    }

    /// The whole frame.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The addresses, the tag and the type.
    #[must_use]
    pub fn header(&self) -> FrameHeader {
        self.header
    }

    /// Whom the frame is for.
    #[must_use]
    pub fn dst(&self) -> MacAddr {
        self.header.dst
    }

    /// Who sent it.
    #[must_use]
    pub fn src(&self) -> MacAddr {
        self.header.src
    }

    /// What the payload is; the type after the tag, if there is a tag.
    #[must_use]
    pub fn ethertype(&self) -> u16 {
        self.header.ethertype
    }

    /// The 802.1Q tag, if there is one.
    #[must_use]
    pub fn vlan(&self) -> Option<VlanTag> {
        self.header.vlan
    }

    /// What follows the header.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(self.header.len()..).unwrap_or_default()
    }
}

/// The fields before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whom the frame is for.
    pub dst: MacAddr,
    /// Who sent it.
    pub src: MacAddr,
    /// The 802.1Q tag, if there is one.
    pub vlan: Option<VlanTag>,
    /// What the payload is.
    pub ethertype: u16,
}

impl FrameHeader {
    /// Length of an 802.1Q tag, in bytes, with the type that announces it.
    pub const TAG_LEN: usize = 4;

    /// Reads the header of a frame. `None` if there are less than [`MIN_LEN`] bytes.
    ///
    /// A frame that ends before its tag is complete has no tag: its type is then 0x8100.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let dst = MacAddr::new(field::take(bytes, DESTINATION)?);
        let src = MacAddr::new(field::take(bytes, SOURCE)?);
        let outer = u16::from_be_bytes(field::take(bytes, TYPE)?);
        let tag = field::take(bytes, TAG).map(|tag| VlanTag::from_bits(u16::from_be_bytes(tag)));
        let inner = field::take(bytes, INNER_TYPE).map(u16::from_be_bytes);
        let (vlan, ethertype) = match (outer, tag, inner) {
            (ETHERTYPE_VLAN, Some(tag), Some(inner)) => (Some(tag), inner),
            _ => (None, outer),
        };
        Some(Self { dst, src, vlan, ethertype })
    }

    /// Length of the header, in bytes: 14, or 18 with a tag.
    #[expect(clippy::len_without_is_empty, reason = "a header is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        MIN_LEN + if self.vlan.is_some() { Self::TAG_LEN } else { 0 }
    }

    /// The frame that has this header and this payload.
    #[must_use]
    pub fn emit(&self, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(self.len() + payload.len());
        frame.extend(self.dst.octets());
        frame.extend(self.src.octets());
        if let Some(tag) = self.vlan {
            frame.extend(ETHERTYPE_VLAN.to_be_bytes());
            frame.extend(tag.bits().to_be_bytes());
        }
        frame.extend(self.ethertype.to_be_bytes());
        frame.extend(payload);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: FrameHeader = FrameHeader {
        dst: MacAddr::BROADCAST,
        src: MacAddr::new([2, 0, 0, 0, 0, 7]),
        vlan: None,
        ethertype: 0x0800,
    };
    const TAGGED: FrameHeader = FrameHeader { vlan: Some(VlanTag(0xe00a)), ..PLAIN };

    #[test]
    fn the_bytes_of_a_tagged_frame_stand_where_802_1q_puts_them() {
        let frame = TAGGED.emit(b"hello");
        assert_eq!(frame[12..18], [0x81, 0x00, 0xe0, 0x0a, 0x08, 0x00]);
        assert_eq!(&frame[18..], b"hello");
    }

    #[test]
    fn a_tag_has_a_number_and_a_priority() {
        let tag = VlanTag::from_bits(0xe00a);
        assert_eq!((tag.id(), tag.priority(), tag.bits()), (10, 7, 0xe00a));
    }

    #[test]
    fn a_frame_shorter_than_its_header_is_none() {
        let frame = PLAIN.emit(b"");
        assert_eq!(frame.len(), MIN_LEN);
        for len in 0..MIN_LEN {
            assert_eq!(EthernetFrame::new(&frame[..len]), None);
        }
        assert_eq!(EthernetFrame::new(&frame).unwrap().header(), PLAIN);
    }

    #[test]
    fn a_tag_that_is_cut_short_is_no_tag() {
        let frame = TAGGED.emit(b"");
        for len in MIN_LEN..18 {
            let cut = EthernetFrame::new(&frame[..len]).unwrap();
            assert_eq!((cut.vlan(), cut.ethertype()), (None, ETHERTYPE_VLAN));
            assert_eq!(cut.payload().len(), len - MIN_LEN);
        }
    }

    proptest! {
        #[test]
        fn a_header_survives_a_round_trip(
            dst: [u8; 6], src: [u8; 6], tag: Option<u16>, ethertype: u16,
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            // Without a tag the type 0x8100 would announce one.
            prop_assume!(tag.is_some() || ethertype != ETHERTYPE_VLAN);
            let header = FrameHeader {
                dst: MacAddr::new(dst),
                src: MacAddr::new(src),
                vlan: tag.map(VlanTag::from_bits),
                ethertype,
            };
            let bytes = header.emit(&payload);
            let frame = EthernetFrame::new(&bytes).unwrap();
            prop_assert_eq!(frame.header(), header);
            prop_assert_eq!(frame.payload(), &payload[..]);
            prop_assert_eq!(frame.as_bytes(), &bytes[..]);
        }
    }
}
