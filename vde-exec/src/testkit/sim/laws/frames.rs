//! Law 5: frames. What a guest receives was sent by a guest, as it is, once and in order; and a NIC says
//! where it is after each plug, in its own name only.

use vde_proto::frame::{self, FrameHeader};
use vde_proto::{MacAddr, rarp};

use super::{After, Known, Verdict, so};
use crate::supervisor::{Input, NicState, Output, Stream, Ticket};

/// The type of guests' frames (IEEE 802, local experiments).
const ETHERTYPE: u16 = 0x88b5;

/// All frames that guests have sent.
#[derive(Debug, Default)]
pub(in super::super) struct Ledger {
    sent: Vec<Sent>,
    macs: Vec<MacAddr>,
    /// The last frame that each NIC (the row) received of each other.
    last: Vec<Vec<usize>>,
    /// Set where a documented fault of a switch can show frames twice.
    pub(in super::super) is_lenient: bool,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    from: usize,
    length: usize,
    /// The stream of the plug that it was sent through. A frame that a switch took long over may come
    /// after those that were sent through a later plug.
    plug: Option<usize>,
    /// Which NICs have had it, a bit each.
    heard: u16,
}

/// How a frame came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Shape {
    Whole,
    Cut,
    Padded,
    Announcement,
}

impl Ledger {
    pub(in super::super) fn new(macs: Vec<MacAddr>) -> Self {
        let last = vec![vec![0; macs.len()]; macs.len()];
        Self { sent: Vec::new(), macs, last, is_lenient: false }
    }

    /// The next frame of this NIC, of this length at least.
    pub(in super::super) fn make(
        &mut self,
        (from, plug): (usize, Option<usize>),
        to: MacAddr,
        length: usize,
    ) -> Vec<u8> {
        let header =
            FrameHeader { dst: to, src: self.macs[from], vlan: None, ethertype: ETHERTYPE };
        let id = u32::try_from(self.sent.len() + 1).unwrap_or_default();
        let mut bytes = header.emit(&id.to_be_bytes());
        let filler = fill(id);
        bytes.resize(length.max(bytes.len()), filler);
        self.sent.push(Sent { from, length: bytes.len(), plug, heard: 0 });
        bytes
    }

    /// A guest received this.
    pub(in super::super) fn received(&mut self, by: usize, bytes: &[u8]) -> Result<Shape, String> {
        let header = FrameHeader::parse(bytes);
        let header = header.ok_or_else(|| format!("a datagram of {} bytes", bytes.len()))?;
        if header.ethertype == rarp::ETHERTYPE_RARP {
            return self.heard(header, bytes);
        }
        let id = number_of(bytes);
        let sent = id.checked_sub(1).and_then(|index| self.sent.get_mut(index));
        let sent = sent.ok_or_else(|| format!("nobody sent {bytes:02x?}"))?;
        let is_his = header.src == self.macs[sent.from] && header.ethertype == ETHERTYPE;
        so(is_his, || format!("frame {id} came from {}", header.src))?;
        let is_others = self.is_lenient || sent.from != by;
        so(is_others, || format!("frame {id} came back to who sent it"))?;
        let is_new = sent.heard & (1 << by) == 0;
        so(self.is_lenient || is_new, || format!("frame {id} came twice"))?;
        sent.heard |= 1 << by;
        let sent = *sent;
        let last = std::mem::replace(&mut self.last[by][sent.from], id);
        let before = last.checked_sub(1).map(|index| self.sent[index]);
        let is_overtaken = last > id && before.is_some_and(|before| before.plug == sent.plug);
        so(self.is_lenient || !is_overtaken, || format!("frame {id} came after frame {last}"))?;
        shape(sent, fill(u32::try_from(id).unwrap_or_default()), bytes)
    }

    /// Whether a NIC has received this frame of a guest; that of somebody else does not matter.
    pub(in super::super) fn has_heard(&self, by: usize, bytes: &[u8]) -> bool {
        let is_guests = FrameHeader::parse(bytes).is_some_and(|of| of.ethertype == ETHERTYPE);
        let sent = number_of(bytes).checked_sub(1).and_then(|index| self.sent.get(index));
        !is_guests || sent.is_none_or(|sent| sent.heard & (1 << by) != 0)
    }

    /// The number of the last frame that was sent.
    pub(in super::super) fn last_sent(&self) -> usize {
        self.sent.len()
    }

    /// The number of the last frame of `from` that `by` received.
    pub(in super::super) fn last_heard(&self, by: usize, from: usize) -> usize {
        self.last[by][from]
    }

    /// An announcement; it may be one's own, of an earlier plug, that the switch had not forwarded yet.
    fn heard(&self, header: FrameHeader, bytes: &[u8]) -> Result<Shape, String> {
        let is_known = self.macs.contains(&header.src) && bytes == rarp::announcement(header.src);
        so(is_known, || format!("an announcement of {}", header.src))?;
        Ok(Shape::Announcement)
    }
}

