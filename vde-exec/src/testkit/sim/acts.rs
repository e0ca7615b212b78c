//! The script: what befalls the world, one act after the other, drawn as the run goes.

use std::time::Duration;

use vde_proto::switch::Personality;
use vde_proto::{ClientAddress, DataFailure, Description, DialFailure, Request, SocketPath};

use super::cover::Mark;
use super::driver::ROOM;
use super::manners::Manner;
use super::plan::{PERSONALITIES, port};
use super::switches::Ctl;
use super::world::{Client, Happening, World};
use crate::End;
use crate::supervisor::{Input, Target, Ticket};

/// Something that befalls the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Wait,
    LongWait,
    Burst,
    Crash,
    CleanEnd,
    Restart,
    OtherPersonality,
    DirectoryGone,
    NoSocket,
    Heal,
    Freeze,
    Thaw,
    Refuse,
    Silence,
    Short,
    ShortEnd,
    Odd,
    Long,
    Late,
    Split,
    Foreign,
    Gone,
    EndAfter,
    Chatter,
    MuchChatter,
    ClosePort,
    DialFault,
    DataFault,
    NoBuffers,
    SlowSwitch,
    SlowGuest,
    PortTaken,
    VmExit,
    VmKilled,
    Signal,
    OutOfReach,
    EarlyTick,
    Replug,
    ReplugNonsense,
    ReplugElsewhere,
    Sleep,
    RelayIn,
    RelayOut,
    RelayNonsense,
    SwapFault,
    RelayDies,
}

/// The kinds by their numbers. New ones come at the end: records name them by their place.
const ACTS: [Act; 46] = [
    Act::Wait,
    Act::Crash,
    Act::Restart,
    Act::ReplugElsewhere,
    Act::Replug,
    Act::ClosePort,
    Act::CleanEnd,
    Act::OtherPersonality,
    Act::DirectoryGone,
    Act::NoSocket,
    Act::Heal,
    Act::Freeze,
    Act::Thaw,
    Act::Refuse,
    Act::Silence,
    Act::Short,
    Act::ShortEnd,
    Act::Odd,
    Act::Long,
    Act::Late,
    Act::Split,
    Act::Foreign,
    Act::Gone,
    Act::EndAfter,
    Act::Chatter,
    Act::MuchChatter,
    Act::DialFault,
    Act::DataFault,
    Act::NoBuffers,
    Act::SlowSwitch,
    Act::SlowGuest,
    Act::PortTaken,
    Act::Signal,
    Act::OutOfReach,
    Act::EarlyTick,
    Act::ReplugNonsense,
    Act::Burst,
    Act::LongWait,
    Act::VmExit,
    Act::VmKilled,
    Act::Sleep,
    Act::RelayIn,
    Act::RelayOut,
    Act::RelayNonsense,
    Act::SwapFault,
    Act::RelayDies,
];

/// How many choices an act takes, always.
pub(super) const CHOICES: usize = 5;

/// How a call can fail without a switch.
const DIAL_FAULTS: [(DialFailure, Mark); 7] = [
    (DialFailure::Busy, Mark::DialBusy),
    (DialFailure::Dead, Mark::DialDead),
    (DialFailure::Absent, Mark::DialAbsent),
    (DialFailure::Denied, Mark::DialDenied),
    (DialFailure::OutOfReach, Mark::DialOutOfReach),
    (DialFailure::Other(5), Mark::DialOther),
    (DialFailure::Stranger, Mark::DialStranger),
];

/// What the second and the third choice of an act are about.
#[derive(Debug, Clone, Copy)]
struct Where {
    switch: usize,
    vdeq: usize,
    nic: usize,
    /// How many, which.
    much: u32,
}

