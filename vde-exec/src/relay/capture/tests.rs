//! Captures into files and pipes, with and without readers, read back by somebody else's reader.

use super::super::sink::Sink;
use super::*;
use crate::testkit::wait;
use nix::fcntl::OFlag;
use nix::unistd::{pipe, pipe2};
use pcap_parser::pcapng::Block;
use pcap_parser::{PcapBlockOwned, PcapNGSlice};
use std::fs::File;
use std::io::Read;
use std::path::Path;

fn capture(sink: Sink) -> Capture {
    let [name, description, application] =
        ["net0", "vde:///run/vde.ctl", "test"].map(str::to_owned);
    Capture { sink: sink.open().unwrap(), name, description, application }
}

fn begin(sink: Sink) -> Capturing {
    let capturing = Capturing::begin(capture(sink), || {}).unwrap();
    wait::until_true("the capture to run", || capturing.tap.stats().state == CaptureState::Running);
    capturing
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// What a whole file says: its frames, how many are missing, what the end says was seen and missing.
fn read(file: &[u8]) -> (Vec<Vec<u8>>, u64, Option<(u64, u64)>) {
    let (mut frames, mut missing, mut end) = (Vec::new(), 0, None);
    for block in PcapNGSlice::from_slice(file).unwrap() {
        let PcapBlockOwned::NG(block) = block.unwrap() else { panic!("not pcapng") };
        match block {
            Block::EnhancedPacket(packet) => {
                frames.push(packet.data[..packet.caplen as usize].to_vec());
                let count = packet.options.iter().find(|option| option.code.0 == 4);
                missing += count.map_or(0, |option| {
                    u64::from_ne_bytes(option.value()[..8].try_into().unwrap())
                });
            }
            Block::InterfaceStatistics(it) => {
                end = Some((it.isb_ifrecv().unwrap().unwrap(), it.isb_osdrop().unwrap().unwrap()));
            }
            _ => {}
        }
    }
    (frames, missing, end)
}

fn file_in(dir: &Path) -> Sink {
    Sink::Path(dir.join("capture"))
}

#[test]
fn frames_of_both_directions_are_in_the_file_and_its_end_says_how_many() {
    let dir = tempfile::tempdir().unwrap();
    let capturing = begin(file_in(dir.path()));
    capturing.tap.take(Direction::FromVm, [&b"one"[..], b"two"].into_iter());
    capturing.tap.take(Direction::ToVm, [&b"three"[..]].into_iter());
    let stats = capturing.end(soon());
    assert_eq!(stats, CaptureStats { seen: 3, dropped: 0, state: CaptureState::Ended });
    let (frames, missing, end) = read(&std::fs::read(dir.path().join("capture")).unwrap());
    assert_eq!(frames, [&b"one"[..], b"two", b"three"]);
    assert_eq!((missing, end), (0, Some((3, 0))));
}

#[test]
fn a_reader_sees_a_frame_before_anything_follows() {
    let (reader, writer) = pipe2(OFlag::O_NONBLOCK).unwrap();
    let capturing = begin(Sink::Fd(writer));
    capturing.tap.take(Direction::FromVm, std::iter::once(&b"frame"[..]));
    let (mut reader, mut all, mut piece) = (File::from(reader), Vec::new(), [0; 4096]);
    wait::until_true("the frame to be written", || {
        let length = reader.read(&mut piece).unwrap_or(0);
        all.extend_from_slice(&piece[..length]);
        all.windows(5).any(|window| window == b"frame")
    });
    // All of its block is: a reader needs no more to show it.
    assert_eq!(read(&all).0, [b"frame"]);
}

#[test]
fn a_reader_that_does_not_read_costs_frames_and_no_time_and_is_told_how_many() {
    let (reader, writer) = pipe().unwrap();
    let capturing = begin(Sink::Fd(writer));
    let frame = [7; 9000];
    let put = 2000;
    for _ in 0..put {
        capturing.tap.take(Direction::FromVm, std::iter::once(&frame[..]));
    }
    let full = capturing.tap.stats();
    assert_eq!(full.seen, put);
    assert!(full.dropped > put / 2, "{full:?}");
    let reading = std::thread::spawn(move || {
        let mut all = Vec::new();
        File::from(reader).read_to_end(&mut all).unwrap();
        all
    });
    // From when there is room again on, nothing is missing.
    wait::until_true("a frame to be taken", || {
        let before = capturing.tap.stats().dropped;
        capturing.tap.take(Direction::FromVm, std::iter::once(&b"last"[..]));
        capturing.tap.stats().dropped == before
    });
    let stats = capturing.end(soon());
    let (frames, missing, end) = read(&reading.join().unwrap());
    assert_eq!(end, Some((stats.seen, stats.dropped)));
    assert_eq!(missing, stats.dropped);
    assert_eq!(frames.len() as u64 + missing, stats.seen);
    assert_eq!(frames.last().unwrap(), b"last");
}

#[test]
fn a_sink_that_takes_nothing_does_not_keep_a_capture_from_ending() {
    let (_reader, writer) = pipe().unwrap();
    let capturing = begin(Sink::Fd(writer));
    for _ in 0..100 {
        capturing.tap.take(Direction::FromVm, std::iter::once(&[7; 9000][..]));
    }
    let tap = Arc::clone(&capturing.tap);
    let stats = capturing.end(Instant::now());
    assert_eq!(stats.state, CaptureState::Failed(Errno::ETIMEDOUT));
    // The thread lets go of the sink.
    wait::until_true("the thread to end", || Arc::strong_count(&tap) == 1);
}

#[test]
fn a_reader_that_goes_away_ends_the_capture_and_that_is_told() {
    let (reader, writer) = pipe().unwrap();
    let (failed, has_failed) = std::sync::mpsc::channel();
    let failed = move || failed.send(()).unwrap();
    let capturing = Capturing::begin(capture(Sink::Fd(writer)), failed).unwrap();
    drop(reader);
    has_failed.recv_timeout(wait::PATIENCE).unwrap();
    assert_eq!(capturing.tap.stats().state, CaptureState::Failed(Errno::EPIPE));
    capturing.tap.take(Direction::ToVm, std::iter::once(&b"nobody sees it"[..]));
    assert_eq!(capturing.tap.stats().seen, 0);
}

#[test]
fn a_full_disk_ends_the_capture() {
    let capturing = Capturing::begin(capture(Sink::Path("/dev/full".into())), || {}).unwrap();
    wait::until_true("the capture to fail", || {
        capturing.tap.stats().state == CaptureState::Failed(Errno::ENOSPC)
    });
}
