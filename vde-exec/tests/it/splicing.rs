//! Relays that are put into the path of a running VM and taken out of it, step by step, as the supervisor
//! sees it.

use vde_exec::End;
use vde_exec::supervisor::{
    Event, Input, MoveError, NicState, Output, Reconnect, Stream, Target, Ticket, Trouble,
};
use vde_exec::vde_proto::{
    ClientAddress, DialFailure, PlugError, PortNumber, PortRequest, Reply, Request, SocketPath,
};

use crate::bench::{Bench, MAC, OWN, lost, ms};

/// Where a switch reaches the relay.
const RELAY: &str = "/run/sw/.relay";

fn path(of: &str) -> SocketPath {
    SocketPath::new(of).unwrap()
}

fn put_in(bench: &mut Bench, ticket: u64) -> Vec<Output> {
    splice(bench, Some(path(RELAY)), ticket)
}

fn take_out(bench: &mut Bench, ticket: u64) -> Vec<Output> {
    splice(bench, None, ticket)
}

fn splice(bench: &mut Bench, relay: Option<SocketPath>, ticket: u64) -> Vec<Output> {
    bench.on(Input::Splice { nic: 0, relay, ticket: Ticket(ticket) })
}

/// The call of a splice is connected: nothing is left, and this is what is asked for.
fn ask(bench: &mut Bench) -> Request {
    let sent = bench.on(Input::Dialed(0));
    let [Output::Send(0, request)] = &sent[..] else { panic!("{sent:?}") };
    Request::parse(request).unwrap()
}

/// The switch answers, and the other socket is connected.
fn connect(bench: &mut Bench, port: u32) -> Vec<Output> {
    let path = path(&format!("/run/sw/{port:03}.9"));
    let reply = Reply { path: path.clone() }.emit();
    let connects = bench.on(Input::Received(0, Stream::New, &reply));
    assert_eq!(connects, [Output::ConnectData(0, path)]);
    bench.on(Input::DataConnected(0))
}

fn spliced(is_relayed: bool) -> Output {
    Output::Tell(Event::Spliced { nic: 0, is_relayed })
}

fn done(ticket: u64) -> Output {
    Output::Answer(Ticket(ticket), Ok(()))
}

fn refused(ticket: u64, error: MoveError) -> Output {
    Output::Answer(Ticket(ticket), Err(error))
}

/// A relay is put in, all the way.
fn with_relay(bench: &mut Bench) {
    put_in(bench, 1);
    ask(bench);
    connect(bench, 3);
    let outputs = bench.on(Input::Swapped(0));
    assert_eq!(outputs, [Output::Keep(0), spliced(true), done(1)]);
}

fn port_3() -> PortRequest {
    PortNumber::new(3).map(PortRequest::Number).unwrap()
}

#[test]
fn a_relay_is_put_in_and_taken_out_on_the_same_port_while_the_plug_holds() {
    let mut bench = Bench::new(Reconnect::Always);
    let before = bench.status();
    assert_eq!(put_in(&mut bench, 1), [Output::Dial(0, Target::Home)]);
    bench.now += ms(1);
    let request = ask(&mut bench);
    assert_eq!((request.port, request.address), (port_3(), ClientAddress::Path(path(RELAY))));
    assert_eq!((bench.state(), bench.status().is_relayed), (NicState::Up, false));
    assert_eq!(connect(&mut bench, 3), [Output::Swap(0)]);
    assert_eq!(bench.on(Input::Swapped(0)), [Output::Keep(0), spliced(true), done(1)]);
    // Nothing else about it has changed: it has been plugged in all the time.
    let mut relayed = before.clone();
    relayed.is_relayed = true;
    assert_eq!(bench.status(), relayed);
    assert_eq!(bench.supervisor.deadline(), None);

    assert_eq!(take_out(&mut bench, 2), [Output::Dial(0, Target::Home)]);
    let request = ask(&mut bench);
    assert_eq!((request.port, request.address), (port_3(), ClientAddress::Path(path(OWN))));
    assert_eq!(connect(&mut bench, 3), [Output::Swap(0)]);
    assert_eq!(bench.on(Input::Swapped(0)), [Output::Keep(0), spliced(false), done(2)]);
    assert_eq!(bench.status(), before);
}

#[test]
fn where_the_switch_does_not_tell_the_port_it_is_the_one_that_was_asked_for() {
    let mut bench = Bench::on_port(None, Reconnect::Always);
    put_in(&mut bench, 1);
    assert_eq!(ask(&mut bench).port, port_3());
    connect(&mut bench, 3);
    // It may be another one than before.
    let outputs = bench.on(Input::Swapped(0));
    assert_eq!(outputs, [Output::Keep(0), Output::Announce(0, MAC), spliced(true), done(1)]);
}

