//! Command lines as text, words separated by blanks.

use std::ffi::OsString;

use vde_args::{ArgError, Command, Invocation, Network, Note, QemuVersion, Rewritten, Spot, parse};

/// A QEMU of each dialect.
pub(crate) const TUN_FD: QemuVersion = QemuVersion::new(0, 7, 2);
pub(crate) const TAP_VLAN: QemuVersion = QemuVersion::new(2, 11, 0);
pub(crate) const TAP_HUB: QemuVersion = QemuVersion::new(3, 1, 0);
pub(crate) const SOCKET: QemuVersion = QemuVersion::new(7, 2, 0);
pub(crate) const VERSIONS: [QemuVersion; 4] = [TUN_FD, TAP_VLAN, TAP_HUB, SOCKET];

pub(crate) fn argv(text: &str) -> Vec<OsString> {
    text.split(' ').map(OsString::from).collect()
}

/// An argv for as long as the test runs.
fn leaked(text: &str) -> &'static [OsString] {
    argv(text).leak()
}

pub(crate) fn run(text: &str) -> Invocation<'static> {
    match parse(leaked(text)) {
        Ok(Command::Run(run)) => run,
        other => panic!("{text}: {other:?}"),
    }
}

pub(crate) fn network(text: &str) -> Network<'static> {
    Network::read(&run(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What there is to tell but that a NIC has no address, which is so on most lines of these tests.
pub(crate) fn notes(network: &Network<'_>) -> Vec<Note> {
    let is_other = |note: &&Note| !matches!(note, Note::NoAddress { .. });
    network.notes().iter().filter(is_other).cloned().collect()
}

/// The first error that reading meets, of vdeq's own options or of a network.
pub(crate) fn error(text: &str) -> ArgError {
    match parse(leaked(text)) {
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
pub(crate) fn fds(network: &Network<'_>) -> Vec<i32> {
    (10..).take(network.plugs().len()).collect()
}

pub(crate) fn rewrite(version: QemuVersion, text: &str) -> Rewritten {
    let network = network(text);
    network.rewrite(version, &fds(&network)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn joined<'a>(words: impl IntoIterator<Item = &'a OsString>) -> String {
    let words: Vec<&str> = words.into_iter().map(|word| word.to_str().unwrap()).collect();
    words.join(" ")
}

/// The rewritten line of `vdeq qemu {args}`.
pub(crate) fn spelt(version: QemuVersion, args: &str) -> String {
    let text = if args.is_empty() { "vdeq qemu".to_owned() } else { format!("vdeq qemu {args}") };
    joined(&rewrite(version, &text).args)
}

/// The switches of the plugs; `-` is the default switch.
pub(crate) fn switches(text: &str) -> Vec<String> {
    let name = |sock: Option<OsString>| sock.map_or("-".into(), |s| s.into_string().unwrap());
    network(text).plugs().iter().map(|plug| name(plug.sock.clone())).collect()
}

/// A place as `index:span`.
pub(crate) fn spot(spot: &Option<Spot>) -> String {
    spot.as_ref().map_or_else(|| "-".into(), |spot| format!("{}:{:?}", spot.index, spot.span))
}
