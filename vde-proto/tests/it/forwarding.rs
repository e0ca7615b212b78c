//! What becomes of frames, case by case. The cases of the old personality were tried on
//! vde_switch 2.3.2+r586-8+b1, with the same frames in the same order.

use std::time::Duration;

use vde_proto::MacAddr;
use vde_proto::frame::{LIBRARY_MAX, MIN_LEN, PADDED_LEN, SWITCH_MAX};
use vde_proto::switch::{DropReason, EndpointId, Personality, SwitchConfig, Verdict};

use crate::net::{Net, frame, mac};

const ALL: MacAddr = MacAddr::BROADCAST;

/// Endpoints a on port 1, b and b2 on port 2, z on port 0.
struct Four {
    net: Net,
    a: EndpointId,
    b: EndpointId,
    b2: EndpointId,
    z: EndpointId,
}

fn four(personality: Personality, hub: bool) -> Four {
    let mut net = Net::new(SwitchConfig { hub, ..SwitchConfig::new(personality) });
    let [(_, a), (_, b), (_, b2), (_, z)] = [1, 2, 2, 0].map(|port| net.join(port));
    Four { net, a, b, b2, z }
}

fn dropped(reason: DropReason) -> Verdict {
    Verdict::Dropped(reason)
}

#[test]
fn an_old_switch_learns_floods_and_filters() {
    let Four { mut net, a, b, b2, z } = four(Personality::Old, false);
    let mut check = |from, bytes: &[u8], to: &[EndpointId]| {
        let outcome = net.send(from, bytes);
        assert_eq!((&outcome.to[..], &outcome.bytes[..]), (to, bytes));
    };
    check(a, &frame(ALL, mac(1), None, b"ppp"), &[z, b, b2]);
    check(b, &frame(mac(1), mac(2), None, b""), &[a]);
    check(a, &frame(mac(2), mac(1), None, b"q"), &[b, b2]);
    check(b, &frame(mac(2), mac(3), None, b""), &[]);
    check(b, &frame(mac(9), mac(3), None, b""), &[z, a]);
    check(a, &frame(mac(1), mac(1), None, b"ss"), &[]);
    check(z, &frame(ALL, mac(7), None, b"zz"), &[a, b, b2]);
    check(a, &frame(mac(2), ALL, None, b"mm"), &[b, b2]);
    check(a, &frame(ALL, mac(3), None, b"moved too early"), &[z, b, b2]);
    check(a, &frame(mac(3), mac(1), None, b"still there"), &[b, b2]);
}

#[test]
fn an_old_hub_sends_everything_everywhere_but_to_port_0() {
    let Four { mut net, a, b, b2, z } = four(Personality::Old, true);
    let mut check = |from, bytes: &[u8], to: &[EndpointId]| {
        let outcome = net.send(from, bytes);
        assert_eq!((&outcome.to[..], &outcome.bytes[..]), (to, bytes));
    };
    check(a, &frame(ALL, mac(1), None, b"ppp"), &[b, b2]);
    check(b, &frame(mac(1), mac(2), None, b""), &[a]);
    check(b, &frame(mac(2), mac(3), None, b""), &[a]);
    check(a, &frame(mac(1), mac(1), None, b"ss"), &[b, b2]);
    check(z, &frame(ALL, mac(7), None, b"zz"), &[a, b, b2]);
    for tag in [0, 0xe000, 5, 0xfff] {
        check(a, &frame(ALL, mac(1), Some(tag), b"tagged"), &[b, b2]);
    }
    let whole = frame(ALL, mac(1), Some(0), b"");
    for len in MIN_LEN..whole.len() {
        check(a, &whole[..len], &[b, b2]);
    }
}

#[test]
fn a_vde_switch_strips_the_tag_of_vlan_0_and_drops_others() {
    let Four { mut net, a, b, b2, z } = four(Personality::Old, false);
    for priority in [0, 0x2000, 0xe000, 0x1000] {
        let outcome = net.send(a, &frame(ALL, mac(1), Some(priority), b"rr"));
        assert_eq!(outcome.bytes, frame(ALL, mac(1), None, b"rr"));
        assert_eq!(outcome.to, [z, b, b2]);
    }
    for vlan in 1..=0xfff {
        let outcome = net.send(a, &frame(ALL, mac(8), Some(vlan), b"xx"));
        assert_eq!(outcome.verdict, dropped(DropReason::Vlan(vlan)));
        assert_eq!((outcome.bytes, outcome.to), (vec![], vec![]));
    }
    // And nothing was learned from them.
    assert_eq!(net.send(b, &frame(mac(8), mac(2), None, b"")).verdict, Verdict::Flood);
}

