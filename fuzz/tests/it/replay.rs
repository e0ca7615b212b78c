//! Every input of the corpora, as plain tests.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Makes a test of each target's name, and a list of the names.
macro_rules! replays {
    ($($target:ident => $test:ident),* $(,)?) => {
        const REPLAYED: &[&str] = &[$(stringify!($target)),*];
        $(
            #[test]
            fn $test() {
                replay(stringify!($target), vde_fuzz::$target::check);
            }
        )*
    };
}

replays! {
    argv => every_command_line_of_the_corpus_keeps_the_laws,
    console => every_session_of_the_corpus_keeps_the_laws,
    control => every_question_of_the_corpus_keeps_the_laws,
    handshake => every_handshake_of_the_corpus_keeps_the_laws,
    json => every_object_of_the_corpus_keeps_the_laws,
    keyval => every_list_of_the_corpus_keeps_the_laws,
    own => every_line_of_own_options_of_the_corpus_keeps_the_laws,
    relay => every_bad_network_of_the_corpus_keeps_the_laws,
    reply => every_reply_of_the_corpus_keeps_the_laws,
    request => every_request_of_the_corpus_keeps_the_laws,
    sim => every_world_of_the_corpus_keeps_the_laws,
    switch => every_story_of_a_switch_in_the_corpus_keeps_the_laws,
    vnl => every_locator_of_the_corpus_keeps_the_laws,
}

/// What the tree may hold for one target; `cargo fuzz cmin` makes it less.
const MOST_FILES: usize = 150;
const MOST_BYTES: usize = 300 * 1024;

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = package().join("corpus").join(target);
    let inputs = files(&corpus);
    let mut bytes = 0;
    for name in &inputs {
        let input = fs::read(corpus.join(name)).expect(name);
        bytes += input.len();
        // The message of the broken law is printed already; this says by what it was broken.
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&input)));
        assert!(outcome.is_ok(), "fuzz/corpus/{target}/{name} breaks a law");
    }
    assert!(!inputs.is_empty(), "fuzz/corpus/{target} is empty");
    assert!(inputs.len() <= MOST_FILES, "fuzz/corpus/{target}: {} files", inputs.len());
    assert!(bytes <= MOST_BYTES, "fuzz/corpus/{target}: {bytes} bytes");
}

#[test]
fn every_target_has_a_program_a_replay_and_a_corpus_and_nothing_has_no_target() {
    let replayed: BTreeSet<String> = REPLAYED.iter().map(ToString::to_string).collect();
    let programs = files(&package().join("fuzz_targets"));
    let programs: BTreeSet<String> =
        programs.iter().map(|name| name.trim_end_matches(".rs").to_owned()).collect();
    assert_eq!(programs, replayed, "fuzz_targets/");
    assert_eq!(files(&package().join("corpus")), replayed, "corpus/");
    assert_eq!(bins(), replayed, "[[bin]] of Cargo.toml");
}

#[test]
fn no_program_does_more_than_to_call_its_laws() {
    for target in REPLAYED {
        let text = fs::read_to_string(package().join(format!("fuzz_targets/{target}.rs"))).unwrap();
        let calls = format!("vde_fuzz::{target}::check(data)");
        assert!(text.contains(&calls) && text.lines().count() == 3, "{target}: {text}");
    }
}

/// The programs that the manifest declares, each only for libFuzzer.
fn bins() -> BTreeSet<String> {
    let manifest = fs::read_to_string(package().join("Cargo.toml")).unwrap();
    let bins = manifest.split("[[bin]]").skip(1).map(|bin| {
        let value = |key: &str| {
            let line = bin.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
            line.unwrap_or_else(|| panic!("a bin without {key}:{bin}")).trim_matches('"')
        };
        assert_eq!(value("required-features"), "[\"libfuzzer\"]");
        assert_eq!(value("path"), format!("fuzz_targets/{}.rs", value("name")));
        value("name").to_owned()
    });
    bins.collect()
}

/// The names in a directory.
fn files(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
