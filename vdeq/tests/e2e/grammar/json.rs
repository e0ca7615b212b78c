//! JSON in place of a list.

use std::collections::BTreeSet;

use vde_args::json::Object;

use super::{arguments, property, refusal, start, start_all};
use crate::chance::Chance;

/// The QEMUs that read JSON on their command line.
const QEMUS: [&str; 3] = ["qemu-7.2", "qemu-10.0", "qemu-sid"];

/// The deepest nesting.
const DEEPEST: usize = 1024;

/// Contents of strings, in double quotes, that are good.
const STRINGS: [&[u8]; 21] = [
    b"",
    b"x,,y=z",
    b"'",
    b"\\\"\\'\\\\\\/",
    b"\\b\\f\\n\\r\\t",
    b"\\u0041\\u00e9\\u20AC",
    b"\\u0000",
    b"\xc0\x80",
    b"\\ud83d\\ude00",
    b"\\uFFFD",
    b"\\ufdcf\\ufdf0",
    b"\\udbff\\udffd",
    b"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
    b"\xef\xb7\x8f\xef\xb7\xb0",
    b"\xf4\x8f\xbf\xbd",
    b"\xef\xbb\xbf",
    b"\x7f\xc2\x80",
    b"%s%d%%",
    b"{}[]:,",
    b"/* */",
    b"\xed\x9f\xbf\xee\x80\x80",
];

/// Those that are not.
const NO_STRINGS: [&[u8]; 38] = [
    b"\"",
    b"\\",
    b"\\v",
    b"\\0",
    b"\\x41",
    b"\\U0041",
    b"\\\n",
    b"\\u004",
    b"\\u00g1",
    b"\\u+041",
    b"\\u 041",
    b"\\ud83d",
    b"\\ud83dx",
    b"\\ud83d\\n",
    b"\\ud83d\\ud83d",
    b"\\ude00",
    b"\\ude00\\ud83d",
    b"\\uffff",
    b"\\ufffe",
    b"\\ufdd0",
    b"\\ufdef",
    b"\\ud83f\\udffe",
    b"\\udbff\\udfff",
    b"\xef\xbf\xbf",
    b"\xef\xb7\x90",
    b"\xf4\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xff",
    b"\xc3",
    b"\xc3(",
    b"\x80",
    b"\xc0\x81",
    b"\xe0\x80\x80",
    b"\xed\xa0\x80",
    b"\xf0\x80\x80\x80",
    b"\x01",
    b"\t",
    b"\n",
];

/// Objects. QEMU may know no use for them; here it matters whether it can read them.
const OBJECTS: [&str; 64] = [
    "{}",
    "{ }\n\t\r ",
    "{\"a\":1}",
    "{'a':'b','c':\"d\"}",
    "{\"\":0}",
    "{\"a\":-0,\"b\":0.0,\"c\":1e5,\"d\":1E+5,\"e\":-1.50e-05}",
    "{\"a\":99999999999999999999999,\"b\":1e400}",
    "{\"a\":true,\"b\":false,\"c\":null}",
    "{\"a\":[],\"b\":[1,[2],{}],\"c\":{\"d\":{}}}",
    "{\"\\u0061\":1,\"A\":1}",
    "{",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1,,\"b\":1}",
    "{\"a\":1 \"b\":1}",
    "{\"a\" 1}",
    "{\"a\"=1}",
    "{\"a\"::1}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1]",
    "{\"a\":[1}",
    "{\"a\":[1,]}",
    "{\"a\":[,1]}",
    "{\"a\":[1 2]}",
    "{\"a\":{\"b\"}}",
    "{a:1}",
    "{1:1}",
    "{null:1}",
    "{[]}",
    "{\"a\":01}",
    "{\"a\":-01}",
    "{\"a\":+1}",
    "{\"a\":.5}",
    "{\"a\":5.}",
    "{\"a\":5.e1}",
    "{\"a\":1e}",
    "{\"a\":1e+}",
    "{\"a\":-}",
    "{\"a\":0x3}",
    "{\"a\":NaN}",
    "{\"a\":nan}",
    "{\"a\":Infinity}",
    "{\"a\":True}",
    "{\"a\":truefalse}",
    "{\"a\":nul}",
    "{\"a\":%d}",
    "{\"a\":%p}",
    "{\"a\":'b\"}",
    "{\"a\":\"b'}",
    "{\"a\":1 /* b */}",
    "{\"a\":1 // b\n}",
    "{\"a\":1 # b\n}",
    "{\u{b}\"a\":1}",
    "{\"a\":1}\u{c}",
    "{\"a\":1}x",
    "{\"a\":1}{}",
    "{\"a\":1}}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"\\u0061\":2}",
];

