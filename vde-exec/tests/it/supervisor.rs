//! The supervisor, step by step: what it does about one event after another, on a clock of the test's.

use vde_exec::End;
use vde_exec::supervisor::{
    Event, Input, MoveError, NicConfig, NicState, Output, Reconnect, Stream, Target, Ticket,
    Trouble,
};
use vde_exec::vde_proto::{DialFailure, PlugError, PortRequest};

use crate::bench::{Bench, MAC, lost, ms, nic};

#[test]
fn an_idle_supervisor_has_nothing_to_wait_for() {
    let mut bench = Bench::new(Reconnect::Always);
    assert_eq!(bench.supervisor.deadline(), None);
    assert_eq!(bench.on(Input::Tick), []);
}

#[test]
fn a_plug_that_is_lost_is_dialed_at_once_and_kept_when_it_is_up() {
    let mut bench = Bench::new(Reconnect::Always);
    assert_eq!(
        bench.lose(),
        [Output::Unplug(0), Output::SetLink(0, false), lost(true), Output::Dial(0, Target::Home)]
    );
    assert_eq!(bench.state(), NicState::Down);
    bench.now += ms(2);
    let back = Event::Plugged { nic: 0, port: Some(3), outage: ms(2), attempts: 1, moved: false };
    assert_eq!(
        bench.answer(3),
        [Output::Keep(0), Output::SetLink(0, true), Output::Announce(0, MAC), Output::Tell(back)]
    );
    assert_eq!((bench.state(), bench.supervisor.deadline()), (NicState::Up, None));
}

#[test]
fn an_absent_switch_is_called_until_it_is_back_and_that_is_told_once() {
    let mut bench = Bench::new(Reconnect::Always);
    bench.lose();
    let mut told = 0;
    for _ in 0..20 {
        let outputs = bench.on(Input::DialFailed(0, DialFailure::Dead));
        told += outputs.iter().filter(|output| matches!(output, Output::Tell(_))).count();
        let before = bench.now;
        assert_eq!(bench.wait(), [Output::Dial(0, Target::Home)]);
        assert!(bench.now - before <= ms(625));
    }
    assert_eq!(told, 1);
    assert!(matches!(bench.answer(3)[..], [Output::Keep(0), ..]));
}

#[test]
fn a_switch_that_hangs_up_once_may_be_dying_and_is_called_again_soon() {
    let mut bench = Bench::new(Reconnect::Always);
    bench.lose();
    bench.on(Input::Dialed(0));
    assert_eq!(bench.on(Input::Closed(0, Stream::New)), [Output::Abandon(0)]);
    let before = bench.now;
    assert_eq!(bench.wait(), [Output::Dial(0, Target::Home)]);
    assert!(bench.now - before < ms(20), "{:?}", bench.now - before);

    bench.on(Input::Dialed(0));
    let refused = bench.on(Input::Closed(0, Stream::New));
    assert!(matches!(refused[1], Output::Tell(Event::Failing { .. })), "{refused:?}");
    let before = bench.now;
    bench.wait();
    assert!(bench.now - before > ms(180), "one that does it again refuses");
}

#[test]
fn a_switch_that_is_silent_is_told_once() {
    let mut bench = Bench::new(Reconnect::Always);
    bench.lose();
    let mut told = 0;
    for late in 0..10 {
        bench.on(Input::Dialed(0));
        bench.now = bench.supervisor.deadline().unwrap() + ms(late);
        let outputs = bench.on(Input::Tick);
        told += outputs.iter().filter(|output| matches!(output, Output::Tell(_))).count();
        // The stream is kept until then, and the switch is to notice its end before the next comes.
        assert_eq!(bench.wait(), [Output::Abandon(0)]);
        let before = bench.now;
        assert_eq!(bench.wait(), [Output::Dial(0, Target::Home)]);
        assert_eq!(bench.now - before, ms(20));
    }
    assert_eq!(told, 1);
}

