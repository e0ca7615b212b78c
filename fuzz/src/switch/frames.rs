//! Frames, and what a switch makes of their bytes.

use arbitrary::{Arbitrary, Result, Unstructured};
use vde_proto::MacAddr;
use vde_proto::switch::{DropReason, Oversize, SwitchConfig, Tags};

/// A frame of few addresses, so that they meet again, and of any length.
pub(super) struct Frame {
    pub(super) dst: MacAddr,
    pub(super) src: MacAddr,
    /// The VLAN it is learned for.
    pub(super) vlan: u16,
    is_tagged: bool,
    pub(super) bytes: Vec<u8>,
}

impl<'a> Arbitrary<'a> for Frame {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let [dst, src, tag] = <[u8; 3]>::arbitrary(bytes)?;
        let len = usize::from(u16::arbitrary(bytes)? % 9300);
        let (dst, src) = (address(dst), address(src));
        let tag: Option<u16> = match tag % 8 {
            0..=3 => None,
            4 => Some(0),
            5 => Some(0xe000),
            6 => Some(5),
            _ => Some(0x6005),
        };
        let mut frame = [dst.octets(), src.octets()].concat();
        if let Some(tag) = tag {
            frame.extend([0x81, 0x00]);
            frame.extend(tag.to_be_bytes());
        }
        frame.extend([0x08, 0x00]);
        let pattern = (0..=u8::MAX).cycle().skip(frame.len());
        frame.extend(pattern.take(len.saturating_sub(frame.len())));
        frame.truncate(len);
        let is_whole = len >= 18;
        let vlan = tag.filter(|_| is_whole).map_or(0, |tag| tag & 0xfff);
        Ok(Self { dst, src, vlan, is_tagged: tag.is_some(), bytes: frame })
    }
}

/// Five hosts, two groups, everybody.
fn address(number: u8) -> MacAddr {
    match number % 8 {
        7 => MacAddr::BROADCAST,
        group @ 5..=6 => MacAddr::new([3, 0, 0, 0, 0, group]),
        host => MacAddr::new([2, 0, 0, 0, 0, host]),
    }
}

impl Frame {
    /// The bytes that leave a switch, or why none do.
    pub(super) fn leaves(&self, config: &SwitchConfig) -> std::result::Result<Vec<u8>, DropReason> {
        let rules = config.personality.rules();
        let mut bytes = self.bytes.clone();
        if bytes.len() > rules.frame_max {
            match rules.oversize {
                Oversize::Drop => return Err(DropReason::TooLong),
                Oversize::Cut => bytes.truncate(rules.frame_max),
            }
        }
        if bytes.len() < 14 {
            return Err(DropReason::TooShort);
        }
        if self.is_tagged && !config.hub && rules.tags == Tags::OnlyVlanZero {
            match (bytes.len(), self.vlan) {
                (..18, _) => return Err(DropReason::TooShort),
                (_, 0) => drop(bytes.drain(12..16)),
                (_, vlan) => return Err(DropReason::Vlan(vlan)),
            }
        }
        if bytes.len() < rules.pad_to {
            bytes.resize(rules.pad_to, 0);
        }
        Ok(bytes)
    }
}
