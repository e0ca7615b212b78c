//! Fields of a message by named ranges: what is missing is `None`, what is too long is cut, nothing panics.

use core::ops::Range;

/// The bytes of `field`, if the message holds all of them and they are `N`.
pub(super) fn take<const N: usize>(message: &[u8], field: Range<usize>) -> Option<[u8; N]> {
    message.get(field)?.try_into().ok()
}

/// Writes `value` at the start of `field` and zeros after it, so that no byte of the field keeps
/// what the buffer held before.
pub(super) fn put(message: &mut [u8], field: Range<usize>, value: &[u8]) {
    let padded = value.iter().copied().chain(core::iter::repeat(0));
    for (slot, byte) in message.get_mut(field).into_iter().flatten().zip(padded) {
        *slot = byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_beyond_the_message_is_none() {
        assert_eq!(take::<4>(&[1, 2, 3], 0..4), None);
        assert_eq!(take::<2>(&[1, 2, 3], 1..3), Some([2, 3]));
    }

    #[test]
    fn a_short_value_is_padded_with_zeros_and_neighbours_are_left_alone() {
        let mut message = [0xa5; 6];
        put(&mut message, 1..5, &[1, 2]);
        assert_eq!(message, [0xa5, 1, 2, 0, 0, 0xa5]);
    }

    #[test]
    fn a_long_value_is_cut_at_the_end_of_its_field() {
        let mut message = [0xa5; 3];
        put(&mut message, 0..2, &[1, 2, 3]);
        assert_eq!(message, [1, 2, 0xa5]);
    }
}