#[test]
fn a_splice_that_the_switch_refuses_leaves_everything_as_it_was() {
    for is_relayed in [false, true] {
        let mut bench = Bench::new(Reconnect::Always);
        if is_relayed {
            with_relay(&mut bench);
        }
        let before = bench.status();
        let outputs = match is_relayed {
            false => put_in(&mut bench, 2),
            true => take_out(&mut bench, 2),
        };
        assert_eq!(outputs, [Output::Dial(0, Target::Home)]);
        ask(&mut bench);
        let outputs = bench.on(Input::Closed(0, Stream::New));
        let error = MoveError::Plug(PlugError::Refused);
        assert_eq!(outputs, [Output::Abandon(0), refused(2, error)]);
        assert_eq!((bench.status(), bench.supervisor.deadline()), (before, None));
    }
}

#[test]
fn a_splice_of_a_switch_that_does_not_answer_has_an_end() {
    let mut bench = Bench::new(Reconnect::Always);
    put_in(&mut bench, 1);
    ask(&mut bench);
    let error = MoveError::Plug(PlugError::NoAnswer { waited: ms(5000) });
    assert_eq!(bench.wait(), [Output::Abandon(0), refused(1, error)]);
    assert_eq!((bench.state(), bench.supervisor.deadline()), (NicState::Up, None));
}

#[test]
fn a_plug_that_is_lost_meanwhile_is_replaced_by_that_of_the_splice() {
    let mut bench = Bench::new(Reconnect::Always);
    put_in(&mut bench, 1);
    ask(&mut bench);
    assert_eq!(bench.lose(), [Output::Unplug(0), Output::SetLink(0, false), lost(true)]);
    assert_eq!(bench.state(), NicState::Down);
    bench.now += ms(4);
    assert_eq!(connect(&mut bench, 3), [Output::Swap(0)]);
    let back = Event::Plugged { nic: 0, port: Some(3), outage: ms(4), attempts: 1, moved: false };
    assert_eq!(
        bench.on(Input::Swapped(0)),
        [
            spliced(true),
            Output::Keep(0),
            Output::SetLink(0, true),
            Output::Announce(0, MAC),
            Output::Tell(back),
            done(1)
        ]
    );
    let status = bench.status();
    assert_eq!((status.state, status.replugs, status.since), (NicState::Up, 1, bench.now));
    // What was asked for is what is asked for again.
    assert_eq!(status.asked, port_3());
}

#[test]
fn a_splice_that_fails_after_the_plug_was_lost_goes_back_to_the_socket_that_was_there() {
    for is_swap in [false, true] {
        let mut bench = Bench::new(Reconnect::Never);
        with_relay(&mut bench);
        take_out(&mut bench, 2);
        ask(&mut bench);
        bench.lose();
        let (outputs, error) = match is_swap {
            false => {
                let outputs = bench.on(Input::Closed(0, Stream::New));
                (outputs, MoveError::Plug(PlugError::Refused))
            }
            true => {
                connect(&mut bench, 3);
                (bench.on(Input::SwapFailed(0, 12)), MoveError::Splice(12))
            }
        };
        let home = Output::Dial(0, Target::Home);
        assert_eq!(outputs, [Output::Abandon(0), refused(2, error), home]);
        assert!(bench.status().is_relayed);
        assert_eq!(ask(&mut bench).address, ClientAddress::Path(path(RELAY)));
        assert!(matches!(connect(&mut bench, 3)[..], [Output::Keep(0), ..]));
    }
}

#[test]
fn sockets_that_cannot_be_exchanged_leave_everything_as_it_was() {
    let mut bench = Bench::new(Reconnect::Always);
    let before = bench.status();
    put_in(&mut bench, 1);
    ask(&mut bench);
    connect(&mut bench, 3);
    let outputs = bench.on(Input::SwapFailed(0, 12));
    assert_eq!(outputs, [Output::Abandon(0), refused(1, MoveError::Splice(12))]);
    assert_eq!((bench.status(), bench.supervisor.deadline()), (before, None));
    assert_eq!(put_in(&mut bench, 2), [Output::Dial(0, Target::Home)]);
}

#[test]
fn one_is_busy_while_a_splice_or_a_move_is_being_carried_out() {
    let mut bench = Bench::new(Reconnect::Always);
    let (target, port) = (Target::Elsewhere, PortRequest::Any);
    put_in(&mut bench, 1);
    let busy = |ticket| refused(ticket, MoveError::Busy);
    assert_eq!(put_in(&mut bench, 2), [busy(2)]);
    assert_eq!(take_out(&mut bench, 3), [busy(3)]);
    let replug = bench.on(Input::Replug { nic: 0, target, port, ticket: Ticket(4) });
    assert_eq!(replug, [busy(4)]);
    ask(&mut bench);
    connect(&mut bench, 3);
    assert_eq!(take_out(&mut bench, 5), [busy(5)]);
    assert!(bench.on(Input::Swapped(0)).contains(&done(1)));

    bench.on(Input::Replug { nic: 0, target, port, ticket: Ticket(6) });
    assert_eq!(take_out(&mut bench, 7), [busy(7)]);
}

