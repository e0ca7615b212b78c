//! Running a command line with either vdeq, and looking at what becomes of it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use vde_exec::testkit::fake_qemu::{self, Report};
use vde_exec::testkit::real_switch::RealSwitch;
use vde_exec::testkit::wait;

use super::{Case, End};
use crate::debian::{C_VDEQ, begin_theirs, is_asleep, is_root, processes_of, without_note};
use crate::rig;
use crate::world::{KillProcess, Outcome, Running, World, signal, start, switch};

/// The two programs; each is a directory of links.
pub const THEIRS: &str = "theirs";
pub const OURS: &str = "ours";

/// The status with which the fake QEMU ends when it is told to.
const STATUS: i32 = 42;

/// A home with three switches: `A` and `B` in the working directory, and the default one.
pub struct Place {
    world: World,
    pub a: RealSwitch,
    b: RealSwitch,
    default: RealSwitch,
}

/// What became of a command line.
#[derive(Debug)]
struct Observed {
    /// The line of the QEMU that ran, and the ports that were taken.
    vm: Option<(String, String)>,
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl Observed {
    /// What is not as expected; `None` if all is.
    fn differs_from(&self, expected: &End) -> Option<String> {
        let says = |said: &str, text: &str| {
            if text.is_empty() { said.is_empty() } else { said.contains(text) }
        };
        let (is_so, expected) = match *expected {
            End::Runs { line, ports, stderr } => {
                let ports = match ports.strip_prefix("root: ") {
                    Some(ports) if is_root() => ports,
                    Some(_) => "",
                    None => ports,
                };
                let runs = self.vm.as_ref().is_some_and(|vm| (&*vm.0, &*vm.1) == (line, ports));
                let is_so = runs && self.status.code() == Some(STATUS);
                let is_so = is_so && self.stdout.is_empty() && says(&self.stderr, stderr);
                (is_so, format!("a QEMU at {ports:?}, {stderr:?}, and: {line}"))
            }
            End::Ends { status, stdout, stderr } => {
                let is_so = self.vm.is_none() && self.status.code() == Some(status);
                let is_so = is_so && says(&self.stdout, stdout) && says(&self.stderr, stderr);
                (is_so, format!("status {status}, {stdout:?}, {stderr:?}"))
            }
            End::Leaves { line, ports } => {
                let runs = self.vm.as_ref().is_some_and(|vm| (&*vm.0, &*vm.1) == (line, ports));
                (
                    runs && self.status.success(),
                    format!("status 0, a QEMU at {ports:?}, and: {line}"),
                )
            }
            End::Dies { signal } => {
                let is_so = self.vm.is_none() && self.status.signal() == Some(signal);
                (is_so, format!("signal {signal}"))
            }
        };
        (!is_so).then(|| format!("expected {expected}"))
    }
}

/// What a look at a vdeq showed.
enum Seen {
    Runs(Box<Report>),
    Ended,
}

impl Place {
    pub fn new() -> Self {
        let place = Self { world: World::new(), a: switch(), b: switch(), default: switch() };
        for name in [THEIRS, OURS, "bin"] {
            fs::create_dir(place.world.path(name)).unwrap();
        }
        place.world.set_default_switch(place.default.dir());
        for (name, switch) in [("A", &place.a), ("B", &place.b)] {
            symlink(switch.dir(), place.world.path(name)).unwrap();
        }
        for (name, kind) in [("vde.cfg", "vde"), ("user.cfg", "user")] {
            let text = format!("[netdev \"n\"]\n  type = \"{kind}\"\n");
            fs::write(place.world.path(name), text).unwrap();
        }
        place.install("qemu");
        place.install("kvm");
        place
    }

    /// Puts the fake QEMU on the search path.
    pub fn install(&self, name: &str) {
        symlink(rig::fake_qemu(), self.world.path("bin").join(name)).unwrap();
    }

    /// The questions that the fake QEMU was asked.
    pub fn questions(&self) -> String {
        fs::read_to_string(self.world.path("probes")).unwrap_or_default()
    }

