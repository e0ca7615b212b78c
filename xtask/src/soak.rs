//! The laws of command lines over many more random ones than a change has to wait for.

use std::ffi::OsString;

use anyhow::{Result, ensure};

use crate::{paths, sh};

/// How many cases there are of each property when nothing is said: an hour at most.
const USUAL: u32 = 10_000_000;

/// `[--cases N]`. The figures of each property come when it is through.
pub(crate) fn run(arguments: Vec<OsString>) -> Result<()> {
    let cases = cases(arguments)?;
    let mut test = paths::cargo();
    test.env("PROPTEST_CASES", cases.to_string());
    test.args(["test", "--locked", "--package", "vde-fuzz", "--test", "it"]);
    sh::run(test.args(["--", "--nocapture", "properties::"]))
}

fn cases(arguments: Vec<OsString>) -> Result<u32> {
    use lexopt::prelude::*;
    let mut cases = USUAL;
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("cases") => cases = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(cases > 0, "--cases 0 would try nothing");
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_cases_is_told_or_usual_and_never_none() {
        let of = |words: &[&str]| cases(words.iter().map(OsString::from).collect());
        assert_eq!(of(&[]).unwrap(), USUAL);
        assert_eq!(of(&["--cases", "7"]).unwrap(), 7);
        for wrong in [&["--cases"][..], &["--cases", "0"], &["--cases", "many"], &["7"]] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
