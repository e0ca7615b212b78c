//! A world of its own for each test: home, caches, search path, and a look at what is left in the
//! end.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use vde_exec::testkit::real_switch::{Options, RealSwitch};
use vde_exec::testkit::{self, wait};

use crate::rig;

/// Directories that a data socket may fall back to, besides the ones of this world.
const FALLBACKS: [&str; 3] = ["/run", "/tmp", "/var/tmp"];

/// A place where nothing of the user's real one is seen.
pub struct World {
    home: tempfile::TempDir,
}

/// How a vdeq ended that was waited for.
#[derive(Debug)]
pub struct Outcome {
    pub pid: u32,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    pub fn new() -> Self {
        // Open to all, so that a test can run vdeq as somebody else in it.
        let open = fs::Permissions::from_mode(0o755);
        let home = tempfile::Builder::new().prefix("e2e").permissions(open).tempdir().unwrap();
        fs::create_dir(home.path().join("run")).unwrap();
        Self { home }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// vdeq, as `program`, with the environment of this world.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        testkit::inherit_nothing();
        let mut command = Command::new(program);
        command.env("HOME", self.home.path());
        command.env("XDG_RUNTIME_DIR", self.path("run"));
        command.env("XDG_CACHE_HOME", self.path("cache"));
        for name in ["SSH_CLIENT", "XDG_CONFIG_HOME", "VDEQ_OPTIONS", "VDEQ_LOG", "NOTIFY_SOCKET"] {
            command.env_remove(name);
        }
        command
    }

    /// vdeq by its own name.
    pub fn vdeq(&self) -> Command {
        self.command(rig::vdeq())
    }

    /// A link to vdeq with this name.
    pub fn link(&self, name: &str) -> PathBuf {
        let link = self.path(name);
        symlink(rig::vdeq(), &link).unwrap();
        link
    }

    /// Copies of programs that every user can reach.
    pub fn publish<const N: usize>(&self, programs: [&Path; N]) -> [PathBuf; N] {
        programs.map(|program| {
            let copy = self.path(program.file_name().unwrap().to_str().unwrap());
            fs::copy(program, &copy).unwrap();
            copy
        })
    }

