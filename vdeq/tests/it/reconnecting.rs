//! Plugging in again: what becomes of a VM whose switch comes back, as it was or as another.

use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use vde_exec::testkit::fake_switch::{Faults, Options};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::Vnl;
use vde_exec::vde_proto::switch::Personality;
use vde_exec::{Connection, DialOptions, Environment, dial};

use crate::world::{QEMU, Running, World, kill};

const GENERATIONS: [Personality; 2] = [Personality::Old, Personality::New];

/// Local experimental ethertype 1 (IEEE 802).
const ETHERTYPE: [u8; 2] = [0x88, 0xb5];

/// That of RARP, by which a NIC is announced.
const RARP: [u8; 2] = [0x80, 0x35];

/// Starts a VM that sends back what it hears.
fn echoing(world: &World, own: &[&str], network: &[&str]) -> Running {
    let net = format!("vde,{}", world.sock());
    let network = network.iter().map(|word| word.replace("VDE", &net)).collect::<Vec<_>>();
    let network = network.iter().map(String::as_str).collect::<Vec<_>>();
    let run = world.vdeq(&[own, &[QEMU], &network].concat()).act("echo run").start();
    run.wait_running();
    run
}

fn wait_for_words(run: &Running, words: &str) {
    wait::until_true(words, || run.stderr().contains(words));
}

fn end(run: Running) -> String {
    kill(run.pid(), Signal::SIGTERM);
    let outcome = run.finish();
    outcome.assert_ran(0);
    outcome.stderr
}

/// A client of the test's, on the same switch.
struct Client {
    data: UnixDatagram,
    _plug: std::os::fd::OwnedFd,
}

impl Client {
    fn of(world: &World) -> Self {
        let vnl = Vnl::parse(world.switch.dir().to_str().unwrap().as_bytes()).unwrap();
        let options = DialOptions {
            description: "a client of the test".to_owned(),
            timeout: wait::PATIENCE,
            environment: Environment::of_process(),
        };
        let Connection { control, data, .. } = dial(&vnl, &options, None).unwrap();
        let data = UnixDatagram::from(data);
        data.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        Self { data, _plug: control.unwrap() }
    }

    /// Sends frames to all, and returns the types of those that come until one is echoed.
    fn types_until_echo(&self) -> Vec<[u8; 2]> {
        let mut frame = [0; 60];
        frame[..6].fill(0xff);
        frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
        frame[12..14].copy_from_slice(&ETHERTYPE);
        let mut types = Vec::new();
        wait::until("an echo", || {
            self.data.send(&frame).unwrap();
            let mut buffer = [0; 2048];
            while self.data.recv(&mut buffer).is_ok() {
                types.push([buffer[12], buffer[13]]);
                if types.last() == Some(&ETHERTYPE) {
                    return Some(types.clone());
                }
            }
            None
        })
    }
}

#[test]
fn a_switch_of_either_generation_that_is_killed_is_plugged_into_again() {
    for [before, after] in
        GENERATIONS.map(|before| GENERATIONS.map(|after| [before, after])).concat()
    {
        let mut world = World::with(Options::new(before));
        let run = echoing(&world, &[], &["-net", "VDE"]);
        for times in 1..=2 {
            world.switch.restart(Options::new(after));
            wait::until_true("the news", || {
                run.stderr().matches("network 0 is back on port 1").count() == times
            });
            assert_eq!(Client::of(&world).types_until_echo(), [ETHERTYPE]);
        }
        assert_eq!(end(run).matches("network 0 is lost").count(), 2);
        world.assert_nothing_left();
    }
}

#[test]
fn a_switch_is_found_again_in_a_directory_that_was_removed() {
    let mut world = World::new();
    let run = echoing(&world, &[], &["-net", "VDE"]);
    world.switch.kill();
    std::fs::remove_dir_all(world.switch.dir()).unwrap();
    wait_for_words(&run, "waiting for the switch");
    world.switch.restart(Options::new(Personality::New));
    wait_for_words(&run, "network 0 is back");
    assert_eq!(Client::of(&world).types_until_echo(), [ETHERTYPE]);
    end(run);
    world.assert_nothing_left();
}

#[test]
fn a_switch_that_hangs_up_again_and_again_is_called_ever_less_often() {
    let world = World::new();
    let run = echoing(&world, &[], &["-net", "VDE"]);
    let hang_up_after = Some(Duration::ZERO);
    world.switch.set_faults(Faults { hang_up_after, ..Faults::default() });
    let before = world.switch.requests();
    let began = Instant::now();
    world.switch.close_port(1);
    wait::until_true("some calls", || world.switch.requests() >= before + 3);
    // One at once, if the first plug held for a moment; then a quarter of a second and a half one lie
    // between, less a quarter of each.
    assert!(began.elapsed() >= Duration::from_millis(560), "{:?}", began.elapsed());
    world.switch.set_faults(Faults::default());
    assert_eq!(Client::of(&world).types_until_echo(), [ETHERTYPE]);
    end(run);
    world.assert_nothing_left();
}

