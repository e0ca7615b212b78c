//! The command itself, with `--dry-run`, prints the very rewrite that the tests beside this try.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use vde_args::Network;

use super::Qemu;
use crate::qmp::words;
use crate::rig;
use crate::world::{World, finish};

/// The first number that vdeq gives to a data socket.
const FIRST: i32 = 100;

#[test]
fn a_dry_run_prints_the_rewrite() {
    let world = World::new();
    for name in rig::QEMUS {
        let qemu = Qemu::of_rig(name);
        for number in 0..25 {
            let (_, line) = qemu.line(number, &[]);
            let argv = words(&line.argv);
            let Ok(vde_args::Command::Run(run)) = vde_args::parse(&argv) else { panic!() };
            let network = Network::read(&run).unwrap();
            let fds: Vec<i32> = (FIRST..).take(network.plugs().len()).collect();
            let rewritten = network.rewrite(qemu.version, &fds).unwrap();

            let mut command = world.vdeq();
            command.arg0(&argv[0]).args(&argv[1..line.start]);
            command.args(["--dry-run", "--qemu-version", &qemu.version.to_string()]);
            let outcome = finish(command.args(&argv[line.start..]).env("PATH", "/nowhere"));
            assert!(outcome.status.success(), "line {number}: {}", outcome.stderr);
            let mut expected = vec![OsString::from("qemu-system-x86_64")];
            expected.extend(rewritten.args);
            assert_eq!(read_by_shell(&outcome.stdout), expected, "line {number}");
        }
    }
}

/// The words that a shell sees in a line.
fn read_by_shell(line: &str) -> Vec<OsString> {
    let script = format!("printf '%s\\0' {line}");
    let said = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let text = String::from_utf8(said.stdout).unwrap();
    text.strip_suffix('\0').unwrap().split('\0').map(OsString::from).collect()
}
