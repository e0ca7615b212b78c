//! Guests whose consoles are shown line by line, each under its name.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::sh;

/// Booting and pinging take some seconds without KVM, more on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Running guests. Dropped, they are killed.
#[derive(Debug)]
pub(super) struct Guests {
    guests: Vec<Guest>,
    sender: Sender<(usize, String)>,
    lines: Receiver<(usize, String)>,
}

#[derive(Debug)]
struct Guest {
    name: &'static str,
    child: Child,
    /// What it said so far.
    lines: Vec<String>,
}

impl Default for Guests {
    fn default() -> Self {
        let (sender, lines) = channel();
        Self { guests: Vec::new(), sender, lines }
    }
}

impl Guests {
    /// Starts a guest and shows its console from now on.
    pub(super) fn boot(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
        println!("\n$ {}\n", sh::shown(command));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("start vdeq")?;
        let console = child.stdout.take().context("the guest's console")?;
        let (sender, number) = (self.sender.clone(), self.guests.len());
        std::thread::spawn(move || {
            for line in BufReader::new(console).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                println!("{name}| {line}");
                if sender.send((number, line)).is_err() {
                    return;
                }
            }
        });
        self.guests.push(Guest { name, child, lines: Vec::new() });
        Ok(())
    }

    /// Waits until every guest has said `words`; it is an error if one ends or cannot reach its
    /// peer.
    pub(super) fn wait_for(&mut self, words: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.guests.iter().all(|guest| guest.said(words)) {
            for guest in &mut self.guests {
                if let Some(status) = guest.child.try_wait()? {
                    bail!("guest {} ended: {status}", guest.name);
                }
                if guest.said("VDEQ-GUEST ping FAILED") {
                    bail!("guest {} did not reach its peer", guest.name);
                }
            }
            if Instant::now() > deadline {
                bail!("not every guest said {words:?} within {} s", PATIENCE.as_secs());
            }
            if let Ok((number, line)) = self.lines.recv_timeout(Duration::from_millis(200)) {
                self.guests.get_mut(number).context("a guest")?.lines.push(line);
            }
        }
        Ok(())
    }

    /// Tells every guest to power off and waits for it; the last one first, since the first one's vdeq
    /// serves the switch of the others.
    pub(super) fn power_off(mut self) -> Result<()> {
        for guest in self.guests.iter_mut().rev() {
            let console = guest.child.stdin.as_mut().context("the guest's console")?;
            console.write_all(b"off\n").context("write to the guest")?;
            let deadline = Instant::now() + PATIENCE;
            let status = loop {
                if let Some(status) = guest.child.try_wait()? {
                    break status;
                }
                if Instant::now() > deadline {
                    bail!("guest {} does not power off", guest.name);
                }
                std::thread::sleep(Duration::from_millis(20));
            };
            println!("guest {}: {status}", guest.name);
            if !status.success() {
                bail!("guest {}: {status}", guest.name);
            }
        }
        Ok(())
    }
}

impl Guest {
    fn said(&self, words: &str) -> bool {
        self.lines.iter().any(|line| line.contains(words))
    }
}

impl Drop for Guests {
    /// Only after a failure there is something to do: SIGTERM, which vdeq hands on to its QEMU.
    fn drop(&mut self) {
        for guest in &mut self.guests {
            if let Ok(None) = guest.child.try_wait() {
                let order = format!("kill -TERM {}", guest.child.id());
                let _ = Command::new("sh").args(["-c", &order]).status();
            }
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        for guest in &mut self.guests {
            while matches!(guest.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = guest.child.kill();
            let _ = guest.child.wait();
        }
    }
}
