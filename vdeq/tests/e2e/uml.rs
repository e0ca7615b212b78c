//! User-mode Linux, a virtual machine that is no QEMU: by a placeholder, and by its own old transport.
//!
//! A kernel is a session of its own with some helper processes: those are looked for when it has ended,
//! and killed when a test fails.

use std::cell::Cell;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

use vde_exec::PortInfo;
use vde_exec::testkit::real_switch::RealSwitch;
use vde_exec::testkit::wait;

use crate::guest::{Guest, Settings};
use crate::rig;
use crate::world::{World, signal, switch};

const A: Settings<'static> = Settings { ip: "10.0.0.1/24", mac: "", ping: "" };
const B: Settings<'static> = Settings { ip: "10.0.0.2/24", mac: "", ping: "10.0.0.1" };

const MAC_A: &str = "fe:fd:00:00:00:0a";
const MAC_B: &str = "fe:fd:00:00:00:0b";

/// The processes of a kernel.
struct Processes {
    /// Where it writes down its process id, which is that of its group. Gone if it ends in order.
    pid_file: PathBuf,
    /// What was read there.
    known: Cell<Option<u32>>,
}

impl Processes {
    /// Those of the kernel that is going to have this name in this world.
    fn of(world: &World, name: &str) -> Self {
        Self { pid_file: world.path(&format!(".uml/{name}/pid")), known: Cell::new(None) }
    }

    /// The kernel itself; it has to run.
    fn kernel(&self) -> u32 {
        let kernel = wait::until("the kernel to write its process id", || self.read());
        self.known.set(Some(kernel));
        kernel
    }

    fn read(&self) -> Option<u32> {
        fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()
    }

    /// The numbers of all that there are of the kernel with this number, zombies aside.
    fn all(kernel: u32) -> Vec<u32> {
        let is_one = |stat: &str| {
            let mut fields = stat.rsplit(") ").next()?.split(' ');
            let (state, group) = (fields.next()?, fields.nth(1)?);
            (state != "Z" && group == kernel.to_string()).then_some(())
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let stats = entries.filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            is_one(&fs::read_to_string(entry.path().join("stat")).ok()?)?;
            Some(number)
        });
        stats.collect()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        if let Some(group) = self.known.get().or_else(|| self.read()) {
            let order = format!("kill -s KILL -- -{group} 2>/dev/null");
            let _ = Command::new("sh").args(["-c", &order]).status();
        }
    }
}

/// A command with all that a kernel needs but its network.
fn kernel<'a>(command: &'a mut Command, name: &str, settings: Settings<'_>) -> &'a mut Command {
    command.arg(rig::uml()).arg(format!("umid={name}")).args(["mem=64M", "quiet"]);
    command.arg(format!("initrd={}", rig::uml_initrd().display()));
    command.args(["con=null", "con0=fd:0,fd:1"]).args(settings.words())
}

/// The argument for UML's vector device, with a placeholder.
fn vector(switch: &RealSwitch, port: u32, mac: &str) -> String {
    let dir = switch.dir().display();
    format!("vec0:transport=fd,fd={{vde:sock={dir},port={port}}},mac={mac}")
}

/// Nothing is left of a kernel and of the vdeq that started it.
fn assert_nothing_left(world: &World, vdeq: u32, kernel: u32, switch: &RealSwitch) {
    wait::until_true("every process of the kernel to be gone", || {
        Processes::all(kernel).is_empty()
    });
    let dirs = fs::read_dir(world.path(".uml")).unwrap().flatten();
    assert_eq!(dirs.map(|entry| entry.path()).collect::<Vec<_>>(), [""; 0].map(PathBuf::from));
    world.assert_nothing_left(vdeq, switch);
}

fn description(port: &PortInfo) -> &str {
    &port.endpoints[0].description
}

#[test]
fn user_mode_linux_by_a_placeholder_and_by_its_old_transport_ping_each_other() {
    let (world, switch) = (World::new(), switch());
    let (processes_a, processes_b) = (Processes::of(&world, "a"), Processes::of(&world, "b"));
    let mut command = world.vdeq();
    kernel(command.arg("--fd-placeholder"), "a", A).arg(vector(&switch, 3, MAC_A));
    let mut a = Guest::start("a", &mut command);
    let mut command = world.vdeq();
    let old = format!("eth0=vde,{},{MAC_B},4,,0600,Bobs-lab", switch.dir().display());
    let mut b = Guest::start("b", kernel(&mut command, "b", B).arg(old));

    a.expect(&format!("VDEQ-GUEST vec0 {MAC_A} 10.0.0.1/24 uml-vector"));
    b.expect(&format!("VDEQ-GUEST vec0 {MAC_B} 10.0.0.2/24 uml-vector"));
    b.expect("stderr: vdeq: in the guest the interface is called vec0, not eth0");
    b.expect("VDEQ-GUEST ping OK peer=10.0.0.1");
    a.ping("10.0.0.2", 3);

    let ports = switch.busy_ports();
    let [three, four] = &ports[..] else { panic!("{ports:?}") };
    assert_eq!((three.number, four.number), (3, 4));
    assert!(description(three).ends_with(&format!("pid={} net=0", a.pid())), "{three:?}");
    assert!(description(four).ends_with(&format!("pid={} net=0 Bobs-lab", b.pid())), "{four:?}");

    let pids = [(a.pid(), processes_a.kernel()), (b.pid(), processes_b.kernel())];
    for guest in [a, b] {
        let (status, said) = guest.power_off();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(said.contains("reboot: System halted"), "{said}");
    }
    for (vdeq, kernel) in pids {
        assert_nothing_left(&world, vdeq, kernel, &switch);
    }
}

/// A kernel that runs, on port 3 of the switch, and its number.
fn running(world: &World, switch: &RealSwitch, processes: &Processes) -> (Guest, u32) {
    let mut command = world.vdeq();
    kernel(&mut command, "a", A).arg(vector(switch, 3, MAC_A));
    let mut guest = Guest::start("a", &mut command);
    guest.expect("VDEQ-GUEST done");
    let kernel = processes.kernel();
    assert!(Processes::all(kernel).len() > 1, "without helpers these tests show nothing");
    (guest, kernel)
}

#[test]
fn user_mode_linux_ends_by_sigterm_to_vdeq_and_takes_its_helpers_along() {
    let (world, switch) = (World::new(), switch());
    let processes = Processes::of(&world, "a");
    let (guest, kernel) = running(&world, &switch, &processes);
    let vdeq = guest.pid();
    signal(vdeq, "TERM");
    let (status, said) = guest.end();
    assert_eq!(status.code(), Some(1), "what the kernel's own handler ends with: {said}");
    assert_nothing_left(&world, vdeq, kernel, &switch);
}

#[test]
fn user_mode_linux_that_is_killed_gives_its_port_back_though_its_helpers_live_on() {
    let (world, switch) = (World::new(), switch());
    let processes = Processes::of(&world, "a");
    let (guest, kernel) = running(&world, &switch, &processes);
    let vdeq = guest.pid();
    signal(kernel, "KILL");
    let (status, said) = guest.end();
    assert_eq!(status.signal(), Some(9), "{said}");
    world.assert_nothing_left(vdeq, &switch);
    assert_ne!(Processes::all(kernel), [0; 0], "the kernel leaves them, with or without vdeq");
}
