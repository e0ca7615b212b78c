//! Hundreds of made-up command lines, rewritten for real QEMUs: each one must be taken and must
//! connect what the line means; each one that means nothing must be refused.
//!
//! A story says who is connected with whom; it is spelt as one of the many lines that mean it; what
//! vde-args makes of the line is given to QEMU, which is asked what it connected.

mod invent;
mod lists;
mod oracle;
mod preview;
mod refused;
mod spelling;
mod story;

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Instant;

use vde_args::{Network, QemuVersion, Rewritten};

use self::oracle::Found;
use self::spelling::Line;
use self::story::{Story, Switch};
use crate::chance::Chance;
use crate::qmp::{Qmp, words};
use crate::rig;

/// Another seed gives other lines.
const SEED: u64 = 3;

/// How many different lines each QEMU is given.
const LINES: usize = 350;

/// A machine that has room for NICs. Its guest never runs.
const MACHINE: [&str; 6] = ["-M", "pc", "-accel", "tcg", "-m", "16"];

/// A QEMU of the rig.
struct Qemu {
    name: &'static str,
    version: QemuVersion,
}

impl Qemu {
    fn of_rig(name: &'static str) -> Self {
        let said = Command::new(rig::qemu(name)).arg("-version").output().unwrap().stdout;
        Self { name, version: QemuVersion::parse_output(&said).unwrap() }
    }

    /// The line number `number`, with `extra` somewhere on it.
    fn line(&self, number: u64, extra: &[&str]) -> (Story, Line) {
        let chance = &mut Chance::new(SEED, number);
        let story = invent::story(chance);
        let has_json = self.version >= QemuVersion::new(7, 2, 0);
        let mut line = spelling::spell(&story, has_json, extra, chance);
        for word in line.argv.iter_mut().filter(|word| *word == "KERNEL") {
            *word = rig::kernel().into_os_string().into_string().unwrap();
        }
        (story, line)
    }

    /// The first numbers whose lines are all different.
    fn numbers(&self) -> Vec<u64> {
        let mut seen = BTreeSet::new();
        (0..).filter(|number| seen.insert(self.line(*number, &[]).1.argv)).take(LINES).collect()
    }
}

/// A line as vde-args rewrites it, and the sockets that it names.
struct Attempt {
    rewritten: Rewritten,
    fds: Vec<OwnedFd>,
    /// What is behind each descriptor.
    switches: Vec<Switch>,
    /// The far ends, which stay open.
    _far: Vec<UnixDatagram>,
}

impl Attempt {
    fn new(argv: &[String], version: QemuVersion) -> Result<Self, String> {
        let argv = words(argv);
        let vde_args::Command::Run(run) = vde_args::parse(&argv).map_err(|e| e.to_string())? else {
            panic!("no run: {argv:?}");
        };
        let network = Network::read(&run).map_err(|error| error.to_string())?;
        let (mut fds, mut far_ends) = (Vec::new(), Vec::new());
        for _ in network.plugs() {
            let (near, far) = UnixDatagram::pair().unwrap();
            fds.push(OwnedFd::from(near));
            far_ends.push(far);
        }
        let switches = network.plugs().iter().map(|plug| {
            let sock = plug.sock.clone().unwrap_or_default().into_string().unwrap();
            Switch(sock.trim_matches('"').to_owned())
        });
        let switches = switches.collect();
        let numbers: Vec<i32> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let rewritten = network.rewrite(version, &numbers).map_err(|error| error.to_string())?;
        Ok(Self { rewritten, fds, switches, _far: far_ends })
    }

    fn start(&self, qemu: &Qemu) -> Result<Qmp, String> {
        let mut args = words(&MACHINE);
        args.extend(self.rewritten.args.iter().cloned());
        Qmp::start(&rig::qemu(qemu.name), &args, &self.fds)
    }

    /// What is connected in the QEMU.
    fn found(&self, qemu: &Qemu) -> Result<Vec<Found>, String> {
        let text = self.start(qemu)?.monitor("info network");
        let plug = |number| {
            let plug = self.fds.iter().position(|fd| fd.as_raw_fd() == number)?;
            Some(self.switches[plug].label())
        };
        oracle::read(&text, plug).map_err(|error| format!("{error}\n{text}"))
    }
}

