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
/// It borrows the words. Where a word is told by number, that is its index in what was parsed: in
/// argv, if the line was read from a whole argv, and of a word of the line if not.
///
/// ```
/// use vde_args::{CommandLine, Item};
/// let words = ["-name", "-net", "disk.img", "--snapshot"].map(Into::into);
/// let line = CommandLine::parse(&words);
/// let names: Vec<_> = line.options().filter_map(|option| option.name.to_str()).collect();
/// assert_eq!(names, ["name", "snapshot"]);
/// assert_eq!(line.render(), words);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandLine<'a> {
    argv: &'a [OsString],
    items: Vec<RawItem>,
}

/// One thing on the line: an option with its argument, or a word of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// An option, known or not.
    Option(OptionItem<'a>),
    /// A disk image: a word that does not start with a dash and belongs to no option.
    Positional {
        /// Which word of argv.
        word: usize,
        /// The word.
        text: &'a OsStr,
    },
}

impl Item<'_> {
    /// Which word of argv it starts with.
    #[must_use]
    pub fn word(&self) -> usize {
        match self {
            Self::Option(option) => option.word,
            Self::Positional { word, .. } => *word,
        }
    }

    /// How many words it is: 1 or 2.
    #[must_use]
    pub fn word_count(&self) -> usize {
        match self {
            Self::Option(option) => 1 + usize::from(option.value.is_some()),
            Self::Positional { .. } => 1,
        }
    }
}

/// An option as it stands on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionItem<'a> {
    /// Which word of argv is the option's name.
    pub word: usize,
    /// How many dashes stand before the name: 1 or 2.
    pub dashes: usize,
    /// The name without its dashes.
    pub name: &'a OsStr,
    /// What is known of it; `None` for an option that no QEMU ever had.
    pub spec: Option<&'static OptionSpec>,
    /// Its argument, which is the word after its name. An unknown option is taken to have one iff
    /// that word does not start with a dash.
    pub value: Option<&'a OsStr>,
}

impl OptionItem<'_> {
    /// Which word of argv an error about the option is about: its argument if it has one.
    #[must_use]
    pub fn subject(&self) -> usize {
        self.word + usize::from(self.value.is_some())
    }

    /// Whether the line ends before the option's argument, or might: an unknown option without
    /// argument would swallow a word that is put after it, if it takes one after all.
    pub(crate) fn is_hungry(&self) -> bool {
        self.value.is_none() && self.spec.is_none_or(|spec| spec.takes_arg)
    }
}

/// What becomes of an item. See [`CommandLine::edit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemEdit {
    /// Its words stay, byte for byte.
    Keep,
    /// Its words go.
    Remove,
    /// These words stand in its place.
    Replace(Vec<OsString>),
}

/// An [`Item`] as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawItem {
    word: usize,
    /// Dashes before the name; 0 for a positional word.
    dashes: usize,
    spec: Option<&'static OptionSpec>,
    has_value: bool,
}

impl RawItem {
    /// What stands at `argv[at]`. `None` past the end.
    pub(crate) fn read(argv: &[OsString], at: usize) -> Option<Self> {
        let word = argv.get(at)?.as_bytes();
        let dashes = match word {
            [b'-', b'-', ..] => 2,
            [b'-', ..] => 1,
            _ => return Some(Self::positional(at)),
        };
        let spec = word.get(dashes..).and_then(OptionSpec::find);
        let has_value = match (argv.get(at + 1), spec) {
            (None, _) => false,
            (Some(_), Some(spec)) => spec.takes_arg,
            (Some(next), None) => !next.as_bytes().starts_with(b"-"),
        };
        Some(Self { word: at, dashes, spec, has_value })
    }

    /// The word at `argv[at]` for its own sake, whatever it looks like.
    pub(crate) fn positional(at: usize) -> Self {
        Self { word: at, dashes: 0, spec: None, has_value: false }
    }

    /// How many words it is.
    pub(crate) fn len(self) -> usize {
        1 + usize::from(self.has_value)
    }
}

