//! The programs between the ends: vdeq as it ships, the C vdeq, QEMUs, and a home for them.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use vde_exec::testkit::fake_qemu;
use vde_exec::testkit::wait;

use crate::cpu::{self, Group};

/// Debian's program, of the package vde2.
pub const C_VDEQ: &str = "/usr/bin/vdeq";

/// The QEMU of this machine.
pub const QEMU: &str = "qemu-system-x86_64";

/// The banner by which the C vdeq takes a program for a QEMU that has `-net tap`.
pub const OLD_BANNER: &str =
    "QEMU emulator version 2.5.0, Copyright (c) 2003-2008 Fabrice Bellard\n";

/// What the C vdeq is given as a QEMU: it answers `-h` as an old one, and starts a new one with the
/// descriptor in a spelling that the new one knows.
const SHIM: &str = r#"#!/bin/sh
[ "$1" != -h ] || { printf 'QEMU emulator version 2.5.0, Copyright (c) Fabrice Bellard\n'; exit; }
count=$#
while [ $count -gt 0 ]; do
    case "$1" in
        tap,vlan=0,fd=*) set -- "$@" "socket,fd=${1##*fd=}" ;;
        *,vlan=0) set -- "$@" "${1%,vlan=0}" ;;
        *) set -- "$@" "$1" ;;
    esac
    shift
    count=$((count - 1))
done
exec qemu-system-x86_64 "$@"
"#;

/// A QEMU that is nothing but a hub between its standard input and the network that follows.
const HUB: [&str; 8] =
    ["-M", "none", "-display", "none", "-monitor", "none", "-net", "socket,fd=0"];

/// Programs as they ship, and a home that nobody else's settings are in.
#[derive(Debug)]
pub struct World {
    home: tempfile::TempDir,
    /// Our vdeq.
    pub vdeq: PathBuf,
    /// The program in QEMU's place.
    pub fake_qemu: PathBuf,
    /// The program that lets the C vdeq start the QEMU of this machine.
    pub shim: PathBuf,
}

/// A program with all that it started. Dropped, they are killed together.
#[derive(Debug)]
pub struct Running(Child);

/// A VM without a guest: whoever has `wire` is the guest.
#[derive(Debug)]
pub struct Vm {
    /// Where frames are put in and taken out.
    pub wire: UnixDatagram,
    /// Its processes.
    pub groups: Vec<Group>,
    /// What was started: a vdeq, or the QEMU itself.
    pub pid: u32,
    _running: Running,
}

/// A VM of which only the plugs are left: they are the bench's.
#[derive(Debug)]
pub struct Handed {
    /// The descriptor of each NIC, in order.
    pub plugs: Vec<UnixDatagram>,
    /// Its processes.
    pub groups: Vec<Group>,
    _running: Running,
}

/// Our own switch, in a process of its own.
#[derive(Debug)]
pub struct OwnSwitch {
    /// Its directory.
    pub dir: PathBuf,
    /// Its process.
    pub pid: u32,
    _running: Running,
    _place: tempfile::TempDir,
}

