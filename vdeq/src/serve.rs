//! `--switch`: a switch of our own, beside a virtual machine or alone.

use std::fmt;
use std::path::{Path, PathBuf, absolute};

use vde_args::{Given, Options, Spot, SwitchOptions};
use vde_exec::serve::{MAX_SERVED_DIR_LEN, ServeError, ServeOptions, SwitchServer};
use vde_exec::{End, Environment, Errno, Held, ListenError, find_group};

use crate::desk::{open_ready, socket_hint};
use crate::failure::Failure;
use crate::quote;
use crate::voice::Voice;

/// Permission bits of the sockets where nothing else is said: for this user, or for the group too
/// where one is named.
const MODE: u32 = 0o600;
const MODE_WITH_GROUP: u32 = 0o660;

/// What ends a switch as it should: `SIGHUP`, `SIGINT`, `SIGTERM`.
const ENDING: [i32; 3] = [1, 2, 15];

/// A switch that is going to be served.
#[derive(Debug)]
pub(crate) struct PlannedSwitch {
    options: ServeOptions,
    /// Where its directory is named; `--switch`, if it is not.
    dir_spot: Spot,
    management_spot: Option<Spot>,
}

/// Why there is no switch.
#[derive(Debug)]
pub(crate) enum SwitchError {
    /// No directory is named, and nothing says where it would be.
    NoPlace {
        spot: Spot,
    },
    /// The directory begins with a `~` that no shell has replaced.
    Tilde {
        spot: Spot,
    },
    NoGroup {
        name: String,
        spot: Spot,
    },
    Open {
        error: ServeError,
        spot: Spot,
    },
}

/// Serves a switch and nothing else, until a signal comes or its console says so.
pub(crate) fn serve(options: &Options) -> Result<End, Failure> {
    let voice = Voice::new(options.verbose);
    // What is made would stay if a signal ended us now.
    let held = Held::take().map_err(Failure::Signals)?;
    let mut ready = open_ready(options).map_err(Failure::Desk)?;
    let environment = Environment::of_process();
    let planned = PlannedSwitch::of(options, &environment)?;
    let Some(planned) = planned else { return Ok(End::Exited(0)) };
    let signals = held.readable().map_err(Failure::Signals)?;
    let server = planned.open(voice)?;
    let place = planned.in_words();
    voice.say(format_args!("serving a switch at {place}"));
    if let Some(other) = planned.is_behind(&environment) {
        voice.say(format_args!("who names no switch joins {}, which comes first", other.display()));
    }
    for failure in ready.tell() {
        voice.say(failure);
    }
    ready.describe(&quote::harmless(&place));
    let result = server.run(signals.interrupt());
    ready.stopping();
    result.map_err(Failure::Serve)?;
    Ok(match signals.interruption() {
        Some(signal) if !ENDING.contains(&signal) => End::Killed(signal),
        _ => End::Exited(0),
    })
}

impl PlannedSwitch {
    /// The switch that the options ask for, if they do. Nothing is made.
    pub(crate) fn of(
        options: &Options,
        environment: &Environment,
    ) -> Result<Option<Self>, SwitchError> {
        let read = |switch| Self::read(switch, options, environment);
        options.switch.as_ref().map(read).transpose()
    }

    fn read(
        switch: &SwitchOptions,
        options: &Options,
        environment: &Environment,
    ) -> Result<Self, SwitchError> {
        let dir_spot = switch.spot.clone();
        let dir = match &switch.dir {
            Some(dir) if dir.as_encoded_bytes().starts_with(b"~") => {
                return Err(SwitchError::Tilde { spot: dir_spot });
            }
            Some(dir) => PathBuf::from(dir),
            None => {
                let spot = dir_spot.clone();
                environment.own_switch().ok_or(SwitchError::NoPlace { spot })?
            }
        };
        let group = switch.group.as_ref().map(|given| {
            let name = given.value.to_string_lossy();
            let spot = given.spot.clone();
            find_group(&name).ok_or(SwitchError::NoGroup { name: name.into_owned(), spot })
        });
        let group = group.transpose()?;
        let mode_here = if group.is_some() { MODE_WITH_GROUP } else { MODE };
        let mut plan = ServeOptions::new(from_root(dir));
        plan.group = group;
        plan.mode = options.mode.unwrap_or(mode_here);
        plan.config.ports = switch.ports.unwrap_or(plan.config.ports);
        plan.config.hub = switch.hub;
        plan.management =
            switch.management.as_ref().map(|given| from_root(PathBuf::from(&given.value)));
        let spot_of = |given: &Given<_>| given.spot.clone();
        let management_spot = switch.management.as_ref().map(spot_of);
        Ok(Self { options: plan, dir_spot, management_spot })
    }

