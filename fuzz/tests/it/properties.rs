//! The laws over random command lines, lists and objects: as many as `PROPTEST_CASES` says of each.
//! Each property tells how many it tried and how long that took (`cargo test -- --nocapture`,
//! `cargo xtask soak`).

use std::fmt::Debug;
use std::hint::black_box;
use std::panic::catch_unwind;
use std::time::Instant;

use arbitrary::{Arbitrary, Unstructured};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use vde_args::{
    ArbitraryArgv, ArbitraryLine, ArbitraryList, ArbitraryObject, Dialect, QemuVersion, Style,
};
use vde_fuzz::{argv, json, keyval, laws};

/// How many cases there are of each property, if nothing is said.
const USUAL: u32 = 100_000;

/// How many bytes a case is made of at most: enough for a line of a dozen items.
const BYTES: usize = 256;

/// Tries the property `name` on values that are made of random bytes. A value that breaks it is
/// made smaller before it is shown.
fn holds<T: Debug>(name: &str, make: fn(&[u8]) -> T, check: impl Fn(T)) {
    let told = std::env::var("PROPTEST_CASES").ok();
    let cases = told.map_or(USUAL, |cases| cases.parse().expect("PROPTEST_CASES is a number"));
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let start = Instant::now();
    let values = vec(any::<u8>(), 0..BYTES).prop_map(|bytes| make(&bytes));
    let outcome = TestRunner::new(config).run(&values, |value| {
        check(value);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{name}: {error}");
    }
    let took = start.elapsed().as_secs_f64();
    println!("{name}: {cases} cases in {took:.1} s, {:.0} a second", f64::from(cases) / took);
}

/// A value of the generator for it.
fn drawn<T: for<'a> Arbitrary<'a>>(bytes: &[u8]) -> T {
    T::arbitrary(&mut Unstructured::new(bytes)).expect("a generator makes do with any bytes")
}

#[test]
fn any_command_line_keeps_the_laws() {
    holds("any command line", drawn::<ArbitraryArgv>, |argv| laws::argv(&argv.words));
}

#[test]
fn a_line_that_was_never_an_argv_keeps_them_too() {
    holds(
        "any line of QEMU's",
        drawn::<(ArbitraryLine, Style, bool)>,
        |(line, style, modernize)| {
            laws::line(&line.words, style, modernize);
        },
    );
}

#[test]
fn a_command_line_of_any_bytes_keeps_them_too() {
    holds("any bytes", <[u8]>::to_vec, |bytes| argv::check(&bytes));
}

#[test]
fn any_list_keeps_the_laws_of_lists() {
    holds("any list", drawn::<ArbitraryList>, |list| keyval::check(&list.text));
}

#[test]
fn any_object_keeps_the_laws_of_objects() {
    holds("any object", drawn::<ArbitraryObject>, |object| json::check(&object.text));
}

#[test]
fn any_version_is_read_as_it_is_written_and_has_a_dialect() {
    holds("any version", drawn::<(QemuVersion, QemuVersion)>, |(one, other)| {
        assert_eq!(one.to_string().parse(), Ok(one));
        let banner = format!("warning: x\nQEMU emulator version {one} (Debian)\n");
        assert_eq!(QemuVersion::parse_output(banner.as_bytes()), Some(one));
        // A newer QEMU never speaks an older dialect.
        let (older, newer) = (one.min(other), one.max(other));
        assert!(Dialect::of(older) <= Dialect::of(newer), "{older} {newer}");
    });
}

#[test]
fn what_is_optimised_for_speed_still_has_its_debug_checks() {
    let sum = catch_unwind(|| black_box(u8::MAX) + 1);
    assert!(sum.is_err(), "an overflow went by unseen");
    let lie = catch_unwind(|| debug_assert!(black_box(false)));
    assert!(lie.is_err(), "a debug assertion was not looked at");
}