#[test]
fn the_end_of_a_switch_that_hung_is_the_time_to_call_again() {
    let mut bench = Bench::new(Reconnect::Always);
    bench.lose();
    for _ in 0..8 {
        bench.on(Input::Dialed(0));
        (0..3).for_each(|_| drop(bench.wait()));
    }
    bench.on(Input::Dialed(0));
    bench.wait();
    assert!(bench.supervisor.deadline().unwrap() - bench.now > ms(20_000));
    bench.now += ms(3000);
    let outputs = bench.on(Input::Closed(0, Stream::New));
    assert_eq!(outputs, [Output::Abandon(0), Output::Dial(0, Target::Home)]);

    // One that does that again and again keeps to the pauses.
    bench.on(Input::Dialed(0));
    bench.wait();
    let due = bench.supervisor.deadline();
    assert_eq!(bench.on(Input::Closed(0, Stream::New)), [Output::Abandon(0)]);
    assert_eq!(bench.supervisor.deadline(), due);
    assert_eq!(bench.wait(), [Output::Dial(0, Target::Home)]);
    assert!(matches!(bench.answer(3)[..], [Output::Keep(0), ..]));
}

#[test]
fn a_plug_that_held_for_a_moment_is_no_reason_to_call_at_once() {
    let mut bench = Bench::new(Reconnect::Always);
    bench.lose();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        bench.answer(3);
        bench.now += ms(150);
        bench.lose();
        let before = bench.now;
        bench.wait();
        pauses.push(bench.now - before);
    }
    assert!(pauses[0] < ms(20) && pauses[11] > ms(370), "{pauses:?}");
    bench.answer(3);
    bench.now += ms(10_000);
    assert!(bench.lose().contains(&Output::Dial(0, Target::Home)));
}

#[test]
fn the_port_that_was_asked_for_is_asked_for_again_and_no_other() {
    let mut bench = Bench::new(Reconnect::Always);
    bench.lose();
    for _ in 0..10 {
        let sent = bench.on(Input::Dialed(0));
        let Some(Output::Send(0, request)) = sent.last() else { panic!("{sent:?}") };
        assert_eq!(request[8..12], 0x0300_u32.to_ne_bytes());
        let refused = bench.on(Input::Closed(0, Stream::New));
        assert_eq!(refused[0], Output::Abandon(0));
        assert_eq!(bench.wait(), [Output::Dial(0, Target::Home)]);
    }
    let trouble = bench.supervisor.status().next().unwrap().last_trouble;
    assert_eq!(trouble, Some(Trouble::Plug(PlugError::Refused)));
}

#[test]
fn without_reconnecting_the_vm_runs_on_without_its_network() {
    let mut bench = Bench::new(Reconnect::Never);
    assert_eq!(bench.lose(), [Output::Unplug(0), Output::SetLink(0, false), lost(false)]);
    assert_eq!((bench.state(), bench.supervisor.deadline()), (NicState::GivenUp, None));
}

#[test]
fn what_is_wanted_of_one_nic_comes_before_what_is_wanted_of_all() {
    for (its_own, of_all) in
        [(Reconnect::Never, Reconnect::Always), (Reconnect::Always, Reconnect::Never)]
    {
        let mut bench = Bench::of(NicConfig { reconnect: Some(its_own), ..nic() }, of_all);
        bench.lose();
        let may_be_back = bench.state() != NicState::GivenUp;
        assert_eq!(may_be_back, its_own == Reconnect::Always, "{its_own:?}");
    }
}

#[test]
fn a_deadline_for_reconnecting_is_kept_to_the_moment() {
    let mut bench = Bench::new(Reconnect::For(ms(3000)));
    bench.lose();
    let end = bench.now + ms(3000);
    bench.on(Input::DialFailed(0, DialFailure::Absent));
    let last = loop {
        let outputs = bench.wait();
        if outputs != [Output::Dial(0, Target::Home)] {
            break outputs;
        }
        bench.on(Input::DialFailed(0, DialFailure::Absent));
    };
    let why = Trouble::Plug(PlugError::Dial(DialFailure::Absent));
    assert_eq!(last, [Output::Tell(Event::GaveUp { nic: 0, why })]);
    assert_eq!((bench.now, bench.supervisor.deadline()), (end, None));
}

#[test]
fn a_switch_that_hangs_up_again_and_again_is_called_more_and_more_rarely() {
    let mut bench = Bench::new(Reconnect::Always);
    bench.lose();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        bench.answer(3);
        bench.now += ms(1);
        bench.lose();
        let before = bench.now;
        assert_eq!(bench.wait(), [Output::Dial(0, Target::Home)]);
        pauses.push(bench.now - before);
    }
    assert!(pauses[0] < ms(320) && pauses[11] > ms(40_000), "{pauses:?}");
}

