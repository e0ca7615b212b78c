//! The program itself: report, then act.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{IoSlice, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::str::FromStr;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, raise};
use nix::sys::socket::{ControlMessage, MsgFlags, recv, send, sendmsg};

use super::{DO, HELP, PROBES, REPORT, VERSION};

/// What `-version` prints unless the test says otherwise.
pub const DEFAULT_BANNER: &str = "QEMU emulator version 7.2.22 (fake)\nCopyright (c) nobody\n";

/// Longest frame that is echoed whole.
const MAX_FRAME: usize = 65_536;

/// Something to do; the name in [`FAKE_QEMU_DO`](DO) stands in the comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// `exit=N`: end with this status.
    Exit(i32),
    /// `die=N`: end by this signal.
    Die(i32),
    /// `stop`: stop as by Ctrl-Z, and go on when continued.
    Stop,
    /// `sleep`: do nothing for ever; signals have the effect that they have on any program.
    Sleep,
    /// `run` or `run=N`: tell the signals that arrive; end with status 0 or this one at `SIGTERM`,
    /// `SIGINT` or `SIGHUP`.
    Run(i32),
    /// `echo`: from now on send every frame back, source and destination exchanged.
    Echo,
    /// `hear`: from now on tell the length of every frame that arrives.
    Hear,
    /// `line`: wait for a line on standard input.
    Line,
    /// `relay`: from now on carry frames between standard input, a datagram socket, and every plug.
    Relay,
    /// `hand`: hand a copy of every plug over standard input, a socket, to whoever is at its other end:
    /// [`receive_plug`](super::receive_plug).
    Hand,
    /// `send=N`: send N frames of 60 bytes, numbered in their last four, through every plug.
    Send(u32),
    /// `empty`: send an empty datagram through every plug, as no QEMU does.
    Empty,
    /// `print=TEXT`: write this to standard output.
    Print(String),
    /// `daemonize`: do the rest as a process of its own, and let the first one end with status 0.
    Daemonize,
}

impl FromStr for Act {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || value.parse::<u32>().map_err(|error| format!("{word}: {error}"));
        let small = || number().map(|n| i32::try_from(n).unwrap_or(i32::MAX));
        match name {
            "exit" => small().map(Self::Exit),
            "die" => small().map(Self::Die),
            "send" => number().map(Self::Send),
            "stop" => Ok(Self::Stop),
            "sleep" => Ok(Self::Sleep),
            "run" if value.is_empty() => Ok(Self::Run(0)),
            "run" => small().map(Self::Run),
            "echo" => Ok(Self::Echo),
            "hear" => Ok(Self::Hear),
            "line" => Ok(Self::Line),
            "relay" => Ok(Self::Relay),
            "hand" => Ok(Self::Hand),
            "empty" => Ok(Self::Empty),
            "print" => Ok(Self::Print(value.to_owned())),
            "daemonize" => Ok(Self::Daemonize),
            _ => Err(format!("fake-qemu cannot {word}")),
        }
    }
}

/// Runs as the fake QEMU, with the arguments and the environment of this process.
pub fn main() {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let [_, question] = args.as_slice() {
        if let Some(status) = answer(question.to_str().unwrap_or_default()) {
            std::process::exit(status);
        }
    }
    let mut log = Log::create();
    let plugs = plugs(&args);
    log.write(&describe(&args));
    let acts = std::env::var(DO).unwrap_or_else(|_| "exit=0".to_owned());
    let mut words = acts.split_whitespace();
    while let Some(word) = words.next() {
        match word.parse().unwrap_or_else(|error| panic!("{error}")) {
            Act::Daemonize => daemonize(&words.collect::<Vec<_>>().join(" ")),
            act => perform(act, &plugs, &mut log),
        }
    }
}

