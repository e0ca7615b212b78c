//! Which switches answer this user: the default ones, those that have names, and those that are given.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vde_args::{Checkup, Options, PlugSpec};
use vde_exec::vde_proto::Vnl;
use vde_exec::{
    Connection, DialError, DialOptions, Environment, Gate, LocateError, MAX_DIR_LEN, Signals,
    abandoned_sockets, dial, give_back,
};

use super::console;
use super::finding::{Finding, Level, Topic};
use crate::failure::Failure;
use crate::names::{Named, Names};
use crate::plan::{PlannedPlug, plan};
use crate::quote;

/// Longest wait for a switch to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Longest wait for it to notice that it has the port back.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where the service `vdeq-switch@` has its switches.
const SERVICES: &str = "/run/vdeq";

/// Most switches that are looked at because they have names.
const MOST_NAMES: usize = 16;

/// Most leftovers that are named one by one.
const MOST_NAMED: usize = 5;

/// Why a switch is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Who names no switch joins it.
    Default,
    /// It would be the default, but another comes first.
    Behind,
    /// It has a name, and need not be there.
    Named,
    /// Somebody wants to know.
    Given,
}

struct Candidate {
    plug: PlannedPlug,
    origin: Origin,
}

/// Looks at all of them.
///
/// # Errors
/// A signal came.
pub(super) fn look(
    checkup: &Checkup,
    environment: &Environment,
    signals: &Signals,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let names = Names::of(environment);
    let mut seen: Vec<(u64, u64)> = Vec::new();
    let given = given(checkup, &names, findings);
    let defaults = defaults(environment, findings);
    let named = named(&names, findings);
    for candidate in given.into_iter().chain(defaults).chain(named).chain(services()) {
        let id = fs::metadata(path_of(&candidate.plug)).map(|meta| (meta.dev(), meta.ino())).ok();
        // Who asks for one, and perhaps for another port of it, is answered.
        if candidate.origin == Origin::Given || id.is_none_or(|id| !seen.contains(&id)) {
            seen.extend(id);
            examine(&candidate, environment, signals, findings)?;
        }
    }
    Ok(())
}

/// The switches that stand behind `--doctor`.
fn given(checkup: &Checkup, names: &Names, findings: &mut Vec<Finding>) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for given in &checkup.switches {
        let mut spec = PlugSpec::default();
        // Whoever copies it from a command line may have this with it.
        let word = given.value.as_bytes();
        spec.sock = Some(OsStr::from_bytes(word.strip_prefix(b"sock=").unwrap_or(word)).to_owned());
        match plan(&[spec], &Options::default(), None, names) {
            Ok(plugs) => candidates
                .extend(plugs.into_iter().map(|plug| Candidate { plug, origin: Origin::Given })),
            Err(error) => findings.push(failed(Level::Wrong, &error.into(), "")),
        }
    }
    candidates
}

/// Those that are found by who names none.
fn defaults(environment: &Environment, findings: &mut Vec<Finding>) -> Vec<Candidate> {
    let places = environment.default_switches();
    let is_there = |path: &&PathBuf| path.symlink_metadata().is_ok();
    let there: Vec<_> = places.iter().filter(is_there).collect();
    if there.is_empty() {
        let says = "there is no default switch: who names none is told so";
        let fix = "vdeq --switch serves one; vdeq --switch QEMU ... one beside a machine";
        findings.push(Finding::note(Topic::Switch, says).so(fix));
    }
    if let Some(own) = environment.own_switch() {
        let length = own.as_os_str().len();
        if length > MAX_DIR_LEN {
            let says = format!(
                "the place of a switch of this user is {length} bytes long, and {MAX_DIR_LEN} fit into \
                 the address of a socket: {}",
                own.display()
            );
            let fix = "serve it elsewhere: vdeq --switch=DIR, and sock=DIR";
            findings.push(Finding::note(Topic::Switch, says).so(fix));
        }
    }
    let origins = std::iter::once(Origin::Default).chain(std::iter::repeat(Origin::Behind));
    let there = there.into_iter().zip(origins);
    there.map(|(path, origin)| Candidate { plug: unnamed(path), origin }).collect()
}

/// Those of the service `vdeq-switch@`.
fn services() -> Vec<Candidate> {
    let dirs = fs::read_dir(SERVICES).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut dirs: Vec<_> = dirs.filter(|dir| dir.join("ctl").exists()).take(MOST_NAMES).collect();
    dirs.sort();
    let candidate = |dir: &PathBuf| Candidate { plug: unnamed(dir), origin: Origin::Named };
    dirs.iter().map(candidate).collect()
}

/// A plug into the switch there.
fn unnamed(dir: &Path) -> PlannedPlug {
    let vnl = Vnl { path: dir.as_os_str().as_bytes().to_vec(), ..Vnl::default() };
    PlannedPlug { vnl, spec: PlugSpec::default(), named: None, doubt: None }
}

