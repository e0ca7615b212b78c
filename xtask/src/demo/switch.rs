//! The vde_switch of the demonstration, commanded through the terminal it has on its standard
//! input.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::sh;

/// The end of an answer.
const PROMPT: &str = "\nvde$ ";

/// A switch takes milliseconds for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running switch. It ends with its input, so with us at the latest.
#[derive(Debug)]
pub(super) struct Switch {
    dir: PathBuf,
    child: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
}

impl Switch {
    /// Starts a switch that serves `dir`.
    pub(super) fn start(dir: &Path) -> Result<Self> {
        let mut command = Command::new("vde_switch");
        command.arg("-s").arg(dir).args(["-f", "/dev/null"]);
        println!("$ {} &", sh::shown(&command));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start vde_switch")?;
        let input = child.stdin.take().context("the switch's input")?;
        let mut stream = child.stdout.take().context("the switch's output")?;
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                if sender.send(piece.iter().take(read).copied().collect()).is_err() {
                    return;
                }
            }
        });
        let switch = Self { dir: dir.to_owned(), child, input, output };
        let deadline = Instant::now() + PATIENCE;
        while !dir.join("ctl").exists() {
            if Instant::now() > deadline {
                bail!("vde_switch does not serve {}", dir.display());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(switch)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the switch says to a command, up to its status line.
    pub(super) fn command(&mut self, command: &str) -> Result<String> {
        while self.output.try_recv().is_ok() {} // the prompt of before
        writeln!(self.input, "{command}").context("write to vde_switch")?;
        let deadline = Instant::now() + PATIENCE;
        let mut answer = String::new();
        // The terminal shows a prompt where the answer ends; a pipe may not, but always the status.
        while !(answer.ends_with(PROMPT) || answer.contains("\n1000 Success\n")) {
            let left = deadline.saturating_duration_since(Instant::now());
            let piece = self.output.recv_timeout(left).context("vde_switch does not answer")?;
            answer.push_str(&String::from_utf8_lossy(&piece));
        }
        let data = answer.split_once("'.'\n").map_or(answer.as_str(), |(_, data)| data);
        Ok(data.split("\n.\n").next().unwrap_or_default().to_owned())
    }

    /// Ends the switch, which then removes its directory.
    pub(super) fn stop(mut self) -> Result<()> {
        drop(self.input);
        let status = self.child.wait().context("wait for vde_switch")?;
        println!("vde_switch: {status}");
        Ok(())
    }
}
