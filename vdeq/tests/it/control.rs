//! `--control`: questions, orders, and clients of all manners.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use vde_exec::testkit::fake_switch::{FakeSwitch, Faults, Options, ReplyFault};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::Personality;

use crate::client::{Client, path, running};
use crate::world::{QEMU, Running, World, kill, state};

fn other_switch() -> FakeSwitch {
    FakeSwitch::start(Options::new(Personality::New))
}

fn end(run: Running) -> String {
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    outcome.assert_ran(0);
    outcome.stderr
}

fn replug(client: &mut Client, rest: &str) -> Value {
    client.ask(&format!(r#"{{"command":"replug","nic":0{rest}}}"#))
}

fn sock(switch: &FakeSwitch) -> String {
    format!(r#","sock":"{}""#, switch.dir().display())
}

#[test]
fn status_says_where_every_nic_is_and_since_when() {
    let world = World::new();
    let run = running(&world, &[]);
    let vm = run.wait_running().pid;
    let mode = fs::metadata(path(&world)).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);

    let answer = Client::of(&world).ask(r#"{"command":"status","id":[1,"a"]}"#);
    assert_eq!(answer["id"], json!([1, "a"]));
    let mut status = answer["ok"].clone();
    let nic = &mut status["nics"][0];
    let (seconds, since) = (nic["seconds"].take(), nic["since"].take());
    assert!(seconds.as_f64().is_some_and(|seconds| (0.0..60.0).contains(&seconds)), "{answer}");
    let since = since.as_str().unwrap().to_owned();
    assert!(since.starts_with("20") && since.ends_with('Z') && since.len() == 24, "{since}");
    let nic = json!({
        "nic": 0, "state": "up", "switch": world.switch.dir(), "port": 1, "asked": "any", "relay": null,
        "seconds": null, "since": null, "replugs": 0, "attempts": 0, "last_error": null,
    });
    assert_eq!(status, json!({ "pid": run.pid(), "vm": { "pid": vm }, "nics": [nic] }));
    end(run);
    assert!(!path(&world).exists());
    world.assert_nothing_left();
}

#[test]
fn questions_in_a_row_are_answered_in_their_order_and_errors_say_what_there_is() {
    let world = World::new();
    let run = running(&world, &[]);
    let mut client = Client::of(&world);
    let lines = [
        r#"{"command":"status","id":0}"#,
        "garbage",
        "",
        r#"{"command":"staus","id":1}"#,
        r#"{"command":"replug","nic":7,"id":2}"#,
        r#"{"command":"replug","nic":0,"sock":"sw","id":3}"#,
        r#"{"command":"replug","nic":0,"id":4}"#,
        r#"{"command":"status","id":5,"nic":0}"#,
        r#"{"command":"status","id":6}"#,
    ];
    client.say(lines.join("\n") + "\n");
    let answers: Vec<_> = lines.iter().map(|_| client.next()).collect();
    let null = Value::Null;
    let ids: Vec<_> = answers.iter().map(|answer| answer.get("id").unwrap_or(&null)).collect();
    let expected = [json!(0), null.clone(), null.clone(), json!(1), json!(2), json!(3)];
    assert_eq!(ids, expected.iter().chain(&[json!(4), json!(5), json!(6)]).collect::<Vec<_>>());
    for (number, expected) in [
        (1, "JSON object"),
        (3, "\"status\", \"replug\", \"relay\", \"events\""),
        (4, "a NIC from 0 to 0"),
        (5, "absolute path"),
        (7, "\"command\", \"id\""),
    ] {
        let error = &answers[number]["error"];
        assert!(error["what"].is_string(), "{error}");
        assert!(error["expected"].as_str().unwrap().contains(expected), "{error}");
    }
    assert_eq!(answers[6]["ok"]["replugs"], 1, "plugged in anew at the same place");
    assert_eq!(answers[8]["ok"]["nics"][0]["replugs"], 1);
    end(run);
}

#[test]
fn a_nic_moves_to_another_port_and_to_another_switch_and_keeps_to_it() {
    let world = World::new();
    let mut other = other_switch();
    let run = running(&world, &[]);
    let mut client = Client::of(&world);

    let answer = replug(&mut client, r#","port":3"#);
    assert_eq!((&answer["ok"]["port"], &answer["ok"]["asked"]), (&json!(3), &json!(3)));
    let ports = || world.switch.ports().iter().map(|port| port.number).collect::<Vec<_>>();
    wait::until_true("port 3, and no other", || ports() == [3]);

    let answer = replug(&mut client, &sock(&other));
    assert_eq!(answer["ok"]["switch"], json!(other.dir()), "{answer}");
    assert_eq!((&answer["ok"]["asked"], &answer["ok"]["replugs"]), (&json!("any"), &json!(2)));
    wait::until_true("the old port to be free", || world.switch.ports().is_empty());
    wait::until_true("the new port", || other.ports().len() == 1);

    // It is at home there now: where it is plugged in again when the switch comes back.
    other.kill();
    wait::until_true("the loss", || {
        client.ask(r#"{"command":"status"}"#)["ok"]["nics"][0]["state"] == "down"
    });
    let nic = client.ask(r#"{"command":"status"}"#)["ok"]["nics"][0].clone();
    assert_eq!((&nic["switch"], &nic["port"]), (&json!(other.dir()), &Value::Null));
    assert!(nic["last_error"].is_string(), "{nic}");

    let back = format!(r#","sock":"{}[5]""#, world.switch.dir().display());
    assert_eq!(replug(&mut client, &back)["ok"]["port"], 5);
    let file = world.home.path().join("lab");
    fs::write(&file, format!("{}[7]\n", world.switch.dir().display())).unwrap();
    let file = format!(r#","sock":"{}""#, file.display());
    assert_eq!(replug(&mut client, &file)["ok"]["port"], 7, "what the file says");
    assert_eq!(replug(&mut client, &format!(r#"{file},"port":6"#))["ok"]["port"], 6);
    let said = end(run);
    assert!(said.contains("is plugged into port 3"), "{said}");
    world.assert_nothing_left();
}

#[test]
fn a_nic_that_is_refused_elsewhere_goes_back_and_that_is_said() {
    let world = World::new();
    let other = other_switch();
    let run = running(&world, &["--timeout", "1"]);
    let mut events = Client::subscribed(&world);
    let mut client = Client::of(&world);
    let nowhere = world.home.path().join("nowhere");
    for (rest, goes) in [
        (format!(r#","sock":"{}""#, nowhere.display()), false),
        (format!(r#"{},"port":8388607"#, sock(&other)), true),
    ] {
        let answer = replug(&mut client, &rest);
        let what = answer["error"]["what"].as_str().unwrap().to_owned();
        assert!(what.contains("NIC 0 was not moved: "), "{answer}");
        assert!(answer["error"]["expected"].is_string());
        let told = events.until_event("move-failed");
        assert!(what.ends_with(told.last().unwrap()["error"].as_str().unwrap()), "{told:?}");
        if goes {
            let back = events.until_event("plugged").pop().unwrap();
            assert_eq!(back["switch"], json!(world.switch.dir()), "{back}");
        }
    }
    wait::until_true("the port of old", || world.switch.ports().len() == 1);
    assert!(other.ports().is_empty());
    let said = end(run);
    assert_eq!(said.matches("network 0 was not moved").count(), 2, "{said}");
    assert!(said.contains("is back on"), "{said}");
}

#[test]
fn who_asks_for_a_move_and_goes_away_has_asked_for_it() {
    let world = World::new();
    let other = other_switch();
    other.set_faults(Faults { delay: std::time::Duration::from_millis(50), ..Faults::default() });
    let run = running(&world, &[]);
    let mut client = Client::of(&world);
    client.say(format!(r#"{{"command":"replug","nic":0{}}}"#, sock(&other)) + "\n");
    drop(client);
    wait::until_true("the move", || other.ports().len() == 1 && world.switch.ports().is_empty());
    end(run);
}

#[test]
fn of_two_who_want_to_move_a_nic_the_second_hears_that_it_is_busy() {
    let world = World::new();
    let other = other_switch();
    other.set_faults(Faults { reply: ReplyFault::Silence, ..Faults::default() });
    let run = running(&world, &["--timeout", "1"]);
    let [mut first, mut second] = [Client::of(&world), Client::of(&world)];
    first.say(format!(r#"{{"command":"replug","nic":0{}}}"#, sock(&other)) + "\n");
    wait::until_true("the request", || other.requests() > 0);
    let answer = replug(&mut second, "");
    assert!(answer["error"]["what"].as_str().unwrap().contains("being moved"), "{answer}");
    assert!(first.next()["error"].is_object());
    end(run);
}

#[test]
fn a_name_that_a_killed_vdeq_left_is_taken_over_and_anything_else_is_left_alone() {
    let world = World::new();
    drop(UnixListener::bind(path(&world)).unwrap());
    let run = running(&world, &[]);
    Client::of(&world).ask(r#"{"command":"status"}"#);

    let net = format!("vde,{}", world.sock());
    let control = path(&world).display().to_string();
    let file = world.home.path().join("file");
    fs::write(&file, "precious").unwrap();
    let long = format!("/tmp/{}", "x".repeat(110));
    for (path, words) in [
        (control.as_str(), "another vdeq answers there"),
        (file.to_str().unwrap(), "is no socket of this user"),
        (&long, "at most 107"),
        ("/", "no name for a socket"),
        ("no/such/dir/socket", "make its directory first"),
    ] {
        let outcome = world.vdeq(&["--control", path, QEMU, "-net", &net]).run();
        outcome.assert_failed(125, &[words, "--control", "^"]);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(world.switch.requests(), 1, "they fail before a switch is asked");
    Client::of(&world).ask(r#"{"command":"status"}"#);
    end(run);
}

#[test]
fn the_name_goes_with_a_start_that_fails() {
    let world = World::new();
    let nowhere = format!("vde,sock={}/nowhere", world.home.path().display());
    let control = path(&world).display().to_string();
    let outcome = world.vdeq(&["--control", &control, QEMU, "-net", &nowhere]).run();
    outcome.assert_failed(125, &["nowhere"]);
    assert!(!path(&world).exists());
}

#[test]
fn the_vm_has_nothing_of_the_control_socket() {
    let world = World::new();
    let run = running(&world, &[]);
    let _client = Client::subscribed(&world);
    assert_eq!(run.wait_running().sockets().len(), 2, "control stream and data socket");
    end(run);
}

#[test]
fn who_has_said_all_still_gets_every_answer() {
    let world = World::new();
    let run = running(&world, &[]);
    let mut client = Client::of(&world);
    client.say(
        "{\"command\":\"status\"}\n{\"command\":\"replug\",\"nic\":0}\n{\"command\":\"status\"}",
    );
    client.finish_saying();
    let answers = client.rest();
    assert_eq!(answers.lines().count(), 3, "{answers}");
    assert!(answers.lines().all(|line| line.contains("\"ok\"")), "{answers}");

    let last: Value = serde_json::from_str(answers.lines().last().unwrap()).unwrap();
    let port = last["ok"]["nics"][0]["port"].as_u64().unwrap();
    let mut client = Client::of(&world);
    client.say("{\"command\":\"events\"}\n");
    client.finish_saying();
    client.next();
    world.switch.close_port(u32::try_from(port).unwrap());
    client.until_event("plugged");
    end(run);
    assert!(client.rest().contains("\"ended\""));
}

#[test]
fn hostile_clients_get_what_they_deserve_and_others_their_answers() {
    let world = World::new();
    let run = running(&world, &[]);
    let mut good = Client::of(&world);
    let mut asks = || assert!(good.ask(r#"{"command":"status"}"#)["ok"].is_object());

    let mut garbage = Client::of(&world);
    garbage.say([0, 255, b'\n', b'{', b'"', b'\n']);
    for _ in 0..2 {
        assert!(garbage.next()["error"]["what"].as_str().unwrap().contains("no JSON"));
    }
    asks();

    let mut huge = Client::of(&world);
    let line = vec![b'x'; 70 * 1024];
    while huge.try_to_say(&line) > 0 {}
    assert!(huge.next()["error"]["what"].as_str().unwrap().contains("longer than 65536"));
    asks();

    let mut half = Client::of(&world);
    half.say(r#"{"command":"sta"#);
    drop(half);
    asks();

    // Never reads, and asks on and on: it is not read from.
    let mut mute = Client::of(&world);
    let questions = "{\"command\":\"status\"}\n".repeat(100);
    while mute.try_to_say(questions.as_bytes()) > 0 {
        asks();
    }
    wait_asleep(&run);
    drop((garbage, huge, mute));

    let many: Vec<UnixStream> =
        (0..100).map(|_| UnixStream::connect(path(&world)).unwrap()).collect();
    asks();
    drop(many);
    asks();
    wait::until_true("room for others", || {
        let mut late = Client::of(&world);
        late.ask(r#"{"command":"status"}"#)["ok"].is_object()
    });
    end(run);
    world.assert_nothing_left();
}

#[test]
fn one_too_many_is_told_so() {
    let world = World::new();
    let run = running(&world, &[]);
    let mut clients: Vec<_> = (0..16).map(|_| Client::of(&world)).collect();
    assert!(clients[15].ask(r#"{"command":"status"}"#)["ok"].is_object());
    let mut late = Client::of(&world);
    assert!(late.next()["error"]["what"].as_str().unwrap().contains("16 clients"));
    assert_eq!(late.line(), None);
    end(run);
}

/// Waits until vdeq sleeps, and goes on sleeping.
fn wait_asleep(run: &Running) {
    let mut asleep = 0;
    wait::until_true("vdeq to sleep", || {
        asleep = if state(run.pid()) == Some('S') { asleep + 1 } else { 0 };
        asleep == 50
    });
}

/// How often it went to sleep.
fn sleeps(run: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", run.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn nobody_is_woken_by_clients_that_say_nothing() {
    let world = World::new();
    let run = running(&world, &[]);
    let mut clients: Vec<_> = (0..5).map(|_| Client::subscribed(&world)).collect();
    clients[0].finish_saying();
    clients[1].say("half a line");
    wait_asleep(&run);
    let before = sleeps(&run);
    wait_asleep(&run);
    assert_eq!(sleeps(&run), before);
    end(run);
}

#[test]
fn who_comes_when_there_are_no_descriptors_left_wakes_nobody_again_and_again() {
    let world = World::new();
    let run = running(&world, &[]);
    let limit = |most: u32| {
        let (pid, most) = (format!("--pid={}", run.pid()), format!("--nofile={most}:1024"));
        assert!(Command::new("prlimit").args([pid, most]).status().unwrap().success());
    };
    // Fewer than it has already, but as many as it waits for.
    limit(5);
    let mut client = Client::of(&world);
    wait_asleep(&run);
    let before = sleeps(&run);
    wait_asleep(&run);
    assert_eq!(sleeps(&run), before);

    // When there are some again, whatever happens next has those who wait taken up.
    limit(1024);
    world.switch.close_port(1);
    assert!(client.ask(r#"{"command":"status"}"#)["ok"].is_object());
    end(run);
    world.assert_nothing_left();
}