    /// Lets every user make files here.
    pub fn open_to_all(&self) {
        fs::set_permissions(self.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    }

    /// Makes `dir` the default switch of this world's user, as a link in `~/.vde2`.
    pub fn set_default_switch(&self, dir: &Path) {
        fs::create_dir(self.path(".vde2")).unwrap();
        symlink(dir, self.path(".vde2/default.switch")).unwrap();
    }

    /// A directory of programs to be the whole search path: (name, what it links to).
    pub fn search_path(&self, programs: &[(&str, &Path)]) -> OsString {
        let bin = self.path("bin");
        fs::create_dir(&bin).unwrap();
        for (name, target) in programs {
            symlink(target, bin.join(name)).unwrap();
        }
        bin.into_os_string()
    }

    /// The sockets that the process left, in `dirs` and wherever else it may have put them.
    pub fn sockets_of(&self, pid: u32, dirs: &[&Path]) -> Vec<PathBuf> {
        let own = self.path("run");
        let places = dirs.iter().copied().chain(FALLBACKS.map(Path::new)).chain([own.as_path()]);
        let sockets = places.flat_map(sockets_in).filter(|path| names_process(path, pid));
        sockets.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The process has left neither a socket nor a room for one, in `dirs` or wherever else it may have
    /// put one.
    pub fn assert_nothing_left_of(&self, pid: u32, dirs: &[&Path]) {
        self.assert_no_socket_of(pid, dirs);
        let rooms: Vec<_> = rooms().into_iter().filter(|path| names_process(path, pid)).collect();
        assert_eq!(rooms, Vec::<PathBuf>::new());
    }

    /// The process has left no socket, in `dirs` or wherever else it may have put one.
    pub fn assert_no_socket_of(&self, pid: u32, dirs: &[&Path]) {
        assert_eq!(self.sockets_of(pid, dirs), Vec::<PathBuf>::new());
    }

    /// Nothing of this process is left: no socket anywhere, and `switch` has its control socket
    /// alone.
    pub fn assert_nothing_left(&self, pid: u32, switch: &RealSwitch) {
        self.assert_no_socket_of(pid, &[switch.dir()]);
        switch.wait_for_ports("every port is given back", <[_]>::is_empty);
        assert_eq!(sockets_in(switch.dir()), [switch.ctl()]);
    }
}

/// A switch in its own directory, with the usual options.
pub fn switch() -> RealSwitch {
    RealSwitch::start(Options::default())
}

/// `vde,sock=DIR`.
pub fn vde(switch: &RealSwitch) -> String {
    format!("vde,sock={}", switch.dir().display())
}

/// A vdeq that runs. Dropped, it is killed together with the QEMU that it started.
pub struct Running {
    pub child: Child,
}

/// Runs to the end, which has to come in time; the output is what a failed test shows.
pub fn finish(command: &mut Command) -> Outcome {
    start(command.stdin(Stdio::null())).finish()
}

/// Starts in a process group of its own, so that all of it can be killed; with its output in pipes.
pub fn start(command: &mut Command) -> Running {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Running { child: command.process_group(0).spawn().unwrap() }
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end, and kills whatever else of the group is still there.
    pub fn finish(mut self) -> Outcome {
        let pid = self.pid();
        let stdout = collect(self.child.stdout.take().unwrap());
        let stderr = collect(self.child.stderr.take().unwrap());
        let status = wait::until("the command to end", || self.child.try_wait().unwrap());
        drop(self);
        Outcome { pid, status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
    }

    /// Kills it, and returns what it said on standard error until then.
    pub fn autopsy(mut self) -> String {
        let stderr = collect(self.child.stderr.take().unwrap());
        drop(self);
        stderr.join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The shell's own `kill` takes a group in this spelling only.
        let order = format!("kill -s KILL -- -{} 2>/dev/null", self.pid());
        let _ = Command::new("sh").args(["-c", &order]).status();
        let _ = self.child.wait();
    }
}

/// Reads to the end, beside the caller.
fn collect(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Kills one process when dropped, if it is still there: a daemon has a group of its own making.
pub struct KillProcess(pub u32);

impl Drop for KillProcess {
    fn drop(&mut self) {
        let order = format!("kill -KILL {} 2>/dev/null", self.0);
        let _ = Command::new("sh").args(["-c", &order]).status();
    }
}

/// Sends a signal to one process.
pub fn signal(pid: u32, name: &str) {
    let order = format!("kill -{name} {pid}");
    assert!(Command::new("sh").args(["-c", &order]).status().unwrap().success(), "{order}");
}

/// Waits until a process that was sent `SIGSTOP` has stopped.
pub fn wait_stopped(pid: u32) {
    wait::until_true(&format!("process {pid} to stop"), || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    });
}

/// Waits until there is no such process, zombies aside.
pub fn wait_gone(pid: u32) {
    wait::until_true(&format!("process {pid} to be gone"), || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('Z'))
    });
}

/// The sockets in a directory, sorted.
pub fn sockets_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_socket = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_socket());
    let mut paths: Vec<_> = entries.filter(is_socket).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The directories in which vdeqs keep sockets that have to keep their names.
fn rooms() -> Vec<PathBuf> {
    let entries = FALLBACKS.iter().flat_map(fs::read_dir).flatten().flatten();
    let is_room = |entry: &fs::DirEntry| {
        entry.file_name().to_string_lossy().starts_with(".vdeq.")
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    entries.filter(is_room).map(|entry| entry.path()).collect()
}

/// Whether the number of the process is a part of the file's name.
fn names_process(path: &Path, pid: u32) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // By custom it has five digits at least.
    let number = [pid.to_string(), format!("{pid:05}")];
    name.split(|c: char| !c.is_ascii_digit()).any(|part| number.iter().any(|pid| part == pid))
}
