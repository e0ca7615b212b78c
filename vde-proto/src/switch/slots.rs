//! Things that come and go, each kept at one place of a vector while it is there.

use alloc::vec::Vec;

#[derive(Debug, Clone)]
pub(super) struct Slots<T> {
    places: Vec<Option<T>>,
    /// Which of them are empty.
    vacant: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { places: Vec::new(), vacant: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// How many things there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    /// Where the next thing will be put.
    pub(super) fn next(&self) -> u32 {
        // So many things do not fit into any memory.
        let end = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.vacant.last().copied().unwrap_or(end)
    }

    /// Puts a thing at the [next](Self::next) place, which is returned.
    pub(super) fn insert(&mut self, thing: T) -> u32 {
        let place = self.next();
        if self.vacant.pop().is_none() {
            self.places.push(None);
        }
        if let Some(vacant) = self.places.get_mut(place as usize) {
            *vacant = Some(thing);
        }
        place
    }

    pub(super) fn remove(&mut self, place: u32) -> Option<T> {
        let thing = self.places.get_mut(place as usize)?.take()?;
        self.vacant.push(place);
        Some(thing)
    }

    pub(super) fn get(&self, place: u32) -> Option<&T> {
        self.places.get(place as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.places.get_mut(place as usize)?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_stays_where_it_was_put_and_its_place_is_given_out_again() {
        let mut slots = Slots::default();
        let places = ["a", "b", "c"].map(|thing| slots.insert(thing));
        assert_eq!((places, slots.len()), ([0, 1, 2], 3));
        assert_eq!(slots.remove(1), Some("b"));
        assert_eq!((slots.remove(1), slots.get(1), slots.len()), (None, None, 2));
        assert_eq!((slots.get(0), slots.get(2)), (Some(&"a"), Some(&"c")));
        assert_eq!(slots.next(), 1);
        assert_eq!(slots.insert("d"), 1);
        assert_eq!(slots.insert("e"), 3);
        assert_eq!((slots.get(1), slots.get(4)), (Some(&"d"), None));
    }
}
