//! Says what a command line means for the network: who is on which vlan, which switch and port each
//! plug asks for, and what a QEMU of a given version is told instead.
//!
//! ```sh
//! cargo run -p vde-args --example explain -- --qemu 7.2 \
//!     vdeq qemu -net nic -net vde,sock=/tmp/my.ctl,port=10
//! ```
//!
//! The command line begins with the name that vdeq is called by. Nothing is dialled or started.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is there to print")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write as _};
use std::process::ExitCode;

use vde_args::{
    ArgError, Command, Dialect, Invocation, NetKind, NetOption, Network, Placeholders, PlugSpec,
    QemuVersion, Rewritten, parse,
};

/// What is taken for the version, when nothing is said.
const NEWEST: QemuVersion = QemuVersion::new(11, 1, 0);

/// The descriptor that the first plug is shown with.
const FIRST_FD: i32 = 3;

fn main() -> ExitCode {
    let mut argv: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut version = NEWEST;
    if argv.first().is_some_and(|word| word == "--qemu") && argv.len() > 1 {
        let told = argv.drain(..2).nth(1).and_then(|word| word.to_str()?.parse().ok());
        match told {
            Some(told) => version = told,
            None => return usage(),
        }
    }
    if argv.is_empty() {
        return usage();
    }
    match explain(&argv, version) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("argument {}, bytes {:?}: {error}", error.index, error.span);
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: explain [--qemu X.Y[.Z]] vdeq QEMU ARGUMENTS");
    ExitCode::FAILURE
}

/// The whole explanation.
fn explain(argv: &[OsString], version: QemuVersion) -> Result<String, ArgError> {
    let run = match parse(argv)? {
        Command::Run(run) => run,
        Command::Serve(_) => return Ok("vdeq serves a switch, and starts nothing.\n".into()),
        Command::Doctor(_) => return Ok("vdeq looks at this machine.\n".into()),
        Command::Version => return Ok("vdeq says which version it is.\n".into()),
        _ => return Ok("vdeq says how it is used.\n".into()),
    };
    let mut text = format!("program: {}\n", shown(&run.program));
    if run.options.fd_placeholder {
        let found = Placeholders::read(&run)?;
        plugs(&mut text, found.plugs());
        list(&mut text, "notes", found.notes());
        let rewritten = found.rewrite(&descriptors(found.plugs()))?;
        changes(&mut text, "the program is told", &run, &rewritten);
        return Ok(text);
    }
    // A version on the command line is what the user says it is.
    let version = run.options.qemu_version.unwrap_or(version);
    let network = Network::read(&run)?;
    plugs(&mut text, network.plugs());
    list(&mut text, "networks", &networks(&run, network.plugs()));
    list(&mut text, "notes", network.notes());
    let rewritten = network.rewrite(version, &descriptors(network.plugs()))?;
    let backend = Dialect::of(version).backend().unwrap_or("-tun-fd");
    changes(&mut text, &format!("QEMU {version} ({backend}) is told"), &run, &rewritten);
    Ok(text)
}

/// Numbers to show in the place of the descriptors that vdeq would get.
fn descriptors(plugs: &[PlugSpec]) -> Vec<i32> {
    (FIRST_FD..).take(plugs.len()).collect()
}

/// Which switch and port each plug asks for, and where it does.
fn plugs(text: &mut String, plugs: &[PlugSpec]) {
    let lines = plugs.iter().zip(1..).map(|(plug, at)| {
        let mut line = format!("plug {at}: ");
        match &plug.sock {
            Some(sock) => put(&mut line, format_args!("switch {}", shown(sock))),
            None => line.push_str("the default switch"),
        }
        match plug.port {
            Some(port) => put(&mut line, format_args!(", port {port}")),
            None => line.push_str(", any port"),
        }
        if let Some(group) = &plug.group {
            put(&mut line, format_args!(", group {}", shown(group)));
        }
        if let Some(mode) = plug.mode {
            put(&mut line, format_args!(", mode {mode:03o}"));
        }
        match &plug.spot {
            Some(spot) => put(&mut line, format_args!(" (argument {})", spot.index)),
            None => line.push_str(" (nothing asks for it)"),
        }
        line
    });
    let lines: Vec<String> = lines.collect();
    list(text, "plugs", &lines);
}

/// What the arguments put together: on each vlan, and on each netdev.
fn networks(run: &Invocation<'_>, plugs: &[PlugSpec]) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for option in run.line.networks() {
        let place = match (option.hub(), option.netdev(), option.get(b"id"), option.kind()) {
            (Some(hub), ..) => format!("vlan {hub}"),
            (None, Some(id), ..) | (None, None, Some(id), NetKind::Netdev) => {
                format!("netdev {}", id.escape_ascii())
            }
            (None, None, _, NetKind::Nic) => format!("NIC of its own, argument {}", option.index()),
            // A disk perhaps, or a NIC that is connected to nothing.
            _ => continue,
        };
        places.entry(place).or_default().push(member(&option, plugs));
    }
    places.iter().map(|(place, members)| format!("{place}: {}", members.join(", "))).collect()
}