/// Whether the object is one for us. A key that is twice is QEMU's to refuse, but seen.
fn is_read(text: &[u8]) -> bool {
    let mut keys = BTreeSet::new();
    Object::parse(text).is_ok_and(|object| {
        object.members().iter().all(|member| keys.insert(object.key(member).into_owned()))
    })
}

/// Whether QEMU can read the object.
fn is_read_by(qemu: &str, text: &[u8]) -> bool {
    match start(qemu, &arguments("-netdev", &[text])) {
        Ok(_) => true,
        Err(said) => !["JSON parse error", "JSON nesting depth", "at most one JSON value"]
            .iter()
            .any(|words| said.contains(words)),
    }
}

/// An object that remembers a text, which stands in these quotes.
fn object(at: usize, quote: u8, text: &[u8]) -> Vec<u8> {
    let start = format!("{{\"qom-type\":\"authz-simple\",\"id\":\"j{at}\",\"identity\":");
    [start.as_bytes(), &[quote], text, &[quote], b"}"].concat()
}

#[test]
fn a_string_means_to_qemu_what_it_means_to_us() {
    let quoted = STRINGS.iter().map(|text| (b'"', *text));
    let quoted = quoted.chain([(b'\'', &b"\""[..]), (b'\'', b"\\\"\\'\\u0027")]);
    let texts: Vec<_> =
        quoted.enumerate().map(|(at, (quote, text))| object(at, quote, text)).collect();
    for qemu in QEMUS {
        let mut qmp = start_all(qemu, "-object", &texts);
        for (at, text) in texts.iter().enumerate() {
            let read = Object::parse(text)
                .unwrap_or_else(|error| panic!("{}: {error}", text.escape_ascii()));
            let identity = read.string(read.get(b"identity").unwrap()).unwrap();
            let found = property(&mut qmp, &format!("j{at}"), "identity");
            // In what it says it writes NUL, which no string of C can hold, as it may stand here.
            let identity = String::from_utf8_lossy(&identity).replace("\u{fffd}\u{fffd}", "\0");
            assert_eq!(found.as_str(), Some(&*identity), "{qemu}: {}", text.escape_ascii());
        }
        for text in NO_STRINGS {
            let text = object(0, b'"', text);
            assert!(Object::parse(&text).is_err(), "{}", text.escape_ascii());
            let said = refusal(qemu, "-object", &text);
            assert!(said.contains("JSON parse error"), "{qemu}: {said}");
        }
    }
}

#[test]
fn qemu_can_read_the_objects_that_we_can() {
    for qemu in QEMUS {
        for (at, text) in OBJECTS.iter().enumerate() {
            assert_eq!(is_read(text.as_bytes()), at < 10, "{text}");
            assert_eq!(is_read_by(qemu, text.as_bytes()), at < 10, "{qemu}: {text}");
        }
        for depth in [DEEPEST - 1, DEEPEST] {
            for [open, inner, close] in [["[", "", "]"], ["{\"a\":", "1", "}"]] {
                let text =
                    format!("{{\"a\":{}{inner}{}}}", open.repeat(depth), close.repeat(depth));
                assert_eq!(is_read(text.as_bytes()), depth < DEEPEST);
                assert_eq!(
                    is_read_by(qemu, text.as_bytes()),
                    depth < DEEPEST,
                    "{qemu}: {depth} {open}"
                );
            }
        }
        // What starts otherwise is a list, whatever it looks like.
        let said = refusal(qemu, "-netdev", b" {\"type\":\"user\",\"id\":\"a\"}");
        assert!(!said.contains("JSON"), "{qemu}: {said}");
    }
}

#[test]
fn qemu_can_read_made_up_objects_if_we_can() {
    let good = r#"{"a":[1234,-25.36e3], 'key':"some text, \u0041 é", "d":{"e":null}}"#;
    let pieces = [
        "{", "}", "[", "]", ",", ":", "\"", "'", "\\", "\\u", "0", "1", ".", "e", "-", " ", "\n",
        "x", "null",
    ];
    let chance = &mut Chance::new(6, 0);
    let made = (0..40).map(|_| {
        let mut text = good.to_owned();
        // Behind the first brace, which makes it JSON.
        let places: Vec<_> = text.char_indices().map(|(at, _)| at).skip(1).collect();
        let at = places[chance.below(places.len())];
        match chance.below(3) {
            0 => drop(text.remove(at)),
            1 => text.insert_str(at, chance.pick(&pieces)),
            _ => {
                text.remove(at);
                text.insert_str(at, chance.pick(&pieces));
            }
        }
        text
    });
    let made: Vec<_> = made.collect();
    let count = made.iter().filter(|text| is_read(text.as_bytes())).count();
    assert!((10..30).contains(&count), "{count}");
    for qemu in QEMUS {
        for text in &made {
            assert_eq!(
                is_read_by(qemu, text.as_bytes()),
                is_read(text.as_bytes()),
                "{qemu}: {text}"
            );
        }
    }
}
