//! Programs that are no QEMU: the fake one, called by other names, tells what it was given.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use vde_exec::testkit::fake_qemu::Report;
use vde_exec::testkit::fake_switch::{FakePort, Options};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::Vnl;
use vde_exec::vde_proto::switch::Personality;
use vde_exec::{DialOptions, Environment, dial};

use crate::world::{QEMU, World, kill};

const VFKIT: &str = "vfkit";

fn world() -> World {
    let world = World::new();
    world.install(VFKIT);
    world
}

/// `virtio-net,fd={vde:sock=DIR REST},mac=...`
fn device(world: &World, rest: &str) -> String {
    format!("virtio-net,fd={{vde:{}{rest}}},mac=52:54:00:00:00:01", world.sock())
}

/// The words of a report that are what the user wrote, with a number for the first placeholder.
fn given(report: &Report, before: &str, after: &str) -> i32 {
    let words = report.words();
    let number = words.iter().find_map(|word| word.strip_prefix(before)?.strip_suffix(after));
    number.unwrap_or_else(|| panic!("no {before}N{after} in {words:?}")).parse().unwrap()
}

/// What the carets of an error stand under.
fn underlined(stderr: &str) -> String {
    let lines: Vec<_> = stderr.lines().collect();
    let carets = lines.iter().position(|line| line.trim_start().starts_with('^')).expect(stderr);
    let (text, carets) = (lines[carets - 1], lines[carets]);
    let from = carets.find('^').unwrap();
    text[from..carets.len()].to_owned()
}

/// Type and state of a socket of the process, as `/proc/net/unix` has them.
fn kind_of(report: &Report, fd: i32) -> String {
    let what = &report.fds.iter().find(|open| open.number == fd).expect("it is open").what;
    let inode = what.strip_prefix("socket:[").and_then(|what| what.strip_suffix(']')).unwrap();
    let table = fs::read_to_string(format!("/proc/{}/net/unix", report.pid)).unwrap();
    let line = table.lines().find(|line| line.split_whitespace().nth(6) == Some(inode));
    line.unwrap().split_whitespace().skip(4).take(2).collect::<Vec<_>>().join(" ")
}

/// Waits until these are the ports in use: the switch writes them down after its reply.
fn ports<const N: usize>(world: &World, numbers: [u32; N]) -> [FakePort; N] {
    wait::until(&format!("ports {numbers:?} to be in use"), || {
        let ports = world.switch.ports();
        let same = ports.iter().map(|port| port.number).eq(numbers);
        ports.try_into().ok().filter(|_| same)
    })
}

/// A plug of the test's own.
fn peer(world: &World) -> (UnixDatagram, std::os::fd::OwnedFd) {
    let vnl = Vnl::parse(world.switch.dir().as_os_str().as_encoded_bytes()).unwrap();
    let options = DialOptions {
        description: "peer".into(),
        timeout: Duration::from_secs(20),
        environment: Environment::default(),
    };
    let connection = dial(&vnl, &options, None).unwrap();
    let data = UnixDatagram::from(connection.data);
    data.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    (data, connection.control.unwrap())
}

#[test]
fn the_number_in_the_argument_is_a_connected_datagram_socket_of_that_port() {
    let world = world();
    let device = device(&world, ",port=3");
    for exec in [&[][..], &["--exec"]] {
        let words = [exec, &["--fd-placeholder", VFKIT, "--device", &device, "-v"]].concat();
        let run = world.vdeq(&words).act("echo run").start();
        let report = run.wait_running();
        let fd = given(&report, "virtio-net,fd=", ",mac=52:54:00:00:00:01");
        assert_eq!(report.name, VFKIT);
        assert_eq!((report.args.len(), report.words()[0].as_str()), (3, "--device"));
        assert_eq!(report.sockets().len(), 2, "data and control, and nothing else: {report:?}");
        assert_eq!(kind_of(&report, fd), "0002 03", "a datagram socket, connected");
        ports(&world, [3]);

        let (peer, _control) = peer(&world);
        let (ours, its) = ([2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 1]);
        let frame = |to: [u8; 6], from: [u8; 6]| [&to[..], &from, &[0x88, 0xb5], &[7; 46]].concat();
        peer.send(&frame(its, ours)).unwrap();
        let mut buffer = [0; 100];
        let length = peer.recv(&mut buffer).expect("the program's answer");
        assert_eq!(&buffer[..length], frame(ours, its));
        drop((peer, _control));

        kill(report.pid, Signal::SIGTERM);
        run.finish().assert_ran(0);
        world.assert_nothing_left();
    }
}