/// The path that a plug names.
fn path_of(plug: &PlannedPlug) -> &Path {
    Path::new(OsStr::from_bytes(&plug.vnl.path))
}

/// Those that have names.
fn named(names: &Names, findings: &mut Vec<Finding>) -> Vec<Candidate> {
    let all = names.all().unwrap_or_else(|error| {
        findings.push(Finding::wrong(Topic::Switch, error.to_string()).so(error.hint()));
        Vec::new()
    });
    let plug = |named: Named| PlannedPlug {
        vnl: named.complete(Vnl::default()),
        spec: PlugSpec::default(),
        named: Some(named),
        doubt: None,
    };
    if let Some(more) = all.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
        let says = format!("{more} more switches have names, and are not looked at");
        findings.push(Finding::note(Topic::Switch, says).by("vdeq --doctor NAME"));
    }
    let all = all.into_iter().take(MOST_NAMES);
    all.map(|named| Candidate { plug: plug(named), origin: Origin::Named }).collect()
}

/// Plugs in, looks, and leaves.
fn examine(
    candidate: &Candidate,
    environment: &Environment,
    signals: &Signals,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let Candidate { plug, origin } = candidate;
    let options = DialOptions {
        description: "vdeq: --doctor".to_owned(),
        timeout: TIMEOUT,
        environment: environment.clone(),
    };
    let started = Instant::now();
    match dial(&plug.vnl, &options, Some(signals.interrupt())) {
        Ok(connection) => {
            let took = started.elapsed();
            let dir = connection.switch.dir().to_owned();
            // Who leaves a console while somebody comes can cost them the port [P-7.8]: it is asked
            // only if nobody can.
            let inside = Gate::of(&connection.switch).try_enter();
            let console = inside.as_ref().and_then(|_| console::ask(&connection));
            drop(inside);
            findings.push(answered(&connection, took, candidate, console.as_ref()));
            let trouble = console.map(|console| console.trouble(connection.port));
            findings.extend(trouble.unwrap_or_default());
            give_back(vec![connection], PATIENCE);
            findings.extend(leftovers(&dir));
        }
        Err(DialError::Interrupted) => {
            return Err(Failure::Interrupted(signals.interruption().unwrap_or_default()));
        }
        Err(error) => {
            let is_absence = matches!(&error, DialError::Locate(LocateError::Absent { .. }))
                || matches!(&error, DialError::Handshake { error, .. } if error.is_absence());
            let level = match (origin, is_absence) {
                (Origin::Behind, _) | (Origin::Named, true) => Level::Note,
                _ => Level::Wrong,
            };
            let extra = match (origin, is_absence) {
                (Origin::Default, true) => " (the search for a default switch ends there)",
                _ => "",
            };
            let failure = Failure::Plug { error, plug: Box::new(plug.clone()) };
            findings.push(failed(level, &failure, extra));
            findings.extend(leftovers(path_of(plug)));
        }
    }
    Ok(())
}

/// What is said of a switch that answers.
fn answered(
    connection: &Connection,
    took: Duration,
    candidate: &Candidate,
    console: Option<&console::Console>,
) -> Finding {
    let mut says = connection.switch.dir().display().to_string();
    match (candidate.origin, &candidate.plug.named) {
        (_, Some(named)) => says += &format!(" ({})", named.name),
        (Origin::Default, None) => says += ", the default switch,",
        _ => {}
    }
    says += &match connection.port {
        Some(port) => format!(" gives port {port}"),
        None => " answers".to_owned(),
    };
    says += &format!(" within {} ms", took.as_millis() + 1);
    says += &console.map(console::Console::in_words).unwrap_or_default();
    Finding::ok(Topic::Switch, says)
}

fn failed(level: Level, failure: &Failure, extra: &str) -> Finding {
    Finding::new(level, Topic::Switch, failure.says() + extra).so(failure.advice())
}

/// Sockets that clients of this user left there which were killed.
fn leftovers(dir: &Path) -> Option<Finding> {
    let left = abandoned_sockets(dir);
    let (first, last) = (left.first()?, left.len());
    let plural = if last == 1 { "" } else { "s" };
    let says = format!(
        "{last} socket{plural} of yours in {} that nobody is bound to any more, such as {}",
        dir.display(),
        first.file_name().unwrap_or_default().to_string_lossy()
    );
    let named = left.iter().take(MOST_NAMED).map(|path| quote::shell(path.as_os_str()));
    let command = format!("rm {}", named.collect::<Vec<_>>().join(" "));
    let says = match last.checked_sub(MOST_NAMED + 1) {
        None => says,
        Some(more) => {
            format!("{says} (the first {MOST_NAMED} are below, {} more are not)", more + 1)
        }
    };
    Some(Finding::note(Topic::Switch, says).by(command))
}
