//! QEMU's own grammar for the argument of an option: `type,key=value,flag,...`
//!
//! - Items are separated by single commas; in a value `,,` is a literal comma.
//! - The first item, if it has no `=`, is the value of an implied key: `type` for networks.
//! - Later items without `=` are flags: `flag` is `flag=on`, and `noflag` is `flag=off`, whatever the
//!   flag is called. A name is never escaped: it ends at the first `,` or `=`.
//! - Of a repeated key the last one counts, except `id`, where the first does.
//! - There are no quotes and no white space: every other byte stands for itself.
//! - An empty text has no item. For QEMU a comma at the end has none behind it, and an empty item
//!   elsewhere is a flag without a name, which every option refuses. Here both are items that are
//!   [`Entry::is_empty`], so that nothing is lost.
//!
//! The tests with real QEMUs hold this against 5.2, 7.2, 10.0 and 11.1, which agree; all but 5.2
//! warn of a flag. Known differences:
//!
//! - They look for the id in a reading of its own, in which nothing is implied, so that `x,,id=a` has
//!   the type `x,id=a` and the id `a`. Here it has no id.
//! - Not every option is read like this. Of a `-netdev` that is `dgram` or `stream` (7.2 and later)
//!   the last `id` counts, and it has no flags. Nor has `-machine` in 7.2 and later.
//!
//! [`Rules::Vde`] widens this for the argument that names VDE, so that command lines made for the
//! C vdeq, which cut at every comma, still mean the same wherever both meanings cannot be had:
//!
//! - The values of `type`, `vlan`, `port` and `mode` can hold no comma, so they end at the first
//!   one, and `vde,,sock=x` has an empty item, not a type called `vde,sock=x`. After free text
//!   (`sock`, `group`, ...) `,,` stays a literal comma.
//! - A value of `sock` that starts with a quote and ends with the same quote right before a comma
//!   or the end may hold single commas in between. The quotes stay part of the value: network
//!   locators have a quoting of their own, and that is where these quotes get their meaning.

mod scalar;

pub use scalar::{boolean, number, size};

use std::borrow::Cow;
use std::ops::Range;

/// Which grammar to read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rules {
    /// QEMU's, to the letter.
    Qemu,
    /// QEMU's, widened for the argument of a VDE network.
    Vde,
}

/// An option's argument, cut into items. Nothing is lost: see [`KeyVal::render`].
///
/// ```
/// use vde_args::keyval::{KeyVal, Rules};
/// let list = KeyVal::parse(b"vde,id=n0,sock=/a,,b,port=3", Rules::Qemu);
/// assert_eq!(list.last(b"type").unwrap(), &b"vde"[..]);
/// assert_eq!(list.last(b"sock").unwrap(), &b"/a,b"[..]);
/// assert_eq!(list.render(), b"vde,id=n0,sock=/a,,b,port=3");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyVal<'a> {
    text: Cow<'a, [u8]>,
    entries: Vec<Entry>,
}

/// One item between two commas. All ranges are bytes of the whole argument.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The item without the commas around it.
    pub span: Range<usize>,
    /// The key; `None` for the first item if its key is implied.
    pub key: Option<Range<usize>>,
    /// The value, still escaped; `None` for a flag and for an empty item.
    pub value: Option<Range<usize>>,
}

/// The key that a bare first item is the value of.
pub const IMPLIED: &[u8] = b"type";

impl Entry {
    /// Nothing stands between the commas.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.span.is_empty() && self.key.is_some()
    }
}

impl<'a> KeyVal<'a> {
    /// Cuts `text`. Never fails: every text is a list, if perhaps not one that QEMU likes.
    #[must_use]
    pub fn parse(text: impl Into<Cow<'a, [u8]>>, rules: Rules) -> Self {
        let text = text.into();
        let mut entries = Vec::new();
        let mut at = (!text.is_empty()).then_some(0);
        while let Some(start) = at {
            let entry = read_entry(&text, start, rules);
            at = if entry.span.end < text.len() { Some(entry.span.end + 1) } else { None };
            entries.push(entry);
        }
        Self { text, entries }
    }

    /// The same text, cut by other rules.
    #[must_use]
    pub(crate) fn reread(&self, rules: Rules) -> Self {
        Self::parse(self.text.clone(), rules)
    }

