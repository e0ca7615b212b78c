//! The files that `-readconfig` names, as far as networks are concerned.
//!
//! ```text
//! # a comment
//! [netdev "n0"]
//!   type = "user"
//! ```
//!
//! A section is an option of the command line, its id `id=`, and each line in it a parameter. Values
//! stand in double quotes and have no escapes. What is not understood is QEMU's to refuse.

use crate::keyval::escape;

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
        for (at, line) in content.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if let Some((group, id)) = header(line) {
                let (group, id) = (group.to_vec(), id.map(<[u8]>::to_vec));
                sections.push(Section { line: at + 1, group, id, parameters: Vec::new() });
            } else if let (Some(section), Some((key, value))) = (sections.last_mut(), pair(line)) {
                section.parameters.push((key.to_vec(), value.to_vec()));
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

    /// The argument that the option would have on the command line: the type first, as there.
    #[must_use]
    pub fn as_list(&self) -> Vec<u8> {
        let is_type = |key: &[u8]| matches!(key, b"type" | b"driver");
        let (types, others): (Vec<_>, Vec<_>) =
            self.parameters.iter().partition(|(key, _)| is_type(key));
        let mut items = Vec::new();
        if let Some((_, value)) = types.last() {
            items.push(escape(value).into_owned());
        }
        let id = self.id.iter().map(|id| (&b"id"[..], id));
        for (key, value) in id.chain(others.iter().map(|(key, value)| (&key[..], value))) {
            items.push([key, b"=", &escape(value)].concat());
        }
        items.join(&b',')
    }
}

/// The group and the id of `[group]` or `[group "id"]`.
fn header(line: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let inside = line.strip_prefix(b"[")?.strip_suffix(b"]")?.trim_ascii();
    let end = inside.iter().position(u8::is_ascii_whitespace).unwrap_or(inside.len());
    let (group, rest) = inside.split_at_checked(end)?;
    match rest.trim_ascii() {
        b"" => Some((group, None)),
        id => Some((group, Some(id.strip_prefix(b"\"")?.strip_suffix(b"\"")?))),
    }
}

/// The key and the value of `key = "value"`.
fn pair(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = line.iter().position(|&byte| byte == b'=').filter(|_| !line.starts_with(b"#"))?;
    let (key, value) = line.split_at_checked(equals)?;
    let value = value.get(1..)?.trim_ascii().strip_prefix(b"\"")?;
    let end = value.iter().position(|&byte| byte == b'"')?;
    Some((key.trim_ascii(), value.get(..end)?))
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
        let content = "# [net]\n\n[net]\n type = \"nic\"\n model=\"e1000\"\n[netdev \"n0\"]\r\n\
                       id = \"x\"\n\ttype=\"user\"  \n[device]\ndriver = \"a,b\"\n";
        let expected = ["3 net nic,model=e1000", "6 netdev user,id=n0,id=x", "9 device a,,b"];
        assert_eq!(lists(content), expected);
    }

    #[test]
    fn what_is_not_understood_is_left_to_qemu() {
        let content = "type = \"vde\"\n[net\n[netdev \"a]\n[nic]\ntype = vde\n= \"x\n#a=\"b\"\n";
        assert_eq!(lists(content), ["4 nic "]);
        assert!(lists("").is_empty());
    }
}
