//! The switch of the demonstration, which vdeq serves beside a guest, and its management console.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What the console says when it waits for a command.
const PROMPT: &str = "\nvde$ ";

/// A switch takes milliseconds for anything; a vdeq that starts, too.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the switch is.
#[derive(Debug)]
pub(super) struct Switch {
    dir: PathBuf,
    console: PathBuf,
}

impl Switch {
    /// A switch in this directory, which vdeq is going to serve.
    pub(super) fn in_place(place: &Path) -> Self {
        Self { dir: place.join("switch"), console: place.join("console") }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What vdeq is told.
    pub(super) fn options(&self) -> [OsString; 3] {
        let mut switch = OsString::from("--switch=");
        switch.push(&self.dir);
        [switch, "--mgmt".into(), self.console.clone().into()]
    }

    /// Waits until it is served.
    pub(super) fn wait(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.dir.join("ctl").exists() {
            if Instant::now() > deadline {
                bail!("vdeq does not serve {}", self.dir.display());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// What the switch says to a command, without what frames it.
    pub(super) fn command(&self, command: &str) -> Result<String> {
        let mut console = UnixStream::connect(&self.console).context("connect to the console")?;
        console.set_read_timeout(Some(PATIENCE))?;
        read_to_prompt(&mut console)?;
        console.write_all(format!("{command}\n").as_bytes()).context("write to the console")?;
        let answer = read_to_prompt(&mut console)?;
        let data = answer.split_once("'.'\n").map_or(answer.as_str(), |(_, data)| data);
        Ok(data.split("\n.\n").next().unwrap_or_default().to_owned())
    }
}

fn read_to_prompt(console: &mut UnixStream) -> Result<String> {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    while !text.ends_with(PROMPT.as_bytes()) {
        match console.read(&mut piece).context("the switch does not answer")? {
            0 => bail!("the console hung up"),
            length => text.extend(piece.iter().take(length)),
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
