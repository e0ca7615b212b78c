//! What holds for a plug whatever it is told: first all short sequences of events, then random ones.

use std::time::Duration;

use proptest::prelude::*;
use vde_proto::plug::{Input, Output, Plug};
use vde_proto::{DataFailure, DialFailure, PlugConfig, PortRequest, Reply, Request};

use crate::world::{config, path};

#[derive(Debug, Clone)]
enum Event {
    Start,
    Dialed,
    DialFailed(DialFailure),
    /// So many bytes of a good reply, from where the last ones ended.
    Reply(usize),
    Junk(Vec<u8>),
    Closed,
    DataConnected,
    DataConnectFailed(DataFailure),
    Tick,
    Wait(Duration),
}

const TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 2;

fn plug_config() -> PlugConfig {
    PlugConfig { attempts: ATTEMPTS, timeout: TIMEOUT, ..config("a", PortRequest::Any) }
}

/// What an observer knows who sees events and outputs only.
#[derive(Debug, Clone)]
struct Observer {
    plug: Plug,
    now: Duration,
    started: Option<Duration>,
    stage: Stage,
    reply: Vec<u8>,
    dials: u32,
    sends: u32,
}

/// The last output that moved the plug on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Nothing,
    Dial,
    Send,
    ConnectData,
    Up,
    Over,
}

impl Observer {
    fn new() -> Self {
        Self {
            plug: Plug::new(plug_config()),
            now: Duration::from_secs(7),
            started: None,
            stage: Stage::Nothing,
            reply: Vec::new(),
            dials: 0,
            sends: 0,
        }
    }

    fn good_reply() -> [u8; Reply::LEN] {
        Reply { path: path("/switch/001.1") }.emit()
    }

    fn tell(&mut self, event: &Event) {
        let good = Self::good_reply();
        let piece;
        let input = match event {
            Event::Wait(time) => {
                self.now += *time;
                return;
            }
            Event::Start => Input::Start,
            Event::Dialed => Input::Dialed,
            Event::DialFailed(failure) => Input::DialFailed(*failure),
            Event::Reply(len) => {
                let start = self.reply.len().min(good.len());
                piece = good[start..good.len().min(start + len)].to_vec();
                Input::Received(&piece)
            }
            Event::Junk(bytes) => Input::Received(bytes),
            Event::Closed => Input::Closed,
            Event::DataConnected => Input::DataConnected,
            Event::DataConnectFailed(failure) => Input::DataConnectFailed(*failure),
            Event::Tick => Input::Tick,
        };
        if let (Input::Received(bytes), Stage::Send) = (input, self.stage) {
            self.reply.extend(bytes);
        }
        if let (Input::Start, None) = (input, self.started) {
            self.started = Some(self.now);
        }
        let output = self.plug.handle(self.now, input);
        self.check(input, output.as_ref());
    }

    fn check(&mut self, input: Input<'_>, output: Option<&Output>) {
        let before = self.stage;
        let expired = self.started.is_some_and(|start| self.now >= start + TIMEOUT);
        match output {
            None => {}
            Some(Output::Dial) => {
                assert!(matches!(before, Stage::Nothing | Stage::Dial | Stage::ConnectData));
                assert!(!expired, "dials after its time");
                self.dials += 1;
                self.reply.clear();
                self.stage = Stage::Dial;
            }
            Some(Output::Send(request)) => {
                assert_eq!((before, input), (Stage::Dial, Input::Dialed));
                assert!(request.len() <= Request::MAX_LEN);
                assert_eq!(Request::parse(request).unwrap().address, plug_config().address);
                self.sends += 1;
                self.stage = Stage::Send;
            }
            Some(Output::ConnectData(path)) => {
                assert_eq!(before, Stage::Send);
                assert_eq!(Reply::parse(&self.reply).as_ref().map(|r| &r.path), Ok(path));
                self.stage = Stage::ConnectData;
            }
            Some(Output::Up) => {
                assert_eq!((before, input), (Stage::ConnectData, Input::DataConnected));
                self.stage = Stage::Up;
            }
            Some(Output::Lost) => {
                assert_eq!((before, input), (Stage::Up, Input::Closed));
                self.stage = Stage::Over;
            }
            Some(Output::Failed(_)) => {
                assert!(matches!(before, Stage::Dial | Stage::Send | Stage::ConnectData));
                self.stage = Stage::Over;
            }
        }
        assert!(self.sends <= self.dials && self.sends <= ATTEMPTS);
        assert_eq!(self.plug.is_up(), self.stage == Stage::Up);
        assert_eq!(self.plug.is_over(), self.stage == Stage::Over);
        let settled = matches!(self.stage, Stage::Nothing | Stage::Up | Stage::Over);
        match self.plug.deadline() {
            None => assert!(settled),
            Some(deadline) => {
                assert!(!settled && !expired, "neither settled nor expired");
                assert!(deadline <= self.started.unwrap() + TIMEOUT);
            }
        }
    }
}

