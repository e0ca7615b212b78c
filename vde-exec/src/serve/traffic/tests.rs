//! The traffic of a switch in virtual time: receivers that are quick, slow, or stand still, without
//! sockets.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use vde_proto::SocketPath;
use vde_proto::switch::{ConnId, Input, Output, Personality, SwitchConfig};
use vde_proto::wire::{ClientAddress, Description, PortRequest, Request};

use super::*;
use crate::serve::backlog;

/// How often a virtual world is looked at.
const STEP: Duration = Duration::from_micros(100);

/// How many frames are on their way to a receiver that does not read, as in a socket's send buffer.
const QUEUE: usize = 100;

/// How many frames a sender has ready before it waits for the switch.
const READY: usize = 80;

/// Length of all frames in bytes.
const LENGTH: usize = 64;

/// The sockets, and the programs behind them.
#[derive(Default)]
struct Stations {
    stations: BTreeMap<EndpointId, Station>,
}

#[derive(Default)]
struct Station {
    /// What it has sent and the switch not taken.
    ready: VecDeque<Vec<u8>>,
    /// What the switch has sent and it not taken.
    queue: VecDeque<Vec<u8>>,
    /// What it has got.
    got: Vec<Vec<u8>>,
    is_watched_for_frames: bool,
    is_watched_for_room: bool,
    is_gone: bool,
    refuses: bool,
}

impl Lines for Stations {
    fn receive(
        &mut self,
        from: EndpointId,
        room: &mut [[u8; ROOM]],
        lengths: &mut [usize; FRAMES],
    ) -> usize {
        let station = self.stations.get_mut(&from).unwrap();
        assert!(station.is_watched_for_frames, "a sender that is held is left alone");
        let mut count = 0;
        for (room, length) in room.iter_mut().zip(lengths) {
            let Some(frame) = station.ready.pop_front() else { break };
            room[..frame.len()].copy_from_slice(&frame);
            *length = frame.len();
            count += 1;
        }
        count
    }

    fn send<'a>(&mut self, to: EndpointId, frames: impl Iterator<Item = &'a [u8]> + Clone) -> Sent {
        let station = self.stations.get_mut(&to).unwrap();
        if station.is_gone {
            return Sent::Nobody;
        }
        if station.refuses {
            return Sent::Refused;
        }
        let room = QUEUE - station.queue.len();
        let before = station.queue.len();
        station.queue.extend(frames.take(room.min(FRAMES)).map(<[u8]>::to_vec));
        Sent::Some(station.queue.len() - before)
    }

    fn watch(&mut self, endpoint: EndpointId, frames: bool, room: bool) {
        let Some(station) = self.stations.get_mut(&endpoint) else { return };
        (station.is_watched_for_frames, station.is_watched_for_room) = (frames, room);
    }
}

/// A switch and its stations.
struct World {
    switch: Switch,
    traffic: Traffic,
    lines: Stations,
    ends: Vec<EndpointId>,
    now: Duration,
    /// How many frames each station has sent to each other one.
    sent: BTreeMap<(usize, usize), u32>,
}

/// What a station does in a [`STEP`].
#[derive(Debug, Clone, Copy)]
struct Manner {
    /// How many frames it sends at most.
    sends: usize,
    /// How many it takes.
    takes: usize,
}

/// The destination that is everybody.
const ALL: usize = usize::MAX;

fn frame(from: usize, to: usize, number: u32) -> Vec<u8> {
    let mac = |station: usize| [2, 0, 0, 0, 0, u8::try_from(station).unwrap()];
    let to = if to == ALL { [0xff; 6] } else { mac(to) };
    let mut frame = [&to[..], &mac(from), &[0x88, 0xb5], &number.to_be_bytes()].concat();
    frame.resize(LENGTH, 0);
    frame
}

/// Who sent a frame to whom (`None`: to everybody), and its number.
fn read(frame: &[u8]) -> (usize, Option<usize>, u32) {
    let to = (frame[0] != 0xff).then(|| usize::from(frame[5]));
    (usize::from(frame[11]), to, u32::from_be_bytes(frame[14..18].try_into().unwrap()))
}

impl World {
    fn new(stations: usize) -> Self {
        let mut switch = Switch::new(SwitchConfig::new(Personality::Strict));
        let ends: Vec<_> = (0..stations).map(|number| plug(&mut switch, number)).collect();
        let (mut traffic, mut lines) = (Traffic::new(), Stations::default());
        for &end in &ends {
            traffic.add(end);
            let station = Station { is_watched_for_frames: true, ..Station::default() };
            lines.stations.insert(end, station);
        }
        let (now, sent) = (Duration::ZERO, BTreeMap::new());
        let mut world = Self { switch, traffic, lines, ends, now, sent };
        let mut to = Vec::new();
        for (number, &end) in world.ends.iter().enumerate() {
            world.switch.forward(now, end, &frame(number, ALL, 0), &mut to);
        }
        world
    }

