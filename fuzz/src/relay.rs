//! What any network does to any frames, and the file that they are captured in.

use std::num::NonZeroU64;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use pcap_parser::pcapng::Block;
use pcap_parser::{PcapBlockOwned, PcapNGSlice};
use vde_exec::relay::{
    Direction, Impairment, MAX_WAITING_BYTES, MAX_WAITING_FRAMES, Pipeline, Probability, pcapng,
};

/// One thing that happens to a pipeline.
#[derive(Debug, Arbitrary)]
enum Act {
    /// Frames of this length come, so many.
    Push(u16, u8),
    /// Microseconds pass.
    Pass(u32),
    Pop,
    Hurry,
    Set(Network),
}

/// An [`Impairment`], as it is drawn.
#[derive(Debug, Arbitrary)]
struct Network {
    seed: u64,
    /// Of 255: loss, corrupt, duplicate, reorder.
    chances: [u8; 4],
    rate: u64,
    delay: Duration,
    jitter: Duration,
}

impl Network {
    fn impairment(&self) -> Impairment {
        let chance = |chance: u8| Probability::new(f64::from(chance) / 255.0).unwrap();
        let [loss, corrupt, duplicate, reorder] = self.chances.map(chance);
        let (seed, rate) = (self.seed, NonZeroU64::new(self.rate));
        let (delay, jitter) = (self.delay, self.jitter);
        Impairment { seed, loss, corrupt, duplicate, reorder, rate, delay, jitter }
    }
}

/// Does to a pipeline what `data` says, and captures what comes out of it.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    let mut data = Unstructured::new(data);
    let Ok(first) = Network::arbitrary(&mut data) else { return };
    let Ok(acts) = Vec::<Act>::arbitrary(&mut data) else { return };
    let mut pipeline = Pipeline::new(first.impairment(), Direction::ToVm);
    let (mut now, mut pushed, mut corrupt) = (Duration::ZERO, 0u64, first.chances[1] > 0);
    let (mut popped, mut file) = (Vec::new(), Vec::new());
    pcapng::begin(&mut file, "fuzz", "net0", "");
    for act in acts.iter().take(64) {
        match act {
            Act::Push(length, count) => {
                let frame = vec![0x55; usize::from(*length) % 9235];
                (0..*count).for_each(|_| pipeline.push(now, &frame));
                pushed += u64::from(*count);
            }
            Act::Pass(micros) => now += Duration::from_micros(u64::from(*micros)),
            Act::Hurry => pipeline.hurry(),
            Act::Pop => {}
            Act::Set(network) => {
                corrupt |= network.chances[1] > 0;
                pipeline.set(network.impairment());
            }
        }
        if !matches!(act, Act::Push(..)) {
            let is_due = pipeline.next_due().is_some_and(|due| due <= now);
            let frame = pipeline.pop(now);
            assert_eq!(frame.is_some(), is_due, "due is what was told to be");
            popped.extend(frame);
        }
        let ((frames, bytes), counts) = (pipeline.waiting(), pipeline.counts());
        assert!(frames <= MAX_WAITING_FRAMES && bytes <= MAX_WAITING_BYTES);
        let out = popped.len() as u64 + frames as u64 + counts.lost + counts.overflowed;
        assert_eq!(pushed + counts.duplicated, out, "every frame is somewhere");
    }
    for (number, frame) in popped.iter().enumerate() {
        let wrong: u32 = frame.iter().map(|byte| (byte ^ 0x55).count_ones()).sum();
        assert!(wrong <= u32::from(corrupt));
        let direction = if number % 2 == 0 { Direction::ToVm } else { Direction::FromVm };
        let dropped = number as u64 % 3;
        pcapng::packet(&mut file, &pcapng::Packet { time: now, direction, frame, dropped });
    }
    let statistics = pcapng::Statistics { began: now, ended: now, seen: pushed, dropped: 0 };
    pcapng::end(&mut file, &statistics);
    assert!(captured(&file).eq(popped), "a reader has what was written");
}

/// The frames in a file, read by somebody else.
fn captured(file: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    PcapNGSlice::from_slice(file).expect("a section").filter_map(|block| {
        let PcapBlockOwned::NG(block) = block.expect("a whole block") else { return None };
        let Block::EnhancedPacket(packet) = block else { return None };
        Some(packet.data[..packet.caplen as usize].to_vec())
    })
}
