//! What is going to be plugged in where: the networks of the command line as locators.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use vde_args::{Options, PlugSpec, Spot};
use vde_exec::vde_proto::{PortNumber, PortRequest, Vnl, VnlError};

use crate::names::{Named, Names, NamesError};

/// A plug to make, and what asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedPlug {
    pub(crate) vnl: Vnl,
    pub(crate) spec: PlugSpec,
    /// The name that the switch goes by, if it was named by one.
    pub(crate) named: Option<Named>,
    /// What there is to say where a name could not be looked up and is taken for a path.
    pub(crate) doubt: Option<String>,
}

impl PlannedPlug {
    /// What the user wants the administrator of the switch to read.
    pub(crate) fn description(&self) -> Option<&OsString> {
        self.spec.description.as_ref()
    }
}

/// Why a network of the command line cannot be plugged in.
#[derive(Debug)]
pub(crate) enum PlanError {
    /// `sock=` is no locator.
    Locator { error: VnlError, spot: Option<Spot> },
    /// `port=` and the locator in `sock=` ask for different ports.
    TwoPorts { spot: Option<Spot>, outer: u32, inner: PortRequest },
    /// `sock=` may be a name, and names cannot be looked up.
    Names { error: NamesError, spot: Option<Spot> },
}

/// Turns the plugs of a command line into locators. Those that name no switch join `default`, if there
/// is one. What the command line says comes before what `names` say.
///
/// # Errors
/// The first [`PlanError`].
pub(crate) fn plan(
    specs: &[PlugSpec],
    options: &Options,
    default: Option<&Path>,
    names: &Names,
) -> Result<Vec<PlannedPlug>, PlanError> {
    specs.iter().map(|spec| plan_one(spec, options, default, names)).collect()
}

fn plan_one(
    spec: &PlugSpec,
    options: &Options,
    default: Option<&Path>,
    names: &Names,
) -> Result<PlannedPlug, PlanError> {
    let sock = spec.sock.as_deref().map(OsStrExt::as_bytes).unwrap_or_default();
    let locator = Vnl::parse(sock)
        .map_err(|error| PlanError::Locator { error, spot: spec.parts.sock.clone() })?;
    let port = match (spec.port.and_then(PortNumber::new), locator.port) {
        (Some(outer), Some(inner)) if inner != PortRequest::Number(outer) => {
            let spot = spec.parts.port.clone();
            return Err(PlanError::TwoPorts { spot, outer: outer.get(), inner });
        }
        (Some(outer), _) => Some(PortRequest::Number(outer)),
        (None, inner) => inner,
    };
    let (named, doubt) = look_up(&locator.path, default, names)
        .map_err(|error| PlanError::Names { error, spot: spec.parts.sock.clone() })?;
    // `port=0` is any port, which a name is not asked about.
    let is_any = spec.parts.port.is_some() && port.is_none();
    let port = if named.is_some() && is_any { Some(PortRequest::Any) } else { port };
    let group = spec.group.as_deref().map(|group| group.as_bytes().to_vec());
    let path = match default {
        Some(dir) if locator.path.is_empty() => dir.as_os_str().as_bytes().to_vec(),
        _ => locator.path,
    };
    let vnl = Vnl {
        path,
        port,
        group: group.or(locator.group),
        mode: spec.mode.or(locator.mode).or(options.mode),
    };
    let vnl = match &named {
        Some(named) => named.complete(vnl),
        None => vnl,
    };
    Ok(PlannedPlug { vnl, spec: spec.clone(), named, doubt })
}

/// What a name stands for, if it is one, and what there is to say where that cannot be found out: then it
/// is a path, as it always was, if there is something of that path.
fn look_up(
    name: &[u8],
    default: Option<&Path>,
    names: &Names,
) -> Result<(Option<Named>, Option<String>), NamesError> {
    let path = Path::new(OsStr::from_bytes(name));
    // The switch that is served beside the machine, by the word that it was given.
    if default.is_some_and(|dir| std::path::absolute(path).is_ok_and(|path| path == dir)) {
        return Ok((None, None));
    }
    match names.find(name) {
        Ok(named) => Ok((named, None)),
        // What others have done to a file of names does not take paths away.
        Err(error) if !error.is_users(names) && path.symlink_metadata().is_ok() => {
            let path = path.display();
            Ok((None, Some(format!("{error}; taking {path} for the switch of that path"))))
        }
        Err(error) => Err(error),
    }
}