    /// The argument, exactly as it came.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The items, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The bytes of a range of the argument; empty if the range is not in it.
    #[must_use]
    pub fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The key of an item.
    #[must_use]
    pub fn key(&self, entry: &Entry) -> &[u8] {
        entry.key.as_ref().map_or(IMPLIED, |key| self.bytes(key))
    }

    /// The value of an item with its escapes resolved; `None` for a flag. See [`KeyVal::meaning`].
    #[must_use]
    pub fn value(&self, entry: &Entry) -> Option<Cow<'_, [u8]>> {
        entry.value.as_ref().map(|value| unescape(self.bytes(value)))
    }

    /// What QEMU takes an item for: its key and its value, which a flag has, too.
    ///
    /// ```
    /// use vde_args::keyval::{KeyVal, Rules};
    /// let list = KeyVal::parse(b"user,restrict,noipv6", Rules::Qemu);
    /// let [_, restrict, no_ipv6] = list.entries() else { panic!() };
    /// assert_eq!(list.meaning(restrict), (&b"restrict"[..], b"on"[..].into()));
    /// assert_eq!(list.meaning(no_ipv6), (&b"ipv6"[..], b"off"[..].into()));
    /// ```
    #[must_use]
    pub fn meaning(&self, entry: &Entry) -> (&[u8], Cow<'_, [u8]>) {
        let key = self.key(entry);
        match (self.value(entry), key.strip_prefix(b"no")) {
            (Some(value), _) => (key, value),
            (None, Some(flag)) => (flag, Cow::Borrowed(b"off")),
            (None, None) => (key, Cow::Borrowed(b"on")),
        }
    }

    /// The last item called `key`: the one that counts for every key but `id`.
    #[must_use]
    pub fn last_entry(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| self.key(entry) == key)
    }

    /// The value of the last item called `key`.
    #[must_use]
    pub fn last(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.last_entry(key).and_then(|entry| self.value(entry))
    }

    /// The value of the first item called `key`: the one that counts for `id`.
    #[must_use]
    pub fn first(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.entries.iter().find(|entry| self.key(entry) == key).and_then(|e| self.value(e))
    }

    /// The argument, put together again from its items: exactly as it came.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        self.edit(|_| Edit::Keep)
    }

    /// The argument with some items changed and every byte of the others kept. If that puts a flag
    /// in the first place, where it would be taken for the type, it is written out: `flag=on`, and
    /// `noflag` as `flag=off`, which is how QEMU reads flags. An empty item goes with the one before
    /// it if that changes: after another one its two commas could be read as a literal comma.
    #[must_use]
    pub fn edit(&self, mut edit: impl FnMut(&Entry) -> Edit) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len());
        let mut is_first = true;
        // Whether the item before stands there as it stood.
        let mut is_kept = true;
        for entry in &self.entries {
            let edited = match edit(entry) {
                Edit::Keep if entry.is_empty() && !is_kept => Edit::Remove,
                edited => edited,
            };
            is_kept = false;
            let item = match &edited {
                Edit::Keep if is_first => self.bytes_in_front(entry),
                Edit::Keep => Cow::Borrowed(self.bytes(&entry.span)),
                Edit::Replace(item) => Cow::Borrowed(&**item),
                Edit::Remove => continue,
            };
            if !is_first {
                out.push(b',');
            }
            is_first = false;
            is_kept = edited == Edit::Keep && *item == *self.bytes(&entry.span);
            out.extend_from_slice(&item);
        }
        out
    }

    /// An item as it has to be written to mean the same in the first place.
    fn bytes_in_front(&self, entry: &Entry) -> Cow<'_, [u8]> {
        let item = self.bytes(&entry.span);
        if entry.value.is_some() || item.is_empty() {
            return Cow::Borrowed(item);
        }
        let (flag, value) = self.meaning(entry);
        Cow::Owned([flag, b"=", &*value].concat())
    }
}

/// What becomes of an item. See [`KeyVal::edit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// It stays, byte for byte.
    Keep,
    /// It goes, with one of the commas around it.
    Remove,
    /// These bytes, already escaped, stand in its place; they may be several items.
    Replace(Vec<u8>),
}