impl World {
    /// The next act of the script, and the time before it.
    pub(super) fn act(&mut self) {
        let wait = wait(self.choices.below(64));
        let act = ACTS[self.choices.kind(ACTS.len())];
        let [first, second, much] = [(); 3].map(|()| self.choices.below(64));
        self.chat(wait);
        self.pass(wait);
        if self.broken.is_some() {
            return;
        }
        let (first, second) = (first as usize, second as usize);
        let vdeq = first % self.vdeqs.len();
        let nic = second % self.vdeqs[vdeq].nics.len();
        // Mostly the switch of the very NIC: that is where something is seen of it.
        let switch = match much % 4 {
            3 => second % self.switches.len(),
            _ => self.vdeqs[vdeq].nics[nic].home,
        };
        self.cover.hit(Mark::Acts);
        self.note(|| format!("-- {act:?} switch {switch} vdeq {vdeq} nic {nic} much {much}"));
        self.perform(act, Where { switch, vdeq, nic, much });
    }

    fn perform(&mut self, act: Act, at: Where) {
        let Where { switch, vdeq, much, .. } = at;
        let time = wait(much);
        match act {
            Act::Wait => {}
            Act::LongWait => self.pass(Duration::from_secs((much * much / 32).into())),
            Act::Burst => {
                for _ in 0..=much % 32 {
                    self.guest_sends(vdeq, at.nic);
                }
            }
            Act::Crash | Act::CleanEnd | Act::Restart | Act::OtherPersonality => {
                self.end_switch(act, at);
            }
            Act::DirectoryGone => self.replace_ctl(switch, Ctl::Nothing, Mark::DirectoryGone),
            Act::NoSocket => self.replace_ctl(switch, Ctl::File, Mark::NoSocket),
            Act::Heal => self.heal(switch),
            Act::Freeze | Act::Thaw => self.freeze(switch, act == Act::Freeze),
            Act::Refuse => self.behave(at, Manner::Refuse),
            Act::Silence => self.behave(at, Manner::Silence),
            Act::Short => self.behave(at, Manner::Short(much as usize * 2)),
            Act::ShortEnd => self.behave(at, Manner::ShortEnd(much as usize * 2)),
            Act::Odd => self.behave(at, Manner::Odd(much as usize)),
            Act::Long => self.behave(at, Manner::Long),
            Act::Late => self.behave(at, Manner::Late(time * 4)),
            Act::Split => self.behave(at, Manner::Split(time)),
            Act::Foreign => self.behave(at, Manner::Foreign(much as usize)),
            Act::Gone => self.behave(at, Manner::Gone),
            Act::EndAfter => self.behave(at, Manner::EndAfter),
            Act::Chatter => self.talk(at, 1 + much as usize * 40, Mark::Chatter),
            Act::MuchChatter => self.talk(at, 1024 * (40 + much as usize), Mark::MuchChatter),
            Act::ClosePort => {
                if let Some(stream) = self.vdeqs[vdeq].nics[at.nic].held {
                    self.cover.hit(Mark::ClosePort);
                    self.close_port(self.streams[stream].switch, stream);
                }
            }
            Act::DialFault => {
                let (failure, mark) = DIAL_FAULTS[much as usize % DIAL_FAULTS.len()];
                self.cover.hit(mark);
                let calls = if failure == DialFailure::Busy { 1 + much } else { 1 + much / 8 };
                self.switches[switch].dial_fault = Some((failure, calls));
            }
            Act::DataFault => {
                let (failure, mark) = match much % 3 {
                    0 => (DataFailure::Denied, Mark::DataDenied),
                    1 => (DataFailure::Other(5), Mark::DataOther),
                    _ => (DataFailure::Gone, Mark::Gone),
                };
                self.cover.hit(mark);
                self.switches[switch].data_fault = Some((failure, 1 + much / 8));
            }
            Act::NoBuffers => {
                self.cover.hit(Mark::NoBuffers);
                self.vdeqs[vdeq].nics[at.nic].no_buffers = 1 + much / 16;
            }
            Act::SlowSwitch => {
                self.cover.hit(Mark::SlowSwitch);
                self.switches[switch].is_slow ^= true;
                self.poke(switch);
            }
            Act::SlowGuest => {
                self.cover.hit(Mark::SlowGuest);
                let nanos = u64::try_from(time.as_nanos()).unwrap_or_default();
                self.vdeqs[vdeq].slow_until = self.now + nanos;
            }
            Act::PortTaken => self.take_port(at),
            Act::VmExit => {
                self.cover.hit(Mark::VmExit);
                self.end_vm(vdeq, End::Exited(i32::try_from(much % 4).unwrap_or_default()));
            }
            Act::VmKilled => {
                self.cover.hit(Mark::VmKilled);
                self.end_vm(vdeq, End::Killed(if much % 2 == 0 { 9 } else { 11 }));
            }
            Act::Signal => self.signal(at),
            Act::Sleep => self.sleep(vdeq, time),
            Act::OutOfReach => self.vdeqs[vdeq].is_out_of_reach ^= true,
            Act::EarlyTick => self.vdeq_ticks(vdeq, 0),
            Act::Replug | Act::ReplugNonsense | Act::ReplugElsewhere => self.replug(act, at),
            Act::RelayIn | Act::RelayOut | Act::RelayNonsense => self.relay(act, at),
            Act::SwapFault => {
                self.cover.hit(Mark::SwapFault);
                self.vdeqs[vdeq].nics[at.nic].relays.swap_faults = 1 + much / 16;
            }
            Act::RelayDies => self.end_relay(vdeq, at.nic),
        }
    }

