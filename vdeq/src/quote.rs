//! Text for a terminal: shell quoting, and arguments with a caret under the part that is wrong.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use unicode_width::UnicodeWidthStr;

/// One argument as a shell would have to be given it.
pub(crate) fn shell(arg: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=+:,./@%^".contains(byte);
    if !arg.is_empty() && arg.as_bytes().iter().all(plain) {
        return arg.to_string_lossy().into_owned();
    }
    match arg.to_str() {
        Some(text) if !text.chars().any(disturbs) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => format!("$'{}'", printable(arg.as_bytes(), &['\\', '\''])),
    }
}

/// A command line as a shell would have to be given it.
pub(crate) fn shell_line<'a>(args: impl IntoIterator<Item = &'a OsStr>) -> String {
    args.into_iter().map(shell).collect::<Vec<_>>().join(" ")
}

/// Paths in a sentence, with this between them.
pub(crate) fn paths(paths: &[PathBuf], between: &str) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(between)
}

/// The argument `args[index]`, with the word before it, and carets under the bytes `span` of it. Of a
/// long argument only what is around those bytes is shown.
pub(crate) fn point_at(args: &[impl AsRef<OsStr>], index: usize, span: &Range<usize>) -> String {
    let word = |index: usize| args.get(index).map(|arg| arg.as_ref().as_bytes());
    let before = index.checked_sub(1).and_then(word).unwrap_or_default();
    let bytes = word(index).unwrap_or_default();
    let end = span.end.min(bytes.len());
    let start = span.start.min(end);
    let part = |range: Range<usize>| escaped(bytes.get(range).unwrap_or_default());
    let head = last_of(&part(0..start));
    let wrong = first_of(&part(start..end));
    let tail = first_of(&part(end..bytes.len()));
    let lead = match before {
        b"" => "    ".to_owned(),
        before => format!("    {} ", first_of(&escaped(before))),
    };
    let blanks = " ".repeat(lead.width() + head.width());
    let carets = "^".repeat(wrong.width().max(1));
    format!("{lead}{head}{wrong}{tail}\n{blanks}{carets}")
}

/// How much is shown of each part of an argument, in characters.
const MOST: usize = 100;

/// The beginning of a text.
fn first_of(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

/// The end of a text.
fn last_of(text: &str) -> String {
    match text.char_indices().nth_back(MOST) {
        None => text.to_owned(),
        Some((end, char)) => {
            format!("...{}", text.get(end + char.len_utf8()..).unwrap_or_default())
        }
    }
}

/// Text of others (a path, a reply, an argument) as one line that does nothing to a terminal.
pub(crate) fn harmless(text: &str) -> String {
    printable(text.as_bytes(), &[])
}

/// Bytes as printable text: what is not printable becomes `\xNN`.
fn escaped(bytes: &[u8]) -> String {
    printable(bytes, &['\\'])
}

/// Whether a character does something else than to be seen: steers a terminal, or has what stands around
/// it seen in another order.
fn disturbs(char: char) -> bool {
    let turns = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}'];
    let embeds = ('\u{202a}'..='\u{202e}').contains(&char);
    let isolates = ('\u{2066}'..='\u{2069}').contains(&char);
    char.is_control() || turns.contains(&char) || embeds || isolates
}

/// Bytes as printable text, with a backslash before the characters `special`.
fn printable(bytes: &[u8], special: &[char]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                _ if special.contains(&char) => {
                    let _ = write!(text, "\\{char}");
                }
                _ if disturbs(char) => {
                    let mut buffer = [0; 4];
                    push_hex(&mut text, char.encode_utf8(&mut buffer).as_bytes());
                }
                _ => text.push(char),
            }
        }
        push_hex(&mut text, chunk.invalid());
    }
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_split_or_expand_is_quoted() {
        let quoted = |text: &str| shell(OsStr::new(text));
        assert_eq!(quoted("-net"), "-net");
        assert_eq!(quoted("socket,fd=3"), "socket,fd=3");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("a\nb"), r"$'a\x0ab'");
        assert_eq!(shell(OsStr::from_bytes(b"\xff'\\")), r"$'\xff\'\\'");
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let all: Vec<u8> = (1..=255).collect();
        for text in [&all[..], b"", b"it's", b"$HOME `x` \"y\" *"] {
            let arg = OsStr::from_bytes(text);
            let script = format!("printf %s {}", shell(arg));
            let output = std::process::Command::new("bash").arg("-c").arg(script).output().unwrap();
            assert_eq!(output.stdout, text);
        }
    }

    #[test]
    fn nothing_is_seen_in_another_order_than_it_has() {
        assert_eq!(harmless("a\u{202e}b"), "a\\xe2\\x80\\xaeb");
        assert_eq!(shell(OsStr::new("\u{2066}")), r"$'\xe2\x81\xa6'");
    }

    #[test]
    fn carets_stand_under_the_bytes_in_question() {
        let args = ["vdeq", "qemu", "-net", "vde,port=abc"];
        let text = point_at(&args, 3, &(9..12));
        assert_eq!(text, "    -net vde,port=abc\n                  ^^^");
    }

    #[test]
    fn an_empty_span_gets_one_caret_and_a_wild_one_does_no_harm() {
        let args = ["vdeq", "x"];
        assert_eq!(point_at(&args, 1, &(1..1)), "    vdeq x\n          ^");
        assert_eq!(point_at(&args, 1, &(7..900)), "    vdeq x\n          ^");
        assert_eq!(point_at(&args, 9, &(0..3)), "    \n    ^");
    }

    #[test]
    fn carets_stand_under_wide_characters_too() {
        let args = ["vdeq", "sock=/\u{65e5}\u{672c},prot=1"];
        let text = point_at(&args, 1, &(13..17));
        assert_eq!(text, format!("    vdeq {}\n{}^^^^", args[1], " ".repeat(20)));
    }

    #[test]
    fn of_a_long_argument_the_part_around_the_wrong_bytes_is_shown() {
        let long = "x".repeat(70_000);
        let (before, behind) = (format!("{long}no"), format!("no{long}"));
        let shown = "x".repeat(MOST);
        assert_eq!(
            point_at(&["-net", &before], 1, &(70_000..70_002)),
            format!("    -net ...{shown}no\n{}^^", " ".repeat(12 + MOST))
        );
        assert_eq!(point_at(&["", &behind], 1, &(0..2)), format!("    no{shown}...\n    ^^"));
        let all = format!("    {shown}...\n    {}", "^".repeat(MOST + 3));
        assert_eq!(point_at(&["", &long], 1, &(0..70_000)), all);
    }

    #[test]
    fn a_terminal_is_never_sent_control_characters() {
        let args = ["\u{1b}[2J", "a\u{7}b"];
        let text = point_at(&args, 1, &(1..2));
        assert_eq!(text, "    \\x1b[2J a\\x07b\n             ^^^^");
    }
}
