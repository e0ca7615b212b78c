//! Waiting for a switch that is not there yet (`--wait`).
//!
//! Only the absence of a switch is waited out: nothing at its place, or nobody who listens. A switch
//! that is there and refuses is an error at once.

use std::time::{Duration, Instant};

use vde_args::Wait;
use vde_exec::{Connection, DialError, DialOptions, LocateError, Signals, dial};

use crate::plan::PlannedPlug;
use crate::progress::Progress;
use crate::voice::Voice;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Dials as patiently as the user is.
pub(crate) struct Waiting<'a> {
    /// What the command line says: for all plugs together.
    wait: Option<Wait>,
    started: Instant,
    signals: &'a Signals,
    voice: Voice,
}

impl<'a> Waiting<'a> {
    /// The time of all plugs together runs from now on.
    pub(crate) fn new(wait: Option<Wait>, signals: &'a Signals, voice: Voice) -> Self {
        Self { wait, started: Instant::now(), signals, voice }
    }

    /// Plugs in, as soon as there is a switch.
    ///
    /// # Errors
    /// Those of [`dial`]: also of an absence, when the time is over.
    pub(crate) fn dial(
        &self,
        plug: &PlannedPlug,
        options: &DialOptions,
    ) -> Result<Connection, DialError> {
        let PlannedPlug { vnl, named, .. } = plug;
        // What a name is waited for is its own, and begins with it.
        let (wait, since) = match self.wait {
            Some(wait) => (Some(wait), self.started),
            None => (named.as_ref().and_then(|named| named.wait), Instant::now()),
        };
        let left = |wait: &Wait| match wait {
            Wait::For(time) => time.saturating_sub(since.elapsed()),
            _ => PAUSE,
        };
        let what = match &*vnl.path {
            b"" => "waiting for the default switch".to_owned(),
            path => format!("waiting for the switch {}", String::from_utf8_lossy(path)),
        };
        let _progress = Progress::of(self.voice, &what);
        let mut told = false;
        loop {
            let error = match dial(vnl, options, Some(self.signals.interrupt())) {
                Err(error)
                    if is_absence(&error)
                        && wait.as_ref().is_some_and(|wait| !left(wait).is_zero()) =>
                {
                    error
                }
                result => {
                    if told && result.is_err() {
                        let waited = since.elapsed().as_secs_f64();
                        self.voice.say(format_args!("waited for {waited:.1} s"));
                    }
                    return result;
                }
            };
            if !told {
                told = true;
                self.voice.say(format_args!("waiting for a switch: {error}"));
            }
            let pause = wait.as_ref().map_or(PAUSE, left).min(PAUSE);
            if self.signals.interrupted_within(pause) {
                return Err(DialError::Interrupted);
            }
        }
    }
}

/// Whether it says that there is no switch, or nobody in it.
fn is_absence(error: &DialError) -> bool {
    match error {
        DialError::Locate(LocateError::NoDefault { .. } | LocateError::Absent { .. }) => true,
        // A directory without a control socket.
        DialError::Locate(LocateError::NotASwitch { path, .. }) => path.is_dir(),
        DialError::Handshake { error, .. } => error.is_absence(),
        _ => false,
    }
}