#[test]
fn what_would_be_shorter_than_a_header_without_its_tag_is_dropped() {
    let whole = frame(ALL, mac(1), Some(0), b"");
    for personality in [Personality::Old, Personality::New] {
        let Four { mut net, a, .. } = four(personality, false);
        for len in MIN_LEN..whole.len() {
            let outcome = net.send(a, &whole[..len]);
            assert_eq!(outcome.verdict, dropped(DropReason::TooShort));
        }
        assert_eq!(net.send(a, &whole).verdict, Verdict::Flood);
    }
}

#[test]
fn another_kind_of_tag_is_payload() {
    let Four { mut net, a, .. } = four(Personality::Old, false);
    let mut bytes = frame(ALL, mac(1), Some(5), b"xx");
    bytes[12..14].copy_from_slice(&[0x88, 0xa8]);
    let outcome = net.send(a, &bytes);
    assert_eq!((outcome.verdict, outcome.bytes), (Verdict::Flood, bytes));
}

#[test]
fn a_vde_switch_cuts_at_1518_bytes_before_it_strips() {
    for personality in [Personality::Old, Personality::New] {
        let Four { mut net, a, .. } = four(personality, false);
        for len in [1517, 1518, 1519, 1522, 65_535] {
            let plain = frame(ALL, mac(1), None, &vec![7; len - MIN_LEN]);
            let outcome = net.send(a, &plain);
            assert_eq!(outcome.bytes, plain[..len.min(SWITCH_MAX)]);
            let tagged = frame(ALL, mac(1), Some(0), &vec![7; len - 18]);
            assert_eq!(net.send(a, &tagged).bytes.len(), len.min(SWITCH_MAX) - 4);
        }
    }
}

#[test]
fn a_new_switch_pads_to_60_bytes_with_zeros_and_no_old_bytes() {
    for hub in [false, true] {
        let Four { mut net, a, .. } = four(Personality::New, hub);
        net.send(a, &frame(ALL, mac(1), Some(0), &[0xa5; 500]));
        for len in MIN_LEN..=PADDED_LEN + 1 {
            let short = frame(ALL, mac(1), None, &vec![7; len - MIN_LEN]);
            let bytes = net.send(a, &short).bytes;
            assert_eq!(bytes[..len], short);
            assert_eq!(bytes.len(), len.max(PADDED_LEN));
            assert!(bytes[len..].iter().all(|&byte| byte == 0));
        }
    }
}

#[test]
fn less_than_14_bytes_are_no_frame_for_anybody() {
    for personality in [Personality::Old, Personality::New, Personality::Strict] {
        for hub in [false, true] {
            let Four { mut net, a, .. } = four(personality, hub);
            for len in 0..MIN_LEN {
                let outcome = net.send(a, &vec![0xff; len]);
                assert_eq!(outcome.verdict, dropped(DropReason::TooShort));
                assert_eq!(outcome.to, []);
            }
        }
    }
}

#[test]
fn a_strict_switch_alters_nothing_and_learns_per_vlan() {
    let Four { mut net, a, b, b2, z } = four(Personality::Strict, false);
    for tag in [None, Some(0), Some(0xe005), Some(0xfff)] {
        let bytes = frame(ALL, mac(1), tag, b"x");
        let outcome = net.send(a, &bytes);
        assert_eq!((outcome.bytes, outcome.to), (bytes, vec![z, b, b2]));
    }
    assert_eq!(net.send(b, &frame(mac(1), mac(2), Some(5), b"")).verdict, Verdict::Unicast);
    assert_eq!(net.send(b, &frame(mac(1), mac(2), Some(6), b"")).verdict, Verdict::Flood);
}

#[test]
fn a_strict_switch_carries_long_frames_whole_or_not_at_all() {
    let Four { mut net, a, .. } = four(Personality::Strict, false);
    let longest = frame(ALL, mac(1), None, &vec![7; LIBRARY_MAX - MIN_LEN]);
    assert_eq!(net.send(a, &longest).bytes, longest);
    let longer = [&longest[..], b"x"].concat();
    assert_eq!(net.send(a, &longer).verdict, dropped(DropReason::TooLong));
}

