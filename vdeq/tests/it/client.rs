//! A client of the control socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vde_exec::testkit::wait::{self, PATIENCE};

use crate::world::{QEMU, Running, World};

/// Where the control socket of a test's vdeq is.
pub fn path(world: &World) -> PathBuf {
    world.home.path().join("control")
}

/// vdeq with a control socket, these words of its own, and one network on the world's switch.
pub fn running(world: &World, words: &[&str]) -> Running {
    let (control, net) = (path(world), format!("vde,{}", world.sock()));
    let words = [&["--control", control.to_str().unwrap()], words, &[QEMU, "-net", &net]].concat();
    let run = world.vdeq(&words).act("run").start();
    run.wait_running();
    run
}

pub struct Client(BufReader<UnixStream>);

impl Client {
    pub fn of(world: &World) -> Self {
        Self::at(&path(world))
    }

    pub fn at(path: &Path) -> Self {
        let stream = wait::until("the control socket", || UnixStream::connect(path).ok());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// One that wants to hear of events.
    pub fn subscribed(world: &World) -> Self {
        let mut client = Self::of(world);
        assert_eq!(client.ask(r#"{"command":"events"}"#), serde_json::json!({ "ok": {} }));
        client
    }

    pub fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    pub fn finish_saying(&mut self) {
        self.0.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    /// Says as much of `bytes` as is taken at once; returns how much.
    pub fn try_to_say(&mut self, bytes: &[u8]) -> usize {
        self.0.get_mut().set_nonblocking(true).unwrap();
        let said = self.0.get_mut().write(bytes).unwrap_or_default();
        self.0.get_mut().set_nonblocking(false).unwrap();
        said
    }

    /// The next line; `None` at the end.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        (self.0.read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
    }

    /// The next line as JSON.
    pub fn next(&mut self) -> Value {
        serde_json::from_str(&self.line().expect("a line")).unwrap()
    }

    /// Asks and waits for the answer.
    pub fn ask(&mut self, question: &str) -> Value {
        self.say(format!("{question}\n"));
        self.next()
    }

    /// Waits for an event of this name, and returns those before it, and it.
    pub fn until_event(&mut self, name: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.next();
            events.push(event);
            if events.last().unwrap()["event"] == name {
                return events;
            }
        }
    }

    /// All that comes until the end.
    pub fn rest(&mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        text
    }
}