    /// Makes it: from now on it is there for others.
    pub(crate) fn open(&self, voice: Voice) -> Result<SwitchServer, SwitchError> {
        let opened = SwitchServer::open(&self.options);
        opened.map(|server| server.on_collision(move |what| voice.say_if_heard(what))).map_err(
            |error| {
                let spot = match (&error, &self.management_spot) {
                    (ServeError::Listen(error), Some(spot)) if self.is_console(error) => spot,
                    _ => &self.dir_spot,
                };
                SwitchError::Open { error, spot: spot.clone() }
            },
        )
    }

    /// Whether it is about the socket of the console.
    fn is_console(&self, error: &ListenError) -> bool {
        self.options.management.as_deref() == Some(error.path())
    }

    pub(crate) fn options(&self) -> &ServeOptions {
        &self.options
    }

    /// Of a switch that is served as the default one, the directory that is there and is found before.
    fn is_behind(&self, environment: &Environment) -> Option<PathBuf> {
        let places = environment.default_switches();
        let own = places.iter().position(|place| place == self.dir())?;
        places.into_iter().take(own).find(|place| place.exists())
    }

    /// Its directory, as a path from the root.
    pub(crate) fn dir(&self) -> &Path {
        &self.options.dir
    }

    /// Where it is, and how.
    pub(crate) fn in_words(&self) -> String {
        let ServeOptions { dir, mode, group, config, management } = &self.options;
        let kind = if config.hub { "a hub with " } else { "" };
        let plural = if config.ports == 1 { "" } else { "s" };
        let mut text =
            format!("{} ({kind}{} port{plural}, mode {mode:04o}", dir.display(), config.ports);
        if let Some(group) = group {
            text += &format!(", group {group}");
        }
        if let Some(path) = management {
            text += &format!(", console at {}", path.display());
        }
        text + ")"
    }
}

/// A path that means the same wherever it is looked at from.
fn from_root(path: PathBuf) -> PathBuf {
    absolute(&path).unwrap_or(path)
}

impl SwitchError {
    /// Where it was named.
    pub(crate) fn spot(&self) -> &Spot {
        match self {
            Self::NoPlace { spot }
            | Self::Tilde { spot }
            | Self::NoGroup { spot, .. }
            | Self::Open { spot, .. } => spot,
        }
    }

    /// What to do.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoPlace { .. } => "say where: --switch=DIR".to_owned(),
            Self::Tilde { .. } => {
                "write the whole path: --switch=$HOME/... (or ./~ if that is its name)".to_owned()
            }
            Self::NoGroup { .. } => "give a name that `getent group` lists, or a number".to_owned(),
            Self::Open { error, .. } => match error {
                ServeError::TooLong { .. } => format!(
                    "the names of its sockets have to fit behind that: name a directory of at most \
                     {MAX_SERVED_DIR_LEN} bytes"
                ),
                ServeError::Alive { .. } => {
                    "it can be joined without --switch; another one needs another directory: --switch=DIR"
                        .to_owned()
                }
                ServeError::Foreign { .. } | ServeError::NotADirectory { .. } => {
                    "name a directory that is not there yet, or is empty".to_owned()
                }
                ServeError::Listen(error) => socket_hint(error),
                // Only root gives files away to groups that root is not in.
                ServeError::Dir { errno: Errno::EPERM, .. } => {
                    "name a directory in which this user may make files, and with --group a group that \
                     this user is in"
                        .to_owned()
                }
                _ => "name a directory in which this user may make files".to_owned(),
            },
        }
    }
}

impl fmt::Display for SwitchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlace { .. } => f.write_str(
                "there is no place for a switch: neither HOME nor XDG_RUNTIME_DIR names a directory",
            ),
            Self::Tilde { .. } => {
                f.write_str("a shell replaces ~ at the beginning of a word only, and not here")
            }
            Self::NoGroup { name, .. } => write!(f, "there is no group {name:?}"),
            Self::Open { error, .. } => error.fmt(f),
        }
    }
}
