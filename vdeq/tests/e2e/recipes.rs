//! The recipes of docs/recipes.md, with the lines that stand there, and real guests.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use vde_exec::testkit::wait;

use crate::guest::{Guest, Settings};
use crate::world::{Running, World, finish, start};

/// The lines of the recipe under this heading.
fn lines_of(heading: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recipes.md");
    let page = fs::read_to_string(page).unwrap();
    let recipe = page.split("\n## ").find(|part| part.starts_with(&format!("{heading}\n")));
    let block = recipe.expect(heading).split("```sh\n").nth(1).unwrap();
    block.split("```").next().unwrap().lines().map(str::to_owned).collect()
}

/// A world in which vdeq is on the search path.
fn world() -> World {
    let world = World::new();
    world.link("vdeq");
    world
}

/// A line of a recipe, with what follows it.
fn shell(world: &World, line: &str) -> Command {
    let mut command = world.command("bash");
    let path = format!("{}:{}", world.path("").display(), std::env::var("PATH").unwrap());
    command.env("PATH", path).args(["-ec", &format!("{line} \"$@\""), "-"]);
    command
}

/// Of a line that is one program: the shell becomes it.
fn becoming(world: &World, line: &str) -> Command {
    shell(world, &format!("exec {line}"))
}

fn guest(name: &'static str, command: &mut Command, number: u8) -> Guest {
    let ping = if number == 1 { "" } else { "10.0.2.1" };
    Guest::boot(name, command, Settings { ip: &format!("10.0.2.{number}/24"), mac: "", ping })
}

fn wait_for_switch(dir: &Path) {
    wait::until_true("the switch", || dir.join("ctl").exists());
}

/// Kills the background of a shell when a test ends.
struct Served(Running);

fn serve(world: &World, line: &str, dir: &Path) -> Served {
    let served = start(becoming(world, line).stdin(Stdio::null()));
    wait_for_switch(dir);
    Served(served)
}

impl Served {
    fn end(self) {
        crate::world::signal(self.0.pid(), "TERM");
        assert!(self.0.finish().status.success());
    }
}

#[test]
fn the_nixos_test_driver() {
    let world = world();
    // Longer than a data socket's name beside it would have room for.
    let long = world.path(&"nix-test-driver-".repeat(3)[..40]);
    fs::create_dir(&long).unwrap();
    let [switch, export, one, two] = &lines_of("The NixOS test driver")[..] else { panic!() };
    let with_tmp = |line: &str| format!("TMPDIR={}; {line}", long.display());
    // In the foreground it is the test's to end.
    let foreground = switch.replace(" -daemon", "");
    assert_ne!(*switch, foreground);
    let mut command = shell(&world, &with_tmp(&format!("exec {foreground}")));
    let mut switch = start(command.stdin(Stdio::piped()));
    wait_for_switch(&long.join("vde1.ctl"));
    let machine = |line: &str| shell(&world, &with_tmp(&format!("{export}; exec {line}")));
    let a = guest("a", &mut machine(one), 1);
    let mut b = guest("b", &mut machine(two), 2);
    b.expect("VDEQ-GUEST ping OK peer=10.0.2.1");
    for guest in [a, b] {
        let (status, said) = guest.power_off();
        assert!(status.success() && !said.contains("stderr: "), "{said}");
    }
    drop(switch.child.stdin.take());
}

#[test]
fn openqa() {
    let world = world();
    let [serving, remove, create, machine] = &lines_of("openQA")[..] else { panic!() };
    let with_dir = |line: &str| format!("VDE_SOCKETDIR={}; {line}", world.path("").display());
    let dir = world.path("vde.ctl");
    let served = start(&mut shell(&world, &with_dir(&format!("exec {serving}"))));
    wait_for_switch(&dir);
    // It says nothing, and its status means nothing.
    for line in [remove, create] {
        let _ = finish(&mut shell(&world, &with_dir(line)));
    }
    let print = create.replace("port/create 12", "port/allprint");
    let printed = || finish(&mut shell(&world, &with_dir(&print))).stdout;
    assert!(printed().contains("Port 0012"), "{}", printed());
    let a = guest("a", &mut shell(&world, &with_dir(&format!("exec {machine}"))), 1);
    let line = machine.replace(":34:57", ":34:58").replace(",port=12", "");
    let mut b = guest("b", &mut shell(&world, &with_dir(&format!("exec {line}"))), 2);
    b.expect("VDEQ-GUEST ping OK peer=10.0.2.1");
    let after = printed();
    let port = after.split_once("Port 0012").unwrap().1;
    assert!(port.contains("vdeq: user="), "{after}");
    for guest in [a, b] {
        assert!(guest.power_off().0.success());
    }
    Served(served).end();
}

/// Two hosts: a network namespace, and another one in it, with a cable between; $1 is the command on
/// one, $2 that on the other.
const HOSTS: &str = r#"
ip link set lo up
unshare --net sleep 600 & other=$!
trap 'kill $other' EXIT
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
ip link add near type veth peer name far netns $other
ip addr add 10.9.0.1/24 dev near; ip link set near up
nsenter -t $other -n ip addr add 10.9.0.2/24 dev far; nsenter -t $other -n ip link set far up
nsenter -t $other -n sh -c "$2" &
sh -c "$1"
"#;

