//! A client of a switch's management console.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use vde_exec::testkit::wait::{self, PATIENCE};

pub struct Console(UnixStream);

/// What a console says when it waits for a command.
const PROMPT: &str = "\nvde$ ";

impl Console {
    /// Connects, as soon as there is one, and reads its greeting.
    pub fn at(path: &Path) -> (Self, String) {
        let stream = wait::until("the management console", || UnixStream::connect(path).ok());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut console = Self(stream);
        let greeting = console.answer();
        (console, greeting)
    }

    /// What is answered to a command.
    pub fn ask(&mut self, command: &str) -> String {
        self.say(command);
        self.answer()
    }

    /// Says it in one piece: what is read at once is a command.
    pub fn say(&mut self, command: &str) {
        self.0.write_all(format!("{command}\n").as_bytes()).unwrap();
    }

    fn answer(&mut self) -> String {
        let mut text = String::new();
        let mut piece = [0; 4096];
        while !text.ends_with(PROMPT) {
            let length = self.0.read(&mut piece).unwrap();
            assert_ne!(length, 0, "the console hung up: {text}");
            text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        }
        text
    }
}
