//! Requests of both versions: fields, lengths, refusals, round trips.

use proptest::prelude::*;
use vde_proto::wire::ADDRESS_LEN;
use vde_proto::{
    AbstractName, AddressError, ClientAddress, MacAddr, PortNumber, PortRequest, RawDescription,
    Request, RequestError, SocketPath, Version,
};

fn address() -> ClientAddress {
    ClientAddress::Path(SocketPath::new("/run/vde/.00042-00000").unwrap())
}

fn v3(description: &[u8]) -> Request {
    let port = PortRequest::Number(PortNumber::new(3).unwrap());
    Request::new(port, address(), RawDescription::new(description))
}

fn v1(description: &[u8]) -> Request {
    let mac = MacAddr::new([1, 2, 3, 4, 5, 6]);
    Request::version_1(true, mac, address(), RawDescription::new(description))
}

/// A request with one 32-bit word replaced.
fn with_word(request: &Request, at: usize, word: u32) -> Vec<u8> {
    let mut bytes = request.emit();
    bytes[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    bytes
}

#[test]
fn the_fields_of_version_3_stand_where_the_specification_puts_them() {
    let bytes = v3(b"me").emit();
    assert_eq!(bytes.len(), 124);
    assert_eq!(bytes[0..4], 0xfeed_face_u32.to_ne_bytes());
    assert_eq!(bytes[4..8], 3_u32.to_ne_bytes());
    assert_eq!(bytes[8..12], 0x300_u32.to_ne_bytes());
    assert_eq!(bytes[12..14], 1_u16.to_ne_bytes());
    assert_eq!(&bytes[14..36], b"/run/vde/.00042-00000\0");
    assert!(bytes[36..122].iter().all(|&byte| byte == 0));
    assert_eq!(&bytes[122..], b"me");
}

#[test]
fn the_fields_of_version_1_stand_where_the_specification_puts_them() {
    let bytes = v1(b"me").emit();
    assert_eq!(bytes.len(), 126);
    assert_eq!(bytes[0..4], 0xfeed_face_u32.to_ne_bytes());
    assert_eq!(bytes[4..8], 1_u32.to_ne_bytes());
    assert_eq!(bytes[8..14], [1, 2, 3, 4, 5, 6]);
    assert_eq!(bytes[14..124], address().emit());
    assert_eq!(&bytes[124..], b"me");
}

#[test]
fn a_request_written_over_old_bytes_has_none_of_them() {
    for request in [v3(b""), v3(b"me"), v1(b""), v1(b"me")] {
        let mut buffer = [0xa5; Request::MAX_LEN];
        let len = request.emit_into(&mut buffer);
        assert_eq!(buffer[..len], request.emit());
        assert!(buffer[len..].iter().all(|&byte| byte == 0xa5));
    }
}

#[test]
fn a_request_that_is_cut_short_is_refused_at_every_length() {
    for (request, min) in [(v3(b""), 122), (v1(b""), 124)] {
        let bytes = request.emit();
        assert_eq!((bytes.len(), request.version.min_len()), (min, min));
        for got in 0..min {
            match Request::parse(&bytes[..got]) {
                // Before the version is there, its length is a guess.
                Err(RequestError::Truncated { got: told, need }) => {
                    assert_eq!(told, got);
                    assert!(need == min || got < 8);
                }
                other => panic!("{got} bytes: {other:?}"),
            }
        }
        assert_eq!(Request::parse(&bytes), Ok(request));
    }
}

#[test]
fn a_description_may_take_what_is_left_of_256_bytes_and_no_more() {
    for (request, room) in [(v3(&[b'd'; 134]), 134), (v1(&[b'd'; 134]), 132)] {
        let bytes = request.emit();
        assert_eq!(bytes.len(), Request::MAX_LEN);
        let description = Request::parse(&bytes).unwrap().description;
        assert_eq!(description.as_bytes(), vec![b'd'; room]);
        let longer = [&bytes[..], b"d"].concat();
        assert_eq!(Request::parse(&longer), Err(RequestError::TooLong { got: 257 }));
    }
}

#[test]
fn a_description_ends_at_its_first_nul() {
    let bytes = [&v3(b"me").emit()[..], b"\0junk"].concat();
    assert_eq!(Request::parse(&bytes), Ok(v3(b"me")));
}

#[test]
fn a_wrong_or_swapped_magic_number_is_refused_and_named() {
    for magic in [0, 0xfeed_facf, 0xfeed_face_u32.swap_bytes()] {
        let bytes = with_word(&v3(b""), 0, magic);
        assert_eq!(Request::parse(&bytes), Err(RequestError::Magic(magic)));
    }
}

#[test]
fn only_versions_1_and_3_exist() {
    for version in [2, 4, 5, 0x300, u32::MAX] {
        let bytes = with_word(&v3(b""), 4, version);
        assert_eq!(Request::parse(&bytes), Err(RequestError::Version(version)));
    }
    for (word, port) in [(0, PortRequest::Any), (1, PortRequest::Zero)] {
        let request = Request::parse(&with_word(&v1(b""), 4, word)).unwrap();
        assert_eq!((request.version, request.port), (Version::V1, port));
    }
}

#[test]
fn a_port_asked_for_in_version_1_makes_it_an_unknown_version() {
    let mut request = v1(b"");
    request.port = PortRequest::Number(PortNumber::new(3).unwrap());
    assert_eq!(Request::parse(&request.emit()), Err(RequestError::Version(0x300)));
}

#[test]
fn every_unknown_type_is_refused() {
    for low in 2..=255_u8 {
        let bytes = with_word(&v3(b""), 8, u32::from(low) | 0x300);
        assert_eq!(Request::parse(&bytes), Err(RequestError::Type(low)));
    }
}

#[test]
fn an_address_that_makes_no_sense_is_refused() {
    let mut bytes = v3(b"").emit();
    bytes[12..14].copy_from_slice(&2_u16.to_ne_bytes());
    let family = RequestError::Address(AddressError::Family(2));
    assert_eq!(Request::parse(&bytes), Err(family));

    let mut bytes = v3(b"").emit();
    bytes[14..122].fill(b'/');
    let endless = RequestError::Address(AddressError::Unterminated);
    assert_eq!(Request::parse(&bytes), Err(endless));
}

#[test]
fn of_several_faults_the_one_that_a_switch_sees_first_is_reported() {
    let mut bytes = with_word(&v3(b""), 8, 2);
    bytes[12] = 9;
    assert_eq!(Request::parse(&bytes), Err(RequestError::Type(2)));
    bytes[4] = 2;
    assert!(matches!(Request::parse(&bytes), Err(RequestError::Version(_))));
    bytes[0] ^= 1;
    assert!(matches!(Request::parse(&bytes), Err(RequestError::Magic(_))));
}

fn addresses() -> impl Strategy<Value = ClientAddress> {
    prop_oneof![
        Just(ClientAddress::Unnamed),
        prop::collection::vec(1..=u8::MAX, 1..=107)
            .prop_map(|path| ClientAddress::Path(SocketPath::new(path).unwrap())),
        prop::array::uniform32(any::<u8>())
            .prop_filter_map("a name", |name| AbstractName::padded(&name))
            .prop_map(ClientAddress::Abstract),
    ]
}

fn ports() -> impl Strategy<Value = PortRequest> {
    prop_oneof![
        Just(PortRequest::Any),
        Just(PortRequest::Zero),
        (1..=PortNumber::MAX.get())
            .prop_map(|number| PortRequest::Number(PortNumber::new(number).unwrap())),
    ]
}

proptest! {
    #[test]
    fn every_request_of_version_3_survives_a_round_trip(
        port in ports(), address in addresses(),
        description in prop::collection::vec(1..=u8::MAX, 0..=134),
    ) {
        let request = Request::new(port, address, RawDescription::new(description));
        prop_assert_eq!(Request::parse(&request.emit()), Ok(request));
    }

    #[test]
    fn every_request_of_version_1_survives_a_round_trip(
        zero: bool, mac: [u8; 6], address in addresses(),
        description in prop::collection::vec(1..=u8::MAX, 0..=132),
    ) {
        let description = RawDescription::new(description);
        let request = Request::version_1(zero, MacAddr::new(mac), address, description);
        prop_assert_eq!(Request::parse(&request.emit()), Ok(request));
    }

    #[test]
    fn what_can_be_read_from_random_bytes_means_the_same_when_written_again(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300), version in 0..4_u32, low in 0..3_u8,
    ) {
        // Make the beginning likely, and leave the rest to chance.
        for (slot, byte) in bytes.iter_mut().zip(Request::MAGIC.to_ne_bytes().into_iter().chain(version.to_ne_bytes())) {
            *slot = byte;
        }
        if let (3, Some(slot)) = (version, bytes.get_mut(if cfg!(target_endian = "little") { 8 } else { 11 })) {
            *slot = low;
        }
        let address_at = if version == 3 { 12 } else { 14 };
        for (slot, byte) in bytes.iter_mut().skip(address_at).zip(1_u16.to_ne_bytes()) {
            *slot = byte;
        }
        if let Some(end) = bytes.get_mut(address_at + ADDRESS_LEN - 1) {
            *end = 0;
        }
        if let Ok(request) = Request::parse(&bytes) {
            prop_assert_eq!(Request::parse(&request.emit()), Ok(request));
        }
    }
}
