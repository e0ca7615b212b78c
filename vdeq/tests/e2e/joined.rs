//! What vde-args says of the NIC and the name of each plug, held against real QEMUs: `set_link`
//! takes every name, and every address is in force.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use serde_json::json;
use vde_args::{CommandLine, Invocation, Network, QemuVersion};

use crate::qmp::{Qmp, words};
use crate::rig;

/// Command lines, and the names of their plugs; `-` is none.
const LINES: [(&str, &str); 9] = [
    ("-nic vde,mac=52:54:00:01:00:01", "-"),
    ("-nic vde,id=lan,mac=52:54:00:01:00:01,mac=52:54:00:01:00:02", "lan"),
    ("-net nic,macaddr=52:54:0:1:0:3 -net vde", "-"),
    ("-net nic,macaddr=52-54-00-01-00-04 -net vde,id=lan", "lan"),
    ("-net nic -net vde,name=lan -net vde,vlan=1 -net nic,vlan=1", "lan vdeq0"),
    ("-net nic,vlan=2,macaddr=52:54:00:01:00:05 -net vde,vlan=2 -net nic -net vde", "vdeq0 -"),
    ("-net nic,vlan=1 -net nic,vlan=1 -net vde,vlan=1", "vdeq2"),
    ("-netdev vde,id=a.b-c_d -device e1000,netdev=a.b-c_d,mac=52:54:00:01:00:06", "a.b-c_d"),
    ("", "-"),
];

/// With `--link-state`: every plug that has a NIC to itself has a name.
const TOLD: [(&str, &str); 5] = [
    ("-nic vde,mac=52:54:00:01:00:01", "vdeq0"),
    ("-net nic,macaddr=52:54:0:1:0:3 -net vde", "vdeq0"),
    ("-net nic,model=e1000,macaddr=52:54:0:1:0:3,name=n -net vde,name=lan", "lan"),
    ("-net nic -net vde -net user", "-"),
    ("", "vdeq0"),
];

/// More of them, for a QEMU that reads JSON.
const IN_JSON: (&str, &str) = (
    r#"-netdev {"type":"vde","id":"n"} -device {"driver":"e1000","netdev":"n","mac":"52:54:00:01:00:07"}"#,
    "n",
);

/// Starts the QEMU with what becomes of the line, and asks it.
fn check(qemu: &str, version: QemuVersion, link_state: bool, line: &str, expected: &str) {
    let argv = words(&line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>());
    let mut run = Invocation::new("qemu", CommandLine::parse(&argv));
    run.options.link_state = link_state;
    let network = Network::read(&run).unwrap();
    let plugs: Vec<_> = network.plugs().iter().map(|_| UnixDatagram::pair().unwrap()).collect();
    let (near, _far): (Vec<_>, Vec<_>) =
        plugs.into_iter().map(|(near, far)| (OwnedFd::from(near), far)).unzip();
    let fds: Vec<i32> = near.iter().map(AsRawFd::as_raw_fd).collect();
    let mut args = words(&["-M", "pc", "-accel", "tcg", "-m", "16"]);
    args.extend(network.rewrite(version, &fds).unwrap().args);
    let mut qmp = Qmp::start(&rig::qemu(qemu), &args, &near)
        .unwrap_or_else(|said| panic!("{qemu}, {line}: {said}"));
    let connected = qmp.monitor("info network");

    let names = network.link_names(version);
    let shown: Vec<_> = names.iter().map(|name| name.as_deref().unwrap_or("-")).collect();
    assert_eq!(shown.join(" "), expected, "{qemu}, {line}");
    for (name, fd) in names.iter().zip(&fds) {
        let Some(name) = name else { continue };
        let is_plug = format!("{name}: index=0,type=socket,socket: fd={fd} unix");
        assert!(connected.contains(&is_plug), "{qemu}, {line}: {connected}");
        for up in [false, true] {
            let answer = qmp.execute("set_link", json!({ "name": name, "up": up }));
            answer.unwrap_or_else(|error| panic!("{qemu}, {line}: {error}"));
        }
    }
    let macs = network.macs();
    assert_eq!(macs.iter().any(Option::is_some), line.contains("52"), "{line}: {macs:?}");
    for mac in macs.into_iter().flatten() {
        let bytes = mac.map(|byte| format!("{byte:02x}"));
        let is_in_force = format!("macaddr={}", bytes.join(":"));
        assert!(connected.contains(&is_in_force), "{qemu}, {line}: {connected}");
    }
}

#[test]
fn every_qemu_takes_the_names_and_has_the_addresses() {
    for qemu in rig::QEMUS {
        let said = Command::new(rig::qemu(qemu)).arg("-version").output().unwrap().stdout;
        let version = QemuVersion::parse_output(&said).unwrap();
        let json = (version >= QemuVersion::new(7, 2, 0)).then_some(IN_JSON);
        for (line, names) in LINES.into_iter().chain(json) {
            check(qemu, version, false, line, names);
        }
        for (line, names) in TOLD {
            check(qemu, version, true, line, names);
        }
    }
}
