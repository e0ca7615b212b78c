//! `--dry-run` and `--explain`: what would be started, without starting or touching anything.

use serde_json::{Value, json};

use crate::world::{Outcome, QEMU, Vdeq, World};

/// Runs it in a world of its own, in which there is neither a QEMU nor the switch that is named.
fn alone(words: &[&str]) -> Outcome {
    let world = World::without_programs(vde_exec::testkit::fake_switch::Options::new(
        vde_exec::vde_proto::switch::Personality::New,
    ));
    let outcome = world.vdeq(words).run();
    assert_eq!(world.switch.requests(), 0);
    outcome
}

fn json_of(run: Vdeq) -> Value {
    let outcome = run.run();
    assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
    assert!(!outcome.report.ready, "a VM was started");
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn a_dry_run_prints_the_command_without_qemu_and_switch() {
    let words = ["--dry-run", "qemu", "-name", "it's me", "-net", "nic", "-net", "vde,sock=/none"];
    let outcome = alone(&words);
    assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, "qemu -name 'it'\\''s me' -net nic -net socket,fd=100\n");
    assert!(outcome.stderr.contains("no program qemu was found here"), "{}", outcome.stderr);
}

#[test]
fn a_dry_run_is_for_the_version_that_is_told() {
    for (version, expected) in [
        ("0.7", "qemu -tun-fd 100 -nics 1\n"),
        ("2.11", "qemu -net tap,fd=100,vlan=1 -net nic,vlan=1\n"),
        ("11.1", "qemu -netdev socket,id=vdeq0,fd=100 -net nic,netdev=vdeq0\n"),
    ] {
        let words =
            ["--dry-run", "--qemu-version", version, "qemu", "-net", "vde,vlan=1,sock=/none"];
        assert_eq!(alone(&words).stdout, expected);
    }
}

#[test]
fn what_is_printed_is_what_runs() {
    let world = World::new();
    let (net, sock) = (format!("vde,{},port=3", world.sock()), world.sock());
    let second = format!("{{\"type\":\"vde\",\"id\":\"n\",\"{}\"}}", sock.replace('=', "\":\""));
    let words = [QEMU, "-net", "nic", "-net", &net, "-netdev", &second, "-device", "x,netdev=n"];
    let printed = world.vdeq(&[&["--dry-run"], &words[..]].concat()).run().stdout;
    assert_eq!(world.switch.requests(), 0);
    let ran = world.vdeq(&words).run();
    ran.assert_ran(0);
    let program = world.home.path().join("bin").join(QEMU);
    let running = format!("{} {}", program.display(), ran.report.words().join(" "));
    // But for the quotes that a shell needs around JSON.
    assert_eq!(printed.trim().replace('\'', ""), running);
}

#[test]
fn nothing_of_the_program_is_run_but_the_question_for_its_version() {
    let world = World::new();
    let words = ["--dry-run", QEMU, "-net", "vde,sock=/none"];
    let outcome = world.vdeq(&words).run();
    assert!(!outcome.report.ready && outcome.status.success(), "{outcome:?}");
    assert_eq!(world.probes(), 1);
}

#[test]
fn an_explanation_says_what_each_argument_was_what_it_becomes_and_why() {
    let words = ["--explain", "--qemu-version=7.2", "qemu", "-localtime", "-net", "vde,sock=/a b"];
    let outcome = alone(&words);
    let expected = "\
for QEMU 7.2.0, as --qemu-version says

fd 100 is plugged into '/a b', any port; no relay

argument 6  -net 'vde,sock=/a b'
becomes     -netdev socket,id=vdeq0,fd=100
because     it names a VDE network

added       -net nic,netdev=vdeq0
because     a VDE network without a NIC is of no use

note        a NIC was added on vlan 0, where the VDE network had none

note        network 0: its NIC has no mac=, and every QEMU takes the same address then: two of them do not hear each other (--mac=auto)

note        QEMU 7.2.0 has lost -localtime: --modernize translates that

runs        qemu -localtime -netdev socket,id=vdeq0,fd=100 -net nic,netdev=vdeq0
";
    assert_eq!(outcome.stdout, expected);
}

#[test]
fn an_explanation_with_modernize_says_what_became_of_lost_options() {
    let words = ["--explain", "--modernize", "--qemu-version=7.2", "qemu", "-localtime", "-tdf"];
    let outcome = alone(&words).stdout;
    for text in ["-localtime\nbecomes     -rtc base=localtime\n", "-tdf\nbecomes     (nothing)\n"] {
        assert!(outcome.contains(text), "{outcome}");
    }
}

