//! The report, as a test reads it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::program::unescape;
use crate::testkit::wait;

/// What the fake QEMU was given and what happened to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The name that it was called by.
    pub name: OsString,
    /// Its arguments, without the name.
    pub args: Vec<OsString>,
    /// Its open descriptors.
    pub fds: Vec<OpenFd>,
    /// Signals ignored, as the mask in `/proc/PID/status`.
    pub ignored: String,
    /// Signals blocked, as the mask in `/proc/PID/status`.
    pub blocked: String,
    /// Its process id; after `daemonize` the daemon's.
    pub pid: i32,
    /// The signals that it was sent, in order.
    pub signals: Vec<String>,
    /// The lengths of the frames that it was given (`hear`), in order.
    pub frames: Vec<usize>,
    /// Whether everything about its start has been told.
    pub ready: bool,
    /// Whether it takes signals now (`run`).
    pub running: bool,
}

/// An open descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFd {
    /// Its number.
    pub number: i32,
    /// What it is, as the link in `/proc` says: `socket:[12345]`.
    pub what: String,
}

impl Report {
    /// The report in `path` as it is now; empty if there is none.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut report = Self::default();
        text.lines().for_each(|line| report.take(line));
        report
    }

    /// Waits until the report in `path` tells everything about the start.
    ///
    /// # Panics
    /// If that never happens.
    #[must_use]
    pub fn wait_ready(path: &Path) -> Self {
        Self::wait_for(path, "the fake QEMU to start", |report| report.ready)
    }

    /// Waits until the report in `path` is as `condition` wants it.
    ///
    /// # Panics
    /// If that never happens.
    #[must_use]
    pub fn wait_for(path: &Path, what: &str, condition: impl Fn(&Self) -> bool) -> Self {
        wait::until(what, || Some(Self::read(path)).filter(&condition))
    }

    /// The arguments as text.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        self.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    /// The sockets among the descriptors from 3 on.
    #[must_use]
    pub fn sockets(&self) -> Vec<i32> {
        let ours = self.fds.iter().filter(|fd| fd.number > 2 && fd.what.starts_with("socket:"));
        ours.map(|fd| fd.number).collect()
    }

    fn take(&mut self, line: &str) {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        match key {
            "name" => self.name = unescape(value),
            "arg" => self.args.push(unescape(value)),
            "fd" => {
                let (number, what) = value.split_once(' ').expect("number and target");
                let number = number.parse().expect("a number");
                self.fds.push(OpenFd { number, what: what.to_owned() });
            }
            "SigIgn" => value.clone_into(&mut self.ignored),
            "SigBlk" => value.clone_into(&mut self.blocked),
            "pid" => self.pid = value.parse().expect("a process id"),
            "signal" => self.signals.push(value.to_owned()),
            "frame" => self.frames.push(value.parse().expect("a length")),
            "ready" => self.ready = true,
            "running" => self.running = true,
            _ => {}
        }
    }
}
