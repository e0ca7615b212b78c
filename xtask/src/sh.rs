//! Running programs in the open: each is printed before it starts, as a shell would take it.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Runs a program to its end with our own output; it gets no input. Anything but success is an
/// error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let program = program(command);
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("start {program}"))?;
    if !status.success() {
        bail!("{program}: {status}");
    }
    Ok(())
}

/// Most lines of a test's output that its error repeats.
const REPEATED: usize = 60;

/// Runs tests like [`run`]. The error repeats which of them failed and what they said, since a long
/// run's output may be cut by the time somebody reads it.
pub(crate) fn test(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let program = program(command);
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = started.with_context(|| format!("start {program}"))?;
    let mut failures = Failures::default();
    if let Some(output) = child.stdout.take() {
        for_each_line(output, |line| {
            println!("{line}");
            failures.read(line);
        })?;
    }
    let status = child.wait().with_context(|| format!("wait for {program}"))?;
    if !status.success() {
        bail!("{program}: {status}\n{}", failures.lines.join("\n"));
    }
    Ok(())
}

/// Runs a program like [`run`], and has every line of its standard error read as well.
pub(crate) fn watch(command: &mut Command, mut read: impl FnMut(&str)) -> Result<()> {
    println!("$ {}", shown(command));
    let program = program(command);
    let started = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = started.with_context(|| format!("start {program}"))?;
    if let Some(output) = child.stderr.take() {
        for_each_line(output, |line| {
            eprintln!("{line}");
            read(line);
        })?;
    }
    let status = child.wait().with_context(|| format!("wait for {program}"))?;
    if !status.success() {
        bail!("{program}: {status}");
    }
    Ok(())
}

/// Reads lines as they come, of whatever bytes.
fn for_each_line(output: impl Read, mut each: impl FnMut(&str)) -> Result<()> {
    for line in BufReader::new(output).split(b'\n') {
        each(&String::from_utf8_lossy(&line.context("read a program's output")?));
    }
    Ok(())
}

/// What the output of Rust's test harness says of failures.
#[derive(Default)]
struct Failures {
    lines: Vec<String>,
    /// Whether the lines belong to what a failed test said.
    said: bool,
}

impl Failures {
    fn read(&mut self, line: &str) {
        if line.starts_with("---- ") {
            self.said = true;
        } else if line.is_empty() || line.starts_with("stack backtrace:") {
            // The first blank line comes right after the heading.
            self.said &= self.lines.last().is_some_and(|last| last.starts_with("---- "));
        }
        let failed = line.ends_with("... FAILED");
        if (failed || self.said && !line.is_empty()) && self.lines.len() < REPEATED {
            self.lines.push(line.to_owned());
        }
    }
}

/// Runs a program in silence and returns what it writes to its standard output, trimmed.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let program = program(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("start {program}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}\n{error}", shown(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a program of this name is in the search path.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps some of what we look for out of a plain user's search path.
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|dir| dir.join(program).is_file())
}

/// A command as one would type it: changed environment first, every word quoted where a shell needs
/// it.
pub(crate) fn shown(command: &Command) -> String {
    let mut line = String::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            let _ = write!(line, "{}={} ", quoted(name), quoted(value));
        }
    }
    line.push_str(&quoted(command.get_program()));
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&quoted(argument));
    }
    line
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=+@%^".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_a_shell_takes_it() {
        let mut command = Command::new("echo");
        command.args(["a=b,c", "two words", "", "it's", "$HOME"]).env("LC_ALL", "C");
        let line = shown(&command);
        assert_eq!(line, r"LC_ALL=C echo a=b,c 'two words' '' 'it'\''s' '$HOME'");
        let said = read(Command::new("sh").args(["-c", &line])).unwrap();
        assert_eq!(said, "a=b,c two words  it's $HOME");
    }

    #[test]
    fn a_failure_is_an_error_with_the_programs_own_words() {
        let error = read(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("exit status: 3") && text.contains("why"), "{text}");
    }

    #[test]
    fn failed_tests_are_repeated_with_what_they_said() {
        let output = "\
test quick ... ok\ntest slow ... FAILED\n\nfailures:\n\n---- slow stdout ----\n\n\
thread 'slow' (7) panicked at it.rs:3:5:\nwaited in vain\nstack backtrace:\n   0: deep\n\n\n\
failures:\n    slow\n\ntest result: FAILED. 1 passed; 1 failed\n";
        let script = "printf %s \"$1\"; exit 101";
        let error = test(Command::new("sh").args(["-c", script, "-", output])).unwrap_err();
        let expected = "sh: exit status: 101\ntest slow ... FAILED\n---- slow stdout ----\n\
                        thread 'slow' (7) panicked at it.rs:3:5:\nwaited in vain";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program")).unwrap_err();
        assert!(format!("{error:#}").contains("no-such-program"));
        assert!(exists("sh") && !exists("no-such-program"));
    }
}
