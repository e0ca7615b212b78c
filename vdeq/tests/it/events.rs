//! `--events`: what happens, in order, wherever it is told.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use vde_exec::testkit::fake_switch::{FakeSwitch, Options};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::Personality;

use crate::client::{Client, running};
use crate::world::{QEMU, World, kill};

fn parse(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn in_file(path: &Path) -> Vec<Value> {
    parse(&fs::read_to_string(path).unwrap())
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

/// A switch in a directory that another one can be started in later.
fn switch_at(dir: &Path) -> FakeSwitch {
    FakeSwitch::start(Options { dir: Some(dir.to_owned()), ..Options::new(Personality::New) })
}

#[test]
fn a_switch_that_goes_and_comes_back_is_told_in_order_and_to_all() {
    let world = World::new();
    let dir = world.home.path().join("lab");
    let switch = switch_at(&dir);
    let path = world.home.path().join("events");
    let (events, net) = (path.display().to_string(), format!("vde,sock={}", dir.display()));
    let control = crate::client::path(&world).display().to_string();
    let words = ["--events", &events, "--control", &control, QEMU, "-net", &net];
    let run = world.vdeq(&words).act("run").start();
    let vm = run.wait_running().pid;
    let mut client = Client::subscribed(&world);
    drop(switch);
    let mut told = client.until_event("lost");
    let _switch = switch_at(&dir);
    told.extend(client.until_event("plugged"));
    kill(run.pid(), Signal::SIGTERM);
    told.extend(parse(&client.rest()));
    let pid = run.pid();
    run.finish().assert_ran(0);

    let all = in_file(&path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(all[1..], told);
    for (number, event) in all.iter().enumerate() {
        assert_eq!(event["seq"], number + 1, "{event}");
        let time = event["time"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    }
    assert_eq!((&all[0]["event"], &all[0]["pid"]), (&json!("started"), &json!(pid)));
    assert_eq!((&all[0]["vm"]["pid"], &all[0]["nics"][0]["port"]), (&json!(vm), &json!(1)));
    assert_eq!(told[0]["event"], "lost");
    assert_eq!((&told[0]["nic"], &told[0]["switch"]), (&json!(0), &json!(dir)));
    assert_eq!(told[0]["retrying"], true);
    let [.., plugged, ended] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&plugged["event"], &plugged["moved"]), (&json!("plugged"), &json!(false)));
    assert!(plugged["outage"].as_f64().unwrap() > 0.0 && plugged["attempts"].as_u64() > Some(0));
    assert_eq!((&ended["event"], &ended["status"]), (&json!("ended"), &json!(0)));
    assert!(told[1..told.len() - 2].iter().all(|event| event["event"] == "failing"), "{told:?}");
}

#[test]
fn a_descriptor_is_written_to_and_the_vm_does_not_have_it() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    for (number, script, vm_has_it) in
        [(3, "exec \"$@\" 3>events", false), (1, "exec \"$@\" >events", true)]
    {
        let option = format!("--events={number}");
        let run = world.shell(script, &[&option, QEMU, "-net", &net]).act("exit=6");
        let outcome = run.run();
        outcome.assert_ran(6);
        let events = in_file(&world.home.path().join("events"));
        assert_eq!(names(&events), ["started", "ended"]);
        assert_eq!(events[1]["status"], 6);
        let has_it = outcome.report.fds.iter().any(|fd| fd.what.ends_with("/events"));
        assert_eq!(has_it, vm_has_it, "{:?}", outcome.report);
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_before_anything_happens() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let fifo = world.home.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let fifo = fifo.display().to_string();
    let home = world.home.path().display().to_string();
    for (script, place, words) in [
        ("exec \"$@\"", "9", "descriptor 9: it is not open"),
        ("exec \"$@\" 3</dev/null", "3", "it is not open for writing"),
        ("exec \"$@\"", fifo.as_str(), "nobody reads it"),
        ("exec \"$@\"", home.as_str(), "Is a directory"),
    ] {
        let outcome = world.shell(script, &["--events", place, QEMU, "-net", &net]).run();
        outcome.assert_failed(125, &["cannot tell events", words, "--events", "^"]);
    }
    assert_eq!(world.switch.requests(), 0);
}

#[test]
fn the_end_by_a_signal_and_the_end_of_trying_are_told() {
    let world = World::new();
    let mut run = running(&world, &["--events", "events", "--reconnect", "0.05"]);
    let path = world.home.path().join("events");
    let mut world = world;
    world.switch.kill();
    wait::until_true("the end of trying", || names(&in_file(&path)).contains(&"given-up"));
    let vm = run.wait_running().pid;
    kill(vm, Signal::SIGKILL);
    run.wait_for_end();
    let events = in_file(&path);
    assert_eq!(events.last().unwrap()["signal"], 9);
    let lost = events.iter().find(|event| event["event"] == "lost").unwrap();
    assert_eq!(lost["retrying"], true);
}

/// Moves the NIC to its own place, so many times, which is an event each.
fn make_events(client: &mut Client, count: usize) {
    for _ in 0..count {
        let answer = client.ask(r#"{"command":"replug","nic":0}"#);
        assert!(answer["ok"].is_object(), "{answer}");
    }
}

#[test]
fn a_full_pipe_delays_nobody_and_what_is_missing_is_counted() {
    let world = World::new();
    let fifo = world.home.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let nonblocking = OFlag::O_NONBLOCK.bits();
    let reader = File::options().read(true).custom_flags(nonblocking).open(&fifo).unwrap();
    fcntl(&reader, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    let run = running(&world, &["--events", fifo.to_str().unwrap()]);
    let mut client = Client::of(&world);
    make_events(&mut client, 50);
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    let mut lines = BufReader::new(reader).lines().map(|line| line.unwrap());
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap()).unwrap() };

    // The start and the moves: told, or counted.
    let (mut seen, mut dropped) = (0, 0);
    while seen + dropped < 51 {
        let event = next();
        if event["event"] == "overrun" {
            dropped += event["dropped"].as_u64().unwrap();
        } else {
            seen += 1;
            assert_eq!(event["seq"], seen + dropped, "{event}");
        }
    }
    assert!(seen > 5 && dropped > 5, "{seen} {dropped}");
    make_events(&mut client, 1);
    assert_eq!(next()["seq"], 52);
    kill(run.pid(), Signal::SIGTERM);
    assert_eq!(next()["event"], "ended");
    run.finish().assert_ran(0);
}

#[test]
fn a_reader_that_goes_away_is_mentioned_once() {
    let world = World::new();
    let fifo = world.home.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let nonblocking = OFlag::O_NONBLOCK.bits();
    let reader = File::options().read(true).custom_flags(nonblocking).open(&fifo).unwrap();
    let run = running(&world, &["--events", fifo.to_str().unwrap()]);
    drop(reader);
    make_events(&mut Client::of(&world), 3);
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    outcome.assert_ran(0);
    assert_eq!(outcome.stderr.matches("nothing more is told on --events").count(), 1);
}

#[test]
fn a_subscriber_that_does_not_read_is_cut_off_and_told_so() {
    let world = World::new();
    let run = running(&world, &["--events", "events"]);
    let mut deaf = Client::subscribed(&world);
    let mut client = Client::of(&world);
    let path = world.home.path().join("events");
    // What the kernel holds, what vdeq holds, and more.
    while fs::metadata(&path).unwrap().len() < 700_000 {
        make_events(&mut client, 50);
    }
    let all = deaf.rest();
    let last: Value = serde_json::from_str(all.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], last.get("dropped")), (&json!("overrun"), None));
    make_events(&mut client, 1);
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

#[test]
fn events_and_words_go_to_standard_error_together_if_that_is_wanted() {
    let world = World::new();
    let run = running(&world, &["--events=2"]);
    make_events(&mut Client::of(&world), 1);
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    outcome.assert_ran(0);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert!(lines.iter().any(|line| line.starts_with("vdeq: network 0 is plugged into")));
    let events: Vec<_> = lines.iter().filter(|line| line.starts_with('{')).copied().collect();
    assert_eq!(names(&parse(&events.join("\n"))), ["started", "plugged", "ended"]);
}

#[test]
fn a_reader_of_a_pipe_sees_its_end_with_the_vm() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let fifo = world.home.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let run = world.shell("exec \"$@\" 3>fifo", &["--events=3", QEMU, "-net", &net]);
    let run = run.act("exit=0").start();
    let mut text = String::new();
    File::open(&fifo).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(names(&parse(&text)), ["started", "ended"]);
    run.finish().assert_ran(0);
}

#[test]
fn a_file_that_may_not_grow_is_given_up_and_the_vm_hears_nothing_of_it() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let script = r#"head -c 8190 /dev/zero >told && ulimit -f 8 && exec "$@""#;
    let words = ["--events", "told", QEMU, "-net", &net];
    let run = world.shell(script, &words).env("PATH", path_with_tools(&world)).act("run").start();
    run.wait_running();
    wait::until_true("a word of it", || run.stderr().contains("nothing more is told on --events"));
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    outcome.assert_ran(0);
    assert_eq!(outcome.report.signals, ["SIGTERM"]);
}

/// The search path of a world, and the one of the tests.
fn path_with_tools(world: &World) -> String {
    let tools = std::env::var("PATH").unwrap();
    format!("{}:{tools}", world.home.path().join("bin").display())
}