    fn end_switch(&mut self, act: Act, at: Where) {
        let Where { switch, much, .. } = at;
        let mark = match act {
            Act::Crash => Mark::Crash,
            Act::CleanEnd => Mark::CleanEnd,
            Act::Restart => Mark::Restart,
            _ => Mark::OtherPersonality,
        };
        self.cover.hit(mark);
        self.note(|| format!("switch {switch} ends"));
        self.stop_switch(switch, act == Act::CleanEnd || much % 2 == 1);
        if act == Act::OtherPersonality {
            let before = self.switches[switch].personality;
            let others: Vec<Personality> =
                PERSONALITIES.into_iter().filter(|other| *other != before).collect();
            self.switches[switch].personality = others[much as usize / 4 % others.len()];
        }
        if matches!(act, Act::Restart | Act::OtherPersonality) {
            self.start_switch(switch);
        }
    }

    fn replace_ctl(&mut self, switch: usize, ctl: Ctl, mark: Mark) {
        self.cover.hit(mark);
        self.switches[switch].ctl = ctl;
    }

    fn freeze(&mut self, switch: usize, freeze: bool) {
        self.cover.hit(if freeze { Mark::Freeze } else { Mark::Thaw });
        self.switches[switch].is_frozen = freeze;
        self.poke(switch);
    }

    fn behave(&mut self, at: Where, manner: Manner) {
        self.switches[at.switch].manner = Some((manner, 1 + at.much / 16));
    }

    /// The switch says something on a stream that should be silent \[P-13.9\].
    fn talk(&mut self, at: Where, length: usize, mark: Mark) {
        let Some(stream) = self.vdeqs[at.vdeq].nics[at.nic].held else { return };
        if self.streams[stream].switch_open {
            self.cover.hit(mark);
            self.say(stream, &vec![b'x'; length]);
        }
    }

    /// Somebody of another user takes a port.
    fn take_port(&mut self, at: Where) {
        let Ok(stream) = self.dial(at.switch, Client::Taker) else { return };
        self.cover.hit(Mark::PortTaken);
        let name = SocketPath::new(format!("/x{stream}")).expect("a short path");
        let sock = self.kernel.socket(ROOM);
        self.kernel.bind(sock, &name, 2000);
        let description = Description::sanitised("taker");
        let request = Request::new(port(5 + at.much % 3), ClientAddress::Path(name), description);
        self.streams[stream].to_switch.push(request.emit());
        self.poke(at.switch);
    }

