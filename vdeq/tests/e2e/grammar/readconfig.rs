//! Configuration files: QEMU makes of a file what it makes of a command line of our reading.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use serde_json::json;
use vde_args::readconfig::Config;

use super::{arguments, start};
use crate::chance::Chance;
use crate::rig;

/// What QEMU takes.
const GOOD: [&str; 37] = [
    "",
    "\n# [netdev\n\n#\n",
    "[netdev \"u\"]\n  type = \"user\"\n",
    "[netdev \"u\"]\ntype\t=\t\"user\"\n\n# c\nrestrict =\"on\"",
    "[netdev \"u\"]\r\ntype = \"user\"\r\n",
    "[ netdev \t\"u\" ] # c\ntype = \"user\" # c\n",
    "[netdev \"u\"x\ntype = \"user\"x\n",
    "[netdev \"u\"\ntype = \"user\" restrict = \"on\"\n",
    "[netdev \"u\"]\ntype = \"user",
    "[netdev \"u\"]\ntype = \"hubport\"\nrestrict = \"off\"\ntype = \"user\"\nrestrict = \"on\"\n",
    "[netdev \"u\"]\nhubid = \"010\"\ntype = \"hubport\"\n[netdev \"v\"]\ntype = \"user\"\n",
    "[net \"u\"]\ntype = \"user\"\n[nic \"v\"]\ntype = \"user\"\n",
    "[netdev \"u\"]\ntype = \"user\"\nhostname = \"a,b\"\nrestrict = \"on\"\n",
    "[name]\nguest = \"a,b=c\"\n",
    "[name]\nguest = \" x # ] \\\"y\"\n",
    "[name]\nguest = \"\u{e9}\t\"\n",
    "[name]\nguest = \"a\"\"b\"\n",
    "[name]\nguest = \"\"b\"\n",
    "[name]\nguest\n",
    "[name]\nguest =\n",
    "[name]\nguest = = \"x\"\n",
    "[name]\nguest == \"x\"\n",
    "[name]\nguest = x\n",
    "[name]\nguest = 'x'\n",
    "[name]\nguest \"x\"\n",
    "[name]\nguest = \"x\n",
    "[name]\nguest = \"x\0y\n",
    "[name]\nguest\x0b=\x0c\"x\"\n",
    "[name]\nguest = \"x\"\n[name]\nguest = \"y\"\n",
    "[name]\nguest = \"x\"\nguest = \"y\"\n",
    "[name]\nguest = \"x\"\n[name]\ndebug-threads = \"on\"\n",
    "[name]]\nguest = \"x\"\n",
    "[name]x\nguest = \"x\"\n",
    "[name",
    // The longest line, by one byte; it ends in the next one.
    "[name]\nguest = \"LONG\"\n",
    "[netdev \"uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuv\"]\ntype = \"user\"\n",
    "[name]\n#guest = \"x\"\n",
];

/// What it refuses as a parameter or as a section that it does not know, and our reading as well.
const BAD: [&str; 17] = [
    "[netdev \"u\"]\ntype=\"user\"\n",
    "[netdev \"u\"]\ntype = user\n",
    "[netdev \"u\"]\ntype = 'user'\n",
    "[netdev \"u\"]\ntype = \"user\n",
    "[netdev \"u\"]\ntype = \"user\"\n # c\n",
    "[netdev \"u\"]\ntype = \"user\"\n; c\n",
    "[netdev \"u\"]\ntype = \"user\"\nrestrict\n",
    "[netdev \"u\"]\ntype = \"user\"\nnorestrict = \"on\"\n",
    "[netdev \"u\"]\ndriver = \"user\"\n",
    "[netdev \"u\"]\n \"user\"\n",
    "[netdev \"u\n]\ntype = \"user\"\n",
    "[netdev \"1\"]\ntype = \"user\"\n",
    "[netdev]\ntype = \"user\"\n",
    "[netdev u]\ntype = \"user\"\n",
    "[netdev \"\"]\ntype = \"user\"\n",
    "[name ]\nguest = \"x\"\n",
    "[name]\nguest = \"LONGx\"\n",
];

/// What it refuses, as no file of this kind. We do not say so: it will.
const BROKEN: [&str; 8] = [
    "guest = \"x\"\n",
    " [name]\n",
    "[]\n",
    "\u{feff}[name]\n",
    "[name]\n \n",
    "[name]\n\r\n",
    "[name]\n\0\n",
    "[name]\nguest = \"LONG\" \n",
];

