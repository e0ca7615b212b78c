//! Learns the version of the QEMU that is going to run: told, remembered, or asked.
//!
//! The spelling of a plug depends on one bit (QEMU 4.0 or not), and the wrong one may lose frames
//! without a word, so it has to be known. Asking costs some 20 ms; it happens beside the handshake
//! with the switch, and the answer is remembered for the executable.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use vde_args::{QemuVersion, Style};
use vde_exec::{Answer, Environment, Probe, VersionCache};

/// Longest wait for an answer. QEMU takes 20 ms; this leaves room for a loaded machine.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How the version is going to be learnt.
#[derive(Debug)]
pub(crate) enum Detection {
    /// It is known.
    Known(QemuVersion, Source),
    /// The program is being asked.
    Asking { probe: Option<Probe>, cache: Option<VersionCache>, program: std::path::PathBuf },
}

/// Where a version comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The program is no QEMU.
    NotNeeded,
    Told,
    Remembered,
    Asked,
    /// The program did not say; this is what programs are that do not.
    Assumed,
}

impl Source {
    /// As a part of a sentence.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::NotNeeded => "which it is not",
            Self::Told => "as --qemu-version says",
            Self::Remembered => "as it said when it was last asked",
            Self::Asked => "as it says",
            Self::Assumed => "as nothing says otherwise",
        }
    }

    /// As a word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NotNeeded => "none",
            Self::Told => "told",
            Self::Remembered => "remembered",
            Self::Asked => "asked",
            Self::Assumed => "assumed",
        }
    }
}

/// What was learnt.
#[derive(Debug)]
pub(crate) enum Detected {
    Version(QemuVersion, Source),
    Interrupted,
}

impl Detection {
    /// For a program that is no QEMU.
    pub(crate) fn not_needed() -> Self {
        Self::Known(QemuVersion::new(0, 0, 0), Source::NotNeeded)
    }

    /// Begins: asks the program unless its version is known.
    pub(crate) fn begin(
        told: Option<QemuVersion>,
        program: &Path,
        environment: &Environment,
    ) -> Self {
        if let Some(version) = told {
            return Self::Known(version, Source::Told);
        }
        let cache = environment.cache_dir().and_then(|dir| VersionCache::of(program, &dir));
        let remembered = cache.as_ref().and_then(VersionCache::get);
        if let Some(version) = remembered.and_then(|text| text.parse().ok()) {
            return Self::Known(version, Source::Remembered);
        }
        Self::Asking { probe: ask(program, "-version"), cache, program: program.to_owned() }
    }

    /// Ends: waits for the answer, and remembers it.
    ///
    /// A program that does not say `emulator version` counts as new, or, called as `vdeoq`, as old.
    pub(crate) fn finish(self, style: Style, interrupt: Option<BorrowedFd<'_>>) -> Detected {
        let (mut probe, cache, program) = match self {
            Self::Known(version, source) => return Detected::Version(version, source),
            Self::Asking { probe, cache, program } => (probe, cache, program),
        };
        // QEMU 0.10 and older do not know -version, but the first line of -help tells.
        for question in [None, Some("-help")] {
            let asked = question.map_or_else(|| probe.take(), |question| ask(&program, question));
            match asked.map(|probe| probe.finish(is_banner, interrupt)) {
                Some(Ok(Answer::Interrupted)) => return Detected::Interrupted,
                Some(Ok(Answer::Said(said))) => {
                    if let Some(version) = QemuVersion::parse_output(&said) {
                        remember(cache.as_ref(), version);
                        return Detected::Version(version, Source::Asked);
                    }
                }
                // What does not answer one question in time is not asked another.
                Some(Ok(Answer::TimedOut(said))) => match QemuVersion::parse_output(&said) {
                    Some(version) => return Detected::Version(version, Source::Asked),
                    None => break,
                },
                Some(Err(_)) | None => {}
            }
        }
        Detected::Version(assumed(style), Source::Assumed)
    }
}

/// Whether the lines that are complete tell the version: then the rest does not matter.
fn is_banner(said: &[u8]) -> bool {
    let end = said.iter().rposition(|&byte| byte == b'\n').unwrap_or_default();
    QemuVersion::parse_output(said.get(..end).unwrap_or_default()).is_some()
}

fn ask(program: &Path, question: &str) -> Option<Probe> {
    // A program that cannot be started says so again, and better, when it is started for good.
    Probe::start(program, OsStr::new(question), TIMEOUT).ok()
}

fn remember(cache: Option<&VersionCache>, version: QemuVersion) {
    // A cache that cannot be written costs time at the next start and nothing else.
    let _ = cache.map(|cache| cache.put(&version.to_string()));
}

fn assumed(style: Style) -> QemuVersion {
    match style {
        Style::TunFd => QemuVersion::new(0, 7, 0),
        _ => QemuVersion::new(4, 0, 0),
    }
}
