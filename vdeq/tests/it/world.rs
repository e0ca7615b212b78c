//! A world for one test: a home, a fake switch, a fake QEMU on the search path, and vdeq in it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{self, Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use vde_exec::testkit::fake_qemu::{self, Report};
use vde_exec::testkit::fake_switch::{FakeSwitch, Options};
use vde_exec::testkit::{self, wait};
use vde_exec::vde_proto::switch::Personality;

/// The name by which the fake QEMU is called.
pub const QEMU: &str = "qemu-system-x86_64";

pub struct World {
    pub home: TempDir,
    pub switch: FakeSwitch,
}

impl World {
    /// A world with a faultless switch of the new generation.
    pub fn new() -> Self {
        Self::with(Options::new(Personality::New))
    }

    pub fn with(options: Options) -> Self {
        let world = Self::without_programs(options);
        world.install(QEMU);
        world
    }

    /// A world in which no QEMU is installed.
    pub fn without_programs(options: Options) -> Self {
        let home = tempfile::Builder::new().prefix("vdeq").tempdir().unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        Self { home, switch: FakeSwitch::start(options) }
    }

    /// Puts the fake QEMU on the search path under a name.
    pub fn install(&self, name: &str) -> PathBuf {
        let path = self.home.path().join("bin").join(name);
        symlink(fake_qemu::binary(), &path).unwrap();
        path
    }

    /// Copies vdeq and the fake QEMU to where every user can reach them, wherever the build is, and
    /// tells where vdeq is.
    pub fn publish(&self) -> PathBuf {
        let (vdeq, qemu) = (self.home.path().join("vdeq"), self.home.path().join("bin").join(QEMU));
        fs::remove_file(&qemu).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_vdeq"), &vdeq).unwrap();
        fs::copy(fake_qemu::binary(), &qemu).unwrap();
        for open in [self.home.path(), qemu.parent().unwrap(), &qemu, &vdeq] {
            fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
        }
        vdeq
    }

    /// Makes the fake switch the default one.
    pub fn make_default(&self) {
        fs::create_dir(self.home.path().join(".vde2")).unwrap();
        symlink(self.switch.dir(), self.home.path().join(".vde2/default.switch")).unwrap();
    }

    /// Writes the user's `switches.toml`.
    pub fn write_names(&self, text: &str) {
        let dir = self.home.path().join(".config/vdeq");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("switches.toml"), text).unwrap();
    }

    /// `sock=DIR` of the fake switch.
    pub fn sock(&self) -> String {
        format!("sock={}", self.switch.dir().display())
    }

    /// vdeq with these words.
    pub fn vdeq(&self, words: &[&str]) -> Vdeq {
        self.program(env!("CARGO_BIN_EXE_vdeq").as_ref(), words)
    }

    /// vdeq called by another name.
    pub fn link(&self, name: &str, words: &[&str]) -> Vdeq {
        let link = self.home.path().join(name);
        if !link.exists() {
            symlink(env!("CARGO_BIN_EXE_vdeq"), &link).unwrap();
        }
        self.program(link.as_os_str(), words)
    }

    /// The fake QEMU, started as it is without vdeq.
    pub fn bare(&self, words: &[&str]) -> Vdeq {
        self.program(self.home.path().join("bin").join(QEMU).as_os_str(), words)
    }

    /// A shell script, in which `exec "$@"` is vdeq with these words.
    pub fn shell(&self, script: &str, words: &[&str]) -> Vdeq {
        self.shell_with(env!("CARGO_BIN_EXE_vdeq").as_ref(), script, words)
    }

    /// The same with the vdeq that is here.
    pub fn shell_with(&self, vdeq: &Path, script: &str, words: &[&str]) -> Vdeq {
        let vdeq = vdeq.to_str().unwrap();
        self.program("/bin/bash".as_ref(), &[&["-c", script, "-", vdeq], words].concat())
    }

    fn program(&self, program: &OsStr, words: &[&str]) -> Vdeq {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let file = |what: &str| self.home.path().join(format!("{what}{run}"));
        testkit::inherit_nothing();
        let mut command = Command::new(program);
        command
            .args(words)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", self.home.path().join("bin"))
            .env(fake_qemu::REPORT, file("report"))
            .env(fake_qemu::PROBES, self.home.path().join("probes"))
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        Vdeq { command, report: file("report"), stdout: file("stdout"), stderr: file("stderr") }
    }

    /// How often the fake QEMU was asked for its version or help.
    pub fn probes(&self) -> usize {
        let text = fs::read_to_string(self.home.path().join("probes")).unwrap_or_default();
        text.lines().count()
    }

    /// Asserts that nothing is left: no port taken, no socket file of a client.
    pub fn assert_nothing_left(&self) {
        wait::until_true("every port to be free", || self.switch.ports().is_empty());
        assert_eq!(self.switch.litter(), [""; 0]);
    }
}