#[test]
fn nonsense_is_answered_at_once() {
    let mut bench = Bench::new(Reconnect::Always);
    let outputs = bench.on(Input::Splice { nic: 7, relay: None, ticket: Ticket(1) });
    assert_eq!(outputs, [refused(1, MoveError::NoSuchNic)]);
    // There is none to be taken out.
    assert_eq!(take_out(&mut bench, 2), [done(2)]);
    assert_eq!(bench.on(Input::Swapped(0)), []);
    assert_eq!(bench.on(Input::SwapFailed(0, 12)), []);
    assert_eq!(bench.state(), NicState::Up);
}

#[test]
fn without_a_plug_the_sockets_are_exchanged_and_the_next_call_is_made_for_the_other_one() {
    let mut bench = Bench::new(Reconnect::Always);
    bench.lose();
    bench.on(Input::DialFailed(0, DialFailure::Dead));
    assert_eq!(put_in(&mut bench, 1), [Output::Swap(0)]);
    assert_eq!(bench.on(Input::Swapped(0)), [spliced(true), done(1)]);
    assert_eq!(bench.state(), NicState::Down);
    assert_eq!(bench.wait(), [Output::Dial(0, Target::Home)]);
    assert_eq!(ask(&mut bench).address, ClientAddress::Path(path(RELAY)));

    // A call under way is of no use any more, and is made again soon.
    let attempts = bench.status().attempts;
    assert_eq!(take_out(&mut bench, 2), [Output::Abandon(0), Output::Swap(0)]);
    assert_eq!(bench.on(Input::Swapped(0)), [spliced(false), done(2)]);
    let before = bench.now;
    assert_eq!(bench.wait(), [Output::Dial(0, Target::Home)]);
    assert!(bench.now > before && bench.now - before < ms(625));
    assert_eq!(bench.status().attempts, attempts + 1);
    assert_eq!(ask(&mut bench).address, ClientAddress::Path(path(OWN)));
}

#[test]
fn without_a_plug_a_swap_that_fails_is_answered_and_calls_go_on() {
    let mut bench = Bench::new(Reconnect::Always);
    bench.lose();
    assert_eq!(put_in(&mut bench, 1), [Output::Abandon(0), Output::Swap(0)]);
    let outputs = bench.on(Input::SwapFailed(0, 12));
    assert_eq!(outputs, [refused(1, MoveError::Splice(12))]);
    assert_eq!(bench.wait(), [Output::Dial(0, Target::Home)]);
    assert_eq!(ask(&mut bench).address, ClientAddress::Path(path(OWN)));
}

#[test]
fn who_gave_up_is_not_revived_by_a_splice() {
    let mut bench = Bench::new(Reconnect::Never);
    bench.lose();
    assert_eq!(put_in(&mut bench, 1), [Output::Swap(0)]);
    assert_eq!(bench.on(Input::Swapped(0)), [spliced(true), done(1)]);
    assert_eq!((bench.state(), bench.supervisor.deadline()), (NicState::GivenUp, None));
}

#[test]
fn a_splice_that_is_overtaken_by_the_end_is_answered() {
    for is_up in [true, false] {
        let mut bench = Bench::new(Reconnect::Always);
        if !is_up {
            bench.lose();
        }
        put_in(&mut bench, 1);
        assert_eq!(
            bench.on(Input::VmEnded(End::Exited(0))),
            [refused(1, MoveError::Ended), Output::Exit(End::Exited(0))]
        );
        assert_eq!(bench.on(Input::Swapped(0)), []);
    }
}

#[test]
fn what_a_switch_said_before_a_splice_is_not_held_against_it_after() {
    let mut bench = Bench::new(Reconnect::Always);
    assert_eq!(bench.on(Input::Received(0, Stream::Held, &[b'x'; 65_536])), []);
    with_relay(&mut bench);
    assert_eq!(bench.on(Input::Received(0, Stream::Held, &[b'x'; 65_536])), []);
    let outputs = bench.on(Input::Received(0, Stream::Held, b"x"));
    let chatter = Event::Lost { nic: 0, why: Trouble::Chatter, retrying: true };
    assert!(outputs.contains(&Output::Tell(chatter)), "{outputs:?}");
}
