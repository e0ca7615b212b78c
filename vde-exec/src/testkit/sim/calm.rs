//! After the faults: everybody comes back in time, frames flow, and in the end nothing is left.

use std::time::Duration;

use vde_proto::{MacAddr, PortRequest};

use super::cover::Mark;
use super::driver::{longest_return, mac_of};
use super::laws::Law;
use super::switches::stream_of;
use super::world::{Client, World};
use crate::supervisor::{NicState, Reconnect};

/// Long enough for a frame to arrive.
const MOMENT: Duration = Duration::from_millis(500);

impl World {
    /// Ends the faults, and looks at what should be.
    pub(super) fn calm(&mut self) {
        // One switch stays silent at first, if there is another: who is not on it must not wait for it.
        let stalled = (self.switches.len() > 1).then(|| self.choices.index(self.switches.len()));
        self.note(|| format!("== calm, but for switch {stalled:?}"));
        self.heal_all(stalled);
        let longest = self.plan.vdeqs.iter().map(|plan| longest_return(plan.policy.timeout)).max();
        let longest = longest.unwrap_or_default();
        self.pass(longest);
        self.expect_all_back(stalled);
        if stalled.is_some() {
            self.note(|| "== calm".to_owned());
            self.heal_all(None);
            self.pass(longest);
            self.expect_all_back(None);
        }
        self.expect_frames_to_flow();
        self.expect_no_old_plugs();
        for vdeq in 0..self.vdeqs.len() {
            self.ask_vm_to_end(vdeq);
        }
        self.pass(MOMENT);
        self.expect_nothing_left();
    }

    fn heal_all(&mut self, but: Option<usize>) {
        for switch in 0..self.switches.len() {
            self.heal(switch);
            self.switches[switch].is_frozen = but == Some(switch);
        }
        for vdeq in &mut self.vdeqs {
            (vdeq.slow_until, vdeq.asleep_until) = (0, 0);
            vdeq.nics.iter_mut().for_each(|nic| nic.no_buffers = 0);
        }
        for stream in 0..self.streams.len() {
            if self.streams[stream].client == Client::Taker {
                self.streams[stream].client_open = false;
                self.poke(self.streams[stream].switch);
            }
        }
    }

    fn expect_all_back(&mut self, stalled: Option<usize>) {
        for vdeq in 0..self.vdeqs.len() {
            if self.broken.is_some() || self.vdeqs[vdeq].end.is_some() {
                continue;
            }
            let states: Vec<NicState> = self.vdeqs[vdeq].subject.states().collect();
            for (nic, state) in states.into_iter().enumerate() {
                let is_beside = stalled.is_some_and(|one| one != self.vdeqs[vdeq].nics[nic].home);
                match state {
                    NicState::Up if is_beside => self.cover.hit(Mark::CalmBeside),
                    NicState::Up => self.cover.hit(Mark::CalmUp),
                    NicState::GivenUp => {
                        self.cover.hit(Mark::CalmGivenUp);
                        let plan = &self.plan.vdeqs[vdeq];
                        let may = plan.policy.reconnect != Reconnect::Always
                            || !plan.nics[nic].has_address;
                        self.expect(Law::NothingSilent, may, || {
                            format!("NIC {nic} of vdeq {vdeq} gave up, which nobody wanted")
                        });
                    }
                    NicState::Down if stalled.is_some() && !is_beside => {}
                    NicState::Down => self.expect_no_port(vdeq, nic),
                }
            }
        }
    }

    /// Only a port that somebody else has keeps a NIC away.
    fn expect_no_port(&mut self, vdeq: usize, nic: usize) {
        let home = self.vdeqs[vdeq].nics[nic].home;
        let asked = self.vdeqs[vdeq].nics[nic].asked;
        let is_free = self.has_port(home, self.vdeqs[vdeq].uid, asked);
        self.cover.add(Mark::CalmNoPort, u64::from(!is_free));
        self.expect(Law::Bounded, !is_free, || {
            format!("NIC {nic} of vdeq {vdeq} is not back in time, and nothing keeps it")
        });
    }

    fn has_port(&self, switch: usize, uid: u32, asked: PortRequest) -> bool {
        let Some(engine) = &self.switches[switch].engine else { return false };
        let last = engine.config().last_port();
        let is_mine = |number: u32| {
            let mut ports = engine.ports();
            let port = ports.find(|port| port.number == number);
            port.is_none_or(|port| port.endpoints.is_empty() || port.user == Some(uid))
        };
        match asked {
            PortRequest::Any => (1..=last).any(|number| {
                let mut ports = engine.ports();
                ports
                    .find(|port| port.number == number)
                    .is_none_or(|port| port.endpoints.is_empty())
            }),
            PortRequest::Zero => is_mine(0),
            PortRequest::Number(number) => number.get() <= last && is_mine(number.get()),
        }
    }

