//! Which (MAC, VLAN) lives on which port: a table of fixed size, so that no guest can make it grow.
//!
//! Each pair has a bucket of four places, and a second one for when the first is full. If both are,
//! a pair there moves to its own other bucket. There are twice as many places as pairs asked for, so
//! that this is always possible until there are far more pairs than that; then the one that was not
//! seen for the longest time makes room, and its frames are flooded, as those of any unknown address.
//!
//! A port is forgotten by ending its *epoch*: what was learned in an earlier one is not there any
//! more. That takes no walk through the table, however many ports leave at once.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::personality::SwitchConfig;
use super::ports::PortSlot;
use crate::wire::MacAddr;

const WAYS: usize = 4;
/// Keeps the memory of a mistaken configuration within reason: 2^20 pairs take 48 MiB.
const MAX_PAIRS: usize = 1 << 20;

#[derive(Debug, Clone)]
pub(super) struct MacTable {
    buckets: Vec<[Entry; WAYS]>,
    /// Their number, a power of two, less one.
    mask: u64,
    /// The present epoch of each port, by slot; the first is 1.
    epochs: Vec<u32>,
    /// In [nanoseconds](nanos), as all times here.
    ageing: u64,
    min_persistence: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: u64,
    seen: u64,
    port: PortSlot,
    /// 0 for an empty place.
    epoch: u32,
}

/// An address that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) bucket: usize,
    pub(super) mac: MacAddr,
    pub(super) vlan: u16,
    pub(super) port: PortSlot,
    /// How long ago it was seen.
    pub(super) age: Duration,
}

impl MacTable {
    pub(super) fn new(config: &SwitchConfig) -> Self {
        let pairs = config.hash_size.clamp(1, MAX_PAIRS).next_power_of_two();
        let places = pairs.saturating_mul(2).max(2 * WAYS);
        let empty = Entry { key: 0, seen: 0, port: PortSlot::FIRST, epoch: 0 };
        Self {
            buckets: vec![[empty; WAYS]; places / WAYS],
            mask: (places / WAYS) as u64 - 1,
            epochs: Vec::new(),
            ageing: nanos(config.ageing),
            min_persistence: nanos(config.min_persistence),
        }
    }

    pub(super) fn set_ageing(&mut self, ageing: Duration) {
        self.ageing = nanos(ageing);
    }

    pub(super) fn set_min_persistence(&mut self, min_persistence: Duration) {
        self.min_persistence = nanos(min_persistence);
    }

    /// Addresses will be learned on `port`: learning itself allocates nothing.
    pub(super) fn prepare_port(&mut self, port: PortSlot) {
        if self.epochs.len() <= port.index() {
            self.epochs.resize(port.index() + 1, 1);
        }
    }

    /// A frame of `mac` came in at `port` \[P-8.11\] \[P-8.13\]. Returns where it lived until now, if
    /// that is another port.
    pub(super) fn learn(
        &mut self,
        now: u64,
        mac: MacAddr,
        vlan: u16,
        port: PortSlot,
    ) -> Option<PortSlot> {
        let Self { ageing, min_persistence, .. } = *self;
        let &epoch = self.epochs.get(port.index())?;
        let key = key(mac, vlan);
        let fresh = Entry { key, seen: now, port, epoch };
        let Some(place) = self.find(key) else {
            self.insert(fresh);
            return None;
        };
        let entry = self.entry(place)?;
        let idle = now.saturating_sub(entry.seen);
        if entry.port == port {
            self.put(place, fresh);
        } else if min_persistence == 0 || idle > min_persistence || idle >= ageing {
            self.put(place, fresh);
            return Some(entry.port);
        }
        None
    }

    /// Where `mac` was last seen, if that is not too long ago \[P-8.12\].
    pub(super) fn lookup(&self, now: u64, mac: MacAddr, vlan: u16) -> Option<PortSlot> {
        let entry = self.entry(self.find(key(mac, vlan))?)?;
        (now.saturating_sub(entry.seen) < self.ageing).then_some(entry.port)
    }

    /// Nobody lives on `port` any more \[P-7.9\].
    pub(super) fn forget_port(&mut self, port: PortSlot) {
        if let Some(epoch) = self.epochs.get_mut(port.index()) {
            *epoch = epoch.wrapping_add(1).max(1);
        }
    }

    /// Nobody lives anywhere any more.
    pub(super) fn forget_all(&mut self) {
        for place in self.buckets.iter_mut().flatten() {
            place.epoch = 0;
        }
    }

