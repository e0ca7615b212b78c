//! The laws of an impairment, on made-up time.

use super::*;
use crate::relay::Probability;
use proptest::prelude::*;
use std::num::NonZeroU64;

const MS: Duration = Duration::from_millis(1);

fn pipeline(impairment: Impairment) -> Pipeline {
    Pipeline::new(impairment, Direction::FromVm)
}

/// A frame that tells its number.
fn numbered(number: u32) -> Vec<u8> {
    [&number.to_be_bytes()[..], &[0xa5; 60]].concat()
}

fn number_of(frame: &[u8]) -> u32 {
    u32::from_be_bytes(frame[..4].try_into().unwrap())
}

/// All that is due.
fn drain(pipeline: &mut Pipeline, now: Duration) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| pipeline.pop(now)).collect()
}

/// What comes out if frames are pushed with these pauses in front of them, and when.
fn play(impairment: Impairment, pauses: &[Duration]) -> Vec<(Duration, Vec<u8>)> {
    let mut pipeline = pipeline(impairment);
    let (mut now, mut out) = (Duration::ZERO, Vec::new());
    for (number, pause) in (0..).zip(pauses) {
        now += *pause;
        run(&mut pipeline, now, &mut out);
        pipeline.push(now, &numbered(number));
    }
    run(&mut pipeline, Duration::MAX, &mut out);
    assert_eq!((pipeline.waiting(), pipeline.next_due()), ((0, 0), None));
    out
}

/// Takes frames out when they are due, up to `until`.
fn run(pipeline: &mut Pipeline, until: Duration, out: &mut Vec<(Duration, Vec<u8>)>) {
    while let Some(due) = pipeline.next_due().filter(|&due| due <= until) {
        if due > Duration::ZERO {
            assert_eq!(pipeline.pop(due - Duration::from_nanos(1)), None, "not before its time");
        }
        out.push((due, pipeline.pop(due).expect("a frame at the time that was told")));
    }
}

fn numbers(out: &[(Duration, Vec<u8>)]) -> Vec<u32> {
    out.iter().map(|(_, frame)| number_of(frame)).collect()
}

fn probability() -> impl Strategy<Value = Probability> {
    prop_oneof![
        Just(Probability::NEVER),
        Just(Probability::ALWAYS),
        (0.0..=1.0).prop_map(|value| Probability::new(value).unwrap()),
    ]
}

fn short() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(Duration::ZERO), (0..40_000_000u64).prop_map(Duration::from_nanos)]
}

prop_compose! {
    fn any_impairment()(
        seed: u64, loss in probability(), corrupt in probability(), duplicate in probability(),
        reorder in probability(), rate in prop::option::of(1_000u64..1_000_000_000),
        delay in short(), jitter in short(),
    ) -> Impairment {
        let rate = rate.and_then(NonZeroU64::new);
        Impairment { seed, loss, corrupt, duplicate, reorder, rate, delay, jitter }
    }
}

fn pauses(most: u64) -> impl Strategy<Value = Vec<Duration>> {
    prop::collection::vec((0..=most).prop_map(Duration::from_micros), 1..80)
}

proptest! {
    #[test]
    fn the_fate_of_a_frame_does_not_depend_on_when_it_comes(
        impairment in any_impairment(), one in pauses(20_000), other in pauses(20_000),
    ) {
        let count = one.len().min(other.len());
        let outcome = |pauses: &[Duration]| {
            let mut frames: Vec<_> =
                play(impairment, &pauses[..count]).into_iter().map(|(_, frame)| frame).collect();
            // Who is overtaken may depend on time; who arrives, how often, and as what, does not.
            frames.sort();
            frames
        };
        prop_assert_eq!(outcome(&one), outcome(&other));
    }

    #[test]
    fn the_same_seed_and_the_same_times_are_the_same_run(
        impairment in any_impairment(), pauses in pauses(20_000),
    ) {
        prop_assert_eq!(play(impairment, &pauses), play(impairment, &pauses));
    }

    #[test]
    fn nothing_is_done_to_frames_that_nothing_is_to_be_done_to(
        seed: u64, pauses in pauses(5_000),
    ) {
        let mut now = Duration::ZERO;
        let out = play(Impairment { seed, ..Impairment::default() }, &pauses);
        prop_assert_eq!(out.len(), pauses.len());
        for ((number, pause), (due, frame)) in (0..).zip(&pauses).zip(out) {
            now += *pause;
            prop_assert_eq!((due, frame), (now, numbered(number)));
        }
    }

    #[test]
    fn every_frame_is_accounted_for_and_the_queue_is_bounded(
        impairment in any_impairment(),
        frames in prop::collection::vec((0..9235usize, 0..2000u64), 1..1500),
    ) {
        let mut pipeline = pipeline(impairment);
        let (mut now, mut left) = (Duration::ZERO, 0);
        for (index, &(length, pause)) in frames.iter().enumerate() {
            now += Duration::from_micros(pause);
            pipeline.push(now, &vec![7; length]);
            left += drain(&mut pipeline, now).len() as u64;
            let (waiting, bytes) = pipeline.waiting();
            prop_assert!(waiting <= MAX_WAITING_FRAMES && bytes <= MAX_WAITING_BYTES);
            let counts = pipeline.counts();
            let inside = index as u64 + 1 + counts.duplicated;
            prop_assert_eq!(inside, left + counts.lost + counts.overflowed + waiting as u64);
        }
        let (waiting, _) = pipeline.waiting();
        pipeline.hurry();
        prop_assert_eq!(drain(&mut pipeline, now).len(), waiting);
        prop_assert_eq!(pipeline.waiting(), (0, 0));
    }

    #[test]
    fn a_delayed_frame_comes_within_the_jitter_and_in_order(
        seed: u64, pauses in pauses(30_000), delay in 20..40u32, jitter in 0..20u32,
    ) {
        let [delay, jitter] = [delay * MS, jitter * MS];
        let out = play(Impairment { seed, delay, jitter, ..Impairment::default() }, &pauses);
        let sent = pauses.iter().scan(Duration::ZERO, |now, pause| {
            *now += *pause;
            Some(*now)
        });
        for ((number, sent), (due, frame)) in (0..).zip(sent).zip(&out) {
            prop_assert_eq!(number, number_of(frame));
            prop_assert!(*due >= sent + delay - jitter && *due <= sent + delay + jitter);
        }
    }

    #[test]
    fn no_more_passes_than_the_rate_and_one_burst(
        pauses in pauses(3_000), rate in 100_000u64..100_000_000,
    ) {
        let rate = NonZeroU64::new(rate);
        let out = play(Impairment { rate, ..Impairment::default() }, &pauses);
        prop_assert_eq!(out.len(), pauses.len());
        let rate = rate.unwrap().get() as f64;
        for (first, (begin, _)) in out.iter().enumerate() {
            for (last, (end, _)) in out.iter().enumerate().skip(first) {
                // The frame that begins when the bucket is just not empty is the one too many.
                let bits = (last - first) as f64 * 64.0 * 8.0;
                let allowed = (*end - *begin + BURST).as_secs_f64() * rate;
                prop_assert!(bits <= allowed + 1.0, "{} bits in {:?}", bits, *end - *begin);
            }
        }
    }
}

