//! The benches, and the part of `docs/performance.md` that they write.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{guest, paths, sh};

/// The chapters of the report, in the order of the page; each is a file that a bench leaves.
const CHAPTERS: [&str; 6] = ["hop", "vms", "guests", "switches", "frames", "nics"];

/// Where the report stands in the page. What is between these lines is replaced.
const MARKS: [&str; 2] = ["<!-- cargo xtask bench: from here -->", "<!-- to here -->"];

/// The variable that names the directory for chapters, as `benches/src/report.rs` has it.
const DIRECTORY: &str = "VDEQ_BENCH_REPORT";

/// Runs them, or after `--bench` the one of that name; other arguments go to the benches (`--test` runs
/// each once, a word selects by name). What they report becomes a part of the page, if all of its
/// chapters are there.
pub(crate) fn run(arguments: Vec<OsString>) -> Result<()> {
    let report = paths::target()?.join("bench-report");
    let _ = fs::remove_dir_all(&report);
    fs::create_dir_all(&report)?;
    let mut bench = paths::cargo();
    bench.args(["bench", "--locked", "--package", "vde-benches"]);
    let (one, rest) = match arguments.split_at_checked(2) {
        Some((one, rest)) if one.first().is_some_and(|word| word == "--bench") => (one, rest),
        _ => (&[][..], &arguments[..]),
    };
    bench.args(one).arg("--").args(rest);
    let rig = paths::rig()?;
    guest::prepare(&rig)?;
    sh::run(bench.env(DIRECTORY, &report).env("VDEQ_RIG", rig))?;
    if CHAPTERS.iter().all(|name| report.join(name).with_extension("md").exists()) {
        publish(&report)?;
    }
    Ok(())
}

fn publish(report: &Path) -> Result<()> {
    let docs = paths::workspace().join("docs");
    let page = docs.join("performance.md");
    let text = fs::read_to_string(&page)?;
    let mut chapters = machine()?;
    for name in CHAPTERS {
        let file = report.join(name);
        let _ = writeln!(chapters, "\n{}", fs::read_to_string(file.with_extension("md"))?.trim());
        let plot = file.with_extension("svg");
        if plot.exists() {
            fs::copy(&plot, docs.join(format!("{name}.svg")))?;
            let _ = writeln!(chapters, "\n![the same as a plot]({name}.svg)");
        }
    }
    fs::write(&page, between_marks(&text, &chapters).context("docs/performance.md has no marks")?)?;
    println!("xtask: docs/performance.md has the figures");
    Ok(())
}

/// The page with `part` between the marks.
fn between_marks(page: &str, part: &str) -> Option<String> {
    let [from, to] = MARKS;
    let (before, rest) = page.split_once(from)?;
    let (_, after) = rest.split_once(to)?;
    Some(format!("{before}{from}\n\n{}\n\n{to}{after}", part.trim()))
}

/// What was measured on, and when.
fn machine() -> Result<String> {
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let said = |program: &str, args: &[&str]| -> Result<String> {
        Ok(first(sh::read(std::process::Command::new(program).args(args))?))
    };
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = cpus.lines().filter_map(|line| line.strip_prefix("model name"));
    let models: Vec<_> = models.map(|model| model.trim_start_matches([' ', '\t', ':'])).collect();
    Ok(format!(
        "Machine: {} CPUs ({}), Linux {}, {}, vde2 {}, {}. Date: {}. One run; every way once a round, in an \
         order that turns around each round; medians of 7 rounds with the least and the greatest, and ratios \
         that are medians of the ratios of each round.\n",
        models.len(),
        models.first().copied().unwrap_or("of no name"),
        said("uname", &["-r"])?,
        said("qemu-system-x86_64", &["--version"])?,
        said("dpkg-query", &["-W", "-f", "${Version}", "vde2"])?,
        said("rustc", &["--version"])?,
        said("date", &["+%Y-%m-%d"])?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced_and_nothing_else() {
        let [from, to] = MARKS;
        let page = format!("before\n{from}\nold\n{to}\nafter\n");
        let new = between_marks(&page, "\nnew\n").unwrap();
        assert_eq!(new, format!("before\n{from}\n\nnew\n\n{to}\nafter\n"));
        assert_eq!(between_marks(&new, "new"), Some(new.clone()));
        assert_eq!(between_marks("no marks", "new"), None);
    }
}