    fn station(&mut self, number: usize) -> &mut Station {
        self.lines.stations.get_mut(&self.ends[number]).unwrap()
    }

    /// Lets time go by. `peers` tells to whom a station sends which of its frames.
    fn run(&mut self, steps: usize, manners: &[Manner], peers: impl Fn(usize, u32) -> usize) {
        for _ in 0..steps {
            self.now += STEP;
            for (number, manner) in manners.iter().enumerate() {
                for _ in 0..manner.sends {
                    if self.station(number).ready.len() >= READY {
                        break;
                    }
                    let all = self.sent.entry((number, number)).or_default();
                    *all += 1;
                    let peer = peers(number, *all);
                    let count = self.sent.entry((number, peer)).or_default();
                    *count += u32::from(peer != number);
                    let frame = frame(number, peer, *count);
                    self.station(number).ready.push_back(frame);
                }
                let station = self.station(number);
                let taken = manner.takes.min(station.queue.len());
                station.got.extend(station.queue.drain(..taken));
            }
            self.turn();
        }
    }

    /// A turn of the switch.
    fn turn(&mut self) {
        let Self { switch, traffic, lines, ends, now, .. } = self;
        for end in ends {
            let station = &lines.stations[end];
            if station.is_watched_for_room && station.queue.len() <= QUEUE / 4 {
                traffic.go_on(switch, lines, *now, end.get());
            }
            let station = &lines.stations[end];
            if station.is_watched_for_frames && !station.ready.is_empty() {
                traffic.take(switch, lines, *now, end.get());
            }
        }
        traffic.flush(switch, lines, *now);
        if traffic.due().is_some_and(|due| due <= *now) {
            traffic.keep_time(switch, lines, *now);
        }
    }

    /// Everybody reads, and nobody sends, until nothing moves any more.
    fn settle(&mut self) {
        let reader = Manner { sends: 0, takes: QUEUE };
        let all = vec![reader; self.ends.len()];
        self.run(100 + steps(backlog::SLOW) * 3, &all, |_, _| 0);
        assert_eq!(self.traffic.due(), None, "nothing waits");
        for station in self.lines.stations.values() {
            assert!(station.ready.is_empty() && station.queue.is_empty());
            assert!(station.is_watched_for_frames && !station.is_watched_for_room);
        }
    }

    /// How many frames were dropped on the way out.
    fn dropped(&self) -> u64 {
        self.switch.ports().map(|port| port.counters.dropped_out).sum()
    }

    fn got(&self, number: usize) -> &[Vec<u8>] {
        &self.lines.stations[&self.ends[number]].got
    }

    /// What arrived is what was sent, in order, once; and what did not was counted.
    fn check(&self) {
        let mut arrived = 0;
        for number in 0..self.ends.len() {
            let mut last = BTreeMap::new();
            for frame in self.got(number) {
                let (from, to, count) = read(frame);
                assert!(to.is_none_or(|to| to == number), "a frame for another station");
                let before = last.insert((from, to), count).unwrap_or_default();
                assert!(before < count, "{count} of {from} to {to:?} came after {before}");
                assert_eq!(frame.len(), LENGTH);
            }
            arrived += self.got(number).len() as u64;
        }
        let sent = self.sent.iter().filter(|((from, to), _)| from != to).map(|((_, to), count)| {
            let receivers = if *to == ALL { self.ends.len() - 1 } else { 1 };
            u64::from(*count) * receivers as u64
        });
        assert_eq!(arrived + self.dropped(), sent.sum::<u64>());
    }
}

fn steps(time: Duration) -> usize {
    usize::try_from(time.as_micros() / STEP.as_micros()).unwrap()
}

/// A client on a port of its own.
fn plug(switch: &mut Switch, number: usize) -> EndpointId {
    let path = SocketPath::new("/run/vde.ctl/.vdeq.1234.0").unwrap();
    let conn = ConnId(number as u64);
    let description = Description::sanitised("vdeq: a station");
    let request = Request::new(PortRequest::Any, ClientAddress::Path(path.clone()), description);
    switch.handle(Duration::ZERO, Input::Control(conn, &request.emit()));
    let mut endpoint = None;
    while let Some(output) = switch.poll_output() {
        match output {
            Output::Attach { conn, .. } => {
                switch.handle(Duration::ZERO, Input::Attached { conn, owner: None });
            }
            Output::Serve { conn, endpoint: id, .. } => {
                switch.handle(Duration::ZERO, Input::Served { conn, path: path.clone() });
                endpoint = Some(id);
            }
            _ => {}
        }
    }
    endpoint.unwrap()
}

