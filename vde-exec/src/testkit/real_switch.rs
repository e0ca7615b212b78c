//! A real `vde_switch` (Debian's package `vde2`), started for one test and gone with it.
//!
//! The switch is what the project is measured against, so nothing is imitated here: the program
//! runs in a directory of its own, and what it believes is read through its management socket
//! ([`RealSwitch::ports`]). Every wait has a deadline, and a failure shows what the switch printed.
//!
//! Life of a `RealSwitch`: *running* from [`RealSwitch::start`]; *frozen* between
//! [`RealSwitch::stop`] and [`RealSwitch::cont`] (it holds its sockets and answers nothing); *dead*
//! after [`RealSwitch::kill`] (its files stay behind, as after a crash) or
//! [`RealSwitch::terminate`] (it tidies up); and running again after
//! [`RealSwitch::restart_same_dir`].
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test kit: what it cannot do ends the test, with the reason"
)]

mod options;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

pub use self::options::Options;
use crate::console::{CommandFailed, ConsoleClient, PortInfo, parse_ports};
use crate::testkit::wait::{self, PATIENCE};

/// Time between two looks at something that announces itself only by being there.
const POLL: Duration = Duration::from_millis(5);

/// A running `vde_switch` with its management console.
#[derive(Debug)]
pub struct RealSwitch {
    options: Options,
    dir: PathBuf,
    dir_is_ours: bool,
    home: TempDir,
    starts: u32,
    running: Option<Running>,
}

/// One process of the switch. Its standard input (in `child`) stays open: EOF there ends a
/// vde_switch.
#[derive(Debug)]
struct Running {
    child: Child,
    /// The switch itself, where a launcher stays beside it.
    pid: u32,
    log: PathBuf,
    console: Mutex<ConsoleClient>,
}

impl RealSwitch {
    /// Starts a switch and returns when it serves its control and its management socket.
    ///
    /// # Panics
    ///
    /// If there is no `vde_switch` (the message says which command installs it), or if the switch
    /// does not come up within [`PATIENCE`] (the message holds what it printed).
    #[must_use]
    pub fn start(options: Options) -> Self {
        // Open to everyone: which users reach the switch is decided by the modes of its own
        // directory.
        let home = tempfile::Builder::new()
            .prefix("vde")
            .permissions(std::fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("make a directory for the switch");
        let dir = options.dir.clone().unwrap_or_else(|| home.path().join("sw"));
        let dir_is_ours = !dir.exists();
        if options.user.is_some() {
            std::os::unix::fs::chown(home.path(), options.user, options.user)
                .expect("give the directory to the switch's user");
        }
        let mut switch = Self { options, dir, dir_is_ours, home, starts: 0, running: None };
        switch.spawn();
        switch
    }

    /// The switch's directory, what a plug is given as `sock=`. Absolute if it was given so.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The control socket in [`RealSwitch::dir`].
    #[must_use]
    pub fn ctl(&self) -> PathBuf {
        self.dir.join("ctl")
    }

    /// The process id of the switch.
    ///
    /// # Panics
    ///
    /// If the switch was killed or terminated.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running().pid
    }

    /// What the switch answers to one management command, without the status line.
    ///
    /// # Panics
    ///
    /// If the switch does not answer, or refuses the command; [`RealSwitch::try_console`] hands a
    /// refusal back.
    #[must_use]
    pub fn console(&self, command: &str) -> String {
        self.try_console(command).unwrap_or_else(|refusal| panic!("vde_switch: {refusal}"))
    }

    /// As [`RealSwitch::console`], for commands that may be refused.
    ///
    /// # Errors
    ///
    /// The status that the switch gave, when it was not `1000 Success`.
    ///
    /// # Panics
    ///
    /// If the switch does not answer within [`PATIENCE`].
    pub fn try_console(&self, command: &str) -> Result<String, CommandFailed> {
        let running = self.running();
        let mut console = running.console.lock().unwrap_or_else(PoisonError::into_inner);
        console.command(command).unwrap_or_else(|error| {
            panic!("vde_switch did not answer {command:?}: {error}\n{}", running.printed())
        })
    }

    /// The ports that have an endpoint or had one, from `port/allprint`.
    ///
    /// # Panics
    ///
    /// As [`RealSwitch::console`], and if the answer cannot be read.
    #[must_use]
    pub fn ports(&self) -> Vec<PortInfo> {
        let answer = self.console("port/allprint");
        parse_ports(&answer)
            .unwrap_or_else(|line| panic!("port/allprint: unreadable {line:?} in\n{answer}"))
    }

    /// The ports that have an endpoint now.
    ///
    /// # Panics
    ///
    /// As [`RealSwitch::ports`].
    #[must_use]
    pub fn busy_ports(&self) -> Vec<PortInfo> {
        self.ports().into_iter().filter(|port| !port.endpoints.is_empty()).collect()
    }

