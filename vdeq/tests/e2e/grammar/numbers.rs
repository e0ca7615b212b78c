//! Whole numbers, by the hubs and the I/O threads that QEMU makes of them.

use vde_args::keyval::number;

use super::{BAD_ONES, property, refusal, start_all};
use crate::chance::Chance;
use crate::rig;

const TEXTS: [&str; 41] = [
    "0",
    "7",
    "007",
    "010",
    "08",
    "0x10",
    "0X1f",
    "0x",
    "0xg",
    "x",
    "",
    "-0",
    "+5",
    " 5",
    "\t5",
    "\x0b5",
    "\n +0x5",
    "5 ",
    "5k",
    "1e3",
    "1.0",
    "++1",
    "+ 1",
    "+-1",
    "0-1",
    "00x1",
    "0x-1",
    "0x 1",
    "1_0",
    "on",
    "0b11",
    "0B1",
    "0b",
    "0b2",
    "2147483647",
    "2147483648",
    "0x7fffffff",
    "0xffffffff",
    "017777777777",
    "020000000000",
    "\u{663}",
];

/// What `number` says, if this QEMU reads all that it does: see there.
fn read(qemu: &str, text: &str) -> Option<u64> {
    let unsigned = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r', '+', '-']);
    let is_binary = unsigned.starts_with("0b") || unsigned.starts_with("0B");
    let has_binary = !matches!(qemu, "qemu-5.2" | "qemu-7.2");
    number(text.as_bytes()).filter(|_| has_binary || !is_binary)
}

#[test]
fn a_hub_has_the_number_that_we_read() {
    let pieces = [
        "0", "1", "7", "8", "9", "x", "0x", "0b", "b", "a", "F", "+", "-", " ", ".", "e", "k", "_",
        "00",
    ];
    let chance = &mut Chance::new(3, 0);
    let made: Vec<_> = (0..1200).map(|_| chance.text(&pieces, 5)).collect();
    // A number below zero is one for QEMU alone.
    let made: Vec<_> = made.iter().map(String::as_str).filter(|text| !text.contains('-')).collect();
    for qemu in rig::QEMUS {
        let hub = |text: &str| read(qemu, text).filter(|hub| i32::try_from(*hub).is_ok());
        let (good, bad): (Vec<_>, Vec<_>) = made.iter().partition(|text| hub(text).is_some());
        assert!(good.len() > 100, "{}", good.len());
        let good: Vec<&str> =
            TEXTS.into_iter().filter(|text| hub(text).is_some()).chain(good).collect();
        let lists: Vec<_> = good
            .iter()
            .enumerate()
            .map(|(at, text)| format!("hubport,id=n{at},hubid={text}"))
            .collect();
        let told = start_all(qemu, "-netdev", &lists).monitor("info network");
        let mut current = "";
        let mut count = 0;
        for line in told.lines() {
            if let Some(port) = line.strip_prefix(" \\ n") {
                let text = good[port.parse::<usize>().unwrap()];
                assert_eq!(format!("hub {}", hub(text).unwrap()), current, "{qemu}: {text:?}");
                count += 1;
            } else {
                current = line;
            }
        }
        assert_eq!(count, good.len(), "{told}");
        let table = TEXTS.into_iter().filter(|text| hub(text).is_none());
        for text in table.chain(bad.into_iter().take(BAD_ONES)) {
            refusal(qemu, "-netdev", format!("hubport,id=n,hubid={text}").as_bytes());
        }
    }
}

#[test]
fn a_number_may_have_63_bits_or_more() {
    let thread = |at: usize, text: &str| format!("iothread,id=t{at},poll-max-ns={text}");
    let good =
        ["4294967296", "0x100000000", "9223372036854775807", "0777777777777777777777", "-0", " +1"];
    // The first two are numbers that are too large for this parameter; we know larger ones.
    let bad = ["9223372036854775808", "0xffffffffffffffff", "18446744073709551616", "-1", "1k"];
    assert_eq!(
        bad.map(|text| number(text.as_bytes()).is_some()),
        [true, true, false, false, false]
    );
    for qemu in rig::QEMUS {
        let lists: Vec<_> = good.iter().enumerate().map(|(at, text)| thread(at, text)).collect();
        let mut qmp = start_all(qemu, "-object", &lists);
        for (at, text) in good.iter().enumerate() {
            let value = property(&mut qmp, &format!("t{at}"), "poll-max-ns");
            assert_eq!(value.as_u64(), number(text.as_bytes()), "{qemu}: {text:?}");
        }
        for text in bad {
            refusal(qemu, "-object", thread(0, text).as_bytes());
        }
    }
}