/// Answers `-version` and `-help` as QEMU does; other words are no questions.
fn answer(question: &str) -> Option<i32> {
    let text = match question {
        "-version" => std::env::var(VERSION).unwrap_or_else(|_| DEFAULT_BANNER.to_owned()),
        // The C vdeq asks with -h.
        "-help" | "-h" => std::env::var(HELP).unwrap_or_else(|_| "refuse".to_owned()),
        _ => return None,
    };
    if let Some(path) = std::env::var_os(PROBES) {
        let mut file = File::options().append(true).create(true).open(path).expect("probe file");
        writeln!(file, "{question}").expect("probe line");
    }
    match text.as_str() {
        "hang" => sleep(),
        "refuse" => Some(1),
        _ => {
            std::io::stdout().write_all(text.as_bytes()).expect("standard output");
            Some(0)
        }
    }
}

/// The report file, or nowhere.
struct Log(Option<File>);

impl Log {
    fn create() -> Self {
        Self(std::env::var_os(REPORT).map(|path| File::create(path).expect("report file")))
    }

    /// The same for another thread.
    fn share(&self) -> Self {
        Self(self.0.as_ref().map(|file| file.try_clone().expect("report file")))
    }

    /// One write, so that a reader sees all of a fact or nothing.
    fn write(&mut self, text: &str) {
        if let Self(Some(file)) = self {
            file.write_all(text.as_bytes()).expect("report line");
        }
    }
}

/// The facts of the start: name, arguments, descriptors, signal masks. Ends with `ready`.
fn describe(args: &[OsString]) -> String {
    let mut text = String::new();
    let mut words = args.iter().map(|arg| escape(arg.as_bytes()));
    let _ = writeln!(text, "name {}", words.next().unwrap_or_default());
    for word in words {
        let _ = writeln!(text, "arg {word}");
    }
    for entry in fs::read_dir("/proc/self/fd").expect("/proc").flatten() {
        // The descriptor of the listing itself shows up and is gone by now.
        if let Ok(target) = fs::read_link(entry.path()) {
            let number = entry.file_name().into_string().unwrap_or_default();
            let _ = writeln!(text, "fd {number} {}", escape(target.into_os_string().as_bytes()));
        }
    }
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    for line in status.lines().filter(|line| line.starts_with("Sig")) {
        let _ = writeln!(text, "{}", line.replace(":\t", " "));
    }
    let _ = writeln!(text, "pid {}", std::process::id());
    text + "ready\n"
}

/// Printable ASCII as it is, everything else, and the backslash, as `\xNN`.
fn escape(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, &byte| {
        match byte {
            b'\\' => text.push_str("\\x5c"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
        text
    })
}

/// The descriptors that the arguments name: `fd=N` in a list of properties, or `-tun-fd N`.
fn plugs(args: &[OsString]) -> Vec<i32> {
    let mut found = Vec::new();
    let texts: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    for (index, text) in texts.iter().enumerate() {
        let properties = text.split(',').filter_map(|property| property.strip_prefix("fd="));
        found.extend(properties.filter_map(|number| number.parse::<i32>().ok()));
        if index > 0 && texts[index - 1] == "-tun-fd" {
            found.extend(text.parse::<i32>());
        }
    }
    found
}

fn perform(act: Act, plugs: &[i32], log: &mut Log) {
    match act {
        Act::Exit(status) => std::process::exit(status),
        Act::Die(signal) => die(signal),
        Act::Stop => raise(Signal::SIGSTOP).expect("stopping"),
        Act::Sleep => sleep(),
        Act::Run(status) => run(log, status),
        Act::Echo => plugs.iter().for_each(|&fd| beside(move || echo(fd))),
        Act::Hear => plugs.iter().for_each(|&fd| {
            let mut log = log.share();
            beside(move || hear(fd, &mut log));
        }),
        Act::Line => drop(std::io::stdin().read_line(&mut String::new()).expect("standard input")),
        Act::Relay => plugs.iter().for_each(|&fd| relay(fd)),
        Act::Hand => plugs.iter().for_each(|&fd| hand(fd)),
        Act::Send(count) => plugs.iter().for_each(|&fd| send_frames(fd, count)),
        Act::Empty => plugs.iter().for_each(|&fd| send_empty(fd)),
        Act::Print(text) => std::io::stdout().write_all(text.as_bytes()).expect("standard output"),
        Act::Daemonize => panic!("the last word that the first process performs"),
    }
}

fn sleep() -> ! {
    loop {
        std::thread::park();
    }
}

fn die(signal: i32) {
    crate::signals::die_by(signal);
}

fn run(log: &mut Log, status: i32) {
    let set = SigSet::from_iter(
        Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)),
    );
    set.thread_block().expect("blocking signals");
    log.write("running\n");
    loop {
        let signal = set.wait().expect("waiting for a signal");
        log.write(&format!("signal {}\n", signal.as_str()));
        if matches!(signal, Signal::SIGTERM | Signal::SIGINT | Signal::SIGHUP) {
            std::process::exit(status);
        }
    }
}

