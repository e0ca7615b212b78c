//! The relay between real sockets.

mod capture;

use std::net::Shutdown;
use std::num::NonZeroU64;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, recv, send};
use proptest::prelude::*;
use vde_exec::relay::{
    Direction, DirectionStats, Impairment, MAX_FRAME, Probability, Relay, RelayOptions, Sink,
};
use vde_exec::testkit::wait;

/// A relay, and who talks over it.
struct Line {
    vm: UnixDatagram,
    switch: UnixDatagram,
    /// Of the relay's own sockets.
    inner: UnixDatagram,
    outer: UnixDatagram,
    relay: Relay,
}

impl Line {
    fn new() -> Self {
        Self::with(RelayOptions::default())
    }

    fn with(options: RelayOptions) -> Self {
        let [(vm, inner), (switch, outer)] = [(); 2].map(|()| UnixDatagram::pair().unwrap());
        for socket in [&vm, &switch] {
            socket.set_read_timeout(Some(wait::PATIENCE)).unwrap();
            socket.set_write_timeout(Some(wait::PATIENCE)).unwrap();
        }
        let [ours, theirs] = [&inner, &outer].map(|socket| socket.try_clone().unwrap());
        let relay = Relay::start(ours.into(), theirs.into(), options).unwrap();
        Self { vm, switch, inner, outer, relay }
    }

    fn outbound(&self) -> DirectionStats {
        self.relay.stats().from_vm
    }

    fn inbound(&self) -> DirectionStats {
        self.relay.stats().to_vm
    }

    /// Until the relay follows this; a busy machine may take a while.
    fn impair(&self, direction: Direction, impairment: Option<Impairment>) {
        wait::until_true("an impairment", || self.relay.set_impairment(direction, impairment));
    }

    fn hold(&self) {
        wait::until_true("frames to be held", || self.relay.hold());
    }

    fn wait_outbound(&self, what: &str, condition: impl Fn(&DirectionStats) -> bool) {
        wait::until_true(what, || condition(&self.outbound()));
    }
}

fn numbered(number: u32) -> Vec<u8> {
    let length = 60 + usize::try_from(number).unwrap() * 37 % 1400;
    let mut frame = vec![0xa5; length];
    frame[..4].copy_from_slice(&number.to_be_bytes());
    frame
}

fn send_to(socket: &UnixDatagram, number: u32) {
    socket.send(&numbered(number)).unwrap();
}

fn receive(socket: &UnixDatagram) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let length = socket.recv(&mut buffer).expect("a frame in time");
    buffer.truncate(length);
    buffer
}

/// Whether nothing can be read at the moment.
fn is_empty(socket: &UnixDatagram) -> bool {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK;
    recv(socket.as_raw_fd(), &mut [0], flags).is_err()
}

/// Sends until there is no room; how many were sent.
fn fill(socket: &UnixDatagram) -> u32 {
    let more =
        |number: &u32| send(socket.as_raw_fd(), &numbered(*number), MsgFlags::MSG_DONTWAIT).is_ok();
    u32::try_from((0..100_000).take_while(more).count()).unwrap()
}

#[test]
fn frames_go_both_ways_unaltered_and_in_order() {
    let line = Line::new();
    std::thread::scope(|scope| {
        for [from, to] in [[&line.vm, &line.switch], [&line.switch, &line.vm]] {
            // Not more at a time than fits into all the queues, however slow the machine is.
            let burst = |numbers: std::ops::Range<u32>| {
                numbers.clone().for_each(|n| send_to(from, n));
                numbers.for_each(|n| assert_eq!(receive(to), numbered(n)));
            };
            scope.spawn(move || (0..100).for_each(|n| burst(n * 50..(n + 1) * 50)));
        }
    });
    let bytes = (0..5000).map(|n| numbered(n).len() as u64).sum();
    let stats = line.relay.stop();
    for stats in [stats.from_vm, stats.to_vm] {
        assert_eq!((stats.sent.frames, stats.sent.bytes), (5000, bytes));
        assert_eq!((stats.received, stats.drops.total()), (stats.sent, 0));
    }
}