#[test]
fn a_line_in_which_nothing_changes_is_said_to_be_that() {
    let outcome = alone(&["--explain", "--qemu-version=7.2", "qemu", "-net", "user"]);
    assert!(outcome.stdout.contains("no argument is changed\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("runs        qemu -net user\n"), "{}", outcome.stdout);
}

#[test]
fn an_explanation_for_tools_is_one_json_object() {
    const NIC: &str = "nic,macaddr=52:54:00:00:00:01";
    let world = World::new();
    let net = "vde,sock=/s,port=7,group=g,mode=0640";
    let said = json_of(world.vdeq(&["--explain=json", QEMU, "-net", NIC, "-net", net]));
    let program = world.home.path().join("bin").join(QEMU);
    let expected = json!({
        "program": { "asked": QEMU, "path": program },
        "qemu": { "version": "7.2.22", "source": "asked" },
        "switch": null,
        "plugs": [{
            "fd": 100, "switch": "/s", "name": null, "port": 7, "group": "g", "mode": "0640", "argument": 6,
            "relay": null,
        }],
        "changes": [{
            "argument": 6,
            "before": ["-net", net],
            "after": ["-net", "socket,fd=100"],
            "why": "it names a VDE network",
        }],
        "notes": [],
        "command": [program, "-net", NIC, "-net", "socket,fd=100"],
    });
    assert_eq!(said, expected);
}

#[test]
fn a_word_that_is_no_text_is_shown_by_its_bytes() {
    use std::os::unix::ffi::OsStringExt;
    let odd = || std::ffi::OsString::from_vec(vec![0xff, b'x']);
    let world = World::new();
    let words = ["--explain=json", QEMU, "-net", "vde,sock=/s", "-name"];
    let said = json_of(world.vdeq(&words).arg(odd()));
    assert_eq!(said["command"][4], json!({ "bytes": [255, 120] }));
    let words = ["--dry-run", QEMU, "-net", "vde,sock=/s", "-name"];
    let outcome = world.vdeq(&words).arg(odd()).run();
    assert!(outcome.stdout.contains(r"-name $'\xffx'"), "{}", outcome.stdout);
}

#[test]
fn what_is_wrong_is_the_same_error_as_without() {
    for (option, status) in [("--dry-run", 125), ("--explain", 125), ("--explain=json", 125)] {
        let outcome = alone(&[option, "qemu", "-net", "vde,prot=1"]);
        outcome.assert_failed(status, &["did you mean `port`?", "         ^^^^"]);
    }
    let outcome = alone(&["--explain=xml", "qemu"]);
    outcome.assert_failed(125, &["expected text or json", "--explain=xml", "          ^^^"]);
}

#[test]
fn a_configuration_file_with_a_vde_network_is_an_error_that_says_what_to_write() {
    let world = World::new();
    let file = "# lab\n[netdev \"n0\"]\n  type = \"vde\"\n  sock = \"/run/a,b\"\n";
    std::fs::write(world.home.path().join("vm.cfg"), file).unwrap();
    let outcome = world.vdeq(&[QEMU, "-readconfig", "vm.cfg"]).run();
    let instead = "line 2 of `vm.cfg` names a VDE network: \
                   write `-netdev vde,id=n0,sock=/run/a,,b` on the command line instead";
    outcome.assert_failed(125, &[instead, "-readconfig vm.cfg", "            ^^^^^^"]);
}

#[test]
fn a_configuration_file_with_other_networks_counts_as_a_network() {
    let world = World::new();
    world.make_default();
    std::fs::write(world.home.path().join("vm.cfg"), "[net]\n  type = \"user\"\n").unwrap();
    let outcome = world.vdeq(&[QEMU, "-readconfig", "vm.cfg"]).run();
    outcome.assert_ran(0);
    assert_eq!(outcome.report.words(), ["-readconfig", "vm.cfg"]);
    std::fs::write(world.home.path().join("vm.cfg"), "[drive]\n  if = \"none\"\n").unwrap();
    let outcome = world.vdeq(&[QEMU, "-readconfig", "vm.cfg"]).run();
    outcome.assert_ran(0);
    let words = ["-readconfig", "vm.cfg", "-nic", "socket,fd=100"];
    assert_eq!(outcome.report.words(), words);
}
