//! How the VM ends is how vdeq ends.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::time::Duration;

use vde_exec::testkit::fake_qemu;
use vde_exec::testkit::fake_switch::Options;
use vde_exec::vde_proto::{Vnl, switch::Personality};
use vde_exec::{DialOptions, Environment, dial};

use crate::world::{QEMU, World};

#[test]
fn the_exit_status_of_the_vm_is_ours() {
    let world = World::new();
    for status in [0, 1, 5, 125, 255] {
        let net = format!("vde,{}", world.sock());
        world.vdeq(&[QEMU, "-net", &net]).act(&format!("exit={status}")).run().assert_ran(status);
    }
    world.assert_nothing_left();
}

#[test]
fn v5_traffic_does_not_lose_the_exit_status() {
    let mut options = Options::new(Personality::New);
    options.switch.hub = true;
    let world = World::with(options);
    let vnl = Vnl::parse(world.switch.dir().as_os_str().as_encoded_bytes()).unwrap();
    let other = dial(
        &vnl,
        &DialOptions {
            description: "noise".into(),
            timeout: Duration::from_secs(20),
            environment: Environment::default(),
        },
        None,
    )
    .unwrap();
    let noise = std::os::unix::net::UnixDatagram::from(other.data);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = noise.send(&[0xff; 60]);
            }
        });
        for _ in 0..40 {
            let net = format!("vde,{}", world.sock());
            let outcome = world.vdeq(&[QEMU, "-net", &net]).act("echo send=20 exit=5").run();
            outcome.assert_ran(5);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn v6_a_vm_that_is_killed_makes_vdeq_die_by_the_same_signal() {
    let world = World::new();
    // Also those that Rust programs ignore (PIPE) or handle (SEGV) by themselves.
    for signal in [1, 2, 6, 9, 11, 13, 15] {
        let net = format!("vde,{}", world.sock());
        let outcome = world.vdeq(&[QEMU, "-net", &net]).act(&format!("die={signal}")).run();
        assert_eq!(outcome.signal(), Some(signal), "{outcome:?}");
    }
    world.assert_nothing_left();
}

#[test]
fn v4_a_program_that_is_not_there_is_said_and_127() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let outcome = world.vdeq(&["nosuchqemu", "-net", &net]).run();
    outcome.assert_failed(127, &["no program nosuchqemu", QEMU]);
    assert_eq!(world.switch.requests(), 0, "the switch was bothered for nothing");
}

#[test]
fn v4_a_program_that_cannot_be_executed_is_said_and_126() {
    let world = World::new();
    let path = world.home.path().join("bin/broken");
    std::fs::write(&path, "#!/nonexistent/interpreter\n").unwrap();
    let denied = world.vdeq(&["broken"]).run();
    denied.assert_failed(126, &["cannot be executed", "permission denied"]);

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let net = format!("vde,{}", world.sock());
    let words = ["--qemu-version", "7.2", "broken", "-net", &net];
    let no_interpreter = world.vdeq(&words).run();
    no_interpreter.assert_failed(126, &["cannot execute", "broken"]);
    world.assert_nothing_left();
}

#[test]
fn v18_a_process_that_cannot_be_made_is_an_error() {
    let world = World::new();
    let vdeq = world.publish();
    let words = [QEMU, "-net", "user"];
    let mut run = world.shell_with(&vdeq, "ulimit -u 0; exec \"$@\"", &words);
    if vde_exec::effective_user() == 0 {
        // Root is above this limit.
        run.command.uid(65_534);
    }
    let outcome = run.run();
    outcome.assert_failed(126, &["cannot execute", QEMU]);
}

#[test]
fn v21_standard_output_is_the_vms_alone() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let words = ["-v", "-v", QEMU, "-net", &net];
    let outcome = world.vdeq(&words).act("print=serial exit=0").run();
    outcome.assert_ran(0);
    assert_eq!(outcome.stdout, "serial");
}

#[test]
fn v31_a_vm_that_ends_at_once_is_never_waited_for_in_vain() {
    let world = World::new();
    for run in 0..150 {
        let outcome = world.vdeq(&[QEMU, "-net", "user"]).act("exit=3").run();
        assert_eq!(outcome.status.code(), Some(3), "run {run}");
    }
    assert_eq!(world.probes(), 1, "the version is asked for once");
}

#[test]
fn the_status_of_a_vm_that_was_to_be_a_daemon_is_ours() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    for words in [["-S", "-daemonize"], ["-S", "--daemonize"], ["-name", "-daemonize"]] {
        let words = [&[QEMU, "-net", &net], &words[..]].concat();
        world.vdeq(&words).act("exit=7").run().assert_ran(7);
    }
    world.assert_nothing_left();
}

#[test]
fn a_version_that_is_told_is_not_asked_for() {
    let world = World::new();
    let words = ["--qemu-version", "2.5", QEMU, "-net", "vde", "-net", "nic"];
    world.make_default();
    let outcome = world.vdeq(&words).env(fake_qemu::VERSION, "hang").run();
    outcome.assert_ran(0);
    assert_eq!(world.probes(), 0);
    assert_eq!(outcome.report.words(), ["-net", "tap,fd=100", "-net", "nic"]);
}