#[test]
fn a_switch_that_talks_on_and_on_is_hung_up_on() {
    let mut bench = Bench::new(Reconnect::Always);
    assert_eq!(bench.on(Input::Received(0, Stream::Held, &[b'x'; 65_536])), []);
    let outputs = bench.on(Input::Received(0, Stream::Held, b"x"));
    assert_eq!(outputs[0], Output::Unplug(0));
    let chatter = Event::Lost { nic: 0, why: Trouble::Chatter, retrying: true };
    assert!(outputs.contains(&Output::Tell(chatter)));
}

fn replug(bench: &mut Bench, ticket: u64) -> Vec<Output> {
    let (target, port) = (Target::Elsewhere, PortRequest::Any);
    bench.on(Input::Replug { nic: 0, target, port, ticket: Ticket(ticket) })
}

#[test]
fn a_move_leaves_the_old_switch_only_when_somebody_listens_at_the_new_one() {
    let mut bench = Bench::new(Reconnect::Always);
    assert_eq!(replug(&mut bench, 1), [Output::Dial(0, Target::Elsewhere)]);
    let outputs = bench.on(Input::DialFailed(0, DialFailure::Absent));
    let error = MoveError::Plug(PlugError::Dial(DialFailure::Absent));
    assert_eq!(outputs, [Output::Abandon(0), Output::Answer(Ticket(1), Err(error))]);
    assert_eq!((bench.state(), bench.supervisor.deadline()), (NicState::Up, None));

    replug(&mut bench, 2);
    let outputs = bench.answer(9);
    assert!(outputs.contains(&Output::Answer(Ticket(2), Ok(()))), "{outputs:?}");
    assert_eq!(bench.state(), NicState::Up);
    // What was asked for there is what is asked for from now on.
    assert_eq!(bench.supervisor.status().next().unwrap().asked, PortRequest::Any);
}

#[test]
fn a_move_that_is_refused_goes_back_to_where_it_was() {
    for reconnect in [Reconnect::Always, Reconnect::Never] {
        let mut bench = Bench::new(reconnect);
        replug(&mut bench, 1);
        let left = bench.on(Input::Dialed(0));
        assert_eq!(left[..2], [Output::Unplug(0), Output::SetLink(0, false)]);
        let outputs = bench.on(Input::Closed(0, Stream::New));
        let error = MoveError::Plug(PlugError::Refused);
        assert_eq!(
            outputs,
            [
                Output::Abandon(0),
                Output::Answer(Ticket(1), Err(error)),
                Output::Dial(0, Target::Home)
            ]
        );
        assert!(matches!(bench.answer(3)[..], [Output::Keep(0), ..]));
    }
}

#[test]
fn every_request_to_move_is_answered_once() {
    let mut bench = Bench::new(Reconnect::Always);
    let (target, port) = (Target::Home, PortRequest::Any);
    let nonsense = bench.on(Input::Replug { nic: 7, target, port, ticket: Ticket(1) });
    assert_eq!(nonsense, [Output::Answer(Ticket(1), Err(MoveError::NoSuchNic))]);
    replug(&mut bench, 2);
    assert_eq!(replug(&mut bench, 3), [Output::Answer(Ticket(3), Err(MoveError::Busy))]);
    assert_eq!(
        bench.on(Input::VmEnded(End::Exited(4))),
        [Output::Answer(Ticket(2), Err(MoveError::Ended)), Output::Exit(End::Exited(4))]
    );
    assert_eq!(bench.on(Input::VmEnded(End::Exited(5))), []);
}

#[test]
fn who_gave_up_is_revived_by_a_move() {
    let mut bench = Bench::new(Reconnect::Never);
    bench.lose();
    replug(&mut bench, 1);
    bench.answer(2);
    assert_eq!(bench.state(), NicState::Up);
}

#[test]
fn signals_go_to_the_vm_unless_it_had_them() {
    let mut bench = Bench::new(Reconnect::Always);
    let mut on = |had_by_vm, stops| bench.on(Input::Signal { number: 2, had_by_vm, stops });
    assert_eq!(on(false, false), [Output::PassOn(2)]);
    assert_eq!(on(true, false), []);
    assert_eq!(on(true, true), [Output::Stop]);
    assert_eq!(on(false, true), [Output::PassOn(2), Output::Stop]);
}
