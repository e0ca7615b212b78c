//! What becomes of frames. That one does not arrive is shown by another that arrives after it.

use vde_exec::vde_proto::frame;

use super::{Subject, suite};
use crate::client::{Client, EVERYBODY, frame, mac};

suite! { false;
    a_frame_to_everybody_reaches_all_but_its_sender
    a_frame_to_a_known_address_reaches_its_port_only
    clients_of_one_port_all_receive_and_do_not_hear_each_other
    what_is_shorter_than_a_header_is_ignored
    a_short_frame_arrives_as_the_generation_has_it
    a_frame_arrives_unchanged_up_to_the_longest_and_is_cut_above
    a_tagged_frame_of_a_foreign_vlan_is_dropped
    the_tag_of_vlan_zero_is_stripped
}

fn a_frame_to_everybody_reaches_all_but_its_sender(subject: &Subject) {
    let clients: Vec<_> = (0..3).map(|_| Client::plug(subject.dir(), "")).collect();
    let hello = frame(EVERYBODY, mac(0), 100);
    clients[0].send(&hello);
    assert_eq!(clients[1].receive(), hello);
    assert_eq!(clients[2].receive(), hello);

    let answer = frame(EVERYBODY, mac(1), 60);
    clients[1].send(&answer);
    assert_eq!(clients[0].receive(), answer, "the sender got its own frame");
}

fn a_frame_to_a_known_address_reaches_its_port_only(subject: &Subject) {
    let clients: Vec<_> = (0..3).map(|_| Client::plug(subject.dir(), "")).collect();
    let hello = frame(EVERYBODY, mac(1), 60);
    clients[1].send(&hello);
    assert_eq!(clients[0].receive(), hello);
    assert_eq!(clients[2].receive(), hello);

    let private = frame(mac(1), mac(0), 61);
    clients[0].send(&private);
    assert_eq!(clients[1].receive(), private);
    let marker = frame(EVERYBODY, mac(0), 62);
    clients[0].send(&marker);
    assert_eq!(clients[2].receive(), marker, "a stranger got the private frame");
}

fn clients_of_one_port_all_receive_and_do_not_hear_each_other(subject: &Subject) {
    let (a, b) = (Client::plug(subject.dir(), "3"), Client::plug(subject.dir(), "3"));
    let other = Client::plug(subject.dir(), "4");
    a.send(&frame(EVERYBODY, mac(1), 60));
    assert_eq!(other.receive(), frame(EVERYBODY, mac(1), 60));
    let marker = frame(EVERYBODY, mac(9), 64);
    other.send(&marker);
    assert_eq!(a.receive(), marker);
    assert_eq!(b.receive(), marker, "a client heard its neighbour on the same port");
}

fn what_is_shorter_than_a_header_is_ignored(subject: &Subject) {
    let (a, b) = (Client::plug(subject.dir(), ""), Client::plug(subject.dir(), ""));
    for length in 0..frame::MIN_LEN {
        assert_eq!(a.data.send(&vec![0xff; length]).unwrap(), length);
    }
    let marker = frame(EVERYBODY, mac(0), 60);
    a.send(&marker);
    assert_eq!(b.receive(), marker);
}

fn a_short_frame_arrives_as_the_generation_has_it(subject: &Subject) {
    let (a, b) = (Client::plug(subject.dir(), ""), Client::plug(subject.dir(), ""));
    for length in [14, 15, 59, 60] {
        let short = frame(EVERYBODY, mac(0), length);
        a.send(&short);
        let got = b.receive();
        assert_eq!(got.len(), length.max(subject.rules().pad_to));
        assert_eq!(got[..length], short);
    }
}

fn a_frame_arrives_unchanged_up_to_the_longest_and_is_cut_above(subject: &Subject) {
    let (a, b) = (Client::plug(subject.dir(), ""), Client::plug(subject.dir(), ""));
    for length in [1514, 1518, 1519, 9000] {
        let long = frame(EVERYBODY, mac(0), length);
        a.send(&long);
        assert_eq!(b.receive(), long[..length.min(frame::SWITCH_MAX)]);
    }
}

fn tagged(vlan: u16, length: usize) -> Vec<u8> {
    let mut tagged = frame(EVERYBODY, mac(0), length);
    tagged[12..14].copy_from_slice(&[0x81, 0x00]);
    tagged[14..16].copy_from_slice(&vlan.to_be_bytes());
    tagged
}

fn a_tagged_frame_of_a_foreign_vlan_is_dropped(subject: &Subject) {
    let (a, b) = (Client::plug(subject.dir(), ""), Client::plug(subject.dir(), ""));
    a.send(&tagged(10, 100));
    let marker = frame(EVERYBODY, mac(0), 60);
    a.send(&marker);
    assert_eq!(b.receive(), marker);
}

fn the_tag_of_vlan_zero_is_stripped(subject: &Subject) {
    let (a, b) = (Client::plug(subject.dir(), ""), Client::plug(subject.dir(), ""));
    let sent = tagged(0, 100);
    a.send(&sent);
    assert_eq!(b.receive(), [&sent[..12], &sent[16..]].concat());
}

mod hub {
    use super::*;

    suite! { true;
        a_hub_sends_every_frame_to_everybody_else
        a_hub_does_not_look_at_tags
        a_hub_sends_nothing_to_port_zero
    }

    fn a_hub_sends_every_frame_to_everybody_else(subject: &Subject) {
        let clients: Vec<_> = (0..3).map(|_| Client::plug(subject.dir(), "")).collect();
        clients[1].send(&frame(EVERYBODY, mac(1), 60));
        for other in [0, 2] {
            assert_eq!(clients[other].receive(), frame(EVERYBODY, mac(1), 60));
        }
        let private = frame(mac(1), mac(0), 61);
        clients[0].send(&private);
        assert_eq!(clients[1].receive(), private);
        assert_eq!(clients[2].receive(), private);
    }

    fn a_hub_does_not_look_at_tags(subject: &Subject) {
        let (a, b) = (Client::plug(subject.dir(), ""), Client::plug(subject.dir(), ""));
        for vlan in [0, 10, 4095] {
            a.send(&tagged(vlan, 100));
            assert_eq!(b.receive(), tagged(vlan, 100));
        }
    }

    fn a_hub_sends_nothing_to_port_zero(subject: &Subject) {
        let zero = Client::plug(subject.dir(), "0");
        let (a, b) = (Client::plug(subject.dir(), ""), Client::plug(subject.dir(), ""));
        a.send(&frame(EVERYBODY, mac(0), 60));
        assert_eq!(b.receive(), frame(EVERYBODY, mac(0), 60));
        // It would have arrived by now: the switch serves one frame after another.
        zero.data.set_nonblocking(true).unwrap();
        assert!(zero.data.recv(&mut [0; 64]).is_err(), "port 0 heard a hub");
    }
}
