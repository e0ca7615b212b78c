//! `--ready-fd` and the service manager: told when the VM has its network.

use std::fs::{self, File};
use std::io::Read;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use vde_exec::testkit::wait::PATIENCE;

use crate::world::{QEMU, Running, World, kill};

fn end(run: Running) -> String {
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    outcome.assert_ran(0);
    outcome.stderr
}

#[test]
fn a_word_and_the_end_come_while_the_vm_runs_which_has_nothing_of_it() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let fifo = world.home.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    for exec in [&["--exec"][..], &[]] {
        let words = [&["--ready-fd", "3"], exec, &[QEMU, "-net", &net]].concat();
        let run = world.shell("exec \"$@\" 3>fifo", &words).act("run").start();
        let mut said = String::new();
        File::open(&fifo).unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "ready\n");
        let report = run.wait_running();
        assert!(report.fds.iter().all(|fd| !fd.what.ends_with("/fifo")), "{report:?}");
        assert_eq!(world.switch.ports().len(), 1);
        end(run);
    }
}

#[test]
fn nothing_is_said_of_a_vm_that_does_not_start() {
    let world = World::new();
    let net = format!("vde,sock={}/nowhere", world.home.path().display());
    let words = ["--ready-fd", "3", QEMU, "-net", &net];
    let outcome = world.shell("exec \"$@\" 3>ready", &words).run();
    outcome.assert_failed(125, &["nowhere"]);
    assert_eq!(fs::read_to_string(world.home.path().join("ready")).unwrap(), "");
}

#[test]
fn a_descriptor_that_cannot_be_is_refused_and_one_that_fails_is_mentioned() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    for (script, options, words) in [
        ("exec \"$@\"", &["--ready-fd", "9"][..], "descriptor 9"),
        ("exec \"$@\" 3</dev/null", &["--ready-fd", "3"], "not open for writing"),
        ("exec \"$@\" 3>x", &["--events=3", "--ready-fd", "3"], "is the one that gets the events"),
    ] {
        let outcome = world.shell(script, &[options, &[QEMU, "-net", &net]].concat()).run();
        outcome.assert_failed(125, &[words, "--ready-fd", "^"]);
    }
    assert_eq!(world.switch.requests(), 0);

    let words = ["--ready-fd", "3", QEMU, "-net", &net];
    let outcome = world.shell("exec \"$@\" 3>/dev/full", &words).act("exit=6").run();
    outcome.assert_ran(6);
    assert!(outcome.stderr.contains("--ready-fd: No space left"), "{}", outcome.stderr);
}

fn next(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let length = manager.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn a_service_manager_hears_of_the_start_of_the_networks_and_of_the_end() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let path = world.home.path().join("notify");
    let name = format!("vdeq-test-{}", std::process::id());
    let at_path = UnixDatagram::bind(&path).unwrap();
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let abstract_one = UnixDatagram::bind_addr(&address).unwrap();
    let managers = [(at_path, path.display().to_string()), (abstract_one, format!("@{name}"))];
    for (manager, address) in managers {
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let vdeq = world.vdeq(&[QEMU, "-net", &net]).env("NOTIFY_SOCKET", &address);
        let run = vdeq.act("run").start();
        run.wait_running();
        let dir = world.switch.dir().display();
        assert_eq!(next(&manager), "READY=1");
        assert_eq!(next(&manager), format!("STATUS=network 0: port 1 of {dir}"));
        world.switch.close_port(1);
        assert_eq!(next(&manager), format!("STATUS=network 0: waiting for {dir}"));
        while next(&manager) != format!("STATUS=network 0: port 1 of {dir}") {}
        end(run);
        assert_eq!(next(&manager), "STOPPING=1");
        world.assert_nothing_left();
    }
}

#[test]
fn with_exec_a_service_manager_hears_of_the_start() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let path = world.home.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let vdeq = world.vdeq(&["--exec", QEMU, "-net", &net]).env("NOTIFY_SOCKET", &path);
    vdeq.act("exit=6").run().assert_ran(6);
    assert_eq!(next(&manager), "READY=1");
}

#[test]
fn a_service_manager_that_is_not_there_is_mentioned_once() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let vdeq = world.vdeq(&[QEMU, "-net", &net]).env("NOTIFY_SOCKET", "/no/such/socket");
    let outcome = vdeq.act("exit=6").run();
    outcome.assert_ran(6);
    assert_eq!(outcome.stderr.matches("service manager").count(), 1, "{}", outcome.stderr);
}
