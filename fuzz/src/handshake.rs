//! A hostile switch, and hostile timing, against the client's side of the handshake.
//!
//! The first six bytes are the patience of the plug: attempts, flags, timeout and pause in
//! milliseconds (little-endian). Flag 1: time begins near its end; flag 2: no timeout; flag 4: an
//! endless pause. Then, until the input ends, one byte each, modulo 14, and what belongs to it:
//!
//! | | | |
//! |---|---|---|
//! | 0 | the plug is started | |
//! | 1 | the control stream is connected | |
//! | 2 | it is not | why: 1 byte |
//! | 3 | a whole good reply comes | |
//! | 4 | a part of it, from where the last part ended | length: 1 byte |
//! | 5 | any bytes | length: 1 byte, the bytes |
//! | 6 | a reply of any 110 bytes | the bytes |
//! | 7 | the stream ends | |
//! | 8 | the data socket is connected | |
//! | 9 | it is not | why: 1 byte |
//! | 10 | a tick | |
//! | 11 | time passes | milliseconds: 2 bytes |
//! | 12 | the deadline comes | |
//! | 13 | what the plug asked for last is done | |

use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use vde_proto::plug::{Input, Output, Plug};
use vde_proto::{
    ClientAddress, DataFailure, Description, DialFailure, PlugConfig, PlugError, PortRequest,
    Reply, ReplyError, Request, SocketPath,
};

/// Plays the story in `data` to a plug and watches it.
///
/// # Panics
/// If the plug does what its documentation says it does not.
pub fn check(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let Ok((config, start)) = patience(&mut bytes) else { return };
    let mut observer = Observer::new(config, start);
    while !bytes.is_empty() {
        let Ok(step) = bytes.arbitrary::<Step>() else { break };
        observer.take(&step);
    }
    observer.finish();
}

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Start,
    Dialed,
    DialFailed(DialFailure),
    GoodReply,
    Part(u8),
    Bytes(Vec<u8>),
    Closed,
    DataConnected,
    DataConnectFailed(DataFailure),
    Tick,
    Wait(Duration),
    Deadline,
    Obey,
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u8::arbitrary(bytes)? % 14 {
            0 => Self::Start,
            1 => Self::Dialed,
            2 => Self::DialFailed(match u8::arbitrary(bytes)? % 6 {
                0 => DialFailure::Busy,
                1 => DialFailure::Absent,
                2 => DialFailure::NotASocketDir,
                3 => DialFailure::Denied,
                4 => DialFailure::Dead,
                _ => DialFailure::Other(5),
            }),
            3 => Self::GoodReply,
            4 => Self::Part(u8::arbitrary(bytes)?),
            5 => {
                let len = usize::from(u8::arbitrary(bytes)?).min(bytes.len());
                Self::Bytes(bytes.bytes(len)?.to_vec())
            }
            6 => Self::Bytes(bytes.bytes(Reply::LEN.min(bytes.len()))?.to_vec()),
            7 => Self::Closed,
            8 => Self::DataConnected,
            9 => Self::DataConnectFailed(match u8::arbitrary(bytes)? % 3 {
                0 => DataFailure::Gone,
                1 => DataFailure::Denied,
                _ => DataFailure::Other(5),
            }),
            10 => Self::Tick,
            11 => Self::Wait(Duration::from_millis(u16::arbitrary(bytes)?.into())),
            12 => Self::Deadline,
            _ => Self::Obey,
        })
    }
}

/// The configuration and the time at which the story begins.
fn patience(bytes: &mut Unstructured<'_>) -> Result<(PlugConfig, Duration)> {
    let attempts = u32::from(u8::arbitrary(bytes)? % 8);
    let flags = u8::arbitrary(bytes)?;
    let mut millis = || u16::arbitrary(bytes).map(|ms| Duration::from_millis(ms.into()));
    let (timeout, pause) = (millis()?, millis()?);
    let path = SocketPath::new("/client").expect("a short path");
    let config = PlugConfig {
        address: ClientAddress::Path(path),
        port: PortRequest::Any,
        description: Description::sanitised("d".repeat(200)),
        timeout: if flags & 2 == 0 { timeout } else { Duration::MAX },
        attempts,
        pause: if flags & 4 == 0 { pause } else { Duration::MAX },
    };
    let late = Duration::MAX - Duration::from_secs(1);
    Ok((config, if flags & 1 == 0 { Duration::ZERO } else { late }))
}

/// What somebody knows who sees events and outputs only.
struct Observer {
    plug: Plug,
    now: Duration,
    /// When the time of the plug is up, once it is started.
    end: Option<Duration>,
    last: Last,
    /// What came over the control stream since the last request.
    reply: Vec<u8>,
    /// How much of the good reply has been told.
    told: usize,
    dials: u64,
    sends: u64,
    /// When the last dial was asked for.
    dialed: Duration,
}

