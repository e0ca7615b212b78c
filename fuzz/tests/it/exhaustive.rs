//! Every command line of up to four words that matter, that look as if, or that hurt, in every
//! dialect of QEMU.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use vde_args::{CommandLine, Style};
use vde_fuzz::laws;

const VOCABULARY: [&[u8]; 24] = [
    b"",
    b"-",
    b"--",
    b"--modernize",
    b"--net",
    b"-append",
    b"-device",
    b"-foo",
    b"-localtime",
    b"-name",
    b"-net",
    b"-netdev",
    b"-nic",
    b"-sock",
    b"\xff,vlan=\xfe,,",
    b"e1000,netdev=vdeq0,vlan=3",
    b"nic,vlan=1",
    b"user,vlan=1",
    b"vde",
    b"vde,",
    b"vde,,sock=\"a,b\"",
    b"vde,id=vdeq0,vlan=1",
    b"{\"type\":\"vde\",\"id\":\"n0\"}",
    b"{vde:/s}",
];

/// Those of them that swallow the next word, whatever it is.
const HUNGRY: [&str; 7] = ["--net", "-append", "-device", "-name", "-net", "-netdev", "-nic"];

/// Those that no QEMU ever had, and that take the next word unless it has a dash.
const UNKNOWN: [&str; 5] = ["-", "--", "--modernize", "-foo", "-sock"];

/// How many lines there are of up to four words.
const LINES: usize = 1 + 24 + 24 * 24 + 24 * 24 * 24 + 24 * 24 * 24 * 24;

/// Calls `check` with every line of up to four words, behind `front`.
fn every_line(front: &[&str], check: impl Fn(&[OsString])) {
    let words = VOCABULARY.map(|word| OsString::from_vec(word.to_vec()));
    let mut count = 0;
    for length in 0..=4u32 {
        for number in 0..words.len().pow(length) {
            let pick = |place| words[number / words.len().pow(place) % words.len()].clone();
            let front = front.iter().map(OsString::from);
            let line: Vec<OsString> = front.chain((0..length).map(pick)).collect();
            check(&line);
            count += 1;
        }
    }
    assert_eq!(count, LINES);
}

#[test]
fn every_line_of_up_to_four_hostile_words_keeps_the_laws() {
    every_line(&["vdeq", "qemu"], laws::argv);
}

#[test]
fn every_line_of_up_to_four_hostile_words_keeps_them_for_the_qemu_of_2005() {
    every_line(&["vdeoqemu"], laws::argv);
}

#[test]
fn every_line_of_up_to_four_hostile_words_keeps_them_without_a_program() {
    every_line(&["vdeq"], laws::argv);
}

#[test]
fn every_line_of_up_to_four_hostile_words_keeps_them_behind_placeholders() {
    every_line(&["vdeq", "--fd-placeholder", "vm"], laws::argv);
}

#[test]
fn every_line_of_up_to_four_hostile_words_keeps_them_as_qemus_alone() {
    every_line(&[], |words| laws::line(words, Style::Current, true));
}

#[test]
fn every_line_of_up_to_four_hostile_words_is_cut_where_qemu_cuts_it() {
    every_line(&[], |words| {
        let mut at = 0;
        for item in CommandLine::parse(words).items() {
            let name = words[at].to_str().unwrap_or_default();
            let next = words.get(at + 1).map(|word| word.as_encoded_bytes());
            let is_taken = next.is_some_and(|next| {
                HUNGRY.contains(&name) || UNKNOWN.contains(&name) && !next.starts_with(b"-")
            });
            assert_eq!(
                (item.word(), item.word_count()),
                (at, 1 + usize::from(is_taken)),
                "{words:?}"
            );
            at += item.word_count();
        }
        assert_eq!(at, words.len());
    });
}
