//! `--dry-run` and `--explain`: what would happen, without a switch and even without the program.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use serde_json::{Value, json};
use vde_args::{Explain, Invocation, Options, QemuVersion};
use vde_exec::serve::ServeOptions;
use vde_exec::vde_proto::PortRequest;
use vde_exec::{Environment, FindError, Program, foresee_numbers};

use crate::command_line::{self, Line};
use crate::detect::{Detected, Detection, Source};
use crate::failure::Failure;
use crate::monitor;
use crate::names::Names;
use crate::plan::{PlannedPlug, plan};
use crate::quote;
use crate::relays::{self, Wanted};
use crate::serve::PlannedSwitch;
use crate::surroundings;
use crate::voice::Voice;
use crate::wiring::Wiring;

/// What a QEMU is taken for that is not there to be asked: the newest that was tried.
const NEWEST: QemuVersion = QemuVersion::new(11, 1, 0);

/// All that there is to tell.
struct Preview<'a> {
    invocation: &'a Invocation<'a>,
    /// The switch that is served beside it.
    switch: Option<PlannedSwitch>,
    /// Where the program is; `None` if it is not here.
    program: Option<PathBuf>,
    /// `None` if the program is no QEMU.
    version: Option<(QemuVersion, Source)>,
    plugs: Vec<PlannedPlug>,
    /// For each plug, what its relay is for, if it is to have one.
    relays: Vec<Option<Wanted>>,
    fds: Vec<i32>,
    notes: Vec<String>,
    line: Line,
}

/// What `--dry-run` or `--explain` prints.
pub(crate) fn preview(invocation: &Invocation<'_>) -> Result<String, Failure> {
    let voice = Voice::new(invocation.options.verbose);
    let environment = Environment::of_process();
    let wiring = Wiring::read(invocation)?;
    let switch = PlannedSwitch::of(&invocation.options, &environment)?;
    let own = switch.as_ref().map(PlannedSwitch::dir);
    let plugs = plan(wiring.plugs(), &invocation.options, own, &Names::of(&environment))?;
    let relays = relays::assign(&invocation.options.relays, plugs.len())?;
    let program = find(invocation, &environment, voice)?;
    let version = version(invocation, &wiring, program.as_ref(), &environment, voice);
    let spelt_for = version.map_or(NEWEST, |(version, _)| version);
    let has_monitor = monitor::is_needed(invocation, &wiring, spelt_for)?;
    let count = plugs.len() + if has_monitor { monitor::DESCRIPTORS } else { 0 };
    let mut fds = foresee_numbers(count).map_err(Failure::Numbers)?;
    let others = fds.split_off(plugs.len());
    let rewritten = wiring.rewrite(spelt_for, &fds)?;
    let mut line = command_line::assemble(rewritten, program.as_ref(), invocation);
    let mut unseen = Vec::new();
    if let (true, Wiring::Qemu(network)) = (has_monitor, &wiring) {
        monitor::add_to(&mut line, &others, invocation.program_index);
        unseen = monitor::unseen(network, spelt_for);
    }
    let lost = version.and_then(|(version, _)| wiring.lost(invocation, version));
    if invocation.options.explain.is_none() {
        if let Some(switch) = &switch {
            voice.say(served(switch));
        }
        wiring.tell_notes(voice);
        wiring.tell_addresses(voice);
        lost.iter().chain(&unseen).for_each(|note| voice.say(note));
    }
    let offers = match wiring {
        Wiring::Qemu(_) => relays::offers(&relays, spelt_for),
        Wiring::Other(_) => Vec::new(),
    };
    let doubts = plugs.iter().filter_map(|plug| plug.doubt.clone());
    let lost: Vec<_> = doubts.chain(lost).collect();
    let notes = wiring.notes().iter().map(ToString::to_string).chain(lost).chain(unseen);
    let shift = surroundings::added();
    let shift = (shift > 0).then(|| format!("arguments 1 to {shift} are those of VDEQ_OPTIONS"));
    let notes = notes.chain(offers).chain(shift).collect();
    let program = program.map(|program| program.path);
    let preview = Preview { invocation, switch, program, version, plugs, relays, fds, notes, line };
    Ok(match invocation.options.explain {
        None => format!("{}\n", preview.command()),
        Some(Explain::Json) => format!("{:#}\n", preview.json()),
        Some(_) => preview.text(),
    })
}

