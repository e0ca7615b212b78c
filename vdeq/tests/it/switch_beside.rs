//! `vdeq --switch` with a program: the switch lives as long as the virtual machine.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use vde_exec::testkit::wait;

use crate::console::Console;
use crate::world::{QEMU, Running, World, kill, state};

/// vdeq with a switch in `lab` and a console at `console`, and what else the words say.
fn running(world: &World, words: &[&str]) -> Running {
    let words = [&["--switch=lab", "--mgmt=console"], words].concat();
    let run = world.vdeq(&words).act("run").start();
    run.wait_running();
    run
}

fn path(world: &World, name: &str) -> PathBuf {
    world.home.path().join(name)
}

/// The console of the switch.
fn console(world: &World) -> Console {
    Console::at(&path(world, "console")).0
}

/// How many are plugged in.
fn clients(console: &mut Console) -> usize {
    console.ask("port/print").matches("vdeq: user=").count()
}

/// Ends the VM, and with it the switch.
fn end(world: &World, run: Running) -> String {
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    outcome.assert_ran(0);
    assert_nothing_left(world);
    outcome.stderr
}

#[track_caller]
fn assert_nothing_left(world: &World) {
    for name in ["lab", "console", ".vde2"] {
        assert!(!path(world, name).exists(), "{name} is left");
    }
}

#[test]
fn a_network_that_names_no_switch_or_this_one_is_on_it() {
    let world = World::new();
    let named = format!("sock={}", path(&world, "lab").display());
    for (nets, count) in [
        (&["-net", "vde"][..], 1),
        (&["-net", "vde,sock=lab"], 1),
        (&["-net", "vde,vlan=1", "-net", &format!("vde,vlan=2,{named}")], 2),
        (&["-sock", ","], 2),
        (&[], 1),
        (&["-net", "user"], 0),
    ] {
        let run = running(&world, &[&[QEMU], nets].concat());
        assert_eq!(clients(&mut console(&world)), count, "{nets:?}");
        end(&world, run);
    }
    assert_eq!(world.switch.requests(), 0);
}

#[test]
fn a_port_of_it_can_be_asked_for_and_another_switch_beside_it() {
    let world = World::new();
    let there = format!("vde,vlan=1,{}", world.sock());
    let run = running(&world, &[QEMU, "-net", "vde,port=7", "-net", &there]);
    assert!(console(&world).ask("port/print 7").contains("vdeq: user="));
    assert_eq!(world.switch.ports().len(), 1);
    end(&world, run);
    world.assert_nothing_left();
}

#[test]
fn it_is_the_default_switch_of_other_commands_too() {
    let world = World::new();
    let run = world.vdeq(&["--switch", "--mgmt=console", QEMU]).act("run").start();
    run.wait_running();
    let other = world.vdeq(&["--reconnect=off", QEMU, "-net", "vde"]).act("run").start();
    other.wait_running();
    let mut console = console(&world);
    assert_eq!(clients(&mut console), 2);
    kill(other.pid(), Signal::SIGTERM);
    other.finish().assert_ran(0);
    wait::until_true("the other to be unplugged", || clients(&mut console) == 1);
    end(&world, run);
}

#[test]
fn others_lose_it_when_its_machine_ends() {
    let world = World::new();
    let run = running(&world, &[QEMU]);
    let other = world.vdeq(&["--reconnect=off", QEMU, "-net", "vde,sock=lab"]).act("run").start();
    other.wait_running();
    end(&world, run);
    wait::until_true("the other to notice", || other.stderr().contains("network 0 is lost"));
    kill(other.pid(), Signal::SIGTERM);
    other.finish().assert_ran(0);
}

#[test]
fn the_status_of_the_machine_is_that_of_the_command() {
    let world = World::new();
    let nic = "vde,mac=52:54:00:00:00:01";
    let outcome = world.vdeq(&["--switch=lab", QEMU, "-nic", nic]).act("exit=6").run();
    outcome.assert_ran(6);
    assert_eq!(outcome.stderr, "");
    let outcome = world.vdeq(&["-v", "--switch=lab", QEMU, "-net", "vde"]).act("exit=6").run();
    assert!(outcome.stderr.contains("serving a switch at "), "{}", outcome.stderr);
    assert_nothing_left(&world);
}

#[test]
fn a_machine_that_inherits_has_nothing_of_the_switch() {
    let world = World::new();
    let run = running(&world, &[QEMU, "-net", "vde"]);
    let report = run.wait_running();
    let sockets = report.fds.iter().filter(|fd| fd.what.starts_with("socket:")).count();
    assert_eq!(sockets, 2, "the data socket, and the control stream: {report:?}");
    end(&world, run);
}

#[test]
fn when_it_is_shut_down_that_is_said_once_and_the_machine_runs_on() {
    let world = World::new();
    let mut run = running(&world, &[QEMU, "-net", "vde,sock=lab"]);
    console(&world).say("shutdown");
    let gone = "was shut down; the virtual machine runs on";
    wait::until_true("a word of it", || run.stderr().contains(gone));
    wait::until_true("the network to be lost", || run.stderr().contains("network 0 is lost"));
    assert!(run.is_running());
    assert_nothing_left(&world);
    // Another one may take its place.
    let other = world.vdeq(&["--switch=lab"]).start();
    wait::until_true("the machine to be back", || run.stderr().contains("network 0 is back"));
    let said = end_beside(run);
    assert_eq!(said.matches("the switch at").count(), 1, "{said}");
    kill(other.pid(), Signal::SIGTERM);
    assert_eq!(other.finish().status.code(), Some(0));
    assert_nothing_left(&world);
}

