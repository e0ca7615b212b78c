//! Which descriptors the VM gets: those of its plugs, what the caller gave, and no other.

use vde_exec::testkit::fake_qemu::Report;

use crate::world::{QEMU, World};

/// The descriptors that the arguments name.
fn named(words: &[String]) -> Vec<i32> {
    let parts = words.iter().flat_map(|word| word.split(','));
    parts.filter_map(|part| part.strip_prefix("fd=")?.parse().ok()).collect()
}

#[test]
fn the_vm_inherits_the_two_sockets_of_each_plug_and_nothing_else() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let bare = world.bare(&[]).run().report;
    for exec in [&[][..], &["--exec"]] {
        let words = [exec, &[QEMU, "-net", &net, "-net", &net, "-net", "nic"]].concat();
        let report = world.vdeq(&words).run().report;
        let sockets = report.sockets();
        assert_eq!(sockets.len(), 4, "{report:?}");
        let named = named(&report.words());
        assert_eq!(named.len(), 2);
        assert!(named.iter().all(|fd| sockets.contains(fd)));

        // What the tests themselves were started with is there without vdeq too.
        let others = |report: &Report| {
            let fds = report.fds.iter().filter(|fd| fd.number > 2);
            let fds = fds.filter(|fd| !fd.what.contains("/report") && !fd.what.contains("/fd"));
            fds.filter(|fd| !fd.what.starts_with("socket:")).cloned().collect::<Vec<_>>()
        };
        assert_eq!(others(&report), others(&bare));
        assert_eq!(bare.sockets(), [0; 0]);
    }
    world.assert_nothing_left();
}

#[test]
fn what_the_caller_hands_down_reaches_the_vm() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let words = [QEMU, "-net", &net];
    let report = world.shell("exec 9</dev/zero; exec \"$@\"", &words).run().report;
    let nine = report.fds.iter().find(|fd| fd.number == 9).expect("descriptor 9");
    assert_eq!(nine.what, "/dev/zero");
    assert!(!named(&report.words()).contains(&9));
}

#[test]
fn a_vdeq_started_without_standard_descriptors_does_not_take_their_numbers() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let words = [QEMU, "-net", &net];
    let report = world.shell("exec \"$@\" 0<&- 1>&- 2>&-", &words).run().report;
    assert!(report.ready);
    assert!(named(&report.words()).iter().all(|fd| *fd > 2), "{:?}", report.words());
}

#[test]
fn v10_an_empty_datagram_from_the_vm_is_its_own_affair() {
    let world = World::new();
    let net = format!("vde,{}", world.sock());
    let outcome = world.vdeq(&[QEMU, "-net", &net]).act("empty send=3 exit=4").run();
    outcome.assert_ran(4);
    world.assert_nothing_left();
}