    /// A vdeq is stopped for this time.
    pub(super) fn sleep(&mut self, vdeq: usize, time: Duration) {
        self.cover.hit(Mark::Sleep);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or_default();
        self.vdeqs[vdeq].asleep_until = self.now + nanos;
    }

    fn signal(&mut self, at: Where) {
        if self.vdeqs[at.vdeq].asleep_until > self.now {
            return;
        }
        const SIGNALS: [i32; 6] = [1, 2, 10, 12, 15, 20];
        let number = SIGNALS[at.much as usize % SIGNALS.len()];
        let (stops, by_key) = (number == 20, number == 2 || number == 20);
        let had_by_vm = by_key && at.much >= 32;
        self.cover.hit(if had_by_vm { Mark::SignalHad } else { Mark::SignalPassed });
        self.cover.add(Mark::SignalStop, u64::from(stops));
        self.feed(at.vdeq, Input::Signal { number, had_by_vm, stops });
    }

    fn replug(&mut self, act: Act, at: Where) {
        if self.vdeqs[at.vdeq].is_over || self.vdeqs[at.vdeq].asleep_until > self.now {
            return;
        }
        let vdeq = &mut self.vdeqs[at.vdeq];
        vdeq.tickets += 1;
        let ticket = Ticket(vdeq.tickets);
        let nic = if act == Act::ReplugNonsense { 7 } else { at.nic };
        let is_moving = self.vdeqs[at.vdeq].nics[at.nic].new.is_some();
        let target = match act {
            // A driver keeps a target until the call to it is over.
            Act::ReplugElsewhere if !is_moving => {
                let nic = &mut self.vdeqs[at.vdeq].nics[at.nic];
                nic.elsewhere = (nic.home + 1 + at.much as usize / 8) % self.switches.len();
                Target::Elsewhere
            }
            _ => Target::Home,
        };
        self.cover.hit(Mark::Moves);
        let port = port(at.much % 8);
        self.vdeqs[at.vdeq].moves.push((ticket, nic, port));
        self.feed(at.vdeq, Input::Replug { nic, target, port, ticket });
    }

    fn relay(&mut self, act: Act, at: Where) {
        if self.vdeqs[at.vdeq].is_over || self.vdeqs[at.vdeq].asleep_until > self.now {
            return;
        }
        match act {
            Act::RelayIn => self.order_relay(at.vdeq, at.nic, true),
            Act::RelayOut => self.order_relay(at.vdeq, at.nic, false),
            _ => match at.much % 3 {
                0 => self.order_relay(at.vdeq, 7, true),
                1 => {
                    self.order_relay(at.vdeq, at.nic, true);
                    self.order_relay(at.vdeq, at.nic, false);
                }
                _ => {
                    self.replug(Act::Replug, at);
                    self.order_relay(at.vdeq, at.nic, true);
                }
            },
        }
    }

    /// The switch is as it should be.
    pub(super) fn heal(&mut self, switch: usize) {
        let host = &mut self.switches[switch];
        (host.manner, host.dial_fault, host.data_fault) = (None, None, None);
        (host.is_frozen, host.is_slow) = (false, false);
        if host.engine.is_none() {
            self.start_switch(switch);
        }
        self.switches[switch].ctl = Ctl::Socket;
        self.poke(switch);
    }

    pub(super) fn ask_vm_to_end(&mut self, vdeq: usize) {
        self.at(self.now, Happening::VmDies(vdeq, 15));
    }
}

/// From nothing to three seconds, four steps for each doubling.
fn wait(choice: u32) -> Duration {
    let step = Duration::from_micros(50 << (choice / 4));
    if choice == 0 { Duration::ZERO } else { step + step * (choice % 4) / 4 }
}
