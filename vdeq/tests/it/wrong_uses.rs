//! Wrong uses, and what is said of each: the blocks at the end of docs/compatibility.md, word for word.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::{Builder, NamedTempFile};
use vde_exec::testkit::wait;

use crate::world::World;

/// Longest message, in lines, without the argument and the carets under it.
const LINES: usize = 3;

/// Every command of that part of the page, and what it has to print on standard error.
fn cases() -> Vec<(String, String)> {
    let page = include_str!("../../../docs/compatibility.md");
    let part = page.split_once("\n## Wrong uses\n").unwrap().1;
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

/// A home in which everything is that the page has in its commands.
fn world() -> World {
    let world = World::new();
    let home = world.home.path();
    symlink(world.switch.dir(), home.join("lab")).unwrap();
    symlink(env!("CARGO_BIN_EXE_vdeq"), home.join("bin/vdeq")).unwrap();
    symlink("/usr/bin/env", home.join("bin/env")).unwrap();
    fs::create_dir(home.join("empty")).unwrap();
    fs::create_dir(home.join("full")).unwrap();
    fs::write(home.join("full/notes"), "").unwrap();
    fs::write(home.join("notes"), "my notes\n").unwrap();
    fs::write(home.join("bin/qemu-unready"), "").unwrap();
    fs::create_dir_all(home.join(".config/vdeq")).unwrap();
    let names = "[lab]\npath = \"/run/lab\"\nprot = 3\n";
    fs::write(home.join(".config/vdeq/switches.toml"), names).unwrap();
    world
}

#[test]
fn each_is_answered_by_the_few_lines_that_the_page_has() {
    let world = world();
    let serving = world.vdeq(&["--switch=own", "--mgmt=console"]).start();
    wait::until_true("a switch", || world.home.path().join("own/ctl").exists());
    let name = short_name(&world);
    let [home, long] = [name.path(), world.home.path()].map(|path| path.display().to_string());
    assert_eq!(home.len(), "/home/me".len());
    let lab = world.switch.dir().display().to_string();
    let cases = cases();
    assert!(cases.len() >= 20, "{}", cases.len());
    for (command, expected) in cases {
        let outcome = world.shell(&format!("exec {command}"), &[]).env("HOME", &home).run();
        // (What a switch's directory is called is the test kit's.)
        let said = outcome.stderr.replace(&lab, "/run/lab");
        let said = said.replace(&long, "/home/me").replace(&home, "/home/me");
        assert_eq!(said, expected, "{command}");
        assert!(!outcome.report.ready && !outcome.status.success(), "{command} starts a machine");
        let words = said.lines().filter(|line| !line.starts_with("    ")).count();
        assert!(words <= LINES, "{command}: {said}");
    }
    crate::world::kill(serving.pid(), nix::sys::signal::Signal::SIGTERM);
    serving.finish();
    world.assert_nothing_left();
}
