//! A place in which one of the two vdeqs runs: a switch, a fake QEMU called `qemu` and `kvm`, and a look at all
//! of them.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use vde_exec::testkit::fake_qemu::{self, Report};
use vde_exec::testkit::real_switch::RealSwitch;
use vde_exec::testkit::wait;

use crate::debian::{C_VDEQ, VDE_PLUG, begin_theirs, is_asleep};
use crate::rig;
use crate::world::{Outcome, Running, World, signal, start, switch, vde};

/// The status with which a VM ends that was told to `run=42`.
pub const STATUS: i32 = 42;

/// How long something is waited for that is not to come.
pub const A_WHILE: Duration = Duration::from_millis(400);

/// Longest wait for a frame that has to come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the fake QEMU says that it is, to either question: known to the C vdeq as well.
const BANNER: &str = "QEMU PC emulator version 0.9.1, Copyright (c) nobody\n";

/// A home with one switch, for one of the programs.
pub struct Place {
    pub world: World,
    pub switch: RealSwitch,
    pub is_theirs: bool,
    runs: Cell<u32>,
}

/// A vdeq, and the VM that it may have started.
pub struct Vm {
    pub running: Running,
    report: PathBuf,
}

impl Place {
    /// The C vdeq's.
    pub fn theirs() -> Self {
        Self::new(true)
    }

    /// Ours.
    pub fn ours() -> Self {
        Self::new(false)
    }

    fn new(is_theirs: bool) -> Self {
        let world = World::new();
        let qemu = rig::fake_qemu();
        world.search_path(&[("qemu", &qemu), ("kvm", &qemu)]);
        let program = if is_theirs { Path::new(C_VDEQ) } else { rig::vdeq() };
        symlink(program, world.path("vdeq")).unwrap();
        Self { world, switch: switch(), is_theirs, runs: Cell::new(0) }
    }

    /// `vde,sock=DIR` of the switch.
    pub fn net(&self) -> String {
        vde(&self.switch)
    }

    /// What vdeq is started as here, and nowhere else.
    pub fn program(&self) -> PathBuf {
        self.world.path("vdeq")
    }

    /// vdeq with these words and a VM that does `acts`.
    pub fn command(&self, words: &[&str], acts: &str) -> Command {
        let mut command = self.world.command(self.program());
        command.args(words);
        self.prepare(&mut command, acts);
        command
    }

    /// Has the VM of any command do `acts`. What is typed reaches the VM.
    pub fn prepare<'a>(&self, command: &'a mut Command, acts: &str) -> &'a mut Command {
        command.current_dir(self.world.path("")).stdin(Stdio::piped());
        command.env("PATH", self.world.path("bin")).env(fake_qemu::DO, acts);
        command.env(fake_qemu::VERSION, BANNER).env(fake_qemu::HELP, BANNER)
    }

    /// Starts such a command, or one like it, and returns at once.
    pub fn start(&self, command: &mut Command) -> Vm {
        let report = self.next_report();
        let running = start(command.env(fake_qemu::REPORT, &report));
        Vm { running, report }
    }

    /// Starts it, and returns when its VM is at `run`, or waits for a line, and vdeq has nothing to
    /// do.
    pub fn vm(&self, words: &[&str], acts: &str) -> Vm {
        // A vdeq that sleeps waits for its VM: a signal before that would be lost to theirs (V31).
        let is_up = |vdeq: &mut Running, report: &Path| {
            let report = Report::read(report);
            let waits = if acts.contains("line") { report.ready } else { report.running };
            waits && is_asleep(vdeq.pid())
        };
        self.begin(|| self.command(words, acts), is_up)
    }

    /// Starts it, and returns when it has ended, whatever became of its VM.
    pub fn ended(&self, words: &[&str], acts: &str) -> Vm {
        self.ended_as(|| self.command(words, acts))
    }

    /// The same with a command that is like ours.
    pub fn ended_as(&self, command: impl Fn() -> Command) -> Vm {
        self.begin(command, |vdeq, _| vdeq.child.try_wait().unwrap().is_some())
    }

    /// Runs it to the end.
    pub fn finish(&self, words: &[&str], acts: &str) -> Outcome {
        self.ended(words, acts).running.finish()
    }

    /// Runs ours, which has to refuse: it says `words`, and starts no VM.
    pub fn refuses(&self, arguments: &[&str], words: &[&str]) {
        let vm = self.ended(arguments, "exit=0");
        assert!(!vm.report().ready, "{arguments:?} started a VM");
        let outcome = vm.running.finish();
        assert_eq!(outcome.status.code(), Some(125), "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        for word in words {
            assert!(outcome.stderr.contains(word), "no {word:?}: {outcome:?}");
        }
        self.world.assert_nothing_left(outcome.pid, &self.switch);
    }

    fn begin(
        &self,
        command: impl Fn() -> Command,
        is_seen: impl Fn(&mut Running, &Path) -> bool,
    ) -> Vm {
        let report = self.next_report();
        let command = || {
            let _ = fs::remove_file(&report);
            let mut command = command();
            command.env(fake_qemu::REPORT, &report);
            command
        };
        let look = |vdeq: &mut Running| is_seen(vdeq, &report).then_some(());
        let running = if self.is_theirs {
            begin_theirs("the C vdeq", command, look).0
        } else {
            let mut running = start(&mut command());
            wait::until("our vdeq", || look(&mut running));
            running
        };
        Vm { running, report }
    }

    /// A report of its own for every VM.
    fn next_report(&self) -> PathBuf {
        self.runs.set(self.runs.get() + 1);
        self.world.path(&format!("report{}", self.runs.get()))
    }
}

impl Vm {
    /// What the VM was given and was told since.
    pub fn report(&self) -> Report {
        Report::read(&self.report)
    }

    /// The VM's process, which has been started.
    pub fn pid(&self) -> u32 {
        Report::wait_ready(&self.report).pid.unsigned_abs()
    }

    /// Waits until the VM is at `run`.
    pub fn wait_running(&self) {
        let _ = Report::wait_for(&self.report, "the VM to run", |report| report.running);
    }

    /// Whether the VM is there.
    pub fn is_alive(&self) -> bool {
        state(self.pid()).is_some_and(|state| state != 'Z')
    }

    pub fn vdeq_is_alive(&mut self) -> bool {
        self.running.child.try_wait().unwrap().is_none()
    }

    /// Types a line.
    pub fn line(&mut self) {
        self.running.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Waits for the end of vdeq, and leaves the VM alone.
    pub fn wait_for_vdeq(&mut self) -> ExitStatus {
        wait::until("vdeq to end", || self.running.child.try_wait().unwrap())
    }

    /// Ends the VM, and with it vdeq.
    pub fn end(self) -> Outcome {
        self.wait_running();
        signal(self.pid(), "TERM");
        self.running.finish()
    }
}

/// Whether this holds for a while: what never ends can be watched for no longer.
pub fn stays(mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + A_WHILE;
    while Instant::now() < end {
        if !holds() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// `vde_plug` with this locator, what is typed and what it prints in our hands.
pub fn vde_plug(world: &World, locator: &str) -> Running {
    let mut command = world.command(VDE_PLUG);
    start(command.arg(locator).stdin(Stdio::piped()))
}

/// The state of a process as `/proc` has it (`S` asleep, `Z` ended, ...); `None` if it is no more.
pub fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// The processor time that a process has taken, in ticks of 10 ms.
pub fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1;
    // proc_pid_stat(5): utime and stime are fields 14 and 15, and the state is field 3.
    fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}
