//! Debian packages of any suite, fetched and unpacked without being installed.
//!
//! apt gets a root of its own under the rig (sources, lists, cache, an empty list of installed
//! packages), so neither this machine's apt configuration nor its packages are touched and no
//! privilege is needed. Release files are verified with the archive keyring, packages by the hashes
//! in them; interrupted downloads resume.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::sh;

/// What Debian signs its suites with (package `debian-archive-keyring`).
pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where suites are, first choice first: an old suite moves from the first to the second one day.
const MIRRORS: &[&str] = &["http://deb.debian.org/debian", "http://archive.debian.org/debian"];

/// A suite of the Debian archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    /// A suite that changes says until when its index is fresh. A mirror (or a clock) may be weeks
    /// off, and a test needs *a* sid, not today's; the signature is verified all the same.
    pub(crate) moving: bool,
}

pub(crate) const BULLSEYE: Suite = Suite { name: "bullseye", moving: false };
pub(crate) const BOOKWORM: Suite = Suite { name: "bookworm", moving: false };
pub(crate) const TRIXIE: Suite = Suite { name: "trixie", moving: false };
pub(crate) const SID: Suite = Suite { name: "sid", moving: true };

/// An apt of our own, with fresh lists of one suite.
#[derive(Debug)]
pub(crate) struct Apt {
    root: PathBuf,
}

impl Apt {
    /// Sets up the private root in the rig and reads the suite's package lists.
    pub(crate) fn open(rig: &Path, suite: Suite) -> Result<Self> {
        let arch = sh::read(Command::new("dpkg").arg("--print-architecture"))?;
        ensure!(arch == "amd64", "the rig runs amd64 programs of Debian; this machine is {arch}");
        ensure!(Path::new(KEYRING).exists(), "there is no {KEYRING}: run `cargo xtask setup`");
        let apt = Self { root: rig.join(format!("apt-{}", suite.name)) };
        for dir in
            ["state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"]
        {
            std::fs::create_dir_all(apt.root.join(dir))?;
        }
        std::fs::write(apt.root.join("status"), "")?;
        std::fs::write(apt.config(), config(&apt.root, &proxies()))?;
        let mut failures = Vec::new();
        for mirror in mirrors() {
            std::fs::write(apt.root.join("etc/sources.list"), source(&mirror, suite))?;
            match sh::run(apt.get().args(["-qq", "update"])) {
                Ok(()) => {
                    // What an interrupted run left is of use unless the suite has moved on since.
                    sh::run(apt.get().args(["-qq", "autoclean"]))?;
                    return Ok(apt);
                }
                Err(error) => failures.push(format!("{mirror}: {error:#}")),
            }
        }
        bail!("no mirror has a usable {}: {}", suite.name, failures.join("; "))
    }

    /// Downloads packages and everything they depend on, libc included.
    pub(crate) fn with_dependencies(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let mut get = self.get();
        get.args(["-qq", "--yes", "--no-install-recommends", "--download-only", "install"]);
        sh::run(get.args(packages))?;
        debs_in(&self.root.join("cache/archives"))
    }

    /// Downloads one package alone.
    pub(crate) fn alone(&self, package: &str) -> Result<PathBuf> {
        let place = self.root.join("alone").join(package);
        std::fs::create_dir_all(&place)?;
        sh::run(self.get().current_dir(&place).args(["-qq", "download", package]))?;
        let debs = debs_in(&place)?;
        debs.into_iter().next().with_context(|| format!("apt-get left no package {package}"))
    }

    /// What a meta package stands for: its dependency that begins with `prefix`.
    pub(crate) fn behind(&self, meta: &str, prefix: &str) -> Result<String> {
        let mut cache = Command::new("apt-cache");
        let listed = sh::read(cache.env("APT_CONFIG", self.config()).args(["depends", meta]))?;
        let name = listed.lines().find_map(|line| {
            let name = line.trim().strip_prefix("Depends: ")?;
            name.starts_with(prefix).then(|| name.to_owned())
        });
        name.with_context(|| format!("{meta} depends on no {prefix}*:\n{listed}"))
    }

