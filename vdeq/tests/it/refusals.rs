//! Switches that are not there, do not want us, or say nonsense: an error, no VM, nothing left.

use std::time::{Duration, Instant};

use vde_exec::testkit::fake_switch::{Faults, Options, ReplyFault};
use vde_exec::vde_proto::switch::Personality;

use crate::world::{QEMU, World};

/// Runs a VM on the fake switch with a deadline of half a second.
fn attempt(world: &World, extra: &str) -> crate::world::Outcome {
    let net = format!("vde,{}{extra}", world.sock());
    world.vdeq(&["--timeout", "0.5", QEMU, "-net", "nic", "-net", &net]).run()
}

fn with_reply(reply: ReplyFault) -> World {
    World::with(Options::new(Personality::New).with(Faults { reply, ..Faults::default() }))
}

#[test]
fn v2_a_switch_that_is_absent_is_an_error_before_the_vm_starts() {
    let world = World::new();
    let outcome = world.vdeq(&[QEMU, "-net", "vde,sock=/nonexistent/switch"]).run();
    outcome.assert_failed(125, &["no switch at /nonexistent/switch", "^^^^", "vde_switch -d -s"]);
}

#[test]
fn v28_one_absent_switch_of_two_is_an_error_and_the_other_gets_its_port_back() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let words = [QEMU, "-net", &net, "-net", "vde,sock=/nonexistent"];
    world.vdeq(&words).run().assert_failed(125, &["/nonexistent"]);
    world.assert_nothing_left();
}

#[test]
fn no_default_switch_is_an_error_that_lists_where_it_was_looked_for() {
    let world = World::new();
    let outcome = world.vdeq(&[QEMU, "-net", "vde"]).run();
    // Where somebody runs a switch at a system-wide place, that is the default.
    if outcome.stderr.contains("default ones") {
        outcome.assert_failed(125, &["/.vde2/default.switch", "/tmp/vde.ctl", "sock="]);
    }
}

#[test]
fn v16_a_refused_port_is_an_error_on_both_generations() {
    let silent = World::with(Options::new(Personality::Old));
    let outcome = attempt(&silent, ",port=99");
    outcome.assert_failed(125, &["did not answer within 0.5 s", "port 99", "hangs", "in silence"]);
    silent.assert_nothing_left();

    let world = World::new();
    let outcome = attempt(&world, ",port=99");
    outcome
        .assert_failed(125, &["refused port 99", "beyond its last one", "vdeq --switch --ports N"]);
    world.assert_nothing_left();
}

#[test]
fn a_directory_in_which_no_switch_runs_is_where_one_can_be_started() {
    let world = World::new();
    let dir = world.home.path().join("empty");
    std::fs::create_dir(&dir).unwrap();
    let start = format!("vdeq --switch={}", dir.display());
    let net = format!("vde,sock={}", dir.display());
    let outcome = world.vdeq(&[QEMU, "-nic", &net]).run();
    outcome.assert_failed(125, &["without a ctl socket", &start]);
}

#[test]
fn l1_v17_a_switch_that_hangs_is_given_up_at_the_deadline() {
    let world = World::new();
    world.switch.freeze();
    let started = Instant::now();
    let outcome = attempt(&world, "");
    outcome.assert_failed(125, &["did not answer within 0.5 s", "--timeout"]);
    assert!(started.elapsed() >= Duration::from_millis(500));
    world.switch.thaw();
    world.assert_nothing_left();
}

#[test]
fn l3_a_short_reply_is_an_error_wherever_it_is_cut() {
    for length in [1, 2, 3, 54, 109] {
        let world = with_reply(ReplyFault::CutAndHangUp(length));
        attempt(&world, "").assert_failed(125, &["reply"]);
        world.assert_nothing_left();

        let world = with_reply(ReplyFault::Cut(length));
        attempt(&world, "").assert_failed(125, &["reply"]);
        world.assert_nothing_left();
    }
}

#[test]
fn l4_a_reply_that_names_no_socket_is_an_error() {
    let family = |family: u8| [&[family, 0][..], b"/tmp/x", &[0; 102]].concat();
    for reply in [vec![0; 110], family(0), family(2), vec![0xff; 110], vec![1; 110]] {
        let world = with_reply(ReplyFault::Instead(reply));
        attempt(&world, "").assert_failed(125, &["reply"]);
        world.assert_nothing_left();
    }
}

#[test]
fn l4_a_reply_in_pieces_is_as_good_as_one_in_one() {
    for length in [1, 7, 109] {
        let world = with_reply(ReplyFault::Pieces(length));
        let net = format!("vde,{}", world.sock());
        world.vdeq(&["--timeout", "60", QEMU, "-net", &net]).run().assert_ran(0);
        world.assert_nothing_left();
    }
}

#[test]
fn a_reply_with_something_behind_it_is_an_error() {
    let world = with_reply(ReplyFault::Longer(b"?".to_vec()));
    attempt(&world, "").assert_failed(125, &["reply"]);
    world.assert_nothing_left();
}

#[test]
fn l5_l6_a_refusal_is_a_refusal_and_not_some_old_errno() {
    let world = with_reply(ReplyFault::HangUp);
    let outcome = attempt(&world, "");
    outcome.assert_failed(125, &["refused"]);
    assert!(!outcome.stderr.contains("Invalid argument") && !outcome.stderr.contains("EINVAL"));
}

