//! Command lines as text, words separated by blanks.

use std::ffi::OsString;

use vde_args::{ArgError, Command, Dialect, Invocation, Network, Rewritten, parse};

pub(crate) const DIALECTS: [Dialect; 4] =
    [Dialect::TunFd, Dialect::TapVlan, Dialect::TapHub, Dialect::Socket];

pub(crate) fn argv(text: &str) -> Vec<OsString> {
    text.split(' ').map(OsString::from).collect()
}

pub(crate) fn run(text: &str) -> Invocation {
    match parse(&argv(text)) {
        Ok(Command::Run(run)) => run,
        other => panic!("{text}: {other:?}"),
    }
}

pub(crate) fn network(text: &str) -> Network {
    Network::read(&run(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The first error that reading meets, of vdeq's own options or of a network.
pub(crate) fn error(text: &str) -> ArgError {
    match parse(&argv(text)) {
        Err(error) => error,
        Ok(Command::Run(run)) => Network::read(&run).expect_err(text),
        Ok(other) => panic!("{text}: {other:?}"),
    }
}

/// The error as `index:span found`.
pub(crate) fn place(error: &ArgError) -> String {
    format!("{}:{:?} {}", error.index, error.span, error.found.to_str().unwrap())
}

/// Plug `i` gets descriptor 10 + i.
pub(crate) fn fds(network: &Network) -> Vec<i32> {
    (10..).take(network.plugs().len()).collect()
}

pub(crate) fn rewrite(dialect: Dialect, text: &str) -> Rewritten {
    let network = network(text);
    network.rewrite(dialect, &fds(&network)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn joined(words: &[OsString]) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
    words.join(" ")
}

/// The rewritten line of `vdeq qemu {args}`.
pub(crate) fn spelt(dialect: Dialect, args: &str) -> String {
    let text = if args.is_empty() { "vdeq qemu".to_owned() } else { format!("vdeq qemu {args}") };
    joined(&rewrite(dialect, &text).args)
}

/// The switches of the plugs; `-` is the default switch.
pub(crate) fn switches(text: &str) -> Vec<String> {
    let name = |sock: Option<OsString>| sock.map_or("-".into(), |s| s.into_string().unwrap());
    network(text).plugs().iter().map(|plug| name(plug.sock.clone())).collect()
}
