//! What the environment says to vdeq: `VDEQ_OPTIONS`, options as if they stood first on every command
//! line, for links that others call; and `VDEQ_LOG`, how much is said.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use vde_args::own_options;

use crate::failure::Failure;
use crate::quote;
use crate::voice::Level;

/// Words as a shell would read them.
const OPTIONS: &str = "VDEQ_OPTIONS";

/// `error`, `info`, `debug` or `trace`.
const LOG: &str = "VDEQ_LOG";

/// The command line with what [`OPTIONS`] adds to it, directly behind vdeq's own name. Who asks for help,
/// for the version or for a doctor, as the first word, is answered whatever it holds.
pub(crate) fn with_options(argv: &[OsString]) -> Result<Vec<OsString>, Failure> {
    let asks = ["--help", "-help", "-h", "--help=all", "--version", "--doctor", "--doctor=json"];
    if argv.get(1).is_some_and(|word| asks.iter().any(|asked| word == asked)) {
        return Ok(argv.to_vec());
    }
    let text = env::var_os(OPTIONS).unwrap_or_default();
    let words = read(&text)?;
    let (name, rest) = argv.split_at(argv.len().min(1));
    Ok([name, &words, rest].concat())
}

/// How many words [`OPTIONS`] adds.
pub(crate) fn added() -> usize {
    env::var_os(OPTIONS).and_then(|text| read(&text).ok()).map_or(0, |words| words.len())
}

/// What is wrong with them, if anything is.
pub(crate) fn trouble() -> Vec<Failure> {
    let options = read(&env::var_os(OPTIONS).unwrap_or_default()).err();
    options.into_iter().chain(level().err()).collect()
}

fn read(text: &OsStr) -> Result<Vec<OsString>, Failure> {
    let wrong = |what: String| Failure::Environment {
        what: format!("{OPTIONS}={}: {what}", quote::shell(text)),
        hint: "options of vdeq, quoted as for a shell: VDEQ_OPTIONS='--wait --timeout 10'",
    };
    let words = shlex::bytes::split(text.as_bytes());
    let words = words.ok_or_else(|| wrong("a quote is not closed".to_owned()))?;
    let words: Vec<_> = words.into_iter().map(OsString::from_vec).collect();
    own_options(&words).map_err(|error| wrong(error.to_string()))?;
    Ok(words)
}

/// What [`LOG`] says.
pub(crate) fn level() -> Result<Level, Failure> {
    let text = env::var_os(LOG).unwrap_or_default();
    Ok(match text.as_bytes() {
        b"" | b"info" => Level::Info,
        b"error" => Level::Error,
        b"debug" => Level::Debug,
        b"trace" => Level::Trace,
        _ => {
            let what = format!("{LOG}={} is no log level", quote::shell(&text));
            return Err(Failure::Environment {
                what,
                hint: "expected error, info, debug or trace",
            });
        }
    })
}