#[test]
fn each_placeholder_is_a_plug_in_the_order_of_the_line() {
    let world = world();
    let sock = world.sock();
    let both = format!("a={{vde:{sock},port=9}},b={{vde:{sock}}}");
    let run = world.vdeq(&["--fd-placeholder", VFKIT, &both]).act("run").start();
    let report = run.wait_running();
    let [word] = &report.words()[..] else { panic!("{report:?}") };
    let numbers = word.strip_prefix("a=").unwrap().split_once(",b=").unwrap();
    assert_ne!(numbers.0, numbers.1);
    for number in [numbers.0, numbers.1] {
        assert_eq!(kind_of(&report, number.parse().unwrap()), "0002 03");
    }
    let [_, first] = ports(&world, [1, 9]);
    assert!(first.descriptions[0].contains("net=0"), "{first:?}");
}

#[test]
fn the_end_of_the_program_is_ours() {
    let world = world();
    let device = device(&world, "");
    for status in [0, 1, 42, 255] {
        let run = world.vdeq(&["--fd-placeholder", VFKIT, "--device", &device]);
        run.act(&format!("exit={status}")).run().assert_ran(status);
    }
    let run = world.vdeq(&["--fd-placeholder", VFKIT, "--device", &device]);
    assert_eq!(run.act("die=15").run().signal(), Some(15));
    world.assert_nothing_left();
}

#[test]
fn a_machine_that_is_over_gives_its_port_back_though_a_helper_lives_on() {
    let world = world();
    symlink("/bin/bash", world.home.path().join("bin/launcher")).unwrap();
    symlink("/bin/bash", world.home.path().join("bin/linux")).unwrap();
    let device = device(&world, "");
    for (program, end, signal, is_free) in [
        ("launcher", "kill -KILL $$", Some(9), true),
        ("linux", "kill -KILL $$", Some(9), true),
        ("linux", "exit 3", None, true),
        // It may have left somebody to go on with its network.
        ("launcher", "exit 3", None, false),
    ] {
        let script = format!("/bin/sleep 600 & {end}");
        let words = ["--fd-placeholder", program, "-c", &script, &device];
        let mut run = world.vdeq(&words).start();
        assert_eq!(run.wait_for_end().signal(), signal, "{}", run.stderr());
        match is_free {
            true => drop(ports(&world, [])),
            false => drop(ports(&world, [1])),
        }
        // The helper is of vdeq's process group, which is killed now.
        drop(run);
        world.assert_nothing_left();
    }
}

#[test]
fn a_refused_port_is_an_error_under_the_ports_bytes() {
    for personality in [Personality::New, Personality::Old] {
        let world = World::with(Options::new(personality));
        world.install(VFKIT);
        let good = device(&world, ",port=2");
        let bad = device(&world, ",port=99");
        let words = ["--timeout", "0.5", "--fd-placeholder", VFKIT, &good, &bad];
        let outcome = world.vdeq(&words).run();
        outcome.assert_failed(125, &["port 99"]);
        assert_eq!(underlined(&outcome.stderr), "99");
        assert_eq!(world.probes(), 0);
        world.assert_nothing_left();
    }
}

#[test]
fn a_switch_that_is_absent_is_an_error_under_its_name() {
    let world = world();
    let argument = "virtio-net,fd={vde:/nonexistent/sw,port=3},mac=1";
    let outcome = world.vdeq(&["--fd-placeholder", VFKIT, "--device", argument]).run();
    outcome.assert_failed(125, &["no switch at /nonexistent/sw", "vde_switch -d -s"]);
    assert_eq!(underlined(&outcome.stderr), "/nonexistent/sw");

    let outcome = world.vdeq(&["--fd-placeholder", VFKIT, "fd={vde:port=3,sok=/s}"]).run();
    outcome.assert_failed(125, &["did you mean `sock`"]);
    assert_eq!(underlined(&outcome.stderr), "sok");

    // Nothing but the braces asks for the default switch.
    let outcome = world.vdeq(&["--fd-placeholder", VFKIT, "a={vde}{"]).run();
    if outcome.stderr.contains("default ones") {
        outcome.assert_failed(125, &[]);
        assert_eq!(underlined(&outcome.stderr), "{vde}");
    }
}

