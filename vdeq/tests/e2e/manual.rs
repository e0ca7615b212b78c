//! The manual page and the completions, as the programs that read them take them: mandoc and man, bash,
//! zsh and fish.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use vde_args::{OWN_OPTIONS, PLUG_WORDS, RELAY_WORDS};

/// A file of this package.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a program that must succeed prints, and that it complains of nothing.
fn said(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(
        status.success() && stderr.is_empty(),
        "{command:?}: {}{}",
        text(&stdout),
        text(&stderr)
    );
    text(&stdout)
}

fn rendered() -> String {
    said(Command::new("mandoc").args(["-T", "utf8", "-O", "width=100"]).arg(file("man/vdeq.1")))
}

#[test]
fn mandoc_and_man_have_nothing_against_the_page() {
    let lint =
        said(Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(file("man/vdeq.1")));
    assert_eq!(lint, "");
    let mut man = Command::new("man");
    man.args(["--warnings", "-l"]).arg(file("man/vdeq.1")).env("LC_ALL", "C.UTF-8");
    let page = said(man.env("MANPAGER", "cat").env("MANWIDTH", "80"));
    assert!(page.contains("start a QEMU/KVM virtual machine on a VDE network"), "{page}");
}

#[test]
fn the_page_has_every_option_and_word_and_no_other() {
    // Overstriking is how it is bold.
    let mut page = String::new();
    for c in rendered().chars() {
        if c == '\u{8}' {
            page.pop();
        } else {
            page.push(c);
        }
    }
    let known: BTreeSet<_> =
        OWN_OPTIONS.iter().flat_map(|option| option.spellings).copied().collect();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words: BTreeSet<_> = page.split(|c| !is_part(c)).collect();
    for option in &known {
        assert!(words.contains(option), "{option} is not in the page");
    }
    // `--device` is vfkit's.
    let ours = words.iter().filter(|word| word.starts_with("--") && **word != "--device");
    for option in ours {
        assert!(known.contains(option), "there is no {option}");
    }
    for word in PLUG_WORDS.iter().chain(RELAY_WORDS) {
        let item = if word.value.is_empty() { "\n     stats" } else { word.name };
        assert!(page.contains(item), "{} is not in the page", word.name);
    }
}

#[test]
fn the_page_has_the_sections_of_the_old_one_and_those_of_today() {
    let page = fs::read_to_string(file("man/vdeq.1")).unwrap();
    let old = [
        "NAME",
        "SYNOPSIS",
        "OLD SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "NOTE",
        "NOTICE",
        "SEE ALSO",
    ];
    let today = ["ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "DIAGNOSTICS", "AUTHORS"];
    for section in old.into_iter().chain(today) {
        assert!(page.contains(&format!("\n.Sh {section}\n")), "{section}");
    }
}

/// A home with a switch in `~/.vde2/default.switch` and two QEMUs on the path.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let home = tempfile::Builder::new().prefix("complete").tempdir().unwrap();
        let switch = home.path().join(".vde2/default.switch");
        fs::create_dir_all(&switch).unwrap();
        UnixListener::bind(switch.join("ctl")).unwrap();
        for name in ["qemu-system-x86_64", "qemu-system-m68k", "vdeq", "vdekvm"] {
            fs::create_dir_all(home.path().join("bin")).unwrap();
            symlink("/bin/true", home.path().join("bin").join(name)).unwrap();
        }
        Self(home)
    }

    fn switch(&self) -> String {
        self.0.path().join(".vde2/default.switch").display().to_string()
    }

    /// A shell in which nothing is set but this home. Some answer within a time, or not at all.
    fn shell(&self, words: &[&str]) -> Command {
        let mut shell = Command::new("/usr/bin/timeout");
        shell.arg("60").args(words).env_clear().current_dir(self.0.path());
        shell.env("HOME", self.0.path()).env("TERM", "dumb").env("LC_ALL", "C.UTF-8");
        shell.env("PATH", format!("{}/bin:/usr/bin:/bin", self.0.path().display()));
        shell
    }

    /// What bash offers for the last of these words.
    fn bash(&self, words: &[&str]) -> Vec<String> {
        let script = r#"
            compopt() { :; }   # it works while a line is typed only
            source "$1"; shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _vdeq; printf '%s\n' "${COMPREPLY[@]}"
        "#;
        let source = file("completions/vdeq.bash").display().to_string();
        let mut shell = self.shell(&["bash", "-c", script, "-", &source]);
        said(shell.args(words)).split_whitespace().map(str::to_owned).collect()
    }

    /// What fish offers for the end of this line.
    fn fish(&self, line: &str) -> Vec<String> {
        let source = file("completions/vdeq.fish").display().to_string();
        let script = format!("source '{source}'; complete -C '{line}'");
        let offers = said(&mut self.shell(&["fish", "--no-config", "-c", &script]));
        offers.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    }

    /// What zsh makes of this line when the tabulator is pressed at its end.
    fn zsh(&self, line: &str) -> String {
        let dir = file("completions").display().to_string();
        let script = format!(
            r#"
            zmodload zsh/zpty
            zpty z zsh -f -i
            zpty -w z "fpath=('{dir}' \$fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste; PROMPT=; echo rea''dy"
            zpty -r -m z text '*ready*'
            zpty -w z '_say() {{ print -r -- "=""<$BUFFER>="; exit }}; zle -N _say; bindkey "^X" _say; echo se''t'
            zpty -r -m z text '*set*'
            zpty -n -w z '{line}'$'\t'
            zpty -n -w z $'\x18'
            # What is echoed of the definition has quotes between the two.
            zpty -r -m z text '*=<*>=*'
            print -r -- "${{${{text##*=<}}%%>=*}}"
            "#
        );
        said(&mut self.shell(&["zsh", "-f", "-c", &script])).trim_end_matches('\n').to_owned()
    }
}

