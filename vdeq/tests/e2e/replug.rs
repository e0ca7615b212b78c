//! Running guests move to another switch and to another port, and go on talking.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use vde_exec::testkit::fake_qemu::{self, Report};
use vde_exec::testkit::real_switch::RealSwitch;
use vde_exec::testkit::wait;

use crate::guest::{Guest, Settings};
use crate::rig;
use crate::world::{World, signal, start, switch, vde};

const A: Settings<'static> = Settings { ip: "10.0.0.1/24", mac: "", ping: "" };
const B: Settings<'static> = Settings { ip: "10.0.0.2/24", mac: "", ping: "10.0.0.1" };

fn boot(world: &World, name: &'static str, switch: &RealSwitch, settings: Settings<'_>) -> Guest {
    let nic = format!("{},model=virtio-net-pci,mac=52:54:00:e2:00:{name}0", vde(switch));
    let mut command = world.vdeq();
    command.arg("--control").arg(world.path(name)).args(["qemu-system-x86_64", "-nic", &nic]);
    Guest::boot(name, &mut command, settings)
}

/// Moves the one NIC of a vdeq; where it is then.
fn replug(control: &Path, place: &str) -> Value {
    replug_nic(control, 0, place)
}

fn replug_nic(control: &Path, nic: usize, place: &str) -> Value {
    let mut stream = wait::until("the control socket", || UnixStream::connect(control).ok());
    writeln!(stream, r#"{{"command":"replug","nic":{nic},{place}}}"#).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert!(answer["ok"].is_object(), "{answer}");
    answer["ok"].clone()
}

#[test]
fn guests_that_move_to_another_switch_and_to_another_port_ping_each_other_there() {
    let (world, home, away) = (World::new(), switch(), switch());
    let mut a = boot(&world, "a", &home, A);
    let mut b = boot(&world, "b", &home, B);
    b.expect("VDEQ-GUEST ping OK peer=10.0.0.1");

    let to_away = format!(r#""sock":"{}""#, away.dir().display());
    for name in ["a", "b"] {
        replug(&world.path(name), &to_away);
    }
    home.wait_for_ports("both have left", <[_]>::is_empty);
    assert_eq!(away.busy_ports().len(), 2);
    a.ping("10.0.0.2", 3);

    assert_eq!(replug(&world.path("a"), r#""port":7"#)["port"], 7);
    away.wait_for_ports("port 7", |ports| ports.iter().any(|port| port.number == 7));
    b.ping("10.0.0.1", 3);

    let back = format!(r#""sock":"{}[9]""#, home.dir().display());
    for (name, port) in [("a", 9), ("b", 10)] {
        let place = if port == 9 { back.clone() } else { back.replace("[9]", "[10]") };
        assert_eq!(replug(&world.path(name), &place)["port"], port);
    }
    b.ping("10.0.0.1", 3);
    for guest in [a, b] {
        let pid = guest.pid();
        let (status, said) = guest.power_off();
        assert!(status.success(), "{said}");
        world.assert_no_socket_of(pid, &[home.dir(), away.dir()]);
    }
    away.wait_for_ports("nobody is there", <[_]>::is_empty);
    home.wait_for_ports("every port is given back", <[_]>::is_empty);
}

#[test]
fn a_nic_that_moves_from_port_to_port_leaves_each_of_them_free() {
    let (world, switch) = (World::new(), switch());
    let (control, report) = (world.path("control"), world.path("report"));
    let mut command = world.vdeq();
    command.env(fake_qemu::REPORT, &report).env(fake_qemu::DO, "run");
    command.arg("--control").arg(&control).arg(rig::fake_qemu()).args(["-net", &vde(&switch)]);
    let run = start(command.stdin(Stdio::null()));
    let _ = Report::wait_for(&report, "the VM to run", |report| report.running);
    let descriptors = switch.open_descriptors();
    for turn in 0..60 {
        let port = 2 + turn % 20;
        assert_eq!(replug(&control, &format!(r#""port":{port}"#))["port"], port);
        switch.wait_for_ports("the one port", |ports| {
            ports.iter().map(|port| port.number).eq([port]) && ports[0].endpoints.len() == 1
        });
        assert_eq!(switch.open_descriptors(), descriptors, "turn {turn}");
    }
    signal(run.pid(), "TERM");
    let outcome = run.finish();
    assert!(outcome.status.success(), "{outcome:?}");
    world.assert_nothing_left(outcome.pid, &switch);
}

#[test]
fn nics_that_move_at_once_do_not_cost_a_switch_each_others_ports() {
    const NICS: usize = 8;
    let (world, switch) = (World::new(), switch());
    let (control, report) = (world.path("control"), world.path("report"));
    let mut command = world.vdeq();
    command.env(fake_qemu::REPORT, report).env(fake_qemu::DO, "run").stdin(Stdio::null());
    command.arg("--control").arg(&control).arg(rig::fake_qemu());
    command.args(["-nic", &vde(&switch)].repeat(NICS));
    let run = start(&mut command);
    for _ in 0..3 {
        std::thread::scope(|scope| {
            for nic in 0..NICS {
                let control = &control;
                scope.spawn(move || replug_nic(control, nic, r#""port":"any""#));
            }
        });
        switch.wait_for_ports("a port for each, and no other", |ports| ports.len() == NICS);
    }
    signal(run.pid(), "TERM");
    let outcome = run.finish();
    assert!(outcome.status.success(), "{outcome:?}");
    world.assert_nothing_left(outcome.pid, &switch);
}
