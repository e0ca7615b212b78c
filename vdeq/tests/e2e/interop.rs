//! Who gets which frame through which switch: clients of three makes, and frames of every kind.
//!
//! What comes of it is a table of `docs/compatibility.md`, held against it word for word.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use vde_exec::serve::{ServeOptions, SwitchServer};
use vde_exec::testkit::real_switch::{Options, RealSwitch};
use vde_exec::testkit::wait;

use crate::debian::VDE_PLUG;
use crate::faults::vm::Vm;
use crate::wire::Wire;
use crate::world::{Running, World, start};

/// Longest wait for a frame that has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// The frames: their name, their destination, and what follows the source address.
const KINDS: [(&str, [u8; 6], &[u8], usize); 6] = [
    ("untagged", [0xff; 6], &[0x88, 0xb5], 100),
    ("802.1Q tag, VLAN 5", [0xff; 6], &[0x81, 0x00, 0x00, 0x05, 0x88, 0xb5], 100),
    ("LACP", [0x01, 0x80, 0xc2, 0, 0, 0x02], &[0x88, 0x09, 0x01], 124),
    ("LLDP", [0x01, 0x80, 0xc2, 0, 0, 0x0e], &[0x88, 0xcc], 100),
    ("jumbo", [0xff; 6], &[0x88, 0xb5], 9014),
    ("runt", [0xff; 6], &[0x88, 0xb5], 30),
];

/// A client of a switch, at whose other end is the test.
enum Client {
    Wire(Wire),
    Vm(Box<Vm>),
    VdePlug(VdePlug),
}

impl Client {
    fn send(&self, frame: &[u8]) {
        match self {
            Self::Wire(wire) => wire.send(frame),
            Self::Vm(vm) => drop(vm.wire.send(frame).unwrap()),
            Self::VdePlug(plug) => plug.send(frame),
        }
    }

    fn receive(&self, patience: Duration) -> Option<Vec<u8>> {
        match self {
            Self::Wire(wire) => wire.receive_any(patience),
            Self::Vm(vm) => {
                let mut buffer = [0; 16 * 1024];
                vm.wire.set_read_timeout(Some(patience)).unwrap();
                vm.wire.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec())
            }
            Self::VdePlug(plug) => plug.frames.recv_timeout(patience).ok(),
        }
    }
}

/// `vde_plug`, whose frames are a stream on its standard input and output, each after its length.
struct VdePlug {
    running: Running,
    frames: Receiver<Vec<u8>>,
}

impl VdePlug {
    fn into(world: &World, dir: &Path) -> Self {
        let mut running = start(world.command(VDE_PLUG).arg(dir).stdin(Stdio::piped()));
        let mut stream = running.child.stdout.take().unwrap();
        let (sender, frames) = channel();
        std::thread::spawn(move || {
            let mut length = [0; 2];
            while stream.read_exact(&mut length).is_ok() {
                let mut frame = vec![0; u16::from_be_bytes(length).into()];
                if stream.read_exact(&mut frame).is_err() || sender.send(frame).is_err() {
                    return;
                }
            }
        });
        Self { running, frames }
    }

    fn send(&self, frame: &[u8]) {
        let mut stream = self.running.child.stdin.as_ref().unwrap();
        let length = u16::try_from(frame.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], frame].concat()).unwrap();
    }
}

fn frame(source: u8, (_, destination, kind, length): (&str, [u8; 6], &[u8], usize)) -> Vec<u8> {
    let mut frame = destination.to_vec();
    frame.extend([2, 0, 0, 0, 0xee, source]);
    frame.extend(kind);
    let filler = (0..length - frame.len()).map(|at| (at % 251).to_le_bytes()[0]);
    frame.extend(filler);
    frame
}

/// What becomes of a frame on its way: another one, which every switch carries, follows it, so that no
/// time has to be waited for what does not come.
fn passes(from: &Client, to: &Client, number: u8, kind: (&str, [u8; 6], &[u8], usize)) -> String {
    let sent = frame(number, kind);
    let mut last = frame(number, ("", [0xff; 6], &[0x88, 0xb6], 100));
    last[50] = number;
    from.send(&sent);
    from.send(&last);
    let mut fate = "dropped".to_owned();
    loop {
        let got = to.receive(PATIENCE).expect("the frame that every switch carries");
        if got == last {
            return fate;
        }
        if got.get(6..12) != Some(&sent[6..12]) {
            continue; // Of somebody else: an announcement, say.
        }
        fate = match got {
            got if got == sent => "whole".to_owned(),
            got if sent.starts_with(&got) => format!("cut to {}", got.len()),
            got if got.starts_with(&sent) => format!("padded to {}", got.len()),
            _ => "altered".to_owned(),
        };
    }
}

/// Waits until a frame comes through, and all that were sent for that: a plug may not be made yet.
fn open_way(from: &Client, to: &Client) {
    let knock = frame(0xff, KINDS[0]);
    wait::until_true("a frame to come through", || {
        from.send(&knock);
        let mut got = std::iter::from_fn(|| to.receive(Duration::from_millis(50)));
        got.any(|got| got == knock)
    });
    passes(from, to, 0xfe, KINDS[0]);
}

/// A line of the table for each kind of frame.
fn rows(name: &str, dir: &Path) -> Vec<String> {
    let world = World::new();
    let network = format!("vde,sock={}", dir.display());
    let wire = Client::Wire(Wire::into_dir(dir, 1));
    let clients = [
        Client::VdePlug(VdePlug::into(&world, dir)),
        Client::Vm(Box::new(Vm::native(&world, &network))),
        Client::Vm(Box::new(Vm::ours(&world, &[], &network))),
    ];
    for client in &clients {
        if let Client::Vm(vm) = client {
            vm.wait_until_up();
        }
        open_way(client, &wire);
        open_way(&wire, client);
    }
    let row = |kind: (&str, [u8; 6], &[u8], usize)| {
        let cells = clients.iter().enumerate().map(|(number, client)| {
            let number = u8::try_from(number).unwrap() * 2 + 1;
            let out = passes(client, &wire, number, kind);
            let back = passes(&wire, client, number + 1, kind);
            if out == back { out } else { format!("out {out}, in {back}") }
        });
        let cells: Vec<String> = cells.collect();
        format!("| {name} | {} | {} |", kind.0, cells.join(" | "))
    };
    KINDS.into_iter().map(row).collect()
}

#[test]
fn frames_of_every_kind_pass_as_the_table_says() {
    let mut table = Vec::new();
    for (name, hub) in [("`vde_switch`", false), ("`vde_switch --hub`", true)] {
        let switch = RealSwitch::start(Options { hub, ..Options::default() });
        table.extend(rows(name, switch.dir()));
    }
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("switch");
    let served = SwitchServer::open(&ServeOptions::new(&dir)).unwrap().spawn().unwrap();
    table.extend(rows("`vdeq --switch`", &dir));
    served.stop().unwrap();
    let table = table.join("\n");
    let page = include_str!("../../../docs/compatibility.md");
    assert!(page.contains(&table), "docs/compatibility.md should say:\n{table}");
}
