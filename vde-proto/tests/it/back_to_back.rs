//! Plugs against switches of every personality.

use std::time::Duration;

use proptest::prelude::*;
use vde_proto::plug::Output;
use vde_proto::switch::{Personality, SwitchConfig};
use vde_proto::{
    AbstractName, ClientAddress, DataFailure, DialFailure, PlugConfig, PlugError, PortRequest,
    Reply, ReplyError,
};

use crate::world::{Faults, World, config, number};

const PERSONALITIES: [Personality; 3] = [Personality::Old, Personality::New, Personality::Strict];
const ROOT: Option<u32> = Some(0);
const USER: Option<u32> = Some(1000);

fn world(personality: Personality) -> World {
    World::new(SwitchConfig::new(personality))
}

fn with_faults(faults: Faults) -> World {
    let mut world = world(Personality::New);
    world.faults = faults;
    world
}

fn failed(error: PlugError) -> Option<Output> {
    Some(Output::Failed(error))
}

/// How a refusal at the choice of the port looks.
fn assert_refused(world: &mut World, client: usize, personality: Personality) {
    let start = world.now;
    world.settle(client);
    let timeout = Duration::from_secs(5);
    let (error, waited) = match personality {
        Personality::Old => (PlugError::NoAnswer { waited: timeout }, timeout),
        Personality::New | Personality::Strict => (PlugError::Refused, Duration::ZERO),
    };
    assert_eq!(world.end(client).cloned(), failed(error));
    assert_eq!(world.now - start, waited);
    world.assert_nothing_leaked();
}

#[test]
fn a_plug_comes_up_on_the_first_free_port_and_gives_it_back() {
    for personality in PERSONALITIES {
        let mut world = world(personality);
        let a = world.plug(config("a", PortRequest::Any), ROOT);
        let b = world.plug(config("b", PortRequest::Any), ROOT);
        assert!(world.is_up(a) && world.is_up(b));
        assert_eq!(world.used_ports(), [(1, 1), (2, 1)]);
        world.leave(a);
        assert_eq!(world.used_ports(), [(2, 1)]);
        let c = world.plug(config("c", PortRequest::Any), USER);
        assert!(world.is_up(c));
        assert_eq!(world.used_ports(), [(1, 1), (2, 1)]);
        world.assert_nothing_leaked();
    }
}

#[test]
fn a_plug_does_four_things_and_nothing_else() {
    let mut world = world(Personality::New);
    let client = world.plug(config("a", number(7)), ROOT);
    let [Output::Dial, Output::Send(request), Output::ConnectData(path), Output::Up] =
        world.outputs(client)
    else {
        panic!("{:?}", world.outputs(client));
    };
    assert_eq!(request.len(), 122 + 1);
    assert_eq!(path.to_string(), "/switch/007.1");
}

#[test]
fn the_switch_knows_who_is_on_a_port() {
    let mut world = world(Personality::New);
    world.plug(config("me", number(3)), USER);
    let port = world.switch.ports().next().unwrap();
    assert_eq!((port.number, port.user), (3, USER));
    assert_eq!(port.endpoints.iter().next().unwrap().description.as_bytes(), b"me");
    assert_eq!(port.endpoints.iter().next().unwrap().since, world.now);
}

#[test]
fn of_n_ports_an_old_switch_gives_out_one_less_than_the_others() {
    for personality in PERSONALITIES {
        for ports in 0..4 {
            let last = if personality == Personality::Old { ports.max(1) - 1 } else { ports };
            for asked in 0..6 {
                let mut world =
                    World::new(SwitchConfig { ports, ..SwitchConfig::new(personality) });
                let request = if asked == 0 { PortRequest::Zero } else { number(asked) };
                let client = world.plug(config("a", request), ROOT);
                if asked <= last {
                    assert!(world.is_up(client), "{personality:?}, port {asked} of {ports}");
                    assert_eq!(world.used_ports(), [(asked, 1)]);
                } else {
                    assert_refused(&mut world, client, personality);
                }
            }
        }
    }
}

#[test]
fn a_full_switch_refuses_who_asks_for_any_port() {
    for personality in PERSONALITIES {
        let mut world = World::new(SwitchConfig { ports: 3, ..SwitchConfig::new(personality) });
        let last = world.switch.config().last_port();
        for port in 1..=last {
            let client = world.plug(config(&format!("{port}"), PortRequest::Any), ROOT);
            assert!(world.is_up(client));
        }
        let client = world.plug(config("late", PortRequest::Any), ROOT);
        assert_refused(&mut world, client, personality);
    }
}