/// Fills in a value that makes its line as long as a line may be, but for its end.
fn content(text: &str) -> String {
    text.replace("LONG", &"x".repeat(1023 - "guest = \"\"".len()))
}

/// The names of networks and the name of the guest, which is all that is set here.
fn understood(qemu: &str, args: &[OsString]) -> Result<(String, String), String> {
    let mut qmp = start(qemu, args)?;
    let networks = qmp.monitor("info network");
    Ok((networks, qmp.execute("query-name", json!({})).unwrap().to_string()))
}

/// What QEMU makes of a file, and of a command line that says what we read in it.
fn both(qemu: &str, content: &str) -> [Result<(String, String), String>; 2] {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vm.cfg");
    std::fs::write(&file, content).unwrap();
    let config = Config::parse(content.as_bytes());
    let words = config.sections().iter().flat_map(|section| {
        let group = std::str::from_utf8(section.group()).unwrap();
        arguments(&format!("-{group}"), &[section.as_list()])
    });
    let words: Vec<_> = words.collect();
    let of_file = understood(qemu, &["-readconfig".into(), file.into()]);
    [of_file, understood(qemu, &words)]
}

#[test]
fn a_file_is_the_command_line_that_we_read_in_it() {
    for qemu in rig::QEMUS {
        for text in GOOD {
            let content = content(text);
            let [file, line] = both(qemu, &content);
            let file = file.unwrap_or_else(|said| panic!("{qemu}: {text:?}: {said}"));
            assert_eq!(Ok(file), line, "{qemu}: {text:?}");
        }
    }
}

#[test]
fn what_a_file_may_not_say_no_command_line_may() {
    for qemu in rig::QEMUS {
        for text in BAD {
            let [file, line] = both(qemu, &content(text));
            assert!(file.is_err() && line.is_err(), "{qemu}: {text:?}: {file:?} {line:?}");
        }
        for text in BROKEN {
            let [file, _] = both(qemu, &content(text));
            assert!(file.is_err(), "{qemu}: {text:?}");
        }
    }
}

#[test]
fn an_id_among_the_parameters_counts() {
    let content = "[netdev \"u\"]\ntype = \"user\"\nid = \"v\"\nid = \"w\"\n\
                   [netdev]\nid = \"x\"\ntype = \"user\"\n";
    for qemu in rig::QEMUS.into_iter().filter(|qemu| *qemu != "qemu-5.2") {
        let [file, line] = both(qemu, content);
        assert_eq!(file.unwrap(), line.unwrap(), "{qemu}");
    }
}

#[test]
fn the_oldest_qemu_aborts_at_an_id_among_the_parameters() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("vm.cfg"), "[netdev]\nid = \"x\"\ntype = \"user\"\n").unwrap();
    let mut command = Command::new(rig::qemu("qemu-5.2"));
    // If it leaves a core, it leaves it here.
    command.current_dir(dir.path()).args(["-M", "none", "-display", "none"]);
    command.args(["-readconfig", "vm.cfg"]).stdin(Stdio::null());
    let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(said.contains("Assertion"), "{said}");
}

/// A few parameters, with some white space that is due and some that is not.
fn invent(chance: &mut Chance) -> String {
    let mut content = "[name]\n".to_owned();
    for _ in 0..=chance.below(3) {
        for pieces in [
            &["", "", "", "[name]\n", "# c\n", "\n", " "][..],
            &["guest", "guest", "guest", "process"],
            &[" ", " ", "\t", "  ", " ", " ", "\n", ""],
            &["=", "=", "=", "= ", " = ", "==", ""],
            &[
                "\"x\"",
                "\"on\"",
                "\"y,z\"",
                "\"'#\"",
                "\"on",
                "\"\"",
                "\"no\"b\"",
                "off",
                " \"on\"",
            ],
            &["\n", "\n", "\r\n", " # c\n", "\" \n"],
        ] {
            content.push_str(chance.pick(pieces));
        }
    }
    content
}

#[test]
fn made_up_files_are_the_command_lines_that_we_read_in_them() {
    let chance = &mut Chance::new(5, 0);
    let made: Vec<_> = (0..24).map(|_| invent(chance)).collect();
    for qemu in rig::QEMUS {
        let mut good = 0;
        for content in &made {
            let [file, line] = both(qemu, content);
            if file.is_ok() {
                good += 1;
                assert_eq!(file, line, "{qemu}: {content:?}");
            }
        }
        assert!(good >= 8, "{good}");
    }
}