/// The entry that starts at `start` and ends before the next separating comma.
fn read_entry(text: &[u8], start: usize, rules: Rules) -> Entry {
    let rest = text.get(start..).unwrap_or_default();
    let name = rest.iter().position(|&b| b == b'=' || b == b',').unwrap_or(rest.len());
    let is_pair = rest.get(name) == Some(&b'=');
    if !is_pair && start > 0 {
        let span = start..start + name;
        return Entry { key: Some(span.clone()), value: None, span };
    }
    let (key, from) = if is_pair { (Some(start..start + name), name + 1) } else { (None, 0) };
    let key_bytes = if is_pair { rest.get(..name).unwrap_or_default() } else { IMPLIED };
    let tail = rest.get(from..).unwrap_or_default();
    let len = match (rules, key_bytes) {
        (Rules::Vde, b"type" | b"vlan" | b"port" | b"mode") => plain_len(tail),
        (Rules::Vde, b"sock") => quoted_len(tail).unwrap_or_else(|| escaped_len(tail)),
        _ => escaped_len(tail),
    };
    let value = start + from..start + from + len;
    Entry { span: start..value.end, key, value: Some(value) }
}

/// The length of a value that ends at the first comma.
fn plain_len(tail: &[u8]) -> usize {
    tail.iter().position(|&b| b == b',').unwrap_or(tail.len())
}

/// The length of a value that ends at the first comma without a twin.
fn escaped_len(tail: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = tail.get(at) {
        match (byte, tail.get(at + 1)) {
            (b',', Some(b',')) => at += 2,
            (b',', _) => break,
            _ => at += 1,
        }
    }
    at
}

/// The length of a value in quotes, if it is one: the first quote of its kind after the opening
/// one must close it, with a comma or nothing behind.
fn quoted_len(tail: &[u8]) -> Option<usize> {
    let quote = tail.first().filter(|b| matches!(b, b'"' | b'\''))?;
    let close = 1 + tail.iter().skip(1).position(|b| b == quote)?;
    matches!(tail.get(close + 1), None | Some(b',')).then_some(close + 1)
}