    /// What is known of an address.
    pub(super) fn known(&self, now: u64, mac: MacAddr, vlan: u16) -> Option<Known> {
        let place = self.find(key(mac, vlan))?;
        self.shown(now, place.0, self.entry(place)?)
    }

    /// All addresses that are known, by bucket.
    pub(super) fn iter(&self, now: u64) -> impl Iterator<Item = Known> {
        self.buckets.iter().enumerate().flat_map(move |(bucket, entries)| {
            let live = entries.iter().filter(|entry| self.is_live(entry));
            live.filter_map(move |entry| self.shown(now, bucket, *entry))
        })
    }

    fn shown(&self, now: u64, bucket: usize, entry: Entry) -> Option<Known> {
        let age = now.saturating_sub(entry.seen);
        let [vlan @ .., a, b, c, d, e, f] = entry.key.to_be_bytes();
        (age < self.ageing).then_some(Known {
            bucket,
            mac: MacAddr::new([a, b, c, d, e, f]),
            vlan: u16::from_be_bytes(vlan),
            port: entry.port,
            age: Duration::from_nanos(age),
        })
    }

    fn is_live(&self, entry: &Entry) -> bool {
        self.epochs.get(entry.port.index()) == Some(&entry.epoch)
    }

    /// Bucket and place of a pair.
    fn find(&self, key: u64) -> Option<(usize, usize)> {
        let [first, second] = self.homes(key);
        self.find_in(first, key).or_else(|| self.find_in(second, key))
    }

    fn find_in(&self, bucket: usize, key: u64) -> Option<(usize, usize)> {
        let entries = self.buckets.get(bucket)?;
        let way = entries.iter().position(|entry| entry.key == key && self.is_live(entry))?;
        Some((bucket, way))
    }

    /// Puts in a pair that is not there: at a free place; or at that of a pair whose other bucket has
    /// one; or instead of the oldest.
    fn insert(&mut self, fresh: Entry) {
        let now = fresh.seen;
        let homes = self.homes(fresh.key);
        if let Some(free) = homes.into_iter().find_map(|bucket| self.free_in(bucket, now)) {
            return self.put(free, fresh);
        }
        let places = homes.into_iter().flat_map(|bucket| (0..WAYS).map(move |way| (bucket, way)));
        let moves = places.clone().find_map(|place| {
            let entry = self.entry(place)?;
            let mut others = self.homes(entry.key).into_iter().filter(|&home| home != place.0);
            Some((place, others.find_map(|home| self.free_in(home, now))?, entry))
        });
        if let Some((place, free, entry)) = moves {
            self.put(free, entry);
            self.put(place, fresh);
        } else if let Some(oldest) = places.min_by_key(|&place| self.entry(place).map(|e| e.seen)) {
            self.put(oldest, fresh);
        }
    }

    /// A place in this bucket where nobody is known.
    fn free_in(&self, bucket: usize, now: u64) -> Option<(usize, usize)> {
        let is_free =
            |entry: &Entry| !self.is_live(entry) || now.saturating_sub(entry.seen) >= self.ageing;
        Some((bucket, self.buckets.get(bucket)?.iter().position(is_free)?))
    }

    fn entry(&self, (bucket, way): (usize, usize)) -> Option<Entry> {
        self.buckets.get(bucket)?.get(way).copied()
    }

    fn put(&mut self, (bucket, way): (usize, usize), entry: Entry) {
        if let Some(place) = self.buckets.get_mut(bucket).and_then(|places| places.get_mut(way)) {
            *place = entry;
        }
    }

    /// The two buckets of a pair. Multiplied twice, with the upper bits folded down in between, every
    /// bit of the key changes both: addresses that count up, in whichever byte, spread.
    fn homes(&self, key: u64) -> [usize; 2] {
        let mut hash = (key ^ (key >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ (hash >> 29)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash ^= hash >> 32;
        [hash, hash >> 32].map(|half| usize::try_from(half & self.mask).unwrap_or(0))
    }
}

fn key(mac: MacAddr, vlan: u16) -> u64 {
    let [a, b, c, d, e, f] = mac.octets();
    let [high, low] = vlan.to_be_bytes();
    u64::from_be_bytes([high, low, a, b, c, d, e, f])
}

/// A time in one word: the range is 584 years.
pub(super) fn nanos(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()))
}

#[cfg(test)]
mod tests;
