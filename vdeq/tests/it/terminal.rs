//! A real terminal: keys, job control, and hanging up.
//!
//! script(1) (Debian's essential package bsdutils) makes the terminal; what is written to its
//! standard input is typed. vdeq is the leader of the session there, as in `xterm -e vdeq` or
//! `ssh -t host vdeq`: nobody could continue it if it stopped.

use std::io::Write;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use vde_exec::testkit::fake_qemu::Report;
use vde_exec::testkit::fake_switch::Options;
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::Personality;

use crate::world::{QEMU, Running, World, kill, state};

const CTRL_C: &[u8] = b"\x03";
const CTRL_Z: &[u8] = b"\x1a";

/// vdeq on a terminal of its own.
fn on_a_terminal(world: &World, words: &str, acts: &str) -> Running {
    on_a_terminal_called(world, "dumb", words, acts)
}

/// The same on one of this kind.
fn on_a_terminal_called(world: &World, term: &str, words: &str, acts: &str) -> Running {
    let command = format!("{words} {QEMU} -net vde,{}", world.sock());
    on_a_terminal_by(world, term, &format!("exec '{}' {command}", env!("CARGO_BIN_EXE_vdeq")), acts)
}

/// What a shell does on a terminal of its own.
fn on_a_terminal_by(world: &World, term: &str, line: &str, acts: &str) -> Running {
    let mut run = world.vdeq(&[]).act(acts).env("TERM", term);
    let mut command = Command::new("/usr/bin/script");
    command.args(["--quiet", "--return", "--command", line, "/dev/null"]).env_clear();
    for (name, value) in run.command.get_envs() {
        command.env(name, value.unwrap());
    }
    command.env("SHELL", "/bin/sh").current_dir(world.home.path()).stdin(Stdio::piped());
    run.command = command;
    run.start()
}

/// The process id of vdeq, the parent of the fake QEMU.
fn parent(report: &Report) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", report.pid)).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(1).unwrap().parse().unwrap()
}

fn type_key(run: &mut Running, key: &[u8]) {
    run.stdin().write_all(key).unwrap();
}

#[test]
fn ctrl_c_reaches_the_vm_once() {
    let world = World::new();
    let mut run = on_a_terminal(&world, "", "run");
    run.wait_running();
    type_key(&mut run, CTRL_C);
    let outcome = run.finish();
    assert_eq!(outcome.report.signals, ["SIGINT"]);
    assert_eq!(outcome.status.code(), Some(0));
    world.assert_nothing_left();
}

#[test]
fn hanging_up_ends_the_vm() {
    let world = World::new();
    let mut run = on_a_terminal(&world, "", "run");
    let report = run.wait_running();
    kill(run.pid(), Signal::SIGKILL);
    run.wait_for_end();
    let hung_up = |report: &Report| report.signals.contains(&"SIGHUP".to_owned());
    let _ = Report::wait_for(&run.report, "the VM to be hung up on", hung_up);
    wait::until_true("the VM to end", || !matches!(state(report.pid), Some('S' | 'R')));
    world.assert_nothing_left();
}

#[test]
fn ctrl_z_does_not_stop_what_nobody_could_continue() {
    let world = World::new();
    let mut run = on_a_terminal(&world, "", "sleep");
    let report = Report::wait_ready(&run.report);
    let vdeq = parent(&report);
    type_key(&mut run, CTRL_Z);
    type_key(&mut run, CTRL_C);
    wait::until_true("vdeq to end with the VM", || {
        assert_ne!(state(vdeq), Some('T'), "vdeq stopped");
        !run.is_running()
    });
    world.assert_nothing_left();
}

#[test]
fn ctrl_c_while_plugging_in_leaves_no_vm_and_no_file() {
    let world = World::new();
    world.switch.freeze();
    let mut run = on_a_terminal(&world, "--timeout 600", "run");
    wait::until_true("the handshake", || !world.switch.litter().is_empty());
    type_key(&mut run, CTRL_C);
    let outcome = run.finish();
    assert!(!outcome.report.ready);
    assert_eq!(world.switch.litter(), [""; 0]);
}

/// What a terminal is told to go to the beginning of a line and to erase it.
const ERASE: &str = "\r\x1b[K";

#[test]
fn what_takes_long_is_shown_moves_and_goes() {
    let mut world = World::new();
    world.switch.kill();
    let run = on_a_terminal_called(&world, "xterm", "--wait", "exit=3");
    let shown = || std::fs::read_to_string(run.stdout_path()).unwrap();
    let picture = |wheel: char| {
        format!("{ERASE}{wheel} waiting for the switch {}", world.switch.dir().display())
    };
    for wheel in ['|', '/', '-'] {
        let picture: String = picture(wheel).chars().take(60).collect();
        wait::until_true("a picture", || shown().contains(&picture));
    }
    world.switch.restart(Options::new(Personality::New));
    let outcome = run.finish();
    assert_eq!(outcome.status.code(), Some(3));
    let last = outcome.stdout.rsplit(ERASE).next().unwrap();
    assert!(!last.contains("waiting"), "it is erased in the end: {outcome:?}");
    world.assert_nothing_left();
}

#[test]
fn nothing_moves_where_somebody_types_or_where_it_would_not_fit() {
    let vdeq = env!("CARGO_BIN_EXE_vdeq");
    let waits = format!("'{vdeq}' --wait=1.5 {QEMU} -net vde,sock=./none");
    for line in [format!("set -m; {waits} & wait"), format!("/usr/bin/stty cols 20; {waits}")] {
        let world = World::new();
        let outcome = on_a_terminal_by(&world, "xterm", &line, "run").finish();
        assert!(outcome.stdout.contains("waited for "), "{line}: {outcome:?}");
        assert!(!outcome.stdout.contains(ERASE), "{line}: {outcome:?}");
    }
}

#[test]
fn a_terminal_that_cannot_erase_is_shown_nothing_that_moves() {
    let mut world = World::new();
    world.switch.kill();
    let run = on_a_terminal(&world, "--wait=1.5", "run");
    let outcome = run.finish();
    assert!(outcome.stdout.contains("waited for "), "{outcome:?}");
    assert!(!outcome.stdout.contains(ERASE), "{outcome:?}");
}
