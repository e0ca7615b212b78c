//! What went wrong, in words: what was read, what was expected, what to do.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;
use std::ops::Range;

use vde_args::{ArgError, ArgErrorKind, OWN_OPTIONS, OwnOption, OwnValue, QemuVersion};
use vde_exec::{DialError, Errno, FindError, LaunchError};

use crate::desk::OpenError;
use crate::plan::{PlanError, PlannedPlug};
use crate::plug_failure::{culprit, handshake_sentence, plug_hints};
use crate::quote;
use crate::relays::RelaysError;
use crate::serve::SwitchError;
use crate::surroundings;

/// The exit statuses of vdeq itself, as `env`, `nohup` and `timeout` have them.
const FAILED: i32 = 125;
const CANNOT_EXECUTE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// Why there is no virtual machine, or why nobody looks after it any more.
#[derive(Debug)]
pub(crate) enum Failure {
    Args(ArgError),
    Plan(PlanError),
    Plug {
        error: DialError,
        plug: Box<PlannedPlug>,
    },
    /// No such QEMU.
    Find(FindError),
    /// No such program, and no QEMU would do in its place.
    FindOther(FindError),
    Launch(LaunchError),
    Signals(Errno),
    Supervise(io::Error),
    Background(io::Error),
    Output(io::Error),
    Numbers(io::Error),
    Interrupted(i32),
    Desk(OpenError),
    /// What `--relay` wants does not fit the networks.
    Relays(RelaysError),
    /// The switch of `--switch` cannot be made.
    Switch(SwitchError),
    /// It is there, but cannot be served.
    Serve(io::Error),
    /// `--link-state` with a QEMU that is too old for it.
    NoLinkState(QemuVersion),
    /// A variable of the environment makes no sense.
    Environment {
        what: String,
        hint: &'static str,
    },
    Monitor(io::Error),
}

impl From<ArgError> for Failure {
    fn from(error: ArgError) -> Self {
        Self::Args(error)
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl From<RelaysError> for Failure {
    fn from(error: RelaysError) -> Self {
        Self::Relays(error)
    }
}

impl From<SwitchError> for Failure {
    fn from(error: SwitchError) -> Self {
        Self::Switch(error)
    }
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        Self::Find(error)
    }
}

impl Failure {
    /// What to end with.
    pub(crate) fn exit_status(&self) -> i32 {
        match self {
            Self::Find(FindError::NotFound { .. })
            | Self::FindOther(FindError::NotFound { .. }) => NOT_FOUND,
            // The program was found before; what is missing now is its interpreter, say.
            Self::Find(_) | Self::FindOther(_) | Self::Launch(_) => CANNOT_EXECUTE,
            _ => FAILED,
        }
    }

    /// The whole message: a sentence, the argument with carets, and what to do.
    pub(crate) fn report(&self, argv: &[OsString]) -> String {
        let mut text = format!("vdeq: {}\n", self.says());
        if let Some((index, span)) = self.place(argv) {
            let _ = writeln!(text, "{}", quote::point_at(argv, index, &span));
            if (1..=surroundings::added()).contains(&index) {
                text += "  that is from VDEQ_OPTIONS\n";
            }
        }
        if let Some(excerpt) = self.excerpt() {
            let _ = writeln!(text, "{excerpt}");
        }
        for hint in slip(self, argv).map_or_else(|| self.hints(), |hint| vec![hint]) {
            let _ = writeln!(text, "  {}", quote::harmless(&hint));
        }
        text
    }

    /// The argument that it is about, and the bytes in it.
    fn place(&self, argv: &[OsString]) -> Option<(usize, Range<usize>)> {
        let spot = match self {
            Self::NoLinkState(_) => {
                let at = argv.iter().position(|word| word == "--link-state")?;
                return Some((at, 0..argv.get(at)?.len()));
            }
            Self::Desk(error) => Some(error.spot()),
            Self::Relays(error) => Some(error.spot()),
            Self::Switch(error) => Some(error.spot()),
            Self::Args(error) => return Some((error.index, error.span.clone())),
            Self::Plug { error, plug } => culprit(error, &plug.spec),
            // The line of the file says more than the word that it was looked up for.
            Self::Plan(PlanError::Names { error, .. }) if error.excerpt().is_some() => None,
            Self::Plan(
                PlanError::Locator { spot, .. }
                | PlanError::TwoPorts { spot, .. }
                | PlanError::Names { spot, .. },
            ) => spot.as_ref(),
            _ => None,
        };
        spot.map(|spot| (spot.index, spot.span.clone()))
    }

    /// The line of a file that it is about, with carets.
    fn excerpt(&self) -> Option<String> {
        match self {
            Self::Plan(PlanError::Names { error, .. }) => error.excerpt(),
            _ => None,
        }
    }

