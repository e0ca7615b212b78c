//! The files that `-readconfig` names, as far as networks are concerned.
//!
//! ```text
//! # a comment
//! [netdev "n0"]
//!   type = "user"
//! ```
//!
//! A section is an option of the command line, the text behind its name `id=`, and each line in it a
//! parameter. QEMU reads a line with `scanf`, which makes the format what it is:
//!
//! - White space before the `=` is a must: `type="user"` is a parameter of that name. Without
//!   `= "` behind its name a parameter is empty, so `type = user` says `type=`.
//! - A value ends at the next quote or with the line, and has no escapes. What stands behind it is
//!   of no account, nor is what stands behind the id of a section.
//! - A comment starts at the first column, and so does a section. An indented `#` is a parameter,
//!   and a line of white space an error.
//! - Names end after 63 bytes, values and lines after 1023: the rest of a line is another line.
//!
//! All four QEMUs this was tried on read that way (5.2, 7.2, 10.0, 11.1). What they refuse is left
//! to them.

use crate::keyval::escape;

/// The longest line, with its end.
const LINE_MAX: usize = 1023;

/// The longest name of a section or a parameter, and the longest id.
const NAME_MAX: usize = 63;

/// The longest value.
const VALUE_MAX: usize = 1023;

/// A configuration file.
///
/// ```
/// use vde_args::readconfig::Config;
/// let config = Config::parse(b"[netdev \"n0\"]\n  type = \"vde\"\n  sock = \"/tmp/a,b\"\n");
/// assert_eq!(config.sections()[0].group(), b"netdev");
/// assert_eq!(config.sections()[0].as_list(), b"vde,id=n0,sock=/tmp/a,,b");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    sections: Vec<Section>,
}

/// A section of a [`Config`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    line: usize,
    group: Vec<u8>,
    id: Option<Vec<u8>>,
    parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Config {
    /// Reads the content of a file. Never fails.
    #[must_use]
    pub fn parse(content: &[u8]) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        for (at, line) in content.split_inclusive(|&byte| byte == b'\n').enumerate() {
            for line in line.chunks(LINE_MAX) {
                if matches!(line, [b'\n' | b'#', ..]) {
                    continue;
                }
                // For C a text ends here.
                let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
                if let Some((group, id)) = header(line) {
                    let (group, id) = (group.to_vec(), id.map(<[u8]>::to_vec));
                    sections.push(Section { line: at + 1, group, id, parameters: Vec::new() });
                } else if let (Some(section), Some((key, value))) =
                    (sections.last_mut(), parameter(line))
                {
                    section.parameters.push((key.to_vec(), value.to_vec()));
                }
            }
        }
        Self { sections }
    }

    /// The sections, in order.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }
}

impl Section {
    /// The line of the file with its header, the first being 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The option that it stands for, without dashes.
    #[must_use]
    pub fn group(&self) -> &[u8] {
        &self.group
    }

    /// The argument that the option would have on the command line: the type first, as there, and
    /// one id. A parameter in the section that is called `id` is stronger than the id in its header.
    /// (QEMU 5.2 aborts at such a one.)
    #[must_use]
    pub fn as_list(&self) -> Vec<u8> {
        let implied: &[u8] = if self.group == b"device" { b"driver" } else { b"type" };
        let last = |name: &[u8]| {
            let named = self.parameters.iter().rev().find(|(key, _)| key == name);
            named.map(|(_, value)| value)
        };
        let mut items = Vec::new();
        items.extend(last(implied).map(|value| escape(value).into_owned()));
        items.extend(last(b"id").or(self.id.as_ref()).map(|id| [b"id=", &*escape(id)].concat()));
        for (key, value) in &self.parameters {
            // No option has parameters of the other names, and a list has no words for them.
            let has_words = !key.iter().any(|byte| matches!(byte, b'=' | b','));
            if has_words && key != implied && key != b"id" {
                items.push([key, &b"="[..], &escape(value)].concat());
            }
        }
        items.join(&b',')
    }
}

/// The group and the id of `[group]` or `[group "id"]`.
fn header(line: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let inside = line.strip_prefix(b"[")?;
    with_id(inside).map(|(group, id)| (group, Some(id))).or_else(|| {
        let (group, _) = span(inside, NAME_MAX, |byte| byte != b']')?;
        Some((group, None))
    })
}

