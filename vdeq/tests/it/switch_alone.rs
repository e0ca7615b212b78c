//! `vdeq --switch` without a program: a switch in the foreground.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use vde_exec::testkit::wait::{self, PATIENCE};

use crate::console::Console;
use crate::world::{QEMU, Running, Vdeq, World, kill};

/// What is in a directory.
fn names_in(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

/// The directory of a switch that no test has named.
fn default_dir(world: &World) -> PathBuf {
    world.home.path().join(".vde2/default.switch")
}

/// Starts it, and waits until it says that it is there.
fn started(vdeq: Vdeq) -> Running {
    let run = vdeq.start();
    wait::until_true("the switch to be served", || run.stderr().contains("serving a switch at"));
    run
}

/// Ends it as it should be ended, and returns what it said.
fn ended(run: Running) -> String {
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    assert_eq!((outcome.status.code(), &*outcome.stdout), (Some(0), ""), "{outcome:?}");
    outcome.stderr
}

#[test]
fn it_serves_the_default_switch_until_a_signal_and_leaves_nothing() {
    let world = World::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let run = started(world.vdeq(&["--switch"]));
        assert_eq!(names_in(&default_dir(&world)), ["ctl"]);
        world.vdeq(&[QEMU]).run().assert_ran(0);
        kill(run.pid(), signal);
        let outcome = run.finish();
        assert_eq!(outcome.status.code(), Some(0), "{signal}: {outcome:?}");
        let dir = default_dir(&world);
        let said = format!("vdeq: serving a switch at {} (32 ports, mode 0600)\n", dir.display());
        assert_eq!((outcome.stdout, outcome.stderr), (String::new(), said));
        assert!(!world.home.path().join(".vde2").exists(), "{signal}");
    }
    assert_eq!(world.switch.requests(), 0, "it was another one");
}

#[test]
fn a_signal_that_is_no_way_to_end_it_kills_it_but_nothing_is_left() {
    let world = World::new();
    let run = started(world.vdeq(&["--switch=lab"]));
    kill(run.pid(), Signal::SIGUSR1);
    let outcome = run.finish();
    assert_eq!(outcome.signal(), Some(Signal::SIGUSR1 as i32), "{outcome:?}");
    assert!(!world.home.path().join("lab").exists());
}

#[test]
fn it_needs_neither_standard_input_nor_output_nor_a_home() {
    let world = World::new();
    let mut vdeq = world.shell("exec \"$@\" <&- >&-", &["--switch=lab"]);
    vdeq.command.env_remove("HOME");
    let run = started(vdeq);
    world.vdeq(&[QEMU, "-net", "vde,sock=lab"]).run().assert_ran(0);
    ended(run);
}

#[test]
fn without_a_home_it_is_in_the_runtime_directory_or_has_to_be_named() {
    let world = World::new();
    let homeless = || {
        let mut vdeq = world.vdeq(&["--switch"]);
        vdeq.command.env_remove("HOME");
        vdeq
    };
    let outcome = homeless().run();
    outcome.assert_failed(125, &["no place for a switch", "--switch=DIR", "^^^^^^^^"]);
    let run = started(homeless().env("XDG_RUNTIME_DIR", world.home.path()));
    assert!(world.home.path().join("vde.ctl/ctl").exists());
    ended(run);
    assert!(!world.home.path().join("vde.ctl").exists());
}

#[test]
fn a_default_switch_that_others_will_not_find_first_says_so() {
    let world = World::new();
    let first = world.home.path().join(".vdeplug/default");
    fs::create_dir_all(&first).unwrap();
    let said = ended(started(world.vdeq(&["--switch"])));
    assert!(said.contains(&format!("joins {}, which comes first", first.display())), "{said}");
    let said = ended(started(world.vdeq(&["--switch=lab"])));
    assert!(!said.contains("comes first"), "{said}");
}

#[test]
fn a_tilde_that_no_shell_has_replaced_is_no_directory() {
    let world = World::new();
    let outcome = world.vdeq(&["--switch=~/lab"]).run();
    outcome.assert_failed(125, &["a shell replaces ~", "--switch=$HOME/", "^^^^^"]);
    assert!(!world.home.path().join("~").exists());
}

