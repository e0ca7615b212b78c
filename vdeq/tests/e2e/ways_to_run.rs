//! The ways in which a VM can be started: socket mode, as a daemon, without a supervisor.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use vde_exec::testkit::wait;

use crate::guest::{Guest, Settings, machine};
use crate::world::{KillProcess, World, finish, signal, sockets_in, start, switch, vde, wait_gone};

const A: Settings<'static> = Settings { ip: "10.0.0.1/24", mac: "", ping: "" };
const B: Settings<'static> = Settings { ip: "10.0.0.2/24", mac: "", ping: "10.0.0.1" };

/// A NIC whose address ends in `number`.
fn nic(number: u8, backend: &str) -> [String; 2] {
    let nic = format!("{backend},model=virtio-net-pci,mac=52:54:00:e2:00:{number:02x}");
    ["-nic".to_owned(), nic]
}

#[test]
fn mod_gives_the_socket_its_permissions_while_the_switch_is_asked() {
    let (world, switch) = (World::new(), switch());
    switch.stop();
    let mut command = world.vdeq();
    command.args(["--timeout", "60", "qemu-system-x86_64", "--mod", "0660"]);
    let mut a = Guest::boot("a", command.args(nic(10, &vde(&switch))), A);
    let socket = wait::until("vdeq to make its socket", || {
        sockets_in(switch.dir()).into_iter().find(|path| *path != switch.ctl())
    });
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o660, "{}", socket.display());
    assert_eq!(world.sockets_of(a.pid(), &[switch.dir()]), [socket]);
    switch.cont();

    let mut b =
        Guest::boot("b", world.vdeq().arg("qemu-system-x86_64").args(nic(11, &vde(&switch))), B);
    b.expect("VDEQ-GUEST ping OK peer=10.0.0.1");
    a.ping("10.0.0.2", 3);
    world.assert_no_socket_of(a.pid(), &[switch.dir()]);
}

#[test]
fn a_daemonized_vm_is_watched_over_from_the_background_for_its_life() {
    let (world, switch) = (World::new(), switch());
    let (pid_file, console) = (world.path("pid"), world.path("console"));
    let mut command = world.vdeq();
    command.arg("qemu-system-x86_64").args(nic(10, &vde(&switch))).arg("-daemonize");
    command.arg("-pidfile").arg(&pid_file);
    command.arg("-serial").arg(format!("file:{}", console.display()));
    let outcome = finish(machine(&mut command, A));
    assert!(outcome.status.success(), "{outcome:?}");
    let daemon: u32 = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    let _daemon = KillProcess(daemon);

    let mut b =
        Guest::boot("b", world.vdeq().arg("qemu-system-x86_64").args(nic(11, &vde(&switch))), B);
    b.expect("VDEQ-GUEST ping OK peer=10.0.0.1");
    let of_b = format!("pid={} ", b.pid());
    let ports = switch.busy_ports();
    let mut descriptions = ports.iter().map(|port| port.endpoints[0].description.clone());
    let description = descriptions.find(|text| !text.contains(&of_b)).unwrap();
    let watcher: u32 =
        description.split(' ').find_map(|word| word.strip_prefix("pid=")).unwrap().parse().unwrap();
    let _watcher = KillProcess(watcher);
    assert_ne!(watcher, outcome.pid, "the prompt came back");
    let children = fs::read_to_string(format!("/proc/{watcher}/task/{watcher}/children")).unwrap();
    assert_eq!(children.trim(), daemon.to_string(), "the processes on the way are no more");

    // It does there what it does in front of a terminal.
    let port = ports.iter().find(|port| !port.endpoints[0].description.contains(&of_b)).unwrap();
    let _ = switch.console(&format!("port/epclose {} {}", port.number, port.endpoints[0].id));
    switch.wait_for_ports("the watcher to plug in again", |ports| {
        let mut endpoints = ports.iter().flat_map(|port| &port.endpoints);
        endpoints.any(|endpoint| endpoint.description == description)
    });
    b.ping("10.0.0.1", 3);

    signal(daemon, "TERM");
    wait_gone(daemon);
    wait_gone(watcher);
    switch.wait_for_ports("the daemon's port is given back", |ports| ports.len() == 1);
    b.power_off();
    world.assert_nothing_left(watcher, &switch);
}

#[test]
fn exec_makes_vdeq_the_qemu_itself() {
    let (world, switch) = (World::new(), switch());
    let exec = |number| {
        let mut command = world.vdeq();
        command.args(["--exec", "qemu-system-x86_64"]).args(nic(number, &vde(&switch)));
        command
    };
    let mut a = Guest::boot("a", &mut exec(10), A);
    let mut b = Guest::boot("b", &mut exec(11), B);
    a.expect("VDEQ-GUEST up");
    for guest in [&a, &b] {
        let exe = fs::read_link(format!("/proc/{}/exe", guest.pid())).unwrap();
        assert!(exe.to_string_lossy().contains("qemu-system-x86_64"), "{}", exe.display());
    }
    b.expect("VDEQ-GUEST ping OK peer=10.0.0.1");

    // Nobody is left to tidy up, and nothing needs to be: the kernel closes what QEMU had.
    let (first, second) = (a.pid(), b.pid());
    signal(first, "KILL");
    switch.wait_for_ports("the killed VM's port is given back", |ports| ports.len() == 1);
    let (status, said) = b.power_off();
    assert!(status.success(), "{said}");
    for pid in [first, second] {
        world.assert_nothing_left(pid, &switch);
    }
}

#[test]
fn a_vm_goes_on_and_keeps_its_network_when_vdeq_is_killed() {
    let (world, switch) = (World::new(), switch());
    let mut a =
        Guest::boot("a", world.vdeq().arg("qemu-system-x86_64").args(nic(10, &vde(&switch))), A);
    a.expect("VDEQ-GUEST up");
    signal(a.pid(), "KILL");
    let mut b =
        Guest::boot("b", world.vdeq().arg("qemu-system-x86_64").args(nic(11, &vde(&switch))), B);
    b.expect("VDEQ-GUEST ping OK peer=10.0.0.1");
    assert_eq!(switch.busy_ports().len(), 2);
}

#[test]
fn sigterm_to_vdeq_ends_the_vm_and_gives_the_port_back() {
    let (world, switch) = (World::new(), switch());
    let mut command = world.vdeq();
    command.args(["qemu-system-x86_64", "-M", "none", "-display", "none", "-S"]);
    command.args(["-monitor", "none", "-nic", &vde(&switch)]).stdin(Stdio::null());
    let child = start(&mut command);
    switch.wait_for_ports("vdeq to plug in", |ports| ports.len() == 1);
    signal(child.pid(), "TERM");
    let outcome = child.finish();
    world.assert_nothing_left(outcome.pid, &switch);
}
