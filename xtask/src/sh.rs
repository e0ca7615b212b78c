//! Running programs in the open: each is printed before it starts, as a shell would take it.

use std::ffi::OsStr;
use std::fmt::Write as _;
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
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program")).unwrap_err();
        assert!(format!("{error:#}").contains("no-such-program"));
        assert!(exists("sh") && !exists("no-such-program"));
    }
}
