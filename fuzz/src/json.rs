//! The argument of `-netdev` in JSON: read without loss, and as a VDE network.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use vde_args::json::Object;
use vde_args::{CommandLine, Invocation, Network, QemuVersion};

/// Reads `data` as an object, and as the argument of a `-netdev`.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    match Object::parse(data) {
        Ok(object) => members(data, &object),
        Err(error) => assert!(error.at <= data.len() && !error.to_string().is_empty()),
    }
    if !data.contains(&0) {
        network(data);
    }
}

/// Members stand in order, each with a colon after its key, and are found by their keys.
fn members(data: &[u8], object: &Object<'_>) {
    assert_eq!(object.text(), data);
    let mut end = 0;
    for member in object.members() {
        assert!(end < member.key.start && member.key.end < member.value.start);
        assert!(data[member.key.end..member.value.start].contains(&b':'));
        end = member.value.end;
        let key = object.key(member);
        assert!(is_text(&key));
        let last = object.members().iter().rev().find(|other| object.key(other) == key);
        assert_eq!(object.get(&key), last);
        if let Some(string) = object.string(member) {
            assert!(is_text(&string));
        } else {
            // What is no string is a JSON text of its own.
            let value = [b"{\"x\":", object.bytes(&member.value), b"}"].concat();
            assert!(Object::parse(&value).is_ok());
        }
    }
    assert!(end < data.len());
}

/// UTF-8, but that NUL is two bytes.
fn is_text(bytes: &[u8]) -> bool {
    let mut wrong = bytes.utf8_chunks().map(|chunk| chunk.invalid());
    wrong.all(|bytes| matches!(bytes, b"" | b"\xc0" | b"\x80")) && !bytes.contains(&0)
}

fn network(data: &[u8]) {
    let argv: [OsString; 2] = ["-netdev".into(), OsStr::from_bytes(data).to_owned()];
    let run = Invocation::new("qemu", CommandLine::parse(&argv));
    match Network::read(&run) {
        Err(error) => {
            let found = data.get(error.span.clone());
            assert_eq!(found, Some(error.found.as_bytes()), "{error:?}");
        }
        Ok(network) => {
            let fds: Vec<i32> = (7..).take(network.plugs().len()).collect();
            let rewritten = network.rewrite(QemuVersion::new(7, 2, 0), &fds).expect("one each");
            assert_eq!(rewritten.args == argv, fds.is_empty(), "{:?}", rewritten.args);
        }
    }
}