/// Everybody sends a frame to the next station, then to the one after it, and so on, and every so often
/// to everybody.
fn in_turns(stations: usize, broadcasts: u32) -> impl Fn(usize, u32) -> usize {
    move |number, count| {
        if broadcasts > 0 && count % broadcasts == 0 {
            return ALL;
        }
        (number + 1 + count as usize % (stations - 1)) % stations
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn who_keeps_reading_gets_everything(
        manners in proptest::collection::vec((0..40_usize, 4..40_usize), 2..7),
        broadcasts in 0..8_u32,
        steps in 10..2_000_usize,
    ) {
        let manners: Vec<_> =
            manners.into_iter().map(|(sends, takes)| Manner { sends, takes }).collect();
        let mut world = World::new(manners.len());
        world.run(steps, &manners, in_turns(manners.len(), broadcasts));
        world.settle();
        world.check();
        prop_assert_eq!(world.dropped(), 0);
    }

    #[test]
    fn whatever_receivers_do_frames_arrive_in_order_once_or_are_counted(
        phases in proptest::collection::vec(
            (proptest::collection::vec((0..40_usize, 0..30_usize), 5), 1..1_000_usize), 1..5),
        broadcasts in 0..8_u32,
        gone in proptest::option::of(0..5_usize),
    ) {
        let mut world = World::new(5);
        for (manners, steps) in phases {
            let manners: Vec<_> =
                manners.into_iter().map(|(sends, takes)| Manner { sends, takes }).collect();
            world.run(steps, &manners, in_turns(5, broadcasts));
        }
        if let Some(gone) = gone {
            world.station(gone).is_gone = true;
            let all = [Manner { sends: 2, takes: 20 }; 5];
            world.run(100, &all, in_turns(5, broadcasts));
        }
        world.settle();
        world.check();
    }
}

/// How many frames 15 stations get from one another in `time`, while the 16th takes this many in this
/// many steps, and every fourth frame is for it, or for everybody.
fn exchanged(time: Duration, (takes, every): (usize, usize), fourth: usize) -> usize {
    const LAST: usize = 15;
    let peers = |number: usize, count: u32| match count % 4 {
        0 => fourth,
        turn => (number + turn as usize) % LAST,
    };
    let mut world = World::new(16);
    let mut manners = [Manner { sends: 5, takes: 40 }; 16];
    for step in 0..steps(time) {
        manners[LAST] = Manner { sends: 0, takes: if step % every == 0 { takes } else { 0 } };
        world.run(1, &manners, peers);
    }
    let got = (0..LAST).map(|number| world.got(number).len()).sum();
    if takes == 0 {
        assert!(world.dropped() > 1_000, "what the last one did not take is counted");
    }
    world.settle();
    world.check();
    got
}

#[test]
fn a_port_that_stands_still_or_trickles_costs_others_less_than_a_twentieth() {
    let time = Duration::from_secs(2);
    for fourth in [15, ALL] {
        let before = exchanged(time, (100, 1), fourth);
        for (takes, every) in [(0, 1), (1, 30), (1, 90), (1, 300), (1, 2_000)] {
            let after = exchanged(time, (takes, every), fourth);
            assert!(
                after * 20 > before * 19,
                "{after} of {before} with a port that takes {takes} in {every} steps"
            );
        }
    }
}

/// How many frames one of three stations gets from another that sends to the third, too, once in so many
/// frames, while that takes one frame every so many steps.
fn got_beside(once_in: u32, every: usize) -> usize {
    let peers = |_: usize, count: u32| if count % once_in == 0 { 2 } else { 1 };
    let mut world = World::new(3);
    let (sender, reader) = (Manner { sends: 5, takes: 0 }, Manner { sends: 0, takes: 100 });
    for step in 0..steps(Duration::from_secs(3)) {
        let slow = Manner { sends: 0, takes: usize::from(step % every == 0) };
        world.run(1, &[sender, reader, slow], peers);
    }
    let got = world.got(1).len();
    world.settle();
    world.check();
    got
}

#[test]
fn a_sender_is_slowed_by_no_more_than_the_pace_of_a_receiver() {
    for once_in in [2, 10, 20, 60] {
        for every in [1, 3, 10, 30, 60, 90, 99, 200] {
            let got = got_beside(once_in, every);
            // At least the pace goes on to the reader for each of the slow one's.
            assert!(
                got > 3 * 3_200,
                "{got}: one of {once_in} is for who takes one in {every} steps"
            );
        }
    }
}

#[test]
fn what_is_refused_is_lost_and_delays_nobody() {
    let mut world = World::new(3);
    world.station(2).refuses = true;
    let all = [Manner { sends: 5, takes: 100 }; 3];
    world.run(1_000, &all, in_turns(3, 0));
    world.settle();
    assert_eq!(world.dropped(), 5_000, "half of what two stations sent");
    world.check();
}