#[test]
fn nobody_asks_the_program_for_a_version() {
    let world = world();
    world.make_default();
    let run = world.vdeq(&["-v", "--fd-placeholder", VFKIT, "fd={vde}"]);
    let outcome = run.env("FAKE_QEMU_VERSION", "hang").run();
    outcome.assert_ran(0);
    assert_eq!(world.probes(), 0, "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("QEMU"), "{}", outcome.stderr);
    // The same program, taken for a QEMU, is asked.
    world.vdeq(&[VFKIT, "-net", "vde"]).run().assert_ran(0);
    assert_eq!(world.probes(), 1);
}

#[test]
fn a_program_without_placeholder_runs_without_network_and_that_is_said() {
    let world = world();
    world.make_default();
    let outcome = world.vdeq(&["--fd-placeholder", VFKIT, "-net", "vde", "${vde}"]).run();
    outcome.assert_ran(0);
    assert_eq!(outcome.report.words(), ["-net", "vde", "${vde}"]);
    assert_eq!(outcome.report.sockets(), [0; 0]);
    assert!(outcome.stderr.contains("no argument has a {vde:...}"), "{}", outcome.stderr);
    assert_eq!(world.switch.requests(), 0);
}

#[test]
fn what_an_unquoting_shell_tears_apart_is_pointed_out() {
    let world = world();
    let line = format!("\"$@\" --fd-placeholder {VFKIT} fd={{vde:{},port=3}}", world.sock());
    let outcome = world.shell(&line, &[]).run();
    outcome.assert_ran(0);
    assert_eq!(outcome.report.words().len(), 2, "a shell makes two words of it");
    assert!(outcome.stderr.contains("a shell wants quotes around it"), "{}", outcome.stderr);
}

#[test]
fn a_program_that_is_not_there_is_not_taken_for_a_qemu() {
    let world = World::new();
    for (words, hint) in [
        (&["--fd-placeholder", "novfkit", "{vde}"][..], "give its path"),
        (&["linux.uml", "eth0=vde"], "user-mode-linux"),
    ] {
        let outcome = world.vdeq(words).run();
        outcome.assert_failed(127, &["no program", hint]);
        assert!(!outcome.stderr.contains(QEMU), "{}", outcome.stderr);
    }
    assert_eq!(world.switch.requests(), 0);
}

#[test]
fn what_would_run_is_shown_without_a_switch() {
    let world = world();
    let words = ["--fd-placeholder", VFKIT, "-x", "fd={vde:/no/switch,port=3}"];
    let shown = world.vdeq(&[&["--dry-run"], &words[..]].concat()).run();
    assert_eq!(shown.status.code(), Some(0));
    let path = world.home.path().join("bin").join(VFKIT);
    assert_eq!(shown.stdout, format!("{} -x fd=100\n", path.display()));

    let json = world.vdeq(&[&["--explain=json"], &words[..]].concat()).run().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["qemu"], serde_json::Value::Null);
    assert_eq!((&json["plugs"][0]["port"], &json["plugs"][0]["argument"]), (&3.into(), &5.into()));
    assert_eq!(json["changes"][0]["after"][0], "fd=100");
    assert!(!shown.report.ready && world.probes() == 0);
}

#[test]
fn an_option_for_qemus_is_an_error_and_nothing_is_started() {
    let world = world();
    for (words, wrong) in [
        (&["-sock", "/s", "--fd-placeholder", VFKIT, "{vde}"][..], "-sock"),
        (&["--fd-placeholder", "--qemu-version=7.2", VFKIT, "{vde}"], "--qemu-version"),
        (&["--modernize", VFKIT, "--fd-placeholder", "{vde}"], "--modernize"),
    ] {
        let outcome = world.vdeq(words).run();
        outcome.assert_failed(125, &["means nothing with --fd-placeholder"]);
        assert_eq!(underlined(&outcome.stderr), wrong);
    }
}

#[test]
fn a_link_to_a_kernels_name_starts_it_and_its_old_transport_is_replaced() {
    let world = World::new();
    world.install("linux.uml");
    let dir = world.switch.dir().display().to_string();
    let nic = format!("eth0=vde,{dir},fe:fd:00:00:00:01,4,,,Alices-lab");
    for run in [
        world.link("vdelinux.uml", &["mem=64M", &nic]),
        world.vdeq(&["linux.uml", "mem=64M", &nic]),
    ] {
        let run = run.act("run").start();
        let report = run.wait_running();
        let fd = given(&report, "vec0:transport=fd,fd=", ",mac=fe:fd:00:00:00:01");
        assert_eq!(kind_of(&report, fd), "0002 03");
        assert_eq!((report.words()[0].as_str(), report.args.len()), ("mem=64M", 2));
        let [port] = ports(&world, [4]);
        assert!(port.descriptions[0].ends_with(" Alices-lab"), "{port:?}");
        assert!(run.stderr().contains("called vec0, not eth0"), "{}", run.stderr());
        assert_eq!(world.probes(), 0);
        kill(report.pid, Signal::SIGTERM);
        run.finish().assert_ran(0);
        world.assert_nothing_left();
    }
}

#[test]
fn a_refused_port_of_a_kernels_old_transport_is_pointed_at() {
    let world = World::new();
    world.install("linux");
    let nic = format!("eth0=vde,{},,99,,,text", world.switch.dir().display());
    let outcome = world.vdeq(&["linux", &nic]).run();
    outcome.assert_failed(125, &["refused port 99"]);
    assert_eq!(underlined(&outcome.stderr), "99");
    world.assert_nothing_left();
}
