//! vdeq's own command line: which QEMU, vdeq's own options, and what is left for QEMU.
//!
//! ```text
//! vdeq [OWN OPTIONS] PROGRAM [OWN OPTIONS] QEMU ARGUMENTS      also called as vde
//! vde{PROGRAM}                [OWN OPTIONS] QEMU ARGUMENTS      vdeqemu, vdekvm, ...
//! ```
//!
//! With `--fd-placeholder` among the own options, or when the program is a User-mode Linux kernel, the
//! arguments are some other program's, and none of them is ours.
//!
//! `vdeoq` and `vdeo{PROGRAM}` are the same for the QEMU of before November 2005.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use crate::line::RawItem;
use crate::own::{Own, OwnId, OwnValue, Place, nearest_spelling};
use crate::uml::is_uml;
use crate::values::{read_mode, read_timeout};
use crate::{ArgError, ArgErrorKind, CommandLine, OptionSpec, QemuVersion, Spot};

/// What the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// A usage text.
    Help,
    /// vdeq's version.
    Version,
    /// A QEMU on a network.
    Run(Invocation<'a>),
}

/// A QEMU to start, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invocation<'a> {
    /// Which syntax the name vdeq was called by stands for.
    pub style: Style,
    /// The program as typed, or from the name of the link. Never empty.
    pub program: OsString,
    /// Where in argv the program is named: 0 for a link.
    pub program_index: usize,
    /// vdeq's own options.
    pub options: Options,
    /// The QEMU arguments, without vdeq's own options.
    pub line: CommandLine<'a>,
}

/// The two meanings of the old `-sock` list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// `vdeq`: one NIC, joined to every switch of the list.
    Current,
    /// `vdeoq`: one NIC for each switch of the list.
    TunFd,
}

/// vdeq's own options, as given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Options {
    /// How often `-v` was given.
    pub verbose: u8,
    /// `--exec`: become QEMU.
    pub exec: bool,
    /// `--dry-run`: only print the command.
    pub dry_run: bool,
    /// `--explain`: only print what becomes of the arguments.
    pub explain: Option<Explain>,
    /// `--modernize`: replace options that the QEMU at hand has lost.
    pub modernize: bool,
    /// `--fd-placeholder`, or the program is a User-mode Linux kernel: the program is no QEMU, and
    /// [`crate::Placeholders`] are what is for us in its arguments.
    pub fd_placeholder: bool,
    /// `--qemu-version`: what the user says QEMU is.
    pub qemu_version: Option<QemuVersion>,
    /// `--timeout`: how long a switch may take to answer.
    pub timeout: Option<Duration>,
    /// `--mod`: file mode of the data sockets. `None` if not given, or given as 0: a socket of
    /// mode 0 would lock out the very switch it is for \[P-9.2\], and callers of the C library that
    /// meant "the default" passed 0.
    pub mode: Option<u32>,
    /// The switches of all `-sock` lists, in order.
    pub socks: Vec<Sock>,
}

/// How `--explain` is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Explain {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// One name of a `-sock` list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sock {
    /// The switch; `None` for an empty name, which is the default switch.
    pub path: Option<OsString>,
    /// Where it is named.
    pub spot: Spot,
}

/// Reads vdeq's command line; `argv[0]` is the name it was called by.
///
/// # Errors
///
/// No program is named, an option before it is unknown, or the value of an own option is not what
/// the option takes. QEMU's own arguments are never an error here.
///
/// ```
/// use vde_args::{Command, parse};
/// let argv = ["/usr/bin/vdeqemu", "--mod", "660", "-m", "256"].map(Into::into);
/// let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
/// assert_eq!(run.program, "qemu");
/// assert_eq!(run.options.mode, Some(0o660));
/// assert_eq!(run.line.render(), ["-m", "256"]);
/// ```
pub fn parse(argv: &[OsString]) -> Result<Command<'_>, ArgError> {
    let (style, linked) = caller(argv.first().map_or(OsStr::new(""), OsString::as_os_str));
    let mut reader =
        Reader { argv, at: 1, ended: false, for_qemu: None, options: Options::default() };
    let (program, program_index) = match linked {
        Some(program) => {
            let first = argv.get(1).and_then(|word| Own::read(word)).filter(|o| o.inline.is_none());
            match first.map(|own| own.option.id) {
                Some(OwnId::Help) => return Ok(Command::Help),
                // `-version` is QEMU's; with two dashes and as the first word it is ours.
                Some(OwnId::Version) if argv.get(1).is_some_and(|word| word == "--version") => {
                    return Ok(Command::Version);
                }
                _ => (program, 0),
            }
        }
        None => match reader.front()? {
            Front::Help => return Ok(Command::Help),
            Front::Version => return Ok(Command::Version),
            Front::Program(program, index) => (program, index),
        },
    };
    let is_link = program_index == 0;
    let line = match (reader.options.fd_placeholder, is_uml(&program)) {
        (true, _) => reader.foreign_line(is_link, "--fd-placeholder")?,
        (false, true) => reader.foreign_line(is_link, "a User-mode Linux kernel")?,
        (false, false) => reader.line()?,
    };
    let options = reader.options;
    Ok(Command::Run(Invocation { style, program, program_index, options, line }))
}

