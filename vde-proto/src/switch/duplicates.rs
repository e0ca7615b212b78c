//! Addresses that two ports claim at once: two stations that do not know of each other, or a loop.
//!
//! A station that moves goes from one port to another, and stays. Where frames of one address come from
//! one port, then from another, and then from the first again within [`WINDOW`], and nobody left either
//! meanwhile, there are two of them.
//! What is remembered of moves is bounded, an address is told of again only after [`AGAIN`], and in that time
//! no more than [`REMEMBERED`] are.

use alloc::collections::VecDeque;

use super::ports::PortSlot;
use crate::wire::MacAddr;

/// How soon an address has to be back where it was, in nanoseconds.
const WINDOW: u64 = 10_000_000_000;

/// How long nothing is said of an address that was told of, in nanoseconds.
const AGAIN: u64 = 300_000_000_000;

/// How many moves, and how many addresses that were told of, are remembered.
const REMEMBERED: usize = 16;

/// An address that was seen on two ports in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Duplicate {
    /// The address.
    pub mac: MacAddr,
    /// In this VLAN; 0 for frames without a tag.
    pub vlan: u16,
    /// The numbers of the ports.
    pub ports: [u32; 2],
}

/// An address went from one port to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub(super) at: u64,
    pub(super) mac: MacAddr,
    pub(super) vlan: u16,
    pub(super) from: PortSlot,
    pub(super) to: PortSlot,
}

#[derive(Debug, Clone)]
pub(super) struct Duplicates {
    moves: VecDeque<Move>,
    told: VecDeque<(u64, MacAddr, u16)>,
    /// What is to be told next.
    found: Option<Move>,
}

impl Duplicates {
    /// With room for all that is remembered: forwarding allocates nothing.
    pub(super) fn new() -> Self {
        let (moves, told) =
            (VecDeque::with_capacity(REMEMBERED), VecDeque::with_capacity(REMEMBERED));
        Self { moves, told, found: None }
    }

    /// Takes note of a move.
    pub(super) fn note(&mut self, new: Move) {
        let is_back = |old: &Move| {
            let is_it = (old.mac, old.vlan) == (new.mac, new.vlan);
            is_it && old.from == new.to && new.at.saturating_sub(old.at) < WINDOW
        };
        if self.found.is_none() && self.moves.iter().any(is_back) && self.may_tell(&new) {
            self.found = Some(new);
        }
        if self.moves.len() == REMEMBERED {
            self.moves.pop_front();
        }
        self.moves.push_back(new);
    }

    /// Nobody is on this port any more: what came from there and comes from elsewhere now has moved.
    pub(super) fn forget_port(&mut self, port: PortSlot) {
        self.moves.retain(|old| old.from != port && old.to != port);
    }

    /// Whether this address was not told of for a while, and neither were so many others that whoever
    /// listens has enough to do: stations can make up addresses without end.
    fn may_tell(&mut self, new: &Move) -> bool {
        self.told.retain(|(at, ..)| new.at.saturating_sub(*at) < AGAIN);
        let is_it = |(_, mac, vlan): &(u64, MacAddr, u16)| (*mac, *vlan) == (new.mac, new.vlan);
        self.told.len() < REMEMBERED && !self.told.iter().any(is_it)
    }

    /// What was found since the last time.
    pub(super) fn take(&mut self) -> Option<Move> {
        let found = self.found.take()?;
        self.told.push_back((found.at, found.mac, found.vlan));
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: PortSlot = PortSlot::FIRST;
    const TWO: PortSlot = PortSlot::FIRST.next();
    const SECOND: u64 = 1_000_000_000;

    fn mac(last: u8) -> MacAddr {
        MacAddr::new([2, 0, 0, 0, 0, last])
    }

    fn moved(at: u64, last: u8, from: PortSlot, to: PortSlot) -> Move {
        Move { at: at * SECOND, mac: mac(last), vlan: 0, from, to }
    }

    #[test]
    fn who_moves_and_stays_is_one_and_who_is_back_at_once_is_two() {
        let mut duplicates = Duplicates::new();
        duplicates.note(moved(0, 1, ONE, TWO));
        assert!(duplicates.take().is_none());
        duplicates.note(moved(9, 1, TWO, ONE));
        assert!(duplicates.take().is_some_and(|found| found.mac == mac(1)));
        assert!(duplicates.take().is_none());
        duplicates.note(moved(0, 2, ONE, TWO));
        duplicates.note(moved(11, 2, TWO, ONE));
        assert!(duplicates.take().is_none(), "it moved, and moved back later");
    }

    #[test]
    fn an_address_is_told_of_once_in_a_while_and_every_vlan_has_its_own() {
        let mut duplicates = Duplicates::new();
        for at in 0..300 {
            let [from, to] = if at % 2 == 0 { [ONE, TWO] } else { [TWO, ONE] };
            duplicates.note(moved(at, 1, from, to));
            assert_eq!(duplicates.take().is_some(), at == 1, "{at}");
            duplicates.note(Move { vlan: 7, ..moved(at, 1, ONE, TWO) });
            assert!(duplicates.take().is_none());
        }
        duplicates.note(moved(302, 1, TWO, ONE));
        duplicates.note(moved(303, 1, ONE, TWO));
        assert!(duplicates.take().is_some());
    }

    #[test]
    fn who_leaves_a_port_is_not_there_any_more() {
        let mut duplicates = Duplicates::new();
        duplicates.note(moved(0, 1, ONE, TWO));
        duplicates.forget_port(ONE);
        duplicates.note(moved(1, 1, TWO, ONE));
        assert!(duplicates.take().is_none(), "it came back");
    }

    #[test]
    fn however_many_addresses_somebody_makes_up_little_is_remembered_and_little_is_told() {
        let mut duplicates = Duplicates::new();
        let mut told = 0;
        for round in 0..10 {
            for last in 0..=255 {
                duplicates.note(moved(round, last, ONE, TWO));
                duplicates.note(moved(round, last, TWO, ONE));
                told += usize::from(duplicates.take().is_some());
            }
        }
        assert_eq!(
            (duplicates.moves.len(), duplicates.told.len(), told),
            (REMEMBERED, REMEMBERED, REMEMBERED)
        );
        duplicates.note(moved(310, 1, ONE, TWO));
        duplicates.note(moved(310, 1, TWO, ONE));
        assert!(duplicates.take().is_some(), "later there is time for it");
    }

    #[test]
    fn one_that_is_not_asked_for_is_not_lost_by_another() {
        let mut duplicates = Duplicates::new();
        for last in [1, 2, 2, 2] {
            duplicates.note(moved(0, last, ONE, TWO));
            duplicates.note(moved(0, last, TWO, ONE));
        }
        assert!(duplicates.take().is_some_and(|found| found.mac == mac(1)));
        duplicates.note(moved(1, 2, ONE, TWO));
        assert!(duplicates.take().is_some_and(|found| found.mac == mac(2)), "it goes on");
    }
}
