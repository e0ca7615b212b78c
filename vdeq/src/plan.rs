//! What is going to be plugged in where: the networks of the command line as locators.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use vde_args::{Options, PlugSpec, Spot};
use vde_exec::vde_proto::{PortNumber, PortRequest, Vnl, VnlError};

/// A plug to make, and what asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedPlug {
    pub(crate) vnl: Vnl,
    pub(crate) spec: PlugSpec,
}

impl PlannedPlug {
    /// What the user wants the administrator of the switch to read.
    pub(crate) fn description(&self) -> Option<&OsString> {
        self.spec.description.as_ref()
    }
}

/// Why a network of the command line cannot be plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlanError {
    /// `sock=` is no locator.
    Locator { error: VnlError, spot: Option<Spot> },
    /// `port=` and the locator in `sock=` ask for different ports.
    TwoPorts { spot: Option<Spot>, outer: u32, inner: PortRequest },
}

/// Turns the plugs of a command line into locators. Those that name no switch join `default`, if there
/// is one.
///
/// # Errors
/// The first [`PlanError`].
pub(crate) fn plan(
    specs: &[PlugSpec],
    options: &Options,
    default: Option<&Path>,
) -> Result<Vec<PlannedPlug>, PlanError> {
    specs.iter().map(|spec| plan_one(spec, options, default)).collect()
}

fn plan_one(
    spec: &PlugSpec,
    options: &Options,
    default: Option<&Path>,
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
    Ok(PlannedPlug { vnl, spec: spec.clone() })
}
