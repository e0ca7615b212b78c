//! What a switch does with one frame: what it makes of its bytes, and who gets them.

use alloc::vec::Vec;
use core::ops::Deref;
use core::time::Duration;

use super::EndpointId;
use super::duplicates::{Duplicates, Move};
use super::mac_table::{MacTable, nanos};
use super::personality::{Oversize, Rules, SwitchConfig, Tags};
use super::ports::{PortSlot, Ports};
use crate::wire::frame::{ETHERTYPE_VLAN, FrameHeader};

/// A frame after the switch has dealt with it. It derefs to its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarded<'a> {
    /// The bytes to deliver. They differ from what came in if the frame was cut, padded, or lost
    /// its tag; they are empty if the frame was dropped, and then there are no receivers.
    pub frame: &'a [u8],
    /// What was decided.
    pub verdict: Verdict,
}

/// What a switch decided about a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The destination lives on one other port.
    Unicast,
    /// It is a group, or unknown, or the switch is a hub: all other ports \[P-8.14\] \[P-8.17\].
    Flood,
    /// The destination lives on the port the frame came from: nobody gets it \[P-8.19\].
    Local,
    /// The frame is dropped.
    Dropped(DropReason),
}

/// Why a frame was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The endpoint it came from is not one of ours, or not served yet.
    UnknownEndpoint,
    /// It is shorter than its header \[P-8.2\].
    TooShort,
    /// It is longer than this switch carries.
    TooLong,
    /// It is tagged for this VLAN, to which no port belongs \[P-8.15\].
    Vlan(u16),
}

impl Deref for Forwarded<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.frame
    }
}

impl AsRef<[u8]> for Forwarded<'_> {
    fn as_ref(&self) -> &[u8] {
        self.frame
    }
}

/// The part of a switch that frames meet.
#[derive(Debug, Clone)]
pub(super) struct Forwarding {
    rules: Rules,
    hub: bool,
    macs: MacTable,
    duplicates: Duplicates,
    /// Room for a frame that has to be changed.
    scratch: Vec<u8>,
}

/// A frame as it will be delivered.
struct Shaped<'a> {
    bytes: &'a [u8],
    header: FrameHeader,
    vlan: u16,
}

impl Forwarding {
    pub(super) fn new(config: &SwitchConfig) -> Self {
        let rules = config.personality.rules();
        Self {
            rules,
            hub: config.hub,
            macs: MacTable::new(config),
            duplicates: Duplicates::new(),
            scratch: Vec::with_capacity(rules.frame_max.max(rules.pad_to)),
        }
    }

    pub(super) fn macs(&self) -> &MacTable {
        &self.macs
    }

    pub(super) fn macs_mut(&mut self) -> &mut MacTable {
        &mut self.macs
    }

    /// An address that two ports claim, if one was found since the last time.
    pub(super) fn take_duplicate(&mut self) -> Option<Move> {
        self.duplicates.take()
    }

    /// What was learned before is too old to be believed, since a hub learns nothing.
    pub(super) fn set_hub(&mut self, hub: bool) {
        self.hub = hub;
        self.macs.forget_all();
    }

    /// Frames will come in at `port`.
    pub(super) fn prepare_port(&mut self, port: PortSlot) {
        self.macs.prepare_port(port);
    }

    pub(super) fn forget_port(&mut self, port: PortSlot) {
        self.macs.forget_port(port);
        self.duplicates.forget_port(port);
    }

    pub(super) fn forward<'a>(
        &'a mut self,
        ports: &mut Ports,
        now: Duration,
        from: EndpointId,
        frame: &'a [u8],
        to: &mut Vec<EndpointId>,
    ) -> Forwarded<'a> {
        to.clear();
        let Some(port) = ports.port_of(from) else {
            return dropped(DropReason::UnknownEndpoint);
        };
        let Shaped { bytes, header, vlan } =
            match shape(&self.rules, self.hub, frame, &mut self.scratch) {
                Ok(shaped) => shaped,
                Err(reason) => {
                    ports.count_dropped(port);
                    return dropped(reason);
                }
            };
        ports.count_in(port, bytes.len());
        let verdict = if self.hub {
            ports.flood(1, port, bytes.len(), to);
            Verdict::Flood
        } else {
            let now = nanos(now);
            if !header.src.is_multicast() {
                let mac = header.src;
                if let Some(from) = self.macs.learn(now, mac, vlan, port) {
                    self.duplicates.note(Move { at: now, mac, vlan, from, to: port });
                }
            }
            let group = header.dst.is_multicast();
            match (!group).then(|| self.macs.lookup(now, header.dst, vlan)).flatten() {
                None => {
                    ports.flood(0, port, bytes.len(), to);
                    Verdict::Flood
                }
                Some(home) if home == port => Verdict::Local,
                Some(home) => {
                    ports.send_to(home, bytes.len(), to);
                    Verdict::Unicast
                }
            }
        };
        Forwarded { frame: bytes, verdict }
    }
}

fn dropped(reason: DropReason) -> Forwarded<'static> {
    Forwarded { frame: &[], verdict: Verdict::Dropped(reason) }
}

/// Cuts, strips and pads a frame as the rules say.
fn shape<'a>(
    rules: &Rules,
    hub: bool,
    frame: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> Result<Shaped<'a>, DropReason> {
    let frame = match (frame.get(..rules.frame_max), rules.oversize) {
        (None, _) => frame,
        (Some(whole), _) if whole.len() == frame.len() => whole,
        (Some(beginning), Oversize::Cut) => beginning,
        (Some(_), Oversize::Drop) => return Err(DropReason::TooLong),
    };
    let header = FrameHeader::parse(frame).ok_or(DropReason::TooShort)?;
    let vlan = header.vlan.map_or(0, |tag| tag.id());
    let strip = match rules.tags {
        _ if hub => false,
        Tags::Transparent => false,
        // A tag that is cut short: without it not even a header would remain [P-8.20].
        Tags::OnlyVlanZero if header.vlan.is_none() && header.ethertype == ETHERTYPE_VLAN => {
            return Err(DropReason::TooShort);
        }
        Tags::OnlyVlanZero if vlan != 0 => return Err(DropReason::Vlan(vlan)),
        Tags::OnlyVlanZero => header.vlan.is_some(),
    };
    let bytes = if strip || frame.len() < rules.pad_to {
        rewrite(frame, strip, rules.pad_to, scratch)
    } else {
        frame
    };
    Ok(Shaped { bytes, header, vlan })
}

/// The frame without its tag if `strip`, and with zeros at its end up to `pad_to` bytes.
fn rewrite<'a>(frame: &[u8], strip: bool, pad_to: usize, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    const ADDRESSES: usize = 12;
    let kept = if strip { ADDRESSES + FrameHeader::TAG_LEN } else { ADDRESSES };
    scratch.clear();
    scratch.extend_from_slice(frame.get(..ADDRESSES).unwrap_or_default());
    scratch.extend_from_slice(frame.get(kept..).unwrap_or_default());
    if scratch.len() < pad_to {
        scratch.resize(pad_to, 0);
    }
    scratch
}
