//! Real guests ping each other ten times in a second while their switch is killed and started again,
//! twenty times in a row, and after each of the other things that happen to switches.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use vde_exec::testkit::real_switch::RealSwitch;
use vde_exec::testkit::wait;

use super::account::{Account, Arrival, Outage};
use super::switches::close_ports;
use crate::guest::{Guest, Settings};
use crate::world::{World, switch, vde};

/// From one ping to the next.
const INTERVAL: Duration = Duration::from_millis(100);

/// How long the switch stays away, in turn: vdeq looks again ever less often, up to half a second.
const AWAY_MS: [u64; 5] = [0, 20, 100, 300, 700];

/// Pings that have to be answered between two outages.
const BETWEEN: usize = 3;

/// The answers to a guest's pings in the background, by number, and when each was seen.
fn answers(guest: &Guest) -> BTreeMap<usize, Instant> {
    let mut lines = guest.lines_with_times();
    let begin = lines.iter().position(|(line, _)| line.contains("VDEQ-GUEST done")).unwrap();
    lines.drain(..begin);
    let number = |line: &str| line.split_once(" seq=")?.1.split(' ').next()?.parse().ok();
    lines.iter().filter_map(|(line, at)| Some((number(line)?, *at))).collect()
}

/// Waits until `count` pings were answered that were sent after `since`, and returns when the answer to
/// the first of them was seen.
fn wait_for_answers(guest: &Guest, since: Instant, count: usize) -> Instant {
    wait::until("pings to be answered", || {
        let times: Vec<_> =
            answers(guest).into_values().filter(|at| *at > since + INTERVAL / 10).collect();
        (times.len() >= count).then(|| times[0])
    })
}

/// Two guests of which one pings the other.
struct Bench {
    world: World,
    switch: RealSwitch,
    pinging: Guest,
    pinged: Guest,
    outages: Vec<Outage>,
}

impl Bench {
    fn new() -> Self {
        let (world, switch) = (World::new(), switch());
        let boot = |name, number: u8, ip: &str, ping: &str| {
            let nic =
                format!("{},model=virtio-net-pci,mac=52:54:00:fa:00:{number:02x}", vde(&switch));
            let mut command = world.vdeq();
            command.args(["qemu-system-x86_64", "-nic", &nic]);
            Guest::boot(name, &mut command, Settings { ip, mac: "", ping })
        };
        let mut pinged = boot("pinged", 1, "10.0.0.1/24", "");
        let mut pinging = boot("pinging", 2, "10.0.0.2/24", "10.0.0.1");
        pinged.expect("VDEQ-GUEST up");
        pinging.expect("VDEQ-GUEST done");
        pinging.tell("stream 10.0.0.1 0.1");
        Self { world, switch, pinging, pinged, outages: Vec::new() }
    }

    /// An outage, after some pings that were answered; returns how long the first answer took after
    /// `fault` had brought the switch back.
    fn outage(&mut self, fault: impl FnOnce(&mut RealSwitch)) -> Duration {
        wait_for_answers(&self.pinging, Instant::now(), BETWEEN);
        let begin = Instant::now();
        fault(&mut self.switch);
        let back = Instant::now();
        let end = wait_for_answers(&self.pinging, back, 1);
        self.outages.push(Outage { begin, end });
        end - back
    }

    /// Every ping was answered but those of the outages.
    fn finish(mut self) -> Account {
        wait_for_answers(&self.pinging, Instant::now(), BETWEEN);
        self.pinging.tell("hush");
        self.pinging.expect("VDEQ-GUEST hushed");
        let lines = self.pinging.lines();
        let said = lines.iter().rfind(|line| line.contains(" packets transmitted, ")).unwrap();
        let sent: usize = said.split(' ').next().unwrap().parse().unwrap();
        let mut answers: Vec<(usize, Instant)> = answers(&self.pinging).into_iter().collect();
        // The last one may have been under way when the guest was told to stop.
        let sent = if answers.last().unwrap().0 + 2 == sent { sent - 1 } else { sent };
        answers.sort_by_key(|answer| answer.1);
        let arrivals: Vec<_> =
            answers.iter().map(|(number, at)| (Arrival::Whole(*number), *at)).collect();
        let account = Account::of(&sent_at(sent, &answers), &arrivals, &self.outages);
        account.assert_clean();
        let pids = [self.pinging.pid(), self.pinged.pid()];
        for guest in [self.pinging, self.pinged] {
            let (status, said) = guest.power_off();
            assert!(status.success(), "{said}");
        }
        for pid in pids {
            self.world.assert_nothing_left_of(pid, &[self.switch.dir()]);
        }
        self.switch.wait_for_ports("every port is given back", <[_]>::is_empty);
        account
    }
}

/// When each ping was sent, as well as answers show it: those without one are spread between those
/// with one.
fn sent_at(sent: usize, answers: &[(usize, Instant)]) -> Vec<Instant> {
    let mut times = Vec::new();
    let mut known = answers.iter().peekable();
    let mut last = answers[0];
    for number in 0..sent {
        if known.peek().is_some_and(|next| next.0 == number) {
            last = *known.next().unwrap();
        }
        let steps = u32::try_from(number - last.0.min(number)).unwrap();
        let guess = last.1 + INTERVAL * steps;
        times.push(known.peek().map_or(guess, |next| guess.min(next.1)));
    }
    times
}

#[test]
fn guests_ping_through_a_switch_that_is_killed_and_started_again_twenty_times() {
    let mut bench = Bench::new();
    let mut times = Vec::new();
    for round in 0..20 {
        let away = Duration::from_millis(AWAY_MS[round % AWAY_MS.len()]);
        times.push(bench.outage(|switch| {
            switch.kill();
            std::thread::sleep(away);
            switch.restart_same_dir();
        }));
    }
    let account = bench.finish();
    times.sort();
    let [min, median, max] = [times[0], times[times.len() / 2], times[times.len() - 1]];
    eprintln!(
        "ping through 20 restarts: answered again after {min:.0?} at best, {median:.0?} in the median, {max:.0?} at worst; {account}"
    );
    // One that is late may be the machine's fault, most of them are not.
    assert!(median < Duration::from_secs(1), "{times:?}");
}

#[test]
fn guests_ping_through_whatever_happens_to_their_switch() {
    let mut bench = Bench::new();
    let stop = bench.outage(|switch| {
        switch.stop();
        std::thread::sleep(Duration::from_millis(500));
        switch.cont();
    });
    let close = bench.outage(|switch| close_ports(switch));
    let remove = bench.outage(|switch| {
        fs::remove_dir_all(switch.dir()).unwrap();
        switch.restart_same_dir();
    });
    let account = bench.finish();
    eprintln!(
        "ping: answered again {stop:.0?} after SIGCONT, {close:.0?} after port/epclose, {remove:.0?} after rm -rf and a restart; {account}"
    );
}
