//! What docs/compatibility.md says of the C vdeq is what the C vdeq does: the same command lines for
//! theirs and ours, with a fake QEMU and real switches.
//!
//! Every row of the page's tables of the command line has an entry here with the same beginning and
//! the same verdict, and at least one command line that shows it. A row without an entry is a
//! failure, and so is an entry without a row.

mod called;
mod lines;
mod net;
mod old_syntax;
mod run;
mod spelling;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::debian::is_root;
use run::{Place, THEIRS};

/// A row of the page.
struct Row {
    /// How its first cell begins.
    says: &'static str,
    /// How its second cell begins.
    verdict: &'static str,
    cases: &'static [Case],
}

/// One command line and what becomes of it.
struct Case {
    /// The first word is the name that vdeq is called by. `''` is an empty word, `BYTES` one that is
    /// no text, `LONG` a path of 600 bytes to the working directory. There, `A` and `B` are the
    /// directories of switches; `D` is the default switch.
    words: &'static str,
    /// What the QEMU says that it is.
    banner: &'static str,
    theirs: End,
    ours: End,
}

/// What becomes of a command line.
enum End {
    /// A QEMU runs: its name and arguments, and the ports that are taken meanwhile. Descriptors are
    /// written `#`, and `root: A1` is no port unless we are root.
    Runs { line: &'static str, ports: &'static str, stderr: &'static str },
    /// None is started. The texts are parts of what is said; nothing is, where they are empty.
    Ends { status: i32, stdout: &'static str, stderr: &'static str },
    /// It ends with status 0 while this QEMU runs, and is a daemon.
    Leaves { line: &'static str, ports: &'static str },
    /// It dies by a signal.
    Dies { signal: i32 },
}

/// What a QEMU says that has vlans, takes them, and is known to both.
const WITH_VLANS: &str = "QEMU PC emulator version 0.9.1, Copyright (c) nobody\n";
/// A QEMU of the time before `-net`.
const OLDEST: &str = "QEMU PC emulator version 0.7.2, Copyright (c) nobody\n";
/// A QEMU of today.
const MODERN: &str = "QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopyright (c) nobody\n";
/// A QEMU with vlans that complains before it says so.
const LOUD: &str = concat!(
    "warning: this is a sentence that is as long as others, and there are six of them\n",
    "warning: this is a sentence that is as long as others, and there are six of them\n",
    "warning: this is a sentence that is as long as others, and there are six of them\n",
    "warning: this is a sentence that is as long as others, and there are six of them\n",
    "QEMU PC emulator version 0.9.1, Copyright (c) nobody\n",
);

const fn row(says: &'static str, verdict: &'static str, cases: &'static [Case]) -> Row {
    Row { says, verdict, cases }
}

const fn case(words: &'static str, theirs: End, ours: End) -> Case {
    Case { words, banner: WITH_VLANS, theirs, ours }
}

impl Case {
    const fn on(mut self, banner: &'static str) -> Self {
        self.banner = banner;
        self
    }
}

const fn vm(line: &'static str, ports: &'static str) -> End {
    End::Runs { line, ports, stderr: "" }
}

/// The same, and this is said on standard error.
const fn vm_and(line: &'static str, ports: &'static str, stderr: &'static str) -> End {
    End::Runs { line, ports, stderr }
}

const fn ends(status: i32, stdout: &'static str, stderr: &'static str) -> End {
    End::Ends { status, stdout, stderr }
}

const fn leaves(line: &'static str, ports: &'static str) -> End {
    End::Leaves { line, ports }
}

const fn dies(signal: i32) -> End {
    End::Dies { signal }
}

fn check(rows: &[Row]) {
    let place = Place::new();
    let cases = rows.iter().flat_map(|row| row.cases);
    let wrong: Vec<_> = cases.flat_map(|case| place.check(case)).collect();
    assert!(wrong.is_empty(), "{} of these are not so:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn how_it_is_called() {
    check(called::ROWS);
}

#[test]
fn mod_and_sock() {
    check(old_syntax::ROWS);
}

#[test]
fn net_vde() {
    check(net::ROWS);
}

#[test]
fn spellings_of_net_vde() {
    check(spelling::ROWS);
}

#[test]
fn lines_without_vde_and_commas() {
    check(lines::ROWS);
}

/// The rows of the page that tell what the C vdeq made of a command line: first and second cell.
fn rows_of_the_page(page: &str) -> Vec<(&str, &str)> {
    let page = page.split("\n## ").filter(|part| {
        ["How it is called", "`--mod` and", "`-net vde`", "Commas and", "Lines without"]
            .iter()
            .any(|title| part.starts_with(title))
    });
    let mut rows = Vec::new();
    for part in page {
        let table = part.split_once("| behaviour of the C vdeq |").expect("a table").1;
        let lines = table.lines().skip(2).take_while(|line| line.starts_with("| "));
        rows.extend(lines.map(|line| {
            let mut cells = line.trim_matches(['|', ' ']).split(" | ");
            (cells.next().unwrap(), cells.next().expect(line))
        }));
    }
    // What is new has nothing that it could be compared with.
    rows.retain(|(says, _)| *says != "-");
    rows
}

#[test]
fn every_row_of_the_page_is_measured_and_has_our_verdict() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
    let page = fs::read_to_string(path).unwrap();
    let page = rows_of_the_page(&page);
    let measured = [called::ROWS, old_syntax::ROWS, net::ROWS, spelling::ROWS, lines::ROWS];
    let measured: Vec<&Row> = measured.into_iter().flatten().collect();
    for row in &measured {
        assert!(!row.cases.is_empty(), "no command line shows: {}", row.says);
        let found = page.iter().filter(|(says, _)| says.starts_with(row.says));
        let found: Vec<_> = found.collect();
        let [(_, verdict)] = found[..] else { panic!("not one row {:?}: {found:?}", row.says) };
        assert!(verdict.starts_with(row.verdict), "{}: {verdict}, not {}", row.says, row.verdict);
    }
    for (says, _) in &page {
        assert!(measured.iter().any(|row| says.starts_with(row.says)), "not measured: {says}");
    }
    assert!(page.len() > 70, "{}", page.len());
}

#[test]
fn the_c_vdeq_reads_a_mode_as_strtol_does_and_takes_nonsense_for_the_default() {
    let place = Place::new();
    for (mode, socket) in [
        ("600", 0o600),
        ("0600", 0o600),
        ("1777", 0o1777),
        ("zz", 0o700),
        ("8", 0o700),
        ("''", 0o700),
        ("6x", 0o006),
        ("0", 0),
        ("0x1ff", 0),
    ] {
        let line = format!("vdeq qemu -sock A --mod {mode}");
        let modes = place.running(THEIRS, &line, WITH_VLANS, || {
            let entries = fs::read_dir(place.a.dir()).unwrap().flatten();
            let mode = |entry: fs::DirEntry| entry.metadata().unwrap().permissions().mode();
            // The socket of the port, which the switch has made.
            let ports = entries.filter(|entry| entry.file_name() != "ctl");
            let ports = ports.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
            ports.map(|entry| mode(entry) & 0o7777).collect::<Vec<_>>()
        });
        // A mode that keeps its owner out gets no port from a switch that is not root's.
        let is_used = is_root() || socket & 0o200 != 0;
        assert_eq!(modes, if is_used { vec![socket] } else { vec![] }, "{mode}");
    }
}

#[test]
fn the_c_vdeq_asks_a_program_called_h_for_its_version_and_ours_asks_nobody() {
    let place = Place::new();
    place.install("-h");
    let asked = |whose| {
        place.finish(whose, "vdeq -h", WITH_VLANS);
        place.questions()
    };
    assert_eq!(asked(run::OURS), "");
    assert_eq!(asked(THEIRS), "-h\n");
}
