//! vdeq's own words, and what is said about wrong ones.

use crate::world::{QEMU, World};

#[test]
fn help_is_on_standard_output_and_no_error() {
    let world = World::new();
    for word in ["-h", "-help", "--help"] {
        for run in
            [world.vdeq(&[word]), world.link("vdekvm", &[word]), world.link("vdeoq", &[word])]
        {
            let outcome = run.run();
            assert_eq!(outcome.status.code(), Some(0));
            assert!(outcome.stdout.contains("usage:") && outcome.stderr.is_empty(), "{outcome:?}");
        }
    }
    let version = world.vdeq(&["--version"]).run();
    assert_eq!(version.stdout, concat!("vdeq ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn v27_no_program_is_an_error() {
    let world = World::new();
    for words in [&[][..], &["-v"], &["--"]] {
        world.vdeq(words).run().assert_failed(125, &["expected the name of a QEMU", "vdeq --help"]);
    }
}

#[test]
fn v22_an_unknown_parameter_is_an_error_with_a_caret_under_it() {
    let world = World::new();
    let outcome = world.vdeq(&[QEMU, "-net", "vde,sok=/tmp/x"]).run();
    outcome.assert_failed(125, &["did you mean `sock`", "-net vde,sok=/tmp/x", "         ^^^"]);
    assert_eq!(world.switch.requests(), 0);
}

#[test]
fn v23_numbers_are_checked() {
    let world = World::new();
    for (net, wrong) in [("vde,port=abc", "abc"), ("vde,vlan=zz", "zz"), ("vde,port=-1", "-1")] {
        let outcome = world.vdeq(&[QEMU, "-net", net]).run();
        outcome.assert_failed(125, &[wrong, "^"]);
    }
    let mode = world.vdeq(&[QEMU, "--mod", "9z", "-net", "vde"]).run();
    mode.assert_failed(125, &["9z", "octal"]);
}

#[test]
fn without_a_network_the_vm_gets_one_nic_on_the_default_switch() {
    let world = World::new();
    world.make_default();
    let outcome = world.vdeq(&[QEMU, "-b", "c", "-hda=sampledisk"]).run();
    outcome.assert_ran(0);
    let words = outcome.report.words();
    assert_eq!(words[..2], ["-b", "c"]);
    assert!(words.contains(&"-hda=sampledisk".to_owned()), "{words:?}");
    assert!(words.contains(&"socket,fd=100".to_owned()), "{words:?}");
    assert_eq!(world.switch.requests(), 1);
}

#[test]
fn another_network_is_left_alone_and_that_is_said() {
    let world = World::new();
    world.make_default();
    let outcome = world.vdeq(&[QEMU, "-net", "nic", "-net", "user"]).run();
    outcome.assert_ran(0);
    assert_eq!(outcome.report.words(), ["-net", "nic", "-net", "user"]);
    assert!(outcome.stderr.contains("no VDE network was added"), "{}", outcome.stderr);
    assert_eq!(world.switch.requests(), 0);
}

#[test]
fn the_switch_is_told_who_is_plugged_in() {
    let world = World::new();
    let net = format!("vde,{},port=3", world.sock());
    let run =
        world.vdeq(&[QEMU, "-net", &net]).env("SSH_CLIENT", "192.0.2.7 5 22").act("run").start();
    run.wait_running();
    let ports = world.switch.ports();
    assert_eq!(ports[0].number, 3);
    let [text] = ports[0].descriptions.as_slice() else { panic!("{ports:?}") };
    let pid = run.pid();
    assert!(
        text.starts_with("vdeq: user=") && text.contains(&format!("pid={pid} net=0")),
        "{text}"
    );
    assert!(text.ends_with("SSH=192.0.2.7"), "{text}");
}

#[test]
fn bytes_that_are_no_text_reach_the_vm_unchanged() {
    use std::os::unix::ffi::OsStringExt;
    let world = World::new();
    let odd = std::ffi::OsString::from_vec(vec![b'-', 0xff, b'\n', b'x']);
    let net = format!("vde,{}", world.sock());
    let run = world.vdeq(&[QEMU, "-net", &net, "-name"]).arg(odd.clone());
    let outcome = run.run();
    outcome.assert_ran(0);
    assert!(outcome.report.args.contains(&odd));
}

#[test]
fn every_option_is_in_the_whole_help_and_the_page_knows_no_other() {
    let help = World::new().vdeq(&["--help=all"]).run().stdout;
    let spellings: Vec<_> =
        vde_args::OWN_OPTIONS.iter().flat_map(|option| option.spellings).copied().collect();
    for spelling in &spellings {
        assert!(help.contains(spelling), "{spelling} is not in the help");
    }
    for word in vde_args::PLUG_WORDS.iter().chain(vde_args::RELAY_WORDS) {
        assert!(help.contains(&format!("\n  {}", word.name)), "{} is not in the help", word.name);
    }
    let page = World::new().vdeq(&["--help"]).run().stdout;
    for word in page.split(|c: char| !(c.is_alphanumeric() || c == '-')) {
        assert!(!word.starts_with("--") || spellings.contains(&word), "{word} is no option");
    }
}

#[test]
fn what_cannot_be_said_does_not_change_the_end() {
    let world = World::new();
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    for (words, status) in [(&["nosuch"][..], 127), (&[QEMU, "-net", "vde,sock=/none"], 125)] {
        let mut run = world.vdeq(words);
        assert_eq!(run.command.stderr(full()).status().unwrap().code(), Some(status));
    }
}

#[test]
fn escape_sequences_in_paths_and_names_are_shown_and_not_obeyed() {
    let world = World::new();
    for words in [&["no\x1b[31msuch"][..], &[QEMU, "-net", "vde,sock=/no/\x1b[31mswitch"]] {
        let outcome = world.vdeq(words).run();
        assert!(!outcome.stderr.contains('\x1b'), "{outcome:?}");
        assert!(outcome.stderr.contains("\\x1b[31m"), "{}", outcome.stderr);
    }
}

#[test]
fn a_program_that_is_a_fifo_is_refused_and_not_waited_for() {
    let world = World::new();
    let fifo = world.home.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    world.vdeq(&["./fifo", "-net", "user"]).run().assert_failed(126, &["it is no file"]);
}

#[test]
fn a_file_of_options_may_hold_the_networks_so_none_is_added() {
    let world = World::new();
    world.make_default();
    let outcome = world.vdeq(&[QEMU, "-readconfig", "vm.cfg"]).run();
    outcome.assert_ran(0);
    assert_eq!(outcome.report.words(), ["-readconfig", "vm.cfg"]);
    assert!(outcome.stderr.contains("no VDE network was added"), "{}", outcome.stderr);
}

#[test]
fn a_start_as_it_was_meant_says_nothing() {
    let world = World::new();
    world.make_default();
    let (net, dir) = (format!("vde,{}", world.sock()), world.switch.dir().display().to_string());
    let list = format!("{dir},");
    for words in [&[][..], &["-net", "nic", "-net", &net], &["-sock", &list]] {
        let named = ["--mac=auto", QEMU, "-name", "vm"];
        let outcome = world.vdeq(&[&named, words].concat()).run();
        outcome.assert_ran(0);
        assert_eq!((&*outcome.stdout, &*outcome.stderr), ("", ""), "{words:?}");
    }
}

#[test]
fn a_program_that_was_taken_for_an_argument_is_pointed_out() {
    let outcome = World::new().vdeq(&["--control", QEMU, "-nic", "vde"]).run();
    let taken = format!("{QEMU} was taken as the PATH of --control");
    outcome.assert_failed(125, &["is an option of QEMU", &taken]);
}

#[test]
fn a_nic_without_an_address_is_mentioned_once_and_with_auto_it_has_one() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let outcome = world.vdeq(&[QEMU, "-nic", &net, "-nic", &net]).run();
    outcome.assert_ran(0);
    assert_eq!(outcome.stderr.matches("no mac=").count(), 1, "{}", outcome.stderr);
    let mac = |_| {
        let run = world.vdeq(&["--mac=auto", QEMU, "-name", "vm", "-nic", &net]).run();
        run.assert_ran(0);
        assert_eq!(run.stderr, "");
        let words = run.report.words().join(" ");
        words
            .split_once(",mac=")
            .expect("an address")
            .1
            .split_once(' ')
            .map(|(mac, _)| mac.to_owned())
    };
    assert_eq!(mac(1), mac(2), "it stays the same");
}

#[test]
fn a_placeholder_in_any_argument_becomes_a_descriptor() {
    let world = World::new();
    let hole = format!("--net=fd={{vde:{},port=3}}", world.switch.dir().display());
    let run = world.vdeq(&["--fd-placeholder", QEMU, "-x", &hole, "y"]).act("run").start();
    let report = run.wait_running();
    assert_eq!(report.words(), ["-x", "--net=fd=100", "y"]);
    assert!(report.sockets().contains(&100), "{report:?}");
    assert_eq!(world.switch.ports()[0].number, 3);
}