#[test]
fn the_laws_hold_for_every_short_sequence_of_events() {
    let vocabulary = [
        Event::Start,
        Event::Dialed,
        Event::DialFailed(DialFailure::Busy),
        Event::DialFailed(DialFailure::Absent),
        Event::Reply(1),
        Event::Reply(Reply::LEN),
        Event::Junk(vec![0; 111]),
        Event::Closed,
        Event::DataConnected,
        Event::DataConnectFailed(DataFailure::Gone),
        Event::Tick,
        Event::Wait(Duration::from_millis(50)),
        Event::Wait(TIMEOUT),
    ];
    let mut ups = 0;
    let mut overs = 0;
    // A sequence that does not start tells nothing new, so each is given a start.
    let mut started = Observer::new();
    started.tell(&Event::Start);
    let mut observers = vec![started];
    for _ in 0..5 {
        let mut next = Vec::with_capacity(observers.len() * vocabulary.len());
        for observer in &observers {
            for event in &vocabulary {
                let mut observer = observer.clone();
                observer.tell(event);
                ups += usize::from(observer.stage == Stage::Up);
                // What is over stays over, whatever comes.
                match observer.stage {
                    Stage::Over => {
                        overs += 1;
                        vocabulary.iter().for_each(|event| observer.tell(event));
                    }
                    _ => next.push(observer),
                }
            }
        }
        observers = next;
    }
    assert!(ups > 100 && overs > 10_000, "{ups} plugs up, {overs} over");
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => Just(Event::Start),
        4 => Just(Event::Dialed),
        1 => prop::sample::select(vec![DialFailure::Busy, DialFailure::Dead]).prop_map(Event::DialFailed),
        2 => (0..60_usize).prop_map(Event::Reply),
        4 => Just(Event::Reply(Reply::LEN)),
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Event::Junk),
        1 => Just(Event::Closed),
        3 => Just(Event::DataConnected),
        2 => prop::sample::select(vec![DataFailure::Gone, DataFailure::Denied])
            .prop_map(Event::DataConnectFailed),
        2 => Just(Event::Tick),
        2 => (0..2_000_u64).prop_map(|ms| Event::Wait(Duration::from_millis(ms))),
    ]
}

proptest! {
    #[test]
    fn the_laws_hold_for_random_sequences_of_events(
        events in prop::collection::vec(events(), 0..60),
    ) {
        let mut observer = Observer::new();
        for event in &events {
            observer.tell(event);
        }
    }

    #[test]
    fn a_plug_that_is_ticked_at_its_deadlines_is_settled_in_time(
        events in prop::collection::vec(events(), 0..20),
    ) {
        let mut observer = Observer::new();
        observer.tell(&Event::Start);
        for event in &events {
            observer.tell(event);
        }
        let end = observer.now.max(observer.started.unwrap() + TIMEOUT);
        // Nothing is answered any more, so the end of a pause and the end of all time are left.
        for _ in 0..3 {
            let Some(deadline) = observer.plug.deadline() else { break };
            observer.now = observer.now.max(deadline);
            observer.tell(&Event::Tick);
            prop_assert!(observer.now <= end);
        }
        prop_assert!(matches!(observer.stage, Stage::Up | Stage::Over));
    }
}
