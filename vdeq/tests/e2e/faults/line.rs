//! A line between two VMs: numbered frames in both directions.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use vde_exec::testkit::wait;

use super::account::{Account, Arrival, Outage};

/// From one frame to the next in one direction: a thousand in a second in both.
pub const INTERVAL: Duration = Duration::from_millis(2);

/// How long the last frames may be under way with none before them.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a thread waits before it looks whether the test is over.
const LOOK: Duration = Duration::from_millis(50);

/// Local experimental ethertype 1 (IEEE 802): frames of this test and nobody else's.
const ETHERTYPE: [u8; 2] = [0x88, 0xb5];

/// Frames that flow. Dropped, they end.
pub struct Line {
    ways: [Way; 2],
}

/// What the threads of a direction look at.
#[derive(Default)]
struct Flags {
    /// Nothing more is sent.
    is_over: AtomicBool,
    /// Nothing that is under way is waited for.
    is_cut: AtomicBool,
}

impl Flags {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }
}

/// One direction.
struct Way {
    flags: Arc<Flags>,
    /// When each frame was sent.
    sent: Arc<Mutex<Vec<Instant>>>,
    /// What came, and when.
    came: Arc<Mutex<Vec<(Arrival, Instant)>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Line {
    /// Begins to send between the VMs at the other ends of these sockets. No two lines of a switch
    /// have the same number.
    pub fn between(
        one: &UnixDatagram,
        other: &UnixDatagram,
        number: u8,
        interval: Duration,
    ) -> Self {
        let ends = [[2, 0, 0, 0xfa, number, 1], [2, 0, 0, 0xfa, number, 2]];
        let [near, far] = ends;
        let start = |from, to, addresses| Way::start(from, to, addresses, interval);
        Self { ways: [start(one, other, [near, far]), start(other, one, [far, near])] }
    }

    /// Waits until frames that were sent after `since` have come in both directions, and returns when
    /// the first of them came in the slower direction.
    pub fn wait_for_traffic(&self, since: Instant) -> Instant {
        let what = "frames to pass in both directions";
        wait::until(what, || self.traffic(since))
    }

    /// The same without waiting.
    pub fn traffic(&self, since: Instant) -> Option<Instant> {
        let both = self.ways.each_ref().map(|way| way.first_after(since));
        Some(both[0]?.max(both[1]?))
    }

    /// Waits until it flows, with nothing to be forgiven from then on, and returns the time until then
    /// as an outage: addresses are not known yet, and plugs not made.
    pub fn wait_until_up(&self, begin: Instant) -> Outage {
        let end = self.wait_for_traffic(Instant::now());
        Outage { begin, end: end.max(Instant::now()) }
    }

    /// Stops sending and receiving, and judges: for a line that has lost one of its ends.
    pub fn cut(self, outages: &[Outage]) -> Account {
        self.ways.iter().for_each(|way| way.flags.is_cut.store(true, Ordering::Relaxed));
        self.finish(outages)
    }

    /// Stops sending, waits for what is under way, and judges.
    pub fn finish(mut self, outages: &[Outage]) -> Account {
        let mut sum = Account::default();
        self.ways.iter().for_each(|way| way.flags.is_over.store(true, Ordering::Relaxed));
        for way in &mut self.ways {
            sum += way.finish(outages);
        }
        sum
    }
}

impl Way {
    /// Each thread has a socket of its own, so that one does not wait for another.
    fn start(
        from: &UnixDatagram,
        to: &UnixDatagram,
        addresses: [[u8; 6]; 2],
        interval: Duration,
    ) -> Self {
        let flags = Arc::new(Flags::default());
        let (sent, came) = (Arc::default(), Arc::default());
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        from.set_write_timeout(Some(LOOK)).unwrap();
        to.set_read_timeout(Some(LOOK)).unwrap();
        let send = {
            let (flags, sent) = (Arc::clone(&flags), Arc::clone(&sent));
            std::thread::spawn(move || send(&from, addresses, interval, &sent, &flags))
        };
        let receive = {
            let (flags, came) = (Arc::clone(&flags), Arc::clone(&came));
            std::thread::spawn(move || receive(&to, addresses, &came, &flags))
        };
        Self { flags, sent, came, threads: vec![send, receive] }
    }

