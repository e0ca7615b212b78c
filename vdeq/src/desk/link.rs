//! `--link-state`: has QEMU show the guest whether its cables are plugged in.
//!
//! # Theory of operation
//!
//! QEMU is given one more QMP monitor, over a socket pair. It greets when it runs its main loop, is
//! asked for capabilities, and is then told of one link after another with `set_link`, the next one
//! when it has answered for the last. For each NIC at most one state waits, the latest: what QEMU has
//! no time for is not told.
//!
//! ```text
//!   greeting --(QMP)--> negotiating --(return)--> idle <--(return, error)--> setting
//!       \________________________\__________________\________ gone: QEMU hung up, or babbles
//! ```

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};

use serde_json::{Value, json};
use vde_exec::{Heard, LineLimits, LineStream, PollFlags};

/// What QEMU says in one line is of a few hundred bytes; so is what it is told.
pub(crate) const LIMITS: LineLimits = LineLimits { line: 1 << 20, output: 64 * 1024 };

/// The monitor of a QEMU.
#[derive(Debug)]
pub(crate) struct Link {
    stream: LineStream,
    stage: Stage,
    /// The name of each NIC's backend, if telling it makes the guest see anything.
    names: Vec<Option<String>>,
    /// NICs to tell of, each once, and how their links are.
    wanted: VecDeque<(usize, bool)>,
    /// Whether an error of QEMU's was said.
    has_complained: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Negotiating,
    Idle,
    /// Told of this NIC.
    Setting(usize),
    Gone,
}

impl Link {
    pub(crate) fn new(stream: LineStream, names: Vec<Option<String>>) -> Self {
        let (stage, wanted) = (Stage::Greeting, VecDeque::new());
        Self { stream, stage, names, wanted, has_complained: false }
    }

    /// Wants the guest to see its link so. Returns a complaint, if there is one to make.
    pub(super) fn set(&mut self, nic: usize, up: bool) -> Option<String> {
        self.name(nic)?;
        if self.stage == Stage::Gone {
            // A QEMU that has ended is told nothing; one that runs should have listened.
            return self
                .complain("QEMU does not listen: the guest sees nothing of this".to_owned());
        }
        self.wanted.retain(|(other, _)| *other != nic);
        self.wanted.push_back((nic, up));
        self.go_on();
        None
    }

    pub(super) fn watched(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        (self.stage != Stage::Gone).then(|| (self.stream.as_fd(), self.stream.interest()))
    }

    /// Hears what QEMU says, and goes on. Returns a complaint, if there is one to make.
    pub(super) fn attend(&mut self) -> Option<String> {
        if self.stage == Stage::Gone {
            return None;
        }
        if self.stream.flush().is_err() {
            self.lose();
            return None;
        }
        let mut complaint = None;
        loop {
            match self.stream.hear() {
                Heard::Nothing => break,
                Heard::Line(line) => complaint = complaint.or(self.hear(&line)),
                Heard::TooLong | Heard::End => {
                    self.lose();
                    return complaint;
                }
            }
        }
        self.go_on();
        complaint
    }

    /// One message. Events, which may come at any time, say nothing about links.
    fn hear(&mut self, line: &[u8]) -> Option<String> {
        let message: Value = serde_json::from_slice(line).unwrap_or_default();
        let is_answer = message.get("return").is_some() || message.get("error").is_some();
        match self.stage {
            Stage::Greeting if message.get("QMP").is_some() => {
                self.stage = Stage::Negotiating;
                self.say(&json!({ "execute": "qmp_capabilities" }));
                None
            }
            Stage::Negotiating if is_answer => {
                self.stage = Stage::Idle;
                None
            }
            Stage::Setting(nic) if is_answer => {
                self.stage = Stage::Idle;
                let description = message.pointer("/error/desc").and_then(Value::as_str)?;
                let name = self.name(nic).unwrap_or_default();
                let text = format!("network {nic}: QEMU does not set the link {name}");
                self.complain(format!("{text}: {description}"))
            }
            _ => None,
        }
    }

    /// Tells of the next link, if QEMU listens.
    fn go_on(&mut self) {
        if self.stage != Stage::Idle {
            return;
        }
        let Some((nic, up)) = self.wanted.pop_front() else { return };
        let Some(name) = self.name(nic) else { return };
        let order = json!({ "execute": "set_link", "arguments": { "name": name, "up": up } });
        self.stage = Stage::Setting(nic);
        self.say(&order);
    }

    fn say(&mut self, message: &Value) {
        if self.stream.say(message.to_string().as_bytes()) != Ok(true) {
            self.lose();
        }
    }

