//! What the documents say is what happens: every `vdeq` line of the README and of the manual page is run.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use vde_args::{Command, Network, QemuVersion, parse};
use vde_exec::testkit::wait;

use crate::client::{self, Client};
use crate::world::{QEMU, World, kill};

const README: &str = include_str!("../../../README.md");
const MANUAL: &str = include_str!("../../man/vdeq.1");

/// The top of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The README's fenced blocks of one language.
fn blocks_in(language: &str) -> impl Iterator<Item = &'static str> {
    let blocks = README.split("```").skip(1).step_by(2);
    blocks.filter_map(move |block| block.strip_prefix(language)?.strip_prefix('\n'))
}

/// The lines in them.
fn lines_in(language: &str) -> Vec<&'static str> {
    blocks_in(language).flat_map(str::lines).filter(|line| !line.is_empty()).collect()
}

fn is_a_vdeq_command(line: &str) -> bool {
    ["vdeq ", "vdekvm ", "vdeqemu "].iter().any(|name| line.starts_with(name))
}

/// A world in which `$HOME/lab` is the switch, vdeq and its links are installed, and what it starts is fake.
fn world() -> World {
    let world = World::new();
    world.make_default();
    symlink(world.switch.dir(), world.home.path().join("lab")).unwrap();
    for name in ["qemu", "kvm", "vfkit", "linux.uml"] {
        world.install(name);
    }
    for name in ["vdeq", "vdekvm", "vdeqemu"] {
        let link = world.home.path().join("bin").join(name);
        symlink(env!("CARGO_BIN_EXE_vdeq"), link).unwrap();
    }
    world
}

#[test]
fn every_vdeq_command_of_the_readme_starts_a_machine_on_its_network() {
    let commands = lines_in("sh").into_iter().filter(|line| is_a_vdeq_command(line));
    // They start nothing.
    let starts = |line: &&str| !["vdeq --version", "vdeq --doctor"].contains(line);
    let commands: Vec<_> = commands.filter(starts).map(own).collect();
    let (switches, commands): (Vec<_>, Vec<_>) =
        commands.into_iter().partition(|line| serves(line));
    assert!(switches.len() == 1 && commands.len() >= 8, "{switches:?} {commands:?}");
    let world = world();
    assert_eq!(world.shell("vdeq --doctor", &[]).run().status.code(), Some(0));
    for switch in switches {
        let run = world.shell(&format!("exec {switch}"), &[]).start();
        wait::until_true("a switch", || world.home.path().join("own/ctl").exists());
        kill(run.pid(), Signal::SIGTERM);
        assert_eq!(run.finish().status.code(), Some(0));
    }
    commands.iter().for_each(|command| starts_a_machine(&world, command));
    world.assert_nothing_left();
}

/// The same, on a directory in which no other switch is.
fn own(line: &str) -> String {
    match line.contains("--switch") {
        true => line.replace("$HOME/lab", "$HOME/own"),
        false => line.to_owned(),
    }
}

fn starts_a_machine(world: &World, command: &str) {
    let outcome = world.shell(command, &[]).run();
    outcome.assert_ran(0);
    assert!(!outcome.report.sockets().is_empty(), "no network: {command}");
}

/// The other pages that have commands, as they would be in the world's home.
fn pages_about_running() -> String {
    let pages = ["docs/running.md", "docs/control.md"];
    let text: String = pages.map(|page| fs::read_to_string(root().join(page)).unwrap()).concat();
    text.replace("/run/lab2", "$HOME/lab").replace("/run/", "$HOME/").replace("/tmp/", "$HOME/")
}

