//! Forwarding a frame allocates nothing: counted, not believed.
#![expect(unsafe_code, reason = "only a global allocator sees every allocation")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use vde_proto::MacAddr;
use vde_proto::switch::{Personality, SwitchConfig};

use crate::net::{Net, frame, mac};

thread_local! {
    /// Per thread, since other tests run at the same time.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// What is allocated and not yet freed, in bytes; below zero if others freed more.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn size(layout: Layout) -> isize {
    isize::try_from(layout.size()).unwrap_or(isize::MAX)
}

struct Counting;

// SAFETY: everything is left to the system's allocator. The counter needs no allocation itself: it
// is initialised by a constant and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        HELD.with(|held| held.set(held.get() + size(layout)));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.with(|held| held.set(held.get() - size(layout)));
        // SAFETY: the caller keeps the contract, and `alloc` is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(act: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    act();
    ALLOCATIONS.get() - before
}

#[test]
fn a_switch_with_256_ports_and_10000_addresses_takes_less_than_2_megabytes() {
    let before = HELD.get();
    let config = SwitchConfig { ports: 256, hash_size: 10_000, ..Default::default() };
    let mut net = Net::new(config);
    let ends: Vec<_> = (1..=256).map(|port| net.join(port).1).collect();
    let mut to = Vec::new();
    for (number, &end) in (0..10_000_u16).zip(ends.iter().cycle()) {
        let [high, low] = number.to_be_bytes();
        let src = MacAddr::new([2, 0, 0, 0, high, low]);
        net.switch.forward(net.now, end, &frame(MacAddr::BROADCAST, src, None, &[]), &mut to);
    }
    let held = HELD.get() - before;
    assert_eq!(net.switch.addresses(net.now).count(), 10_000);
    assert!(held < 2_000_000, "{held} bytes");
}

#[test]
fn the_counter_sees_an_allocation() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8; 100]))), 1);
}

#[test]
fn forwarding_allocates_nothing() {
    for personality in [Personality::Old, Personality::New, Personality::Strict] {
        for hub in [false, true] {
            let mut net = Net::new(SwitchConfig { hub, ..SwitchConfig::new(personality) });
            let ends: Vec<_> = (1..10).map(|port| net.join(port).1).collect();
            let mut frames = Vec::new();
            for last in 0..=255 {
                for tag in [None, Some(0), Some(7)] {
                    for len in [0, 100, 1600] {
                        frames.push(frame(mac(last), mac(last ^ 1), tag, &vec![0; len]));
                    }
                    frames.push(frame(MacAddr::BROADCAST, mac(last), tag, &[]));
                }
            }
            let mut to = Vec::with_capacity(ends.len());
            let mut delivered = 0;
            let count = allocations(|| {
                for (index, frame) in frames.iter().enumerate() {
                    let from = ends[index % ends.len()];
                    let forwarded = net.switch.forward(net.now, from, frame, &mut to);
                    delivered += forwarded.len() * to.len();
                }
            });
            assert_eq!(count, 0, "{personality:?}, hub {hub}");
            assert!(delivered > 100_000);
        }
    }
}
