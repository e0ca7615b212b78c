//! CPU time of threads and processes, to the nanosecond, and where they may run.

use std::path::Path;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// The CPU time that the calling thread has had.
#[must_use]
pub fn of_this_thread() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("the thread's clock").into()
}

/// The CPU time that a process has had, user's and system's, of all its threads (`clock_getcpuclockid`,
/// the clock behind `getrusage`, without its rounding).
///
/// # Panics
/// If there is no such process.
#[must_use]
pub fn of_process(pid: u32) -> Duration {
    let clock = clock_getcpuclockid(process_id(pid)).expect("a process that runs");
    clock_gettime(clock).expect("the process's clock").into()
}

/// Processes of one name, of which CPU time is told as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name that the kernel has of them.
    pub name: String,
    /// Their numbers.
    pub pids: Vec<u32>,
}

impl Group {
    /// The CPU time of all of them.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.pids.iter().map(|&pid| of_process(pid)).sum()
    }
}

/// The processes below `roots`, these included, by name, in the order in which they are found.
#[must_use]
pub fn groups(roots: &[u32]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut waiting: Vec<u32> = roots.iter().rev().copied().collect();
    while let Some(pid) = waiting.pop() {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let name = name.trim_end();
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.pids.push(pid),
            None => groups.push(Group { name: name.to_owned(), pids: vec![pid] }),
        }
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        waiting.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    groups
}

/// How often a process has slept so far: unlike a clock, it cannot be too coarse to show a wake-up.
#[must_use]
pub fn sleeps(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|number| number.trim().parse().ok()).expect("a count")
}

/// Where the sender, the receiver and whatever is between them run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// Wherever the kernel puts them.
    Free,
    /// All on the first CPU: nobody is woken on another, so times are of work and not of waking up.
    OneCore,
}

impl Placement {
    /// As a table names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::OneCore => "one core",
        }
    }

    fn set(self) -> CpuSet {
        let mut set = CpuSet::new();
        let last = if self == Self::OneCore { 1 } else { CpuSet::count() };
        (0..last).for_each(|cpu| set.set(cpu).expect("a CPU"));
        set
    }

    /// Puts the calling thread there.
    pub fn take_thread(self) {
        sched_setaffinity(Pid::from_raw(0), &self.set()).expect("placing a thread");
    }

    /// Puts every thread of the processes there.
    pub fn take(self, groups: &[Group]) {
        for pid in groups.iter().flat_map(|group| &group.pids) {
            let tasks = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task"));
            for task in tasks.into_iter().flatten().flatten() {
                let task = task.file_name().to_str().and_then(|number| number.parse().ok());
                // A thread may end at any time; then it is nowhere.
                let _ = task.map(|task| sched_setaffinity(process_id(task), &self.set()));
            }
        }
    }
}

fn process_id(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a process id fits pid_t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_of_this_process_go_on() {
        let (thread, process) = (of_this_thread(), of_process(std::process::id()));
        let work: u64 = (0..1_000_000).map(std::hint::black_box).sum();
        assert!(work > 0 && of_this_thread() > thread);
        assert!(of_process(std::process::id()) > process);
    }

    #[test]
    fn processes_are_found_below_the_one_that_started_them() {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "cat; :"]).stdin(std::process::Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let names = vde_exec::testkit::wait::until("cat to run", || {
            let names: Vec<_> = groups(&[shell.id()]).into_iter().map(|group| group.name).collect();
            (names.len() == 2 && names[1] != names[0]).then_some(names)
        });
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert_eq!(names, ["sh", "cat"]);
    }
}