impl<'a> Invocation<'a> {
    /// The invocation of `program` with `line` and no option of vdeq's own.
    #[must_use]
    pub fn new(program: impl Into<OsString>, line: CommandLine<'a>) -> Self {
        Self {
            style: Style::Current,
            program: program.into(),
            program_index: 0,
            options: Options::default(),
            line,
        }
    }
}

/// What the name in `argv[0]` says: the style, and the program if the name holds one.
fn caller(argv0: &OsStr) -> (Style, Option<OsString>) {
    let path = argv0.as_bytes();
    let base = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    let program = |name: &[u8]| Some(OsStr::from_bytes(name).to_owned());
    match base {
        b"vdeoq" | b"vdeo" => (Style::TunFd, None),
        b"vdeq" | b"vde" => (Style::Current, None),
        [b'v', b'd', b'e', b'o', name @ ..] => (Style::TunFd, program(name)),
        [b'v', b'd', b'e', name @ ..] => (Style::Current, program(name)),
        _ => (Style::Current, None),
    }
}

/// What the words up to the program name say.
enum Front {
    Help,
    Version,
    Program(OsString, usize),
}

/// A position in argv and the options read so far.
struct Reader<'a> {
    argv: &'a [OsString],
    at: usize,
    /// A `--` was met: no more own options.
    ended: bool,
    /// The first own option that means something to a QEMU only.
    for_qemu: Option<Spot>,
    options: Options,
}

impl<'a> Reader<'a> {
    /// Own options, then the program name.
    fn front(&mut self) -> Result<Front, ArgError> {
        while let Some(word) = self.argv.get(self.at) {
            let at = self.at;
            if word.is_empty() {
                return Err(ArgError::at(ArgErrorKind::MissingProgram, at, word, 0..0));
            }
            if self.ended || !word.as_bytes().starts_with(b"-") {
                self.at += 1;
                return Ok(Front::Program(word.clone(), at));
            }
            let Some(own) = Own::read(word) else {
                return Err(unknown(at, word));
            };
            match own.option.id {
                OwnId::Help if own.inline.is_none() => return Ok(Front::Help),
                OwnId::Version if own.inline.is_none() => return Ok(Front::Version),
                _ => self.take(own)?,
            }
        }
        let last = self.argv.len().saturating_sub(1);
        let text = self.argv.get(last).map_or(OsStr::new(""), OsString::as_os_str);
        Err(ArgError::after(ArgErrorKind::MissingProgram, last, text))
    }

