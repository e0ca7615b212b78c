//! Who gets which port, and when it is free again.

use std::time::Duration;

use vde_exec::DialError;
use vde_exec::testkit::wait;
use vde_exec::vde_proto::PlugError;
use vde_exec::vde_proto::switch::Refusal;

use super::{PORTS, Subject, suite};
use crate::client::Client;

suite! { false;
    any_port_is_the_first_free_one
    the_port_that_was_asked_for_is_the_port
    a_port_is_free_again_when_its_client_left
    several_clients_of_one_user_share_a_port
    port_zero_can_be_asked_for
    a_port_beyond_the_last_is_refused
    when_all_ports_are_taken_the_next_client_is_refused
    the_description_is_what_the_administrator_sees
}

fn any_port_is_the_first_free_one(subject: &Subject) {
    let clients: Vec<_> = (0..3).map(|_| Client::plug(subject.dir(), "")).collect();
    let ports: Vec<_> = clients.iter().map(|client| client.connection.port).collect();
    assert_eq!(ports, [Some(1), Some(2), Some(3)]);
    subject.wait_for_ports(&[1, 2, 3]);
}

fn the_port_that_was_asked_for_is_the_port(subject: &Subject) {
    let client = Client::plug(subject.dir(), "5");
    assert_eq!(client.connection.port, Some(5));
    subject.wait_for_ports(&[5]);
}

fn a_port_is_free_again_when_its_client_left(subject: &Subject) {
    for _ in 0..3 {
        let first = Client::plug(subject.dir(), "");
        let second = Client::plug(subject.dir(), "");
        drop(first);
        subject.wait_for_ports(&[2]);
        let third = Client::plug(subject.dir(), "");
        assert_eq!(third.connection.port, Some(1));
        drop((second, third));
        subject.wait_for_ports(&[]);
    }
}

fn several_clients_of_one_user_share_a_port(subject: &Subject) {
    let _first = Client::plug(subject.dir(), "4");
    let _second = Client::plug(subject.dir(), "4");
    wait::until_true(
        "two clients on port 4",
        || matches!(subject.ports().as_slice(), [(4, clients)] if clients.len() == 2),
    );
}

fn port_zero_can_be_asked_for(subject: &Subject) {
    let client = Client::plug(subject.dir(), "0");
    assert_eq!(client.connection.port, Some(0));
}

/// How a refusal looks from outside: the end of the stream, or nothing until the deadline.
fn assert_refused(subject: &Subject, parameters: &str) {
    let timeout = match subject.rules().refusal {
        Refusal::Silence => Duration::from_millis(300),
        _ => Duration::from_secs(20),
    };
    let Err(error) = Client::try_plug(subject.dir(), parameters, timeout) else {
        panic!("{parameters:?} was granted");
    };
    let DialError::Handshake { error, .. } = error else { panic!("{error}") };
    match subject.rules().refusal {
        Refusal::Silence => assert!(matches!(error, PlugError::NoAnswer { .. }), "{error}"),
        _ => assert_eq!(error, PlugError::Refused),
    }
}

fn a_port_beyond_the_last_is_refused(subject: &Subject) {
    let last = if subject.rules().last_port_usable { PORTS } else { PORTS - 1 };
    let _client = Client::plug(subject.dir(), &last.to_string());
    assert_refused(subject, &(last + 1).to_string());
    assert_refused(subject, "99");
    subject.wait_for_ports(&[last]);
}

fn when_all_ports_are_taken_the_next_client_is_refused(subject: &Subject) {
    let last = if subject.rules().last_port_usable { PORTS } else { PORTS - 1 };
    let _clients: Vec<_> = (0..last).map(|_| Client::plug(subject.dir(), "")).collect();
    assert_refused(subject, "");
    subject.wait_for_ports(&(1..=last).collect::<Vec<_>>());
}

fn the_description_is_what_the_administrator_sees(subject: &Subject) {
    let mut options = crate::client::options(Duration::from_secs(20));
    options.description = "seen\n\x1b[2J by all".to_owned();
    let vnl = crate::client::locator(subject.dir(), "2");
    let _connection = vde_exec::dial(&vnl, &options, None).unwrap();
    subject.wait_for_ports(&[2]);
    assert_eq!(subject.ports()[0].1, ["seen??[2J by all"]);
}
