//! Requests that `dial` never sends: old ones, malformed ones, too much of them.

use vde_exec::vde_proto::switch::Refusal;
use vde_exec::vde_proto::{PortNumber, PortRequest, Request, Version};

use super::{Subject, suite};
use crate::client::{Client, RawClient, Verdict};

suite! { false;
    both_versions_are_answered
    a_request_without_a_description_is_answered
    the_longest_request_is_answered
    a_wrong_magic_number_version_or_type_is_refused
    a_byte_swapped_request_is_refused
    an_address_that_nobody_is_bound_to_is_refused
    three_bytes_are_no_request
    a_stray_byte_after_the_request_ends_the_stream
    a_request_after_a_silent_refusal_is_answered
}

fn any(client: &RawClient, version: Version) -> Request {
    client.request(version, PortRequest::Any)
}

fn both_versions_are_answered(subject: &Subject) {
    for version in [Version::V1, Version::V3] {
        for port in [PortRequest::Any, PortRequest::Zero] {
            let mut client = RawClient::new(subject.dir());
            let request = client.request(version, port).emit();
            client.say(&request);
            assert!(client.is_granted(), "{version:?} {port:?}");
        }
    }
}

fn a_request_without_a_description_is_answered(subject: &Subject) {
    let mut client = RawClient::new(subject.dir());
    let request = any(&client, Version::V3).emit();
    client.say(&request[..122]);
    assert!(client.is_granted());
}

fn the_longest_request_is_answered(subject: &Subject) {
    let mut client = RawClient::new(subject.dir());
    let mut request = any(&client, Version::V3).emit();
    request.resize(256, b'd');
    client.say(&request);
    assert!(client.is_granted());
}

fn a_wrong_magic_number_version_or_type_is_refused(subject: &Subject) {
    let changes: [(usize, u8); 4] = [(0, 0), (4, 2), (4, 4), (8, 2)];
    for (at, byte) in changes {
        let mut client = RawClient::new(subject.dir());
        let mut request = any(&client, Version::V3).emit();
        request[at] = byte;
        client.say(&request);
        assert_eq!(client.verdict(), Verdict::End, "byte {at} = {byte}");
    }
}

fn a_byte_swapped_request_is_refused(subject: &Subject) {
    let mut client = RawClient::new(subject.dir());
    let mut request = any(&client, Version::V3).emit();
    request[..12].chunks_mut(4).for_each(<[u8]>::reverse);
    client.say(&request);
    assert_eq!(client.verdict(), Verdict::End);
}

fn an_address_that_nobody_is_bound_to_is_refused(subject: &Subject) {
    let mut client = RawClient::new(subject.dir());
    let mut request = any(&client, Version::V3).emit();
    request[20] = b'?';
    client.say(&request);
    assert_eq!(client.verdict(), Verdict::End);
}

fn three_bytes_are_no_request(subject: &Subject) {
    let mut client = RawClient::new(subject.dir());
    let request = any(&client, Version::V3).emit();
    client.say(&request[..3]);
    assert_eq!(client.verdict(), Verdict::End);
}

fn a_stray_byte_after_the_request_ends_the_stream(subject: &Subject) {
    let mut client = RawClient::new(subject.dir());
    let request = any(&client, Version::V3).emit();
    client.say(&request);
    assert!(client.is_granted());
    client.say(b"x");
    assert_eq!(client.verdict(), Verdict::End);
    // The endpoint stays all the same [P-4.6].
    subject.wait_for_ports(&[1]);
}

fn a_request_after_a_silent_refusal_is_answered(subject: &Subject) {
    let mut client = RawClient::new(subject.dir());
    let port = PortRequest::Number(PortNumber::new(99).unwrap());
    let beyond = client.request(Version::V3, port).emit();
    client.say(&beyond);
    match subject.rules().refusal {
        Refusal::Silence => {
            // Two writes could be one read. By the time that a later client has its port the first
            // write has been read.
            drop(Client::plug(subject.dir(), ""));
            let good = any(&client, Version::V3).emit();
            client.say(&good);
            assert!(client.is_granted());
        }
        _ => assert_eq!(client.verdict(), Verdict::End),
    }
}
