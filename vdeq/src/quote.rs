//! Text for a terminal: shell quoting, and arguments with a caret under the part that is wrong.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

/// One argument as a shell would have to be given it.
pub(crate) fn shell(arg: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=+:,./@%^".contains(byte);
    if !arg.is_empty() && arg.as_bytes().iter().all(plain) {
        return arg.to_string_lossy().into_owned();
    }
    match arg.to_str() {
        Some(text) if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => format!("$'{}'", printable(arg.as_bytes(), &['\\', '\''])),
    }
}

/// A command line as a shell would have to be given it.
pub(crate) fn shell_line<'a>(args: impl IntoIterator<Item = &'a OsStr>) -> String {
    args.into_iter().map(shell).collect::<Vec<_>>().join(" ")
}

/// The argument `args[index]`, with the word before it, and carets under the bytes `span` of it.
pub(crate) fn point_at(args: &[impl AsRef<OsStr>], index: usize, span: &Range<usize>) -> String {
    let word = |index: usize| args.get(index).map(|arg| arg.as_ref().as_bytes());
    let before = index.checked_sub(1).and_then(word).unwrap_or_default();
    let bytes = word(index).unwrap_or_default();
    let end = span.end.min(bytes.len());
    let start = span.start.min(end);
    let (head, wrong) = (
        escaped(bytes.get(..start).unwrap_or_default()),
        escaped(bytes.get(start..end).unwrap_or_default()),
    );
    let lead = match before {
        b"" => "    ".to_owned(),
        before => format!("    {} ", escaped(before)),
    };
    let indent = lead.chars().count() + head.chars().count();
    let carets = wrong.chars().count().max(1);
    format!("{lead}{}\n{:indent$}{:^<carets$}", escaped(bytes), "", "")
}

/// Text of others (a path, a reply, an argument) as one line that does nothing to a terminal.
pub(crate) fn harmless(text: &str) -> String {
    printable(text.as_bytes(), &[])
}

/// Bytes as printable text: what is not printable becomes `\xNN`.
fn escaped(bytes: &[u8]) -> String {
    printable(bytes, &['\\'])
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
                _ if char.is_control() => {
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
    fn a_terminal_is_never_sent_control_characters() {
        let args = ["\u{1b}[2J", "a\u{7}b"];
        let text = point_at(&args, 1, &(1..2));
        assert_eq!(text, "    \\x1b[2J a\\x07b\n             ^^^^");
    }
}
