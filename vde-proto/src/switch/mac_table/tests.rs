//! The table case by case: moves, ages, collisions, and what does not fit.

use super::*;
use crate::switch::Personality;

const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);
const ONE: PortSlot = PortSlot::FIRST;
const TWO: PortSlot = PortSlot::FIRST.next();

fn table(hash_size: usize) -> MacTable {
    let config = SwitchConfig { hash_size, ..SwitchConfig::new(Personality::Old) };
    let mut table = MacTable::new(&config);
    table.prepare_port(TWO);
    table
}

fn ms(millis: u64) -> u64 {
    nanos(Duration::from_millis(millis))
}

#[test]
fn an_address_is_known_for_100_seconds_after_it_was_last_seen() {
    let mut table = table(16);
    table.learn(ms(0), A, 0, ONE);
    table.learn(ms(5_000), A, 0, ONE);
    assert_eq!(table.lookup(ms(104_999), A, 0), Some(ONE));
    assert_eq!(table.lookup(ms(105_000), A, 0), None);
}

#[test]
fn an_address_moves_only_after_more_than_3_seconds_of_silence() {
    let mut table = table(16);
    table.learn(ms(0), A, 0, ONE);
    table.learn(ms(3_000), A, 0, TWO);
    assert_eq!(table.lookup(ms(3_000), A, 0), Some(ONE));
    table.learn(ms(3_001), A, 0, TWO);
    assert_eq!(table.lookup(ms(3_001), A, 0), Some(TWO));
}

#[test]
fn a_refused_move_does_not_count_as_being_seen() {
    let mut table = table(16);
    table.learn(ms(0), A, 0, ONE);
    for step in 1..=30 {
        table.learn(ms(step * 100), A, 0, TWO);
    }
    table.learn(ms(3_001), A, 0, TWO);
    assert_eq!(table.lookup(ms(3_001), A, 0), Some(TWO));
}

#[test]
fn the_same_address_in_two_vlans_is_two_addresses() {
    let mut table = table(16);
    table.learn(ms(0), A, 0, ONE);
    table.learn(ms(0), A, 7, TWO);
    assert_eq!(table.lookup(ms(0), A, 0), Some(ONE));
    assert_eq!(table.lookup(ms(0), A, 7), Some(TWO));
    assert_eq!(table.lookup(ms(0), A, 8), None);
}

#[test]
fn a_move_is_immediate_if_no_silence_is_asked_for() {
    let config = SwitchConfig::new(Personality::Strict);
    let mut table = MacTable::new(&config);
    table.prepare_port(TWO);
    table.learn(ms(0), A, 0, ONE);
    table.learn(ms(0), A, 0, TWO);
    assert_eq!(table.lookup(ms(0), A, 0), Some(TWO));
}

fn number(number: u32) -> MacAddr {
    let [a, b, c, d] = number.to_be_bytes();
    MacAddr::new([2, 0, a, b, c, d])
}

#[test]
fn a_port_is_forgotten_with_all_its_addresses_and_no_others() {
    let mut table = table(64);
    let port = |last| if last % 2 == 0 { ONE } else { TWO };
    for last in 0..4 {
        table.learn(ms(0), number(last), 0, port(last));
    }
    table.forget_port(TWO);
    let known = |table: &MacTable| [0, 1, 2, 3].map(|n| table.lookup(ms(0), number(n), 0));
    assert_eq!(known(&table), [Some(ONE), None, Some(ONE), None]);
    assert_eq!(table.iter(ms(0)).count(), 2);
    table.learn(ms(0), number(1), 0, TWO);
    assert_eq!(known(&table), [Some(ONE), Some(TWO), Some(ONE), None]);
    table.forget_all();
    assert_eq!(known(&table), [None; 4]);
}

#[test]
fn a_place_of_a_forgotten_port_is_used_before_an_address_makes_room() {
    let mut table = table(1);
    for n in 0..8 {
        table.learn(ms(9), number(n), 0, if n == 5 { TWO } else { ONE });
    }
    table.forget_port(TWO);
    table.learn(ms(10), number(8), 0, ONE);
    let known = (0..9).filter(|&n| table.lookup(ms(10), number(n), 0).is_some());
    assert!(known.eq([0, 1, 2, 3, 4, 6, 7, 8]));
}

#[test]
fn where_no_place_is_free_the_address_not_seen_for_longest_makes_room() {
    let mut table = table(1);
    assert_eq!(table.buckets.len(), 2);
    // With two buckets both are not always different: so many that both are full.
    for n in 0..100 {
        table.learn(ms(n.into()), number(n), 0, ONE);
    }
    let known: Vec<u32> =
        (0..100).filter(|&n| table.lookup(ms(100), number(n), 0).is_some()).collect();
    assert_eq!(known.len(), 8);
    table.learn(ms(100), number(known[0]), 0, ONE);
    table.learn(ms(101), number(100), 0, ONE);
    assert!(table.lookup(ms(101), number(known[0]), 0).is_some());
    assert!(table.lookup(ms(101), number(100), 0).is_some());
}

#[test]
fn no_flood_of_addresses_makes_the_table_grow() {
    let mut table = table(64);
    for n in 0..10_000 {
        table.learn(ms(0), number(n), 0, ONE);
    }
    assert_eq!(table.buckets.len() * WAYS, 128);
    assert!(table.iter(ms(0)).count() > 120, "the addresses should spread over the buckets");
}

#[test]
fn as_many_addresses_as_asked_for_are_known_whatever_they_are() {
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let [a, b, c, d, ..] = seed.to_be_bytes();
        MacAddr::new([2, 0, a, b, c, d])
    };
    let in_a_row: Vec<_> = (0..16_384).map(number).collect();
    let far_apart: Vec<_> = (0..16_384).map(|n| number(n << 16)).collect();
    let drawn: Vec<_> = (0..16_384).map(|_| random()).collect();
    for macs in [in_a_row, far_apart, drawn] {
        let mut table = table(16_384);
        for &mac in &macs {
            table.learn(ms(0), mac, 0, ONE);
        }
        let lost = macs.iter().filter(|&&mac| table.lookup(ms(0), mac, 0).is_none()).count();
        assert_eq!(lost, 0);
    }
}

#[test]
fn what_is_known_is_listed_with_its_age() {
    let mut table = table(16);
    table.learn(ms(0), A, 7, TWO);
    table.learn(ms(50_000), number(3), 0, ONE);
    let listed: Vec<_> =
        table.iter(ms(60_000)).map(|k| (k.mac, k.vlan, k.port, nanos(k.age))).collect();
    assert_eq!(listed.len(), 2);
    assert!(listed.contains(&(A, 7, TWO, ms(60_000))));
    assert!(listed.contains(&(number(3), 0, ONE, ms(10_000))));
    assert_eq!(table.iter(ms(100_000)).map(|k| k.mac).collect::<Vec<_>>(), [number(3)]);
}

#[test]
fn a_clock_that_goes_back_does_no_harm() {
    let mut table = table(16);
    table.learn(ms(5_000), A, 0, ONE);
    table.learn(ms(0), A, 0, TWO);
    assert_eq!(table.lookup(ms(0), A, 0), Some(ONE));
}

#[test]
fn every_configured_size_gives_a_table() {
    for (asked, pairs) in [(0, 4), (4, 4), (5, 8), (1000, 1024), (usize::MAX, MAX_PAIRS)] {
        assert_eq!(table(asked).buckets.len() * WAYS, 2 * pairs);
    }
    assert_eq!(size_of::<Entry>(), 24);
}
