//! What only the inside of a relay can be made to do.

use super::*;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::unix::net::UnixDatagram;

fn is_readable(fd: BorrowedFd<'_>, timeout: PollTimeout) -> bool {
    poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], timeout).unwrap() > 0
}

fn relay(run: fn(Setup) -> Result<(), Errno>) -> Relay {
    let ends = [(); 2].map(|()| UnixDatagram::pair().unwrap().0.into());
    let [inner, outer] = ends;
    Relay::start_with(inner, outer, RelayOptions::default(), run).unwrap()
}

#[test]
fn a_panic_ends_its_thread_alone_and_is_told() {
    let relay = relay(|setup| match setup.direction {
        Direction::ToVm => panic!("as this test wants it"),
        Direction::FromVm => Lane::new(setup).run(),
    });
    assert!(is_readable(relay.ended(), PollTimeout::from(20_000u16)));
    assert!(relay.hold(), "nothing is in the hands of a thread that is gone");
    let _ = relay.stop();
}

#[test]
fn so_does_an_error() {
    let relay = relay(|_| Err(Errno::ENOMEM));
    assert!(is_readable(relay.ended(), PollTimeout::from(20_000u16)));
}

#[test]
fn a_relay_that_is_stopped_has_not_ended_by_itself() {
    let mut relay = relay(|setup| Lane::new(setup).run());
    relay.finish();
    assert!(!is_readable(relay.ended(), PollTimeout::ZERO));
}

#[test]
fn a_thread_that_hangs_is_not_waited_for_longer_than_promised() {
    let relay = relay(|_| {
        loop {
            std::thread::park();
        }
    });
    let began = Instant::now();
    assert!(!relay.hold());
    let _ = relay.stop();
    // Twice 50 ms are promised; a busy machine may take a while to notice.
    assert!(began.elapsed() < Duration::from_secs(10));
}
