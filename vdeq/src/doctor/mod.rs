//! `--doctor`: what is here, and what is wrong with it, each with the command that mends it.
//!
//! It looks, and changes nothing that stays: a QEMU is asked for its version, and a switch for a port,
//! which it has back at once.

mod console;
mod finding;
mod here;
mod host;
mod qemus;
mod switches;

use serde_json::json;
use vde_args::Checkup;
use vde_exec::{End, Environment, Held};

use crate::failure::Failure;
use finding::{Finding, Level, Topic};

/// Looks at everything, and tells.
pub(crate) fn examine(checkup: &Checkup) -> Result<End, Failure> {
    let environment = Environment::of_process();
    // What is plugged in is given back, whatever comes meanwhile.
    let signals = Held::take().and_then(Held::readable).map_err(Failure::Signals)?;
    let mut findings = Vec::new();
    qemus::look(&environment, &signals, &mut findings);
    switches::look(checkup, &environment, &signals, &mut findings)?;
    host::look(&mut findings);
    here::look(&environment, &mut findings);
    if let Some(signal) = signals.interruption() {
        return Err(Failure::Interrupted(signal));
    }
    let text = if checkup.json { as_json(&findings) } else { page(&findings) };
    crate::print(&text).map_err(Failure::Output)?;
    Ok(End::Exited(i32::from(wrong(&findings) > 0)))
}

fn wrong(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.level == Level::Wrong).count()
}

/// For people.
fn page(findings: &[Finding]) -> String {
    let mut text = concat!("vdeq ", env!("CARGO_PKG_VERSION"), "\n").to_owned();
    for topic in Topic::ALL {
        let mut of_it = findings.iter().filter(|finding| finding.topic == topic).peekable();
        if of_it.peek().is_some() {
            text += &format!("\n{}\n", topic.title());
        }
        of_it.for_each(|finding| text += &finding.lines());
    }
    let sum = match wrong(findings) {
        0 => "nothing is wrong".to_owned(),
        1 => "one thing is wrong".to_owned(),
        count => format!("{count} things are wrong"),
    };
    text + "\n" + &sum + "\n"
}

/// For programs.
fn as_json(findings: &[Finding]) -> String {
    let all: Vec<_> = findings.iter().map(Finding::json).collect();
    let report =
        json!({ "vdeq": env!("CARGO_PKG_VERSION"), "wrong": wrong(findings), "findings": all });
    format!("{report:#}\n")
}