/// The last thing the plug asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Dial,
    /// Nothing yet: it waits before it dials again.
    Pause,
    Send,
    ConnectData,
    Up,
    Over,
}

impl Observer {
    fn new(config: PlugConfig, now: Duration) -> Self {
        Self {
            plug: Plug::new(config),
            now,
            end: None,
            last: Last::Nothing,
            reply: Vec::new(),
            told: 0,
            dials: 0,
            sends: 0,
            dialed: now,
        }
    }

    fn take(&mut self, step: &Step) {
        let good = good_reply();
        match step {
            Step::Start => self.tell(Input::Start),
            Step::Dialed => self.tell(Input::Dialed),
            Step::DialFailed(failure) => self.tell(Input::DialFailed(*failure)),
            Step::GoodReply => self.tell(Input::Received(&good)),
            Step::Part(len) => {
                let end = good.len().min(self.told + usize::from(*len));
                let part = self.told..end;
                self.told = end;
                self.tell(Input::Received(&good[part]));
            }
            Step::Bytes(bytes) => self.tell(Input::Received(bytes)),
            Step::Closed => self.tell(Input::Closed),
            Step::DataConnected => self.tell(Input::DataConnected),
            Step::DataConnectFailed(failure) => self.tell(Input::DataConnectFailed(*failure)),
            Step::Tick => self.tell(Input::Tick),
            Step::Wait(time) => self.now = self.now.saturating_add(*time),
            Step::Deadline => {
                self.now = self.plug.deadline().map_or(self.now, |time| time.max(self.now));
                self.tell(Input::Tick);
            }
            Step::Obey => match self.last {
                Last::Nothing => self.tell(Input::Start),
                Last::Dial => self.tell(Input::Dialed),
                Last::Send => self.tell(Input::Received(&good)),
                Last::ConnectData => self.tell(Input::DataConnected),
                Last::Up => self.tell(Input::Closed),
                Last::Pause => self.take(&Step::Deadline),
                Last::Over => {}
            },
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        let is_first = input == Input::Start && self.end.is_none();
        if is_first {
            self.end = Some(self.now.saturating_add(self.plug.config().timeout));
        }
        let is_expired = !is_first && self.end.is_some_and(|end| self.now >= end);
        if let (Input::Received(bytes), Last::Send, false) = (input, self.last, is_expired) {
            self.reply.extend(bytes);
        }
        let output = self.plug.handle(self.now, input);
        self.judge(input, is_expired, output.as_ref());
        self.judge_state();
    }

    /// What was asked for has to follow from what was asked for before.
    fn judge(&mut self, input: Input<'_>, is_expired: bool, output: Option<&Output>) {
        let before = self.last;
        match output {
            None => self.judge_silence(input, is_expired),
            Some(Output::Dial) => {
                assert!(matches!(before, Last::Nothing | Last::Pause));
                assert!(!is_expired, "dials after its time");
                if self.dials > 0 {
                    let pause = self.plug.config().pause.max(Plug::MIN_PAUSE);
                    assert!(self.now - self.dialed >= pause, "dials without a pause");
                }
                (self.last, self.dialed) = (Last::Dial, self.now);
                self.dials += 1;
                self.reply.clear();
                self.told = 0;
            }
            Some(Output::Send(request)) => {
                assert_eq!((before, input), (Last::Dial, Input::Dialed));
                assert!(!is_expired, "sends after its time");
                self.judge_request(request);
                self.sends += 1;
                self.last = Last::Send;
            }
            Some(Output::ConnectData(path)) => {
                assert_eq!(before, Last::Send);
                assert!(!is_expired, "goes on after its time");
                assert_eq!(Reply::parse(&self.reply).as_ref().map(|r| &r.path), Ok(path));
                self.last = Last::ConnectData;
            }
            Some(Output::Up) => {
                assert_eq!((before, input), (Last::ConnectData, Input::DataConnected));
                self.last = Last::Up;
            }
            Some(Output::Lost) => {
                assert_eq!((before, input), (Last::Up, Input::Closed));
                self.last = Last::Over;
            }
            Some(Output::Failed(error)) => {
                assert!(!matches!(before, Last::Nothing | Last::Up | Last::Over));
                self.judge_failure(input, is_expired, error);
                self.last = Last::Over;
            }
        }
    }

    /// Some things cannot go without an answer, and some begin a pause.
    fn judge_silence(&mut self, input: Input<'_>, is_expired: bool) {
        let is_waiting = !matches!(self.last, Last::Nothing | Last::Up | Last::Over);
        assert!(!(is_expired && is_waiting), "its time is up and it says nothing");
        match (self.last, input) {
            (Last::Dial, Input::DialFailed(DialFailure::Busy))
            | (Last::ConnectData, Input::DataConnectFailed(DataFailure::Gone)) => {
                let pause = self.plug.config().pause.max(Plug::MIN_PAUSE);
                let until = self.now.saturating_add(pause);
                assert_eq!(self.plug.deadline(), Some(until));
                assert!(self.end.is_some_and(|end| until < end), "there is no time for a pause");
                self.last = Last::Pause;
            }
            (Last::ConnectData, Input::Received(bytes)) => {
                assert!(bytes.is_empty(), "more than a reply is no reply");
            }
            (Last::Dial, Input::Dialed | Input::DialFailed(_))
            | (Last::Send | Last::ConnectData | Last::Up, Input::Closed)
            | (Last::ConnectData, Input::DataConnected | Input::DataConnectFailed(_))
            | (Last::Nothing, Input::Start) => panic!("{input:?} is ignored"),
            _ => {}
        }
    }

    fn judge_request(&self, request: &[u8]) {
        assert!(request.len() <= Request::MAX_LEN);
        let request = Request::parse(request).expect("a plug sends requests");
        let PlugConfig { address, port, description, .. } = self.plug.config();
        assert_eq!((&request.address, request.port), (address, *port));
        assert_eq!(request.description, description.clone().into());
    }

    /// The reason has to be one that the observer has seen, too.
    fn judge_failure(&self, input: Input<'_>, is_expired: bool, error: &PlugError) {
        assert!(!error.to_string().is_empty());
        match error {
            PlugError::Dial(DialFailure::Busy) => {
                assert!(matches!(self.last, Last::Dial | Last::Pause));
            }
            PlugError::Dial(failure) => assert_eq!(input, Input::DialFailed(*failure)),
            PlugError::Refused => {
                assert_eq!((self.last, input), (Last::Send, Input::Closed));
                assert!(self.reply.is_empty());
            }
            PlugError::NoAnswer { waited } => {
                assert!(is_expired && matches!(self.last, Last::Send | Last::ConnectData));
                assert!(*waited <= self.now - self.dialed);
            }
            PlugError::BadReply(ReplyError::Length { got }) => {
                let extra = match (self.last, input) {
                    (Last::ConnectData, Input::Received(bytes)) => bytes.len(),
                    _ => 0,
                };
                assert_eq!(*got, self.reply.len() + extra);
                assert_ne!(*got, Reply::LEN);
            }
            PlugError::BadReply(error) => {
                assert_eq!(Reply::parse(&self.reply).as_ref(), Err(error));
            }
            PlugError::HungUp => {
                assert_eq!((self.last, input), (Last::ConnectData, Input::Closed));
            }
            PlugError::Data(DataFailure::Gone) => {
                assert!(matches!(self.last, Last::ConnectData | Last::Pause));
            }
            PlugError::Data(failure) => assert_eq!(input, Input::DataConnectFailed(*failure)),
            other => panic!("an error that this observer does not know: {other:?}"),
        }
    }

    fn judge_state(&self) {
        let attempts = u64::from(self.plug.config().attempts.max(1));
        assert!(self.sends <= self.dials && self.sends <= attempts, "{} requests", self.sends);
        assert!(self.reply.len() <= Reply::LEN || self.last != Last::Send, "it waits for more");
        assert_eq!(self.plug.is_up(), self.last == Last::Up);
        assert_eq!(self.plug.is_over(), self.last == Last::Over);
        let settled = matches!(self.last, Last::Nothing | Last::Up | Last::Over);
        assert_eq!(self.plug.deadline().is_none(), settled);
        if let Some(deadline) = self.plug.deadline() {
            let end = self.end.expect("only a plug that was started waits");
            assert!(deadline <= end, "it would take longer than its timeout");
        }
    }

    /// Nothing happens any more but time: the plug settles by its end, and then nothing moves it.
    fn finish(&mut self) {
        // A pause may end, and the dial after it goes unanswered.
        for _ in 0..2 {
            self.take(&Step::Deadline);
        }
        assert!(self.plug.deadline().is_none(), "it waits for ever");
        if self.last == Last::Over {
            let all = [
                Input::Start,
                Input::Dialed,
                Input::Received(&good_reply()),
                Input::DataConnected,
                Input::Closed,
                Input::Tick,
            ];
            for input in all {
                assert_eq!(self.plug.handle(self.now, input), None, "{input:?} after the end");
            }
        }
    }
}

fn good_reply() -> [u8; Reply::LEN] {
    Reply { path: SocketPath::new("/switch/001.1").expect("a short path") }.emit()
}
