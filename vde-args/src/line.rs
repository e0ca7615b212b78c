//! A QEMU command line, read by QEMU's own rules and rendered again byte for byte.
//!
//! The rules: a word that does not start with `-` is a disk image (positional); `--name` is
//! `-name`; names are exact; an option with an argument swallows the next word whatever that is,
//! so `-name -net` is a name; there is no `-name=value` and no `--` that ends the options.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::OptionSpec;

/// The words of a QEMU command line and what each of them is.
///
/// ```
/// use vde_args::{CommandLine, Item};
/// let words = ["-name", "-net", "disk.img", "--snapshot"].map(Into::into).to_vec();
/// let line = CommandLine::parse(words.clone());
/// let names: Vec<_> = line.items().filter_map(|item| match item {
///     Item::Option(option) => option.name.to_str(),
///     Item::Positional { .. } => None,
/// }).collect();
/// assert_eq!(names, ["name", "snapshot"]);
/// assert_eq!(line.render(), words);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandLine {
    words: Vec<OsString>,
    /// For each word, its index in the argv it was taken from.
    origins: Vec<usize>,
    items: Vec<RawItem>,
}

/// One thing on the line: an option with its argument, or a word of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// An option, known or not.
    Option(OptionItem<'a>),
    /// A disk image: a word that does not start with a dash and belongs to no option.
    Positional {
        /// Which word of the line.
        word: usize,
        /// The word.
        text: &'a OsStr,
    },
}

/// An option as it stands on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionItem<'a> {
    /// Which word of the line is the option's name.
    pub word: usize,
    /// How many dashes stand before the name: 1 or 2.
    pub dashes: usize,
    /// The name without its dashes.
    pub name: &'a OsStr,
    /// What is known of it; `None` for an option that no QEMU ever had.
    pub spec: Option<&'static OptionSpec>,
    /// Which word is its argument, and the argument. An unknown option is taken to have one iff
    /// the next word does not start with a dash.
    pub value: Option<(usize, &'a OsStr)>,
}

impl OptionItem<'_> {
    /// Whether the line ends before the option's argument, or might: an unknown option without
    /// argument would swallow a word that is put after it, if it takes one after all.
    pub(crate) fn is_hungry(&self) -> bool {
        self.value.is_none() && self.spec.is_none_or(|spec| spec.takes_arg)
    }
}

/// An [`Item`] as numbers, so that the line can own it beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawItem {
    word: usize,
    /// Dashes before the name; 0 for a positional word.
    dashes: usize,
    spec: Option<&'static OptionSpec>,
    has_value: bool,
}

impl RawItem {
    /// What stands at `words[at]`. `None` past the end.
    pub(crate) fn read(words: &[OsString], at: usize) -> Option<Self> {
        let word = words.get(at)?.as_bytes();
        let dashes = match word {
            [b'-', b'-', ..] => 2,
            [b'-', ..] => 1,
            _ => return Some(Self { word: at, dashes: 0, spec: None, has_value: false }),
        };
        let spec = word.get(dashes..).and_then(OptionSpec::find);
        let has_value = match (words.get(at + 1), spec) {
            (None, _) => false,
            (Some(_), Some(spec)) => spec.takes_arg,
            (Some(next), None) => !next.as_bytes().starts_with(b"-"),
        };
        Some(Self { word: at, dashes, spec, has_value })
    }

    /// How many words it is.
    pub(crate) fn len(self) -> usize {
        1 + usize::from(self.has_value)
    }
}

impl CommandLine {
    /// Reads the words after the program name. Never fails: what QEMU would refuse is kept for
    /// QEMU to refuse.
    #[must_use]
    pub fn parse(words: Vec<OsString>) -> Self {
        let mut line = Self { origins: (0..words.len()).collect(), words, items: Vec::new() };
        let mut at = 0;
        while let Some(item) = RawItem::read(&line.words, at) {
            line.items.push(item);
            at += item.len();
        }
        line
    }

