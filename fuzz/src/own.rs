//! vdeq's own options: every option from the table in every place, with values of any bytes.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use arbitrary::{Arbitrary, Result, Unstructured};
use vde_args::{Command, OWN_OPTIONS, OwnOption, OwnValue, parse};

/// Makes a command line of own options out of `data` and reads it.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    let mut data = Unstructured::new(data);
    let Ok(argv) = argv(&mut data) else { return };
    match parse(&argv) {
        Err(error) => {
            let text = argv.get(error.index).map_or(&b""[..], |word| word.as_bytes());
            assert_eq!(text.get(error.span.clone()), Some(error.found.as_bytes()), "{error:?}");
            assert!(!error.to_string().is_empty());
        }
        Ok(Command::Run(run)) => {
            let options = &run.options;
            assert!(options.mode.is_none_or(|mode| (1..=0o777).contains(&mode)));
            assert!(options.timeout.is_none_or(|t| !t.is_zero() && t <= vde_args::TIMEOUT_MAX));
            for sock in &options.socks {
                let text = argv[sock.spot.index].as_bytes();
                let path = sock.path.as_ref().map_or(&b""[..], |path| path.as_bytes());
                assert_eq!(text.get(sock.spot.span.clone()), Some(path));
            }
            // The words for the program are words of argv, in order, behind its name.
            let words: Vec<_> = run.line.items().map(|item| item.word()).collect();
            assert!(words.is_sorted() && words.first().is_none_or(|w| *w > run.program_index));
            // What is left is for the program: to read it again finds no own option in it.
            reread(&run.line.render());
        }
        Ok(_) => {}
    }
}

/// After `--` every word is the program's.
fn reread(words: &[OsString]) {
    let front = ["vdeq", "--", "qemu"].map(OsString::from);
    let argv = [&front[..], words].concat();
    let Ok(Command::Run(run)) = parse(&argv) else { panic!("{argv:?}") };
    assert_eq!(run.line.render(), words);
    assert!(run.options.socks.is_empty() && run.options.mode.is_none());
}

fn argv(data: &mut Unstructured<'_>) -> Result<Vec<OsString>> {
    let names = ["vdeq", "vdeqemu", "vdeoq", "/usr/bin/vdelinux.uml", "vde"];
    let mut argv = vec![OsString::from(*data.choose(&names)?)];
    while !data.is_empty() && argv.len() < 40 {
        match data.int_in_range(0..=5)? {
            0 => argv.push("qemu".into()),
            1 => argv.push("-m".into()),
            2 => argv.push(any_word(data)?),
            _ => own(data.choose(OWN_OPTIONS)?, data, &mut argv)?,
        }
    }
    Ok(argv)
}

/// An own option in one of its spellings, with a value perhaps.
fn own(option: &OwnOption, data: &mut Unstructured<'_>, argv: &mut Vec<OsString>) -> Result<()> {
    let mut word = OsString::from(*data.choose(option.spellings)?);
    if data.ratio(1, 3)? {
        word.push("=");
        word.push(any_word(data)?);
        argv.push(word);
        return Ok(());
    }
    argv.push(word);
    if matches!(option.value, OwnValue::Required(_)) && data.ratio(7, 8)? {
        let values = ["600", "7.2", "2.5", "/a,/b", ""];
        let word = match data.ratio(1, 2)? {
            true => OsString::from(*data.choose(&values)?),
            false => any_word(data)?,
        };
        argv.push(word);
    }
    Ok(())
}

fn any_word(data: &mut Unstructured<'_>) -> Result<OsString> {
    let mut bytes: Vec<u8> = Arbitrary::arbitrary(data)?;
    bytes.retain(|byte| *byte != 0);
    Ok(OsString::from_vec(bytes))
}
