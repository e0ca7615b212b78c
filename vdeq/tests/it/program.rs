//! Which program runs, and by which name.

use vde_exec::testkit::fake_switch::Options;
use vde_exec::vde_proto::switch::Personality;

use crate::world::{QEMU, World};

fn bare_world() -> World {
    let world = World::without_programs(Options::new(Personality::New));
    world.make_default();
    world
}

#[test]
fn qemu_and_kvm_mean_the_system_emulator_where_there_is_no_such_program() {
    let world = bare_world();
    let native = format!("qemu-system-{}", std::env::consts::ARCH);
    world.install(&native);

    let outcome = world.vdeq(&["-v", "qemu", "-m", "64"]).run();
    outcome.assert_ran(0);
    assert_eq!(outcome.report.name.to_str(), Some(native.as_str()));
    assert!(outcome.stderr.contains("takes its place"), "{}", outcome.stderr);
    assert!(!outcome.report.words().contains(&"-enable-kvm".to_owned()));

    let outcome = world.vdeq(&["kvm", "-m", "64"]).run();
    outcome.assert_ran(0);
    assert_eq!(outcome.report.words()[0], "-enable-kvm");
    assert!(!outcome.stderr.contains("takes its place"), "quiet unless asked");

    let outcome = world.vdeq(&["kvm", "-accel", "tcg"]).run();
    assert!(!outcome.report.words().contains(&"-enable-kvm".to_owned()), "{outcome:?}");
}

#[test]
fn a_program_of_the_very_name_is_taken_as_it_is() {
    let world = bare_world();
    world.install(QEMU);
    for name in ["qemu", "kvm"] {
        world.install(name);
        let outcome = world.vdeq(&["-v", name]).run();
        outcome.assert_ran(0);
        assert_eq!(outcome.report.name, name);
        assert!(!outcome.report.words().contains(&"-enable-kvm".to_owned()));
    }
}

#[test]
fn a_link_names_the_program() {
    let world = bare_world();
    world.install(QEMU);
    world.install("kvm");
    for (link, program) in [("vdekvm", "kvm"), ("vdeqemu-system-x86_64", QEMU)] {
        let outcome = world.link(link, &["-m", "64"]).run();
        outcome.assert_ran(0);
        assert_eq!(outcome.report.name, program);
    }
    let outcome = world.link("vde", &[QEMU, "-m", "64"]).run();
    assert_eq!(outcome.report.name, QEMU);
}

#[test]
fn v24_vdeoq_and_its_links_speak_to_the_oldest_qemus() {
    let world = bare_world();
    world.install("qemu");
    let sock = format!("{0},{0}", world.switch.dir().display());
    let version = ("FAKE_QEMU_VERSION", "refuse");
    for run in [
        world.link("vdeoq", &["qemu", "-sock", &sock, "-hda", "disk"]),
        world.link("vdeoqemu", &["-sock", &sock, "-hda", "disk"]),
    ] {
        let outcome = run.env(version.0, version.1).run();
        outcome.assert_ran(0);
        let words = outcome.report.words();
        let numbers: Vec<_> =
            words.windows(2).filter(|pair| pair[0] == "-tun-fd").map(|pair| &pair[1]).collect();
        assert_eq!(numbers.len(), 2, "{words:?}");
        assert!(words.windows(2).any(|pair| pair == ["-nics", "2"]), "{words:?}");
        assert!(words.windows(2).any(|pair| pair == ["-hda", "disk"]), "{words:?}");
    }
    world.assert_nothing_left();
}

#[test]
fn v30_the_program_keeps_its_name_whatever_stands_before_its_options() {
    let world = bare_world();
    world.install(QEMU);
    let sock = world.switch.dir().display().to_string();
    let net = format!("vde,{}", world.sock());
    let outcome = world.vdeq(&["-sock", &sock, QEMU, "-net", &net]).run();
    outcome.assert_ran(0);
    assert_eq!(outcome.report.name, QEMU);
    assert_eq!(world.switch.requests(), 2);
    for run in [
        world.vdeq(&[QEMU, "--mod", "600", "-net", &net]),
        world.link(&format!("vde{QEMU}"), &["-net", &net]),
    ] {
        assert_eq!(run.run().report.name, QEMU);
    }
}
