//! `--relay`, and the order on the control socket.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use vde_exec::testkit::wait;

use crate::client::{Client, running};
use crate::world::{QEMU, Running, World, kill};

fn end(run: Running) {
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

fn relay(client: &mut Client, features: &str) -> Value {
    client.ask(&format!(r#"{{"command":"relay","nic":0{features}}}"#))
}

fn status(client: &mut Client) -> Value {
    client.ask(r#"{"command":"status"}"#)["ok"]["nics"][0].clone()
}

#[test]
fn a_running_vm_gets_a_relay_and_loses_it_and_keeps_its_port() {
    let world = World::new();
    let run = running(&world, &[]);
    let mut client = Client::of(&world);
    let port = status(&mut client)["port"].clone();
    for _ in 0..3 {
        let nic = relay(&mut client, r#","features":"stats""#)["ok"].clone();
        assert_eq!((&nic["port"], &nic["replugs"]), (&port, &json!(0)), "{nic}");
        assert_eq!(nic["relay"]["from_vm"]["received"], json!({ "frames": 0, "bytes": 0 }));
        assert_eq!(nic["relay"]["capture"], Value::Null);
        let nic = relay(&mut client, "")["ok"].clone();
        assert_eq!((&nic["port"], &nic["relay"]), (&port, &Value::Null), "{nic}");
        // Where there is none, none goes.
        assert_eq!(relay(&mut client, "")["ok"]["relay"], Value::Null);
    }
    wait::until_true("one port with one endpoint", || {
        world.switch.ports().iter().map(|port| port.descriptions.len()).eq([1])
    });
    end(run);
    world.assert_nothing_left();
}

#[test]
fn a_relay_from_the_start_is_there_when_the_vm_runs() {
    let world = World::new();
    let file = world.home.path().join("net0.pcapng");
    let features = format!("pcap={},loss=1%,seed=7", file.display());
    let run = running(&world, &["--relay", &features]);
    let mut client = Client::of(&world);
    wait::until_true("the relay", || !status(&mut client)["relay"].is_null());
    assert_eq!(status(&mut client)["relay"]["capture"]["state"], "running");
    // A capture goes on if it is wanted again, and ends if it is not.
    let again = format!(r#","features":"pcap={}""#, file.display());
    assert_eq!(relay(&mut client, &again)["ok"]["relay"]["capture"]["state"], "running");
    let stats = relay(&mut client, r#","features":"stats""#)["ok"]["relay"].clone();
    assert_eq!(stats["capture"]["state"], "ended", "{stats}");
    end(run);
    let capture = fs::read(&file).unwrap();
    assert_eq!(capture.get(..4), Some(&[0x0a, 0x0d, 0x0d, 0x0a][..]), "a section header block");
    assert!(capture.windows(4).any(|name| name == b"net0"));
    world.assert_nothing_left();
}

#[test]
fn what_cannot_be_captured_or_relayed_is_refused_before_anything_is_started() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    for (features, words) in [
        ("pcap=/nowhere/x", &["cannot be captured in /nowhere/x", "^"][..]),
        ("stats,net=1", &["no network 1", "^", "counted from 0"]),
        ("loss=x", &["`x` is no share", "^"]),
    ] {
        let outcome = world.vdeq(&["--relay", features, QEMU, "-net", &net]).run();
        outcome.assert_failed(125, words);
    }
    let two = [QEMU, "-net", &net, "-net", &net];
    let words = [&["--relay", "pcap=/tmp/x"], &two[..]].concat();
    world.vdeq(&words).run().assert_failed(125, &["2 networks", "net=N"]);
    let outcome = world.vdeq(&["--exec", "--relay", "stats", QEMU, "-net", &net]).run();
    outcome.assert_failed(125, &["no vdeq beside the VM to relay frames"]);
    world.assert_nothing_left();
}

#[test]
fn an_order_that_cannot_be_carried_out_leaves_everything_as_it_was() {
    let world = World::new();
    let run = running(&world, &[]);
    let mut client = Client::of(&world);
    let answer = relay(&mut client, r#","features":"pcap=/nowhere/x""#);
    let what = answer["error"]["what"].as_str().unwrap_or_default().to_owned();
    assert!(what.contains("capture cannot be written"), "{answer}");
    let answer = client.ask(r#"{"command":"relay","nic":3,"features":"stats"}"#);
    assert_eq!(answer["error"]["what"], "there is no NIC 3", "{answer}");
    assert_eq!(status(&mut client)["relay"], Value::Null);
    end(run);
    world.assert_nothing_left();
}

#[test]
fn a_reader_that_goes_ends_the_capture_and_nothing_else() {
    let world = World::new();
    let fifo = world.home.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let run = running(&world, &["--relay", &format!("pcap={}", fifo.display())]);
    let (mut client, mut listener) = (Client::of(&world), Client::subscribed(&world));
    let state = |client: &mut Client| status(client)["relay"]["capture"]["state"].clone();
    wait::until_true("the relay, without a reader", || state(&mut client) == "waiting");
    let reader = fs::File::open(&fifo).unwrap();
    wait::until_true("the capture", || state(&mut client) == "running");
    drop(reader);
    let event = listener.until_event("capture-failed").pop().unwrap();
    assert_eq!((&event["nic"], event["error"].is_string()), (&json!(0), true), "{event}");
    assert_eq!(state(&mut client), "failed");
    end(run);
    world.assert_nothing_left();
}
