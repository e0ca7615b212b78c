//! `vdeq --switch`: real guests on a switch that vdeq serves, beside one of them or alone.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Output, Stdio};

use vde_exec::testkit::wait;

use crate::guest::{Guest, Settings};
use crate::world::{World, signal, sockets_in, start};

const A: Settings<'static> = Settings { ip: "10.0.0.1/24", mac: "", ping: "" };
const B: Settings<'static> = Settings { ip: "10.0.0.2/24", mac: "", ping: "10.0.0.1" };

/// `--switch=DIR`.
fn serve(dir: &Path) -> String {
    format!("--switch={}", dir.display())
}

fn wait_for_switch(dir: &Path) {
    wait::until_true("the switch", || dir.join("ctl").exists());
}

/// A NIC of QEMU's newer kind, whose address ends in `number`.
fn nic(number: u8, backend: &str) -> [String; 2] {
    let nic = format!("{backend},model=virtio-net-pci,mac=52:54:00:e2:00:{number:02x}");
    ["-nic".to_owned(), nic]
}

#[test]
fn two_guests_ping_each_other_on_the_switch_of_one_of_them() {
    let world = World::new();
    let dir = world.path("lab");
    let mut command = world.vdeq();
    command.args([&serve(&dir), "--mac=auto", "qemu-system-x86_64", "-name", "a"]);
    command.args(["-net", "nic", "-net", "vde"]);
    let mut a = Guest::boot("a", &mut command, A);
    wait_for_switch(&dir);
    let named = nic(11, &format!("vde,sock={}", dir.display()));
    let mut b = Guest::boot("b", world.vdeq().arg("qemu-system-x86_64").args(named), B);
    b.expect("VDEQ-GUEST ping OK peer=10.0.0.1");
    a.ping("10.0.0.2", 3);
    let pids = [a.pid(), b.pid()];
    for guest in [b, a] {
        let (status, said) = guest.power_off();
        assert!(status.success(), "{status}");
        assert!(!said.contains("stderr: "), "{said}");
    }
    assert!(!dir.exists(), "it went with its machine");
    for pid in pids {
        world.assert_nothing_left_of(pid, &[]);
    }
}

#[test]
fn guests_that_are_given_no_address_find_each_other_with_addresses_of_their_own() {
    let world = World::new();
    let dir = world.path("lab");
    let serving = start(world.vdeq().arg(serve(&dir)));
    wait_for_switch(&dir);
    let nic = format!("vde,sock={},model=virtio-net-pci", dir.display());
    let guest = |name, options: &[&str], settings| {
        let mut command = world.vdeq();
        command.args(options).args(["qemu-system-x86_64", "-name", name, "-nic"]);
        Guest::boot(name, command.arg(&nic), settings)
    };
    let mut a = guest("a", &["--mac=auto"], A);
    let mut b = guest("b", &["--mac=auto"], B);
    b.expect("VDEQ-GUEST ping OK peer=10.0.0.1");
    a.ping("10.0.0.2", 3);
    for guest in [a, b] {
        let (status, said) = guest.power_off();
        assert!(status.success() && !said.contains("stderr: "), "{said}");
    }
    drop(serving);
}

#[test]
fn guests_that_name_no_switch_find_the_one_that_is_served_and_its_successor() {
    let world = World::new();
    let dir = world.path(".vde2/default.switch");
    let serving = start(world.vdeq().arg("--switch"));
    wait_for_switch(&dir);
    let guest = |name, number, settings| {
        let mut command = world.vdeq();
        Guest::boot(name, command.arg("qemu-system-x86_64").args(nic(number, "vde")), settings)
    };
    let mut a = guest("a", 10, A);
    let mut b = guest("b", 11, B);
    b.expect("VDEQ-GUEST ping OK peer=10.0.0.1");
    drop(serving);
    a.expect("stderr: vdeq: network 0 is lost");
    b.expect("stderr: vdeq: network 0 is lost");
    let serving = start(world.vdeq().arg("--switch"));
    a.expect("stderr: vdeq: network 0 is back");
    b.expect("stderr: vdeq: network 0 is back");
    b.ping("10.0.0.1", 3);
    for guest in [a, b] {
        assert!(guest.power_off().0.success());
    }
    signal(serving.pid(), "TERM");
    let outcome = serving.finish();
    assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
    assert!(sockets_in(&dir).is_empty(), "what the killed one had made stays, without a socket");
}

/// Debian's unixcmd says it on a console, with the dialogue that Debian has for it.
fn unixcmd(world: &World, mgmt: &Path, command: &str) -> Output {
    let mut unixcmd = world.command("unixcmd");
    unixcmd.args(["-f", "/etc/vde2/vdecmd", "-s"]).arg(mgmt).args(command.split(' '));
    unixcmd.output().unwrap()
}

#[test]
fn unixcmd_is_answered_as_by_a_vde_switch() {
    let world = World::new();
    let [our_dir, their_dir] = ["ours", "theirs"].map(|name| world.path(name));
    let [our_mgmt, their_mgmt] = ["our-mgmt", "their-mgmt"].map(|name| world.path(name));
    let mut ours = world.vdeq();
    let ours = start(ours.arg(serve(&our_dir)).arg("--mgmt").arg(&our_mgmt).stdin(Stdio::null()));
    let mut theirs = world.command("vde_switch");
    theirs.arg("-s").arg(&their_dir).arg("-M").arg(&their_mgmt).args(["-f", "/dev/null"]);
    let theirs = start(theirs.stdin(Stdio::piped()));
    for mgmt in [&our_mgmt, &their_mgmt] {
        wait::until_true("a console", || UnixStream::connect(mgmt).is_ok());
    }
    let mut said = 0;
    for command in [
        "port/print",
        "port/create 7",
        "port/allprint",
        "port/print 7",
        "port/remove 7",
        "port/remove 7",
        "port/setnumports 40",
        "port/showinfo",
        "hash/print",
        "nonsense",
        "shutdown",
    ] {
        let [ours, theirs] = [&our_mgmt, &their_mgmt].map(|mgmt| unixcmd(&world, mgmt, command));
        assert_eq!(ours, theirs, "{command}");
        said += ours.stdout.len();
    }
    assert!(said > 200, "{said} bytes were said");
    assert!(ours.finish().status.success() && theirs.finish().status.success());
}
