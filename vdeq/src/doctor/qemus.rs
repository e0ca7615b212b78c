//! Which QEMUs are here, and what they can; and KVM.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use vde_args::{QemuVersion, Style};
use vde_exec::{Environment, Program, Signals};

use super::finding::{Finding, Topic};
use crate::detect::{Detected, Detection, Source};
use crate::plug_failure::join_group;

const KVM: &str = "/dev/kvm";

/// What there is to do where it is not.
const WITHOUT: &str =
    "modprobe kvm_intel (or kvm_amd), if this machine can; -accel tcg does without";

pub(super) fn look(environment: &Environment, signals: &Signals, findings: &mut Vec<Finding>) {
    let mut by_version: BTreeMap<(PathBuf, QemuVersion), Vec<String>> = BTreeMap::new();
    let programs = Program::all(environment);
    if programs.is_empty() {
        let says = "there is no QEMU on the search path";
        let words = "install one (Debian: apt install qemu-system-x86)";
        findings.push(Finding::wrong(Topic::Qemu, says).so(words));
    }
    for program in programs {
        let asked = Detection::begin(None, &program.path, environment);
        let dir = program.path.parent().unwrap_or(Path::new("/")).to_owned();
        let name = program.name.to_string_lossy().into_owned();
        match asked.finish(Style::Current, Some(signals.interrupt())) {
            Detected::Version(version, source) if source != Source::Assumed => {
                by_version.entry((dir, version)).or_default().push(name);
            }
            _ => {
                let says = format!("{} does not say which QEMU it is", program.path.display());
                let fix = "say it where it is started: vdeq --qemu-version X.Y ...";
                findings.push(Finding::note(Topic::Qemu, says).so(fix));
            }
        }
    }
    for ((dir, version), names) in by_version {
        let names = names.join(", ");
        let says = format!("QEMU {version} in {}: {names}; {}", dir.display(), abilities(version));
        findings.push(Finding::ok(Topic::Qemu, says));
    }
    findings.push(kvm());
}

/// What a QEMU of this version can do with us.
fn abilities(version: QemuVersion) -> String {
    let since = |major, minor, what: &'static str| {
        (version >= QemuVersion::new(major, minor, 0)).then_some(what)
    };
    let options = [since(0, 8, "-net"), since(0, 12, "-netdev"), since(2, 12, "-nic")];
    let options: Vec<_> = options.into_iter().flatten().collect();
    let options = match options.as_slice() {
        [] => "-sock, as vdeoq".to_owned(),
        all => format!("{} vde", all.join(", ")),
    };
    let link = since(4, 0, "; --link-state").unwrap_or("; no --link-state");
    options + link
}

/// Whether this user can use KVM.
fn kvm() -> Finding {
    let slow = "machines run without KVM: slowly";
    match File::options().read(true).write(true).open(KVM) {
        Ok(_) => Finding::ok(Topic::Qemu, format!("this user may use {KVM}")),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let says = format!("this user may not open {KVM}; {slow}");
            // Nobody is made a member of root's group for that.
            let opens = |meta: &fs::Metadata| meta.mode() & 0o060 == 0o060 && meta.gid() != 0;
            let group = fs::metadata(KVM).ok().filter(opens).map(|meta| join_group(meta.gid()));
            Finding::note(Topic::Qemu, says).so(group.unwrap_or_default())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Finding::note(Topic::Qemu, format!("there is no {KVM}; {slow}")).so(WITHOUT)
        }
        Err(error) => Finding::note(Topic::Qemu, format!("{KVM}: {error}; {slow}")).so(WITHOUT),
    }
}
