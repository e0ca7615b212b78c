//! `--link-state`: a real guest sees its cable pulled while the switch is away, on every QEMU, and the
//! monitors that QEMU has without vdeq stay.

use vde_exec::testkit::real_switch::RealSwitch;

use crate::guest::{Guest, Settings};
use crate::rig;
use crate::world::{World, switch, vde};

const A: Settings<'static> = Settings { ip: "10.0.0.1/24", mac: "", ping: "" };

/// Boots a guest with these network options, takes its switch away, and brings it back.
fn check(qemu: &str, options: impl Fn(&RealSwitch) -> Vec<String>) {
    let (world, mut switch) = (World::new(), switch());
    let mut command = world.vdeq();
    command.arg("--link-state").arg(rig::qemu(qemu)).args(options(&switch));
    let mut guest = Guest::boot("a", &mut command, A);
    guest.expect("VDEQ-GUEST up");
    guest.wait_for_carrier("eth0", true);
    for _ in 0..2 {
        switch.kill();
        guest.wait_for_carrier("eth0", false);
        switch.restart_same_dir();
        guest.wait_for_carrier("eth0", true);
    }
    let pid = guest.pid();
    let (status, said) = guest.power_off();
    assert!(status.success(), "{said}");
    assert!(!said.contains("deprecated") && !said.contains("does not listen"), "{said}");
    // What a killed switch left of its own stays until it takes the same name again.
    switch.wait_for_ports("the port is given back", <[_]>::is_empty);
    world.assert_nothing_left_of(pid, &[switch.dir()]);
}

fn words(text: String) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn the_guest_of_the_oldest_qemu_of_the_rig_sees_its_switch_go_and_come() {
    check("qemu-5.2", |switch| words(format!("-nic {},model=virtio-net-pci", vde(switch))));
}

#[test]
fn a_nic_and_a_network_of_the_old_form_are_joined_so_that_the_guest_sees_it() {
    check("qemu-7.2", |switch| words(format!("-net nic -net {}", vde(switch))));
}

#[test]
fn so_does_one_whose_network_has_an_id_of_the_users() {
    check("qemu-10.0", |switch| {
        words(format!("-netdev {},id=lan -device e1000,netdev=lan", vde(switch)))
    });
}

#[test]
fn so_does_one_of_the_newest_qemu() {
    check("qemu-sid", |switch| words(format!("-nic {}", vde(switch))));
}

#[test]
fn a_user_who_has_a_monitor_of_his_own_keeps_it() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;

    let (world, switch) = (World::new(), switch());
    for qemu in rig::QEMUS {
        let mut command = world.vdeq();
        command.arg("--link-state").arg(rig::qemu(qemu)).args(["-nic", &vde(&switch)]);
        // The monitor is behind Ctrl-A c on the serial console, as long as nothing takes it away.
        command.args(["-M", "pc", "-accel", "tcg", "-S", "-nographic"]).stdin(Stdio::piped());
        let mut running = crate::world::start(&mut command);
        let mut stdin = running.child.stdin.take().unwrap();
        stdin.write_all(b"\x01cinfo version\nquit\n").unwrap();
        let stdout = BufReader::new(running.child.stdout.take().unwrap());
        let said: Vec<_> = stdout.lines().map_while(Result::ok).collect();
        let number = qemu.trim_start_matches("qemu-").replace("sid", "11.");
        let has_answered = said.iter().any(|line| line.trim().starts_with(&number));
        assert!(has_answered, "{qemu}: {said:?} {}", running.autopsy());
    }
}
