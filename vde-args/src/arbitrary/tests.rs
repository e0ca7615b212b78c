//! That what is drawn is worth reading: a generator that never comes near the code tests nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{Command, CommandLine, Explain, NetKind, Network, Placeholders, QemuVersion, parse};

/// Draws a value from each of many texts of pseudo-random bytes, the same ones on every day.
fn many<T: for<'a> Arbitrary<'a>>(mut use_it: impl FnMut(T)) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20_000 {
        let byte = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        let bytes: Vec<u8> = (0..200).map(byte).collect();
        use_it(T::arbitrary(&mut Unstructured::new(&bytes)).unwrap());
    }
}

/// The name of a variant.
fn name(variant: &impl std::fmt::Debug) -> String {
    let text = format!("{variant:?}");
    text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

#[test]
fn the_lines_meet_every_change_note_and_network() {
    let (mut reasons, mut notes) = (BTreeMap::<_, u32>::new(), BTreeMap::<_, u32>::new());
    let mut named = BTreeMap::<_, u32>::new();
    many(|argv: ArbitraryArgv| {
        let Ok(Command::Run(run)) = parse(&argv.words) else { return };
        let Ok(network) = Network::read(&run) else { return };
        for note in network.notes() {
            *notes.entry(name(note)).or_default() += 1;
        }
        for option in run.line.networks().filter(|option| option.is_vde()) {
            let is_json = option.text().to_string_lossy().starts_with('{');
            *named.entry((name(&option.kind()), is_json)).or_default() += 1;
        }
        let fds: Vec<i32> = (10..).take(network.plugs().len()).collect();
        for version in [QemuVersion::new(0, 7, 2), QemuVersion::new(11, 1, 0)] {
            for change in network.rewrite(version, &fds).map_or(Vec::new(), |new| new.changes) {
                *reasons.entry(name(&change.why)).or_default() += 1;
            }
        }
    });
    for why in ["Vde", "VlanGone", "Sock", "NothingNamed", "NoNic", "DumpGone"] {
        assert!(reasons.get(why).is_some_and(|times| *times > 50), "{why}: {reasons:?}");
    }
    let all = ["DefaultSwitch", "OtherBackend", "UnreadFile", "NearMiss", "Loop", "Informational"];
    for note in [&all[..], &["NicAdded", "NoDevice"]].concat() {
        assert!(notes.get(note).is_some_and(|times| *times > 10), "{note}: {notes:?}");
    }
    for (kind, is_json) in [("Net", false), ("Netdev", false), ("Nic", false), ("Netdev", true)] {
        let times = named.get(&(kind.to_owned(), is_json));
        assert!(times.is_some_and(|times| *times > 50), "{kind} {is_json}: {named:?}");
    }
}

#[test]
fn the_lines_meet_every_error_that_words_can_cause() {
    let mut kinds = BTreeSet::new();
    let mut outcomes = BTreeMap::<_, u32>::new();
    many(|argv: ArbitraryArgv| {
        let error = match parse(&argv.words) {
            Err(error) => Some(error),
            Ok(Command::Run(run)) if run.options.fd_placeholder => Placeholders::read(&run).err(),
            Ok(Command::Run(run)) => Network::read(&run).err(),
            Ok(_) => None,
        };
        *outcomes.entry(error.is_some()).or_default() += 1;
        kinds.extend(error.map(|error| name(&error.kind)));
    });
    // What nothing on a command line alone brings about.
    let never = ["VdeInFile", "Descriptors"];
    let all = [
        "MissingProgram",
        "UnknownOption",
        "OptionBeforeProgram",
        "MissingValue",
        "UnexpectedValue",
        "BadMode",
        "BadTimeout",
        "BadVersion",
        "BadExplain",
        "BadReconnect",
        "EmptyValue",
        "NobodyBeside",
        "BadNumber",
        "UnknownParameter",
        "MissingParameterValue",
        "MissingId",
        "OpenPlaceholder",
        "TooManyFields",
        "Contradiction",
        "BadJson",
    ];
    let missed: Vec<_> = all.into_iter().filter(|kind| !kinds.contains(*kind)).collect();
    assert!(missed.is_empty(), "{missed:?} of {kinds:?}");
    assert!(never.into_iter().all(|kind| !kinds.contains(kind)));
    // Neither all right nor all wrong.
    assert!(outcomes.values().all(|times| *times > 4_000), "{outcomes:?}");
}

#[test]
fn no_word_has_a_nul_and_a_line_is_short_enough_to_be_read() {
    many(|argv: ArbitraryArgv| {
        assert!(argv.words.iter().all(|word| !word.as_encoded_bytes().contains(&0)));
        assert!(CommandLine::parse(&argv.words).items().count() <= 8 + 2 * ITEMS);
    });
}

#[test]
fn any_number_of_bytes_is_enough() {
    for length in 0..100 {
        let bytes = vec![0xa5; length];
        assert!(ArbitraryArgv::arbitrary(&mut Unstructured::new(&bytes)).is_ok());
        assert!(ArbitraryObject::arbitrary(&mut Unstructured::new(&bytes)).is_ok());
    }
}

#[test]
fn objects_and_lists_are_mostly_sound() {
    let (mut objects, mut sound) = (0, 0);
    many(|object: ArbitraryObject| {
        objects += 1;
        sound += u32::from(crate::json::Object::parse(&object.text).is_ok());
    });
    assert!(sound * 10 > objects * 7 && sound < objects, "{sound} of {objects}");
    let mut vde = 0;
    many(|list: ArbitraryList| vde += u32::from(list.text.starts_with(b"vde")));
    assert!(vde > 2_000, "{vde}");
}

#[test]
fn every_dialect_kind_and_row_of_a_table_is_drawn() {
    let (mut dialects, mut kinds, mut rows) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut explains = BTreeSet::new();
    many(|(version, kind, spec, explain): (QemuVersion, NetKind, &OptionSpec, Explain)| {
        dialects.insert(crate::Dialect::of(version));
        kinds.insert(name(&kind));
        rows.insert(spec.name);
        explains.insert(name(&explain));
    });
    assert_eq!((dialects.len(), kinds.len(), explains.len()), (4, 4, 2));
    assert_eq!(rows.len(), crate::OPTIONS.len());
}