#[test]
fn bash_completes_options_their_values_programs_and_switches() {
    let desk = Desk::new();
    assert_eq!(desk.bash(&["vdeq", "--ti"]), ["--timeout"]);
    assert_eq!(desk.bash(&["vdeq", "--reconnect", "o"]), ["on", "off"]);
    assert_eq!(desk.bash(&["vdeq", "--explain", "=", "j"]), ["json"]);
    assert_eq!(desk.bash(&["vdeq", "--wait", "qemu-system-m"]), ["qemu-system-m68k"]);
    assert!(desk.bash(&["vdeq", "--switch", "="]).contains(&desk.switch()));
    assert!(desk.bash(&["vdeq", "kvm", "-sock", ""]).contains(&desk.switch()));
    assert!(desk.bash(&["vdeq", "kvm", "-net", "vde,sock", "="]).contains(&desk.switch()));
    let behind_doctor = desk.bash(&["vdeq", "--doctor", ""]);
    assert!(behind_doctor.contains(&desk.switch()), "{behind_doctor:?}");
    assert!(!behind_doctor.iter().any(|offer| offer.starts_with("qemu-system-")));
    assert_eq!(desk.bash(&["vdeq", "--relay", "pcap"]), ["pcap="]);
    assert_eq!(desk.bash(&["vdeq", "kvm", "-nic", "v"]), ["vde", "vde,sock="]);
    assert_eq!(desk.bash(&["vdekvm", "-nic", "vde,po"]), ["vde,port="]);
    let drive = ["vdekvm", "-drive", "file", "=", "/etc/passw"];
    assert!(desk.bash(&drive).contains(&"/etc/passwd".to_owned()), "{:?}", desk.bash(&drive));
    for option in OWN_OPTIONS.iter().flat_map(|option| option.spellings) {
        assert!(desk.bash(&["vdeq", option]).contains(&(*option).to_owned()), "{option}");
    }
}

#[test]
fn no_name_of_a_directory_is_run_by_a_shell_that_completes() {
    let desk = Desk::new();
    let made = desk.0.path().join("made");
    // Anybody can make such a directory in /tmp.
    let evil = tempfile::Builder::new().prefix("$(touch made)").tempdir_in("/tmp").unwrap();
    UnixListener::bind(evil.path().join("ctl")).unwrap();
    for words in [&["vdeq", "--switch", "="][..], &["vdeq", "kvm", "-sock", "/tmp/"]] {
        let offers = desk.bash(words);
        assert!(!words.contains(&"=") || offers.contains(&desk.switch()), "{offers:?}");
    }
    desk.fish("vdeq --switch=/tmp/");
    desk.fish("vdeq kvm -net vde,sock=");
    desk.zsh("vdeq --switch=/tmp/\\$");
    assert!(!made.exists());
}

#[test]
fn fish_completes_options_their_values_programs_and_switches() {
    let desk = Desk::new();
    assert_eq!(desk.fish("vdeq --ti"), ["--timeout"]);
    assert_eq!(desk.fish("vdeq --reconnect o"), ["off", "on"]);
    assert_eq!(desk.fish("vdeq --explain=j"), ["--explain=json"]);
    assert_eq!(desk.fish("vdeq --wait qemu-system-m"), ["qemu-system-m68k"]);
    assert!(desk.fish("vdeq --switch=").contains(&format!("--switch={}", desk.switch())));
    assert!(desk.fish("vdeq kvm -net vde,sock=").contains(&format!("vde,sock={}", desk.switch())));
    let behind_doctor = desk.fish("vdeq --doctor ");
    assert!(behind_doctor.contains(&desk.switch()), "{behind_doctor:?}");
    assert!(!behind_doctor.iter().any(|offer| offer.starts_with("qemu-system-")));
    assert_eq!(desk.fish("vdekvm -nic vde,po"), ["vde,port="]);
    assert_eq!(desk.fish("vdeq --relay pcap=x,lo"), ["pcap=x,loss="]);
    for option in OWN_OPTIONS.iter().flat_map(|option| option.spellings) {
        let offers = desk.fish(&format!("vdeq {option}"));
        let offers: Vec<_> = offers.iter().map(|offer| offer.trim_end_matches('=')).collect();
        assert!(*option == "--" || offers.contains(option), "{option}: {offers:?}");
    }
}

#[test]
fn zsh_completes_options_their_values_programs_and_switches() {
    let desk = Desk::new();
    assert_eq!(desk.zsh("vdeq --ti").trim_end_matches(['=', ' ']), "vdeq --timeout");
    assert_eq!(desk.zsh("vdeq --explain=j").trim_end(), "vdeq --explain=json");
    assert_eq!(desk.zsh("vdeq --wait qemu-system-m").trim_end(), "vdeq --wait qemu-system-m68k");
    assert_eq!(desk.zsh("vdeq kvm -nic vde,po"), "vdeq kvm -nic vde,port=");
    assert_eq!(desk.zsh("vdekvm -nic vde,po"), "vdekvm -nic vde,port=");
    assert_eq!(desk.zsh("vdeq --relay pcap=x,lo"), "vdeq --relay pcap=x,loss=");
    let line = desk.zsh("vdeq --doctor ~/.vde2/de");
    assert!(line.contains(".vde2/default.switch"), "{line}");
    let line = desk.zsh("vdeq --switch=~/.vde2/de");
    assert!(line.contains(".vde2/default.switch"), "{line}");
}