    fn name(&self, nic: usize) -> Option<&str> {
        self.names.get(nic)?.as_deref()
    }

    /// QEMU is about to end, or it is no QEMU.
    fn lose(&mut self) {
        self.stage = Stage::Gone;
        self.wanted.clear();
    }

    fn complain(&mut self, text: String) -> Option<String> {
        (!std::mem::replace(&mut self.has_complained, true)).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixStream;

    struct Qemu {
        link: Link,
        monitor: BufReader<UnixStream>,
    }

    impl Qemu {
        fn new() -> Self {
            let (stream, theirs) = LineStream::pair(LIMITS).unwrap();
            let names = ["a", "", "c"].map(|name| (!name.is_empty()).then(|| name.to_owned()));
            let link = Link::new(stream, names.to_vec());
            Self { link, monitor: BufReader::new(UnixStream::from(theirs)) }
        }

        fn negotiated() -> Self {
            let mut qemu = Self::new();
            assert_eq!(qemu.says(json!({ "QMP": { "version": {} } })), None);
            assert_eq!(qemu.hears(), json!({ "execute": "qmp_capabilities" }));
            assert_eq!(qemu.says(json!({ "return": {} })), None);
            qemu
        }

        fn says(&mut self, message: Value) -> Option<String> {
            writeln!(self.monitor.get_mut(), "{message}\r").unwrap();
            self.link.attend()
        }

        fn hears(&mut self) -> Value {
            let mut line = String::new();
            self.monitor.read_line(&mut line).unwrap();
            serde_json::from_str(&line).unwrap()
        }

        #[track_caller]
        fn hears_of(&mut self, name: &str, up: bool) {
            let order = json!({ "execute": "set_link", "arguments": { "name": name, "up": up } });
            assert_eq!(self.hears(), order);
        }

        fn hears_nothing(&mut self) -> bool {
            self.monitor.get_mut().set_nonblocking(true).unwrap();
            let result = self.monitor.fill_buf().is_err();
            self.monitor.get_mut().set_nonblocking(false).unwrap();
            result
        }
    }

    #[test]
    fn what_is_wanted_before_qemu_listens_is_told_then_and_only_the_latest() {
        let mut qemu = Qemu::new();
        assert_eq!(qemu.link.set(0, false), None);
        assert_eq!(qemu.link.set(2, false), None);
        assert_eq!(qemu.link.set(0, true), None);
        assert!(qemu.hears_nothing());
        qemu.says(json!({ "QMP": {} }));
        assert_eq!(qemu.hears(), json!({ "execute": "qmp_capabilities" }));
        qemu.says(json!({ "event": "RESUME" }));
        assert!(qemu.hears_nothing());
        qemu.says(json!({ "return": {} }));
        qemu.hears_of("c", false);
        assert!(qemu.hears_nothing(), "one at a time");
        qemu.says(json!({ "event": "NIC_RX_FILTER_CHANGED" }));
        qemu.says(json!({ "return": {} }));
        qemu.hears_of("a", true);
    }

    #[test]
    fn a_nic_that_would_not_see_it_is_not_told_of() {
        let mut qemu = Qemu::negotiated();
        for nic in [1, 7] {
            assert_eq!(qemu.link.set(nic, false), None);
        }
        assert!(qemu.hears_nothing());
    }

    #[test]
    fn an_error_is_said_once_and_does_not_stop_the_rest() {
        let mut qemu = Qemu::negotiated();
        let error =
            json!({ "error": { "class": "DeviceNotFound", "desc": "Device 'a' not found" } });
        qemu.link.set(0, false);
        qemu.link.set(2, false);
        qemu.hears_of("a", false);
        let complaint = qemu.says(error.clone()).unwrap();
        assert!(complaint.contains("network 0") && complaint.contains("'a' not found"));
        qemu.hears_of("c", false);
        assert_eq!(qemu.says(error), None);
    }

    #[test]
    fn a_monitor_that_ends_wakes_nobody_and_is_missed_once_when_it_is_wanted() {
        for was_there in [false, true] {
            let mut qemu = if was_there { Qemu::negotiated() } else { Qemu::new() };
            drop(qemu.monitor);
            assert_eq!(qemu.link.attend(), None);
            assert!(qemu.link.watched().is_none());
            assert_eq!(qemu.link.set(1, false), None);
            assert!(qemu.link.set(0, false).unwrap().contains("does not listen"));
            assert_eq!(qemu.link.set(0, true), None);
        }
    }
}