#[test]
fn every_command_of_the_pages_about_running_starts_a_machine_on_its_network() {
    let text = pages_about_running();
    let blocks = text.split("\n```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let lines: Vec<_> = blocks.flat_map(str::lines).collect();
    let of_vdeq = |line: &&&str| line.starts_with("vdeq ") || line.contains(" vdekvm ");
    let commands: Vec<_> = lines.iter().filter(of_vdeq).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    let world = world();
    commands.iter().for_each(|command| starts_a_machine(&world, command));
    world.assert_nothing_left();
}

#[test]
fn every_order_on_the_pages_is_carried_out() {
    let recipes = fs::read_to_string(root().join("docs/recipes.md")).unwrap();
    let text = [README, &pages_about_running(), &recipes].concat().replace("/tmp/", "$HOME/");
    let orders =
        text.lines().filter_map(|line| line.strip_prefix("echo '")?.split("' | socat").next());
    let orders: Vec<_> = orders.collect();
    assert!(orders.len() >= 8, "{orders:?}");
    let world = World::new();
    let run = client::running(&world, &[]);
    let mut client = Client::of(&world);
    let home = world.home.path().to_str().unwrap();
    for order in orders {
        // As a shell makes it.
        let order = order.replace("'$HOME'", "$HOME").replace("$HOME", home);
        let answer = client.ask(&order);
        assert!(answer.get("ok").is_some(), "{order}: {answer}");
    }
    drop(run);
}

#[test]
fn every_example_of_the_manual_page_does_what_it_is_for() {
    let blocks = MANUAL.split("\n.Bd -literal -offset indent\n").skip(1);
    let blocks = blocks.map(|block| block.split("\n.Ed").next().unwrap().replace("\\e\n", ""));
    let commands: Vec<_> =
        blocks.flat_map(|block| block.lines().map(own).collect::<Vec<_>>()).collect();
    assert!(commands.len() > 8, "{commands:?}");
    let world = world();
    for command in &commands {
        assert!(is_a_vdeq_command(command), "{command}");
        if command.contains("--explain") {
            let outcome = world.shell(command, &[]).run();
            assert!(outcome.status.success() && outcome.stdout.contains("fd 100"), "{command}");
        } else {
            starts_a_machine(&world, command);
        }
    }
    world.assert_nothing_left();
}

/// Whether it is a switch without a program.
fn serves(command: &str) -> bool {
    let argv: Vec<OsString> = command.split(' ').map(Into::into).collect();
    matches!(parse(&argv), Ok(Command::Serve(_)))
}

#[test]
fn every_vdeq_of_a_service_is_understood() {
    let page = fs::read_to_string(root().join("docs/running.md")).unwrap().replace("\\\n", "");
    let unit = fs::read_to_string(root().join("vdeq/systemd/vdeq-switch@.service")).unwrap();
    // A variable that is empty is no word for systemd.
    let unit = unit.replace(" $VDEQ_SWITCH_OPTIONS", "");
    let lines = page.lines().chain(unit.lines());
    let commands = lines.filter_map(|line| line.strip_prefix("ExecStart="));
    let mut count = 0;
    for command in commands {
        let argv: Vec<OsString> = command.split_whitespace().map(Into::into).collect();
        let read = parse(&argv);
        assert!(matches!(read, Ok(Command::Run(_) | Command::Serve(_))), "{command}: {read:?}");
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn what_the_readme_shows_is_what_is_printed() {
    let mut errors = 0;
    for block in blocks_in("console") {
        let (command, expected) = block.split_once('\n').unwrap();
        let words: Vec<_> = command.split(' ').skip(2).collect();
        assert!(words.contains(&QEMU), "{command}");
        let world = world();
        let outcome = world.vdeq(&words).run();
        if outcome.status.success() {
            let here = world.home.path().join("bin").display().to_string();
            assert_eq!(outcome.stdout.replace(&here, "/usr/bin"), expected, "{command}");
        } else {
            outcome.assert_failed(125, &[]);
            assert_eq!(outcome.stderr, expected, "{command}");
            errors += 1;
        }
    }
    assert_eq!(errors, 1, "one of them is an error");
}

#[test]
fn every_chore_of_the_readme_is_one() {
    let chores = include_str!("../../../xtask/src/main.rs");
    for line in lines_in("sh").iter().filter(|line| line.starts_with("cargo xtask")) {
        let chore = line.split_whitespace().nth(2).unwrap();
        assert!(chores.contains(&format!("\"{chore}\"")), "{line}");
    }
}

/// The pages of the repository: all text that is not generated and not a corpus.
fn pages() -> Vec<PathBuf> {
    let of = |directory: &str| fs::read_dir(root().join(directory)).unwrap();
    let members = ["vde-proto", "vde-args", "vde-exec", "vdeq", "fuzz", "benches", "xtask"];
    let directories = [".", "docs"].into_iter().chain(members);
    let files = directories.flat_map(of).map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// How the heading of a page is called in a link.
fn anchor(heading: &str) -> String {
    let is_kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
    heading.to_lowercase().chars().filter(is_kept).collect::<String>().replace(' ', "-")
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading_that_are_there() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let prose: String = text.split('`').step_by(2).collect();
        let links = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        // The pages of crates also name items, which rustdoc checks.
        let is_item = |link: &str| link.chars().all(|c| c.is_alphanumeric() || "_:".contains(c));
        for link in links.filter(|link| !link.contains("://") && !is_item(link)) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let file = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(file.exists(), "{link} of {}", page.display());
            let there = fs::read_to_string(&file).unwrap_or_default();
            let mut headings = there.lines().filter(|line| line.starts_with('#'));
            let is_it = |line: &str| anchor(line.trim_start_matches('#').trim_start()) == heading;
            assert!(heading.is_empty() || headings.any(is_it), "{link} of {}", page.display());
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

/// The names of the crates of others that a manifest depends on directly.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_list = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_list = line.trim_matches(['[', ']']).ends_with("dependencies");
        } else if let (true, Some((name, _))) = (is_list, line.split_once(['.', ' '])) {
            names.push(name.to_owned());
        }
    }
    names.retain(|name| !name.starts_with("vde") && !name.starts_with('#'));
    names
}

#[test]
fn every_dependency_is_on_the_page_about_them_and_no_other() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let mut used: Vec<_> =
        ["vde-proto", "vde-args", "vde-exec", "vdeq", "fuzz", "benches", "xtask"]
            .iter()
            .flat_map(|member| dependencies(&read(&format!("{member}/Cargo.toml"))))
            .collect();
    used.sort_unstable();
    used.dedup();
    let page = read("docs/dependencies.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut rows: Vec<_> = rows.map(str::to_owned).collect();
    rows.sort_unstable();
    assert_eq!(rows, used);
}

/// The text of every source file under `directory`.
fn sources(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// Sees that the tests exist in these crates which the last cell of each row names, between backticks and with commas
/// between them, and nothing else; how many rows there are.
fn name_tests<'a>(crates: &[&str], rows: impl Iterator<Item = &'a str>) -> usize {
    let mut code = String::new();
    for name in crates {
        sources(&root().join(name), &mut code);
    }
    rows.map(|row| {
        let (_, tests) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        for test in tests.split(", ") {
            let name = test.trim_matches('`');
            assert!(code.contains(&format!("fn {name}(")), "{name} of `{row}`");
        }
    })
    .count()
}

#[test]
fn every_promise_about_security_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let promises = page.split_once("| promise | shown by |\n|---|---|\n").unwrap().1;
    let rows = promises.lines().take_while(|line| line.starts_with("| "));
    let promises = name_tests(&["fuzz", "vde-args", "vde-exec", "vde-proto", "vdeq"], rows);
    assert!(promises >= 12, "{promises}");
}

#[test]
fn every_claim_about_compatibility_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/compatibility.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let claims = name_tests(&["fuzz", "vde-args", "vde-exec", "vdeq"], rows);
    assert!(claims > 130, "{claims}");
}

