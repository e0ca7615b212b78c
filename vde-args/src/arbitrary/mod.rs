//! Command lines for fuzzers and property tests, behind the feature `arbitrary`.
//!
//! Random bytes are hardly ever a network. What is drawn here is made of the words that matter, in
//! every spelling, of words that look as if they did, and of rubbish. Names and numbers come from
//! short lists, so that a line often names a thing twice. No word has a NUL in it, as no word of a
//! real argv has.

mod data;
#[cfg(test)]
mod tests;
mod values;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::{OptionSpec, OwnId, OwnOption, OwnValue};

/// The arguments of a QEMU, as [`crate::CommandLine::parse`] takes them.
///
/// Up to 16 options and words: networks of every kind, other options of QEMU, vdeq's own options,
/// placeholders, and rubbish.
///
/// ```
/// use arbitrary::{Arbitrary, Unstructured};
/// use vde_args::{ArbitraryLine, CommandLine};
/// let mut bytes = Unstructured::new(b"whatever a fuzzer comes up with");
/// let line = ArbitraryLine::arbitrary(&mut bytes)?;
/// assert_eq!(CommandLine::parse(&line.words).render(), line.words);
/// # Ok::<(), arbitrary::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArbitraryLine {
    /// The words, the program's name not among them.
    pub words: Vec<OsString>,
}

/// A whole argv, as [`crate::parse`] takes it: a name that vdeq is called by, options of its own
/// and a program perhaps, and an [`ArbitraryLine`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArbitraryArgv {
    /// The words, argv\[0\] among them.
    pub words: Vec<OsString>,
}

/// The argument of a network option as a list, `vde,sock=/s,port=3`, as [`crate::keyval`] reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArbitraryList {
    /// The list.
    pub text: Vec<u8>,
}

/// The argument of a network option in JSON, as [`crate::json`] reads it; now and then broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArbitraryObject {
    /// The object.
    pub text: Vec<u8>,
}

/// The most items of a line: enough for several hubs, little enough to be read by people.
const ITEMS: usize = 16;

impl<'a> Arbitrary<'a> for ArbitraryLine {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut words = Vec::new();
        for _ in 0..u.int_in_range(0..=ITEMS)? {
            if u.is_empty() {
                break;
            }
            item(u, &mut words)?;
        }
        Ok(Self { words })
    }
}

/// Names to be called by, with the program in them or without.
const NAMES: [&str; 10] = [
    "vdeq",
    "vdeqemu",
    "vdeoq",
    "vdeoqemu",
    "vde",
    "/usr/bin/vdekvm",
    "vdelinux.uml",
    "./vdeq",
    "x",
    "",
];

/// Programs to start.
const PROGRAMS: [&str; 6] = ["qemu", "qemu-system-x86_64", "kvm", "./linux", "a b", "-"];

impl<'a> Arbitrary<'a> for ArbitraryArgv {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut words = vec![OsString::from(*u.choose(&NAMES)?)];
        for _ in 0..u.int_in_range(0..=2)? {
            own_option(u, &mut words)?;
        }
        if u.ratio(7, 8)? {
            words.push(u.choose(&PROGRAMS)?.into());
        }
        words.extend(ArbitraryLine::arbitrary(u)?.words);
        Ok(Self { words })
    }
}

impl<'a> Arbitrary<'a> for ArbitraryList {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        values::list(u, false).map(|text| Self { text })
    }
}

impl<'a> Arbitrary<'a> for ArbitraryObject {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        values::object(u).map(|text| Self { text })
    }
}

/// Words that mean something elsewhere, or nothing, and are at home nowhere.
const WORDS: [&str; 20] = [
    "",
    "-",
    "--",
    "---",
    "vde",
    "-net",
    "--netdev",
    "-sock",
    "-name",
    "help",
    "disk.img",
    "{vde}",
    "fd={vde:/s},{vde:port=3}",
    "{vde:sock=\"/a}b\"",
    "{vde:/s",
    "eth0=vde,/s,,3",
    "eth1=vde,,,,,,,x",
    "-hda=disk",
    "-foo",
    "vde,sock=/s",
];

/// Options that vdeq has rules for, besides those about networks.
const NOTED: [&str; 8] =
    ["readconfig", "tun-fd", "user-net", "nics", "version", "cpu", "localtime", "soundhw"];

