//! Asking a program for its version.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use vde_exec::testkit::{fake_qemu, wait};
use vde_exec::{Answer, Probe};

/// A script that leaves its process id in a file.
fn script(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let [draft, path] = ["draft", "script"].map(|name| home.path().join(name));
    fs::write(&draft, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
    // Copied by another process: a program that another test is just starting has a copy of what is
    // open here, and what is open for writing cannot be executed (ETXTBSY).
    assert!(Command::new("cp").arg("-p").args([&draft, &path]).status().unwrap().success());
    (home, path)
}

fn ask(program: &std::path::Path, timeout: Duration) -> Answer {
    Probe::start(program, OsStr::new("-version"), timeout).unwrap().finish(|_| false, None).unwrap()
}

#[test]
fn the_answer_is_what_was_printed() {
    let said = ask(fake_qemu::binary(), wait::PATIENCE);
    assert_eq!(said, Answer::Said(fake_qemu::DEFAULT_BANNER.into()));
}

#[test]
fn complaints_are_not_part_of_it() {
    let (_home, path) = script("echo noise >&2; echo \"$1\"; exit 3");
    assert_eq!(ask(&path, wait::PATIENCE), Answer::Said(b"-version\n".to_vec()));
}

#[test]
fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
    let (home, path) =
        script("cd \"$(dirname \"$0\")\"; sleep 1000 & echo $! > child; echo half; wait");
    let answer = ask(&path, Duration::from_millis(300));
    assert!(matches!(answer, Answer::TimedOut(_)), "{answer:?}");
    // Where the deadline came before the script got that far there is nothing to look for.
    if let Ok(child) = fs::read_to_string(home.path().join("child")) {
        let proc = format!("/proc/{}/cmdline", child.trim());
        wait::until_true("the sleeper to end", || {
            fs::read(&proc).is_ok_and(|c| c.is_empty()) || !fs::exists(&proc).unwrap()
        });
    }
}

#[test]
fn an_endless_answer_is_cut() {
    let (_home, path) = script("yes");
    let Answer::Said(said) = ask(&path, wait::PATIENCE) else { panic!("no answer") };
    assert!(said.len() < 128 * 1024);
}

#[test]
fn an_interruption_ends_the_wait() {
    let (_home, path) = script("sleep 1000");
    let (interrupt, other_end) = UnixStream::pair().unwrap();
    drop(other_end);
    let probe = Probe::start(&path, OsStr::new("-version"), Duration::from_secs(600)).unwrap();
    assert_eq!(probe.finish(|_| false, Some(interrupt.as_fd())).unwrap(), Answer::Interrupted);
}
