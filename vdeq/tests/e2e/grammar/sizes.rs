//! Sizes, by the memory that QEMU sets aside.

use vde_args::keyval::size;

use super::{BAD_ONES, arguments, property, start, start_all};
use crate::chance::Chance;
use crate::rig;

/// Sizes that are larger are not asked for together.
const MUCH: u64 = 64 << 20;

/// What every QEMU reads alike.
const TEXTS: [&str; 53] = [
    "1",
    "512",
    "1b",
    "1B",
    "64K",
    "64k",
    "2m",
    "1M",
    "0.5k",
    "1.5M",
    "2.5K",
    "1.",
    "1.M",
    "1.0",
    "5.0b",
    "0x10",
    "0X1f",
    "0x1E",
    "0x1b",
    "010",
    "010k",
    "08k",
    "00.5M",
    " 64k",
    "\t\x0b+64k",
    "+0x10",
    "1.0000001M",
    "4096.0000000000000000000000001k",
    // Too much for this parameter, or too little, but sizes.
    "0",
    "0x0",
    "0k",
    "0.0001k",
    "16T",
    "1P",
    "1e",
    "1.5E",
    "15E",
    "9223372036854775808",
    // No sizes.
    "",
    "k",
    ".",
    ".k",
    "0x",
    "-1",
    "1kk",
    "64kB",
    "64KiB",
    "1Z",
    "16E",
    "1.5",
    "1.5.M",
    "1 k",
    "64k ",
];

/// What they read differently: 5.2, 7.2, 10.0 and sid.
const DIFFERENCES: [(&str, [Option<u64>; 4]); 14] = [
    ("0.1M", [Some(104_857), Some(104_858), Some(104_858), Some(104_858)]),
    ("0.7G", [Some(751_619_276), Some(751_619_277), Some(751_619_277), Some(751_619_277)]),
    ("0.4999k", [Some(511), Some(512), Some(512), Some(512)]),
    ("0.0005k", [Some(0), Some(1), Some(1), Some(1)]),
    ("1.99999999999999999999M", [Some(2 << 20), Some(1 << 20), Some(2 << 20), Some(2 << 20)]),
    (".5M", [Some(1 << 19), None, Some(1 << 19), Some(1 << 19)]),
    ("+.5M", [Some(1 << 19), None, Some(1 << 19), Some(1 << 19)]),
    ("0x10000k", [Some(64 << 20), Some(64 << 20), None, None]),
    ("0x1M", [Some(1 << 20), Some(1 << 20), None, None]),
    ("1e5", [Some(100_000), None, None, None]),
    ("1e-1M", [Some(104_857), None, None, None]),
    ("0x1.8k", [Some(1536), None, None, None]),
    ("0x1p16", [Some(65536), None, None, None]),
    ("-0", [Some(0), None, None, None]),
];

/// The size that QEMU reads, as far as that can be seen.
fn verdict(qemu: &str, text: &str) -> Verdict {
    let list = format!("memory-backend-ram,id=m,size={text}");
    let said = match start(qemu, &arguments("-object", &[list])) {
        Ok(mut qmp) => return Verdict::Size(property(&mut qmp, "m", "size").as_u64().unwrap()),
        Err(said) => said,
    };
    let reasons = [
        ("expects a size value", Verdict::None),
        ("doesn't take value '0'", Verdict::Size(0)),
        ("Cannot allocate memory", Verdict::Much),
    ];
    let reason = reasons.into_iter().find(|(words, _)| said.contains(words));
    reason.unwrap_or_else(|| panic!("{qemu}: {text:?}: {said}")).1
}

#[derive(Debug, Clone, Copy)]
enum Verdict {
    None,
    Size(u64),
    /// More than there is.
    Much,
}

impl Verdict {
    fn is_of(self, size: Option<u64>) -> bool {
        match self {
            Self::None => size.is_none(),
            Self::Size(found) => size == Some(found),
            Self::Much => size > Some(MUCH),
        }
    }
}

/// Whether all QEMUs read it alike: fractions, exponents and suffixes of hexadecimal numbers they do
/// not.
fn is_timeless(text: &str) -> bool {
    let is_hex = text.contains(['x', 'X']);
    let has_exponent = text.contains(['e', 'E']) && !text.ends_with(['e', 'E']);
    !text.contains('.') && !has_exponent && !is_hex
}

#[test]
fn qemu_sets_as_much_aside_as_we_read() {
    let pieces = [
        "0", "1", "5", "16", "9", ".", ".25", ".0", "0x", "a", "b", "B", "k", "K", "m", "e", "+",
        " ", "00",
    ];
    let chance = &mut Chance::new(4, 0);
    let made: Vec<_> = (0..1200).map(|_| chance.text(&pieces, 4)).collect();
    for qemu in rig::QEMUS {
        let is_new = !matches!(qemu, "qemu-5.2" | "qemu-7.2");
        let made = made.iter().map(String::as_str).filter(|text| is_new || is_timeless(text));
        let is_good =
            |text: &&str| size(text.as_bytes()).is_some_and(|size| (1..=MUCH).contains(&size));
        let (good, other): (Vec<_>, Vec<_>) = made.partition(is_good);
        assert!(good.len() > 60, "{}", good.len());
        let good: Vec<_> = TEXTS.into_iter().filter(is_good).chain(good).collect();
        let lists = good.iter().enumerate();
        let lists: Vec<_> =
            lists.map(|(at, text)| format!("memory-backend-ram,id=m{at},size={text}")).collect();
        let mut qmp = start_all(qemu, "-object", &lists);
        for (at, text) in good.iter().enumerate() {
            let value = property(&mut qmp, &format!("m{at}"), "size");
            assert_eq!(value.as_u64(), size(text.as_bytes()), "{qemu}: {text:?}");
        }
        let table = TEXTS.into_iter().filter(|text| !is_good(text));
        for text in table.chain(other.into_iter().take(BAD_ONES)) {
            let (verdict, size) = (verdict(qemu, text), size(text.as_bytes()));
            assert!(verdict.is_of(size), "{qemu}: {text:?}: {verdict:?}, we read {size:?}");
        }
    }
}

#[test]
fn older_qemus_read_some_sizes_differently() {
    for (text, sizes) in DIFFERENCES {
        for (qemu, found) in rig::QEMUS.into_iter().zip(sizes) {
            let verdict = verdict(qemu, text);
            assert!(verdict.is_of(found), "{qemu}: {text:?}: {verdict:?}");
        }
        assert_eq!(size(text.as_bytes()), sizes[3], "{text:?}: we read as the newest does");
    }
}