#[test]
fn the_addresses_of_a_port_are_forgotten_with_its_last_endpoint_only() {
    let mut net = Net::new(SwitchConfig::new(Personality::Old));
    let (_, a) = net.join(1);
    let (first, b) = net.join(2);
    let (second, b2) = net.join(2);
    net.send(b, &frame(ALL, mac(2), None, b""));
    net.leave(first);
    assert_eq!(net.send(a, &frame(mac(2), mac(1), None, b"")).to, [b2]);
    net.leave(second);
    let (_, b3) = net.join(2);
    let outcome = net.send(a, &frame(mac(2), mac(1), None, b""));
    assert_eq!((outcome.verdict, outcome.to), (Verdict::Flood, vec![b3]));
}

#[test]
fn an_address_moves_when_its_old_port_has_been_quiet() {
    let Four { mut net, a, b, b2, .. } = four(Personality::Old, false);
    net.send(b, &frame(ALL, mac(3), None, b""));
    net.now += Duration::from_millis(3_001);
    net.send(a, &frame(ALL, mac(3), None, b""));
    assert_eq!(net.send(a, &frame(mac(3), mac(1), None, b"")).verdict, Verdict::Local);
    assert_eq!(net.send(b2, &frame(mac(3), mac(2), None, b"")).to, [a]);
}

#[test]
fn in_a_strict_switch_an_address_moves_at_once() {
    let Four { mut net, a, b, z, .. } = four(Personality::Strict, false);
    net.send(b, &frame(ALL, mac(3), None, b""));
    net.send(a, &frame(ALL, mac(3), None, b""));
    assert_eq!(net.send(z, &frame(mac(3), mac(1), None, b"")).to, [a]);
}

#[test]
fn a_strict_switch_passes_on_what_bridges_say_to_each_other() {
    let Four { mut net, a, b, b2, z } = four(Personality::Strict, false);
    // Spanning tree, link aggregation, port authentication, LLDP.
    for last in [0x00, 0x02, 0x03, 0x0e] {
        let dst = MacAddr::new([0x01, 0x80, 0xc2, 0, 0, last]);
        for tag in [None, Some(0x2005)] {
            let bytes = frame(dst, mac(1), tag, &[last; 46]);
            let outcome = net.send(a, &bytes);
            assert_eq!((outcome.verdict, outcome.bytes), (Verdict::Flood, bytes));
            assert_eq!(outcome.to, [z, b, b2]);
        }
    }
}

#[test]
fn a_stranger_cannot_send() {
    let Four { mut net, .. } = four(Personality::Old, false);
    let (conn, gone) = net.join(5);
    net.leave(conn);
    let outcome = net.send(gone, &frame(ALL, mac(1), None, b""));
    assert_eq!(outcome.verdict, dropped(DropReason::UnknownEndpoint));
    assert_eq!(outcome.to, []);
}

#[test]
fn ports_count_what_they_carry_and_what_is_dropped() {
    let Four { mut net, a, b, .. } = four(Personality::Old, false);
    net.send(a, &frame(ALL, mac(1), None, &[0; 46]));
    net.send(b, &frame(mac(1), mac(2), Some(0), &[0; 6]));
    net.send(a, b"short");
    let counters: Vec<_> = net.switch.ports().map(|port| (port.number, port.counters)).collect();
    let [(0, zero), (1, one), (2, two)] = counters[..] else { panic!("{counters:?}") };
    assert_eq!((zero.frames_in, zero.frames_out, zero.bytes_out), (0, 1, 60));
    assert_eq!((one.frames_in, one.bytes_in, one.dropped_in), (1, 60, 1));
    assert_eq!((one.frames_out, one.bytes_out), (1, 20));
    assert_eq!((two.frames_in, two.bytes_in), (1, 20));
    assert_eq!((two.frames_out, two.bytes_out), (1, 60), "once, though for two endpoints");
}

#[test]
fn what_an_endpoint_did_not_take_is_counted_for_its_port() {
    let Four { mut net, a, b, b2, z } = four(Personality::Strict, false);
    let (conn, gone) = net.join(3);
    net.leave(conn);
    net.send(a, &frame(ALL, mac(1), None, b""));
    for id in [b, b2, b, z, gone] {
        net.switch.unsent(id);
    }
    let counted: Vec<_> =
        net.switch.ports().map(|port| (port.number, port.counters.dropped_out)).collect();
    assert_eq!(counted, [(0, 1), (1, 0), (2, 3), (3, 0)]);
}
