//! One hop between a VM and a switch: none, through our relay, and through the C vdeq.
//!
//! Every way is taken once a round, in an order that turns around each round, so that what else happens
//! on the machine falls on all of them alike. A thread sends for a while as fast as it can, as a VM does,
//! and another one receives; then frames go back and forth one by one. Each relay is a process of its
//! own, whose time on a processor the kernel tells.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench stops where the world is not as it needs it, and prints a table"
)]

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use vde_benches::broadcast;
use vde_exec::relay::{Capture, Relay, RelayOptions, Sink};
use vde_exec::testkit::fake_qemu;
use vde_exec::vde_proto::{ClientAddress, Reply, Request, SocketPath};

/// Rounds of a measurement, how long one way is taken in a round, and how often frames go back and
/// forth; and for `--test`, which only shows that everything runs.
const FULL: (usize, Duration, usize) = (11, Duration::from_millis(700), 2000);
const TEST: (usize, Duration, usize) = (1, Duration::from_millis(20), 20);

const LENGTHS: [usize; 2] = [64, 1514];

/// What makes this program the relay, and where it captures to.
const ROLE: &str = "VDE_BENCH_RELAY";

/// A version that the C vdeq knows how to plug in.
const OLD: &str = "QEMU PC emulator version 0.9.1, Copyright (c) nobody\n";

/// The two ends of a hop, and who is between them.
struct Hop {
    vm: UnixDatagram,
    switch: UnixDatagram,
    between: Option<Between>,
}

struct Between {
    child: Child,
    /// It ends when this does; our relay says before what it lost.
    word: UnixStream,
    /// Of the C vdeq: the port is there as long as this is.
    _control: Option<UnixStream>,
}

/// What was measured of one way, in one round.
#[derive(Debug, Clone, Copy)]
struct Sample {
    kframes_per_second: f64,
    /// In nanoseconds.
    cpu_per_frame: f64,
    /// In microseconds.
    round_trip: f64,
    /// Frames that were not captured, of a hundred.
    missing: f64,
}

fn main() {
    if let Ok(capture) = std::env::var(ROLE) {
        return be_the_relay(&capture);
    }
    let is_test = std::env::args().any(|arg| arg == "--test");
    let (rounds, time, pings) = if is_test { TEST } else { FULL };
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("capture").display().to_string();
    let ways: [(&str, &dyn Fn() -> Hop); 4] = [
        ("C vdeq", &|| theirs(home.path())),
        ("kernel floor", &floor),
        ("relay", &|| ours("")),
        ("relay, capture to a file", &|| ours(&file)),
    ];
    for length in LENGTHS {
        let mut samples = ways.map(|_| Vec::new());
        for round in 0..rounds {
            let mut order: Vec<_> = ways.iter().zip(&mut samples).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for ((_, start), samples) in order {
                samples.push(measure(start(), length, time, pings));
            }
        }
        report(length, &ways.map(|(name, _)| name), &samples);
    }
}

fn pair() -> (UnixDatagram, UnixDatagram) {
    UnixDatagram::pair().expect("a socket pair")
}

fn floor() -> Hop {
    let (vm, switch) = pair();
    Hop { vm, switch, between: None }
}

/// This program once more, as the relay.
fn ours(capture: &str) -> Hop {
    let ((vm, inner), (switch, outer)) = (pair(), pair());
    let (word, its_word) = UnixStream::pair().expect("a socket pair");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.env(ROLE, capture);
    command
        .stdin(OwnedFd::from(inner))
        .stdout(OwnedFd::from(outer))
        .stderr(OwnedFd::from(its_word));
    let child = command.spawn().expect("a relay");
    drop(command);
    let mut ready = [0];
    (&word).read_exact(&mut ready).expect("a relay that runs");
    Hop { vm, switch, between: Some(Between { child, word, _control: None }) }
}

fn be_the_relay(capture: &str) {
    let [inner, outer, word] =
        [std::io::stdin().as_fd(), std::io::stdout().as_fd(), std::io::stderr().as_fd()]
            .map(|fd| fd.try_clone_to_owned().expect("a descriptor"));
    let mut word = UnixStream::from(word);
    let relay = Relay::start(inner, outer, RelayOptions::default()).expect("a relay");
    if !capture.is_empty() {
        let [name, description, application] = ["net0", "", "bench"].map(str::to_owned);
        let sink = Sink::Path(capture.into());
        let sink = sink.open().expect("a sink");
        let capture = Capture { sink, name, description, application };
        relay.capture(Some(capture)).expect("a capture");
    }
    word.write_all(b"!").expect("a word");
    let _ = word.read(&mut [0]);
    let (seen, dropped) =
        relay.stop().capture.map_or((1, 0), |capture| (capture.seen, capture.dropped));
    let _ = write!(word, "{}", dropped as f64 * 100.0 / seen as f64);
}

/// The C vdeq, with a fake QEMU that hands its end over, and a switch that is nothing but its socket.
fn theirs(home: &Path) -> Hop {
    let dir = tempfile::tempdir_in(home).expect("a directory");
    let listener = UnixListener::bind(dir.path().join("ctl")).expect("a control socket");
    let (stdin, hand) = UnixStream::pair().expect("a socket pair");
    let net = format!("vde,sock={}", dir.path().display());
    let mut command = Command::new("/usr/bin/vdeq");
    command.arg(fake_qemu::binary()).args(["-net", "nic", "-net", &net]);
    command.env(fake_qemu::DO, "hand line").env(fake_qemu::VERSION, OLD).env(fake_qemu::HELP, OLD);
    command.stdin(OwnedFd::from(stdin)).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().expect("the C vdeq: cargo xtask setup");
    drop(command);
    let (control, switch) = serve(&listener, dir.path());
    let vm = UnixDatagram::from(fake_qemu::receive_plug(&hand));
    Hop { vm, switch, between: Some(Between { child, word: hand, _control: Some(control) }) }
}

