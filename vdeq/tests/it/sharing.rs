//! Who can join a switch: what docs/security.md shows is what is made.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::{getegid, geteuid};
use vde_exec::testkit::wait;

use crate::world::{World, kill};

/// Type and permissions as `ls -l` shows them.
fn mode_of(path: &Path) -> String {
    let meta = fs::metadata(path).unwrap();
    let kind = if meta.is_dir() {
        'd'
    } else if meta.file_type().is_socket() {
        's'
    } else {
        '-'
    };
    let mode = meta.permissions().mode();
    let bit = |at: u32, letter: char| if mode & (1 << at) == 0 { '-' } else { letter };
    let mut text = String::from(kind);
    for at in [6, 3, 0] {
        text.extend([bit(at + 2, 'r'), bit(at + 1, 'w'), bit(at, 'x')]);
    }
    if mode & 0o2000 != 0 {
        text.replace_range(6..7, "s");
    }
    if mode & 0o1000 != 0 {
        text.replace_range(9..10, if mode & 1 == 0 { "T" } else { "t" });
    }
    text
}

#[test]
fn each_way_to_share_a_switch_makes_the_files_that_the_page_shows() {
    let page = include_str!("../../../docs/security.md");
    let blocks: Vec<_> = page.split("```console\n$ ").skip(1).collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let (command, files) = block.split("\n```").next().unwrap().split_once('\n').unwrap();
        let world = World::new();
        // Nobody but root can give a file to a group that they are not in.
        let own_group = getegid().to_string();
        let group = if geteuid().is_root() { "daemon" } else { own_group.as_str() };
        let words = command.replace("$HOME", world.home.path().to_str().unwrap());
        let words = words.replace("daemon", group);
        let words: Vec<_> = words.split(' ').skip(1).collect();
        let run = world.vdeq(&words).start();
        wait::until_true("the switch to be served", || run.stderr().contains("serving a switch"));
        for line in files.lines() {
            let (mode, name) = line.split_once(' ').unwrap();
            assert_eq!(mode_of(&world.home.path().join(name)), mode, "{command}: {name}");
        }
        kill(run.pid(), Signal::SIGTERM);
        run.finish();
    }
}