/// Resolves `,,` to `,`. A single comma, which only quotes can hold, stands for itself.
///
/// ```
/// assert_eq!(vde_args::keyval::unescape(b"/a,,b"), &b"/a,b"[..]);
/// ```
#[must_use]
pub fn unescape(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.windows(2).any(|pair| pair == b",,") {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.iter().peekable();
    while let Some(&byte) = bytes.next() {
        out.push(byte);
        if byte == b',' {
            bytes.next_if(|&&next| next == b',');
        }
    }
    Cow::Owned(out)
}

/// Doubles every comma, so that QEMU reads the value as `value`.
///
/// ```
/// assert_eq!(vde_args::keyval::escape(b"/a,b"), &b"/a,,b"[..]);
/// ```
#[must_use]
pub fn escape(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b',') {
        return Cow::Borrowed(value);
    }
    Cow::Owned(
        value.iter().flat_map(|&b| std::iter::repeat_n(b, 1 + usize::from(b == b','))).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items as `key=value`, a flag as `key`, an empty item as `-`.
    fn items(text: &str, rules: Rules) -> Vec<String> {
        let list = KeyVal::parse(text.as_bytes(), rules);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        list.entries()
            .iter()
            .map(|entry| match list.value(entry) {
                Some(value) => format!("{}={}", text(list.key(entry)), text(&value)),
                None if entry.is_empty() => "-".to_owned(),
                None => text(list.key(entry)),
            })
            .collect()
    }

    #[test]
    fn a_bare_first_item_is_the_type_and_later_ones_are_flags() {
        assert_eq!(items("vde,port=3,flag", Rules::Qemu), ["type=vde", "port=3", "flag"]);
        assert_eq!(items("port=3,type=vde", Rules::Qemu), ["port=3", "type=vde"]);
        assert_eq!(items("", Rules::Qemu), [""; 0]);
        assert_eq!(items(",a=b", Rules::Qemu), ["type=", "a=b"]);
    }

    #[test]
    fn a_doubled_comma_is_a_literal_one_in_values_only() {
        assert_eq!(items("user,a=b,,c,d=,,", Rules::Qemu), ["type=user", "a=b,c", "d=,"]);
        assert_eq!(items("user,,a=b", Rules::Qemu), ["type=user,a=b"]);
        assert_eq!(items("user,flag,,a=b", Rules::Qemu), ["type=user", "flag", "-", "a=b"]);
        assert_eq!(items("a=,,,b", Rules::Qemu), ["a=,", "b"]);
    }

    #[test]
    fn empty_items_of_a_vde_network_are_seen_where_a_comma_cannot_be_meant() {
        assert_eq!(items("vde,,sock=x", Rules::Vde), ["type=vde", "-", "sock=x"]);
        assert_eq!(
            items("vde,port=1,,sock=x,", Rules::Vde),
            ["type=vde", "port=1", "-", "sock=x", "-"]
        );
        assert_eq!(items("vde,sock=x,,port=1", Rules::Vde), ["type=vde", "sock=x,port=1"]);
    }

    #[test]
    fn quotes_around_a_socket_path_may_hold_commas_and_stay() {
        assert_eq!(
            items("vde,sock=\"a,b\",port=1", Rules::Vde),
            ["type=vde", "sock=\"a,b\"", "port=1"]
        );
        assert_eq!(items("vde,sock='a,,b'", Rules::Vde), ["type=vde", "sock='a,b'"]);
        assert_eq!(items("vde,sock=\"a,b\"", Rules::Qemu), ["type=vde", "sock=\"a", "b\""]);
    }

    #[test]
    fn a_quote_that_is_not_closed_before_a_comma_is_a_byte() {
        assert_eq!(items("vde,sock=\"a,port=1", Rules::Vde), ["type=vde", "sock=\"a", "port=1"]);
        assert_eq!(items("vde,sock='a'b,port=1", Rules::Vde), ["type=vde", "sock='a'b", "port=1"]);
        assert_eq!(items("vde,sock='", Rules::Vde), ["type=vde", "sock='"]);
    }

    #[test]
    fn the_last_of_a_repeated_key_counts_and_the_first_id() {
        let list = KeyVal::parse(&b"vde,id=a,port=1,id=b,port=2"[..], Rules::Qemu);
        assert_eq!(list.last(b"port").unwrap(), &b"2"[..]);
        assert_eq!(list.first(b"id").unwrap(), &b"a"[..]);
        assert_eq!(list.last(b"sock"), None);
    }

    #[test]
    fn spans_point_at_the_bytes() {
        let list = KeyVal::parse(&b"vde,port=12"[..], Rules::Vde);
        let port = list.last_entry(b"port").unwrap();
        assert_eq!(
            (port.span.clone(), port.key.clone(), port.value.clone()),
            (4..11, Some(4..8), Some(9..11))
        );
    }

    #[test]
    fn edits_leave_all_other_bytes_alone() {
        let list = KeyVal::parse(&b"vde,mac=\xff,,x,sock=/s,flag,,end"[..], Rules::Qemu);
        let edited = list.edit(|entry| match list.key(entry) {
            b"type" => Edit::Replace(b"socket,fd=3".to_vec()),
            b"sock" => Edit::Remove,
            _ => Edit::Keep,
        });
        assert_eq!(edited, b"socket,fd=3,mac=\xff,,x,flag,,end");
    }

    #[test]
    fn a_flag_that_comes_to_stand_first_is_not_taken_for_the_type() {
        for (text, expected) in [
            ("vlan=0,vde", "vde=on"),
            ("vlan=0,noipv6,type=user", "ipv6=off,type=user"),
            ("vlan=0,type=user,flag", "type=user,flag"),
            ("vlan=0,", ""),
        ] {
            let list = KeyVal::parse(text.as_bytes(), Rules::Qemu);
            let edited = list.edit(|entry| match list.key(entry) {
                b"vlan" => Edit::Remove,
                _ => Edit::Keep,
            });
            assert_eq!(String::from_utf8(edited).unwrap(), expected);
        }
    }

    #[test]
    fn an_empty_item_beside_a_change_does_not_make_its_comma_a_literal_one() {
        for (text, expected) in [
            ("nic,a=1,vlan,,b=2", "nic,a=1,b=2"),
            ("nic,a=1,vlan,,,b=2", "nic,a=1,b=2"),
            ("vlan=0,flag,,b=2", "flag=on,b=2"),
            ("nic,vlan,,b", "nic,b"),
            ("nic,flag,,b,vlan", "nic,flag,,b"),
        ] {
            let list = KeyVal::parse(text.as_bytes(), Rules::Qemu);
            let edited = list.edit(|entry| match list.key(entry) {
                b"vlan" => Edit::Remove,
                _ => Edit::Keep,
            });
            assert_eq!(String::from_utf8(edited).unwrap(), expected, "{text}");
        }
    }
}
