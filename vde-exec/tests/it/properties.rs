//! Laws of `dial` under random faults of the switch.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use vde_exec::testkit::fake_switch::{FakeSwitch, Faults, Options, ReplyFault};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::Personality;

use crate::client::{Client, EVERYBODY, frame, mac};

/// Time that a dial gets here.
const TIMEOUT: Duration = Duration::from_millis(400);

fn reply_faults() -> impl Strategy<Value = ReplyFault> {
    prop_oneof![
        3 => Just(ReplyFault::None),
        1 => Just(ReplyFault::Silence),
        1 => Just(ReplyFault::HangUp),
        1 => (0..110_usize).prop_map(ReplyFault::Cut),
        1 => (0..110_usize).prop_map(ReplyFault::CutAndHangUp),
        1 => (40..=110_usize).prop_map(ReplyFault::Pieces),
        2 => prop::collection::vec(any::<u8>(), 0..300).prop_map(ReplyFault::Instead),
        1 => prop::collection::vec(any::<u8>(), 1..50).prop_map(ReplyFault::Longer),
    ]
}

fn faults() -> impl Strategy<Value = Faults> {
    let hang_up = prop::option::of((0..3_u64).prop_map(Duration::from_millis));
    let chatter = prop::collection::vec(any::<u8>(), 0..20);
    (reply_faults(), 0..3_u64, hang_up, 0..6_u32, chatter).prop_map(
        |(reply, delay, hang_up_after, vanish, chatter)| Faults {
            reply,
            delay: Duration::from_millis(delay),
            hang_up_after,
            vanish,
            deaf: false,
            chatter,
        },
    )
}

/// Whether a plug can come up: the reply arrives, and names a socket that is there in time.
fn is_harmless(faults: &Faults) -> bool {
    let whole = matches!(faults.reply, ReplyFault::None | ReplyFault::Pieces(_));
    whole && faults.vanish == 0 && faults.hang_up_after.is_none() && faults.chatter.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_dial_ends_in_time_with_a_plug_or_an_error_and_leaves_nothing(
        faults in faults(),
        old in any::<bool>(),
    ) {
        let personality = if old { Personality::Old } else { Personality::New };
        let harmless = is_harmless(&faults);
        let switch = FakeSwitch::start(Options::new(personality).with(faults));
        let started = Instant::now();
        let dialed = Client::try_plug(switch.dir(), "", if harmless { wait::PATIENCE } else { TIMEOUT });
        prop_assert!(started.elapsed() < wait::PATIENCE);
        prop_assert!(dialed.is_ok() || !harmless, "{}", dialed.err().unwrap());
        prop_assert_eq!(switch.litter(), [""; 0]);
        drop(dialed);
        wait::until_true("every port to be free", || switch.ports().is_empty());
    }

    #[test]
    fn frames_pass_between_two_plugs_unchanged_and_in_order(
        lengths in prop::collection::vec(60..=1518_usize, 1..30),
    ) {
        let switch = FakeSwitch::start(Options::new(Personality::New));
        let (a, b) = (Client::plug(switch.dir(), ""), Client::plug(switch.dir(), ""));
        for (number, length) in lengths.iter().enumerate() {
            let mut sent = frame(EVERYBODY, mac(1), *length);
            sent[14] = u8::try_from(number).unwrap();
            a.send(&sent);
            prop_assert_eq!(b.receive(), sent);
        }
    }
}