#[test]
fn whoever_waits_is_told_when_it_is_there_and_when_it_goes() {
    let world = World::new();
    let fifo = world.home.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let manager = UnixDatagram::bind(world.home.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let next = || {
        let mut buffer = [0; 4096];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let words = ["--switch=lab", "--ready-fd", "3"];
    let vdeq = world.shell("exec \"$@\" 3>fifo", &words);
    let run = vdeq.env("NOTIFY_SOCKET", world.home.path().join("notify")).start();
    let mut said = String::new();
    File::open(&fifo).unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "ready\n");
    assert!(world.home.path().join("lab/ctl").exists());
    assert_eq!(next(), "READY=1");
    let dir = world.home.path().join("lab");
    assert_eq!(next(), format!("STATUS={} (32 ports, mode 0600)", dir.display()));
    ended(run);
    assert_eq!(next(), "STOPPING=1");
}

#[test]
fn nobody_is_told_of_one_that_cannot_be() {
    let world = World::new();
    let outcome = world.shell("exec \"$@\" 3>ready", &["--switch=bin", "--ready-fd=3"]).run();
    outcome.assert_failed(125, &["bin", "is not the directory of a switch", "^^^", "is empty"]);
    assert_eq!(fs::read_to_string(world.home.path().join("ready")).unwrap(), "");
    assert_eq!(names_in(&world.home.path().join("bin")), [QEMU]);
}

#[test]
fn where_a_switch_is_running_there_is_no_second_one() {
    let world = World::new();
    let run = started(world.vdeq(&["--switch=lab"]));
    for words in [&["--switch=lab"][..], &["--switch=lab", QEMU]] {
        let outcome = world.vdeq(words).run();
        outcome.assert_failed(125, &["a switch is running in", "--switch=lab", "without --switch"]);
        assert!(outcome.stderr.contains("             ^^^\n"), "{}", outcome.stderr);
    }
    world.vdeq(&[QEMU, "-net", "vde,sock=lab"]).run().assert_ran(0);
    ended(run);
    let theirs = world.switch.dir().display().to_string();
    let outcome = world.vdeq(&[&format!("--switch={theirs}")]).run();
    outcome.assert_failed(125, &["a switch is running in"]);
}

#[test]
fn what_a_killed_one_left_is_taken_over() {
    let world = World::new();
    let run = started(world.vdeq(&["--switch=lab"]));
    let vm = world.vdeq(&["--reconnect=off", QEMU, "-net", "vde,sock=lab"]).act("run").start();
    vm.wait_running();
    kill(run.pid(), Signal::SIGKILL);
    assert_eq!(run.finish().signal(), Some(9));
    let dir = world.home.path().join("lab");
    assert_eq!(names_in(&dir).len(), 2, "{:?}", names_in(&dir));
    let run = started(world.vdeq(&["--switch=lab"]));
    assert_eq!(names_in(&dir), ["ctl"]);
    ended(run);
    kill(vm.pid(), Signal::SIGTERM);
    vm.finish().assert_ran(0);
}

/// Clients that connect and say nothing.
fn silent_clients(ctl: &Path, count: usize) -> Vec<UnixStream> {
    let clients: Vec<_> = (0..count).map(|_| UnixStream::connect(ctl).unwrap()).collect();
    clients.iter().for_each(|client| client.set_nonblocking(true).unwrap());
    clients
}

/// Whether it was hung up on.
fn is_over(mut client: &UnixStream) -> bool {
    matches!(client.read(&mut [0]), Ok(0))
}

#[test]
fn who_comes_when_there_are_no_descriptors_is_hung_up_on_and_the_next_are_served() {
    let world = World::new();
    let run = started(world.shell("ulimit -n 40; exec \"$@\"", &["--switch=lab"]));
    let clients = silent_clients(&world.home.path().join("lab/ctl"), 60);
    wait::until_true("more than the limit to be told", || {
        clients.iter().filter(|client| is_over(client)).count() >= 60 - 40
    });
    drop(clients);
    world.vdeq(&[QEMU, "-net", "vde,sock=lab"]).run().assert_ran(0);
    ended(run);
}

#[test]
fn of_too_many_who_say_nothing_the_first_is_given_up_and_who_speaks_is_served() {
    let world = World::new();
    let run = started(world.vdeq(&["--switch=lab"]));
    let clients = silent_clients(&world.home.path().join("lab/ctl"), 300);
    wait::until_true("44 of 300 to be given up", || clients[..44].iter().all(is_over));
    world.vdeq(&[QEMU, "-net", "vde,sock=lab"]).run().assert_ran(0);
    ended(run);
}

#[test]
fn its_console_answers_and_shuts_it_down() {
    let world = World::new();
    for option in ["--mgmt", "-M"] {
        let mut run = world.vdeq(&["--switch=lab", "--ports=3", option, "console"]).start();
        let path = world.home.path().join("console");
        let (mut console, greeting) = Console::at(&path);
        assert!(greeting.contains("vdeq"), "{greeting}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let vm = world.vdeq(&[QEMU, "-net", "vde,sock=lab,port=2"]).act("run").start();
        vm.wait_running();
        let ports = console.ask("port/print");
        assert!(ports.contains("Port 0002") && ports.contains("vdeq: user="), "{ports}");
        let facts = console.ask("ds/showinfo");
        let dir = world.home.path().join("lab");
        assert!(facts.contains(&dir.display().to_string()), "{facts}");
        kill(vm.pid(), Signal::SIGTERM);
        vm.finish().assert_ran(0);
        console.say("shutdown");
        assert_eq!(run.wait_for_end().code(), Some(0));
        assert!(!dir.exists() && !path.exists());
    }
}

#[test]
fn its_sockets_are_for_whom_it_is_said() {
    let world = World::new();
    let group = fs::metadata(world.home.path()).unwrap().gid();
    let group_text = group.to_string();
    for (words, sockets, dir) in [
        (&["--switch=lab"][..], 0o600, 0o700),
        (&["--switch=lab", "--mode", "0666"], 0o666, 0o1777),
        (&["--switch=lab", "--group", &group_text], 0o660, 0o3770),
        (&["--switch=lab", "--group", &group_text, "--mod=0640"], 0o640, 0o2750),
    ] {
        let run = started(world.vdeq(words));
        for (path, mode) in [("lab/ctl", sockets), ("lab", dir)] {
            let meta = fs::metadata(world.home.path().join(path)).unwrap();
            assert_eq!(meta.permissions().mode() & 0o7777, mode, "{words:?} {path}");
            assert_eq!(meta.gid(), group);
        }
        ended(run);
    }
    let outcome = world.vdeq(&["--switch=lab", "--group", "no-such-group"]).run();
    outcome.assert_failed(125, &["there is no group \"no-such-group\"", "^^^^^^^^^^^^^", "getent"]);
    assert!(!world.home.path().join("lab").exists());
}

#[test]
fn a_console_that_cannot_be_is_pointed_at_and_leaves_no_switch() {
    let world = World::new();
    let outcome = world.vdeq(&["--switch=lab", "--mgmt", "no/such/dir"]).run();
    outcome.assert_failed(125, &["cannot make the socket", "--mgmt no/such/dir", "^^^^^^^^^^^"]);
    assert!(!world.home.path().join("lab").exists());
}

#[test]
fn a_path_that_is_too_long_is_an_error() {
    let world = World::new();
    let long = format!("--switch={}", "x".repeat(100));
    world.vdeq(&[&long]).run().assert_failed(125, &["bytes long", "^^^", "at most"]);
}

#[test]
fn a_directory_without_an_equals_sign_is_no_program_and_that_is_said() {
    let world = World::new();
    for (word, status) in [("/nonexistent/lab", 127), ("/etc", 126)] {
        let outcome = world.vdeq(&["--switch", word]).run();
        outcome.assert_failed(status, &["behind `=`", &format!("--switch={word}")]);
    }
    assert!(!default_dir(&world).exists());
}

#[test]
fn what_would_be_served_is_said_and_not_done() {
    let world = World::new();
    let words = ["--switch=lab", "--hub", "--ports=1", "--mode=0660", "--mgmt=console"];
    let (lab, console) = (world.home.path().join("lab"), world.home.path().join("console"));
    for option in ["--dry-run", "--explain"] {
        let outcome = world.vdeq(&[&[option], &words[..]].concat()).run();
        assert_eq!((outcome.status.code(), &*outcome.stderr), (Some(0), ""));
        let expected = format!(
            "a switch is served at {} (a hub with 1 port, mode 0660, console at {})\n",
            lab.display(),
            console.display()
        );
        assert_eq!(outcome.stdout, expected);
    }
    let outcome = world.vdeq(&[&["--explain=json"], &words[..]].concat()).run();
    let json: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let expected = serde_json::json!({
        "program": null,
        "switch": {
            "dir": lab, "ports": 1, "hub": true, "mode": "0660", "group": null, "management": console,
        },
    });
    assert_eq!(json, expected);
    assert!(!lab.exists() && !console.exists());
}

#[test]
fn options_without_their_counterpart_are_pointed_at() {
    let world = World::new();
    for (words, said) in [
        (&["--hub", QEMU][..], "expected --switch beside it"),
        (&["--switch", "--control", "x"], "about a virtual machine"),
        (&["--switch", "--ports", "0"], "not a number of ports"),
        (&["--swich"], "did you mean `--switch`"),
        (&["--exec", "--switch", QEMU], "to serve a switch"),
    ] {
        world.vdeq(words).run().assert_failed(125, &[said, "^", "see vdeq(1), OPTIONS"]);
    }
    assert!(!default_dir(&world).exists());
}