/// Ends a VM whose switch is not its vdeq's any more.
fn end_beside(run: Running) -> String {
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    outcome.assert_ran(0);
    outcome.stderr
}

#[test]
fn what_can_be_refused_is_refused_before_it_is_made() {
    let world = World::new();
    for (words, status) in [
        (&["nosuchprogram"][..], 127),
        (&[QEMU, "-net", "vde,sok=x"], 125),
        (&["--control", "no/such/dir", QEMU], 125),
        (&["--group", "no-such-group", QEMU], 125),
    ] {
        let outcome = world.vdeq(&[&["-v", "--switch=lab"], words].concat()).run();
        outcome.assert_failed(status, &[]);
        assert!(!outcome.stderr.contains("serving"), "{}", outcome.stderr);
        assert_nothing_left(&world);
    }
}

#[test]
fn it_goes_with_a_machine_that_cannot_be_plugged_in() {
    let world = World::new();
    for net in ["vde,sock=/nonexistent/switch", "vde,port=33"] {
        let outcome = world.vdeq(&["--switch=lab", QEMU, "-net", net]).run();
        outcome.assert_failed(125, &["^^"]);
        assert_nothing_left(&world);
    }
}

#[test]
fn a_signal_before_the_machine_runs_leaves_nothing() {
    let world = World::new();
    let words = ["-v", "--switch=lab", "--wait", QEMU, "-net", "vde,sock=/nonexistent/switch"];
    let run = world.vdeq(&words).start();
    wait::until_true("it to wait", || run.stderr().contains("waiting for a switch"));
    assert!(path(&world, "lab/ctl").exists());
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    assert_eq!(outcome.signal(), Some(Signal::SIGTERM as i32));
    assert_nothing_left(&world);
}

#[test]
fn any_program_has_it_too() {
    let world = World::new();
    world.install("linux.uml");
    for words in [&["--fd-placeholder", QEMU, "fd={vde:}"][..], &["linux.uml", "eth0=vde"]] {
        let run = running(&world, words);
        assert_eq!(clients(&mut console(&world)), 1, "{words:?}");
        end(&world, run);
    }
}

#[test]
fn a_daemonized_machine_has_it_as_long_as_it_runs() {
    let world = World::new();
    let words = ["--switch=lab", "--mgmt=console", QEMU, "-daemonize", "-net", "vde"];
    let run = world.vdeq(&words).act("daemonize run").start();
    let (report, front) = (run.wait_running(), run.pid());
    run.finish().assert_ran(0);
    let mut console = console(&world);
    assert_eq!(clients(&mut console), 1);
    assert!(!console.ask("showinfo").contains(&format!("pid {front}")));
    kill(report.pid, Signal::SIGTERM);
    wait::until_true("the switch to be gone", || !path(&world, "lab").exists());
    wait::until_true("the daemon to be gone", || {
        state(report.pid).is_none_or(|state| state == 'Z')
    });
    assert_nothing_left(&world);
}

#[test]
fn a_switch_that_cannot_be_is_an_error_of_the_command_also_with_daemonize() {
    let world = World::new();
    fs::write(path(&world, "file"), "").unwrap();
    let outcome = world.vdeq(&["--switch=file", QEMU, "-daemonize"]).act("daemonize run").run();
    outcome.assert_failed(125, &["is no directory", "--switch=file", "^^^^"]);
}

#[test]
fn what_would_be_served_beside_a_machine_is_said_and_not_done() {
    let world = World::new();
    let lab = path(&world, "lab").display().to_string();
    let words = ["--switch=lab", "--mod=0660", QEMU, "-nic", "vde,mac=52:54:00:00:00:01"];
    let outcome = world.vdeq(&[&["--dry-run"], &words[..]].concat()).run();
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome:?}");
    let served = format!("a switch is served at {lab} (32 ports, mode 0660)\n");
    assert_eq!(outcome.stderr, format!("vdeq: {served}"));
    let outcome = world.vdeq(&[&["--explain"], &words[..]].concat()).run();
    let plugged = format!("{served}\nfd 100 is plugged into {lab}, any port; no relay\n");
    assert!(outcome.stdout.contains(&plugged), "{}", outcome.stdout);
    let outcome = world.vdeq(&[&["--explain=json"], &words[..]].concat()).run();
    let json: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(json["switch"]["dir"], lab.as_str());
    assert_eq!(json["plugs"][0]["switch"], lab.as_str());
    assert_nothing_left(&world);
    let outcome = world.vdeq(&["--explain=json", QEMU]).run();
    let json: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(json["switch"], serde_json::Value::Null);
}

#[test]
fn a_link_to_the_directory_is_the_switch_too() {
    let world = World::new();
    fs::create_dir(path(&world, "real")).unwrap();
    std::os::unix::fs::symlink("real", path(&world, "lab")).unwrap();
    let run = running(&world, &[QEMU, "-net", "vde,sock=real"]);
    assert_eq!(clients(&mut console(&world)), 1);
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
    let left = |name: &Path| fs::read_dir(name).unwrap().count();
    assert_eq!(left(&path(&world, "real")), 0, "what was there before stays, and is empty");
}