/// Does it in a thread that takes no signals: they are the first thread's, which may tell them.
fn beside(work: impl FnOnce() + Send + 'static) {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK).expect("blocking signals");
    std::thread::spawn(work);
    before.thread_set_mask().expect("the signals from before");
}

fn echo(fd: i32) {
    let mut buffer = vec![0; MAX_FRAME];
    loop {
        match recv(fd, &mut buffer, MsgFlags::empty()) {
            Ok(length) if length >= 12 => {
                let (destination, source) = buffer.split_at_mut(6);
                destination.swap_with_slice(&mut source[..6]);
                let _ = send(fd, &buffer[..length], MsgFlags::MSG_NOSIGNAL);
            }
            Ok(_) | Err(Errno::EINTR | Errno::ECONNRESET) => {}
            Err(_) => return,
        }
    }
}

fn hear(fd: i32, log: &mut Log) {
    let mut buffer = vec![0; MAX_FRAME];
    while let Ok(length) = recv(fd, &mut buffer, MsgFlags::empty()) {
        log.write(&format!("frame {length}\n"));
    }
}

/// One thread for each direction. A frame that a plug does not take is lost, as it is in a QEMU.
fn relay(fd: i32) {
    for [from, to] in [[0, fd], [fd, 0]] {
        beside(move || {
            let mut buffer = vec![0; MAX_FRAME];
            loop {
                match recv(from, &mut buffer, MsgFlags::empty()) {
                    // Blocks where the other side does not read, as nothing else is to be done.
                    Ok(length) if length > 0 => {
                        let _ = send(to, &buffer[..length], MsgFlags::MSG_NOSIGNAL);
                    }
                    Ok(_) | Err(Errno::EINTR | Errno::ECONNRESET) => {}
                    Err(_) => return,
                }
            }
        });
    }
}

fn hand(fd: i32) {
    let (byte, rights) = ([IoSlice::new(b"!")], [ControlMessage::ScmRights(&[fd])]);
    sendmsg::<()>(0, &byte, &rights, MsgFlags::MSG_NOSIGNAL, None).expect("handing over a plug");
}

fn send_empty(fd: i32) {
    let _ = send(fd, b"", MsgFlags::MSG_NOSIGNAL);
}

fn send_frames(fd: i32, count: u32) {
    for number in 0..count {
        let mut frame = [0; 60];
        frame[..6].fill(0xff);
        frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        frame[12..14].copy_from_slice(&[0x88, 0xb5]);
        frame[56..].copy_from_slice(&number.to_be_bytes());
        let _ = send(fd, &frame, MsgFlags::MSG_NOSIGNAL);
    }
}

/// The first process ends as soon as the daemon is on its way; the daemon, the same program again,
/// has no parent, the same descriptors, and the rest of the words to perform.
fn daemonize(rest: &str) -> ! {
    let args: Vec<OsString> = std::env::args_os().collect();
    Command::new("/proc/self/exe")
        .arg0(&args[0])
        .args(&args[1..])
        .env(DO, rest)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starting the daemon");
    std::process::exit(0);
}

/// Undoes [`escape`].
pub(super) fn unescape(text: &str) -> OsString {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).expect("two hex digits"));
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_argument_survives_the_report() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unescape(&escape(&all)).as_bytes(), all);
    }

    #[test]
    fn the_plugs_are_found_in_every_spelling() {
        let args = ["q", "-net", "socket,fd=3", "-netdev", "tap,id=a,fd=4", "-tun-fd", "5"];
        assert_eq!(plugs(&args.map(OsString::from)), [3, 4, 5]);
    }
}
