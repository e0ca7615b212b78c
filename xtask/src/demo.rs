//! The demonstration: two guests, each started by `vdeq`, one of them with a switch, pinging each other;
//! or a VM of the user's on the network of such a guest.

mod guests;
mod switch;

use std::ffi::OsString;
use std::path::PathBuf;
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
    setup::machine()?;
    let rig = paths::rig()?;
    guest::prepare(&rig)?;
    sh::run(paths::cargo().args(["build", "--locked", "--release", "--package", "vdeq"]))?;
    let vdeq = paths::target()?.join("release/vdeq");
    // Short: the name of a socket has at most 107 bytes.
    let place = tempfile::Builder::new().prefix("vdeq-demo").tempdir()?;
    let demo = Demo { vdeq, rig, switch: Switch::in_place(place.path()) };
    match user {
        None => demo.two_guests(),
        Some(arguments) => demo.users_machine(&arguments),
    }
}

/// What both demonstrations have.
struct Demo {
    vdeq: PathBuf,
    rig: PathBuf,
    switch: Switch,
}

impl Demo {
    fn two_guests(&self) -> Result<()> {
        let mut guests = Guests::default();
        // Both spellings of a NIC on a VDE network: QEMU's e1000 on a hub, and virtio without one.
        let old = ["-net", "nic,macaddr=52:54:00:de:00:0a", "-net", "vde"];
        let new =
            ["-nic", &format!("{},model=virtio-net-pci,mac=52:54:00:de:00:0b", self.backend())];
        guests.boot("a", self.guest(&self.switch.options(), 1, Some(2)).args(old))?;
        self.switch.wait()?;
        guests.boot("b", self.guest(&[], 2, Some(1)).args(new))?;
        guests.wait_for("VDEQ-GUEST ping OK")?;
        println!("\nthe switch, port/print:\n{}", self.switch.command("port/print")?);
        guests.power_off()?;
        println!("\ndemo: both guests reached each other through the switch that vdeq served");
        Ok(())
    }

    fn users_machine(&self, arguments: &[OsString]) -> Result<()> {
        let mut guests = Guests::default();
        let nic = ["-nic", "vde,model=virtio-net-pci,mac=52:54:00:de:00:0a"];
        guests.boot("a", self.guest(&self.switch.options(), 1, None).args(nic))?;
        guests.wait_for("VDEQ-GUEST done")?;
        println!(
            "\nguest a answers pings at {NETWORK}.1; give your VM an address in {NETWORK}.0/24\n"
        );
        let mut yours = Command::new(&self.vdeq);
        yours.arg("qemu-system-x86_64").args(arguments);
        yours.args(["-nic", &format!("{},mac=52:54:00:de:00:0c", self.backend())]);
        println!("$ {}", sh::shown(&yours));
        let status = yours.status().context("start vdeq")?;
        println!("\nthe switch, port/print:\n{}", self.switch.command("port/print")?);
        guests.power_off()?;
        if !status.success() {
            bail!("your VM: {status}");
        }
        Ok(())
    }

    /// The command line of a test guest with the address NETWORK.`number`, without its NIC; `own` are
    /// vdeq's own options.
    fn guest(&self, own: &[OsString], number: u32, peer: Option<u32>) -> Command {
        let mut words =
            format!("console=ttyS0 quiet no_timer_check panic=-1 vdeq_ip={NETWORK}.{number}/24");
        if let Some(peer) = peer {
            words.push_str(&format!(" vdeq_ping={NETWORK}.{peer} vdeq_count=5 vdeq_interval=0.5"));
        }
        let mut machine = Command::new(&self.vdeq);
        machine.args(own);
        machine.args(["qemu-system-x86_64", "-accel", "tcg", "-m", "128", "-display", "none"]);
        machine.args(["-serial", "stdio", "-monitor", "none", "-no-reboot"]);
        machine.arg("-kernel").arg(self.rig.join("guest/kernel"));
        machine.arg("-initrd").arg(self.rig.join("guest/initrd"));
        machine.args(["-append", &words]);
        machine
    }

    /// A network of another command than the one that serves the switch.
    fn backend(&self) -> String {
        format!("vde,sock={}", self.switch.dir().display())
    }
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
