//! A relay is put into the path of running VMs and taken out of it, again and again, while frames flow.

use std::collections::BTreeSet;
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
use crate::guest::{Guest, Settings};
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

/// The numbers of the pings that a guest has had answers to.
fn answered(guest: &Guest) -> BTreeSet<usize> {
    let lines = guest.lines();
    let began = lines.iter().position(|line| line.contains("VDEQ-GUEST done")).unwrap();
    let number = |line: &String| line.split_once(" seq=")?.1.split(' ').next()?.parse().ok();
    lines[began..].iter().filter_map(number).collect()
}

/// Two guests of which the first can be put behind a relay, and the second has reached the first.
fn guests(world: &World, switch: &RealSwitch, control: &Path) -> [Guest; 2] {
    let boot = |name, number: u8, ip: &str, ping: &str, options: &[&str]| {
        let nic = format!("{},model=virtio-net-pci,mac=52:54:00:fb:00:{number:02x}", vde(switch));
        let mut command = world.vdeq();
        command.args(options).args(["qemu-system-x86_64", "-nic", &nic]);
        Guest::boot(name, &mut command, Settings { ip, mac: "", ping })
    };
    let options = ["--control", control.to_str().unwrap()];
    let mut first = boot("first", 1, "10.0.0.1/24", "", &options);
    let mut second = boot("second", 2, "10.0.0.2/24", "10.0.0.1", &[]);
    first.expect("VDEQ-GUEST up");
    second.expect("VDEQ-GUEST done");
    [first, second]
}

fn power_off(guests: [Guest; 2]) {
    for guest in guests {
        let (status, said) = guest.power_off();
        assert!(status.success(), "{said}");
    }
}

#[test]
fn a_guest_that_pings_a_hundred_times_a_second_does_not_notice_relays() {
    let (world, switch) = (World::new(), switch());
    let control = world.path("control");
    let [pinged, mut pinging] = guests(&world, &switch, &control);
    pinging.tell("stream 10.0.0.1 0.01");
    let wait_for_more = |than: usize| {
        wait::until("pings to be answered", || {
            answered(&pinging).last().copied().filter(|last| *last > than)
        })
    };
    let first = wait_for_more(0);
    let mut last = first;
    for _ in 0..TURNS {
        for change in [put_in, take_out] {
            change(&control);
            last = wait_for_more(last);
        }
    }
    let last = wait_for_more(last + 20);
    let got = answered(&pinging);
    let lost = (first..=last).filter(|number| !got.contains(number)).count();
    eprintln!("{TURNS} times in and out: {lost} of {} pings lost", last - first);
    // A machine that has other things to do stretches the moments in which one can be lost.
    assert!(lost < TURNS / 2, "{lost} pings lost");
    pinging.tell("hush");
    pinging.expect("VDEQ-GUEST hushed");
    power_off([pinging, pinged]);
}

#[test]
fn a_stream_of_tcp_survives_relays() {
    /// Of a stream, in seconds; as many are sent as the changes take.
    const LENGTH: u32 = 10;
    let (world, switch) = (World::new(), switch());
    let control = world.path("control");
    let [mut server, mut client] = guests(&world, &switch, &control);
    server.tell("serve");
    server.expect("VDEQ-GUEST serving");
    let ended = |client: &Guest| {
        client
            .lines()
            .into_iter()
            .filter(|line| line.contains("VDEQ-GUEST tcp "))
            .collect::<Vec<_>>()
    };
    let (mut turns, mut relayed, mut streams) = (0, 0, Vec::new());
    while turns < TURNS {
        client.tell(&format!("tcp 10.0.0.1 {LENGTH}"));
        let before = streams.len();
        while streams.len() == before && turns < TURNS {
            put_in(&control);
            // Unless the stream has just ended.
            relayed += wait::until("frames in the relay", || {
                let relay = &order(&control, r#"{"command":"status"}"#)["nics"][0]["relay"];
                let count = |way: &str| relay[way]["received"]["frames"].as_u64();
                let is_passed =
                    ["from_vm", "to_vm"].iter().all(|way| count(way).is_some_and(|n| n > 0));
                (is_passed || ended(&client).len() > before).then_some(usize::from(is_passed))
            });
            take_out(&control);
            turns += 1;
            streams = ended(&client);
        }
        wait::until_true("the end of a stream", || {
            streams = ended(&client);
            streams.len() > before
        });
    }
    eprintln!("{turns} times in and out, {relayed} with frames of {streams:?}");
    assert!(streams.iter().all(|line| line.contains("tcp OK")), "{streams:?}");
    assert!(relayed > TURNS / 2, "{relayed}");
    power_off([server, client]);
}