    /// What went wrong, as one line.
    pub(crate) fn says(&self) -> String {
        quote::harmless(&without_number(&self.sentence()))
    }

    /// What to do about it, as one line; empty if there is nothing.
    pub(crate) fn advice(&self) -> String {
        let mut hints = self.hints();
        hints.retain(|hint| !hint.starts_with("see "));
        quote::harmless(&hints.join("; ").replace(":; ", ": "))
    }

    fn sentence(&self) -> String {
        match self {
            Self::Args(error) => error.to_string(),
            Self::Plan(PlanError::Locator { error, .. }) => error.to_string(),
            Self::Plan(PlanError::TwoPorts { outer, inner, .. }) => {
                format!("port={outer} and the locator's {inner} ask for different ports")
            }
            Self::Plan(PlanError::Names { error, .. }) => error.to_string(),
            Self::Plug { error: DialError::Handshake { switch, port, error }, .. } => {
                handshake_sentence(switch.control(), *port, error)
            }
            Self::Plug { error, .. } => error.to_string(),
            Self::Find(error) | Self::FindOther(error) => error.to_string(),
            Self::Launch(error) => error.to_string(),
            Self::Signals(errno) => format!("cannot set up signals: {}", errno.desc()),
            Self::Supervise(error) => format!("cannot watch the virtual machine: {error}"),
            Self::Background(error) => format!("cannot go to the background: {error}"),
            Self::Output(error) => format!("cannot write: {error}"),
            Self::Numbers(error) => format!("cannot foresee the descriptors: {error}"),
            Self::Interrupted(_) => "interrupted; no virtual machine was started".to_owned(),
            Self::Desk(error) => error.to_string(),
            Self::Relays(error) => error.to_string(),
            Self::Switch(error) => error.to_string(),
            Self::Serve(error) => format!("cannot serve the switch: {error}"),
            Self::NoLinkState(version) => {
                format!("QEMU {version} cannot be told of links: expected 4.0 or newer")
            }
            Self::Monitor(error) => format!("cannot make a monitor: {error}"),
            Self::Environment { what, .. } => what.clone(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Args(error) => {
                let manual = manual(error.manual_section());
                argument_hints(error).into_iter().chain([manual]).collect()
            }
            Self::Plan(PlanError::Locator { .. }) => vec![
                "a switch is named by its directory: sock=/run/vde.ctl, or with a port /run/vde.ctl[3]"
                    .to_owned(),
                manual("DESCRIPTION"),
            ],
            Self::Plan(PlanError::TwoPorts { .. }) => vec![
                "give the port once".to_owned(),
                manual("DESCRIPTION"),
            ],
            Self::Plan(PlanError::Names { error, .. }) => vec![error.hint()],
            Self::Plug { error, plug } => plug_hints(error, plug),
            Self::Find(error) => find_hints(error),
            Self::FindOther(error) => find_other_hints(error),
            Self::Supervise(_) => {
                vec!["the virtual machine runs on, with its network".to_owned()]
            }
            Self::Desk(error) => error.hint().into_iter().collect(),
            Self::Relays(error) => vec![error.hint().to_owned()],
            Self::Switch(error) => vec![error.hint()],
            Self::Environment { hint, .. } => vec![(*hint).to_owned(), manual("ENVIRONMENT")],
            Self::NoLinkState(_) => {
                vec!["leave --link-state out; if QEMU is newer, say so: --qemu-version X.Y".to_owned()]
            }
            Self::Launch(_)
            | Self::Serve(_)
            | Self::Monitor(_)
            | Self::Signals(_)
            | Self::Background(_)
            | Self::Output(_)
            | Self::Numbers(_)
            | Self::Interrupted(_) => Vec::new(),
        }
    }
}

/// A sentence without the number that the standard library puts behind what the kernel says.
pub(crate) fn without_number(sentence: &str) -> String {
    match sentence.split_once(" (os error ") {
        Some((before, after)) => {
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}{}", after.strip_prefix(')').unwrap_or(after))
        }
        None => sentence.to_owned(),
    }
}

/// Where the rule is.
fn manual(section: &str) -> String {
    format!("see vdeq(1), {section}, or vdeq --help=all")
}

fn argument_hints(error: &ArgError) -> Vec<String> {
    match error.kind {
        ArgErrorKind::MissingProgram => {
            vec!["for example: vdeq qemu-system-x86_64 -hda disk.img -net nic -net vde".to_owned()]
        }
        ArgErrorKind::NobodyBeside { .. } => vec!["leave one of the two out".to_owned()],
        ArgErrorKind::NeedsSwitch => {
            vec![
                "for example: vdeq --switch=/run/lab --ports 64 --mode 0660 --group lab".to_owned(),
            ]
        }
        ArgErrorKind::NeedsProgram => {
            vec!["for example: vdeq --switch qemu-system-x86_64 -hda disk.img".to_owned()]
        }
        ArgErrorKind::UnknownParameter { .. } => vec![
            "a VDE network takes sock=, port=, group=, mode= and mac=auto; in -net also vlan=, in \
             -nic also what a NIC takes"
                .to_owned(),
        ],
        ArgErrorKind::VdeInFile { ref instead, .. } => {
            let text = instead.to_string_lossy();
            let (option, list) = text.split_once(' ').unwrap_or((&text, ""));
            let list = quote::shell(OsStr::new(list));
            vec![format!("take that section out of the file, and give vdeq {option} {list}")]
        }
        _ => Vec::new(),
    }
}

fn find_hints(error: &FindError) -> Vec<String> {
    match error {
        FindError::NotFound { name, .. } if is_a_number(name) => {
            vec![format!("a time is given to --wait behind `=`: --wait={}", name.to_string_lossy())]
        }
        FindError::NotFound { name, .. } if own_option(name).is_some() => {
            vec![format!("did you mean {}?", own_option(name).unwrap_or_default())]
        }
        FindError::NotFound { candidates, .. } if !candidates.is_empty() => {
            let names: Vec<_> = candidates.iter().map(|name| name.to_string_lossy()).collect();
            vec![format!("these are installed: {}", names.join(", "))]
        }
        FindError::NotFound { .. } => vec![
            "install a QEMU (Debian: apt install qemu-system-x86), or give the program's path"
                .to_owned(),
        ],
        FindError::NotExecutable { .. } => {
            vec!["name a program that this user may run (chmod +x makes a file one)".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// What is behind `--switch` and cannot be started was meant for its directory; and what stands before an
/// option of QEMU may have been taken as the argument of one of ours.
fn slip(failure: &Failure, argv: &[OsString]) -> Option<String> {
    if let Failure::Args(ArgError { kind: ArgErrorKind::OptionBeforeProgram, index, .. }) = failure
    {
        let [option, word] = argv.get(index.checked_sub(2)?..*index)? else { return None };
        let is_it = |own: &&OwnOption| own.spellings.iter().any(|spelling| option == spelling);
        let OwnValue::Required(value) = OWN_OPTIONS.iter().find(is_it)?.value else { return None };
        let (option, word) = (option.to_string_lossy(), quote::shell(word));
        return Some(format!("{word} was taken as the {value} of {option}"));
    }
    let (Failure::Find(error) | Failure::FindOther(error)) = failure else { return None };
    let name = match error {
        FindError::NotFound { name, .. } => name.as_os_str(),
        FindError::NotExecutable { path, .. } => path.as_os_str(),
        _ => return None,
    };
    let is_it = |words: &[OsString]| matches!(words, [option, word] if option == "--switch" && word == name);
    let text = quote::shell(name);
    argv.windows(2)
        .any(is_it)
        .then(|| format!("a directory is given to --switch behind `=`: --switch={text}"))
}

/// The option of ours that is called like this, but for its dashes.
fn own_option(name: &OsStr) -> Option<&'static str> {
    let name = name.to_str()?;
    let spellings = OWN_OPTIONS.iter().flat_map(|option| option.spellings.iter().copied());
    spellings.into_iter().find(|spelling| spelling.strip_prefix("--") == Some(name))
}

/// Whether it is what somebody meant for an option, rather than a program.
fn is_a_number(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.parse::<f64>().is_ok())
}

fn find_other_hints(error: &FindError) -> Vec<String> {
    match error {
        FindError::NotFound { name, .. } if vde_args::is_uml(name) => vec![
            "give the kernel's path (./linux), or install one (Debian: apt install user-mode-linux \
             has linux.uml)"
                .to_owned(),
        ],
        FindError::NotFound { .. } => vec!["install it, or give its path".to_owned()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_shown_without_a_number() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(without_number(&format!("a: {error}: b")), "a: No such file or directory: b");
        assert_eq!(without_number("as it is"), "as it is");
    }

    #[test]
    fn the_exit_status_tells_a_missing_program_from_one_that_cannot_run() {
        let missing = FindError::NotFound { name: "q".into(), candidates: Vec::new() };
        assert_eq!(Failure::from(missing).exit_status(), 127);
        let unusable = FindError::NotExecutable { path: "q".into(), reason: "no" };
        assert_eq!(Failure::from(unusable).exit_status(), 126);
        assert_eq!(Failure::Interrupted(15).exit_status(), 125);
    }
}