    /// Every NIC that is up sends to all, and all on its switch hear it; then to one, which hears it.
    fn expect_frames_to_flow(&mut self) {
        let nics = self.plugged();
        for from in &nics {
            self.expect_to_be_heard(from, None, &nics);
        }
        for (from, to) in nics.iter().zip(nics.iter().cycle().skip(1)) {
            if from.switch == to.switch && from.number != to.number {
                self.expect_to_be_heard(from, Some(to), &nics);
            }
        }
    }

    fn expect_to_be_heard(&mut self, from: &Plugged, to: Option<&Plugged>, all: &[Plugged]) {
        if self.broken.is_some() {
            return;
        }
        let address = to.map_or(MacAddr::BROADCAST, |to| mac_of(to.number));
        let sent = self.guest_sends_to(from.vdeq, from.nic, address, 64);
        self.expect(Law::Frames, sent, || format!("{from:?} cannot send in the calm"));
        self.pass(MOMENT);
        let id = self.ledger.last_sent();
        for by in all {
            let is_beside = by.switch == from.switch && by.port != from.port;
            let is_meant = from.is_on_hub || to.is_none_or(|to| by.port == to.port);
            // A hub sends nothing to port 0 [P-8.18].
            let hears = is_beside && is_meant && !(by.is_on_hub && by.port == 0);
            let heard = self.ledger.last_heard(by.number, from.number) == id;
            self.cover.add(Mark::CalmFrames, u64::from(hears && heard));
            self.expect(Law::Frames, heard == hears, || {
                format!("{by:?} should hear {from:?}: {hears}; does: {heard}")
            });
        }
    }

    /// All NICs that are up, and where.
    fn plugged(&self) -> Vec<Plugged> {
        let mut all = Vec::new();
        for (index, vdeq) in self.vdeqs.iter().enumerate().filter(|(_, vdeq)| vdeq.end.is_none()) {
            for (nic, state) in vdeq.nics.iter().enumerate() {
                let Some(stream) = state.held else { continue };
                let switch = self.streams[stream].switch;
                let Some(engine) = &self.switches[switch].engine else { continue };
                let port = engine.ports().find(|port| {
                    port.endpoints.iter().any(|end| end.conn.map(stream_of) == Some(stream))
                });
                if let Some(port) = port.map(|port| port.number) {
                    let (number, is_on_hub) = (state.number, engine.config().hub);
                    all.push(Plugged { vdeq: index, nic, number, switch, port, is_on_hub });
                }
            }
        }
        all
    }

    /// A switch that is well has one endpoint for each NIC at most: that of the plug it holds.
    fn expect_no_old_plugs(&mut self) {
        for switch in 0..self.switches.len() {
            for stream in self.endpoints_of(switch) {
                if let Client::Nic(vdeq, nic) = self.streams[stream].client {
                    let is_held = self.vdeqs[vdeq].nics[nic].held == Some(stream);
                    self.expect(Law::NothingLeft, is_held, || {
                        format!("switch {switch} still has an old plug of NIC {nic} of VM {vdeq}")
                    });
                }
            }
        }
    }

    fn endpoints_of(&self, switch: usize) -> Vec<usize> {
        let host = &self.switches[switch];
        let Some(engine) = &host.engine else { return Vec::new() };
        let conns = engine.ports().flat_map(|port| port.endpoints).filter_map(|end| end.conn);
        conns.map(stream_of).filter(|stream| !host.forgotten.contains(stream)).collect()
    }

    fn expect_nothing_left(&mut self) {
        for (index, vdeq) in self.vdeqs.iter().enumerate() {
            if !vdeq.is_over && self.broken.is_none() {
                let what = format!("VM {index} ended with {:?}, and vdeq did not", vdeq.end);
                return self.expect(Law::Faithful, false, || what);
            }
        }
        self.expect_no_old_plugs();
        let streams = self.streams.iter().filter(|stream| stream.client != Client::Taker);
        let open = streams.filter(|stream| stream.client_open || stream.vm_open).count();
        self.expect(Law::NothingLeft, open == 0, || format!("{open} control streams are open"));
        let names: Vec<_> = self.kernel.names_below("/v").cloned().collect();
        self.expect(Law::NothingLeft, names.is_empty(), || format!("{names:?} are left"));
        self.cover.add(Mark::LostPurged, self.kernel.purged);
        let (known, queued) =
            (self.kernel.read + self.kernel.purged + self.kernel.in_queues(), self.kernel.queued);
        self.expect(Law::Frames, known == queued, || {
            format!("{queued} frames were queued, and {known} are accounted for")
        });
    }
}

/// A NIC that is up.
#[derive(Debug, Clone, Copy)]
struct Plugged {
    vdeq: usize,
    nic: usize,
    number: usize,
    switch: usize,
    port: u32,
    is_on_hub: bool,
}
