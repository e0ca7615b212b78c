//! What goes through the relay, captured meanwhile.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use vde_exec::relay::{Capture, CaptureState, CaptureStats, Direction, Sink};
use vde_exec::testkit::wait;

use super::{Line, numbered, receive};

pub(super) fn capture(sink: Sink) -> Option<Capture> {
    let [name, description, application] = ["net0", "vde:///x", "test"].map(str::to_owned);
    Some(Capture { sink: sink.open().unwrap(), name, description, application })
}

fn state(line: &Line) -> Option<CaptureState> {
    line.relay.stats().capture.map(|capture| capture.state)
}

fn wait_until_running(line: &Line) {
    wait::until_true("the capture to run", || state(line) == Some(CaptureState::Running));
}

fn ping(line: &Line, count: u32) {
    for number in 0..count {
        line.vm.send(&numbered(number)).unwrap();
        assert_eq!(receive(&line.switch), numbered(number));
        line.switch.send(&numbered(number)).unwrap();
        assert_eq!(receive(&line.vm), numbered(number));
    }
}

#[test]
fn a_capture_has_every_frame_of_its_time_and_can_be_had_again() {
    let line = Line::new();
    let dir = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        ping(&line, 10);
        line.relay.capture(capture(Sink::Path(dir.path().join(name)))).unwrap();
        // What is ordered now is followed after that.
        line.impair(Direction::FromVm, None);
        line.impair(Direction::ToVm, None);
        ping(&line, 10);
        let stats = line.relay.capture(None).unwrap().unwrap();
        assert_eq!(stats, CaptureStats { seen: 20, dropped: 0, state: CaptureState::Ended });
        let file = std::fs::read(dir.path().join(name)).unwrap();
        assert_eq!(count_frames(&file), stats.seen);
    }
    ping(&line, 10);
}

fn count_frames(file: &[u8]) -> u64 {
    let blocks = pcap_parser::PcapNGSlice::from_slice(file).unwrap();
    let is_frame = |block: &pcap_parser::PcapBlockOwned<'_>| {
        use pcap_parser::{PcapBlockOwned::NG, pcapng::Block::EnhancedPacket};
        matches!(block, NG(EnhancedPacket(_)))
    };
    blocks.map(|block| block.unwrap()).filter(is_frame).count() as u64
}

fn has_failed(line: &Line) -> bool {
    let mut fds = [PollFd::new(line.relay.capture_failed(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).unwrap() > 0
}

fn read_fifo(path: &Path) -> File {
    let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
    File::options().read(true).custom_flags(flags).open(path).unwrap()
}

#[test]
fn a_fifo_without_reader_keeps_nothing_up_and_one_that_leaves_ends_only_the_capture() {
    let line = Line::new();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    line.relay.capture(capture(Sink::Path(path.clone()))).unwrap();
    ping(&line, 100);
    assert_eq!(state(&line), Some(CaptureState::Waiting));
    let mut reader = read_fifo(&path);
    wait_until_running(&line);
    wait::until_true("a frame in the FIFO", || {
        ping(&line, 1);
        reader.read(&mut [0; 4096]).is_ok_and(|length| length > 100)
    });
    drop(reader);
    wait::until_true("the capture to end", || {
        ping(&line, 10);
        matches!(state(&line), Some(CaptureState::Failed(_)))
    });
    ping(&line, 10);
    wait::until_true("that to be told", || has_failed(&line));
    assert!(line.relay.capture(None).unwrap().is_some());
    assert!(!has_failed(&line), "that is known by now");
}

#[test]
fn a_capture_that_nobody_reads_does_not_hold_up_frames_nor_the_end() {
    let line = Line::new();
    let (_reader, writer): (OwnedFd, OwnedFd) = nix::unistd::pipe().unwrap();
    line.relay.capture(capture(Sink::Fd(writer))).unwrap();
    wait_until_running(&line);
    ping(&line, 2000);
    let began = Instant::now();
    let stats = line.relay.stop();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(matches!(stats.capture.unwrap().state, CaptureState::Failed(_)));
    assert_eq!(stats.from_vm.drops.total() + stats.to_vm.drops.total(), 0);
}
