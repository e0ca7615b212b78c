//! Named switches: `sock=NAME`, and what the user's `switches.toml` says of it.

use std::fs;

use vde_exec::testkit::fake_switch::{FakeSwitch, Options};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::Personality;

use crate::client::{self, Client};
use crate::world::{QEMU, World};

const NIC: &str = "mac=52:54:00:00:00:01";

/// A world whose user has this file.
fn world(text: &str) -> World {
    let world = World::new();
    write(&world, text);
    world
}

/// `DIR` in the text is the directory of the fake switch.
fn write(world: &World, text: &str) {
    world.write_names(&text.replace("DIR", world.switch.dir().to_str().unwrap()));
}

fn net(rest: &str) -> String {
    format!("vde,sock={rest},{NIC}")
}

#[test]
fn a_switch_goes_by_its_name_with_the_port_that_goes_with_it() {
    let world = world("[lab]\npath = 'DIR'\nport = 7\n");
    for (sock, port) in [("lab", 7), ("lab,port=9", 9), ("lab[8]", 8), ("vde://lab", 7)] {
        let run = world.vdeq(&["-v", QEMU, "-nic", &net(sock)]).run();
        run.assert_ran(0);
        assert!(run.stderr.contains(&format!("network 0: port {port} of")), "{run:?}");
        assert!(run.stderr.contains("switches.toml says in line 1"), "{run:?}");
    }
    let old =
        world.vdeq(&["-v", QEMU, "-sock", "lab", "-net", "nic,macaddr=52:54:00:00:00:01"]).run();
    old.assert_ran(0);
    assert!(old.stderr.contains("network 0: port 7 of"), "{old:?}");
    world.assert_nothing_left();
}

#[test]
fn the_file_on_the_page_is_one() {
    let page = include_str!("../../../docs/running.md");
    let text = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let manual = include_str!("../../man/vdeq.1");
    let shown = manual.split("\n.Bd -literal\n").nth(1).unwrap().split("\n.Ed").next().unwrap();
    for text in [text, shown] {
        let text = text.replace("\"/run/lab\"", "\"DIR\"").replace("group = \"lab\"", "group = 0");
        let world = world(&text);
        let outcome = world.vdeq(&["--explain", QEMU, "-nic", &net("lab")]).run();
        assert!(outcome.stdout.contains("(lab), port 3"), "{outcome:?}");
    }
}

#[test]
fn a_path_stays_a_path_and_is_one_where_no_file_has_the_name() {
    let world = world("[lab]\npath = '/nowhere'\n");
    std::os::unix::fs::symlink(world.switch.dir(), world.home.path().join("lab")).unwrap();
    std::os::unix::fs::symlink(world.switch.dir(), world.home.path().join("other")).unwrap();
    for sock in ["./lab", "other"] {
        world.vdeq(&[QEMU, "-nic", &net(sock)]).run().assert_ran(0);
    }
    let outcome = world.vdeq(&[QEMU, "-nic", &net("lab")]).run();
    outcome.assert_failed(125, &["no switch at /nowhere", "lab is /nowhere, as", "in line 1"]);
}

#[test]
fn a_file_that_cannot_be_read_takes_no_path_away() {
    let world = World::new();
    fs::create_dir_all(world.home.path().join(".config/vdeq/switches.toml")).unwrap();
    std::os::unix::fs::symlink(world.switch.dir(), world.home.path().join("lab")).unwrap();
    let run = world.vdeq(&[QEMU, "-nic", &net("lab")]).run();
    run.assert_ran(0);
    assert!(
        run.stderr.contains("cannot read ") && run.stderr.contains("taking lab for"),
        "{run:?}"
    );
    let outcome = world.vdeq(&[QEMU, "-nic", &net("other")]).run();
    outcome.assert_failed(125, &["cannot read ", "name the switch by its path"]);
}

#[test]
fn the_switch_beside_a_machine_is_found_by_the_word_that_it_was_given() {
    let world = world("[own]\npath = '/nowhere'\n");
    let run = world.vdeq(&["-v", "--switch=own", QEMU, "-nic", &net("own")]).run();
    run.assert_ran(0);
    let own = world.home.path().join("own").canonicalize();
    assert!(own.is_err(), "it is gone again");
    assert!(run.stderr.contains("/own\n") && !run.stderr.contains("/nowhere"), "{run:?}");
}

#[test]
fn any_port_can_be_asked_for_where_a_name_has_one() {
    let world = world("[lab]\npath = 'DIR'\nport = 7\n");
    let run = world.vdeq(&["-v", QEMU, "-nic", &net("lab,port=0")]).run();
    run.assert_ran(0);
    assert!(run.stderr.contains("network 0: port 1 of"), "{run:?}");
}

#[test]
fn each_name_is_waited_for_as_long_as_it_is_said_of_it() {
    let world = world("a = { path = '~/a', wait = true }\nb = { path = '~/b', wait = 20 }\n");
    let second = net("b").replace(":01", ":02");
    let run = world.vdeq(&[QEMU, "-nic", &net("a"), "-nic", &second]).act("run").start();
    for name in ["a", "b"] {
        let told = format!("no switch at {}", world.home.path().join(name).display());
        wait::until_true("vdeq to wait", || run.stderr().contains(&told));
        std::os::unix::fs::symlink(world.switch.dir(), world.home.path().join(name)).unwrap();
    }
    run.wait_running();
}