impl<'a> CommandLine<'a> {
    /// Reads the words after the program name. Never fails: what QEMU would refuse is kept for
    /// QEMU to refuse.
    #[must_use]
    pub fn parse(words: &'a [OsString]) -> Self {
        let mut line = Self::of(words);
        let mut at = 0;
        while let Some(item) = RawItem::read(words, at) {
            line.items.push(item);
            at += item.len();
        }
        line
    }

    /// A line of `argv` without any item yet.
    pub(crate) fn of(argv: &'a [OsString]) -> Self {
        Self { argv, items: Vec::with_capacity(argv.len()) }
    }

    /// Appends what was read of the argv.
    pub(crate) fn push(&mut self, item: RawItem) {
        self.items.push(item);
    }

    /// The words of the line, in order.
    pub fn words(&self) -> impl Iterator<Item = &'a OsString> {
        self.items.iter().flat_map(|item| self.argv.iter().skip(item.word).take(item.len()))
    }

    /// The words, exactly as they came.
    #[must_use]
    pub fn render(&self) -> Vec<OsString> {
        self.words().cloned().collect()
    }

    /// The words with some items changed, and every byte of the others kept.
    ///
    /// ```
    /// use vde_args::{CommandLine, Item, ItemEdit};
    /// let words = ["-m", "64", "-localtime", "disk.img"].map(Into::into);
    /// let edited = CommandLine::parse(&words).edit(|item| match item {
    ///     Item::Option(o) if o.name == "localtime" => {
    ///         ItemEdit::Replace(["-rtc", "base=localtime"].map(Into::into).into())
    ///     }
    ///     _ => ItemEdit::Keep,
    /// });
    /// assert_eq!(edited, ["-m", "64", "-rtc", "base=localtime", "disk.img"]);
    /// ```
    #[must_use]
    pub fn edit(&self, mut edit: impl FnMut(Item<'a>) -> ItemEdit) -> Vec<OsString> {
        let mut out = Vec::with_capacity(self.argv.len());
        for item in self.items() {
            match edit(item) {
                ItemEdit::Keep => out.extend(self.words_of(&item).cloned()),
                ItemEdit::Remove => {}
                ItemEdit::Replace(words) => out.extend(words),
            }
        }
        out
    }

    /// The words of an item of this line.
    pub fn words_of(&self, item: &Item<'_>) -> impl Iterator<Item = &'a OsString> + use<'a> {
        self.argv.iter().skip(item.word()).take(item.word_count())
    }

    /// The word of argv with this index.
    #[must_use]
    pub fn word(&self, index: usize) -> Option<&'a OsStr> {
        self.argv.get(index).map(OsString::as_os_str)
    }

    /// The items of the line, in order. Together they hold each word once.
    pub fn items(&self) -> impl DoubleEndedIterator<Item = Item<'a>> {
        self.items.iter().filter_map(|&raw| self.item(raw))
    }

    /// How many items there are.
    pub(crate) fn item_count(&self) -> usize {
        self.items.len()
    }

    /// The options of the line, in order.
    pub fn options(&self) -> impl DoubleEndedIterator<Item = OptionItem<'a>> {
        self.items().filter_map(|item| match item {
            Item::Option(option) => Some(option),
            Item::Positional { .. } => None,
        })
    }

    fn item(&self, raw: RawItem) -> Option<Item<'a>> {
        let RawItem { word, dashes, spec, has_value } = raw;
        let text = self.word(word)?;
        if dashes == 0 {
            return Some(Item::Positional { word, text });
        }
        let name = OsStr::from_bytes(text.as_bytes().get(dashes..)?);
        let value = if has_value { self.word(word + 1) } else { None };
        Some(Item::Option(OptionItem { word, dashes, name, spec, value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line as text: an option as `name(value)`, a positional word as itself.
    fn read(words: &[&str]) -> String {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        let line = CommandLine::parse(&words);
        let shown: Vec<String> = line
            .items()
            .map(|item| match item {
                Item::Positional { text, .. } => text.to_str().unwrap().to_owned(),
                Item::Option(o) => match o.value {
                    None => format!("{}()", o.name.to_str().unwrap()),
                    Some(v) => {
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
