//! Frames from one end to others, as many as go through; and there and back, one at a time.
//!
//! Sender and receiver are threads. They put many frames into one system call, so that what is between
//! them is what is measured; the sender polls where there is no room, the receiver where there is
//! nothing. Every wait has a deadline. Frames that do not arrive are counted and told: a rate is of those
//! that did.

use std::io::{Error, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vde_exec::testkit::burst::{Burst, MOST};

use crate::cpu::{self, Group, Placement};

/// How long nothing has to come before what has not arrived is lost.
const QUIET: Duration = Duration::from_millis(200);

/// Longest wait for room in a socket.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest frame that is received whole.
const MAX_FRAME: usize = 65_536;

/// How many bursts are received from one socket before the next is looked at.
const ROUND: usize = 4;

/// What frames go through: from `near` to every `far`, by way of processes.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// Where frames are sent.
    pub near: &'a UnixDatagram,
    /// Where each of them should arrive.
    pub far: &'a [&'a UnixDatagram],
    /// The processes in between.
    pub between: &'a [Group],
    /// Where everybody runs.
    pub placement: Placement,
}

/// What became of frames that were sent one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// How many were sent.
    pub sent: u64,
    /// How many arrived, at all far ends together.
    pub received: u64,
    /// How many should have.
    pub due: u64,
    /// From the first that was sent to the last that arrived.
    pub took: Duration,
    /// CPU time of the sender.
    pub sender: Duration,
    /// CPU time of the receiver.
    pub receiver: Duration,
    /// CPU time of each group of processes in between.
    pub between: Vec<Duration>,
}

/// What became of frames that were sent and answered one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trips {
    /// Time of each, shortest first.
    pub times: Vec<Duration>,
    /// How many were not answered.
    pub lost: u64,
    /// CPU time of each group of processes in between.
    pub between: Vec<Duration>,
}

impl Flow {
    /// Frames a second that arrived.
    #[must_use]
    pub fn rate(&self) -> f64 {
        to_f64(self.received) / self.took.as_secs_f64()
    }

    /// CPU time in ns of those in between, for each frame that was sent.
    #[must_use]
    pub fn between_ns(&self) -> f64 {
        nanos(self.between.iter().sum()) / to_f64(self.sent)
    }

    /// The part of the frames that did not arrive.
    #[must_use]
    pub fn loss(&self) -> f64 {
        1.0 - to_f64(self.received) / to_f64(self.due)
    }
}

impl Trips {
    /// The time in µs that this part of the trips did not exceed.
    #[must_use]
    pub fn quantile(&self, part: f64) -> f64 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "an index below the length, from a part between 0 and 1"
        )]
        let index = ((self.times.len() as f64 - 1.0).max(0.0) * part).round() as usize;
        self.times.get(index).map_or(f64::NAN, |&time| nanos(time) / 1000.0)
    }
}

/// A count as a number to divide by; exact up to 2^53.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "counts of frames are far below 2^53")]
pub fn to_f64(count: u64) -> f64 {
    count as f64
}

/// A duration in ns.
#[must_use]
pub fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

impl Course<'_> {
    /// Sends `count` frames as fast as they are taken.
    ///
    /// # Panics
    /// If an end fails, or takes nothing for a long time.
    #[must_use]
    pub fn run(&self, frame: &[u8], count: u64) -> Flow {
        self.prepare();
        let before = self.times();
        let due = count * self.far.len() as u64;
        let flow = thread::scope(|scope| {
            let receiver = scope.spawn(|| self.receive(frame.len(), due));
            let sender = scope.spawn(|| self.send(frame, count));
            let (started, sender) = sender.join().expect("the sender");
            let (received, last, receiver) = receiver.join().expect("the receiver");
            let took = last.saturating_duration_since(started);
            Flow { sent: count, received, due, took, sender, receiver, between: Vec::new() }
        });
        Flow { between: self.times_since(&before), ..flow }
    }

    /// Sends `count` frames, each when the one before has been answered with `answer`.
    ///
    /// # Panics
    /// If an end fails.
    #[must_use]
    pub fn trips(&self, frame: &[u8], answer: &[u8], count: u64) -> Trips {
        self.prepare();
        let before = self.times();
        let far = *self.far.first().expect("a far end");
        for end in [self.near, far] {
            end.set_nonblocking(false).expect("blocking");
            end.set_read_timeout(Some(QUIET)).expect("a time-out");
        }
        let is_over = AtomicBool::new(false);
        let trips = thread::scope(|scope| {
            let echo = scope.spawn(|| self.echo(far, answer, &is_over));
            let trips = scope.spawn(|| self.call(frame, count)).join().expect("the caller");
            is_over.store(true, Ordering::Relaxed);
            echo.join().expect("the echo");
            trips
        });
        Trips { between: self.times_since(&before), ..trips }
    }

    /// Empties all ends: what is left of a run before belongs to nobody.
    fn prepare(&self) {
        self.placement.take(self.between);
        let mut buffer = vec![0; MAX_FRAME];
        for end in self.far.iter().chain([&self.near]) {
            end.set_nonblocking(true).expect("non-blocking");
            while end.recv(&mut buffer).is_ok() {}
        }
    }

    fn times(&self) -> Vec<Duration> {
        self.between.iter().map(Group::time).collect()
    }

    fn times_since(&self, before: &[Duration]) -> Vec<Duration> {
        self.times().iter().zip(before).map(|(now, before)| now.saturating_sub(*before)).collect()
    }

    fn send(&self, frame: &[u8], count: u64) -> (Instant, Duration) {
        self.placement.take_thread();
        let (mut burst, cpu) = (Burst::new(), cpu::of_this_thread());
        let started = Instant::now();
        let mut left = usize::try_from(count).expect("a count of frames");
        while left > 0 {
            match burst.send(self.near, frame, left) {
                Ok(sent) => left -= sent,
                Err(error) => wait_for_room(self.near, &error),
            }
        }
        (started, cpu::of_this_thread().saturating_sub(cpu))
    }

    fn receive(&self, length: usize, due: u64) -> (u64, Instant, Duration) {
        self.placement.take_thread();
        let cpu = cpu::of_this_thread();
        let (received, last) = receive(self.far, length, due);
        (received, last, cpu::of_this_thread().saturating_sub(cpu))
    }

    fn call(&self, frame: &[u8], count: u64) -> Trips {
        self.placement.take_thread();
        let mut trips = Trips { times: Vec::new(), lost: 0, between: Vec::new() };
        let mut buffer = vec![0; MAX_FRAME];
        for _ in 0..count {
            let started = Instant::now();
            send(self.near, frame);
            if hear(self.near, &mut buffer).is_none() {
                trips.lost += 1;
            }
            trips.times.push(started.elapsed());
        }
        trips.times.sort_unstable();
        trips
    }

    fn echo(&self, far: &UnixDatagram, answer: &[u8], is_over: &AtomicBool) {
        self.placement.take_thread();
        let mut buffer = vec![0; MAX_FRAME];
        while !is_over.load(Ordering::Relaxed) {
            if hear(far, &mut buffer).is_some() {
                send(far, answer);
            }
        }
    }
}