fn with_id(inside: &[u8]) -> Option<(&[u8], &[u8])> {
    let (group, rest) = span(unspaced(inside), NAME_MAX, |byte| !is_space(byte))?;
    let (id, _) = span(unspaced(rest).strip_prefix(b"\"")?, NAME_MAX, |byte| byte != b'"')?;
    Some((group, id))
}

/// The key and the value of `key = "value"`; of any other line its first word, with no value.
fn parameter(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, rest) = span(unspaced(line), NAME_MAX, |byte| !is_space(byte))?;
    let quoted = unspaced(rest).strip_prefix(b"=").map(unspaced);
    let quoted = quoted.and_then(|rest| rest.strip_prefix(b"\""));
    let value = quoted.and_then(|rest| span(rest, VALUE_MAX, |byte| byte != b'"'));
    Some((key, value.map_or(&b""[..], |(value, _)| value)))
}

/// The bytes in front that `belong`, at least one and at most `max`, and the rest.
fn span(text: &[u8], max: usize, belongs: impl Fn(u8) -> bool) -> Option<(&[u8], &[u8])> {
    let len = text.iter().take(max).take_while(|&&byte| belongs(byte)).count();
    if len == 0 { None } else { text.split_at_checked(len) }
}

/// The text without the white space in front.
fn unspaced(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&byte| is_space(byte)).count();
    text.get(spaces..).unwrap_or_default()
}

/// White space as C knows it: one byte more than Rust's.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(content: &str) -> Vec<String> {
        let config = Config::parse(content.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let show = |s: &Section| format!("{} {} {}", s.line(), text(s.group()), text(&s.as_list()));
        config.sections().iter().map(show).collect()
    }

    #[test]
    fn a_section_is_an_option_and_its_lines_are_its_parameters() {
        let content = "# [net]\n\n[net]\n type = \"nic\"\n model =\"e1000\"\n[netdev \"n0\"]\r\n\
                       net = \"x\"\n\ttype\t=\n\ttype =   \"user\"  \n[device]\ndriver = \"a,b\"\n";
        let expected = ["3 net nic,model=e1000", "6 netdev user,id=n0,net=x", "10 device a,,b"];
        assert_eq!(lists(content), expected);
    }

    #[test]
    fn an_id_among_the_parameters_is_stronger_than_that_of_the_section() {
        let content = "[netdev \"n\"]\nid = \"a\"\ntype = \"user\"\nid = \"b\"\n";
        assert_eq!(lists(content), ["1 netdev user,id=b"]);
    }

    #[test]
    fn the_name_of_a_parameter_ends_at_white_space_only() {
        let lines = "[net]\ntype=\"vde\"\nport=3\ntype = user\nmodel\nmac = \"\"x\"\n";
        assert_eq!(lists(lines), ["1 net ,model=,mac="]);
        assert_eq!(lists("[net]\n # x = \"y\"\n= \"x\"\n"), ["1 net #="]);
    }

    #[test]
    fn a_value_ends_at_a_quote_or_with_its_line() {
        let lines = "[name]\na = \"b\\\"c\"\nd = \"e\" # f\n g = \"h";
        assert_eq!(lists(lines), ["1 name a=b\\,d=e,g=h"]);
        assert_eq!(lists("[name]\na = \"b\nc = \"d\0e\"\n"), ["1 name a=b\n,c=d"]);
    }

    #[test]
    fn a_header_is_read_up_to_what_it_must_have() {
        for (header, expected) in [
            ("[net", "1 net "),
            ("[net]x", "1 net "),
            ("[ netdev\t \"n\" ] x", "1 netdev id=n"),
            ("[netdev \"n", "1 netdev id=n"),
            ("[netdev \"\"]", "1 netdev \"\" "),
            ("[netdev n]", "1 netdev n "),
            ("[netdev\"n\"]", "1 netdev\"n\" "),
            ("[net\n", "1 net\n "),
        ] {
            assert_eq!(lists(header), [expected], "{header}");
        }
        for none in ["", " [net]\n", "[]\n", "type = \"vde\"\n"] {
            assert!(lists(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn lines_and_names_have_an_end() {
        let (name, value) = ("k".repeat(NAME_MAX), "v".repeat(VALUE_MAX));
        let cut = format!("[net]\n{name}k = \"x\"\n");
        assert_eq!(lists(&cut), [format!("1 net {name}=")]);
        // The quote that ends the value starts a line of its own.
        let start = "type = \"";
        let fits = &value[start.len()..];
        assert_eq!(lists(&format!("[net]\n{start}{fits}\"\n")), [format!("1 net {fits},\"=")]);
    }
}