#[test]
fn two_hosts_one_network() {
    let world = world();
    let [line] = &lines_of("Two hosts, one network")[..] else { panic!() };
    let switches = ["here", "there"].map(|name| world.path(name));
    let served = switches
        .clone()
        .map(|dir| serve(&world, &format!("vdeq --switch={}", dir.display()), &dir));
    let [here, there] = switches.map(|dir| dir.display().to_string());
    let ssh = "ssh other.example vde_plug /home/me/lab";
    let near = line
        .replace("$HOME/lab", &here)
        .replace(ssh, "socat - TCP4:10.9.0.2:7777,retry=600,interval=0.1");
    assert!(near.starts_with("dpipe vde_plug /") && near.contains(" = socat"), "{near}");
    let far = format!("dpipe vde_plug {there} = socat - TCP4-LISTEN:7777,bind=10.9.0.2");
    let mut hosts = world.command("unshare");
    hosts.args(["--map-root-user", "--net", "sh", "-ec", HOSTS, "-", &near, &far]);
    let joined = start(hosts.stdin(Stdio::null()));
    let machine = |dir: &str, mac: &str| {
        becoming(
            &world,
            &format!("vdeq qemu-system-x86_64 -nic vde,sock={dir},model=virtio,mac={mac}"),
        )
    };
    let a = guest("a", &mut machine(&here, "52:54:00:00:00:01"), 1);
    let mut b = guest("b", &mut machine(&there, "52:54:00:00:00:02"), 2);
    b.expect("VDEQ-GUEST ping OK peer=10.0.2.1");
    drop(joined);
    for guest in [a, b] {
        assert!(guest.power_off().0.success());
    }
    served.into_iter().for_each(Served::end);
}

#[test]
fn the_internet() {
    let world = world();
    let [line] = &lines_of("The internet")[..] else { panic!() };
    let dir = world.path("lab");
    let served = serve(&world, "vdeq --switch=$HOME/lab", &dir);
    let plug = start(becoming(&world, line).stdin(Stdio::null()));
    let machine =
        "vdeq qemu-system-x86_64 -nic vde,sock=$HOME/lab,model=virtio,mac=52:54:00:00:00:01";
    let settings = Settings { ip: "10.0.2.15/24", mac: "", ping: "10.0.2.2" };
    let mut a = Guest::boot("a", &mut becoming(&world, machine), settings);
    a.expect("VDEQ-GUEST ping OK peer=10.0.2.2");
    assert!(a.power_off().0.success());
    drop(plug);
    served.end();
}

#[test]
fn sixteen_machines() {
    let world = world();
    let [serving, machines] = &lines_of("Sixteen machines")[..] else { panic!() };
    let served = serve(&world, serving, &world.path("lab"));
    let line = machines.strip_prefix("for n in $(seq 16); do ").unwrap();
    let line = line.strip_suffix(" & done").unwrap();
    // All at once would be much for two cores.
    let mut guests: Vec<Guest> = Vec::new();
    for n in 1..=16 {
        let mut machine = shell(&world, &format!("n={n}; exec {line}"));
        let mut guest = guest("one of sixteen", &mut machine, n);
        guest.expect("VDEQ-GUEST done");
        guests.push(guest);
    }
    for guest in &guests[1..] {
        let is_answered = |line: &String| line.contains("ping OK peer=10.0.2.1 received=3/3");
        assert!(guest.lines().iter().any(is_answered), "{:?}", guest.lines());
    }
    for guest in guests {
        let (status, said) = guest.power_off();
        assert!(status.success() && !said.contains("stderr: "), "{said}");
    }
    served.end();
}

#[test]
fn wireshark() {
    let world = world();
    let [fifo, reader, begin, stop] = &lines_of("Wireshark")[..] else { panic!() };
    let served = serve(&world, "vdeq --switch=$HOME/lab", &world.path("lab"));
    let machine = "vdeq --control $HOME/vm1.sock qemu-system-x86_64 \
                   -nic vde,sock=$HOME/lab,model=virtio,mac=52:54:00:00:00:01";
    let mut a = guest("a", &mut becoming(&world, machine), 1);
    a.expect("VDEQ-GUEST done");
    assert!(finish(&mut shell(&world, fifo)).status.success());
    let reader = reader.replace("wireshark -k", "exec tshark -l -n").replace(" &", "");
    let mut tshark = start(shell(&world, &reader).stdin(Stdio::null()));
    let granted = finish(&mut shell(&world, begin));
    assert!(granted.stdout.contains("\"ok\""), "{granted:?}");
    let nic = "vdeq qemu-system-x86_64 -nic vde,sock=$HOME/lab,model=virtio,mac=52:54:00:00:00:02";
    let b = guest("b", &mut becoming(&world, nic), 2);
    let mut shown = BufReader::new(tshark.child.stdout.take().unwrap()).lines();
    assert!(shown.any(|line| line.unwrap().contains("10.0.2.1")), "it is shown live");
    let taken_out = finish(&mut shell(&world, stop));
    assert!(taken_out.stdout.contains("\"relay\":null"), "{taken_out:?}");
    a.ping("10.0.2.2", 3);
    for guest in [a, b] {
        assert!(guest.power_off().0.success());
    }
    served.end();
}