    /// Throws the downloaded packages away; they are unpacked by now.
    pub(crate) fn tidy(&self) -> Result<()> {
        for deb in debs_in(&self.root.join("cache/archives"))? {
            std::fs::remove_file(deb)?;
        }
        let alone = self.root.join("alone");
        if alone.exists() {
            std::fs::remove_dir_all(alone)?;
        }
        Ok(())
    }

    fn config(&self) -> PathBuf {
        self.root.join("apt.conf")
    }

    fn get(&self) -> Command {
        let mut get = Command::new("apt-get");
        get.env("APT_CONFIG", self.config()).env("LC_ALL", "C.UTF-8");
        get
    }
}

/// Unpacks packages into a directory, as dpkg would under `/`, without running any of their
/// scripts.
pub(crate) fn unpack(debs: &[PathBuf], into: &Path) -> Result<()> {
    std::fs::create_dir_all(into)?;
    println!("$ for each of {} packages: dpkg -x PACKAGE {}", debs.len(), into.display());
    for deb in debs {
        sh::read(Command::new("dpkg").arg("-x").arg(deb).arg(into))?;
    }
    Ok(())
}

/// `$VDEQ_DEBIAN_MIRROR` alone, if it is set.
fn mirrors() -> Vec<String> {
    match std::env::var("VDEQ_DEBIAN_MIRROR") {
        Ok(mirror) => vec![mirror],
        Err(_) => MIRRORS.iter().map(|&mirror| mirror.to_owned()).collect(),
    }
}

fn source(mirror: &str, suite: Suite) -> String {
    let freshness = if suite.moving { " check-valid-until=no" } else { "" };
    format!("deb [signed-by={KEYRING}{freshness}] {mirror} {} main\n", suite.name)
}

fn config(root: &Path, proxies: &str) -> String {
    let root = root.display();
    format!(
        r#"Dir "{root}";
Dir::State "{root}/state";
Dir::State::status "{root}/status";
Dir::Cache "{root}/cache";
Dir::Etc "{root}/etc";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::trusted "{KEYRING}";
Dir::Etc::trustedparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Sandbox::User "root"; // our directories may be closed to _apt
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Retries "3";
{proxies}
"#
    )
}

/// The only thing taken over from this machine's apt: how it reaches the network.
fn proxies() -> String {
    let dump = sh::read(Command::new("apt-config").args(["dump", "--format", "%F \"%v\";%n"]));
    let wanted = |line: &&str| {
        line.starts_with("Acquire::http") && (line.contains("Proxy") || line.contains("Ca"))
    };
    dump.unwrap_or_default().lines().filter(wanted).collect::<Vec<_>>().join("\n")
}

fn debs_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut debs = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            debs.push(path);
        }
    }
    debs.sort();
    Ok(debs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_verified_and_only_a_moving_one_may_be_old() {
        for suite in [BULLSEYE, BOOKWORM, TRIXIE, SID] {
            let line = source("http://mirror.example/debian", suite);
            assert!(line.contains(&format!("signed-by={KEYRING}")), "{line}");
            assert_eq!(line.contains("check-valid-until=no"), suite.name == "sid", "{line}");
        }
    }

    #[test]
    fn apt_itself_reads_our_configuration_and_nothing_of_this_machines() {
        let home = tempfile::tempdir().unwrap();
        let conf = home.path().join("apt.conf");
        std::fs::write(&conf, config(home.path(), "Acquire::http::Proxy \"http://p.example:1\";"))
            .unwrap();
        let dump =
            sh::read(Command::new("apt-config").env("APT_CONFIG", &conf).arg("dump")).unwrap();
        for line in [
            format!("Dir::State::status \"{}/status\";", home.path().display()),
            "APT::Architectures:: \"amd64\";".to_owned(),
            "Acquire::http::Proxy \"http://p.example:1\";".to_owned(),
        ] {
            assert!(dump.contains(&line), "{line} is not in\n{dump}");
        }
        assert!(!dump.contains("/etc/apt/sources.list"), "{dump}");
    }
}
