//! The same situations for the C vdeq and for QEMU's own `-netdev vde`: what they do where ours plugs in
//! again. The table that these tests print is the one of the documentation.
//!
//! The C vdeq knows no QEMU of this century's second decade, so a fake one stands for the VM there.

use std::fs;
use std::time::{Duration, Instant};

use vde_exec::testkit::real_switch::RealSwitch;

use super::account::Outage;
use super::line::{INTERVAL, Line};
use super::switches::close_ports;
use super::vm::Vm;
use crate::world::{World, switch, vde};

/// How long frames are waited for that are not expected.
const WHILE: Duration = Duration::from_secs(1);

/// How long a monitor may take that answers at once.
const ANSWER: Duration = Duration::from_secs(1);

/// Who plugs the VM in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Ours,
    Theirs,
    Native,
}

/// What was seen.
#[derive(Debug)]
struct Seen {
    /// How long frames took to pass again after the switch was back; `None` if they did not.
    back: Option<Duration>,
    /// Frames lost, of those that were sent in both directions until the end.
    lost: [usize; 2],
    /// Whether the monitors answered while the switch was away; none of a fake QEMU.
    answered: Option<bool>,
    /// Whether what was started runs still.
    runs: bool,
}

/// What happens to the switch: until it is away, and until it is back.
struct Situation {
    name: &'static str,
    away: fn(&mut RealSwitch),
    back: fn(&mut RealSwitch),
}

const SITUATIONS: [Situation; 4] = [
    Situation {
        name: "kill -9 of the switch, and its restart",
        away: RealSwitch::kill,
        back: RealSwitch::restart_same_dir,
    },
    Situation {
        name: "rm -rf of its directory, and its restart",
        away: |switch| {
            fs::remove_dir_all(switch.dir()).unwrap();
            switch.kill();
        },
        back: RealSwitch::restart_same_dir,
    },
    Situation { name: "port/epclose", away: |switch| close_ports(switch), back: |_| () },
    Situation {
        name: "SIGSTOP of the switch, and SIGCONT",
        away: |switch| switch.stop(),
        back: |switch| switch.cont(),
    },
];

fn start(way: Way, world: &World, switch: &RealSwitch) -> Vm {
    let network = vde(switch);
    match way {
        Way::Ours => Vm::ours(world, &[], &network),
        Way::Theirs => Vm::theirs(world, &network),
        Way::Native => Vm::native(world, &network),
    }
}

fn observe(way: Way, situation: &Situation) -> Seen {
    let (world, mut switch) = (World::new(), switch());
    let mut vms = [(); 2].map(|()| start(way, &world, &switch));
    let wires = [&vms[0].wire, &vms[1].wire];
    Line::between(wires[0], wires[1], 1, INTERVAL).wait_until_up(Instant::now());
    let line = Line::between(wires[0], wires[1], 2, INTERVAL);
    line.wait_for_traffic(Instant::now() + Duration::from_millis(200));

    let begin = Instant::now();
    (situation.away)(&mut switch);
    // Frames that nobody takes fill a queue of a few hundred.
    std::thread::sleep(Duration::from_secs(1));
    let answered = (way != Way::Theirs).then(|| vms.iter().all(|vm| vm.answers_within(ANSWER)));
    (situation.back)(&mut switch);
    let back = Instant::now();
    let traffic = loop {
        let traffic = line.traffic(back);
        if traffic.is_some() || (way != Way::Ours && back.elapsed() > WHILE) {
            break traffic;
        }
        assert!(back.elapsed() < WHILE * 20, "{}", vms[0].said());
        std::thread::sleep(Duration::from_millis(5));
    };
    let end = Instant::now();
    let account = line.finish(&[Outage { begin, end }]);
    Seen {
        back: traffic.map(|traffic| traffic - back),
        lost: [account.sent - account.received, account.sent],
        answered,
        runs: vms.iter_mut().all(|vm| vm.ended().is_none()),
    }
}

impl Seen {
    fn in_words(&self) -> String {
        let back = match self.back {
            Some(time) => format!("frames pass again after {} ms", time.as_millis()),
            None => "frames never pass again".to_owned(),
        };
        let [lost, sent] = self.lost;
        let monitor = match self.answered {
            Some(false) => ", the VM hangs meanwhile",
            _ => "",
        };
        let runs = if self.runs { "" } else { ", vdeq ends and leaves its VM behind" };
        format!("{back} ({lost} of {sent} lost){monitor}{runs}")
    }
}

#[test]
fn the_others_lose_their_network_where_ours_comes_back() {
    let mut table = String::new();
    for situation in &SITUATIONS {
        let seen = [Way::Ours, Way::Theirs, Way::Native].map(|way| observe(way, situation));
        let words = seen.each_ref().map(Seen::in_words).join(" | ");
        table.push_str(&format!("| {} | {words} |\n", situation.name));
        let [ours, theirs, native] = &seen;
        let is_stop = situation.name.starts_with("SIGSTOP");
        assert!(ours.back.is_some() && ours.answered == Some(true) && ours.runs, "{table}");
        // A switch that only stood still loses nobody.
        assert_eq!(theirs.back.is_some(), is_stop, "{table}");
        assert_eq!(native.back.is_some(), is_stop, "{table}");
        assert_eq!(theirs.runs, is_stop, "{table}");
        assert_eq!(native.answered, Some(!is_stop), "{table}");
    }
    eprintln!("| situation | ours | the C vdeq | QEMU's own |\n|---|---|---|---|\n{table}");
}
