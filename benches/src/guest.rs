//! A guest of the rig (`cargo xtask rig`), read and told things through its serial console.
//! `xtask/src/guest/init` says what it understands.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::cpu::{self, Group};
use crate::world::Running;

/// The variable that names the rig; `cargo xtask bench` sets it.
pub const RIG: &str = "VDEQ_RIG";

/// Longest wait for anything that a guest does: ten of them boot at once without KVM.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running guest. Dropped, it is killed with whatever started it.
#[derive(Debug)]
pub struct Guest {
    /// Its processes.
    pub groups: Vec<Group>,
    console: ChildStdin,
    lines: Receiver<String>,
    running: Running,
}

impl Guest {
    /// Boots a guest with one NIC of this address and number: `command` up to and including its
    /// network gets the rest of a machine.
    ///
    /// # Panics
    /// If there is no rig.
    #[must_use]
    pub fn boot(command: &mut Command, address: &str, number: u8) -> Self {
        let words = format!(
            "console=ttyS0 quiet no_timer_check panic=-1 vdeq_ip={address}/24 \
             vdeq_mac=52:54:00:de:01:{number:02x} vdeq_interval=0.01"
        );
        command.args(["-accel", "tcg", "-m", "128", "-display", "none", "-monitor", "none"]);
        command.arg("-kernel").arg(rig("guest/kernel")).arg("-initrd").arg(rig("guest/initrd"));
        command.args(["-no-reboot", "-serial", "stdio", "-append", &words]);
        let mut running = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let child = running.child();
        let (console, output) = (child.stdin.take(), child.stdout.take());
        let (teller, lines) = channel();
        std::thread::spawn(move || {
            let output = BufReader::new(output.expect("the console's output"));
            for line in output.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if teller.send(line).is_err() {
                    return;
                }
            }
        });
        let console = console.expect("the console's input");
        Self { groups: Vec::new(), console, lines, running }
    }

    /// Waits until it obeys.
    ///
    /// # Panics
    /// If it never does.
    pub fn wait_until_up(&mut self) {
        let _ = self.lines_until("VDEQ-GUEST done");
        self.groups = cpu::groups(&[self.running.child().id()]);
    }

    /// Has it take streams of TCP from now on.
    pub fn serve(&mut self) {
        self.tell("serve");
        let _ = self.lines_until("VDEQ-GUEST serving");
    }

    /// Mbit/s of a stream of TCP to a guest that takes them, for some seconds.
    ///
    /// # Panics
    /// If none comes about.
    pub fn stream(&mut self, peer: &str, seconds: u32) -> f64 {
        self.tell(&format!("tcp {peer} {seconds}"));
        let said = self.lines_until("VDEQ-GUEST tcp ");
        let rate = said.last().and_then(|line| line.split_once("mbits=")?.1.parse().ok());
        rate.unwrap_or_else(|| panic!("no stream to {peer}: {said:#?}"))
    }

    /// Times of pings in ms, shortest first; those that are not answered are not among them.
    pub fn ping(&mut self, peer: &str, count: u32) -> Vec<f64> {
        self.tell(&format!("ping {peer} {count}"));
        let said = self.lines_until("VDEQ-GUEST ping ");
        let time = |line: &String| line.split_once("time=")?.1.split(' ').next()?.parse().ok();
        let mut times: Vec<f64> = said.iter().filter_map(time).collect();
        times.sort_by(f64::total_cmp);
        times
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.console, "{line}").expect("a guest that listens");
    }

    /// Everything that it says until a line with these words has come.
    fn lines_until(&mut self, words: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(rest) {
                Ok(line) => said.push(line),
                Err(error) => panic!("a guest has not said {words:?}: {error}; it said {said:#?}"),
            }
            if said.last().is_some_and(|line| line.contains(words)) {
                return said;
            }
        }
    }
}

fn rig(file: &str) -> PathBuf {
    let rig = std::env::var_os(RIG).expect("VDEQ_RIG is unset: `cargo xtask bench` sets it");
    Path::new(&rig).join(file)
}