/// A NIC, a plug or another backend, by its type.
fn member(option: &NetOption<'_>, plugs: &[PlugSpec]) -> String {
    let spot = |plug: &PlugSpec| plug.spot.as_ref().map(|spot| spot.index);
    if option.is_vde() {
        let plug = plugs.iter().position(|plug| spot(plug) == Some(option.index()));
        return plug.map_or("a plug".into(), |at| format!("plug {}", at + 1));
    }
    let name = option.type_name().unwrap_or_default();
    let name = name.escape_ascii();
    match (option.kind(), option.is_nic()) {
        (NetKind::Device, _) => format!("NIC {name}"),
        (NetKind::Nic, _) => format!("NIC with {name}"),
        (_, true) => format!("NIC (argument {})", option.index()),
        (_, false) => format!("{name} (argument {})", option.index()),
    }
}

/// What is changed, and why, and the command that comes of it.
fn changes(text: &mut String, title: &str, run: &Invocation<'_>, rewritten: &Rewritten) {
    let words = |words: &[OsString]| {
        let words: Vec<_> = words.iter().map(|word| shown(word)).collect();
        words.join(" ")
    };
    let lines = rewritten.changes.iter().map(|change| {
        let (before, after) = (words(&change.before), words(&change.after));
        match change.before.is_empty() {
            true => format!("+ {after}, since {}", change.why),
            false => format!("{before} -> {after}, since {}", change.why),
        }
    });
    let lines: Vec<String> = lines.collect();
    list(text, title, &lines);
    put(text, format_args!("command: {} {}\n", shown(&run.program), words(&rewritten.args)));
}

/// A word, with nothing in it that could steer a terminal.
fn shown(word: &OsStr) -> String {
    let mut text = String::new();
    for c in word.to_string_lossy().chars() {
        match c.is_control() {
            true => text.extend(c.escape_default()),
            false => text.push(c),
        }
    }
    text
}

/// A title and what is under it, if anything is.
fn list(text: &mut String, title: &str, lines: &[impl fmt::Display]) {
    if !lines.is_empty() {
        put(text, format_args!("{title}:\n"));
    }
    for line in lines {
        put(text, format_args!("  {line}\n"));
    }
}

/// Appends to a text, which cannot fail.
fn put(text: &mut String, what: fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(qemu: (u32, u32), line: &str) -> String {
        let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        explain(&argv, QemuVersion::new(qemu.0, qemu.1, 0)).unwrap()
    }

    #[test]
    fn the_manual_pages_two_vlans_are_explained() {
        let line = "vde qemu -net nic,vlan=0 -net nic,vlan=1 -net vde,vlan=0 \
                    -net vde,vlan=1,sock=/tmp/my.ctl,port=10";
        let gone = vde_args::Why::VlanGone;
        let expected = format!(
            "\
program: qemu
plugs:
  plug 1: the default switch, any port (argument 7)
  plug 2: switch /tmp/my.ctl, port 10 (argument 9)
networks:
  vlan 0: NIC (argument 3), plug 1
  vlan 1: NIC (argument 5), plug 2
notes:
  network 0: its NIC has no mac=, and every QEMU takes the same address then: two of them do not hear each other (--mac=auto)
QEMU 7.2.0 (socket) is told:
  -net nic,vlan=0 -> -net nic,netdev=vdeq0, since {gone}
  -net nic,vlan=1 -> -net nic,netdev=vdeq1, since {gone}
  -net vde,vlan=0 -> -netdev socket,id=vdeq0,fd=3, since it names a VDE network
  -net vde,vlan=1,sock=/tmp/my.ctl,port=10 -> -netdev socket,id=vdeq1,fd=4, since it names a VDE network
command: qemu -net nic,netdev=vdeq0 -net nic,netdev=vdeq1 -netdev socket,id=vdeq0,fd=3 -netdev socket,id=vdeq1,fd=4
"
        );
        assert_eq!(explained((7, 2), line), expected);
    }

    #[test]
    fn what_is_added_and_what_is_said_is_explained_too() {
        let text = explained((2, 5), "vdeqemu -m 64");
        assert!(text.contains("plug 1: the default switch, any port (nothing asks for it)"));
        assert!(text.contains("notes:\n  no network is named: joining the default switch"));
        assert!(text.contains("+ -net nic -net tap,fd=3, since no network is named"));
    }

    #[test]
    fn netdevs_and_their_devices_are_put_together() {
        let line = "vdeq kvm -device e1000,netdev=n0 -netdev vde,id=n0,sock=/s,mode=660 \
                    -device virtio-blk,drive=d -nic user";
        let text = explained((11, 1), line);
        assert!(text.contains("  netdev n0: NIC e1000, plug 1\n"), "{text}");
        assert!(text.contains("  NIC of its own, argument 9: NIC with user\n"), "{text}");
        assert!(text.contains("switch /s, any port, mode 660 (argument 5)"), "{text}");
        assert!(!text.contains("NIC virtio-blk"), "{text}");
    }

    #[test]
    fn placeholders_are_explained_without_a_qemu() {
        let text = explained((11, 1), "vdeq --fd-placeholder vm fd={vde:/s}");
        assert!(text.contains("switch /s") && text.ends_with("command: vm fd=3\n"), "{text}");
    }
}
