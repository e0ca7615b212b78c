//! The demonstration: two guests on one vde_switch, each started by `vdeq`, pinging each other; or
//! a VM of the user's on the network of such a guest.

mod guests;
mod switch;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use self::guests::Guests;
use self::switch::Switch;
use crate::{guest, paths, setup, sh};

/// What the guests share, so that a user's VM can be given an address beside them.
const NETWORK: &str = "10.0.0";

/// `[--image FILE] [-- QEMU ARGUMENTS]`: with either, a VM of the user's instead of guest b.
pub(crate) fn run(arguments: Vec<OsString>) -> Result<()> {
    let user = user_arguments(arguments)?;
    setup::machines()?;
    let rig = paths::rig()?;
    guest::prepare(&rig)?;
    sh::run(paths::cargo().args(["build", "--locked", "--release", "--package", "vdeq"]))?;
    let vdeq = paths::target()?.join("release/vdeq");
    // Short: the name of a socket has at most 107 bytes.
    let place = tempfile::Builder::new().prefix("vdeq-demo").tempdir()?;
    let mut switch = Switch::start(&place.path().join("switch"))?;
    let outcome = match user {
        None => two_guests(&vdeq, &rig, &mut switch),
        Some(arguments) => users_machine(&vdeq, &rig, &mut switch, &arguments),
    };
    switch.stop()?;
    outcome
}

fn two_guests(vdeq: &Path, rig: &Path, switch: &mut Switch) -> Result<()> {
    let mut guests = Guests::default();
    // Both spellings of a NIC on a VDE network: QEMU's e1000 on a hub, and virtio without one.
    let old = ["-net", "nic,macaddr=52:54:00:de:00:0a", "-net", &backend(switch)];
    let new = ["-nic", &format!("{},model=virtio-net-pci,mac=52:54:00:de:00:0b", backend(switch))];
    guests.boot("a", machine(vdeq, rig, 1, Some(2)).args(old))?;
    guests.boot("b", machine(vdeq, rig, 2, Some(1)).args(new))?;
    guests.wait_for("VDEQ-GUEST ping OK")?;
    println!("\nvde_switch, port/print:\n{}", switch.command("port/print")?);
    guests.power_off()?;
    println!("\ndemo: both guests reached each other through vdeq and vde_switch");
    Ok(())
}

fn users_machine(
    vdeq: &Path,
    rig: &Path,
    switch: &mut Switch,
    arguments: &[OsString],
) -> Result<()> {
    let mut guests = Guests::default();
    let nic = ["-nic", &format!("{},model=virtio-net-pci,mac=52:54:00:de:00:0a", backend(switch))];
    guests.boot("a", machine(vdeq, rig, 1, None).args(nic))?;
    guests.wait_for("VDEQ-GUEST done")?;
    println!("\nguest a answers pings at {NETWORK}.1; give your VM an address in {NETWORK}.0/24\n");
    let mut yours = Command::new(vdeq);
    yours.arg("qemu-system-x86_64").args(arguments);
    yours.args(["-nic", &format!("{},mac=52:54:00:de:00:0c", backend(switch))]);
    println!("$ {}", sh::shown(&yours));
    let status = yours.status().context("start vdeq")?;
    println!("\nvde_switch, port/print:\n{}", switch.command("port/print")?);
    guests.power_off()?;
    if !status.success() {
        bail!("your VM: {status}");
    }
    Ok(())
}

/// The command line of a test guest with the address NETWORK.`number`, without its NIC.
fn machine(vdeq: &Path, rig: &Path, number: u32, peer: Option<u32>) -> Command {
    let mut words = format!("console=ttyS0 quiet panic=-1 vdeq_ip={NETWORK}.{number}/24");
    if let Some(peer) = peer {
        words.push_str(&format!(" vdeq_ping={NETWORK}.{peer} vdeq_count=5 vdeq_interval=0.5"));
    }
    let mut machine = Command::new(vdeq);
    machine.args(["qemu-system-x86_64", "-accel", "tcg", "-m", "128", "-display", "none"]);
    machine.args(["-serial", "stdio", "-monitor", "none", "-no-reboot"]);
    machine.arg("-kernel").arg(rig.join("guest/kernel"));
    machine.arg("-initrd").arg(rig.join("guest/initrd"));
    machine.args(["-append", &words]);
    machine
}

fn backend(switch: &Switch) -> String {
    format!("vde,sock={}", switch.dir().display())
}

/// `None`: nothing of the user's. An image is never written to.
fn user_arguments(arguments: Vec<OsString>) -> Result<Option<Vec<OsString>>> {
    use lexopt::prelude::*;
    let mut qemu = Vec::new();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("image") => {
                let image = PathBuf::from(parser.value()?);
                if !image.is_file() {
                    bail!("there is no image {}", image.display());
                }
                let usual = ["-accel", "tcg", "-m", "512", "-nographic", "-snapshot"];
                qemu.extend(usual.map(OsString::from));
                qemu.push(image.into());
            }
            Value(word) => {
                qemu.push(word);
                qemu.extend(parser.raw_args()?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(if qemu.is_empty() { None } else { Some(qemu) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Option<Vec<OsString>>> {
        user_arguments(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn what_follows_two_dashes_is_qemus() {
        assert_eq!(read(&[]).unwrap(), None);
        let words = ["--", "-m", "64", "--image", "x"];
        assert_eq!(read(&words).unwrap().unwrap(), &words[1..]);
    }

    #[test]
    fn an_image_is_booted_without_writing_to_it() {
        let image = tempfile::NamedTempFile::new().unwrap();
        let path = image.path().to_str().unwrap();
        let words = read(&["--image", path, "--", "-smp", "2"]).unwrap().unwrap();
        assert!(words.contains(&"-snapshot".into()) && words.contains(&path.into()));
        assert!(words.ends_with(&["-smp".into(), "2".into()]));
        assert!(read(&["--image", "/no/such/image"]).is_err());
    }
}
