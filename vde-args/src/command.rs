//! vdeq's own command line: which QEMU, vdeq's own options, and what is left for QEMU.
//!
//! ```text
//! vdeq [OWN OPTIONS] PROGRAM [OWN OPTIONS] QEMU ARGUMENTS      also called as vde
//! vde{PROGRAM}                [OWN OPTIONS] QEMU ARGUMENTS      vdeqemu, vdekvm, ...
//! vdeq --switch[=DIR] [OWN OPTIONS]                             no program: a switch alone
//! ```
//!
//! With `--fd-placeholder` among the own options, or when the program is a User-mode Linux kernel, the
//! arguments are some other program's, and none of them is ours.
//!
//! `vdeoq` and `vdeo{PROGRAM}` are the same for the QEMU of before November 2005.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::given::watcher_needs;
use crate::line::RawItem;
use crate::own::{Own, OwnId, OwnValue, Place, unknown};
use crate::uml::is_uml;
use crate::{ArgError, ArgErrorKind, Checkup, CommandLine, Options, Reconnect, Spot};

/// What the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// A usage text.
    Help(Help),
    /// vdeq's version.
    Version,
    /// What is wrong with this machine.
    Doctor(Checkup),
    /// A QEMU on a network.
    Run(Invocation<'a>),
    /// A switch, and no program: [`Options::switch`] is there.
    Serve(Options),
}

/// Which usage text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Help {
    /// What fits a terminal.
    Page,
    /// `--help=all`: every option.
    All,
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
    let mut reader = Reader::new(argv);
    let (program, program_index) = match linked {
        Some(program) => {
            match argv.get(1).and_then(|word| Own::read(word)) {
                Some(own) if own.option.id == OwnId::Help => {
                    return Ok(Command::Help(reader.help(&own)?));
                }
                // `-version` is QEMU's; with two dashes and as the first word it is ours.
                Some(_) if argv.get(1).is_some_and(|word| word == "--version") => {
                    return Ok(Command::Version);
                }
                _ => (program, 0),
            }
        }
        None => match reader.front()? {
            Front::Help(help) => return Ok(Command::Help(help)),
            Front::Version => return Ok(Command::Version),
            Front::Doctor(checkup) => return Ok(Command::Doctor(checkup)),
            Front::Program(program, index) => (program, index),
            Front::Switch => {
                reader.check_options()?;
                reader.check_no_program()?;
                return Ok(Command::Serve(reader.options));
            }
        },
    };
    let is_link = program_index == 0;
    let line = match (reader.options.fd_placeholder, is_uml(&program)) {
        (true, _) => reader.foreign_line(is_link, "--fd-placeholder")?,
        (false, true) => reader.foreign_line(is_link, "a User-mode Linux kernel")?,
        (false, false) => reader.line()?,
    };
    reader.check_options()?;
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
    Help(Help),
    Version,
    Doctor(Checkup),
    Program(OsString, usize),
    /// There is no program, and a switch is asked for.
    Switch,
}

/// A position in argv and the options read so far.
struct Reader<'a> {
    argv: &'a [OsString],
    at: usize,
    /// A `--` was met: no more own options.
    ended: bool,
    /// The first own option but `-v`.
    first: Option<Spot>,
    /// The first own option that means something to a QEMU only.
    for_qemu: Option<Spot>,
    /// The first own option that means something to a switch of our own only.
    for_switch: Option<Spot>,
    /// The first own option that means something to a program only.
    for_program: Option<Spot>,
    /// `--switch` was met.
    serves: bool,
    /// The options that somebody beside the VM has to see to, and where they were said.
    for_watcher: Vec<(OwnId, Spot)>,
    options: Options,
}

