//! The manual page: its source with the tables of options put in, as mdoc(7).

use vde_args::{OWN_OPTIONS, OwnOption, OwnValue, PLUG_WORDS, RELAY_WORDS, Word};

/// Longest line, for those who read the page's source.
const WIDTH: usize = 70;

/// The page.
pub(super) fn page(source: &str) -> String {
    let mut page = String::from(
        ".\\\" Made by `cargo xtask man` of vdeq.1.in and the tables of options: change those.\n",
    );
    for line in source.lines() {
        match line {
            ".\\\" @OPTIONS@" => {
                OWN_OPTIONS.iter().for_each(|option| add_option(&mut page, option))
            }
            ".\\\" @PLUG_WORDS@" => PLUG_WORDS.iter().for_each(|word| add_word(&mut page, word)),
            ".\\\" @RELAY_WORDS@" => RELAY_WORDS.iter().for_each(|word| add_word(&mut page, word)),
            line => {
                page.push_str(line);
                page.push('\n');
            }
        }
    }
    page
}

fn add_option(page: &mut String, option: &OwnOption) {
    let flag = |spelling: &&str| format!("Fl {}", spelling.strip_prefix('-').unwrap_or(spelling));
    let mut flags: Vec<_> = option.spellings.iter().map(flag).collect();
    match option.value {
        OwnValue::Required(value) => {
            if let Some(last) = flags.last_mut() {
                *last = format!("{last} Ar {value}");
            }
        }
        // The first spelling has two dashes, and takes it.
        OwnValue::Optional(value) => {
            if let Some(first) = flags.first_mut() {
                *first = format!("{first} Ns Oo = Ns Ar {value} Oc");
            }
        }
        _ => {}
    }
    page.push_str(&format!(".It {}\n{}", flags.join(" , "), text(option.about)));
}

fn add_word(page: &mut String, word: &Word) {
    let head = match word.value {
        "" => format!("Cm {}", word.name),
        value => format!("Cm {}= Ns Ar {value}", word.name),
    };
    page.push_str(&format!(".It {head}\n{}", text(word.about)));
}

/// A paragraph: each sentence begins a line, and what is between backticks is bold.
fn text(about: &str) -> String {
    let mut text = String::new();
    for sentence in about.replace(". ", ".\n").lines() {
        let mut line = String::new();
        for word in sentence.split(' ') {
            if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
                text.push_str(&escape(&line));
                line.clear();
            }
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
        text.push_str(&escape(&line));
    }
    text
}

/// A line of text. Backticks stand in pairs on it.
fn escape(line: &str) -> String {
    assert!(line.matches('`').count() % 2 == 0, "half of a literal on a line: {line}");
    let pieces = line.split('`').enumerate().map(|(index, piece)| {
        let piece = piece.replace('\\', "\\e");
        if index % 2 == 0 { piece } else { format!("\\fB{}\\fR", piece.replace('-', "\\-")) }
    });
    let line: String = pieces.collect();
    let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_a_line_and_literals_are_bold() {
        assert_eq!(text("Say `-v`. Then \\ it."), "Say \\fB\\-v\\fR.\nThen \\e it.\n");
        assert_eq!(escape(".so"), "\\&.so\n");
        let long = "word ".repeat(40);
        assert!(text(&long).lines().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn every_option_and_word_is_an_item_of_the_page() {
        let page = page(".\\\" @OPTIONS@\n.\\\" @PLUG_WORDS@\n.\\\" @RELAY_WORDS@\n");
        assert_eq!(
            page.lines().filter(|line| line.starts_with(".It ")).count(),
            OWN_OPTIONS.len() + PLUG_WORDS.len() + RELAY_WORDS.len()
        );
        assert!(page.contains(".It Fl -mod , Fl mod , Fl -mode , Fl mode Ar OCTAL\n"));
        assert!(page.contains(".It Fl -help Ns Oo = Ns Ar all Oc , Fl h , Fl help\n"));
        assert!(page.contains(".It Cm to= Ns Ar vm|switch\n"));
    }
}
