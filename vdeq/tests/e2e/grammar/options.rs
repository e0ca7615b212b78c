//! The names of options, which of them take an argument, and which words are none.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use vde_args::{CommandLine, OPTIONS, OptionSpec, QemuVersion};

use crate::qmp::words;
use crate::rig;

/// What QEMU prints.
struct Said {
    stdout: String,
    stderr: String,
}

fn run(qemu: &str, args: &[OsString]) -> Said {
    let mut command = Command::new(rig::qemu(qemu));
    let output = command.args(args).stdin(Stdio::null()).output().unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    Said { stdout, stderr }
}

/// Whether a row says that this version, major and minor, has the option. The newest QEMU may be newer
/// than the table.
fn is_seen(row: &OptionSpec, version: (u32, u32)) -> bool {
    row.seen.split(',').any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        // No number is that of a fork.
        let [Some(first), Some(last)] = [first, last].map(release) else { return false };
        first <= version && (version <= last || last == (11, 1))
    })
}

/// The major and the minor version in `8.2` or `0.9.1`.
fn release(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.split_once('.').unwrap_or((text, "0"));
    let minor = rest.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn version(qemu: &str) -> (u32, u32) {
    let said = run(qemu, &words(&["-version"])).stdout;
    let version = QemuVersion::parse_output(said.as_bytes()).unwrap();
    (version.major, version.minor)
}

/// QEMU looks every word up before it does anything. Each option is followed by its argument or, if
/// it takes none, by an option that does; each argument looks like an option that there is none of.
/// So the first row that is wrong makes QEMU complain of a word before the last.
#[test]
fn every_option_takes_an_argument_or_none_as_the_table_says() {
    for qemu in rig::QEMUS {
        let version = version(qemu);
        for dashes in ["-", "--"] {
            let mut line = Vec::new();
            for row in OPTIONS.iter().filter(|row| is_seen(row, version)) {
                line.push(format!("{dashes}{}", row.name));
                if !row.takes_arg {
                    line.push("-name".to_owned());
                }
                line.push(format!("-argument-of-{}", row.name));
            }
            line.push("-end".to_owned());
            let line = words(&line);
            let said = run(qemu, &line).stderr;
            assert!(said.trim_end().ends_with(": -end: invalid option"), "{qemu}: {said}");
            let read = CommandLine::parse(&line);
            let unknown: Vec<_> = read
                .options()
                .filter(|option| option.spec.is_none())
                .map(|option| option.name)
                .collect();
            assert_eq!(unknown, ["end"]);
        }
    }
}

#[test]
fn an_argument_that_is_missing_is_missed() {
    for qemu in rig::QEMUS {
        for row in OPTIONS.iter().filter(|row| ["net", "L", "readconfig"].contains(&row.name)) {
            assert!(row.takes_arg);
            let line = words(&["-M", "no-such-machine", &format!("-{}", row.name)]);
            let said = run(qemu, &line).stderr;
            assert!(said.contains("requires an argument"), "{qemu}: {said}");
        }
    }
}

#[test]
fn no_qemu_has_an_option_that_the_table_says_it_has_not() {
    for qemu in rig::QEMUS {
        let version = version(qemu);
        for row in OPTIONS.iter().filter(|row| !is_seen(row, version)) {
            // If it were one that takes an argument, the second of those words would be wrong.
            let line = words(&[&format!("-{}", row.name), "-x", "-x"]);
            let said = run(qemu, &line).stderr;
            let expected = format!(": -{}: invalid option", row.name);
            assert!(said.trim_end().ends_with(&expected), "{qemu}: {said}");
        }
    }
}

#[test]
fn the_table_has_every_option_that_qemu_tells_of() {
    for qemu in rig::QEMUS {
        let version = version(qemu);
        let help = run(qemu, &words(&["-help"])).stdout;
        let lines = help.lines().filter(|line| line.starts_with('-'));
        let words = lines.flat_map(|line| line.split(' ').next().unwrap().split('/'));
        let names: Vec<_> = words.map(|word| word.trim_start_matches('-')).collect();
        assert!(names.len() > 100, "{names:?}");
        for name in names {
            let row = OptionSpec::find(name.as_bytes());
            let row = row.unwrap_or_else(|| panic!("{qemu} has -{name}"));
            assert!(is_seen(row, version), "{qemu} has -{name}, which was seen in {}", row.seen);
        }
    }
}

#[test]
fn what_is_no_option_for_us_is_none_for_qemu() {
    let wrong = ["-nam", "-name=x", "---name", "-", "--", "-NAME", "-name ", "-net=user", "-netde"];
    for qemu in rig::QEMUS {
        for word in wrong {
            let line = words(&[word, "-x", "-x"]);
            let option = CommandLine::parse(&line).options().next().map(|option| option.spec);
            assert_eq!(option, Some(None), "{word}");
            let said = run(qemu, &line).stderr;
            assert!(
                said.trim_end().ends_with(&format!(": {word}: invalid option")),
                "{qemu}: {said}"
            );
        }
        // A word without a dash is a disk image.
        let said = run(qemu, &words(&["no-such-image", "-M", "none", "-display", "none"])).stderr;
        assert!(said.contains("no-such-image"), "{qemu}: {said}");
    }
}
