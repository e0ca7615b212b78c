//! The request of a client, as a switch reads it.
//!
//! The offsets stand here once more, on purpose: the specification is checked, not the parser
//! against itself.

use vde_proto::{ClientAddress, Description, PortRequest, Request, RequestError, Version};

/// Reads `data` as a request and holds the outcome to the specification (sections 2 to 4).
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    match Request::parse(data) {
        Ok(request) => accepted(data, &request),
        Err(error) => refused(data, error),
    }
}

fn accepted(data: &[u8], request: &Request) {
    assert!(data.len() <= Request::MAX_LEN);
    assert_eq!(word(data, 0), Some(Request::MAGIC));
    let (type_at, address_at) = match request.version {
        Version::V3 => (8, 12),
        Version::V1 => (4, 14),
    };
    let end = address_at + 110;
    assert_eq!(end, request.version.min_len());
    let type_word = word(data, type_at).unwrap();
    assert_eq!(request.port, port(type_word));
    assert_eq!(request.mac.map(|mac| mac.octets().to_vec()), v1_mac(data, request.version));
    let (family, path) = data[address_at..end].split_at(2);
    assert_eq!(family, 1_u16.to_ne_bytes());
    assert_eq!(request.address.emit()[2..], *meant(path), "{request:?}");
    match &request.address {
        ClientAddress::Path(_) => assert_ne!(path[0], 0),
        ClientAddress::Abstract(_) => assert!(path[0] == 0 && path[1..].iter().any(|&b| b != 0)),
        ClientAddress::Unnamed => assert!(path.iter().all(|&byte| byte == 0)),
    }
    let description = up_to_nul(&data[end..]);
    assert_eq!(request.description.as_bytes(), description);

    // Written again it is the same, with what means nothing put to zero.
    let emitted = request.emit();
    assert_eq!(emitted.len(), end + description.len());
    assert_eq!(Request::parse(&emitted).as_ref(), Ok(request));
    assert_eq!(emitted[..type_at], data[..type_at]);
    assert_eq!(emitted[type_at + 4..address_at], data[type_at + 4..address_at]);
    if emitted[type_at..type_at + 4] != data[type_at..type_at + 4] {
        assert_eq!(request.port, PortRequest::Zero, "only port 0 has several spellings");
    }
    let mut dirty = [0xa5; Request::MAX_LEN];
    let len = request.emit_into(&mut dirty);
    assert_eq!(dirty[..len], *emitted);

    let shown = request.description.sanitised();
    assert!(shown.as_str().len() <= Description::MAX_LEN);
    assert!(!shown.as_str().chars().any(char::is_control));
}

/// The first check that fails says what is wrong.
fn refused(data: &[u8], error: RequestError) {
    assert!(!error.to_string().is_empty());
    match error {
        RequestError::TooLong { got } => assert!(got == data.len() && got > 256),
        RequestError::Truncated { got, need } => {
            let whole = if matches!(word(data, 4), Some(0 | 1)) { 124 } else { 122 };
            assert_eq!((got, need), (data.len(), whole));
            assert!(got < need);
        }
        RequestError::Magic(magic) => {
            assert!(word(data, 0) == Some(magic) && magic != 0xfeed_face);
        }
        RequestError::Version(version) => {
            assert_eq!(word(data, 4), Some(version));
            assert!(version == 2 || version > 3);
        }
        RequestError::Type(low) => {
            let type_word = word(data, if word(data, 4) == Some(3) { 8 } else { 4 });
            assert_eq!(type_word.map(|word| word & 0xff), Some(u32::from(low)));
            assert!(low > 1);
        }
        RequestError::Address(_) => {
            let at = if word(data, 4) == Some(3) { 12 } else { 14 };
            let (family, path) = data[at..at + 110].split_at(2);
            assert!(family != 1_u16.to_ne_bytes() || !path.contains(&0));
        }
    }
}

/// Type 0 has a signed number in its upper 24 bits, and a negative one is port 0.
fn port(word: u32) -> PortRequest {
    let number = i64::from(i32::from_ne_bytes(word.to_ne_bytes()) >> 8);
    match (word & 0xff, u32::try_from(number)) {
        (0, Ok(0)) => PortRequest::Any,
        (0, Ok(number)) => {
            PortRequest::Number(vde_proto::PortNumber::new(number).expect("a positive number"))
        }
        (0 | 1, _) => PortRequest::Zero,
        (other, _) => panic!("type {other} was accepted"),
    }
}

/// `sun_path` with what means nothing put to zero: a name without a file is meant as a whole.
fn meant(path: &[u8]) -> Vec<u8> {
    match path {
        [0, ..] => path.to_vec(),
        _ => {
            let mut meant = up_to_nul(path).to_vec();
            assert!(meant.len() < path.len(), "a path without end was accepted");
            meant.resize(path.len(), 0);
            meant
        }
    }
}

fn v1_mac(data: &[u8], version: Version) -> Option<Vec<u8>> {
    (version == Version::V1).then(|| data[8..14].to_vec())
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

fn up_to_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}