/// What `--modernize` makes of a line, for this version of QEMU.
fn modernized(line: &str, version: QemuVersion) -> String {
    // A line that has no network would get one.
    let none = if line.contains("-net ") { "" } else { " -net none" };
    let argv: Vec<OsString> =
        format!("vdeq --modernize qemu {line}{none}").split(' ').map(Into::into).collect();
    let Ok(Command::Run(run)) = parse(&argv) else { panic!("{line}") };
    let args = Network::read(&run).unwrap().rewrite(version, &[]).unwrap().args;
    let args: Vec<_> = args.iter().map(|word| word.to_str().unwrap()).collect();
    format!(" {}", args.join(" ")).strip_suffix(none).unwrap().trim_start().to_owned()
}

#[test]
fn every_lost_option_of_the_page_becomes_what_the_page_says() {
    let page = fs::read_to_string(root().join("docs/compatibility.md")).unwrap();
    let table = page.split_once("| gone since QEMU |\n|---|---|---|\n").expect("the table").1;
    let mut rows = 0;
    for row in table.lines().take_while(|line| line.starts_with("| ")) {
        let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let [old, new, since] = cells[..] else { panic!("{row}") };
        let (old, new) = (old.trim_matches('`'), new.trim_matches('`'));
        let since: QemuVersion = since.parse().expect(row);
        let before = match since.minor {
            0 => QemuVersion::new(since.major - 1, 99, 0),
            minor => QemuVersion::new(since.major, minor - 1, 0),
        };
        assert_eq!(modernized(old, since), if new == "nothing" { "" } else { new }, "{row}");
        assert_eq!(modernized(old, before), old, "{row}");
        rows += 1;
    }
    assert!(rows > 30, "{rows}");
}