impl World {
    /// Builds what is measured, with optimisation, and makes a home.
    #[must_use]
    pub fn new() -> Self {
        let home = tempfile::Builder::new().prefix("bench").tempdir().expect("a directory");
        let shim = home.path().join("qemu-shim");
        std::fs::write(&shim, SHIM).expect("the shim");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&shim, executable).expect("an executable shim");
        let vdeq = release("vdeq", "vdeq", &[]);
        Self { home, vdeq, fake_qemu: release("vde-exec", "fake-qemu", &["testkit"]), shim }
    }

    /// A program in this world, in a process group of its own.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("HOME", self.home.path()).env("XDG_RUNTIME_DIR", self.home.path());
        command.env("XDG_CACHE_HOME", self.home.path()).env_remove("SSH_CLIENT");
        command.stdout(Stdio::null()).stderr(Stdio::inherit()).process_group(0);
        command
    }

    /// Our vdeq with these options of its own.
    #[must_use]
    pub fn ours(&self, options: &[&str]) -> Command {
        let mut command = self.command(&self.vdeq);
        command.args(options);
        command
    }

    /// Our own switch with this many ports, alone, and its process.
    #[must_use]
    pub fn own_switch(&self, ports: usize) -> OwnSwitch {
        let place = tempfile::Builder::new().prefix("own").tempdir().expect("a directory");
        let dir = place.path().join("switch");
        let ports = format!("--ports={ports}");
        let running =
            Running::start(self.ours(&[&ports]).arg(format!("--switch={}", dir.display())));
        wait::until_true("our switch", || UnixStream::connect(dir.join("ctl")).is_ok());
        let pid = running.0.id();
        OwnSwitch { dir, pid, _running: running, _place: place }
    }

    /// A QEMU as a hub, started by our vdeq.
    #[must_use]
    pub fn hub_of_ours(&self, options: &[&str], switch: &Path) -> Vm {
        self.hub(self.ours(options).arg(QEMU), switch)
    }

    /// A QEMU as a hub with its own backend for VDE.
    #[must_use]
    pub fn native_hub(&self, switch: &Path) -> Vm {
        self.hub(&mut self.command(QEMU), switch)
    }

    /// A QEMU as a hub, started by the C vdeq.
    #[must_use]
    pub fn hub_of_theirs(&self, switch: &Path) -> Vm {
        self.hub(self.command(C_VDEQ).arg(&self.shim), switch)
    }

    /// What `--relay` is given: `pcap` means a file of this world.
    #[must_use]
    pub fn handed_options(&self, feature: &str) -> String {
        match feature {
            "pcap" => format!("pcap={}", self.home.path().join("net0.pcapng").display()),
            other => other.to_owned(),
        }
    }

    /// Our vdeq with a VM of this many NICs.
    #[must_use]
    pub fn handed_by_ours(&self, options: &[&str], nics: usize, network: &str) -> Handed {
        self.handed(self.ours(options).arg(&self.fake_qemu), nics, network)
    }

    /// The C vdeq with a VM of one NIC.
    #[must_use]
    pub fn handed_by_theirs(&self, network: &str) -> Handed {
        let mut command = self.command(C_VDEQ);
        command.env(fake_qemu::VERSION, OLD_BANNER).env(fake_qemu::HELP, OLD_BANNER);
        self.handed(command.arg(&self.fake_qemu), 1, network)
    }

    fn hub(&self, command: &mut Command, switch: &Path) -> Vm {
        let (wire, end) = UnixDatagram::pair().expect("a socket pair");
        let qmp = tempfile::Builder::new().make_in(self.home.path(), |_| Ok(()));
        let (_, qmp) = qmp.expect("a name").keep().expect("a name");
        let monitor = format!("unix:{},server=on,wait=off", qmp.display());
        command.args(HUB).args(["-net", &vde(switch), "-qmp", &monitor]);
        let running = Running::start(command.stdin(OwnedFd::from(end)));
        // Its greeting comes from the loop that carries frames.
        wait::until_true("a QEMU to run", || {
            let Ok(mut stream) = UnixStream::connect(&qmp) else { return false };
            stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a time-out");
            std::io::Read::read(&mut stream, &mut [0]).is_ok_and(|length| length == 1)
        });
        let pid = running.0.id();
        Vm { wire, groups: cpu::groups(&[pid]), pid, _running: running }
    }

    fn handed(&self, command: &mut Command, nics: usize, network: &str) -> Handed {
        let (stream, end) = UnixStream::pair().expect("a socket pair");
        stream.set_read_timeout(Some(wait::PATIENCE)).expect("a time-out");
        for vlan in 0..nics {
            // One joins the first vlan anyway, and not every program knows others.
            let vlan = if vlan == 0 { String::new() } else { format!(",vlan={vlan}") };
            command.args(["-net", &format!("nic{vlan}"), "-net", &format!("{network}{vlan}")]);
        }
        command.env(fake_qemu::DO, "hand run").stdin(OwnedFd::from(end));
        let running = Running::start(command);
        let plugs = (0..nics).map(|_| fake_qemu::receive_plug(&stream).into()).collect();
        Handed { plugs, groups: cpu::groups(&[running.0.id()]), _running: running }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Running {
    /// Starts it; its own process group makes sure that nothing of it is left.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        Self(command.process_group(0).spawn().expect("a program"))
    }

    /// The process.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = i32::try_from(self.0.id()).expect("a process id fits pid_t");
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// `vde,sock=DIR`.
#[must_use]
pub fn vde(switch: &Path) -> String {
    format!("vde,sock={}", switch.display())
}

/// Builds a binary of the workspace as it ships.
#[must_use]
pub fn release(package: &str, bin: &str, features: &[&str]) -> PathBuf {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let build = escargot::CargoBuild::new().manifest_path(manifest).package(package).bin(bin);
    let build = build.features(features.join(",")).release();
    build.run().expect("a release build").path().to_owned()
}
