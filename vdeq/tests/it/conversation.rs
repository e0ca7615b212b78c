//! The conversation of docs/control.md is one that can be had.

use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use vde_exec::testkit::fake_switch::{FakeSwitch, Options};
use vde_exec::vde_proto::switch::Personality;

use crate::client::{self, Client};
use crate::world::{QEMU, World, kill};

const PAGE: &str = include_str!("../../../docs/control.md");

/// What is another each time.
const VOLATILE: [&str; 7] = ["pid", "seq", "time", "since", "seconds", "outage", "attempts"];

fn switch_at(dir: &Path) -> FakeSwitch {
    FakeSwitch::start(Options { dir: Some(dir.to_owned()), ..Options::new(Personality::New) })
}

/// The value without what is another each time.
fn lasting(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(lasting).collect(),
        Value::Object(object) => {
            let is_failing = object.get("event") == Some(&json!("failing"));
            let members = object.iter().map(|(key, value)| {
                let is_volatile = VOLATILE.contains(&key.as_str());
                // A number stands for any, a text for any.
                let is_volatile = is_volatile || (is_failing && key == "error");
                match (is_volatile && !value.is_object(), value) {
                    (true, Value::String(_)) => (key.clone(), json!("")),
                    (true, Value::Number(_)) => (key.clone(), json!(0)),
                    _ => (key.clone(), lasting(value)),
                }
            });
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

#[test]
fn the_conversation_of_the_page_can_be_had() {
    let block = PAGE.split("## A conversation").nth(1).unwrap().split("```").nth(1).unwrap();
    let world = World::new();
    let dir = |name: &str| world.home.path().join(name);
    let [_lab, lab2] = ["lab", "lab2"].map(|name| switch_at(&dir(name)));
    let mut switch = Some(lab2);
    let there = |text: &str| text.replace("/run/", &format!("{}/", world.home.path().display()));

    let (control, net) = (client::path(&world), there("vde,sock=/run/lab"));
    let words = ["--control", control.to_str().unwrap(), QEMU, "-nic", &net];
    let run = world.vdeq(&words).act("run").start();
    run.wait_running();
    let mut client = Client::of(&world);
    let mut heard = 0;
    for line in block.lines().skip(1) {
        match line.split_at(2) {
            ("> ", question) => client.say(there(question) + "\n"),
            ("# ", "the switch is killed") => switch.as_mut().unwrap().kill(),
            ("# ", "the switch is started again") => {
                drop(switch.take());
                switch = Some(switch_at(&dir("lab2")));
            }
            ("# ", "the virtual machine is powered off") => kill(run.pid(), Signal::SIGTERM),
            ("< ", expected) => {
                let expected = lasting(&serde_json::from_str(&there(expected)).unwrap());
                let mut answer = client.next();
                // A switch that has just gone can be missed in more than one way.
                while answer["event"] == "failing" && expected["event"] != "failing" {
                    answer = client.next();
                }
                assert_eq!(lasting(&answer), expected, "{line}");
                heard += 1;
            }
            _ => panic!("{line}"),
        }
    }
    assert!(heard > 8, "{heard}");
    assert_eq!(client.line(), None);
    run.finish().assert_ran(0);
}

#[test]
fn every_command_and_every_event_is_on_the_page() {
    for command in vdeq_protocol::COMMANDS {
        assert!(PAGE.contains(&format!("### `{command}`")), "{command}");
    }
    let source = include_str!("../../src/protocol/event.rs");
    let names = source.split("\"event\": \"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let names: Vec<_> = names.chain(["started"]).collect();
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        assert!(PAGE.contains(&format!("`{name}`")), "{name}");
    }
}