/// What `--dry-run` or `--explain` prints of a switch alone.
pub(crate) fn preview_switch(options: &Options) -> Result<String, Failure> {
    let switch = PlannedSwitch::of(options, &Environment::of_process())?;
    let json = || json!({ "switch": switch.as_ref().map(json_switch), "program": null });
    Ok(match options.explain {
        Some(Explain::Json) => format!("{:#}\n", json()),
        _ => switch.as_ref().map(|switch| format!("{}\n", served(switch))).unwrap_or_default(),
    })
}

/// What is served, on one line.
fn served(switch: &PlannedSwitch) -> String {
    quote::harmless(&format!("a switch is served at {}", switch.in_words()))
}

/// The program, if it is here. One that cannot be executed is an error, as it will be.
fn find(
    invocation: &Invocation<'_>,
    environment: &Environment,
    voice: Voice,
) -> Result<Option<Program>, Failure> {
    match Program::find(&invocation.program, environment) {
        Ok(program) => Ok(Some(program)),
        Err(error @ FindError::NotFound { .. }) => {
            voice.say(format_args!("{error} here; this is what it would be started with"));
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

fn version(
    invocation: &Invocation<'_>,
    wiring: &Wiring<'_>,
    program: Option<&Program>,
    environment: &Environment,
    voice: Voice,
) -> Option<(QemuVersion, Source)> {
    if matches!(wiring, Wiring::Other(_)) {
        return None;
    }
    let told = invocation.options.qemu_version;
    let detected = match (told, program) {
        (None, None) => Detected::Version(NEWEST, Source::Assumed),
        (Some(version), None) => Detected::Version(version, Source::Told),
        (told, Some(program)) => {
            Detection::begin(told, &program.path, environment).finish(invocation.style, None)
        }
    };
    match detected {
        Detected::Version(version, source) => {
            if source == Source::Assumed {
                voice.say(format_args!(
                    "taking it for QEMU {version} (--qemu-version X.Y says otherwise)"
                ));
            }
            Some((version, source))
        }
        Detected::Interrupted => Some((NEWEST, Source::Assumed)),
    }
}

impl Preview<'_> {
    fn program(&self) -> &OsStr {
        self.program.as_ref().map_or(&self.invocation.program, |path| path.as_os_str())
    }

    /// The command, as a shell would have to be given it.
    fn command(&self) -> String {
        let args = self.line.args.iter().map(OsString::as_os_str);
        quote::shell_line(std::iter::once(self.program()).chain(args))
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if let Some((version, source)) = self.version {
            let _ = writeln!(text, "for QEMU {version}, {}\n", source.in_words());
        }
        if let Some(switch) = &self.switch {
            let _ = writeln!(text, "{}\n", served(switch));
        }
        for ((plug, fd), relay) in self.plugs.iter().zip(&self.fds).zip(&self.relays) {
            let path = match relay {
                Some(wanted) => format!("relay: {}", relays::in_words(&wanted.value)),
                None => "no relay".to_owned(),
            };
            let _ = writeln!(text, "fd {fd} is plugged into {}; {path}", place(plug));
        }
        for change in &self.line.changes {
            let (before, after) = (words(&change.before), words(&change.after));
            match (change.before.is_empty(), change.index) {
                (true, _) => {
                    let _ = writeln!(text, "\nadded       {after}");
                }
                (false, index) => {
                    let _ = writeln!(text, "\nargument {index:<2} {before}");
                    let after = if change.after.is_empty() { "(nothing)" } else { &after };
                    let _ = writeln!(text, "becomes     {after}");
                }
            }
            let _ = writeln!(text, "because     {}", change.why);
        }
        if self.line.changes.is_empty() {
            text.push_str("no argument is changed\n");
        }
        for note in &self.notes {
            let _ = writeln!(text, "\nnote        {}", quote::harmless(note));
        }
        let _ = writeln!(text, "\nruns        {}", self.command());
        text
    }

    fn json(&self) -> Value {
        let plugs = self.plugs.iter().zip(&self.fds).zip(&self.relays);
        let plugs: Vec<Value> =
            plugs.map(|((plug, fd), relay)| json_plug(plug, *fd, relay.as_ref())).collect();
        let changes: Vec<Value> = self
            .line
            .changes
            .iter()
            .map(|change| {
                json!({
                    "argument": change.index,
                    "before": json_words(&change.before),
                    "after": json_words(&change.after),
                    "why": change.why,
                })
            })
            .collect();
        let version = self.version.map(
            |(version, source)| json!({ "version": version.to_string(), "source": source.name() }),
        );
        let mut command = vec![json_word(self.program())];
        command.extend(self.line.args.iter().map(|word| json_word(word)));
        json!({
            "program": {
                "asked": json_word(&self.invocation.program),
                "path": self.program.as_ref().map(|path| json_word(path.as_os_str())),
            },
            "qemu": version,
            "switch": self.switch.as_ref().map(json_switch),
            "plugs": plugs,
            "changes": changes,
            "notes": self.notes,
            "command": command,
        })
    }
}

/// Where a plug is going to be.
fn place(plug: &PlannedPlug) -> String {
    let switch = match &*plug.vnl.path {
        b"" => "the default switch".to_owned(),
        path => quote::shell(OsStr::from_bytes(path)),
    };
    let switch = match &plug.named {
        Some(named) => format!("{switch} ({})", quote::harmless(&named.name)),
        None => switch,
    };
    match plug.vnl.port {
        None | Some(PortRequest::Any) => format!("{switch}, any port"),
        Some(port) => format!("{switch}, {port}"),
    }
}

fn json_switch(switch: &PlannedSwitch) -> Value {
    let ServeOptions { dir, mode, group, config, management } = switch.options();
    json!({
        "dir": json_word(dir.as_os_str()),
        "ports": config.ports,
        "hub": config.hub,
        "mode": format!("{mode:04o}"),
        "group": group,
        "management": management.as_ref().map(|path| json_word(path.as_os_str())),
    })
}

fn json_plug(plug: &PlannedPlug, fd: i32, relay: Option<&Wanted>) -> Value {
    let text = |bytes: &Vec<u8>| json_word(OsStr::from_bytes(bytes));
    json!({
        "fd": fd,
        "switch": Some(&plug.vnl.path).filter(|path| !path.is_empty()).map(text),
        "name": plug.named.as_ref().map(|named| &named.name),
        "port": match plug.vnl.port {
            Some(PortRequest::Number(number)) => Some(number.get()),
            _ => None,
        },
        "relay": relay.map(|wanted| relays::in_words(&wanted.value)),
        "group": plug.vnl.group.as_ref().map(text),
        "mode": plug.vnl.mode.map(|mode| format!("{mode:04o}")),
        "argument": plug.spec.spot.as_ref().map(|spot| spot.index),
    })
}

/// Words as a shell would have to be given them.
fn words(words: &[OsString]) -> String {
    quote::shell_line(words.iter().map(OsString::as_os_str))
}

fn json_words(words: &[OsString]) -> Vec<Value> {
    words.iter().map(|word| json_word(word)).collect()
}

/// A word as a string, or, if it is not UTF-8, as its bytes.
fn json_word(word: &OsStr) -> Value {
    match word.to_str() {
        Some(text) => json!(text),
        None => json!({ "bytes": word.as_bytes() }),
    }
}
