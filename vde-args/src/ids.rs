//! Ids for what the rewrite adds: `vdeq0`, `vdeq1`, ..., but for those that are on the line already.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;

use crate::CommandLine;

/// What every generated id starts with.
const STEM: &[u8] = b"vdeq";

/// A supply of ids.
pub(crate) struct Ids<'a> {
    line: &'a CommandLine<'a>,
    /// The numbers that stand behind the stem anywhere on the line; looked for when first needed.
    used: Option<BTreeSet<u32>>,
    next: u32,
}

impl<'a> Ids<'a> {
    pub(crate) fn of(line: &'a CommandLine<'a>) -> Self {
        Self { line, used: None, next: 0 }
    }

    /// An id that nothing on the line can clash with, because it is nowhere on the line.
    pub(crate) fn fresh(&mut self) -> Vec<u8> {
        let line = self.line;
        let used = self.used.get_or_insert_with(|| {
            line.words().flat_map(|word| numbers(word.as_bytes())).collect()
        });
        while used.contains(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let id = [STEM, self.next.to_string().as_bytes()].concat();
        self.next = self.next.wrapping_add(1);
        id
    }
}

/// The numbers in `text` that stand right behind the stem.
fn numbers(text: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let places = (0..text.len()).filter_map(move |at| text.get(at..)?.strip_prefix(STEM));
    places.filter_map(|rest| {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_three(words: &[&str]) -> Vec<String> {
        let words: Vec<_> = words.iter().map(Into::into).collect();
        let line = CommandLine::parse(&words);
        let mut ids = Ids::of(&line);
        (0..3).map(|_| String::from_utf8(ids.fresh()).unwrap()).collect()
    }

    #[test]
    fn ids_count_from_0() {
        assert_eq!(first_three(&[]), ["vdeq0", "vdeq1", "vdeq2"]);
    }

    #[test]
    fn numbers_that_are_on_the_line_are_left_out() {
        let line = ["-drive", "id=vdeq0,file=vdeq2vdeq3", "vdeq", "vdeq99999999999"];
        assert_eq!(first_three(&line), ["vdeq1", "vdeq4", "vdeq5"]);
    }

    #[test]
    fn a_number_with_leading_zeros_or_a_longer_one_is_no_clash() {
        assert_eq!(first_three(&["vdeq10", "vdeq01"]), ["vdeq0", "vdeq2", "vdeq3"]);
    }
}