/// The number that a guest's frame begins with.
fn number_of(bytes: &[u8]) -> usize {
    let id = bytes.get(14..18).and_then(|id| id.try_into().ok()).map_or(0, u32::from_be_bytes);
    usize::try_from(id).unwrap_or_default()
}

fn fill(id: u32) -> u8 {
    id.to_le_bytes()[0] | 1
}

/// Whether the bytes are those of the frame, cut or padded as vde_switch does \[P-8.3\] \[P-8.6\].
fn shape(sent: Sent, filler: u8, bytes: &[u8]) -> Result<Shape, String> {
    let kept = bytes.len().min(sent.length);
    let filling = bytes.get(18..kept).unwrap_or_default();
    let padding = bytes.get(kept..).unwrap_or_default();
    let intact = filling.iter().all(|byte| *byte == filler) && padding.iter().all(|b| *b == 0);
    let shape = match bytes.len() {
        length if length == sent.length => Shape::Whole,
        frame::SWITCH_MAX if sent.length > frame::SWITCH_MAX => Shape::Cut,
        frame::PADDED_LEN if sent.length < frame::PADDED_LEN => Shape::Padded,
        length => return Err(format!("{length} bytes of a frame of {}", sent.length)),
    };
    so(intact, || "a frame was altered".to_owned()).map(|()| shape)
}

/// What supervisors do about frames: leave plugs only for a reason, and say where a guest is.
#[derive(Debug)]
pub(super) struct Announcing {
    nics: Vec<Nic>,
}

#[derive(Debug)]
struct Nic {
    mac: Option<MacAddr>,
    /// It was plugged in by this input, and has to say where it is.
    is_due: bool,
    /// There is a reason to leave the plug: its stream ended, talked, or another is there.
    may_leave: bool,
    /// Requests for a relay, or for none, that are not answered.
    splices: Vec<Ticket>,
    /// The port that it is on, and the one that was named last.
    port: Option<u32>,
    named: Option<u32>,
    is_up: bool,
}

impl Announcing {
    pub(super) fn new(nics: &[Known]) -> Self {
        let nic = |known: &Known| Nic {
            mac: known.mac,
            is_due: false,
            may_leave: false,
            splices: Vec::new(),
            port: known.port,
            named: known.port,
            is_up: true,
        };
        Self { nics: nics.iter().map(nic).collect() }
    }

    pub(super) fn input(&mut self, input: &Input<'_>) {
        self.nics.iter_mut().for_each(|nic| nic.may_leave = false);
        match *input {
            Input::Closed(nic, Stream::Held) | Input::Received(nic, Stream::Held, _) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.may_leave = true;
                }
            }
            // For another socket the plug is not left before frames can go through that one.
            Input::Dialed(nic) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.may_leave = nic.splices.is_empty();
                }
            }
            Input::Splice { nic, ticket, .. } => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.splices.push(ticket);
                }
            }
            _ => {}
        }
    }

    pub(super) fn output(&mut self, output: &Output) -> Verdict {
        match *output {
            Output::ConnectData(nic, ref path) => {
                let Some(nic) = self.nics.get_mut(nic) else { return Ok(()) };
                nic.named = path.switch_port();
                Ok(())
            }
            Output::Keep(nic) => {
                let Some(nic) = self.nics.get_mut(nic) else { return Ok(()) };
                // Where the port is the same the switch knows already.
                let is_known = nic.is_up && nic.named.is_some() && nic.named == nic.port;
                (nic.is_due, nic.is_up) = (nic.mac.is_some() && !is_known, true);
                nic.port = nic.named;
                Ok(())
            }
            Output::Answer(ticket, _) => {
                self.nics.iter_mut().for_each(|nic| nic.splices.retain(|open| *open != ticket));
                Ok(())
            }
            Output::Announce(nic, mac) => {
                let Some(nic) = self.nics.get_mut(nic) else { return Ok(()) };
                so(nic.mac == Some(mac), || format!("announces {mac}, which is not its own"))?;
                so(nic.is_due, || "announces what was announced".to_owned())?;
                nic.is_due = false;
                Ok(())
            }
            Output::Unplug(nic) => {
                let Some(state) = self.nics.get_mut(nic) else { return Ok(()) };
                state.is_up = false;
                so(state.may_leave, || format!("NIC {nic} leaves a plug that holds"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn settled(&self, nics: &[After]) -> Verdict {
        for (index, (nic, after)) in self.nics.iter().zip(nics).enumerate() {
            so(!nic.is_due, || format!("NIC {index} does not say where it is"))?;
            let is_up = after.state == NicState::Up && !after.is_swapping;
            so(!(is_up && after.is_misplugged), || {
                format!("NIC {index} is up, but its frames do not go to its switch")
            })?;
        }
        Ok(())
    }
}
