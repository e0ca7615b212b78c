//! Command lines that make QEMU print something and exit. They need no network.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::keyval::{KeyVal, Rules};
use crate::{CommandLine, OptionItem};

/// Options that print when they stand alone.
const PRINT: [&[u8]; 4] = [b"h", b"help", b"version", b"audio-help"];

/// Options that print what there is when their argument is `help` or `?`, or a list with such an
/// item. Others take the word for what it says: `-name help` is a name. Sorted.
const LIST: [&[u8]; 21] = [
    b"L",
    b"M",
    b"accel",
    b"audio",
    b"audiodev",
    b"boot",
    b"chardev",
    b"cpu",
    b"d",
    b"device",
    b"display",
    b"machine",
    b"netdev",
    b"object",
    b"plugin",
    b"smp",
    b"soundhw",
    b"tpmdev",
    b"trace",
    b"vga",
    b"watchdog",
];

/// The first argument that asks QEMU for information only: its place in argv, and its text.
pub(crate) fn informational(line: &CommandLine<'_>) -> Option<(usize, OsString)> {
    let index = line.options().find(asks)?.subject();
    Some((index, line.word(index)?.to_owned()))
}

fn asks(option: &OptionItem<'_>) -> bool {
    let name = option.name.as_bytes();
    let Some(value) = option.value else { return PRINT.contains(&name) };
    let list = KeyVal::parse(value.as_bytes(), Rules::Qemu);
    match name {
        b"nic" if list.last(b"type").is_some_and(|name| is_help(&name)) => true,
        b"net" | b"nic" => list.last(b"model").is_some_and(|model| is_help(&model)),
        b"drive" => list.last(b"format").is_some_and(|format| is_help(&format)),
        _ if LIST.binary_search(&name).is_ok() => list.entries().iter().any(|entry| {
            // A word of its own, not the `id=help` of something.
            match (&entry.key, &entry.value) {
                (None, Some(word)) | (Some(word), None) => is_help(list.bytes(word)),
                _ => false,
            }
        }),
        _ => false,
    }
}

fn is_help(word: &[u8]) -> bool {
    matches!(word, b"help" | b"?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks_for_information(words: &[&str]) -> bool {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        informational(&CommandLine::parse(&words)).is_some()
    }

    #[test]
    fn the_options_that_list_are_sorted_and_real() {
        assert!(LIST.is_sorted());
        assert!(LIST.iter().all(|name| crate::OptionSpec::find(name).is_some_and(|o| o.takes_arg)));
        assert!(
            PRINT.iter().all(|name| crate::OptionSpec::find(name).is_some_and(|o| !o.takes_arg))
        );
    }

    #[test]
    fn questions_are_recognised() {
        let questions: [&[&str]; 11] = [
            &["-drive", "format=?"],
            &["-plugin", "help"],
            &["-nic", "help"],
            &["-version"],
            &["-m", "1", "--help"],
            &["-h"],
            &["-cpu", "help"],
            &["-M", "?"],
            &["-device", "e1000,help"],
            &["-net", "nic,model=help"],
            &["-netdev", "help"],
        ];
        for question in questions {
            assert!(asks_for_information(question), "{question:?}");
        }
    }

    #[test]
    fn the_word_help_elsewhere_is_a_word() {
        let names: [&[&str]; 6] = [
            &["-name", "help"],
            &["-kernel", "?"],
            &["-name", "-version"],
            &["help"],
            &["-device", "e1000,id=help"],
            &["-append", "a,help"],
        ];
        for name in names {
            assert!(!asks_for_information(name), "{name:?}");
        }
    }
}
