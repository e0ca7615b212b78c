//! One thing that the doctor found.

use serde_json::{Value, json};

use crate::failure::without_number;
use crate::quote;

/// The column at which what is found begins.
const MARGIN: usize = 9;

/// The column at which lines end.
const RIGHT: usize = 80;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; somebody may want it so.
    Note,
    /// Something does not work.
    Wrong,
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Qemu,
    Switch,
    Host,
    /// This user's settings, and vdeq itself.
    Here,
}

/// What was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) topic: Topic,
    pub(super) says: String,
    fix: Option<Fix>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fix {
    /// To be typed, or pasted: in one line.
    Command(String),
    Words(String),
}

impl Topic {
    pub(super) const ALL: [Self; 4] = [Self::Qemu, Self::Switch, Self::Host, Self::Here];

    /// Above its findings.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Qemu => "QEMU",
            Self::Switch => "switches",
            Self::Host => "kernel",
            Self::Here => "vdeq",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Switch => "switch",
            Self::Host => "kernel",
            Self::Here => "vdeq",
        }
    }
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

impl Finding {
    pub(super) fn ok(topic: Topic, says: impl Into<String>) -> Self {
        Self::new(Level::Ok, topic, says)
    }

    pub(super) fn note(topic: Topic, says: impl Into<String>) -> Self {
        Self::new(Level::Note, topic, says)
    }

    pub(super) fn wrong(topic: Topic, says: impl Into<String>) -> Self {
        Self::new(Level::Wrong, topic, says)
    }

    /// What others said (a switch, a path, the environment) is made harmless here, once.
    pub(super) fn new(level: Level, topic: Topic, says: impl Into<String>) -> Self {
        Self { level, topic, says: quote::harmless(&without_number(&says.into())), fix: None }
    }

    /// With the command that mends it.
    pub(super) fn by(self, command: impl Into<String>) -> Self {
        Self { fix: Some(Fix::Command(quote::harmless(&command.into()))), ..self }
    }

    /// With words on how to mend it, if there are any.
    pub(super) fn so(self, words: impl Into<String>) -> Self {
        let words = words.into();
        let fix = (!words.is_empty()).then(|| Fix::Words(quote::harmless(&words)));
        Self { fix, ..self }
    }

    /// As lines of a page.
    pub(super) fn lines(&self) -> String {
        let head = format!("  {:<7}", self.level.name());
        let margin = " ".repeat(MARGIN);
        let fix = match &self.fix {
            None => String::new(),
            Some(Fix::Command(command)) => format!("{margin}-> {command}\n"),
            Some(Fix::Words(words)) => wrapped(&margin, &format!("-> {words}")),
        };
        wrapped(&head, &self.says) + &fix
    }

    pub(super) fn json(&self) -> Value {
        let fix = self.fix.as_ref().map(|fix| match fix {
            Fix::Command(text) | Fix::Words(text) => text,
        });
        json!({
            "level": self.level.name(),
            "topic": self.topic.name(),
            "says": self.says,
            "fix": fix,
        })
    }
}

/// The text in lines that are short enough, behind a head and below it.
fn wrapped(head: &str, text: &str) -> String {
    let mut lines = String::new();
    let mut line = head.to_owned();
    let mut is_fresh = true;
    for word in text.split(' ') {
        if !is_fresh && line.chars().count() + 1 + word.chars().count() > RIGHT {
            lines += &line;
            lines.push('\n');
            line = " ".repeat(MARGIN + 3);
            is_fresh = true;
        }
        if !is_fresh {
            line.push(' ');
        }
        line += word;
        is_fresh = false;
    }
    lines + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_and_what_to_do_stand_in_one_column() {
        let text = Finding::wrong(Topic::Qemu, "it is \u{1b}[2Jbad").so("mend it").lines();
        assert_eq!(text, "  wrong  it is \\x1b[2Jbad\n         -> mend it\n");
        assert_eq!(Finding::ok(Topic::Qemu, "fine").lines(), "  ok     fine\n");
    }

    #[test]
    fn a_command_stands_in_one_line_however_long_it_is() {
        let command = format!("rm {}", "'a b' ".repeat(40));
        let text = Finding::note(Topic::Switch, "left").by(command.as_str()).lines();
        assert_eq!(text, format!("  note   left\n         -> {command}\n"));
    }

    #[test]
    fn long_lines_are_wrapped_and_a_long_word_is_not_cut() {
        let text = Finding::ok(Topic::Host, format!("{} {} x", "a ".repeat(60), "b".repeat(150)));
        let lines = text.lines();
        let lines: Vec<_> = lines.lines().collect();
        assert!(lines.len() >= 3 && lines[0].chars().count() <= RIGHT, "{lines:?}");
        assert!(lines.iter().any(|line| line.contains(&"b".repeat(150))), "{lines:?}");
        assert!(lines[1..].iter().all(|line| line.starts_with(&" ".repeat(MARGIN + 3))));
    }
}