#[test]
fn a_steady_stream_gets_the_rate_that_it_is_given() {
    let mut pipeline =
        pipeline(Impairment { rate: NonZeroU64::new(512_000), ..Impairment::default() });
    (0..100).for_each(|number| pipeline.push(Duration::ZERO, &numbered(number)));
    let mut out = Vec::new();
    run(&mut pipeline, Duration::MAX, &mut out);
    // 64 bytes take a millisecond, and one of these is the burst.
    let times: Vec<_> = out.iter().map(|(due, _)| *due).collect();
    assert_eq!(times[..4], [Duration::ZERO, Duration::ZERO, MS, 2 * MS]);
    assert_eq!(times[99], 98 * MS);
}

#[test]
fn a_frame_that_is_held_back_is_overtaken_by_one() {
    let reorder = Probability::ALWAYS;
    let out = play(Impairment { reorder, ..Impairment::default() }, &[MS; 6]);
    assert_eq!(numbers(&out), [1, 0, 3, 2, 5, 4]);
}

#[test]
fn a_frame_that_nobody_overtakes_is_not_held_back_for_ever() {
    let reorder = Probability::ALWAYS;
    let out = play(Impairment { reorder, ..Impairment::default() }, &[MS, 50 * MS]);
    assert_eq!(numbers(&out), [0, 1]);
    assert_eq!(out[0].0, MS + REORDER_PATIENCE);
}

#[test]
fn a_doubled_frame_follows_itself_or_if_held_back_the_next() {
    let always = Probability::ALWAYS;
    let doubled = Impairment { duplicate: always, ..Impairment::default() };
    assert_eq!(numbers(&play(doubled, &[MS; 3])), [0, 0, 1, 1, 2, 2]);
    let both = Impairment { reorder: always, ..doubled };
    assert_eq!(numbers(&play(both, &[MS; 3])), [0, 1, 0, 2, 1, 2]);
}

#[test]
fn a_full_queue_drops_what_comes_and_keeps_what_waits() {
    let mut pipeline = pipeline(Impairment { delay: MS, ..Impairment::default() });
    for number in 0..1010 {
        pipeline.push(Duration::ZERO, &numbered(number));
    }
    assert_eq!(pipeline.waiting().0, MAX_WAITING_FRAMES);
    assert_eq!(pipeline.counts().overflowed, 10);
    let out = drain(&mut pipeline, MS);
    assert_eq!(
        out.iter().map(|frame| number_of(frame)).collect::<Vec<_>>(),
        Vec::from_iter(0..1000)
    );
}

#[test]
fn what_waits_when_the_rules_change_leaves_first_and_as_it_would_have() {
    let mut pipeline = pipeline(Impairment { delay: 9 * MS, ..Impairment::default() });
    pipeline.push(Duration::ZERO, &numbered(0));
    pipeline.set(Impairment::default());
    pipeline.push(MS, &numbered(1));
    assert_eq!(pipeline.pop(8 * MS), None);
    let out = drain(&mut pipeline, 9 * MS);
    assert_eq!(out.iter().map(|frame| number_of(frame)).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn the_largest_figures_are_no_overflow() {
    let mut pipeline = pipeline(Impairment {
        rate: NonZeroU64::new(1),
        delay: Duration::MAX,
        jitter: Duration::MAX,
        ..Impairment::default()
    });
    for _ in 0..3 {
        pipeline.push(Duration::MAX, &[0; 9234]);
    }
    assert_eq!(pipeline.waiting().0, 3);
    pipeline.hurry();
    assert_eq!(drain(&mut pipeline, Duration::MAX).len(), 3);
}