    /// Runs it with both, and tells what is not as expected.
    pub fn check(&self, case: &Case) -> Vec<String> {
        let both = [(THEIRS, &case.theirs), (OURS, &case.ours)];
        let wrong = both.into_iter().filter_map(|(whose, expected)| {
            let got = match expected {
                End::Leaves { .. } => self.observe_daemon(whose, case),
                _ => self.observe(whose, case),
            };
            let trouble = got.differs_from(expected)?;
            Some(format!("{whose}: {}\n    {trouble}\n    {got:?}", case.words))
        });
        wrong.collect()
    }

    /// Runs it with one of them.
    fn observe(&self, whose: &str, case: &Case) -> Observed {
        let (running, seen) = self.begin(whose, case.words, case.banner);
        let vm = match seen {
            Seen::Runs(report) => {
                let vm = (self.told(&report), self.ports());
                signal(report.pid.unsigned_abs(), "TERM");
                Some(vm)
            }
            Seen::Ended => None,
        };
        let outcome = running.finish();
        self.wait_for_free_ports();
        let (stdout, stderr) = said(whose, &outcome);
        Observed { vm, status: outcome.status, stdout, stderr }
    }

    /// Runs it with one of them, which has to end before its QEMU.
    fn observe_daemon(&self, whose: &str, case: &Case) -> Observed {
        let _ = fs::remove_file(self.report());
        let mut running = start(&mut self.command(whose, case.words, case.banner));
        // What it prints has no end while the daemon is there, so it is not read.
        let status = wait::until(case.words, || running.child.try_wait().unwrap());
        let report = Report::wait_for(&self.report(), case.words, |report| report.running);
        let vm = Some((self.told(&report), self.ports()));
        drop(KillProcess(report.pid.unsigned_abs()));
        let program = self.link(whose, case.words);
        processes_of(&program).into_iter().for_each(|pid| drop(KillProcess(pid)));
        self.wait_for_free_ports();
        Observed { vm, status, stdout: String::new(), stderr: String::new() }
    }

    /// Runs a line that starts a QEMU, and looks at something while that runs.
    pub fn running<T>(&self, whose: &str, line: &str, banner: &str, look: impl FnOnce() -> T) -> T {
        let (running, seen) = self.begin(whose, line, banner);
        let Seen::Runs(report) = seen else { panic!("{line}: {:?}", running.finish()) };
        let found = look();
        signal(report.pid.unsigned_abs(), "TERM");
        running.finish();
        self.wait_for_free_ports();
        found
    }

    /// Runs a line that starts no QEMU.
    pub fn finish(&self, whose: &str, line: &str, banner: &str) -> Outcome {
        let (running, seen) = self.begin(whose, line, banner);
        assert!(matches!(seen, Seen::Ended), "{line} started a QEMU");
        running.finish()
    }

    /// Starts it, and waits until its QEMU runs or it has ended.
    fn begin(&self, whose: &str, line: &str, banner: &str) -> (Running, Seen) {
        let command = || {
            let _ = fs::remove_file(self.report());
            self.command(whose, line, banner)
        };
        if whose == THEIRS {
            return begin_theirs(line, command, |running| self.look(running));
        }
        let mut running = start(&mut command());
        let seen = wait::until(line, || self.look(&mut running));
        (running, seen)
    }

    fn look(&self, running: &mut Running) -> Option<Seen> {
        let report = Report::read(&self.report());
        // A vdeq that sleeps waits for its VM: a signal before that would be lost to theirs (V31).
        if report.running && is_asleep(running.pid()) {
            return Some(Seen::Runs(Box::new(report)));
        }
        let ended = running.child.try_wait().unwrap().is_some();
        ended.then_some(Seen::Ended)
    }

    fn report(&self) -> PathBuf {
        self.world.path("report")
    }

