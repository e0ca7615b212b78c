//! A guest: a QEMU that boots the rig's kernel, read and told things through its serial console.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::rig;
use crate::world::{Running, start};

/// Longest wait for anything that a guest does: seconds without KVM, more where others work, too.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pause between two looks at the console.
const STEP: Duration = Duration::from_millis(10);

/// What the guest is told on its kernel command line; `guest/init` of xtask explains the words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings<'a> {
    /// `ADDRESS/BITS` for each NIC.
    pub ip: &'a str,
    /// Hardware address for each NIC; the one that QEMU gave if empty.
    pub mac: &'a str,
    /// Whom to ping.
    pub ping: &'a str,
}

impl Settings<'_> {
    /// As words of a kernel's command line.
    pub fn words(self) -> [String; 3] {
        let Settings { ip, mac, ping } = self;
        [format!("vdeq_ip={ip}"), format!("vdeq_mac={mac}"), format!("vdeq_ping={ping}")]
    }
}

/// A running guest. Dropped, it is killed together with the vdeq that started it.
pub struct Guest {
    name: &'static str,
    running: Running,
    console: ChildStdin,
    /// Console and standard error, as they come.
    log: Log,
}

/// Lines, each with the time at which it was read.
type Log = Arc<Mutex<Vec<(String, Instant)>>>;

impl Guest {
    /// Boots a guest: `command` up to and including its network options gets the rest of a machine.
    pub fn boot(name: &'static str, command: &mut Command, settings: Settings<'_>) -> Self {
        Self::start(name, machine(command, settings).args(["-serial", "stdio"]))
    }

    /// Starts a command that is all of a guest, with its console on standard input and output.
    pub fn start(name: &'static str, command: &mut Command) -> Self {
        eprintln!("{name}: {command:?}");
        let mut running = start(command.stdin(Stdio::piped()));
        let child = &mut running.child;
        let log = Arc::new(Mutex::new(Vec::new()));
        follow("", child.stdout.take().unwrap(), &log);
        follow("stderr: ", child.stderr.take().unwrap(), &log);
        let console = child.stdin.take().unwrap();
        Self { name, running, console, log }
    }

    /// The process that was started: vdeq, or what it became.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Waits for a line with these words and returns it.
    pub fn expect(&mut self, words: &str) -> String {
        self.expect_nth(words, 0)
    }

    /// Has the guest ping, and waits until every ping was answered.
    pub fn ping(&mut self, peer: &str, count: u32) {
        let answered = format!("VDEQ-GUEST ping OK peer={peer} ");
        let before = self.lines().iter().filter(|line| line.contains(&answered)).count();
        self.tell(&format!("ping {peer} {count}"));
        self.expect_nth(&answered, before);
    }

    /// Asks the guest whether a NIC's cable is plugged in, until it is as it should be.
    pub fn wait_for_carrier(&mut self, nic: &str, up: bool) {
        let said = format!("VDEQ-GUEST carrier {nic} ");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let before = self.lines().iter().filter(|line| line.contains(&said)).count();
            self.tell(&format!("carrier {nic}"));
            let answer = self.expect_nth(&said, before);
            if answer.ends_with(if up { " 1" } else { " 0" }) {
                return;
            }
            self.check(Instant::now() < deadline, &format!("the carrier of {nic} is not {up}"));
        }
    }

    /// Powers the guest off from inside and returns how the process ended, and all that was said.
    pub fn power_off(mut self) -> (ExitStatus, String) {
        self.tell("off");
        self.end()
    }

    /// Waits for the end, which comes by itself, and returns the same.
    pub fn end(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.running.child.try_wait().unwrap() {
                return (status, self.lines().join("\n"));
            }
            self.check(Instant::now() < deadline, "it does not end");
            std::thread::sleep(STEP);
        }
    }

    /// All that was said so far, standard error behind `stderr: `.
    pub fn lines(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }

    /// The same, with the time at which each line was read.
    pub fn lines_with_times(&self) -> Vec<(String, Instant)> {
        self.log.lock().unwrap().clone()
    }

    /// Types a line on the guest's console.
    pub fn tell(&mut self, line: &str) {
        let told = writeln!(self.console, "{line}");
        self.check(told.is_ok(), "its console is closed");
    }

    fn expect_nth(&mut self, words: &str, skip: usize) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.running.child.try_wait().unwrap();
            let lines = self.lines();
            if let Some(line) = lines.iter().filter(|line| line.contains(words)).nth(skip) {
                return line.clone();
            }
            let failed = lines.iter().any(|line| line.contains("ping FAILED"));
            self.check(!failed, "its peer is not reached");
            self.check(ended.is_none(), &format!("it ended: {ended:?}"));
            self.check(Instant::now() < deadline, &format!("{words:?} did not come in time"));
            std::thread::sleep(STEP);
        }
    }

    /// Stops the test, with all that is known, if something is not as it has to be.
    fn check(&self, good: bool, trouble: &str) {
        if !good {
            // What was said last may still be on its way from the threads that read it.
            std::thread::sleep(Duration::from_millis(200));
            panic!("guest {}: {trouble}\n{}", self.name, self.lines().join("\n"));
        }
    }
}

/// Adds everything of the machine but its network and its serial port.
pub fn machine<'a>(command: &'a mut Command, settings: Settings<'_>) -> &'a mut Command {
    // An emulated machine that others leave little time may miss the ticks that a kernel tests its
    // timer with, and that is no fault of the timer.
    let words =
        format!("console=ttyS0 quiet no_timer_check panic=-1 {}", settings.words().join(" "));
    command.args(["-accel", "tcg", "-m", "128", "-display", "none", "-monitor", "none"]);
    command.arg("-kernel").arg(rig::kernel()).arg("-initrd").arg(rig::initrd());
    command.args(["-no-reboot", "-append", &words])
}

fn follow(label: &'static str, stream: impl Read + Send + 'static, log: &Log) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            log.lock().unwrap().push((format!("{label}{line}"), Instant::now()));
        }
    });
}
