//! The plug alone: failures and timing that no well-behaved switch brings about.

use std::time::Duration;

use vde_proto::plug::{Input, Output, Plug};
use vde_proto::{DataFailure, DialFailure, PlugConfig, PlugError, PortRequest, Reply, ReplyError};

use crate::world::{config, path};

const TIMEOUT: Duration = Duration::from_secs(5);

fn plug() -> Plug {
    Plug::new(config("a", PortRequest::Any))
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn failed(error: PlugError) -> Option<Output> {
    Some(Output::Failed(error))
}

/// A plug that has sent its request at 10 s.
fn waiting() -> Plug {
    let mut plug = plug();
    assert_eq!(plug.handle(s(10), Input::Start), Some(Output::Dial));
    assert!(matches!(plug.handle(s(10), Input::Dialed), Some(Output::Send(_))));
    plug
}

fn reply() -> Reply {
    Reply { path: path("/switch/001.1") }
}

/// A plug that is connecting its data socket.
fn connecting() -> Plug {
    let mut plug = waiting();
    let output = plug.handle(s(10), Input::Received(&reply().emit()));
    assert_eq!(output, Some(Output::ConnectData(reply().path)));
    plug
}

#[test]
fn nothing_happens_before_the_start_and_nothing_twice_after_it() {
    let mut plug = plug();
    for input in [Input::Tick, Input::Dialed, Input::Received(b"x"), Input::Closed] {
        assert_eq!(plug.handle(s(9), input), None);
    }
    assert_eq!(plug.deadline(), None);
    assert_eq!(plug.handle(s(10), Input::Start), Some(Output::Dial));
    assert_eq!(plug.handle(s(10), Input::Start), None);
    assert_eq!(plug.deadline(), Some(s(15)));
}

#[test]
fn each_failure_to_dial_but_busy_ends_the_plug() {
    for failure in [
        DialFailure::Absent,
        DialFailure::NotASocketDir,
        DialFailure::Denied,
        DialFailure::Dead,
        DialFailure::Other(5),
    ] {
        let mut plug = plug();
        plug.handle(s(0), Input::Start);
        let output = plug.handle(s(0), Input::DialFailed(failure));
        assert_eq!(output, failed(PlugError::Dial(failure)));
        assert!(plug.is_over());
    }
}

#[test]
fn each_failure_of_the_data_socket_but_gone_ends_the_plug() {
    for failure in [DataFailure::Denied, DataFailure::Other(5)] {
        let output = connecting().handle(s(10), Input::DataConnectFailed(failure));
        assert_eq!(output, failed(PlugError::Data(failure)));
    }
}

#[test]
fn a_connect_that_never_returns_is_a_busy_switch() {
    let mut plug = plug();
    plug.handle(s(10), Input::Start);
    assert_eq!(plug.handle(s(15), Input::Tick), failed(PlugError::Dial(DialFailure::Busy)));
}

#[test]
fn silence_is_no_answer_exactly_at_the_deadline() {
    let mut plug = waiting();
    assert_eq!(plug.handle(s(15) - Duration::from_nanos(1), Input::Tick), None);
    assert_eq!(plug.handle(s(15), Input::Tick), failed(PlugError::NoAnswer { waited: TIMEOUT }));
}

#[test]
fn a_switch_that_dribbles_a_byte_each_second_is_not_waited_for() {
    let mut plug = waiting();
    for (second, byte) in (11..15).zip(reply().emit().chunks(1)) {
        assert_eq!(plug.handle(s(second), Input::Received(byte)), None);
    }
    let error = PlugError::BadReply(ReplyError::Length { got: 4 });
    assert_eq!(plug.handle(s(15), Input::Received(b"x")), failed(error));
}

#[test]
fn a_data_socket_connected_late_is_not_thrown_away() {
    assert_eq!(connecting().handle(s(99), Input::DataConnected), Some(Output::Up));
}

#[test]
fn every_kind_of_bad_reply_is_told_apart() {
    let mut family = reply().emit();
    family[..2].copy_from_slice(&9_u16.to_ne_bytes());
    let mut empty = reply().emit();
    empty[2] = 0;
    let mut endless = reply().emit();
    endless[2..].fill(b'/');
    let relative = Reply { path: path("001.1") };
    for (bytes, error) in [
        (family, ReplyError::Family(9)),
        (empty, ReplyError::Empty),
        (endless, ReplyError::Unterminated),
        (relative.emit(), ReplyError::Relative(relative.path)),
        ([0; 110], ReplyError::Family(0)),
    ] {
        let output = waiting().handle(s(10), Input::Received(&bytes));
        assert_eq!(output, failed(PlugError::BadReply(error)));
    }
}

#[test]
fn what_a_switch_says_while_the_plug_is_up_is_ignored() {
    let mut plug = connecting();
    assert_eq!(plug.handle(s(10), Input::DataConnected), Some(Output::Up));
    assert!(plug.is_up());
    assert_eq!(plug.deadline(), None);
    for _ in 0..1000 {
        assert_eq!(plug.handle(s(99), Input::Received(&[0; 4096])), None);
    }
    assert_eq!(plug.handle(s(99), Input::Tick), None);
    assert_eq!(plug.handle(s(99), Input::Closed), Some(Output::Lost));
    assert!(plug.is_over() && !plug.is_up());
}

#[test]
fn the_events_of_a_stream_given_up_do_not_disturb_the_pause() {
    let mut plug = connecting();
    assert_eq!(plug.handle(s(10), Input::DataConnectFailed(DataFailure::Gone)), None);
    assert_eq!(plug.handle(s(10), Input::Received(b"late")), None);
    assert_eq!(plug.handle(s(10), Input::Closed), None);
    let pause = s(10) + Duration::from_millis(50);
    assert_eq!(plug.deadline(), Some(pause));
    assert_eq!(plug.handle(pause, Input::Tick), Some(Output::Dial));
}

#[test]
fn a_pause_that_would_outlast_the_time_is_not_begun() {
    let config = PlugConfig { pause: TIMEOUT, ..config("a", PortRequest::Any) };
    let mut plug = Plug::new(config);
    plug.handle(s(10), Input::Start);
    let output = plug.handle(s(10), Input::DialFailed(DialFailure::Busy));
    assert_eq!(output, failed(PlugError::Dial(DialFailure::Busy)));
}

#[test]
fn without_a_pause_a_busy_switch_is_still_given_a_moment() {
    let config = PlugConfig { pause: Duration::ZERO, ..config("a", PortRequest::Any) };
    let mut plug = Plug::new(config);
    plug.handle(s(10), Input::Start);
    assert_eq!(plug.handle(s(10), Input::DialFailed(DialFailure::Busy)), None);
    assert_eq!(plug.handle(s(10), Input::Tick), None);
    assert_eq!(plug.deadline(), Some(s(10) + Plug::MIN_PAUSE));
}

#[test]
fn no_attempts_at_all_means_one() {
    for (attempts, outputs) in [(0, false), (1, false), (2, true)] {
        let mut plug = Plug::new(PlugConfig { attempts, ..config("a", PortRequest::Any) });
        plug.handle(s(0), Input::Start);
        plug.handle(s(0), Input::Dialed);
        plug.handle(s(0), Input::Received(&reply().emit()));
        let output = plug.handle(s(0), Input::DataConnectFailed(DataFailure::Gone));
        assert_eq!(output.is_none(), outputs, "with {attempts} attempts");
    }
}

#[test]
fn the_longest_description_makes_a_request_that_a_switch_reads_at_once() {
    let description = vde_proto::Description::sanitised("d".repeat(500));
    let mut plug = Plug::new(PlugConfig { description, ..config("a", PortRequest::Any) });
    plug.handle(s(0), Input::Start);
    let Some(Output::Send(request)) = plug.handle(s(0), Input::Dialed) else { panic!() };
    assert_eq!(request.len(), 249);
}

#[test]
fn a_timeout_without_end_never_expires() {
    let mut plug =
        Plug::new(PlugConfig { timeout: Duration::MAX, ..config("a", PortRequest::Any) });
    plug.handle(s(10), Input::Start);
    plug.handle(s(10), Input::Dialed);
    assert_eq!(plug.handle(Duration::MAX - Duration::from_nanos(1), Input::Tick), None);
}