    /// Appends the item that was read at `argv[item.word]`.
    pub(crate) fn push(&mut self, argv: &[OsString], item: RawItem) {
        let word = self.words.len();
        for (index, text) in argv.iter().enumerate().skip(item.word).take(item.len()) {
            self.words.push(text.clone());
            self.origins.push(index);
        }
        self.items.push(RawItem { word, ..item });
    }

    /// The words, exactly as they came.
    #[must_use]
    pub fn render(&self) -> Vec<OsString> {
        self.words.clone()
    }

    /// The words, borrowed.
    #[must_use]
    pub fn words(&self) -> &[OsString] {
        &self.words
    }

    /// Where in the argv that was parsed the word with this index stood. A line that was not read
    /// from an argv counts its own words.
    #[must_use]
    pub fn origin(&self, word: usize) -> usize {
        self.origins.get(word).copied().unwrap_or(word)
    }

    /// The items of the line, in order. Together they hold each word once.
    pub fn items(&self) -> impl DoubleEndedIterator<Item = Item<'_>> {
        self.items.iter().filter_map(|&raw| self.item(raw))
    }

    /// The options of the line, in order.
    pub fn options(&self) -> impl DoubleEndedIterator<Item = OptionItem<'_>> {
        self.items().filter_map(|item| match item {
            Item::Option(option) => Some(option),
            Item::Positional { .. } => None,
        })
    }

    fn item(&self, raw: RawItem) -> Option<Item<'_>> {
        let RawItem { word, dashes, spec, has_value } = raw;
        let text = self.words.get(word)?.as_os_str();
        if dashes == 0 {
            return Some(Item::Positional { word, text });
        }
        let name = OsStr::from_bytes(text.as_bytes().get(dashes..)?);
        let value = if has_value { self.words.get(word + 1) } else { None };
        let value = value.map(|value| (word + 1, value.as_os_str()));
        Some(Item::Option(OptionItem { word, dashes, name, spec, value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line as text: an option as `name(value)`, a positional word as itself.
    fn read(words: &[&str]) -> String {
        let line = CommandLine::parse(words.iter().map(Into::into).collect());
        let shown: Vec<String> = line
            .items()
            .map(|item| match item {
                Item::Positional { text, .. } => text.to_str().unwrap().to_owned(),
                Item::Option(o) => match o.value {
                    None => format!("{}()", o.name.to_str().unwrap()),
                    Some((_, v)) => {
                        format!("{}({})", o.name.to_str().unwrap(), v.to_str().unwrap())
                    }
                },
            })
            .collect();
        shown.join(" ")
    }

    #[test]
    fn an_option_with_an_argument_swallows_whatever_follows() {
        assert_eq!(read(&["-name", "-net", "-m", "--", "x"]), "name(-net) m(--) x");
    }

    #[test]
    fn an_option_without_argument_leaves_the_next_word_alone() {
        assert_eq!(
            read(&["-snapshot", "disk", "-S", "-net", "vde"]),
            "snapshot() disk S() net(vde)"
        );
    }

    #[test]
    fn two_dashes_are_one_and_three_are_no_option_of_qemu() {
        assert_eq!(read(&["--net", "vde", "---net", "vde"]), "net(vde) -net(vde)");
    }

    #[test]
    fn an_unknown_option_has_an_argument_iff_the_next_word_has_no_dash() {
        assert_eq!(read(&["-b", "c", "-foo", "-net", "vde", "-foo"]), "b(c) foo() net(vde) foo()");
        assert_eq!(read(&["-hda=disk", "-net", "vde"]), "hda=disk() net(vde)");
    }

    #[test]
    fn lone_dashes_and_empty_words_are_kept() {
        assert_eq!(read(&["", "-", "--", "", "x"]), " () () x");
    }

    #[test]
    fn an_option_cut_short_by_the_end_of_the_line_has_no_argument() {
        assert_eq!(read(&["-net"]), "net()");
    }
}