#[test]
fn a_data_socket_that_is_gone_is_asked_for_again_a_few_times() {
    let vanish =
        |vanish| Options::new(Personality::New).with(Faults { vanish, ..Faults::default() });
    let world = World::with(vanish(2));
    let net = format!("vde,{}", world.sock());
    world.vdeq(&["--timeout", "60", QEMU, "-net", &net]).run().assert_ran(0);
    assert_eq!(world.switch.requests(), 3);
    world.assert_nothing_left();

    let world = World::with(vanish(1000));
    world
        .vdeq(&["--timeout", "60", QEMU, "-net", &net_of(&world)])
        .run()
        .assert_failed(125, &["gone"]);
    assert!(world.switch.requests() < 20);
    world.assert_nothing_left();
}

fn net_of(world: &World) -> String {
    format!("vde,{}", world.sock())
}

#[test]
fn l7_a_port_that_is_no_number_is_never_any_port() {
    let world = World::new();
    for port in ["[lan]", "[3x]", "[-1]", "[mode]", "[3"] {
        let net = format!("vde,sock={}{port}", world.switch.dir().display());
        world.vdeq(&[QEMU, "-net", &net]).run().assert_failed(125, &["^"]);
    }
    assert_eq!(world.switch.requests(), 0);
}

#[test]
fn a_port_in_the_locator_is_the_port() {
    let world = World::new();
    let locator = format!("{}[7]", world.switch.dir().display());
    for words in [["-net", &format!("vde,sock={locator}")], ["-sock", &locator]] {
        let run = world.vdeq(&[&[QEMU], &words[..]].concat()).act("run").start();
        run.wait_running();
        assert_eq!(world.switch.ports()[0].number, 7, "{words:?}");
        drop(run);
        world.assert_nothing_left();
    }
    let twice = format!("vde,sock={}[7],port=8", world.switch.dir().display());
    world.vdeq(&[QEMU, "-net", &twice]).run().assert_failed(125, &["different ports"]);
}

#[test]
fn l8_a_mode_of_zero_does_not_lock_the_switch_out() {
    let world = World::new();
    let net = net_of(&world);
    world.vdeq(&[QEMU, "--mod", "0", "-net", &net]).run().assert_ran(0);
}

#[test]
fn l9_a_directory_too_long_for_an_address_is_an_error_and_one_just_short_enough_works() {
    let base = tempfile::Builder::new().prefix("long").tempdir().unwrap();
    let at = |length: usize| {
        let room = length - base.path().as_os_str().len() - 1;
        base.path().join("d".repeat(room))
    };
    // 99 bytes is the longest directory in which a switch with two-digit descriptors works; our
    // socket does not fit beside it and goes elsewhere.
    for length in [80, 92, 93, 94, 95, 99] {
        let mut options = Options::new(Personality::New);
        options.dir = Some(at(length));
        let world = World::with(options);
        world.vdeq(&[QEMU, "-net", &net_of(&world)]).run().assert_ran(0);
        world.assert_nothing_left();
    }
    let world = World::new();
    std::fs::create_dir(at(104)).unwrap();
    let net = format!("vde,sock={}", at(104).display());
    let outcome = world.vdeq(&[QEMU, "-net", &net]).run();
    outcome.assert_failed(125, &["104 bytes", "at most 103", "shorter path"]);
}

#[test]
fn l10_a_default_file_needs_no_newline_at_its_end() {
    let world = World::new();
    let dir = world.home.path().join(".vdeplug");
    std::fs::create_dir(&dir).unwrap();
    for end in ["", "\n", "\nmore\n"] {
        let text = format!("{}{end}", world.switch.dir().display());
        std::fs::write(dir.join("default"), text).unwrap();
        world.vdeq(&[QEMU, "-net", "vde"]).run().assert_ran(0);
    }
    std::fs::write(dir.join("default"), "\n").unwrap();
    world.vdeq(&[QEMU, "-net", "vde"]).run().assert_failed(125, &["first line"]);
}

#[test]
fn l2_a_reply_that_names_a_strangers_socket_or_a_link_is_not_followed() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::os::unix::net::UnixDatagram;

    let world = World::new();
    let victim = world.home.path().join("victim");
    let receiver = UnixDatagram::bind(&victim).unwrap();
    std::fs::set_permissions(&victim, std::fs::Permissions::from_mode(0o600)).unwrap();
    let link = world.switch.dir().join("001.hostile");
    symlink(&victim, &link).unwrap();
    let path = link.as_os_str().as_encoded_bytes();
    let reply = [&[1, 0][..], path, &vec![0; 108 - path.len()]].concat();
    world.switch.set_faults(Faults { reply: ReplyFault::Instead(reply), ..Faults::default() });

    attempt(&world, "").assert_failed(125, &["told us to send frames to", "not a socket"]);
    assert_eq!(std::fs::metadata(&victim).unwrap().mode() & 0o777, 0o600);
    receiver.set_nonblocking(true).unwrap();
    assert!(receiver.recv(&mut [0; 64]).is_err(), "a frame went to a stranger");
    world.assert_nothing_left();
}

#[test]
fn a_tilde_that_the_shell_left_alone_is_pointed_out() {
    let world = World::new();
    let outcome = world.vdeq(&[QEMU, "-net", "vde,sock=~/lab"]).run();
    outcome.assert_failed(125, &["no switch at ~/lab", "write the whole path"]);
}