#[test]
fn a_network_that_is_not_wanted_back_stays_lost() {
    let mut world = World::new();
    let run = echoing(&world, &["--reconnect=off"], &["-net", "VDE"]);
    let other = echoing(&world, &[], &["-net", "VDE"]);
    world.switch.restart(Options::new(Personality::New));
    wait_for_words(&run, "network 0 is lost");
    wait_for_words(&other, "network 0 is back");
    assert_eq!((world.switch.requests(), world.switch.ports().len()), (1, 1));
    let said = end(run);
    assert!(said.contains("the virtual machine runs on without it"), "{said}");
    end(other);
    world.assert_nothing_left();
}

#[test]
fn a_network_is_sought_as_long_as_it_was_asked_for_and_no_longer() {
    let mut world = World::new();
    let run = echoing(&world, &["--reconnect=1"], &["-net", "VDE"]);
    let patient = echoing(&world, &["--reconnect=600"], &["-net", "VDE"]);
    let began = Instant::now();
    world.switch.kill();
    wait_for_words(&run, "network 0 is given up");
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    world.switch.restart(Options::new(Personality::New));
    wait_for_words(&patient, "network 0 is back");
    assert_eq!((world.switch.requests(), world.switch.ports().len()), (1, 1));
    end(run);
    end(patient);
    world.assert_nothing_left();
}

#[test]
fn the_port_that_was_asked_for_is_had_again_as_soon_as_it_can_be() {
    for generation in GENERATIONS {
        let mut world = World::with(Options::new(generation));
        let run = echoing(&world, &["--timeout=0.1"], &["-net", "VDE,port=9"]);
        let mut small = Options::new(generation);
        small.switch.ports = 4;
        world.switch.restart(small);
        wait_for_words(&run, "is not to be had");
        assert!(world.switch.ports().is_empty(), "{:?}", world.switch.ports());
        world.switch.restart(Options::new(generation));
        wait_for_words(&run, "network 0 is back on port 9");
        end(run);
        world.assert_nothing_left();
    }
}

#[test]
fn a_switch_that_talks_is_left_and_plugged_into_again() {
    let world = World::new();
    let run = echoing(&world, &[], &["-net", "VDE"]);
    world.switch.say(1, &[b'x'; 100_000]);
    wait_for_words(&run, "talks where it should be silent");
    wait_for_words(&run, "network 0 is back");
    assert_eq!(Client::of(&world).types_until_echo(), [ETHERTYPE]);
    end(run);
    world.assert_nothing_left();
}

#[test]
fn a_guest_whose_address_is_known_is_announced_where_it_comes_back_and_no_other_is() {
    for (network, is_announced) in [
        (&["-nic", "VDE,mac=52:54:00:01:02:03"][..], true),
        (&["-net", "nic,macaddr=52:54:00:01:02:03", "-net", "VDE"], true),
        (&["-netdev", "VDE,id=n", "-device", "e1000,netdev=n,mac=52:54:00:01:02:03"], true),
        (&["-net", "nic", "-net", "VDE"], false),
        (&["-net", "nic,macaddr=52:54:00:01:02:03", "-net", "nic", "-net", "VDE"], false),
    ] {
        let world = World::new();
        let run = echoing(&world, &[], network);
        let client = Client::of(&world);
        assert_eq!(client.types_until_echo(), [ETHERTYPE], "{network:?}: nothing has happened yet");
        world.switch.close_port(1);
        wait_for_words(&run, "network 0 is back");
        let expected = if is_announced { vec![RARP, ETHERTYPE] } else { vec![ETHERTYPE] };
        assert_eq!(client.types_until_echo(), expected, "{network:?}");
        drop(client);
        end(run);
        world.assert_nothing_left();
    }
}

#[test]
fn who_hangs_reading_standard_error_holds_nothing_up_and_is_told_what_is_missing() {
    let mut world = World::new();
    let (home, net) = (world.home.path().to_owned(), format!("vde,{}", world.sock()));
    let path = home.join("said");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut options = std::fs::File::options();
    let options = options.read(true).write(true);
    let mut said = options.custom_flags(nix::libc::O_NONBLOCK).open(&path).unwrap();
    while said.write(&[b'.'; 4096]).is_ok() {}

    let words = ["--events", "told", QEMU, "-net", &net];
    let run = world.shell(r#"exec "$@" 2>said"#, &words).act("run").start();
    run.wait_running();
    let told = |words: &str| {
        wait::until_true(words, || {
            std::fs::read_to_string(home.join("told")).is_ok_and(|told| told.contains(words))
        });
    };
    world.switch.kill();
    told("failing");
    world.switch.restart(Options::new(Personality::New));
    told("plugged");
    let mut text = vec![0; 1 << 20];
    let length = said.read(&mut text).unwrap();
    assert_eq!(text[..length], vec![b'.'; length], "there was no room");
    world.switch.close_port(1);
    wait::until_true("the news", || {
        let length = said.read(&mut text).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[..length]);
        text.starts_with("vdeq: messages are missing here: ")
            && text.contains("\nvdeq: network 0 is lost")
    });
    kill(run.pid(), Signal::SIGTERM);
    run.finish().assert_ran(0);
    world.assert_nothing_left();
}
