//! What cannot work is refused in time, with cause and remedy, and nothing is started or left
//! behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use vde_exec::testkit::fake_qemu;
use vde_exec::testkit::real_switch::{Options, RealSwitch};

use crate::rig;
use crate::world::{World, finish, sockets_in, switch};

/// Nobody's user and group in Debian.
const NOBODY: u32 = 65_534;

/// Longest time for a refusal where vdeq was told to wait for one second.
const IN_TIME: Duration = Duration::from_secs(4);

/// Adds a VM to the command that tells if it is started, and expects that it is not: vdeq says
/// `words` and fails.
fn refused(world: &World, command: &mut Command, network: &str, words: &[&str]) {
    refused_with(&rig::fake_qemu(), world, command, network, words);
}

/// The same with the QEMU that is here.
fn refused_with(qemu: &Path, world: &World, command: &mut Command, network: &str, words: &[&str]) {
    let report = world.path("report");
    command.env(fake_qemu::REPORT, &report).args(["--timeout", "1"]).arg(qemu);
    let begin = Instant::now();
    let outcome = finish(command.args(["-net", "nic", "-net", network]));
    assert_eq!(outcome.status.code(), Some(125), "{outcome:?}");
    assert!(begin.elapsed() < IN_TIME, "{:?}: {outcome:?}", begin.elapsed());
    assert!(!report.exists(), "a VM was started: {outcome:?}");
    assert_eq!(outcome.stdout, "");
    for word in words {
        assert!(outcome.stderr.contains(word), "{word:?} is not in {}", outcome.stderr);
    }
    world.assert_no_socket_of(outcome.pid, &[]);
}

fn sock(dir: &Path) -> String {
    format!("vde,sock={}", dir.display())
}

/// After a refusal the switch has no port of ours and its directory no socket.
fn assert_untouched(switch: &RealSwitch) {
    assert_eq!(switch.busy_ports(), []);
    assert_eq!(sockets_in(switch.dir()), [switch.ctl()]);
}

#[test]
fn an_absent_switch() {
    let world = World::new();
    let dir = world.path("nobody");
    let path = dir.to_str().unwrap();
    let remedy = format!("vde_switch -d -s {path}");
    refused(&world, &mut world.vdeq(), &sock(&dir), &[path, &remedy]);
    assert!(!dir.exists());
}

#[test]
fn a_dead_switch() {
    let (world, mut switch) = (World::new(), switch());
    switch.kill();
    let path = switch.ctl();
    let words = [path.to_str().unwrap(), "nobody listens", "vde_switch -d -s"];
    refused(&world, &mut world.vdeq(), &sock(switch.dir()), &words);
    assert_eq!(sockets_in(switch.dir()), [switch.ctl()]);
}

#[test]
fn a_port_beyond_the_last_one_which_the_switch_refuses_in_silence() {
    let world = World::new();
    let switch = RealSwitch::start(Options { ports: Some(8), ..Options::default() });
    for port in [8, 99] {
        let network = format!("{},port={port}", sock(switch.dir()));
        let asked = format!("port {port}");
        refused(&world, &mut world.vdeq(), &network, &[&asked, "did not answer", "vde_switch -n"]);
        assert_untouched(&switch);
    }
}

#[test]
fn a_switch_that_hangs() {
    let (world, switch) = (World::new(), switch());
    switch.stop();
    let words = [switch.dir().to_str().unwrap(), "did not answer within", "--timeout"];
    refused(&world, &mut world.vdeq(), &sock(switch.dir()), &words);
    assert_eq!(sockets_in(switch.dir()), [switch.ctl()]);
    switch.cont();
    assert_untouched(&switch);
}

#[test]
fn a_switch_of_somebody_else() {
    let (world, switch) = (World::new(), switch());
    // Wherever the build is, there every user can reach them.
    let [vdeq, qemu] = world.publish([rig::vdeq(), &rig::fake_qemu()]);
    let mut command = world.command(&vdeq);
    let usual = fs::metadata(switch.dir()).unwrap().permissions();
    if vde_exec::effective_user() == 0 {
        command.uid(NOBODY).gid(NOBODY); // the switch is root's, and its directory closed
    } else {
        fs::set_permissions(switch.dir(), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let words = [switch.dir().to_str().unwrap(), "ermission denied", "vde_switch -m"];
    refused_with(&qemu, &world, &mut command, &sock(switch.dir()), &words);
    fs::set_permissions(switch.dir(), usual).unwrap();
    assert_untouched(&switch);
}

#[test]
fn a_directory_that_is_too_long_for_a_socket_address() {
    let world = World::new();
    let mut dir = world.path("long-");
    let missing = 104 - dir.as_os_str().len();
    dir.as_mut_os_string().push("x".repeat(missing));
    let switch = RealSwitch::start(Options { dir: Some(dir.clone()), ..Options::default() });
    refused(&world, &mut world.vdeq(), &sock(&dir), &["104", "103", "shorter"]);
    assert_eq!(switch.busy_ports(), []);
}

#[test]
fn words_that_make_no_sense() {
    let (world, switch) = (World::new(), switch());
    let network = sock(switch.dir());
    for (bad, words) in [
        ("foo=1", ["foo", "sock="]),
        ("prot=3", ["prot", "port"]),
        ("port=abc", ["abc", "^^^"]),
        ("port=-1", ["-1", "^^"]),
        ("port=99999999999", ["99999999999", "^^^"]),
        ("vlan=zz", ["zz", "^^"]),
    ] {
        refused(&world, &mut world.vdeq(), &format!("{network},{bad}"), &words);
    }
    assert_untouched(&switch);
}

#[test]
fn the_second_network_of_a_vm_takes_the_first_one_down_with_it() {
    let (world, switch) = (World::new(), switch());
    let absent = world.path("nobody");
    let mut command = world.vdeq();
    let report = world.path("report");
    command.env(fake_qemu::REPORT, &report).arg(rig::fake_qemu());
    let networks = ["-net", "nic", "-net", &sock(switch.dir()), "-net", &sock(&absent)];
    let outcome = finish(command.args(networks));
    assert_eq!(outcome.status.code(), Some(125), "{outcome:?}");
    assert!(!report.exists() && outcome.stderr.contains(absent.to_str().unwrap()), "{outcome:?}");
    world.assert_nothing_left(outcome.pid, &switch);
}