#[test]
fn a_switch_with_as_many_endpoints_as_it_can_have_refuses_more() {
    let strict = SwitchConfig::new(Personality::Strict);
    let mut world = World::new(SwitchConfig { max_endpoints: 2, ..strict });
    let a = world.plug(config("a", number(1)), ROOT);
    world.plug(config("b", number(1)), ROOT);
    let late = world.plug(config("c", number(1)), ROOT);
    assert_refused(&mut world, late, Personality::Strict);
    world.leave(a);
    let next = world.plug(config("d", number(1)), ROOT);
    assert!(world.is_up(next));
}

#[test]
fn a_port_is_shared_by_the_sockets_of_one_user_only() {
    let nobody = None;
    for personality in PERSONALITIES {
        for port in [PortRequest::Zero, number(1)] {
            for (first, second) in [
                (ROOT, ROOT),
                (ROOT, USER),
                (USER, ROOT),
                (USER, nobody),
                (nobody, USER),
                (nobody, nobody),
            ] {
                let mut world = world(personality);
                let a = world.plug(config("a", port), first);
                let b = world.plug(config("b", port), second);
                assert!(world.is_up(a));
                if first == second {
                    assert!(world.is_up(b), "{personality:?} {port} {first:?}");
                } else {
                    assert_refused(&mut world, b, personality);
                    // The port is open to anybody again after its last endpoint has gone.
                    world.leave(a);
                    let c = world.plug(config("c", port), second);
                    assert!(world.is_up(c));
                }
            }
        }
    }
}

#[test]
fn an_address_nobody_is_bound_to_is_refused_at_once() {
    let name = AbstractName::padded(b"nobody").unwrap();
    let unnamed = PlugConfig { address: ClientAddress::Unnamed, ..config("", PortRequest::Any) };
    let abstract_name =
        PlugConfig { address: ClientAddress::Abstract(name), ..config("", PortRequest::Any) };
    for personality in PERSONALITIES {
        for config in [config("a", PortRequest::Any), unnamed.clone(), abstract_name.clone()] {
            let mut world = world(personality);
            let client = world.plug_unbound(config);
            assert_eq!(world.end(client).cloned(), failed(PlugError::Refused));
            assert_eq!(world.used_ports(), []);
            world.assert_nothing_leaked();
        }
    }
}

#[test]
fn an_abstract_name_is_as_good_as_a_path() {
    let name = AbstractName::padded(b"vdeq/42").unwrap();
    let config =
        PlugConfig { address: ClientAddress::Abstract(name), ..config("", PortRequest::Any) };
    for personality in PERSONALITIES {
        let mut world = world(personality);
        let client = world.plug(config.clone(), None);
        assert!(world.is_up(client));
        assert_eq!(world.switch.ports().next().unwrap().user, None);
    }
}

#[test]
fn a_reply_in_two_pieces_is_as_good_as_one() {
    for at in 0..=Reply::LEN {
        let mut world = with_faults(Faults { split: vec![at], ..Faults::default() });
        let client = world.plug(config("a", PortRequest::Any), ROOT);
        assert!(world.is_up(client), "split at {at}");
    }
}

#[test]
fn a_reply_in_single_bytes_is_as_good_as_one() {
    let mut world = with_faults(Faults { split: (1..110).collect(), ..Faults::default() });
    let client = world.plug(config("a", PortRequest::Any), ROOT);
    assert!(world.is_up(client));
}

#[test]
fn a_stream_that_ends_within_the_reply_is_a_short_reply() {
    for got in 0..=Reply::LEN {
        let mut world = with_faults(Faults { cut: Some(got), ..Faults::default() });
        let client = world.plug(config("a", PortRequest::Any), ROOT);
        let error = match got {
            0 => PlugError::Refused,
            Reply::LEN => PlugError::HungUp,
            got => PlugError::BadReply(ReplyError::Length { got }),
        };
        assert_eq!(world.end(client).cloned(), failed(error));
        assert_eq!(world.used_ports(), []);
    }
}

#[test]
fn a_byte_after_the_reply_is_refused_together_with_it_and_after_it() {
    for split in [vec![], vec![Reply::LEN], vec![50, Reply::LEN]] {
        let mut world = with_faults(Faults { extra: vec![0], split, ..Faults::default() });
        let client = world.plug(config("a", PortRequest::Any), ROOT);
        let error = PlugError::BadReply(ReplyError::Length { got: 111 });
        assert_eq!(world.end(client).cloned(), failed(error));
        assert_eq!(world.used_ports(), []);
    }
}

