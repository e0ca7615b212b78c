//! A relay is put into the path of running VMs and taken out of it, again and again, while frames flow.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use vde_exec::testkit::real_switch::RealSwitch;
use vde_exec::testkit::wait;

use super::account::Outage;
use super::line::Line;
use super::switches::Pair;
use super::vm::Vm;
use crate::world::{World, switch, vde};

/// How often a relay is put in, and taken out.
const TURNS: usize = 100;

/// A hundred frames in a second and direction, as of a fast ping.
const INTERVAL: Duration = Duration::from_millis(10);

/// Says one thing to a vdeq, and returns what it grants.
fn order(control: &Path, order: &str) -> Value {
    let mut stream = wait::until("the control socket", || UnixStream::connect(control).ok());
    writeln!(stream, "{order}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert!(answer["ok"].is_object(), "{answer}");
    answer["ok"].clone()
}

fn put_in(control: &Path) -> Value {
    order(control, r#"{"command":"relay","nic":0,"features":"stats"}"#)
}

fn take_out(control: &Path) -> Value {
    order(control, r#"{"command":"relay","nic":0}"#)
}

/// What the first VM has for a network.
#[derive(Clone, Copy)]
enum BackEnd {
    Socket,
    Dgram,
}

/// Two VMs of which the first can be asked.
fn pair(back_end: BackEnd, interval: Duration) -> (Pair, PathBuf) {
    let (world, switch) = (World::new(), switch());
    let control = world.path("control");
    let network = vde(&switch);
    let options = ["--control", control.to_str().unwrap()];
    let first = match back_end {
        BackEnd::Socket => Vm::ours(&world, &options, &network),
        BackEnd::Dgram => Vm::dgram(&world, &options, switch.dir()),
    };
    let vms = [first, Vm::ours(&world, &[], &network)];
    vms.iter().for_each(Vm::wait_until_up);
    let begin = Instant::now();
    let line = Line::between(&vms[0].wire, &vms[1].wire, 1, interval);
    let outages = vec![line.wait_until_up(begin)];
    (Pair { world, switch, vms, line, outages }, control)
}

/// What is lost otherwise than in a change is a fault, and so is what comes twice; in the changes of a
/// machine that has nothing else to do nothing is lost at all, but of that no test can be sure.
fn splice(back_end: BackEnd) {
    let (mut pair, control) = pair(back_end, INTERVAL);
    let sockets = pair.vms[0].sockets_of_qemu();
    let port = order(&control, r#"{"command":"status"}"#)["nics"][0]["port"].clone();
    let mut times = [Duration::ZERO; 2];
    for turn in 0..TURNS {
        for (change, time) in [put_in, take_out].into_iter().zip(&mut times) {
            let begin = Instant::now();
            let status = change(&control);
            *time += begin.elapsed();
            assert_eq!(status["port"], port, "turn {turn}");
            let end = pair.line.wait_for_traffic(Instant::now());
            pair.outages.push(Outage { begin, end });
        }
    }
    assert_eq!(pair.vms[0].sockets_of_qemu(), sockets);
    assert_eq!(pair.vms[0].times_back(), 0, "{}", pair.vms[0].said());
    let account = pair.finish();
    let [into, out] = times.map(|time| time / u32::try_from(TURNS).unwrap());
    eprintln!("{TURNS} times in ({into:.1?} each) and out ({out:.1?}): {account}");
    assert!(account.excused < TURNS / 2, "{account}");
}

#[test]
fn a_relay_comes_and_goes_while_frames_flow() {
    splice(BackEnd::Socket);
}

#[test]
fn a_relay_comes_and_goes_with_the_other_back_end_of_qemu() {
    splice(BackEnd::Dgram);
}

#[test]
fn a_relayed_vm_survives_the_restart_of_its_switch_and_goes_direct_after_it() {
    let (mut pair, control) = pair(BackEnd::Socket, Duration::from_millis(2));
    put_in(&control);
    for _ in 0..3 {
        pair.outage(RealSwitch::restart_same_dir);
    }
    pair.vms[0].wait_until_said_times(" is back on port ", 3);
    let begin = Instant::now();
    let status = take_out(&control);
    assert_eq!((&status["state"], &status["relay"]), (&"up".into(), &Value::Null));
    let end = pair.line.wait_for_traffic(Instant::now());
    pair.outages.push(Outage { begin, end });
    pair.outage(RealSwitch::restart_same_dir);
    pair.finish();
}

#[test]
fn a_relay_is_ordered_while_the_switch_is_away() {
    let (mut pair, control) = pair(BackEnd::Socket, Duration::from_millis(2));
    for change in [put_in, take_out] {
        pair.outage(|switch| {
            switch.kill();
            let status = change(&control);
            assert_ne!(status["state"], "up");
            switch.restart_same_dir();
        });
    }
    pair.finish();
}