/// A command that is going to be run.
pub struct Vdeq {
    pub command: Command,
    report: PathBuf,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Vdeq {
    /// What the fake QEMU is to do.
    pub fn act(mut self, words: &str) -> Self {
        self.command.env(fake_qemu::DO, words);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.command.arg(arg.into());
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Outcome {
        self.start().finish()
    }

    /// Starts it, in a process group of its own.
    pub fn start(mut self) -> Running {
        let file = |path: &Path| File::create(path).unwrap();
        self.command.stdout(file(&self.stdout)).stderr(file(&self.stderr)).process_group(0);
        let child = self.command.spawn().unwrap();
        Running { child, report: self.report, stdout: self.stdout, stderr: self.stderr }
    }
}

/// A command that runs. Its whole process group ends with it.
pub struct Running {
    child: Child,
    pub report: PathBuf,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// How it ended, and what it said.
#[derive(Debug)]
pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    /// What the fake QEMU was given; not ready if it was never started.
    pub report: Report,
}

impl Running {
    pub fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    /// Waits until the fake QEMU takes signals (`run`).
    pub fn wait_running(&self) -> Report {
        Report::wait_for(&self.report, "the fake QEMU to run", |report| report.running)
    }

    /// What is written here is typed, if the standard input is a pipe.
    pub fn stdin(&mut self) -> &mut ChildStdin {
        self.child.stdin.as_mut().unwrap()
    }

    /// The file that standard error goes to.
    pub fn stderr_path(&self) -> &Path {
        &self.stderr
    }

    /// The file that standard output goes to.
    pub fn stdout_path(&self) -> &Path {
        &self.stdout
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end, and leaves the rest of the process group alone.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        wait::until(&format!("vdeq to end; it said: {}", self.stderr()), || {
            self.child.try_wait().unwrap()
        })
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Outcome {
        let status = self.wait_for_end();
        Outcome {
            status,
            stdout: fs::read_to_string(&self.stdout).unwrap(),
            stderr: self.stderr(),
            report: Report::read(&self.report),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.pid()), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Outcome {
    /// Asserts that vdeq failed by itself, with this status, and that no VM was started.
    #[track_caller]
    pub fn assert_failed(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status.code(), Some(status), "{self:?}");
        assert!(!self.report.ready, "a VM was started: {self:?}");
        assert_eq!(self.stdout, "", "standard output is the VM's");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in:\n{}", self.stderr);
        }
    }

    /// Asserts that the VM ran and ended with this status.
    #[track_caller]
    pub fn assert_ran(&self, status: i32) {
        assert!(self.report.ready, "no VM was started: {self:?}");
        assert_eq!(self.status.code(), Some(status), "{self:?}");
    }

    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

/// Sends a signal to a process.
pub fn kill(pid: i32, signal: Signal) {
    signal::kill(Pid::from_raw(pid), signal).unwrap();
}

/// The state of a process as `/proc` has it (`S` asleep, `T` stopped ...); `None` if it is no more.
pub fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