#[test]
fn the_longest_frame_passes_and_longer_or_empty_ones_are_dropped_and_counted() {
    let line = Line::new();
    for length in [0, MAX_FRAME, MAX_FRAME + 1, 60_000, 1, 0, 14] {
        line.vm.send(&vec![9; length]).unwrap();
    }
    assert_eq!([(); 3].map(|()| receive(&line.switch).len()), [MAX_FRAME, 1, 14]);
    let stats = line.relay.stop().from_vm;
    assert_eq!((stats.received.frames, stats.sent.frames), (7, 3));
    assert_eq!((stats.drops.empty, stats.drops.too_long, stats.drops.total()), (2, 2, 4));
    assert!(is_empty(&line.switch));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_is_invented_altered_doubled_or_reordered(
        lengths in prop::collection::vec(prop_oneof![0..100usize, 0..2 * MAX_FRAME], 1..40),
        seed in 0..200u8,
    ) {
        let line = Line::new();
        // Not more than fits into all the queues, however slow the machine is.
        let mut room = 60_000usize;
        let frames: Vec<_> = lengths.into_iter().zip(seed..).map_while(|(length, byte)| {
            room = room.checked_sub(length)?;
            Some(vec![byte; length])
        }).collect();
        for frame in &frames {
            line.vm.send(frame).unwrap();
        }
        for frame in frames.iter().filter(|frame| (1..=MAX_FRAME).contains(&frame.len())) {
            prop_assert_eq!(&receive(&line.switch), frame);
        }
        line.vm.send(b"the last").unwrap();
        prop_assert_eq!(receive(&line.switch), b"the last");
        let stats = line.relay.stop();
        prop_assert_eq!(stats.from_vm.received.frames, frames.len() as u64 + 1);
        prop_assert_eq!(stats.to_vm, DirectionStats::default());
        prop_assert!(is_empty(&line.switch) && is_empty(&line.vm));
    }
}

#[test]
fn who_stalls_loses_frames_and_delays_nobody_else() {
    let line = Line::new();
    let mut sent = 0;
    line.vm.set_nonblocking(true).unwrap();
    // Nobody reads at the switch.
    wait::until_true("frames to be dropped", || {
        sent += u64::from(fill(&line.vm));
        line.outbound().drops.stalled > 0
    });
    for number in 0..100 {
        line.switch.send(&numbered(number)).unwrap();
        line.vm.set_nonblocking(false).unwrap();
        assert_eq!(receive(&line.vm), numbered(number));
    }
    // It reads again.
    line.wait_outbound("all to be told", |stats| stats.received.frames == sent);
    let stats = line.outbound();
    assert_eq!(stats.sent.frames + stats.drops.stalled, sent);
    for _ in 0..stats.sent.frames {
        receive(&line.switch);
    }
    line.vm.send(b"once more").unwrap();
    assert_eq!(receive(&line.switch), b"once more");
}

