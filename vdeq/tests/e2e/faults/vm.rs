//! A VM without a guest: its network is joined to a socket of the test's, which is its standard input.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vde_exec::testkit::fake_qemu;
use vde_exec::testkit::wait;

use crate::rig;
use crate::world::{Running, World, signal, start};

/// Debian's program, of the package vde2.
const C_VDEQ: &str = "/usr/bin/vdeq";

/// A version that the C vdeq knows how to plug in.
const OLD: &str = "QEMU PC emulator version 0.9.1, Copyright (c) nobody\n";

/// A QEMU that is nothing but a hub between its standard input and the network that follows.
const HUB: [&str; 9] = [
    "qemu-system-x86_64",
    "-M",
    "none",
    "-display",
    "none",
    "-monitor",
    "none",
    "-net",
    "socket,fd=0",
];

/// A running VM. Dropped, it is killed together with what started it.
pub struct Vm {
    running: Running,
    /// Where the test puts frames in and takes them out.
    pub wire: UnixDatagram,
    said: Arc<Mutex<String>>,
    qmp: Option<PathBuf>,
}

impl Vm {
    /// A QEMU, started by our vdeq with these options of its own.
    pub fn ours(world: &World, options: &[&str], network: &str) -> Self {
        Self::hub(world, world.vdeq().args(options), network)
    }

    /// The same with QEMU's other back end for a datagram socket, `dgram`, which our vdeq takes for
    /// anybody's word.
    pub fn dgram(world: &World, options: &[&str], switch: &Path) -> Self {
        let backend = format!("dgram,id=d,local.type=fd,local.str={{vde:{}}}", switch.display());
        let mut command = world.vdeq();
        command.args(options).arg("--fd-placeholder");
        Self::on_hub(
            world,
            &mut command,
            &["-netdev", &backend, "-netdev", "hubport,hubid=0,id=h,netdev=d"],
        )
    }

    /// A QEMU that the command starts, which ends before its name.
    pub fn hub(world: &World, command: &mut Command, network: &str) -> Self {
        Self::on_hub(world, command, &["-net", network])
    }

    fn on_hub(world: &World, command: &mut Command, network: &[&str]) -> Self {
        let qmp = tempfile::Builder::new().make_in(world.path(""), |_| Ok(())).unwrap();
        let (_, qmp) = qmp.keep().unwrap();
        let monitor = format!("unix:{},server=on,wait=off", qmp.display());
        Self::start(command.args(HUB).args(network).args(["-qmp", &monitor]), Some(qmp))
    }

    /// QEMU's own backend for VDE.
    pub fn native(world: &World, network: &str) -> Self {
        let mut command = world.command("env");
        command.arg("--");
        Self::hub(world, &mut command, network)
    }

    /// A fake QEMU, which needs next to nothing, started by our vdeq.
    pub fn fake(world: &World, network: &str) -> Self {
        let mut command = world.vdeq();
        command.arg(rig::fake_qemu()).args(["-net", "nic", "-net", network]);
        Self::start(command.env(fake_qemu::DO, "relay run"), None)
    }

    /// The C vdeq, which knows no QEMU that can be had today, with the fake one.
    pub fn theirs(world: &World, network: &str) -> Self {
        assert!(Path::new(C_VDEQ).exists(), "no C vdeq: cargo xtask setup");
        let mut command = world.command(C_VDEQ);
        command.arg(rig::fake_qemu()).args(["-net", "nic", "-net", network]);
        command.env(fake_qemu::DO, "relay run").env(fake_qemu::VERSION, OLD);
        Self::start(command.env(fake_qemu::HELP, OLD), None)
    }

    fn start(command: &mut Command, qmp: Option<PathBuf>) -> Self {
        let (wire, end) = UnixDatagram::pair().unwrap();
        let mut running = start(command.stdin(OwnedFd::from(end)));
        let said = Arc::default();
        follow(running.child.stdout.take().unwrap(), &said);
        follow(running.child.stderr.take().unwrap(), &said);
        Self { running, wire, said, qmp }
    }

    /// Waits until the QEMU serves its monitor, and so its networks.
    pub fn wait_until_up(&self) {
        wait::until_true(&format!("a QEMU to run; {}", self.said()), || {
            self.answers_within(Duration::from_millis(500))
        });
    }

    /// Waits until the VM is there, or has ended before it was; returns which.
    pub fn comes_up(&mut self) -> bool {
        wait::until("the VM to start, or to end", || {
            if self.ended().is_some() {
                return Some(false);
            }
            let is_up = match self.qmp {
                Some(_) => self.answers_within(Duration::from_millis(500)),
                None => self.has_child(),
            };
            is_up.then_some(true)
        })
    }

    /// Whether it has started anything: plugs are made before.
    fn has_child(&self) -> bool {
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        std::fs::read_to_string(children).is_ok_and(|children| !children.trim().is_empty())
    }

    /// What was started: a vdeq, or the QEMU itself.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// The QEMU: the only child of its vdeq.
    pub fn qemu(&self) -> u32 {
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        let what = format!("a QEMU to be started; {}", self.said());
        wait::until(&what, || {
            let children = std::fs::read_to_string(&children).ok()?;
            children.split_whitespace().next_back()?.parse().ok()
        })
    }

    /// All that was said on standard output and error.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub fn wait_until_said(&self, words: &str) {
        self.wait_until_said_times(words, 1);
    }

    pub fn wait_until_said_times(&self, words: &str, times: usize) {
        let what = format!("{words:?}, {times} times");
        wait::until(&what, || (self.said().matches(words).count() >= times).then_some(()));
    }

    /// How often it was said that a network is back.
    pub fn times_back(&self) -> usize {
        self.said().matches(" is back on ").count()
    }

    /// The status with which it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.running.child.try_wait().unwrap()
    }

    /// Whether the QEMU answers on its monitor within this time.
    pub fn answers_within(&self, patience: Duration) -> bool {
        let qmp = self.qmp.as_ref().expect("a real QEMU");
        let Ok(mut stream) = UnixStream::connect(qmp) else { return false };
        stream.set_read_timeout(Some(patience)).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut next = || lines.next().is_some_and(|line| line.is_ok());
        next() && writeln!(stream, "{{\"execute\":\"qmp_capabilities\"}}").is_ok() && next()
    }

    /// The sockets that the QEMU has, as the kernel names them: they stay the same if nobody told it
    /// anything.
    pub fn sockets_of_qemu(&self) -> Vec<String> {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", self.qemu())).unwrap();
        let targets = descriptors.flatten().filter_map(|entry| {
            let target = std::fs::read_link(entry.path()).ok()?.display().to_string();
            Some(format!("{} {target}", entry.file_name().to_string_lossy()))
        });
        let mut sockets: Vec<_> = targets.filter(|target| target.contains("socket:")).collect();
        sockets.sort();
        sockets
    }

    /// Ends the VM through its vdeq, as a user does, and returns how that ended.
    pub fn end(mut self) -> ExitStatus {
        signal(self.pid(), "TERM");
        wait::until("the VM to end", || self.ended())
    }

    /// Waits until it has ended by itself.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        wait::until("the VM to end", || self.running.child.try_wait().unwrap())
    }
}

fn follow(mut stream: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            said.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    });
}