/// One thing on the line, of one word or of two.
fn item(u: &mut Unstructured<'_>, words: &mut Vec<OsString>) -> Result<()> {
    match u.int_in_range(0..=15)? {
        0..=7 => network_option(u, words)?,
        8..=10 => qemu_option(u, words)?,
        11..=12 => own_option(u, words)?,
        13..=14 => words.push(u.choose(&WORDS)?.into()),
        _ => words.push(rubbish(u)?),
    }
    Ok(())
}

/// An option about networks and its argument, or, rarely, without it.
fn network_option(u: &mut Unstructured<'_>, words: &mut Vec<OsString>) -> Result<()> {
    let dashes = u.choose(&["-", "-", "-", "--"])?;
    let name = u.choose(&["net", "net", "net", "net", "netdev", "netdev", "nic", "device"])?;
    words.push(format!("{dashes}{name}").into());
    let is_json = u.ratio(1, if matches!(*name, "netdev" | "device") { 3 } else { 32 })?;
    match u.int_in_range(0..=31)? {
        31 => {}
        30 => words.push(rubbish(u)?),
        _ if is_json => words.push(OsString::from_vec(values::object(u)?)),
        _ => words.push(OsString::from_vec(values::list(u, *name == "netdev")?)),
    }
    Ok(())
}

/// Any other option that some QEMU has, with its argument.
fn qemu_option(u: &mut Unstructured<'_>, words: &mut Vec<OsString>) -> Result<()> {
    let noted = OptionSpec::find(u.choose(&NOTED)?.as_bytes());
    let any = <&OptionSpec>::arbitrary(u)?;
    let spec = if u.ratio(1, 4)? { noted.unwrap_or(any) } else { any };
    let dashes = if u.ratio(1, 8)? { "--" } else { "-" };
    words.push(format!("{dashes}{}", spec.name).into());
    if spec.takes_arg && u.ratio(15, 16)? {
        words.push(if u.ratio(1, 8)? { rubbish(u)? } else { u.choose(&WORDS)?.into() });
    }
    Ok(())
}

/// One of vdeq's own options, with an argument that is mostly what it takes.
fn own_option(u: &mut Unstructured<'_>, words: &mut Vec<OsString>) -> Result<()> {
    let option = <&OwnOption>::arbitrary(u)?;
    if option.is_for_switch() && u.ratio(7, 8)? {
        words.push("--switch".into());
    }
    let mut word = OsString::from(*u.choose(option.spellings)?);
    let takes_one = option.value != OwnValue::None;
    if u.ratio(1, if takes_one { 3 } else { 16 })? {
        word.push("=");
        word.push(own_value(u, option.id)?);
        words.push(word);
    } else {
        words.push(word);
        if matches!(option.value, OwnValue::Required(_)) && u.ratio(15, 16)? {
            words.push(own_value(u, option.id)?);
        }
    }
    Ok(())
}

fn own_value(u: &mut Unstructured<'_>, id: OwnId) -> Result<OsString> {
    let right: &[&str] = match id {
        OwnId::Mode => &["600", "0777", "0"],
        OwnId::Timeout => &["5", ".25", "86400"],
        OwnId::QemuVersion => &["7.2", "2.5.0"],
        OwnId::Sock => &["/s", "/a,/b", "/a,,/s"],
        OwnId::Explain => &["text", "json"],
        OwnId::Reconnect => &["on", "off", "30", "0"],
        OwnId::Wait => &["5", ".25"],
        OwnId::Control | OwnId::Management => &["/run/c", "./3", ""],
        OwnId::Switch => &["/s", "/s[3]", ""],
        OwnId::Ports => &["32", "1", "0", "1025"],
        OwnId::Group => &["staff", "100", ""],
        OwnId::Events => &["3", "./3", "99999999999", ""],
        OwnId::ReadyFd => &["3", "0", "x"],
        _ => &[""],
    };
    match u.int_in_range(0..=7)? {
        0..=5 => Ok(u.choose(right)?.into()),
        6 => Ok(u.choose(&WORDS)?.into()),
        _ => rubbish(u),
    }
}

/// A few bytes of any sort.
fn rubbish(u: &mut Unstructured<'_>) -> Result<OsString> {
    values::rubbish(u).map(OsString::from_vec)
}
