//! Wrong uses, and what is said of each: the blocks at the end of docs/compatibility.md, word for word.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use tempfile::{Builder, NamedTempFile};
use vde_exec::testkit::fake_switch::{Faults, ReplyFault};
use vde_exec::testkit::wait;

use crate::collision::collide;
use crate::world::{Outcome, Running, Vdeq, World, kill};

/// Longest message, in lines, without the argument and the carets under it.
const LINES: usize = 3;

/// Every command of a part of the page, and what it has to print on standard error.
fn cases(heading: &str) -> Vec<(String, String)> {
    let page = include_str!("../../../docs/compatibility.md");
    let part = page.split_once(&format!("\n{heading}\n")).unwrap().1;
    let part = part.split("\n##").next().unwrap();
    let blocks = part.split("```console\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    blocks
        .flat_map(|block| block.split("$ ").skip(1).map(str::to_owned).collect::<Vec<_>>())
        .map(|case| {
            let (command, said) = case.split_once('\n').unwrap();
            (command.to_owned(), said.trim_end_matches('\n').to_owned() + "\n")
        })
        .collect()
}

/// A name for the world's home that is as long as `/home/me`, so that carets stand where they do on the page.
fn short_name(world: &World) -> NamedTempFile<()> {
    let home = world.home.path();
    Builder::new().prefix("").rand_bytes(3).make_in("/tmp", |path| symlink(home, path)).unwrap()
}

/// The page's home, and what is in it.
struct Home {
    world: World,
    /// A name for it that is as long as the page's.
    name: NamedTempFile<()>,
    /// The switch that `own` is.
    _serving: Running,
}

impl Home {
    /// A home in which everything is that the page has in its commands.
    fn new() -> Self {
        let world = World::new();
        let home = world.home.path();
        symlink(world.switch.dir(), home.join("lab")).unwrap();
        symlink(env!("CARGO_BIN_EXE_vdeq"), home.join("bin/vdeq")).unwrap();
        symlink("/usr/bin/env", home.join("bin/env")).unwrap();
        fs::create_dir(home.join("empty")).unwrap();
        fs::create_dir(home.join("full")).unwrap();
        fs::create_dir(home.join("a".repeat(100))).unwrap();
        fs::write(home.join("full/notes"), "").unwrap();
        fs::write(home.join("notes"), "my notes\n").unwrap();
        fs::write(home.join("bin/qemu-unready"), "").unwrap();
        world.write_names("[lab]\npath = \"/run/lab\"\nprot = 3\n");
        let _serving = world.vdeq(&["--switch=own", "--mgmt=console"]).start();
        wait::until_true("a switch", || world.home.path().join("own/ctl").exists());
        let name = short_name(&world);
        assert_eq!(name.path().as_os_str().len(), "/home/me".len());
        Self { world, name, _serving }
    }

    /// A command of the page, in this home.
    fn shell(&self, command: &str) -> Vdeq {
        self.world.shell(&format!("exec {command}"), &[]).env("HOME", self.name.path())
    }

    /// What was said, in the words of the page.
    fn as_on_the_page(&self, said: &str) -> String {
        let text = |path: &Path| path.display().to_string();
        // (What a switch's directory is called is the test kit's.)
        let said = said.replace(&text(self.world.switch.dir()), "/run/lab");
        let said = said.replace(&text(self.world.home.path()), "/home/me");
        said.replace(&text(self.name.path()), "/home/me")
    }

    /// Asserts that a command that has ended was refused, in these words and in few.
    fn assert_refused(&self, command: &str, expected: &str, outcome: &Outcome) {
        let said = self.as_on_the_page(&outcome.stderr);
        assert_eq!(said, expected, "{command}");
        assert!(!outcome.report.ready && !outcome.status.success(), "{command} starts a machine");
        let words = said.lines().filter(|line| !line.starts_with("    ")).count();
        assert!(words <= LINES, "{command}: {said}");
    }
}

#[test]
fn each_is_answered_by_the_few_lines_that_the_page_has() {
    let home = Home::new();
    let cases = cases("## Wrong uses");
    assert!(cases.len() >= 30, "{}", cases.len());
    for (command, expected) in cases {
        home.assert_refused(&command, &expected, &home.shell(&command).run());
    }
    home.world.assert_nothing_left();
}

/// The same where the switch is not as it should be, in the way that the comment behind the command says.
#[test]
fn each_trouble_of_a_switch_is_answered_by_the_few_lines_that_the_page_has() {
    let home = Home::new();
    let cases = cases("### Switches that are not as they should be");
    assert_eq!(cases.len(), 3);
    for (command, expected) in cases {
        let mut run = home.shell(&command);
        let faulty = |reply| home.world.switch.set_faults(Faults { reply, ..Faults::default() });
        match command.split_once("# ").unwrap().1 {
            "which ends when it is asked" => faulty(ReplyFault::HangUp),
            "which hangs" => faulty(ReplyFault::Silence),
            "which does not let this user in" => {
                faulty(ReplyFault::None);
                shut_out(&home.world, &mut run);
            }
            other => panic!("{other}"),
        }
        home.assert_refused(&command, &expected, &run.run());
    }
}

/// Has the command run as somebody who may not connect to the switch.
fn shut_out(world: &World, run: &mut Vdeq) {
    let ctl = world.switch.dir().join("ctl");
    fs::set_permissions(ctl, Permissions::from_mode(0o600)).unwrap();
    if !geteuid().is_root() {
        fs::set_permissions(world.switch.dir().join("ctl"), Permissions::from_mode(0o000)).unwrap();
        return;
    }
    fs::set_permissions(world.switch.dir(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(world.switch.dir().parent().unwrap(), Permissions::from_mode(0o755))
        .unwrap();
    fs::remove_file(world.home.path().join("bin/vdeq")).unwrap();
    let vdeq = world.publish();
    symlink(vdeq, world.home.path().join("bin/vdeq")).unwrap();
    run.command.uid(65_534).gid(65_534);
}

/// What is doubtful and started all the same is told, and nothing else is said.
#[test]
fn what_is_started_all_the_same_is_told_of_in_the_words_of_the_page() {
    let home = Home::new();
    let cases = cases("### Started all the same");
    assert!(cases.len() >= 5, "{}", cases.len());
    for (command, expected) in cases {
        let run = home.shell(&command).act("run").start();
        if command.contains("two machines with one address") {
            let dir = home.world.home.path().join("dup");
            wait::until_true("the switch", || dir.join("ctl").exists());
            collide(&dir);
        } else {
            run.wait_running();
        }
        let said = || home.as_on_the_page(&run.stderr());
        wait::until_true(&format!("{command} to say {expected}"), || said() == expected);
        kill(run.pid(), Signal::SIGTERM);
        let outcome = run.finish();
        assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
        assert_eq!(home.as_on_the_page(&outcome.stderr), expected, "{command}");
    }
    home.world.assert_nothing_left();
}