    fn first_after(&self, since: Instant) -> Option<Instant> {
        let first = self.sent.lock().unwrap().partition_point(|at| *at < since);
        let came = self.came.lock().unwrap();
        let is_later = |&&(arrival, _): &&(Arrival, Instant)| matches!(arrival, Arrival::Whole(number) if number >= first);
        // The frames that are looked for are the last ones.
        came.iter().rev().take_while(is_later).last().map(|(_, at)| *at)
    }

    fn finish(&mut self, outages: &[Outage]) -> Account {
        self.threads.remove(0).join().unwrap();
        let sent = self.sent.lock().unwrap().clone();
        self.threads.remove(0).join().unwrap();
        let came = self.came.lock().unwrap();
        Account::of(&sent, &came, outages)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.flags.is_over.store(true, Ordering::Relaxed);
        self.flags.is_cut.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The frame of a number: 60 to 1514 bytes that depend on it. Most are short, so that the queues of the
/// kernel last for half a second where the machine has other things to do.
fn frame([from, to]: [[u8; 6]; 2], number: usize) -> Vec<u8> {
    let mut frame = [to, from].concat();
    frame.extend(ETHERTYPE);
    frame.extend(u32::try_from(number).unwrap().to_be_bytes());
    let length = 60 + number * 7919 % if number % 16 == 0 { 1455 } else { 64 };
    frame.extend((frame.len()..length).map(|at| ((at * 31 + number) % 251).to_le_bytes()[0]));
    frame
}

fn send(
    socket: &UnixDatagram,
    addresses: [[u8; 6]; 2],
    interval: Duration,
    sent: &Mutex<Vec<Instant>>,
    flags: &Flags,
) {
    let mut number = 0;
    let mut next = Instant::now();
    while !flags.is_over() {
        // The time is noted before: nothing can come earlier than it was sent.
        let now = Instant::now();
        sent.lock().unwrap().push(now);
        if socket.send(&frame(addresses, number)).is_ok() {
            number += 1;
        } else {
            // A VM that does not read; the frame is still to be sent.
            sent.lock().unwrap().pop();
            continue;
        }
        // What was missed is not made up for.
        next = (next + interval).max(now);
        std::thread::sleep(next.saturating_duration_since(now));
    }
}

/// Ends after the sender, when nothing has come for a while.
fn receive(
    socket: &UnixDatagram,
    addresses: [[u8; 6]; 2],
    came: &Mutex<Vec<(Arrival, Instant)>>,
    flags: &Flags,
) {
    let mut buffer = [0; 4096];
    let mut last = Instant::now();
    while !flags.is_cut() {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let got = &buffer[..length];
                last = Instant::now();
                if let Some(arrival) = recognise(got, addresses) {
                    came.lock().unwrap().push((arrival, last));
                }
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                if flags.is_over() && last.elapsed() > PATIENCE {
                    return;
                }
            }
            Err(error) => panic!("the socket of a VM: {error}"),
        }
    }
}

/// What arrived; `None` if it is meant for somebody else.
fn recognise(got: &[u8], addresses: [[u8; 6]; 2]) -> Option<Arrival> {
    let [from, to] = addresses;
    if got.len() >= 14 && (got[..6] != to || got[6..12] != from) {
        return None;
    }
    let number = got.get(14..18).map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap()));
    let number = usize::try_from(number.unwrap_or(u32::MAX)).unwrap();
    match number < 10_000_000 && frame(addresses, number) == got {
        true => Some(Arrival::Whole(number)),
        false => Some(Arrival::Altered),
    }
}
