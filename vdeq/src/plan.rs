//! What is going to be plugged in where: the networks of the command line as locators.

use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use vde_args::{Options, PlugSpec};
use vde_exec::vde_proto::{PortNumber, PortRequest, Vnl, VnlError};

/// A plug to make, and the argument that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedPlug {
    pub(crate) vnl: Vnl,
    pub(crate) origin: Option<(usize, Range<usize>)>,
}

/// Why a network of the command line cannot be plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlanError {
    /// `sock=` is no locator.
    Locator { error: VnlError, origin: Option<(usize, Range<usize>)> },
    /// `port=` and the locator in `sock=` ask for different ports.
    TwoPorts { origin: Option<(usize, Range<usize>)>, outer: u32, inner: PortRequest },
}

/// Turns the plugs of a command line into locators.
///
/// # Errors
/// The first [`PlanError`].
pub(crate) fn plan(specs: &[PlugSpec], options: &Options) -> Result<Vec<PlannedPlug>, PlanError> {
    specs.iter().map(|spec| plan_one(spec, options)).collect()
}

fn plan_one(spec: &PlugSpec, options: &Options) -> Result<PlannedPlug, PlanError> {
    let origin = spec.origin.clone();
    let sock = spec.sock.as_deref().map(OsStrExt::as_bytes).unwrap_or_default();
    let locator =
        Vnl::parse(sock).map_err(|error| PlanError::Locator { error, origin: origin.clone() })?;
    let port = match (spec.port.and_then(PortNumber::new), locator.port) {
        (Some(outer), Some(inner)) if inner != PortRequest::Number(outer) => {
            return Err(PlanError::TwoPorts { origin, outer: outer.get(), inner });
        }
        (Some(outer), _) => Some(PortRequest::Number(outer)),
        (None, inner) => inner,
    };
    let group = spec.group.as_deref().map(|group| group.as_bytes().to_vec());
    let vnl = Vnl {
        path: locator.path,
        port,
        group: group.or(locator.group),
        mode: spec.mode.or(locator.mode).or(options.mode),
    };
    Ok(PlannedPlug { vnl, origin })
}