impl<'a> Reader<'a> {
    fn new(argv: &'a [OsString]) -> Self {
        Self {
            argv,
            at: 1,
            ended: false,
            first: None,
            for_qemu: None,
            for_switch: None,
            for_program: None,
            serves: false,
            for_watcher: Vec::new(),
            options: Options::default(),
        }
    }

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
                OwnId::Help => return self.help(&own).map(Front::Help),
                OwnId::Doctor => return self.checkup(&own).map(Front::Doctor),
                OwnId::Version if own.inline.is_none() => return Ok(Front::Version),
                _ => self.take(own)?,
            }
        }
        if self.serves {
            return Ok(Front::Switch);
        }
        if let Some(spot) = self.for_switch.take() {
            return Err(self.error(ArgErrorKind::NeedsSwitch, spot));
        }
        let last = self.argv.len().saturating_sub(1);
        let text = self.argv.get(last).map_or(OsStr::new(""), OsString::as_os_str);
        Err(ArgError::after(ArgErrorKind::MissingProgram, last, text))
    }

    /// Which help this word, at the position in argv, asks for.
    fn help(&self, own: &Own) -> Result<Help, ArgError> {
        let Some(from) = own.inline else { return Ok(Help::Page) };
        let text = self.argv.get(self.at).map_or(OsStr::new(""), OsString::as_os_str);
        match text.as_bytes().get(from..) {
            Some(b"all") => Ok(Help::All),
            _ => Err(ArgError::at(ArgErrorKind::BadHelp, self.at, text, from..text.len())),
        }
    }

    /// What `--doctor` is to look at.
    fn checkup(&self, own: &Own) -> Result<Checkup, ArgError> {
        match &self.first {
            Some(spot) => {
                let kind = ArgErrorKind::Contradiction { other: "--doctor" };
                Err(self.error(kind, spot.clone()))
            }
            None => Checkup::read(self.argv, self.at, own),
        }
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
        if let Some(spot) = self.for_qemu.take() {
            return Err(self.error(ArgErrorKind::Contradiction { other: reason }, spot));
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
        let spot = Spot::new(at, 0..own.inline.map_or(text.len(), |from| from - 1));
        if watcher_needs(own.option.id).is_some() {
            self.for_watcher.push((own.option.id, spot.clone()));
        }
        self.serves |= own.option.id == OwnId::Switch;
        if own.option.id != OwnId::Verbose {
            self.first.get_or_insert_with(|| spot.clone());
        }
        for (is_for_it, first) in [
            (own.option.is_for_qemu(), &mut self.for_qemu),
            (own.option.is_for_switch(), &mut self.for_switch),
            (own.option.is_for_program(), &mut self.for_program),
        ] {
            if is_for_it {
                first.get_or_insert_with(|| spot.clone());
            }
        }
        let expected = match (own.option.value, own.inline) {
            (OwnValue::None, Some(from)) => {
                let kind = ArgErrorKind::UnexpectedValue;
                return Err(ArgError::at(kind, at, text, from..text.len()));
            }
            (OwnValue::None | OwnValue::Optional(_), None) => {
                self.ended |= own.option.id == OwnId::End;
                self.options.switch_on(own, spot);
                return Ok(());
            }
            (_, Some(from)) => return self.options.set(own.option, at, text, from),
            (OwnValue::Required(expected), None) => expected,
        };
        let Some(value) = self.argv.get(self.at) else {
            return Err(ArgError::after(ArgErrorKind::MissingValue { expected }, at, text));
        };
        self.at += 1;
        self.options.set(own.option, at + 1, value, 0)
    }

    /// Options that need another one have it, and those that rule another one out do not.
    fn check_options(&mut self) -> Result<(), ArgError> {
        match self.for_switch.take() {
            Some(spot) if !self.serves => Err(self.error(ArgErrorKind::NeedsSwitch, spot)),
            _ => self.check_exec(),
        }
    }

    /// Without a program no option asks for something to be done with one.
    fn check_no_program(&mut self) -> Result<(), ArgError> {
        match self.for_program.take() {
            Some(spot) => Err(self.error(ArgErrorKind::NeedsProgram, spot)),
            None => Ok(()),
        }
    }

    /// With `--exec` there is nobody beside the VM to do anything.
    fn check_exec(&mut self) -> Result<(), ArgError> {
        if !self.options.exec {
            return Ok(());
        }
        let gives_up = matches!(self.options.reconnect, Some(Reconnect::Off));
        for (id, spot) in std::mem::take(&mut self.for_watcher) {
            match watcher_needs(id) {
                Some(to) if !(gives_up && id == OwnId::Reconnect) => {
                    return Err(self.error(ArgErrorKind::NobodyBeside { to }, spot));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn error(&self, kind: ArgErrorKind, Spot { index, span }: Spot) -> ArgError {
        let text = self.argv.get(index).map_or(OsStr::new(""), OsString::as_os_str);
        ArgError::at(kind, index, text, span)
    }
}