    /// Own options, then QEMU's arguments with the options of [`Place::Anywhere`] between them.
    fn line(&mut self) -> Result<CommandLine<'a>, ArgError> {
        let mut line = CommandLine::of(self.argv);
        let mut leading = true;
        while let Some(item) = RawItem::read(self.argv, self.at) {
            let own = self.argv.get(self.at).and_then(|word| Own::read(word));
            match own.filter(|own| self.is_ours(own, leading)) {
                Some(own) => {
                    self.take(own)?;
                    if self.options.fd_placeholder {
                        return self.foreign_line(true, "--fd-placeholder");
                    }
                }
                None => {
                    leading = false;
                    line.push(item);
                    self.at += item.len();
                }
            }
        }
        Ok(line)
    }

    /// The arguments of a program that is no QEMU, as `reason` has it. Own options stand in front of
    /// them if it was one that said so, or if a link left no other room for them.
    fn foreign_line(
        &mut self,
        own_options: bool,
        reason: &'static str,
    ) -> Result<CommandLine<'a>, ArgError> {
        self.options.fd_placeholder = true;
        while let Some(own) = self.argv.get(self.at).and_then(|word| Own::read(word)) {
            if !own_options || !self.is_ours(&own, true) {
                break;
            }
            self.take(own)?;
        }
        if let Some(Spot { index, span }) = self.for_qemu.take() {
            let text = self.argv.get(index).map_or(OsStr::new(""), OsString::as_os_str);
            let kind = ArgErrorKind::Contradiction { other: reason };
            return Err(ArgError::at(kind, index, text, span));
        }
        let mut line = CommandLine::of(self.argv);
        for at in self.at..self.argv.len() {
            line.push(RawItem::positional(at));
        }
        Ok(line)
    }

    fn is_ours(&self, own: &Own, leading: bool) -> bool {
        !self.ended
            && match own.option.place {
                Place::Front => false,
                Place::Lead => leading,
                Place::Anywhere => true,
            }
    }

    /// Takes an own option and its value.
    fn take(&mut self, own: Own) -> Result<(), ArgError> {
        let at = self.at;
        let text = self.argv.get(at).map_or(OsStr::new(""), OsString::as_os_str);
        self.at += 1;
        if matches!(own.option.id, OwnId::Modernize | OwnId::QemuVersion | OwnId::Sock) {
            let end = own.inline.map_or(text.len(), |from| from - 1);
            self.for_qemu.get_or_insert(Spot::new(at, 0..end));
        }
        let expected = match (own.option.value, own.inline) {
            (OwnValue::None, Some(from)) => {
                let kind = ArgErrorKind::UnexpectedValue;
                return Err(ArgError::at(kind, at, text, from..text.len()));
            }
            (OwnValue::None | OwnValue::Optional(_), None) => {
                self.switch_on(own);
                return Ok(());
            }
            (_, Some(from)) => return self.set(own.option.id, at, text, from),
            (OwnValue::Required(expected), None) => expected,
        };
        let Some(value) = self.argv.get(self.at) else {
            return Err(ArgError::after(ArgErrorKind::MissingValue { expected }, at, text));
        };
        self.at += 1;
        self.set(own.option.id, at + 1, value, 0)
    }

    /// Notes an option without value.
    fn switch_on(&mut self, own: Own) {
        match own.option.id {
            OwnId::Verbose => {
                self.options.verbose = self.options.verbose.saturating_add(own.times);
            }
            OwnId::Exec => self.options.exec = true,
            OwnId::DryRun => self.options.dry_run = true,
            OwnId::Explain => self.options.explain = Some(Explain::Text),
            OwnId::Modernize => self.options.modernize = true,
            OwnId::FdPlaceholder => self.options.fd_placeholder = true,
            OwnId::End => self.ended = true,
            // Help and Version end the parse where they count; the others take a value.
            _ => {}
        }
    }

    /// Notes an option whose value is the bytes of argument `index` from `from` on.
    fn set(&mut self, id: OwnId, index: usize, text: &OsStr, from: usize) -> Result<(), ArgError> {
        let value = text.as_bytes().get(from..).unwrap_or_default();
        let wrong = |kind| ArgError::at(kind, index, text, from..text.len());
        match id {
            OwnId::Mode if value.is_empty() => self.options.mode = None,
            OwnId::Mode => {
                let mode = read_mode(value).ok_or_else(|| wrong(ArgErrorKind::BadMode))?;
                self.options.mode = (mode != 0).then_some(mode);
            }
            OwnId::Timeout => {
                let time = read_timeout(value).ok_or_else(|| wrong(ArgErrorKind::BadTimeout))?;
                self.options.timeout = Some(time);
            }
            OwnId::QemuVersion => {
                let version = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
                let version = version.ok_or_else(|| wrong(ArgErrorKind::BadVersion))?;
                self.options.qemu_version = Some(version);
            }
            OwnId::Explain => {
                self.options.explain = Some(match value {
                    b"text" => Explain::Text,
                    b"json" => Explain::Json,
                    _ => return Err(wrong(ArgErrorKind::BadExplain)),
                });
            }
            OwnId::Sock => self.add_socks(index, value, from),
            _ => {}
        }
        Ok(())
    }

    /// Adds the names of a `-sock` list. The list has no escape: every comma separates.
    fn add_socks(&mut self, index: usize, list: &[u8], from: usize) {
        let mut start = from;
        for name in list.split(|&b| b == b',') {
            let path = (!name.is_empty()).then(|| OsStr::from_bytes(name).to_owned());
            let end = start + name.len();
            self.options.socks.push(Sock { path, spot: Spot::new(index, start..end) });
            start = end + 1;
        }
    }
}

/// The error for a word with a dash, before the program name, that is not ours.
fn unknown(index: usize, word: &OsStr) -> ArgError {
    let bytes = word.as_bytes();
    let name = bytes.strip_prefix(b"--").or_else(|| bytes.strip_prefix(b"-")).unwrap_or(bytes);
    let kind = if OptionSpec::find(name).is_some() {
        ArgErrorKind::OptionBeforeProgram
    } else {
        ArgErrorKind::UnknownOption { nearest: nearest_spelling(word) }
    };
    ArgError::at(kind, index, word, 0..word.len())
}
