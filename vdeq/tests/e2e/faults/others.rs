//! Switches of other users and of other namespaces, which do not see what we see: a plug is made all
//! the same, and again when the switch is back.
//!
//! Only root can start such switches, so these tests need root, as `cargo xtask ci` in a container is.

use std::fs;
use std::os::unix::process::CommandExt;
use std::time::Duration;

use vde_exec::testkit::real_switch::{Options, RealSwitch};

use super::switches::Pair;
use super::vm::Vm;
use crate::rig;
use crate::world::{World, vde};

/// Users without a name, so that nobody's files are theirs.
const OWNER: u32 = 64_123;
const STRANGER: u32 = 64_124;

/// The switch is killed, ends, and is started again; frames pass again after each.
fn survives_restarts(pair: &mut Pair) -> Vec<Duration> {
    let terminate = |switch: &mut RealSwitch| {
        switch.terminate();
        switch.restart_same_dir();
    };
    vec![
        pair.outage(RealSwitch::restart_same_dir),
        pair.outage(RealSwitch::restart_same_dir),
        pair.outage(terminate),
    ]
}

/// And so it is after its directory was removed.
fn survives(what: &str, mut pair: Pair) {
    let mut times = survives_restarts(&mut pair);
    times.push(pair.outage(|switch| {
        fs::remove_dir_all(switch.dir()).unwrap();
        switch.restart_same_dir();
    }));
    let account = pair.finish();
    eprintln!("{what}: frames passed {times:.0?} after the switch's return; {account}");
}

/// Our socket has its name beside the control socket, since the switch sees none of our other ways.
/// Restarts do nothing to it; where the directory is removed, the plug cannot be made again, which is
/// said, and the VM runs on.
fn survives_but_for_its_directory(what: &str, mut pair: Pair) {
    let times = survives_restarts(&mut pair);
    let account = pair.line.finish(&pair.outages);
    account.assert_clean();
    eprintln!("{what}: frames passed {times:.0?} after the switch's return; {account}");
    fs::remove_dir_all(pair.switch.dir()).unwrap();
    pair.switch.restart_same_dir();
    for vm in pair.vms {
        vm.wait_until_said("closed the connection without an answer; trying again");
        assert!(vm.answers_within(Duration::from_secs(20)));
        let pid = vm.pid();
        assert!(vm.end().success());
        pair.world.assert_nothing_left_of(pid, &[pair.switch.dir()]);
    }
}

pub fn assert_root() {
    assert_eq!(
        vde_exec::effective_user(),
        0,
        "this test needs root: it starts processes of others"
    );
}

#[test]
fn a_switch_of_another_user_with_vms_of_root() {
    assert_root();
    let switch = RealSwitch::start(Options { user: Some(OWNER), ..Options::default() });
    survives("a switch of another user, VMs of root", Pair::new(switch));
}

/// A VM of another user than us.
fn vm_of(user: u32, world: &World, switch: &RealSwitch) -> Vm {
    let mut command = world.command(world.path("vdeq"));
    command.uid(user).gid(user).env_remove("XDG_RUNTIME_DIR").env_remove("XDG_CACHE_HOME");
    Vm::hub(world, &mut command, &vde(switch))
}

#[test]
fn a_switch_of_another_user_with_vms_of_a_third() {
    assert_root();
    let options = Options { user: Some(OWNER), mode: Some(0o666), ..Options::default() };
    let switch = RealSwitch::start(options);
    let world = World::new();
    world.publish([rig::vdeq()]);
    world.open_to_all();
    let vms = [(); 2].map(|()| vm_of(STRANGER, &world, &switch));
    survives("a switch of another user, VMs of a third", Pair::of(world, switch, vms));
}

#[test]
fn a_switch_of_root_with_vms_of_another_user() {
    assert_root();
    let switch = RealSwitch::start(Options { mode: Some(0o666), ..Options::default() });
    let world = World::new();
    world.publish([rig::vdeq()]);
    world.open_to_all();
    let vms = [(); 2].map(|()| vm_of(STRANGER, &world, &switch));
    survives("a switch of root, VMs of another user", Pair::of(world, switch, vms));
}

#[test]
fn a_switch_that_sees_other_processes_than_we_do() {
    assert_root();
    let launcher = &["unshare", "--pid", "--fork", "--"];
    let switch = RealSwitch::start(Options { launcher, ..Options::default() });
    survives_but_for_its_directory("a switch with process ids of its own", Pair::new(switch));
}

/// What `PrivateTmp=yes` of systemd does, and more: the switch shares its own directory with us, and
/// of the others it sees none. It gets the directory back that is above the one behind `-s`.
const HIDE: &str = r#"
    home=${*##*-s }; home=${home%% *}; home=${home%/*}
    mount --bind "$home" /mnt || exit
    for dir in /tmp /var/tmp /run; do mount -t tmpfs none "$dir" || exit; done
    mkdir -p "$home" && mount --move /mnt "$home" && exec "$0" "$@"
"#;

#[test]
fn a_switch_with_temporary_directories_of_its_own() {
    assert_root();
    let launcher = &["unshare", "--mount", "sh", "-c", HIDE];
    let switch = RealSwitch::start(Options { launcher, user: Some(OWNER), ..Options::default() });
    let what = "a switch of another user with temporary directories of its own";
    survives_but_for_its_directory(what, Pair::new(switch));
}
