//! What this user has set, and whether the commands of vdeq are this vdeq.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use vde_exec::{Environment, Program};

use super::finding::{Finding, Level, Topic};
use crate::quote;
use crate::surroundings;

pub(super) fn look(environment: &Environment, findings: &mut Vec<Finding>) {
    for trouble in surroundings::trouble() {
        findings.push(Finding::wrong(Topic::Here, trouble.says()).so(trouble.advice()));
    }
    commands(environment, findings);
    runtime_dir(environment, findings);
}

/// What a file is, whatever it is called.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Whether a command of this name is vdeq, or a link to it by the old page.
fn is_ours_by_name(name: &OsStr, target: &Path) -> bool {
    let is_vdeq = |name: &OsStr| matches!(name.as_bytes(), b"vdeq" | b"vdeoq");
    let is_link = name.as_bytes().starts_with(b"vde") && target.file_name().is_some_and(is_vdeq);
    is_vdeq(name) || is_link
}

/// Commands on the search path that are called like ours: what a shell would take.
fn commands(environment: &Environment, findings: &mut Vec<Finding>) {
    let Some(ours) = identity("/proc/self/exe".as_ref()) else { return };
    let this = std::env::current_exe().unwrap_or_default();
    let path = environment.path.clone().unwrap_or_default();
    let mut seen: Vec<std::ffi::OsString> = Vec::new();
    for dir in std::env::split_paths(&path) {
        let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.retain(|name| name.as_bytes().starts_with(b"vde") && !seen.contains(name));
        names.sort();
        for name in names {
            let path = dir.join(&name);
            let Ok(target) = fs::canonicalize(&path) else { continue };
            if is_ours_by_name(&name, &target) {
                findings.push(command(
                    &path,
                    &target,
                    identity(&path) == Some(ours),
                    &this,
                    environment,
                ));
                seen.push(name);
            }
        }
    }
    if !seen.iter().any(|name| name == "vdeq") {
        let says = format!("vdeq is not on the search path: this is {}", this.display());
        let fix = format!("ln -s {} /usr/local/bin/vdeq", quote::shell(this.as_os_str()));
        findings.push(Finding::note(Topic::Here, says).by(fix));
    }
}

fn name_of(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_bytes()
}

fn command(
    path: &Path,
    target: &Path,
    is_this: bool,
    this: &Path,
    environment: &Environment,
) -> Finding {
    let shown = path.display();
    if !is_this {
        let target = match target == path {
            true => String::new(),
            false => format!(", a link to {},", target.display()),
        };
        let says = format!(
            "{shown}{target} is another program than this vdeq, {}; that of the package vde2 knows no QEMU \
             from 3.0 on",
            this.display()
        );
        let dir = quote::shell(this.parent().unwrap_or(Path::new("/")).as_os_str());
        let words = format!("PATH={dir}:$PATH, or call it by its path");
        // That is what happens to who just says `vdeq`.
        let level = if name_of(path) == b"vdeq" { Level::Wrong } else { Level::Note };
        return Finding::new(level, Topic::Here, says).so(words);
    }
    let name = name_of(path);
    let program = match name {
        b"vdeq" | b"vdeoq" => return Finding::ok(Topic::Here, format!("{shown} is this vdeq")),
        [b'v', b'd', b'e', b'o', program @ ..] | [b'v', b'd', b'e', program @ ..] => program,
        _ => name,
    };
    match Program::find(OsStr::from_bytes(program), environment) {
        Ok(found) => Finding::ok(Topic::Here, format!("{shown} starts {}", found.path.display())),
        Err(error) => {
            let says = format!("{shown} is a link to this vdeq, but {error}");
            let fix = format!("install that, or rm {}", quote::shell(path.as_os_str()));
            Finding::note(Topic::Here, says).so(fix)
        }
    }
}

/// The directory for sockets that only this user can reach.
fn runtime_dir(environment: &Environment, findings: &mut Vec<Finding>) {
    let Some(dir) = &environment.runtime_dir else { return };
    let fix = || "log in anew, or unset XDG_RUNTIME_DIR".to_owned();
    let meta = match fs::metadata(dir) {
        Ok(meta) if meta.is_dir() => meta,
        Ok(_) => {
            let says = format!("XDG_RUNTIME_DIR is no directory: {}", dir.display());
            return findings.push(Finding::wrong(Topic::Here, says).so(fix()));
        }
        Err(error) => {
            let says = format!("XDG_RUNTIME_DIR, {}: {error}", dir.display());
            return findings.push(Finding::wrong(Topic::Here, says).so(fix()));
        }
    };
    if meta.uid() != vde_exec::effective_user() {
        let owner = vde_exec::user_name(meta.uid());
        let says = format!("XDG_RUNTIME_DIR, {}, belongs to {owner}", dir.display());
        findings.push(Finding::wrong(Topic::Here, says).so(fix()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_vdeq_are_told_from_other_commands_of_vde() {
        let is = |name: &str, target: &str| is_ours_by_name(name.as_ref(), target.as_ref());
        assert!(is("vdeq", "/usr/bin/vdeq.vde2") && is("vdekvm", "/usr/bin/vdeq"));
        assert!(!is("vde_switch", "/usr/bin/vde_switch") && !is("vdecmd", "/usr/bin/vdecmd"));
    }
}