    /// What a line starts, with the name that it calls it by.
    fn link(&self, whose: &str, line: &str) -> PathBuf {
        self.world.path(whose).join(line.split(' ').next().unwrap())
    }

    fn command(&self, whose: &str, line: &str, banner: &str) -> Command {
        let words = line.split(' ').skip(1);
        let link = self.link(whose, line);
        if !link.exists() {
            let program = if whose == THEIRS { Path::new(C_VDEQ) } else { rig::vdeq() };
            symlink(program, &link).unwrap();
        }
        let mut command = self.world.command(&link);
        command.args(words.map(word)).current_dir(self.world.path("")).stdin(Stdio::null());
        // The version of an executable is remembered, and here it differs from case to case.
        let cache = banner.bytes().fold(0_u32, |sum, byte| sum * 31 % 65_521 + u32::from(byte));
        command.env("XDG_CACHE_HOME", self.world.path(&format!("cache{cache}")));
        command.env("PATH", self.world.path("bin"));
        command.env(fake_qemu::REPORT, self.report());
        command.env(fake_qemu::PROBES, self.world.path("probes"));
        command.env(fake_qemu::DO, format!("run={STATUS}"));
        command.env(fake_qemu::VERSION, banner).env(fake_qemu::HELP, banner);
        command
    }

    /// What the QEMU was given, as a case has it.
    fn told(&self, report: &Report) -> String {
        let name = Path::new(&report.name);
        // A path of this place is written as seen from here.
        let name = name.strip_prefix(self.world.path("")).unwrap_or(name);
        let mut line = name.display().to_string();
        let mut is_descriptor = false;
        for arg in &report.args {
            let text = match arg {
                arg if arg.is_empty() => "''".to_owned(),
                arg if *arg == word("BYTES") => "BYTES".to_owned(),
                _ if is_descriptor => "#".to_owned(),
                arg => without_descriptor(&arg.to_str().unwrap().replace(&long(), "LONG")),
            };
            line.push(' ');
            line.push_str(&text);
            is_descriptor = text == "-tun-fd";
        }
        line
    }

    /// The ports that are taken: `D1 A5`.
    fn ports(&self) -> String {
        let mut taken = Vec::new();
        for (name, switch) in [("D", &self.default), ("A", &self.a), ("B", &self.b)] {
            let mut ports: Vec<_> = switch.busy_ports().iter().map(|port| port.number).collect();
            ports.sort_unstable();
            taken.extend(ports.into_iter().map(|port| format!("{name}{port}")));
        }
        taken.join(" ")
    }

    fn wait_for_free_ports(&self) {
        for switch in [&self.a, &self.b, &self.default] {
            switch.wait_for_ports("every port is given back", <[_]>::is_empty);
        }
    }
}

/// A directory, 600 bytes long, that is the working directory.
fn long() -> String {
    "./".repeat(300)
}

/// A word of a case.
fn word(text: &str) -> OsString {
    match text {
        "''" => OsString::new(),
        "BYTES" => OsString::from_vec(b"\xff\n\xfe".to_vec()),
        _ => text.replace("LONG", &long()).into(),
    }
}

/// `fd=#` in place of the number.
fn without_descriptor(text: &str) -> String {
    match text.split_once("fd=") {
        Some((before, after)) => {
            format!("{before}fd=#{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => text.to_owned(),
    }
}

/// What was said, without what the C vdeq says anyway: that it is deprecated, and every argument of
/// a VDE network (V21); and without what ours says of nearly every line here: that a NIC has no address.
fn said(whose: &str, outcome: &Outcome) -> (String, String) {
    if whose == OURS {
        let lines =
            outcome.stderr.split_inclusive('\n').filter(|line| !line.contains(" has no mac="));
        return (outcome.stdout.clone(), lines.collect());
    }
    let stderr = without_note(&outcome.stderr);
    let lines = outcome.stdout.lines().filter(|line| !line.starts_with("arg "));
    (lines.collect::<Vec<_>>().join("\n"), stderr.to_owned())
}
