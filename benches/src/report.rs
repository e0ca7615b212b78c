//! Where a bench's findings go: to standard output, and into a file that `cargo xtask bench` makes a
//! part of `docs/performance.md`.

use std::path::PathBuf;

/// The directory for the files, a variable that `cargo xtask bench` sets.
pub const DIRECTORY: &str = "VDEQ_BENCH_REPORT";

/// How a bench was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// `--test`: only to see that everything runs.
    pub is_test: bool,
    words: Vec<String>,
}

impl Arguments {
    /// Those of this process; what is only for criterion is passed over.
    #[must_use]
    pub fn read() -> Self {
        Self::from(std::env::args().skip(1))
    }

    fn from(arguments: impl Iterator<Item = String>) -> Self {
        let (options, words): (Vec<_>, Vec<_>) =
            arguments.partition(|argument| argument.starts_with('-'));
        Self { is_test: options.iter().any(|option| option == "--test"), words }
    }

    /// Whether this part is wanted: every part is, or one of the words is in its name.
    #[must_use]
    pub fn wants(&self, part: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| part.contains(word.as_str()))
    }
}

/// One chapter of the report.
#[derive(Debug)]
pub struct Report {
    name: &'static str,
    is_kept: bool,
    text: String,
}

impl Report {
    /// An empty chapter; what a test run finds is printed, but not kept.
    #[must_use]
    pub fn new(name: &'static str, arguments: &Arguments) -> Self {
        Self { name, is_kept: !arguments.is_test, text: String::new() }
    }

    /// Adds a paragraph or a table, and prints it.
    pub fn add(&mut self, text: &str) {
        println!("{}\n", text.trim_end());
        self.text.push_str(text.trim_end());
        self.text.push_str("\n\n");
    }

    /// Writes the chapter to `NAME.md`, if a directory for it is named.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn finish(self) {
        self.keep("md", &self.text);
    }

    /// Writes something that belongs to the chapter to `NAME.EXTENSION`.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn keep(&self, extension: &str, text: &str) {
        let directory = std::env::var_os(DIRECTORY).filter(|_| self.is_kept && !text.is_empty());
        if let Some(directory) = directory.map(PathBuf::from) {
            let file = directory.join(format!("{}.{extension}", self.name));
            std::fs::write(file, text).expect("writing the report");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_select_parts_and_options_are_not_words() {
        let read = |words: &[&str]| Arguments::from(words.iter().map(|&word| word.to_owned()));
        let all = read(&["--bench", "--test"]);
        assert!(all.is_test && all.wants("hop"));
        let some = read(&["--bench", "hop", "nics"]);
        assert!(!some.is_test && some.wants("hop") && some.wants("nics") && !some.wants("switch"));
    }
}
