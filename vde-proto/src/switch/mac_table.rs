//! Which (MAC, VLAN) lives on which port: a table of fixed size, so that no guest can make it grow.
//!
//! Each pair has one bucket of four places. In a full bucket the pair that was not seen for the
//! longest time makes room; its frames are then flooded, as those of any unknown address.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::personality::SwitchConfig;
use crate::wire::MacAddr;

const WAYS: usize = 4;
/// Keeps the memory of a mistaken configuration within reason: 2^20 pairs take 32 MiB.
const MAX_PAIRS: usize = 1 << 20;

#[derive(Debug, Clone)]
pub(super) struct MacTable {
    buckets: Vec<[Option<Entry>; WAYS]>,
    ageing: Duration,
    min_persistence: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: u64,
    port: u32,
    seen: Duration,
}

impl MacTable {
    pub(super) fn new(config: &SwitchConfig) -> Self {
        let pairs = config.hash_size.clamp(WAYS, MAX_PAIRS).next_power_of_two();
        Self {
            buckets: vec![[None; WAYS]; pairs / WAYS],
            ageing: config.ageing,
            min_persistence: config.min_persistence,
        }
    }

    /// A frame of `mac` came in at `port` \[P-8.11\] \[P-8.13\].
    pub(super) fn learn(&mut self, now: Duration, mac: MacAddr, vlan: u16, port: u32) {
        let Self { ageing, min_persistence, .. } = *self;
        let key = key(mac, vlan);
        let fresh = Entry { key, port, seen: now };
        let Some(bucket) = self.bucket_mut(key) else { return };
        match bucket.iter_mut().flatten().find(|entry| entry.key == key) {
            Some(entry) => {
                let idle = now.saturating_sub(entry.seen);
                if entry.port == port || idle > min_persistence || idle >= ageing {
                    *entry = fresh;
                }
            }
            None => {
                // An empty place comes first, then the oldest pair.
                if let Some(place) = bucket.iter_mut().min_by_key(|e| e.map(|entry| entry.seen)) {
                    *place = Some(fresh);
                }
            }
        }
    }

    /// Where `mac` was last seen, if that is not too long ago \[P-8.12\].
    pub(super) fn lookup(&self, now: Duration, mac: MacAddr, vlan: u16) -> Option<u32> {
        let key = key(mac, vlan);
        let bucket = self.buckets.get(self.index(key))?;
        let entry = bucket.iter().flatten().find(|entry| entry.key == key)?;
        (now.saturating_sub(entry.seen) < self.ageing).then_some(entry.port)
    }

    /// Nobody lives on `port` any more \[P-7.9\].
    pub(super) fn forget_port(&mut self, port: u32) {
        for place in self.buckets.iter_mut().flatten() {
            if place.is_some_and(|entry| entry.port == port) {
                *place = None;
            }
        }
    }

    fn bucket_mut(&mut self, key: u64) -> Option<&mut [Option<Entry>; WAYS]> {
        let index = self.index(key);
        self.buckets.get_mut(index)
    }

    /// Multiplicative hashing: the product's upper bits depend on all bits of the key.
    fn index(&self, key: u64) -> usize {
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let buckets = self.buckets.len() as u64;
        usize::try_from((hash * buckets) >> 32).unwrap_or(0)
    }
}

fn key(mac: MacAddr, vlan: u16) -> u64 {
    let [a, b, c, d, e, f] = mac.octets();
    let [high, low] = vlan.to_be_bytes();
    u64::from_be_bytes([high, low, a, b, c, d, e, f])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switch::Personality;

    const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);

    fn table(hash_size: usize) -> MacTable {
        MacTable::new(&SwitchConfig { hash_size, ..SwitchConfig::new(Personality::Old) })
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn an_address_is_known_for_100_seconds_after_it_was_last_seen() {
        let mut table = table(16);
        table.learn(ms(0), A, 0, 1);
        table.learn(ms(5_000), A, 0, 1);
        assert_eq!(table.lookup(ms(104_999), A, 0), Some(1));
        assert_eq!(table.lookup(ms(105_000), A, 0), None);
    }

    #[test]
    fn an_address_moves_only_after_more_than_3_seconds_of_silence() {
        let mut table = table(16);
        table.learn(ms(0), A, 0, 1);
        table.learn(ms(3_000), A, 0, 2);
        assert_eq!(table.lookup(ms(3_000), A, 0), Some(1));
        table.learn(ms(3_001), A, 0, 2);
        assert_eq!(table.lookup(ms(3_001), A, 0), Some(2));
    }

    #[test]
    fn a_refused_move_does_not_count_as_being_seen() {
        let mut table = table(16);
        table.learn(ms(0), A, 0, 1);
        for step in 1..=30 {
            table.learn(ms(step * 100), A, 0, 2);
        }
        table.learn(ms(3_001), A, 0, 2);
        assert_eq!(table.lookup(ms(3_001), A, 0), Some(2));
    }

    #[test]
    fn the_same_address_in_two_vlans_is_two_addresses() {
        let mut table = table(16);
        table.learn(ms(0), A, 0, 1);
        table.learn(ms(0), A, 7, 2);
        assert_eq!(table.lookup(ms(0), A, 0), Some(1));
        assert_eq!(table.lookup(ms(0), A, 7), Some(2));
        assert_eq!(table.lookup(ms(0), A, 8), None);
    }

    #[test]
    fn a_port_is_forgotten_with_all_its_addresses_and_no_others() {
        let mut table = table(64);
        for last in 0..4 {
            table.learn(ms(0), MacAddr::new([2, 0, 0, 0, 0, last]), 0, u32::from(last % 2));
        }
        table.forget_port(1);
        for last in 0..4 {
            let known = table.lookup(ms(0), MacAddr::new([2, 0, 0, 0, 0, last]), 0);
            assert_eq!(known, (last % 2 == 0).then_some(0));
        }
    }

    #[test]
    fn a_full_bucket_forgets_the_address_not_seen_for_longest() {
        let mut table = table(1);
        assert_eq!(table.buckets.len(), 1);
        let macs = [1, 2, 3, 4, 5].map(|last| MacAddr::new([2, 0, 0, 0, 0, last]));
        for (second, mac) in (0..).zip(&macs[..4]) {
            table.learn(ms(second), *mac, 0, 1);
        }
        table.learn(ms(4), macs[0], 0, 1);
        table.learn(ms(5), macs[4], 0, 1);
        let known = macs.map(|mac| table.lookup(ms(5), mac, 0).is_some());
        assert_eq!(known, [true, false, true, true, true]);
    }

    #[test]
    fn no_flood_of_addresses_makes_the_table_grow() {
        let mut table = table(64);
        for number in 0..10_000_u32 {
            let [a, b, c, d] = number.to_be_bytes();
            table.learn(ms(0), MacAddr::new([2, 0, a, b, c, d]), 0, 1);
        }
        assert_eq!(table.buckets.len() * WAYS, 64);
        let used = table.buckets.iter().flatten().flatten().count();
        assert!(used > 60, "the addresses should spread over the buckets: {used} of 64 in use");
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let mut table = table(16);
        table.learn(ms(5_000), A, 0, 1);
        table.learn(ms(0), A, 0, 2);
        assert_eq!(table.lookup(ms(0), A, 0), Some(1));
    }

    #[test]
    fn every_configured_size_gives_a_table() {
        for (asked, pairs) in [(0, 4), (4, 4), (5, 8), (1000, 1024), (usize::MAX, MAX_PAIRS)] {
            assert_eq!(table(asked).buckets.len() * WAYS, pairs);
        }
    }
}