/// Compares what a line means with what becomes of it.
fn check(qemu: &Qemu, story: &Story, line: &Line) -> Result<(), String> {
    let meaning = story.meaning(line.first);
    let show = |error: String| {
        let args = Attempt::new(&line.argv, qemu.version).map(|attempt| attempt.rewritten.args);
        format!(
            "{}\nrewritten: {}\nexpected: {meaning:#?}\n{error}",
            shown(&line.argv),
            match args {
                Ok(args) =>
                    shown(&args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>()),
                Err(error) => error,
            }
        )
    };
    let attempt = Attempt::new(&line.argv, qemu.version).map_err(&show)?;
    let mut plugs: Vec<&Switch> = attempt.switches.iter().collect();
    let mut switches = story.switches();
    let default = Switch(String::new());
    if meaning.is_default {
        switches.push(&default);
    }
    plugs.sort();
    switches.sort();
    if plugs != switches {
        return Err(show(format!("plugs into {plugs:?}")));
    }
    let found = attempt.found(qemu).map_err(&show)?;
    let domains = found.iter().map(|found| &found.members);
    let is_same = domains.eq(&meaning.domains);
    let in_vain = found.iter().find(|it| it.has_hub && meaning.direct.contains(&it.members));
    match (is_same, in_vain) {
        (true, None) => Ok(()),
        (true, Some(hub)) => Err(show(format!("a hub in vain: {hub:?}"))),
        (false, _) => Err(show(format!("found: {found:#?}"))),
    }
}

fn shown(words: &[impl AsRef<str>]) -> String {
    words.iter().map(|word| format!("{:?}", word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// Fails with the first few of what is wrong.
fn report(qemu: &Qemu, wrong: &[String], of: usize, since: Instant) {
    eprintln!("{}: {of} lines in {:.1} s", qemu.version, since.elapsed().as_secs_f64());
    let few = wrong.iter().take(4).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{}: {} of {of} lines\n{few}", qemu.name, wrong.len());
}

/// Fragments of lines, each of which must be there often enough to count as tried.
const KINDS: [&str; 23] = [
    "vdeoq",
    "--net",
    "vlan=0",
    "vlan=9,vlan=",
    "type=vde",
    "vde,,",
    "name=",
    "id=vdeq",
    "sock=\"",
    "/sw,,",
    "{\"",
    "{'",
    "user",
    "udp=",
    "dump",
    "len=1.5K",
    "hubid=0x",
    "netdev=",
    "-nic",
    "none",
    "-set",
    "-vdesock",
    "-append",
];

#[test]
fn the_lines_are_of_every_kind() {
    let qemu = Qemu::of_rig(rig::QEMUS[3]);
    let lines: Vec<_> = qemu.numbers().iter().map(|number| qemu.line(*number, &[])).collect();
    let count = |is: &dyn Fn(&(Story, Line)) -> bool| lines.iter().filter(|it| is(it)).count();
    for kind in KINDS {
        let times = count(&|(_, line)| line.argv.iter().any(|word| word.contains(kind)));
        assert!(times >= 8, "{kind} is on {times} lines only");
    }
    let directs = count(&|(story, line)| !story.meaning(line.first).direct.is_empty());
    let defaults = count(&|(story, line)| story.meaning(line.first).is_default);
    let shared = count(&|(story, line)| {
        story.meaning(line.first).domains.iter().any(|domain| domain.len() > 3)
    });
    assert!(directs >= 75 && defaults >= 25 && shared >= 100, "{directs} {defaults} {shared}");
}

fn every_line_connects_what_it_means(name: &'static str) {
    let (qemu, since) = (Qemu::of_rig(name), Instant::now());
    let numbers = qemu.numbers();
    let wrong = numbers.iter().filter_map(|number| {
        let (story, line) = qemu.line(*number, &[]);
        let error = check(&qemu, &story, &line).err()?;
        Some(format!("line {number} of seed {SEED}: {error}"))
    });
    let wrong: Vec<_> = wrong.collect();
    report(&qemu, &wrong, numbers.len(), since);
}

#[test]
fn every_line_connects_what_it_means_on_qemu_5_2() {
    every_line_connects_what_it_means("qemu-5.2");
}

#[test]
fn every_line_connects_what_it_means_on_qemu_7_2() {
    every_line_connects_what_it_means("qemu-7.2");
}

#[test]
fn every_line_connects_what_it_means_on_qemu_10_0() {
    every_line_connects_what_it_means("qemu-10.0");
}

#[test]
fn every_line_connects_what_it_means_on_the_newest_qemu() {
    every_line_connects_what_it_means("qemu-sid");
}
