//! The code cites sentences of `docs/protocol.md`: they must exist, once each.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn specification() -> String {
    fs::read_to_string(root().join("docs/protocol.md")).unwrap()
}

/// The numbers in all `[P-…` of a text, whether or not rustdoc made us escape the bracket.
fn citations(text: &str) -> Vec<String> {
    let is_number = |c: &char| c.is_ascii_digit() || *c == '.';
    text.split("[P-").skip(1).map(|rest| rest.chars().take_while(is_number).collect()).collect()
}

/// The numbers of the sentences, in the order of the specification.
fn sentences(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with("- [P-"))
        .filter_map(|l| citations(l).into_iter().next())
        .collect()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_sentence_has_a_number_of_its_own_in_rising_order() {
    let text = specification();
    let numbers: Vec<(u32, u32)> = sentences(&text)
        .iter()
        .map(|number| {
            let (section, sentence) = number.split_once('.').expect(number);
            (section.parse().expect(number), sentence.parse().expect(number))
        })
        .collect();
    assert!(numbers.len() > 100);
    for (&(section, sentence), next) in numbers.iter().zip(&numbers[1..]) {
        let follows = [(section, sentence + 1), (section + 1, 1)];
        assert!(follows.contains(next), "{next:?} follows ({section}, {sentence})");
    }
}

#[test]
fn every_cited_sentence_exists() {
    let text = specification();
    let known: BTreeSet<String> = sentences(&text).into_iter().collect();
    let mut files = vec![root().join("docs/protocol.md")];
    for package in ["vde-proto", "vde-args", "vde-exec", "vdeq"] {
        sources(&root().join(package).join("src"), &mut files);
    }
    let mut count = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for number in citations(&text) {
            // The introduction of the specification shows the form of a number, without one.
            if number.is_empty() && file.ends_with("docs/protocol.md") {
                continue;
            }
            count += 1;
            assert!(known.contains(&number), "{} cites [P-{number}]", file.display());
        }
    }
    assert!(count > 100, "only {count} citations were found");
}

#[test]
fn a_citation_is_found_in_comments_and_in_escaped_documentation() {
    assert_eq!(citations("// [P-1.2]. /// \\[P-13.10\\] [P-x]"), ["1.2", "13.10", ""]);
}
