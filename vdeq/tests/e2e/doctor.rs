//! `vdeq --doctor` on real switches: what it sees on their consoles, and as another user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

use vde_exec::testkit::real_switch::{Options, RealSwitch};
use vde_exec::vde_proto::Vnl;
use vde_exec::{DialOptions, Environment, dial, give_back};

use crate::faults::assert_root;
use crate::rig;
use crate::world::{World, finish, sockets_in, switch};

/// Nobody's user and group in Debian.
const NOBODY: u32 = 65_534;

fn doctor(world: &World, switch: &Path) -> String {
    in_one_line(&finish(world.vdeq().arg("--doctor").arg(switch)).stdout)
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_switch_answers_and_its_console_is_found_by_itself() {
    let (world, switch) = (World::new(), switch());
    let said = doctor(&world, switch.dir());
    assert!(said.contains("gives port 1 within"), "{said}");
    assert!(said.contains("1 of 32 ports in use, counting this one"), "{said}");
    assert_eq!(switch.busy_ports(), []);
    assert_eq!(sockets_in(switch.dir()), [switch.ctl()]);
}

#[test]
fn a_machine_alone_in_its_vlan_is_seen_with_the_command_that_brings_it_back() {
    let (world, switch) = (World::new(), switch());
    for command in ["vlan/create 3", "port/create 2", "port/setvlan 2 3"] {
        let _ = switch.console(command);
    }
    let vnl = Vnl::parse(format!("{}[2]", switch.dir().display()).as_bytes()).unwrap();
    let environment = Environment::of_process();
    let timeout = Duration::from_secs(5);
    let options = DialOptions { description: "alone".to_owned(), timeout, environment };
    let alone = dial(&vnl, &options, None).unwrap();
    let said = doctor(&world, switch.dir());
    assert!(said.contains("port 2 is alone in VLAN 3"), "{said}");
    assert!(said.contains("port/setvlan 2 0"), "{said}");
    let _ = switch.console("port/setvlan 2 0");
    assert!(!doctor(&world, switch.dir()).contains("alone"));
    give_back(vec![alone], timeout);
}

#[test]
fn who_is_not_let_in_is_told_by_which_group_and_who_is_reaches_it() {
    assert_root();
    let (world, switch) = (World::new(), switch());
    let [vdeq] = world.publish([rig::vdeq()]);
    let group = nix::unistd::Group::from_name("daemon").unwrap().unwrap().gid.as_raw();
    fs::set_permissions(switch.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    chown(switch.ctl(), None, Some(group)).unwrap();
    fs::set_permissions(switch.ctl(), fs::Permissions::from_mode(0o660)).unwrap();
    let ask = |groups: u32| {
        let mut command = world.command(&vdeq);
        command.env_remove("XDG_RUNTIME_DIR").env_remove("XDG_CACHE_HOME");
        command.uid(NOBODY).gid(groups).arg("--doctor").arg(switch.dir());
        in_one_line(&finish(&mut command).stdout)
    };
    let said = ask(NOBODY);
    assert!(said.contains("this user may not connect to the switch"), "{said}");
    assert!(said.contains("usermod -aG daemon nobody"), "{said}");
    let said = ask(group);
    assert!(said.contains("gives port 1 within"), "{said}");
}

#[test]
fn a_full_switch_is_wrong_and_says_how_to_make_room() {
    let world = World::new();
    let switch = RealSwitch::start(Options { ports: Some(2), ..Options::default() });
    let vnl = Vnl::parse(switch.dir().to_str().unwrap().as_bytes()).unwrap();
    let environment = Environment::of_process();
    let timeout = Duration::from_secs(5);
    let options = DialOptions { description: "only".to_owned(), timeout, environment };
    let only = dial(&vnl, &options, None).unwrap();
    let said = doctor(&world, switch.dir());
    assert!(said.contains("wrong") && said.contains("vde_switch -n N"), "{said}");
    give_back(vec![only], timeout);
}