#[test]
fn a_relay_stops_at_once_while_both_sides_stall() {
    let line = Line::with(RelayOptions { patience: Duration::from_secs(3600) });
    for socket in [&line.vm, &line.switch] {
        wait::until_true("no side to take more", || fill(socket) == 0);
    }
    // Promised are 50 ms; they are measured where it is quiet, in the bench.
    let began = Instant::now();
    let _ = line.relay.stop();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_held_frame_waits_in_the_kernel_and_the_other_direction_goes_on() {
    let line = Line::new();
    line.hold();
    line.switch.send(b"held").unwrap();
    for number in 0..50 {
        line.vm.send(&numbered(number)).unwrap();
        assert_eq!(receive(&line.switch), numbered(number));
    }
    assert!(is_empty(&line.vm) && !is_empty(&line.outer));
    assert_eq!(line.inbound().received.frames, 0);
    line.relay.release();
    assert_eq!(receive(&line.vm), b"held");
    // Held and released in a row, it is held in the end.
    for _ in 0..100 {
        line.relay.release();
        line.hold();
        let before = line.inbound().received.frames;
        line.switch.send(b"again").unwrap();
        // The lane has something else to do meanwhile.
        line.impair(Direction::ToVm, None);
        assert_eq!(line.inbound().received.frames, before);
        assert!(!is_empty(&line.outer));
        line.relay.release();
        assert_eq!(receive(&line.vm), b"again");
    }
}

#[test]
fn holding_lets_go_of_what_was_delayed() {
    let line = Line::new();
    let delay = Duration::from_secs(3600);
    line.impair(Direction::ToVm, Some(Impairment { delay, ..Impairment::default() }));
    (0..10).for_each(|number| send_to(&line.switch, number));
    wait::until_true("frames to be delayed", || line.inbound().delayed.frames == 10);
    line.hold();
    assert_eq!((line.inbound().delayed.frames, line.inbound().sent.frames), (0, 10));
    (0..10).for_each(|number| assert_eq!(receive(&line.vm), numbered(number)));
}

#[test]
fn a_change_of_the_association_costs_the_frames_of_that_time() {
    let line = Line::new();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let [first, second] = ["first", "second"].map(|name| UnixDatagram::bind(path(name)).unwrap());
    line.outer.connect(path("first")).unwrap();
    line.vm.send(b"to the first").unwrap();
    assert_eq!(receive(&first), b"to the first");
    drop(first);
    line.vm.send(b"to nobody").unwrap();
    line.wait_outbound("a refused frame", |stats| stats.drops.refused == 1);
    line.vm.send(b"to nobody").unwrap();
    line.wait_outbound("a frame without address", |stats| stats.drops.unconnected == 1);
    // It has a peer of its own, and takes nothing from anybody else.
    let (bound, _peer) = (UnixDatagram::bind(path("third")).unwrap(), ());
    line.outer.connect(path("third")).unwrap();
    bound.connect(path("second")).unwrap();
    line.vm.send(b"to somebody else's friend").unwrap();
    line.wait_outbound("a forbidden frame", |stats| stats.drops.forbidden == 1);
    line.outer.connect(path("second")).unwrap();
    line.vm.send(b"to the second").unwrap();
    assert_eq!(receive(&second), b"to the second");
    assert_eq!(line.relay.stop().from_vm.drops.total(), 3);
}

#[test]
fn a_socket_that_somebody_shut_down_is_left_alone() {
    let line = Line::new();
    line.inner.shutdown(Shutdown::Read).unwrap();
    line.wait_outbound("the end to be seen", |stats| stats.receive_errors > 1);
    // It is looked less and less often, 20 times a second in the end.
    let (began, before) = (Instant::now(), line.outbound().receive_errors);
    line.wait_outbound("more looks", |stats| stats.receive_errors > before + 10);
    assert!(began.elapsed() > Duration::from_millis(20), "{:?}", began.elapsed());
    line.switch.send(b"the other way").unwrap();
    assert_eq!(receive(&line.vm), b"the other way");
    line.outer.shutdown(Shutdown::Both).unwrap();
    let _ = line.relay.stop();
}

#[test]
fn the_same_seed_gives_the_same_frames_the_same_fate() {
    let half = Probability::new(0.5).unwrap();
    let run = |seed| {
        let line = Line::new();
        let bad = Impairment {
            seed,
            loss: half,
            duplicate: half,
            corrupt: half,
            ..Impairment::default()
        };
        line.impair(Direction::FromVm, Some(bad));
        (0..200).for_each(|number| send_to(&line.vm, number));
        line.wait_outbound("all frames", |stats| stats.received.frames == 200);
        let stats = line.relay.stop().from_vm;
        let gone = stats.sent.frames + stats.impaired.lost + stats.drops.total();
        assert_eq!(stats.received.frames + stats.impaired.duplicated, gone, "{stats:?}");
        (0..stats.sent.frames).map(|_| receive(&line.switch)).collect::<Vec<_>>()
    };
    let one = run(7);
    assert_eq!(one, run(7));
    assert_ne!(one, run(8));
}

#[test]
fn a_delay_delays_and_what_it_keeps_back_is_told() {
    let line = Line::new();
    let delay = Duration::from_millis(30);
    line.relay
        .set_impairment(Direction::FromVm, Some(Impairment { delay, ..Impairment::default() }));
    let began = Instant::now();
    line.vm.send(b"late").unwrap();
    assert_eq!(receive(&line.switch), b"late");
    assert!(began.elapsed() >= delay);
    let rate = NonZeroU64::new(8);
    line.relay
        .set_impairment(Direction::FromVm, Some(Impairment { rate, ..Impairment::default() }));
    line.vm.send(&[1; 100]).unwrap();
    line.vm.send(&[2; 100]).unwrap();
    line.wait_outbound("a frame to be kept back", |stats| stats.delayed.bytes >= 100);
    // Other rules hold for what comes from now on.
    let loss = Probability::ALWAYS;
    line.impair(Direction::FromVm, Some(Impairment { loss, ..Impairment::default() }));
    line.vm.send(b"lost").unwrap();
    line.wait_outbound("a frame to be lost", |stats| stats.impaired.lost == 1);
    // Without any, what waits goes at once, and before everything that comes later.
    line.impair(Direction::FromVm, None);
    line.vm.send(&[3; 100]).unwrap();
    assert_eq!([(); 3].map(|()| receive(&line.switch)[0]), [1, 2, 3]);
    assert_eq!(line.relay.stop().from_vm.delayed.frames, 0);
}

#[test]
fn it_is_known_how_long_it_has_been_quiet() {
    let line = Line::new();
    wait::until_true("some quiet", || line.relay.quiet_for() > Duration::from_millis(20));
    line.switch.send(b"a sound").unwrap();
    receive(&line.vm);
    wait::until_true("less quiet", || {
        line.relay.quiet_for() < Duration::from_millis(20) || {
            line.switch.send(b"a sound").unwrap();
            receive(&line.vm);
            false
        }
    });
}

#[test]
fn no_signal_reaches_a_thread_of_a_relay() {
    let line = Line::new();
    let dir = tempfile::tempdir().unwrap();
    let sink = Sink::Path(dir.path().join("capture"));
    line.relay.capture(capture::capture(sink)).unwrap();
    for name in ["relay-from-vm", "relay-to-vm", "capture"] {
        let status = wait::until("the thread", || status_of(name));
        let blocked = status.lines().find(|line| line.starts_with("SigBlk:")).unwrap();
        // SIGKILL and SIGSTOP cannot be blocked, and 32 and 33 are the C library's.
        assert_eq!(blocked, "SigBlk:\tfffffffe7ffbfeff", "{name}");
    }
    let _ = line.relay.stop();
}

/// What the kernel tells of the first thread of this process that has this name.
fn status_of(name: &str) -> Option<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let mut all = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok());
    all.find(|status| status.starts_with(&format!("Name:\t{name}\n")))
}
