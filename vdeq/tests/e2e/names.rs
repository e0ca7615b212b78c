//! `vdeq qemu` and `vdeq kvm`, the commands of the man page, on machines without programs of these
//! names.

use std::path::{Path, PathBuf};

use crate::guest::{Guest, Settings};
use crate::rig;
use crate::world::{World, finish, switch, vde};

fn installed_qemu() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|dir| dir.join("qemu-system-x86_64"));
    found.into_iter().find(|path| path.exists()).expect("an installed QEMU: cargo xtask setup")
}

#[test]
fn qemu_and_kvm_mean_this_machines_qemu_where_no_program_has_these_names() {
    let (world, switch) = (World::new(), switch());
    let path = world.search_path(&[("qemu-system-x86_64", &installed_qemu())]);
    let boot = |name, asked: &str, settings: Settings<'_>, number| {
        let mut command = world.vdeq();
        let nic = format!("nic,model=virtio-net-pci,macaddr=52:54:00:e2:00:{number:02x}");
        command.env("PATH", &path).args(["-v", asked, "-net", &nic, "-net", &vde(&switch)]);
        Guest::boot(name, &mut command, settings)
    };
    let settings = |ip, ping| Settings { ip, ping, mac: "" };
    let mut a = boot("a", "qemu", settings("10.0.0.1/24", "10.0.0.2"), 10);
    let mut b = boot("b", "kvm", settings("10.0.0.2/24", "10.0.0.1"), 11);
    for (guest, asked) in [(&mut a, "qemu"), (&mut b, "kvm")] {
        let said = guest.expect(&format!("there is no program {asked}"));
        assert!(said.contains("bin/qemu-system-x86_64"), "{said}");
        guest.expect("VDEQ-GUEST ping OK");
    }
    assert_eq!(switch.busy_ports().len(), 2);
}

#[test]
fn a_program_of_the_very_name_is_preferred() {
    let (world, switch) = (World::new(), switch());
    let (fake, real, no) = (rig::fake_qemu(), installed_qemu(), Path::new("/bin/false"));
    let path = world.search_path(&[("qemu", &fake), ("kvm", &fake), ("qemu-system-x86_64", no)]);
    assert!(real.exists());
    for asked in ["qemu", "kvm"] {
        let mut command = world.vdeq();
        command.env("PATH", &path).env(vde_exec::testkit::fake_qemu::DO, "exit=42");
        let outcome = finish(command.args(["-v", asked, "-net", "nic", "-net", &vde(&switch)]));
        assert_eq!(outcome.status.code(), Some(42), "{outcome:?}");
        assert!(!outcome.stderr.contains("there is no program"), "{outcome:?}");
    }
}
