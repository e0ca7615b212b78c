//! What a relay captures, as Wireshark's tshark reads it: from a file, and live from a FIFO.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use vde_exec::relay::{Capture, CaptureState, Relay, RelayOptions, Sink};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::{MacAddr, rarp};

/// What is asked of every frame.
const FIELDS: [&str; 6] = [
    "frame.interface_name",
    "frame.interface_description",
    "frame.packet_flags_direction",
    "eth.src",
    "frame.len",
    "frame.time_epoch",
];

/// A relay between two sockets, captured into `sink`.
struct Captured {
    vm: UnixDatagram,
    switch: UnixDatagram,
    relay: Relay,
}

impl Captured {
    fn into(sink: &Path) -> Self {
        let ((vm, inner), (switch, outer)) =
            (UnixDatagram::pair().unwrap(), UnixDatagram::pair().unwrap());
        let relay = Relay::start(inner.into(), outer.into(), RelayOptions::default()).unwrap();
        let [name, description, application] =
            ["net0", "vde:///run/vde.ctl", "vdeq's tests"].map(str::to_owned);
        let sink = Sink::Path(sink.to_owned());
        let sink = sink.open().unwrap();
        relay.capture(Some(Capture { sink, name, description, application })).unwrap();
        Self { vm, switch, relay }
    }

    /// One frame from the VM, and one to it.
    fn exchange(&self) {
        for (number, from, to) in [(0, &self.vm, &self.switch), (1, &self.switch, &self.vm)] {
            from.send(&rarp::announcement(MacAddr::new([2, 0, 0, 0, 0, number]))).unwrap();
            to.recv(&mut [0; 100]).unwrap();
        }
    }
}

fn tshark(arguments: &[&str], path: &Path) -> Command {
    let mut command = Command::new("tshark");
    command.args(arguments).arg(path).args(["-n", "-T", "fields", "-E", "separator=|"]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    command
}

/// Looks at a line of tshark's; the time must be that of this test.
fn check(line: &str, direction: &str, source: &str, since: f64) {
    let words: Vec<_> = line.split('|').collect();
    assert_eq!(words[..2], ["net0", "vde:///run/vde.ctl"], "{line}");
    assert_eq!(words[2..5], [direction, source, "60"], "{line}");
    let time: f64 = words[5].parse().unwrap();
    assert!(time >= since && time <= now(), "{line}");
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Direction (outbound is 2) and source of what [`Captured::exchange`] sends.
const FIRST: (&str, &str) = ("0x00000002", "02:00:00:00:00:00");
const SECOND: (&str, &str) = ("0x00000001", "02:00:00:00:00:01");

#[test]
fn tshark_reads_a_capture_with_interface_directions_and_times() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture.pcapng");
    let captured = Captured::into(&path);
    let since = now();
    captured.exchange();
    let stats = captured.relay.stop().capture.unwrap();
    assert_eq!((stats.seen, stats.state), (2, CaptureState::Ended));
    let output = tshark(&["-r"], &path).output().expect("tshark: cargo xtask setup");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, (direction, source)) in lines.into_iter().zip([FIRST, SECOND]) {
        check(line, direction, source, since);
    }
}

/// A tshark that reads a FIFO. Dropped, it is killed.
struct Live(Child);

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tshark_shows_a_frame_of_a_fifo_while_the_capture_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let captured = Captured::into(&path);
    // Nobody reads yet, and frames pass.
    captured.exchange();
    let mut command = tshark(&["-l", "-i"], &path);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut live = Live(command.spawn().expect("tshark: cargo xtask setup"));
    wait::until_true("tshark to read", || {
        captured.relay.stats().capture.unwrap().state == CaptureState::Running
    });
    let since = now();
    captured.exchange();
    let mut lines = BufReader::new(live.0.stdout.take().unwrap()).lines();
    for (direction, source) in [FIRST, SECOND] {
        check(&lines.next().unwrap().unwrap(), direction, source, since);
    }
    // Its end is the capture's, and not the relay's.
    drop(live);
    wait::until_true("the capture to end", || {
        captured.exchange();
        matches!(captured.relay.stats().capture.unwrap().state, CaptureState::Failed(_))
    });
}