#[test]
fn a_data_socket_that_is_gone_makes_the_plug_start_over_a_few_times() {
    for gone in 0..6 {
        let mut world = with_faults(Faults { gone, ..Faults::default() });
        let client = world.plug(config("a", PortRequest::Any), ROOT);
        world.settle(client);
        if gone < 3 {
            assert!(world.is_up(client));
            assert_eq!(world.used_ports(), [(1, 1)]);
        } else {
            let error = PlugError::Data(DataFailure::Gone);
            assert_eq!(world.end(client).cloned(), failed(error));
            assert_eq!(world.used_ports(), []);
        }
        let requests = world.outputs(client).iter().filter(|o| matches!(o, Output::Send(_)));
        assert_eq!(requests.count() as u32, (gone + 1).min(3));
        world.assert_nothing_leaked();
    }
}

#[test]
fn a_busy_switch_is_called_until_the_time_is_up() {
    let mut patient = with_faults(Faults { busy: 50, ..Faults::default() });
    let client = patient.plug(config("a", PortRequest::Any), ROOT);
    patient.settle(client);
    assert!(patient.is_up(client));

    let mut hopeless = with_faults(Faults { busy: u32::MAX, ..Faults::default() });
    let start = hopeless.now;
    let client = hopeless.plug(config("a", PortRequest::Any), ROOT);
    hopeless.settle(client);
    assert_eq!(hopeless.end(client).cloned(), failed(PlugError::Dial(DialFailure::Busy)));
    assert!(hopeless.now - start <= Duration::from_secs(5));
    assert_eq!(hopeless.outputs(client).len(), 100 + 1, "one dial each 50 ms, and the end");
}

#[test]
fn an_administrator_who_closes_the_endpoint_ends_the_plug() {
    for personality in PERSONALITIES {
        let mut world = world(personality);
        let client = world.plug(config("a", PortRequest::Any), ROOT);
        let endpoint = world.switch.ports().next().unwrap().endpoints.iter().next().unwrap().id;
        world.close_endpoint(endpoint);
        assert_eq!(world.end(client), Some(&Output::Lost));
        assert_eq!(world.used_ports(), []);
        world.assert_nothing_leaked();
    }
}

#[test]
fn a_client_that_talks_on_loses_its_stream_and_the_real_switches_lose_its_endpoint() {
    for personality in PERSONALITIES {
        let mut world = world(personality);
        let client = world.plug(config("a", PortRequest::Any), ROOT);
        world.misbehave(client, b"x");
        assert_eq!(world.end(client), Some(&Output::Lost));
        world.assert_nothing_leaked();
        let port = world.switch.ports().next().unwrap();
        match personality {
            Personality::Strict => assert!(port.endpoints.is_empty()),
            Personality::Old | Personality::New => {
                assert_eq!(port.endpoints.len(), 1);
                assert_eq!(
                    port.endpoints.iter().next().unwrap().conn,
                    None,
                    "no stream can end it any more"
                );
            }
        }
    }
}

#[test]
fn plugs_do_not_disturb_each_other() {
    for personality in PERSONALITIES {
        let mut world = world(personality);
        let clients: Vec<_> =
            (0..10).map(|n| world.plug(config(&format!("{n}"), PortRequest::Any), ROOT)).collect();
        for &client in clients.iter().step_by(2) {
            world.leave(client);
        }
        assert_eq!(world.used_ports(), [(2, 1), (4, 1), (6, 1), (8, 1), (10, 1)]);
        world.assert_nothing_leaked();
    }
}

proptest! {
    #[test]
    fn whatever_happens_on_the_way_a_plug_ends_up_or_over_in_time_and_nothing_is_left(
        personality in prop::sample::select(PERSONALITIES.to_vec()),
        asked in 0..6_u32,
        busy in 0..120_u32,
        gone in 0..5_u32,
        split in prop::collection::vec(0..115_usize, 0..5),
        cut in prop::option::weighted(0.3, 0..115_usize),
        extra in prop::collection::vec(any::<u8>(), 0..2),
    ) {
        let mut world = World::new(SwitchConfig { ports: 4, ..SwitchConfig::new(personality) });
        let mut split = split;
        split.sort_unstable();
        world.faults = Faults { busy, gone, split, cut, extra };
        let port = if asked == 0 { PortRequest::Any } else { number(asked) };
        let start = world.now;
        let client = world.plug(config("a", port), ROOT);
        world.settle(client);
        prop_assert!(world.is_up(client) != world.end(client).is_some());
        prop_assert!(world.now - start <= Duration::from_secs(5));
        prop_assert_eq!(world.used_ports().len(), usize::from(world.is_up(client)));
        prop_assert_eq!(world.conn(client).is_some(), world.is_up(client));
        world.assert_nothing_leaked();
    }
}
