//! The frames that are sent: local experimental ethertype, two fixed stations, or to everybody.

/// A hardware address.
pub type Mac = [u8; 6];

/// The station that sends first.
pub const NEAR: Mac = [2, 0, 0, 0, 0, 1];
/// The station that hears and answers.
pub const FAR: Mac = [2, 0, 0, 0, 0, 2];

const EVERYBODY: Mac = [0xff; 6];
const EXPERIMENTAL: [u8; 2] = [0x88, 0xb5];

/// A frame of `length` bytes from a station to another.
#[must_use]
pub fn frame(to: Mac, from: Mac, length: usize) -> Vec<u8> {
    let mut frame = vec![0; length];
    let header = to.into_iter().chain(from).chain(EXPERIMENTAL);
    frame.iter_mut().zip(header).for_each(|(byte, value)| *byte = value);
    frame
}

/// A frame to everybody, of `length` bytes.
#[must_use]
pub fn broadcast(length: usize) -> Vec<u8> {
    frame(EVERYBODY, NEAR, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_its_addresses_and_its_length() {
        let bytes = frame(FAR, NEAR, 64);
        assert_eq!((&bytes[..6], &bytes[6..12], bytes.len()), (&FAR[..], &NEAR[..], 64));
        assert_eq!(broadcast(9000)[..6], [0xff; 6]);
    }
}