/// Grants the first request that comes.
fn serve(listener: &UnixListener, dir: &Path) -> (UnixStream, UnixDatagram) {
    let (mut control, _) = listener.accept().expect("a client");
    let mut bytes = [0; 1024];
    let length = control.read(&mut bytes).expect("a request");
    let request = Request::parse(bytes.get(..length).unwrap_or_default()).expect("a request");
    let ClientAddress::Path(client) = request.address else { return serve(listener, dir) };
    let path = dir.join("001.bench");
    let data = UnixDatagram::bind(&path).expect("a data socket");
    let client = String::from_utf8(client.as_bytes().to_vec()).expect("a plain path");
    data.connect(client).expect("the client's data socket");
    let path = SocketPath::new(path.into_os_string().into_encoded_bytes()).expect("a short path");
    control.write_all(&Reply { path }.emit()).expect("a client that waits");
    (control, data)
}

fn measure(mut hop: Hop, length: usize, time: Duration, pings: usize) -> Sample {
    let frame = broadcast(length);
    let Hop { vm, switch, .. } = &hop;
    let patience = Some(Duration::from_millis(200));
    for socket in [vm, switch] {
        socket.set_read_timeout(patience).expect("a time-out");
    }
    // The first frames find everything cold.
    round_trips(vm, switch, &frame, pings / 10);
    let before = hop.cpu();
    let (count, took) = stream(vm, switch, &frame, time);
    let cpu = hop.cpu().saturating_sub(before);
    let round_trip = round_trips(vm, switch, &frame, pings);
    let missing = hop.between.as_mut().map_or(0.0, Between::end);
    Sample {
        kframes_per_second: count as f64 / took.as_secs_f64() / 1000.0,
        cpu_per_frame: cpu.as_nanos() as f64 / count as f64,
        round_trip: round_trip.as_nanos() as f64 / 1000.0,
        missing,
    }
}

/// How many frames got through from `from` to `to`, and in which time.
fn stream(from: &UnixDatagram, to: &UnixDatagram, frame: &[u8], time: Duration) -> (u64, Duration) {
    let is_over = AtomicBool::new(false);
    let began = Instant::now();
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let (mut count, mut last, mut buffer) = (0u64, began, vec![0; 2048]);
            loop {
                match to.recv(&mut buffer) {
                    Ok(_) => count += 1,
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                        if is_over.load(Ordering::Relaxed) {
                            return (count, last.duration_since(began));
                        }
                    }
                }
                if count % 64 == 0 || is_over.load(Ordering::Relaxed) {
                    last = last.max(Instant::now());
                }
            }
        });
        while began.elapsed() < time {
            for _ in 0..64 {
                from.send(frame).expect("sending");
            }
        }
        is_over.store(true, Ordering::Relaxed);
        receiver.join().expect("a receiver")
    })
}

/// The median time of a frame there and one back.
fn round_trips(one: &UnixDatagram, other: &UnixDatagram, frame: &[u8], count: usize) -> Duration {
    let mut buffer = vec![0; 2048];
    let mut times: Vec<_> = (0..count.max(1))
        .map(|_| {
            let began = Instant::now();
            for (from, to) in [(one, other), (other, one)] {
                from.send(frame).expect("sending");
                to.recv(&mut buffer).expect("receiving");
            }
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl Hop {
    /// How long whoever is between the ends was on a processor.
    fn cpu(&self) -> Duration {
        let Some(Between { child, .. }) = &self.between else { return Duration::ZERO };
        let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).expect("/proc");
        let nanos = tasks.flatten().map(|task| {
            let mut text = String::new();
            let file = File::open(task.path().join("schedstat"));
            let _ = file.and_then(|mut file| file.read_to_string(&mut text));
            text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
        });
        Duration::from_nanos(nanos.sum())
    }
}

impl Between {
    /// Ends it; returns how many frames of a hundred were not captured.
    fn end(&mut self) -> f64 {
        let mut missing = String::new();
        self.word.shutdown(Shutdown::Write).expect("the last word");
        self.word.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
        let _ = self.word.read_to_string(&mut missing);
        // The C vdeq does not always notice that its QEMU has ended.
        let _ = self.child.kill();
        self.child.wait().expect("an end");
        missing.parse().unwrap_or(0.0)
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        // It has ended, unless something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn report(length: usize, names: &[&str], samples: &[Vec<Sample>]) {
    let Some(base) = samples.first() else { return };
    println!("\n{length} bytes; medians (and ranges) of {} rounds, interleaved\n", base.len());
    println!(
        "| way | kframes/s | x C vdeq | CPU-ns per frame | x C vdeq | round trip, us | x C vdeq | not captured, % |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, own) in names.iter().zip(samples) {
        let mut line = format!("| {name} |");
        let figures: [fn(&Sample) -> f64; 3] = [
            |sample| sample.kframes_per_second,
            |sample| sample.cpu_per_frame,
            |sample| sample.round_trip,
        ];
        for figure in figures {
            let (least, middle, most) = spread(own.iter().map(figure));
            let ratios = own.iter().zip(base).map(|(own, base)| figure(own) / figure(base));
            let (_, ratio, _) = spread(ratios);
            let text = format!(" {middle:.1} ({least:.1}-{most:.1}) | {ratio:.2} |");
            line.push_str(&text);
        }
        let (_, missing, _) = spread(own.iter().map(|sample| sample.missing));
        println!("{line} {missing:.1} |");
    }
}

/// The least, the middle, and the greatest.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut sorted: Vec<_> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    (at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1)))
}
