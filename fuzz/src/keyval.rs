//! The argument of an option, by QEMU's grammar and by the one that is wider for VDE.

use vde_args::keyval::{Edit, Entry, KeyVal, Rules, escape, unescape};

/// Reads `data` as a list by both grammars.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    for rules in [Rules::Qemu, Rules::Vde] {
        let list = KeyVal::parse(data, rules);
        lossless(data, &list);
        readable(&list);
        lookups(&list);
    }
    removals(&KeyVal::parse(data, Rules::Qemu));
    escaping(data);
}

/// The items and the commas between them are the whole text.
fn lossless(data: &[u8], list: &KeyVal<'_>) {
    assert_eq!(list.text(), data);
    assert_eq!(list.render(), data);
    let mut end = 0;
    for (at, entry) in list.entries().iter().enumerate() {
        if at > 0 {
            assert_eq!(data.get(end), Some(&b','));
            end += 1;
        }
        assert_eq!(entry.span.start, end);
        end = entry.span.end;
    }
    assert_eq!(end, data.len());
}

/// Key, equals sign and value are the whole item.
fn readable(list: &KeyVal<'_>) {
    for (at, Entry { span, key, value, .. }) in list.entries().iter().enumerate() {
        match (key, value) {
            (Some(key), Some(value)) => {
                assert_eq!((key.start, value.end), (span.start, span.end));
                assert_eq!(list.bytes(&(key.end..value.start)), b"=");
            }
            (Some(key), None) => assert_eq!(key, span),
            (None, value) => {
                assert_eq!(at, 0, "only the first item has an implied key");
                assert_eq!(value.as_ref(), Some(span));
            }
        }
        let key = key.as_ref().map_or(&b""[..], |key| list.bytes(key));
        assert!(!key.contains(&b','), "a name ends at a comma");
    }
}

/// What counts is the last of several, and the first for `id`.
fn lookups(list: &KeyVal<'_>) {
    for entry in list.entries() {
        let key = list.key(entry);
        let mut same = list.entries().iter().filter(|other| list.key(other) == key);
        let first = same.next();
        let last = same.next_back().or(first);
        assert_eq!(list.last_entry(key), last);
        assert_eq!(list.first(key), first.and_then(|entry| list.value(entry)));
        assert_eq!(list.last(key), last.and_then(|entry| list.value(entry)));
    }
}

/// What each item says, flags in the words that QEMU takes them for, empty items left out.
fn said<'a>(list: &KeyVal<'a>, keep: impl Fn(usize) -> bool) -> Vec<(Vec<u8>, Vec<u8>)> {
    let items = list.entries().iter().enumerate().filter(|(at, _)| keep(*at));
    let items = items.filter(|(_, entry)| !entry.is_empty());
    let said = items.map(|(_, entry)| list.meaning(entry));
    said.map(|(key, value)| (key.to_vec(), value.into_owned())).collect()
}

/// An item that goes takes nothing with it and changes nothing else.
fn removals(list: &KeyVal<'_>) {
    // Every choice of a few items, and beyond them each alone.
    let count = list.entries().len();
    for gone in 0..count.min(6) {
        for also in gone..count.min(6) {
            remove(list, |at| at != gone && at != also);
        }
    }
    for gone in 6..count {
        remove(list, |at| at != gone);
    }
}

fn remove(list: &KeyVal<'_>, keep: impl Fn(usize) -> bool) {
    let mut at = 0;
    let text = list.edit(|_| {
        at += 1;
        if keep(at - 1) { Edit::Keep } else { Edit::Remove }
    });
    let rest = KeyVal::parse(&text[..], Rules::Qemu);
    let mut expected = said(list, keep);
    // An implied type that is empty is no text when it is left alone.
    expected.retain(|item| !text.is_empty() || *item != (b"type".to_vec(), Vec::new()));
    assert_eq!(said(&rest, |_| true), expected, "{}", text.escape_ascii());
}

/// Any bytes are a value, once they are escaped.
fn escaping(data: &[u8]) {
    let escaped = escape(data);
    assert_eq!(unescape(&escaped), data);
    let text = [b"user,a=", &*escaped, b",b=1"].concat();
    let list = KeyVal::parse(text, Rules::Qemu);
    assert_eq!(list.entries().len(), 3);
    assert_eq!(list.last(b"a").unwrap(), data);
    assert_eq!(list.last(b"b").unwrap(), &b"1"[..]);
}
