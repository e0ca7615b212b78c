//! One box between two sockets: nothing, a vdeq, a switch, a QEMU.

use std::os::unix::net::UnixDatagram;
use std::path::Path;

use vde_benches::cpu::{self, Placement};
use vde_benches::rounds::{Findings, Plan, Way};
use vde_benches::world::{Handed, Vm, World, vde};
use vde_benches::{FarEnd, Outlet, Plug};
use vde_exec::testkit::real_switch::{Options, RealSwitch};

use crate::{Scene, cases};

const PLAN: Plan = Plan { rounds: 7, frames: 100_000, trips: 4_000 };

/// Longest frames that are sent: through what carries any, and through the C vdeq and `vde_switch`,
/// which cut frames at 2,048 and 1,518 bytes.
const JUMBO: usize = 9_000;
const SHORT: usize = 1_514;

const METHOD: &str = "\
### One hop

Method (`benches/path/hop.rs`): frames go from one socket to another through one box, with nothing \
else on the way: a sender and a receiver, each a thread, and the box, a process. The sender sends as \
fast as it is let; both put up to 32 frames into a system call, so that they cost less than any box and \
it is the box that is measured; then single frames go there and back. The kernel's floor is a socket pair. Direct: \
our vdeq has started a program in QEMU's place, whose descriptor the sender has; the other end is the \
data socket of a switch that does nothing else. C vdeq: the same with Debian's. QEMU is a hub between a \
socket and its network, without a guest. A switch has two ports. Our relay is in the path of a VM of \
vdeq (`--relay stats`, and `--relay pcap=FILE`, a file in memory or on disk, as `/tmp` is).";

pub(crate) fn measure(scene: &mut Scene<'_>) {
    let plan = scene.plan(PLAN);
    let ways = ways(scene.world);
    let findings = Findings::measure(&ways, &cases(&[64, 1514, 9000]), plan);
    scene.report.add(METHOD);
    scene.report.add("Free to run on any CPU:");
    scene.report.add(&findings.table(Placement::Free, "C vdeq"));
    scene.report.add("All on one core:");
    scene.report.add(&findings.table(Placement::OneCore, "C vdeq"));
}

fn ways(world: &World) -> Vec<Way> {
    let theirs = |switch: &Path| world.handed_by_theirs(&vde(switch));
    vec![
        floor(),
        direct(world),
        handed("C vdeq", SHORT, theirs),
        relay(world),
        relayed("our relay, capturing", &world.handed_options("pcap"), world),
        vde_switch(),
        own_switch(world),
        hub("QEMU, native vde", JUMBO, |switch| world.native_hub(switch)),
        hub("QEMU, direct", JUMBO, |switch| world.hub_of_ours(&[], switch)),
        hub("QEMU, C vdeq", SHORT, |switch| world.hub_of_theirs(switch)),
    ]
}

/// Our vdeq without a relay.
pub(crate) fn direct(world: &World) -> Way {
    handed("direct", JUMBO, |switch| world.handed_by_ours(&[], 1, &vde(switch)))
}

/// Our vdeq with a relay that does nothing but count.
pub(crate) fn relay(world: &World) -> Way {
    relayed("our relay", &world.handed_options("stats"), world)
}

fn floor() -> Way {
    let (near, far) = UnixDatagram::pair().expect("a socket pair");
    Way::new("kernel floor", (&near, &[&far]), &[], JUMBO)
}

/// Starts a client of a switch that does nothing, which waits for it meanwhile.
fn plugged<T: Send>(start: impl FnOnce(&Path) -> T + Send) -> (T, Outlet, FarEnd) {
    let far_end = FarEnd::open();
    let (started, outlet) = std::thread::scope(|scope| {
        let starting = scope.spawn(|| start(far_end.dir()));
        let outlet = far_end.accept();
        (starting.join().expect("a start"), outlet)
    });
    (started, outlet, far_end)
}

fn handed(name: &'static str, longest: usize, start: impl FnOnce(&Path) -> Handed + Send) -> Way {
    let (vm, outlet, far_end) = plugged(start);
    let near = vm.plugs.first().expect("a NIC");
    let way = Way::new(name, (near, &[&outlet.data]), &vm.groups, longest);
    way.keeping((vm, outlet, far_end))
}

fn hub(name: &'static str, longest: usize, start: impl FnOnce(&Path) -> Vm + Send) -> Way {
    let (vm, outlet, far_end) = plugged(start);
    let way = Way::new(name, (&vm.wire, &[&outlet.data]), &vm.groups, longest);
    way.keeping((vm, outlet, far_end))
}

/// Our vdeq with a relay in the path of its VM from the start: the switch plugs the VM in, and right
/// after that the relay in its place.
fn relayed(name: &'static str, feature: &str, world: &World) -> Way {
    let start = |switch: &Path| world.handed_by_ours(&["--relay", feature], 1, &vde(switch));
    let (vm, direct, far_end) = plugged(start);
    let outlet = far_end.accept();
    drop(direct);
    let near = vm.plugs.first().expect("a NIC");
    let way = Way::new(name, (near, &[&outlet.data]), &vm.groups, JUMBO);
    way.keeping((vm, outlet, far_end))
}

/// Our switch, with two ports.
pub(crate) fn own_switch(world: &World) -> Way {
    let switch = world.own_switch(32);
    let (near, far) = (Plug::into(&switch.dir), Plug::into(&switch.dir));
    let groups = cpu::groups(&[switch.pid]);
    let way = Way::new("our switch", (&near.data, &[&far.data]), &groups, JUMBO);
    way.keeping((near, far, switch))
}

fn vde_switch() -> Way {
    let switch = RealSwitch::start(Options::default());
    let (near, far) = (Plug::into(switch.dir()), Plug::into(switch.dir()));
    let groups = cpu::groups(&[switch.pid()]);
    let way = Way::new("vde_switch", (&near.data, &[&far.data]), &groups, SHORT);
    way.keeping((near, far, switch))
}
