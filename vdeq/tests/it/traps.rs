//! No trap of the C programs is without a test beside those programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The traps that have tests in a source: `fn v3_...` is about V3, `fn l1_v17_...` about both.
fn traps_in(source: &str) -> BTreeSet<String> {
    let names = source.split("#[test]\nfn ").skip(1).filter_map(|test| test.split('(').next());
    let is_trap = |word: &&str| {
        let digits = word.strip_prefix(['v', 'l']).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let traps = names.flat_map(|name| name.split('_').take_while(is_trap));
    traps.map(str::to_uppercase).collect()
}

#[test]
fn every_trap_of_the_c_programs_has_a_test_beside_them() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/bugs");
    let sources = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let tested: BTreeSet<_> =
        sources.flat_map(|path| traps_in(&fs::read_to_string(path).unwrap())).collect();
    let known: BTreeSet<_> = (1..=31)
        .map(|number| format!("V{number}"))
        .chain((1..=16).map(|number| format!("L{number}")))
        .collect();
    assert_eq!(tested, known);
}

#[test]
fn the_traps_of_a_test_are_read_from_the_beginning_of_its_name() {
    let source = "#[test]\nfn v3_l12_x_v4_y() {}\nfn v5_z() {}\n#[test]\nfn vm() {}\n";
    assert_eq!(traps_in(source), BTreeSet::from(["L12".to_owned(), "V3".to_owned()]));
}
