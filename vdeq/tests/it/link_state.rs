//! `--link-state`, as far as it can be seen without a real QEMU.

use nix::sys::signal::Signal;
use vde_exec::testkit::wait;

use crate::world::{QEMU, World, kill};

#[test]
fn what_is_shown_is_what_runs_with_a_monitor_that_a_file_describes() {
    let world = World::new();
    let nic = format!("vde,{},mac=52:54:00:00:00:01", world.sock());
    let words = ["--link-state", QEMU, "-nic", &nic];
    let shown = world.vdeq(&[&["--dry-run"][..], &words].concat()).run().stdout;
    let expected = "-readconfig /dev/fd/102 -nic socket,fd=100,mac=52:54:00:00:00:01,id=vdeq0\n";
    assert!(shown.ends_with(expected), "{shown}");

    let run = world.vdeq(&words).act("run").start();
    let report = run.wait_running();
    assert_eq!(report.words().join(" ") + "\n", expected);
    let what = |number| {
        let fd = report.fds.iter().find(|fd| fd.number == number);
        fd.unwrap_or_else(|| panic!("no {number}: {report:?}")).what.clone()
    };
    assert!(what(101).starts_with("socket:") && what(102).contains("memfd:"), "{report:?}");
    let file = std::fs::read_to_string(format!("/proc/{}/fd/102", report.pid)).unwrap();
    assert!(file.contains("fd = \"101\""), "{file}");
    // What is the VM's alone ends with the VM: we let go of it as soon as the VM has it.
    let theirs = [what(101), what(102)].map(std::path::PathBuf::from);
    wait::until_true("vdeq to let go of the VM's descriptors", || {
        let ours = std::fs::read_dir(format!("/proc/{}/fd", run.pid())).unwrap().flatten();
        let mut ours = ours.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        !ours.any(|fd| theirs.contains(&fd))
    });
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    outcome.assert_ran(0);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_qemu_that_never_greets_keeps_its_network() {
    let world = World::new();
    let nic = format!("vde,{}", world.sock());
    let run = world.vdeq(&["--link-state", QEMU, "-nic", &nic]).act("run").start();
    run.wait_running();
    world.switch.close_port(1);
    wait::until_true("the network to be back", || run.stderr().contains("is back on"));
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
}

#[test]
fn a_hub_is_mentioned_when_it_starts_and_in_the_explanation() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let words = ["--link-state", QEMU, "-net", "nic", "-net", "user", "-net", &net];
    let told = "the guest will not see network 0 go: it is on a hub";
    let outcome = world.vdeq(&words).run();
    outcome.assert_ran(0);
    assert_eq!(outcome.stderr.matches(told).count(), 1, "{}", outcome.stderr);
    let explained = world.vdeq(&[&["--explain"][..], &words].concat()).run().stdout;
    assert!(explained.contains(told), "{explained}");
    assert!(explained.contains("this file says that fd 101 is one"));
}

#[test]
fn a_qemu_that_is_too_old_is_refused_before_it_starts() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    for version in ["2.11", "3.1"] {
        for dry in [&["--dry-run"][..], &[]] {
            let own = ["--link-state", "--qemu-version", version];
            let words = [dry, &own, &[QEMU, "-net", "nic", "-net", &net]].concat();
            let outcome = world.vdeq(&words).run();
            outcome.assert_failed(125, &[version, "expected 4.0 or newer", "^^^^^^^^^^^^"]);
        }
    }
    // Where there is no network, there is no link to tell of.
    let words = ["--link-state", "--qemu-version", "2.11", QEMU, "-net", "none"];
    world.vdeq(&words).run().assert_ran(0);
}
