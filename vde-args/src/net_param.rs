//! The parameters of a network option, and where in the argument they stand, in either notation.

use std::borrow::Cow;
use std::ops::Range;

use crate::NetOption;
use crate::json::{Kind as JsonKind, Object};
use crate::keyval::{Entry, KeyVal};
use crate::net_option::Notation;

/// One `key=value` of a [`NetOption`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetParam<'a> {
    /// The key, which may be implied (`type`, or `driver` of a device).
    pub key: Cow<'a, [u8]>,
    /// Where in the argument it stands; the whole parameter if it is implied.
    pub key_span: Range<usize>,
    /// The value without its escapes; `None` for a flag. JSON numbers, booleans and the like stand
    /// here as they were written.
    pub value: Option<Cow<'a, [u8]>>,
    /// Where in the argument the value stands, escapes and all; the whole parameter for a flag.
    pub value_span: Range<usize>,
    /// What the value is in JSON.
    pub json: Option<JsonKind>,
}

impl NetOption<'_> {
    /// Its parameters, in order; empty ones are left out.
    #[must_use]
    pub fn params(&self) -> Vec<NetParam<'_>> {
        match &self.notation {
            Notation::List(list) => {
                let entries = list.entries().iter().filter(|entry| !entry.is_empty());
                entries.map(|entry| self.list_param(list, entry)).collect()
            }
            Notation::Json(object) => {
                object.members().iter().map(|member| json_param(object, member)).collect()
            }
            Notation::Broken(..) => Vec::new(),
        }
    }

    fn list_param<'b>(&self, list: &'b KeyVal<'_>, entry: &Entry) -> NetParam<'b> {
        let key = match entry.key {
            Some(_) => list.key(entry),
            None => self.type_key(),
        };
        NetParam {
            key: Cow::Borrowed(key),
            key_span: entry.key.clone().unwrap_or_else(|| entry.span.clone()),
            value: list.value(entry),
            value_span: entry.value.clone().unwrap_or_else(|| entry.span.clone()),
            json: None,
        }
    }
}

fn json_param<'b>(object: &'b Object<'_>, member: &crate::json::Member) -> NetParam<'b> {
    let string = object.string(member);
    // Without the quotes.
    let inside = |span: &Range<usize>| span.start + 1..span.end.saturating_sub(1);
    NetParam {
        key: object.key(member),
        key_span: inside(&member.key),
        value_span: if string.is_some() { inside(&member.value) } else { member.value.clone() },
        value: Some(string.unwrap_or_else(|| object.bytes(&member.value).into())),
        json: Some(member.kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CommandLine;

    #[test]
    fn parameters_know_where_they_stand_in_either_notation() {
        for text in ["vde,id=n,port=12", r#"{"type":"vde","id":"n","port":12}"#] {
            let words = ["-netdev", text].map(Into::into);
            let option = CommandLine::parse(&words).networks().next().unwrap();
            let params = option.params();
            let shown: Vec<_> = params
                .iter()
                .map(|param| (&text[param.key_span.clone()], &text[param.value_span.clone()]))
                .collect();
            let first = if text.starts_with('{') { "type" } else { "vde" };
            assert_eq!(shown, [(first, "vde"), ("id", "n"), ("port", "12")]);
            assert_eq!(params[2].json, text.starts_with('{').then_some(JsonKind::Number));
        }
    }
}