    /// Waits until the busy ports are as `good` wants them, and returns them.
    ///
    /// # Panics
    ///
    /// With `what`, if that does not happen within [`PATIENCE`].
    pub fn wait_for_ports(&self, what: &str, good: impl Fn(&[PortInfo]) -> bool) -> Vec<PortInfo> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ports = self.busy_ports();
            if good(&ports) {
                return ports;
            }
            assert!(
                Instant::now() < deadline,
                "vde_switch: {what}: not within {PATIENCE:?}: {ports:#?}"
            );
            std::thread::sleep(POLL);
        }
    }

    /// The number of descriptors that the switch has open; it leaks one for every refused port.
    ///
    /// # Panics
    ///
    /// If the switch is not running.
    #[must_use]
    pub fn open_descriptors(&self) -> usize {
        let fds = format!("/proc/{}/fd", self.pid());
        std::fs::read_dir(&fds).expect("list the switch's descriptors").count()
    }

    /// Freezes the switch (SIGSTOP) and returns when it is frozen. Its sockets stay and nobody is
    /// answered.
    ///
    /// # Panics
    ///
    /// If the switch is not running, or does not stop within [`PATIENCE`].
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        self.wait_for_state("stopped", |state| state == 'T');
    }

    /// Lets a frozen switch go on (SIGCONT) and returns when it does.
    ///
    /// # Panics
    ///
    /// If the switch is not running, or does not go on within [`PATIENCE`].
    pub fn cont(&self) {
        self.signal(Signal::SIGCONT);
        self.wait_for_state("going on", |state| state != 'T');
    }

    /// Kills the switch (SIGKILL); its sockets stay in the directory, as after a crash.
    ///
    /// # Panics
    ///
    /// If the switch is not running.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let mut running = self.running.take().expect("the switch runs");
        running.child.wait().expect("reap vde_switch");
    }

    /// Asks the switch to end (SIGTERM) and waits for it; it removes its sockets, and the directory
    /// if it can.
    ///
    /// # Panics
    ///
    /// If the switch is not running, or does not end within [`PATIENCE`].
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        let mut running = self.running.take().expect("the switch runs");
        wait::until("vde_switch to end on SIGTERM", || {
            running.child.try_wait().expect("wait for vde_switch")
        })
    }

    /// Starts the switch again with the same options in the same directory; kills it first if it
    /// still runs.
    ///
    /// # Panics
    ///
    /// As [`RealSwitch::start`].
    pub fn restart_same_dir(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
        self.spawn();
    }

    /// The same with another number of ports.
    ///
    /// # Panics
    ///
    /// As [`RealSwitch::start`].
    pub fn restart_with_ports(&mut self, ports: u32) {
        self.options.ports = Some(ports);
        self.restart_same_dir();
    }

    fn spawn(&mut self) {
        self.starts += 1;
        // A new name for every start: what a killed switch left must not be taken for this one's.
        let mgmt = self.home.path().join(format!("mgmt{}", self.starts));
        let log = self.home.path().join(format!("log{}", self.starts));
        let output = File::create(&log).expect("create the switch's log");
        let mut command = self.options.command();
        command.arg("-s").arg(&self.dir).arg("-M").arg(&mgmt).args(["-f", "/dev/null"]);
        if let Some(ports) = self.options.ports {
            command.arg("-n").arg(ports.to_string());
        }
        if let Some(mode) = self.options.mode {
            command.arg("-m").arg(format!("{mode:o}"));
        }
        if self.options.hub {
            command.arg("-x");
        }
        let child = command
            .stdin(Stdio::piped())
            .stdout(output.try_clone().expect("share the switch's log"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot start vde_switch: {error}; \
                     `cargo xtask setup` installs it (Debian package vde2)"
                )
            });
        self.running = Some(Running::wait_until_up(child, log, &mgmt));
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the switch was killed or terminated")
    }

    /// Signals the process. It is not reaped before `running` is taken away, so the id is the
    /// switch's.
    fn signal(&self, signal: Signal) {
        kill(process_id(self.pid()), signal).expect("signal vde_switch");
    }

    fn wait_for_state(&self, what: &str, good: impl Fn(char) -> bool) {
        let pid = self.pid();
        wait::until_true(&format!("vde_switch to be {what}"), || good(process_state(pid)));
    }
}

impl Drop for RealSwitch {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.end();
        }
        if self.dir_is_ours {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

impl Running {
    /// Waits for the management socket's prompt. The switch serves it from the same loop as its
    /// control socket, and only when both are bound. (A connect to the control socket would be no
    /// harmless probe: a client that leaves without a word can cost another client its port
    /// for ever [P-7.8].)
    fn wait_until_up(mut child: Child, log: PathBuf, mgmt: &Path) -> Self {
        let deadline = Instant::now() + PATIENCE;
        let trouble = loop {
            if let Ok(stream) = UnixStream::connect(mgmt) {
                match ConsoleClient::new(stream, PATIENCE) {
                    Ok(console) => {
                        let pid = youngest(child.id());
                        return Self { child, pid, log, console: Mutex::new(console) };
                    }
                    Err(error) => break format!("no prompt on its management socket: {error}"),
                }
            }
            if let Some(status) = child.try_wait().expect("wait for vde_switch") {
                break format!("ended at once, {status}");
            }
            if Instant::now() >= deadline {
                break format!("no management socket within {PATIENCE:?}");
            }
            std::thread::sleep(POLL);
        };
        let _ = child.kill();
        let _ = child.wait();
        panic!(
            "vde_switch did not come up: {trouble}\n{}",
            std::fs::read_to_string(log).unwrap_or_default()
        )
    }

    fn end(&mut self) {
        // A launcher that stays ends after the switch. Nobody has waited for the two yet.
        let _ = kill(process_id(self.pid), Signal::SIGKILL);
        let _ = self.child.wait();
    }

    fn printed(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        format!("vde_switch printed: {}", String::from_utf8_lossy(&text))
    }
}

fn process_id(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a process id fits pid_t"))
}

/// The process, or the last of its line of only children.
fn youngest(pid: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    match children.unwrap_or_default().split_whitespace().next() {
        Some(child) => youngest(child.parse().expect("a process id")),
        None => pid,
    }
}

/// The letter of `/proc/PID/stat`: `R`, `S`, `T` (stopped), `Z`, ... ; proc_pid_stat(5).
fn process_state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything, so the state is looked for after the last of them.
    stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap_or('?')
}
