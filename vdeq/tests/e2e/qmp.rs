//! A QEMU that is only asked questions: it never runs its guest and answers QMP on its standard
//! streams.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use vde_exec::testkit::inherit;

/// Longest wait for an answer; they come within milliseconds where nothing else runs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A QEMU with its guest stopped. Dropped, it is killed.
pub struct Qmp {
    child: Child,
    input: ChildStdin,
    answers: Receiver<Value>,
    complaints: Option<JoinHandle<String>>,
}

impl Qmp {
    /// Starts `qemu` with `args` (which name the machine) and those descriptors of ours in `fds`.
    ///
    /// # Errors
    /// QEMU refused the command line; what it said on standard error.
    pub fn start(qemu: &Path, args: &[OsString], fds: &[OwnedFd]) -> Result<Self, String> {
        let mut command = Command::new(qemu);
        command.args(["-nodefaults", "-display", "none", "-S", "-qmp", "stdio"]).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        inherit(&mut command, fds);
        let mut child = command.spawn().unwrap();
        let (sender, answers) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            let values = lines.map_while(|line| serde_json::from_str(&line.ok()?).ok());
            // Nobody listens any more when the QEMU is dropped.
            for value in values {
                let _ = sender.send(value);
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let complaints = Some(std::thread::spawn(move || {
            let mut said = Vec::new();
            stderr.read_to_end(&mut said).unwrap();
            String::from_utf8_lossy(&said).into_owned()
        }));
        let mut qmp = Self { input: child.stdin.take().unwrap(), child, answers, complaints };
        // The greeting may come before QEMU has read all of its arguments; an answer does not.
        let is_ready = qmp.answer().is_some()
            && writeln!(qmp.input, "{}", json!({ "execute": "qmp_capabilities" })).is_ok()
            && qmp.answer().is_some();
        if is_ready { Ok(qmp) } else { Err(qmp.end()) }
    }

    /// Executes a command and returns what it returns.
    ///
    /// # Errors
    /// The description of the error.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, String> {
        let order = json!({ "execute": command, "arguments": arguments });
        writeln!(self.input, "{order}").unwrap();
        while let Some(answer) = self.answer() {
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
            if let Some(text) = answer.pointer("/error/desc").and_then(Value::as_str) {
                return Err(text.to_owned());
            }
            // An event.
        }
        panic!("QEMU ended at {order}: {}", self.end())
    }

    /// What the human monitor prints for a command.
    pub fn monitor(&mut self, line: &str) -> String {
        let said = self.execute("human-monitor-command", json!({ "command-line": line })).unwrap();
        said.as_str().unwrap().replace('\r', "")
    }

    /// The next message; `None` if QEMU ended.
    fn answer(&mut self) -> Option<Value> {
        use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
        match self.answers.recv_timeout(PATIENCE) {
            Ok(value) => Some(value),
            Err(Disconnected) => None,
            Err(Timeout) => panic!("QEMU does not answer: {}", self.end()),
        }
    }

    /// Ends it and returns what it said on standard error.
    fn end(&mut self) -> String {
        let _ = self.child.kill();
        self.complaints.take().map(|thread| thread.join().unwrap()).unwrap_or_default()
    }
}

impl Drop for Qmp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Words of a command line.
pub fn words<T: AsRef<OsStr>>(words: &[T]) -> Vec<OsString> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}