#[test]
fn the_place_of_the_file_is_what_xdg_says() {
    let world = world("broken");
    let dir = world.home.path().join("config/vdeq");
    fs::create_dir_all(&dir).unwrap();
    let text = format!("lab.path = '{}'\n", world.switch.dir().display());
    fs::write(dir.join("switches.toml"), text).unwrap();
    let home = world.home.path().join("config");
    world.vdeq(&[QEMU, "-nic", &net("lab")]).env("XDG_CONFIG_HOME", home).run().assert_ran(0);
}

#[test]
fn any_program_can_be_given_a_network_by_name() {
    let world = world("[lab]\npath = 'DIR'\n");
    world.install("tool");
    let run = world.vdeq(&["-v", "--fd-placeholder", "tool", "fd={vde:lab,port=4}"]).run();
    run.assert_ran(0);
    assert!(run.stderr.contains("network 0: port 4 of"), "{run:?}");
}

#[test]
fn explain_says_what_a_name_means() {
    let world = world("[lab]\npath = 'DIR'\nport = 7\n");
    let run = world.vdeq(&["--explain", QEMU, "-nic", &net("lab")]).run();
    assert!(run.stdout.contains("(lab), port 7"), "{run:?}");
    let run = world.vdeq(&["--explain=json", QEMU, "-nic", &net("lab")]).run();
    assert!(run.stdout.contains("\"name\": \"lab\""), "{run:?}");
}

#[test]
fn what_the_file_says_of_waiting_holds_where_the_command_line_says_nothing() {
    let world = world("[lab]\npath = '~/later'\nwait = true\n");
    let later = world.home.path().join("later");
    let run = world.vdeq(&[QEMU, "-nic", &net("lab")]).act("run").start();
    wait::until_true("vdeq to wait", || run.stderr().contains("waiting for a switch"));
    std::os::unix::fs::symlink(world.switch.dir(), &later).unwrap();
    run.wait_running();
    drop(run);
    fs::remove_file(&later).unwrap();
    let outcome = world.vdeq(&["--wait=0.1", QEMU, "-nic", &net("lab")]).run();
    outcome.assert_failed(125, &["waited for 0.", "no switch at"]);
}

#[test]
fn what_the_file_says_of_plugging_in_again_holds_for_that_network_alone() {
    let world = world("[lab]\npath = 'DIR'\nreconnect = false\n");
    let other = FakeSwitch::start(Options::new(Personality::New));
    let control = client::path(&world).display().to_string();
    let second = format!("vde,sock={},mac=52:54:00:00:00:02", other.dir().display());
    let words = ["--control", &control, QEMU, "-nic", &net("lab"), "-nic", &second];
    let run = world.vdeq(&words).act("run").start();
    run.wait_running();
    world.switch.close_port(1);
    other.close_port(1);
    let mut client = Client::of(&world);
    wait::until_true("one to be back, and nobody to try the other", || {
        let status = client.ask(r#"{"command":"status"}"#);
        let nics = &status["ok"]["nics"];
        nics[0]["state"] == "given-up" && nics[1]["state"] == "up" && nics[1]["replugs"] == 1
    });
}

#[test]
fn a_running_machine_is_moved_to_a_switch_by_its_name() {
    let world = world("[lab]\npath = 'DIR'\nport = 7\nmode = '0600'\n");
    let control = client::path(&world).display().to_string();
    let first = FakeSwitch::start(Options::new(Personality::New));
    let net = format!("vde,sock={},{NIC}", first.dir().display());
    let run = world.vdeq(&["--control", &control, QEMU, "-nic", &net]).act("run").start();
    run.wait_running();
    let mut client = Client::of(&world);
    let mut ask = |sock: &str| {
        client.say(format!("{{\"command\":\"replug\",\"nic\":0,\"sock\":\"{sock}\"}}\n"));
        client.next()
    };
    let moved = ask("lab");
    assert_eq!(moved["ok"]["port"], 7, "{moved}");
    assert_eq!(ask("lab[9]")["ok"]["port"], 9);
    let refused = ask("lap");
    let expected = refused["error"]["expected"].as_str().unwrap();
    assert!(expected.contains("switches.toml"), "{refused}");
    write(&world, "[lab]\npath = 3\n");
    let refused = ask("lab");
    assert!(refused["error"]["what"].as_str().unwrap().contains("line 2, column 8"), "{refused}");
}

#[test]
fn a_name_that_nobody_has_is_told_which_there_are() {
    let world = world("[lab]\npath = 'DIR'\n[office]\npath = '/run/office'\n");
    let outcome = world.vdeq(&[QEMU, "-nic", &net("lap")]).run();
    outcome.assert_failed(125, &["there is no switch at lap", "are: lab, office"]);
    write(&world, "");
    let outcome = world.vdeq(&[QEMU, "-nic", &net("lap")]).run();
    outcome.assert_failed(125, &["or a name that is in", "/etc/vdeq/switches.toml"]);
}