/// Sends one frame, when there is room.
fn send(to: &UnixDatagram, frame: &[u8]) {
    while let Err(error) = to.send(frame) {
        wait_for_room(to, &error);
    }
}

/// Waits until what failed with this error may succeed.
fn wait_for_room(to: &UnixDatagram, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "sending: {error}");
    assert!(wait(&[to], PollFlags::POLLOUT, PATIENCE), "no room for a frame");
}

/// The length of the next frame; `None` if none comes before the socket's time-out.
fn hear(from: &UnixDatagram, buffer: &mut [u8]) -> Option<usize> {
    match from.recv(buffer) {
        Ok(length) => Some(length),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => panic!("receiving: {error}"),
    }
}

/// How many frames of this length came, and when the last did. The first may take its time; after
/// that, silence is the end.
fn receive(far: &[&UnixDatagram], length: usize, due: u64) -> (u64, Instant) {
    let mut burst = Burst::new();
    let (mut received, mut last) = (0, Instant::now());
    while received < due
        && wait(far, PollFlags::POLLIN, if received == 0 { PATIENCE } else { QUIET })
    {
        for from in far {
            for _ in 0..ROUND {
                let heard = match burst.receive(from) {
                    Ok(heard) => heard,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("receiving: {error}"),
                };
                received += to_u64(heard.iter().filter(|&&heard| heard == length).count());
                if heard.len() < MOST {
                    break;
                }
            }
        }
        last = Instant::now();
    }
    (received, last)
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).expect("a count of frames")
}

/// Whether one of the sockets is ready in time.
fn wait(sockets: &[&UnixDatagram], what: PollFlags, patience: Duration) -> bool {
    let mut set: Vec<_> = sockets.iter().map(|end| PollFd::new(end.as_fd(), what)).collect();
    let patience = PollTimeout::try_from(patience).expect("a short wait");
    poll(&mut set, patience).expect("polling") > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_and_what_does_not_is_counted() {
        let (near, far) = UnixDatagram::pair().unwrap();
        let (_dead, other) = UnixDatagram::pair().unwrap();
        let (one, both) = ([&far], [&far, &other]);
        let course = |far| Course { near: &near, far, between: &[], placement: Placement::Free };
        let flow = course(&one).run(&[1; 64], 1000);
        assert_eq!((flow.sent, flow.received, flow.due), (1000, 1000, 1000));
        assert!(flow.rate() > 0.0 && flow.loss() == 0.0 && flow.sender > Duration::ZERO);
        let flow = course(&both).run(&[1; 64], 100);
        assert_eq!((flow.received, flow.due), (100, 200));
        assert!((flow.loss() - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn trips_are_told_from_the_shortest_to_the_longest() {
        let (near, far) = UnixDatagram::pair().unwrap();
        let course =
            Course { near: &near, far: &[&far], between: &[], placement: Placement::OneCore };
        let trips = course.trips(&[1; 64], &[2; 64], 100);
        assert_eq!((trips.times.len(), trips.lost), (100, 0));
        assert!(trips.quantile(0.5) <= trips.quantile(0.99));
    }
}
