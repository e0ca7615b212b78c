//! Who asked for a port gets that port back, or none: also from a switch that has fewer of them, or has
//! given it to somebody else.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use vde_exec::testkit::fake_qemu;
use vde_exec::testkit::real_switch::{Options, RealSwitch};

use super::account::Outage;
use super::switches::Pair;
use super::vm::Vm;
use crate::rig;
use crate::world::{Running, World, signal, start, vde, wait_stopped};

/// A switch that others may use, and two VMs; the first has asked for port 9.
///
/// A vde_switch refuses a port in silence \[P-6.7\], and vdeq waits for its answer four times as long as
/// `--timeout` says.
fn pair() -> Pair {
    let options = Options { ports: Some(16), mode: Some(0o666), ..Options::default() };
    let (switch, world) = (RealSwitch::start(options), World::new());
    let network = vde(&switch);
    let vms = [format!("{network},port=9"), network]
        .map(|network| Vm::ours(&world, &["--timeout", "0.5"], &network));
    Pair::of(world, switch, vms)
}

/// The port is refused, which is said, and asked for until it is had.
fn gets_it_back(mut pair: Pair, begin: Instant, give: impl FnOnce(&mut RealSwitch)) {
    pair.vms[1].wait_until_said("is back on port 1");
    pair.vms[0].wait_until_said("is not to be had");
    assert!(pair.vms[0].said().contains("network 0: port 9 of "), "{}", pair.vms[0].said());
    assert_eq!(pair.vms[0].times_back(), 0, "{}", pair.vms[0].said());
    give(&mut pair.switch);
    let given = Instant::now();
    let end = pair.line.wait_for_traffic(given);
    pair.outages.push(Outage { begin, end });
    pair.vms[0].wait_until_said("is back on port 9");
    assert_eq!(pair.vms[0].said().matches("is not to be had").count(), 1, "{}", pair.vms[0].said());
    eprintln!("a port that is refused: had {:.1?} after it was free", end - given);
    pair.finish();
}

#[test]
fn a_port_that_the_switch_has_no_more() {
    let mut pair = pair();
    let begin = Instant::now();
    // Of four ports a vde_switch gives out three.
    pair.switch.restart_with_ports(4);
    gets_it_back(pair, begin, |switch| drop(switch.console("port/setnumports 16")));
}

/// A user without a name.
const STRANGER: u32 = 64_125;

/// A VM of another user, to whom nobody else's port is given.
fn stranger(world: &World, switch: &RealSwitch) -> Running {
    assert_eq!(
        vde_exec::effective_user(),
        0,
        "this test needs root: it starts processes of others"
    );
    let [vdeq, qemu] = world.publish([rig::vdeq(), &rig::fake_qemu()]);
    let mut command = world.command(vdeq);
    command.uid(STRANGER).gid(STRANGER).env_remove("XDG_RUNTIME_DIR").arg(qemu);
    command.args(["-net", "nic", "-net", &format!("{},port=9", vde(switch))]);
    start(command.env(fake_qemu::DO, "run").stdin(Stdio::null()))
}

#[test]
fn a_port_that_somebody_else_has_by_now() {
    let mut pair = pair();
    let begin = Instant::now();
    // So that the other is quicker.
    let first = pair.vms[0].pid();
    signal(first, "STOP");
    wait_stopped(first);
    pair.switch.restart_same_dir();
    let other = stranger(&pair.world, &pair.switch);
    pair.switch.wait_for_ports("somebody else to have port 9", |ports| {
        ports.iter().any(|port| port.number == 9)
    });
    signal(first, "CONT");
    gets_it_back(pair, begin, |switch| {
        // In order: a control stream that the kernel closes while another VM calls costs that one its
        // port [P-7.10].
        signal(other.pid(), "TERM");
        drop(other.finish());
        switch
            .wait_for_ports("port 9 to be free", |ports| ports.iter().all(|port| port.number != 9));
    });
}

#[test]
fn a_port_that_is_free_is_had_again() {
    let mut pair = pair();
    let time = pair.outage(RealSwitch::restart_same_dir);
    assert!(time < Duration::from_secs(20));
    assert!(pair.switch.busy_ports().iter().any(|port| port.number == 9));
    pair.finish();
}
