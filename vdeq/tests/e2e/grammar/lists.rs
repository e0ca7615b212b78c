//! `type,key=value,flag,...`: what each item means, and which of several counts.

use std::collections::{BTreeMap, BTreeSet};

use vde_args::keyval::{KeyVal, Rules, boolean, number};
use vde_args::{CommandLine, NetOption};

use super::{BAD_ONES, arguments, property, refusal, start_all};
use crate::chance::Chance;
use crate::rig;

/// What each key of a list is.
struct Reading(BTreeMap<Vec<u8>, Vec<u8>>);

impl Reading {
    /// `implied` is the key of a bare first item.
    fn of(text: &str, implied: &str) -> Self {
        let list = KeyVal::parse(text.as_bytes(), Rules::Qemu);
        let mut reading = BTreeMap::new();
        for (at, entry) in list.entries().iter().enumerate() {
            let is_last = at > 0 && at + 1 == list.entries().len();
            if is_last && entry.is_empty() {
                // A comma at the end.
                continue;
            }
            let (key, value) = list.meaning(entry);
            let key = if entry.key.is_none() { implied.as_bytes() } else { key };
            if key != b"id" || !reading.contains_key(key) {
                reading.insert(key.to_vec(), value.into_owned());
            }
        }
        Self(reading)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key.as_bytes()).map(|value| std::str::from_utf8(value).unwrap())
    }

    fn has_only(&self, keys: &[&str]) -> bool {
        self.0.keys().all(|key| keys.iter().any(|known| known.as_bytes() == key))
    }

    /// The id, if it is one.
    fn id(&self) -> Option<&str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let is_id = |id: &&str| {
            id.starts_with(|c: char| c.is_ascii_alphabetic()) && id.chars().all(is_part)
        };
        self.get("id").filter(is_id)
    }
}

/// Whether the id that QEMU finds is that of the list: see
/// `the_id_is_looked_for_where_nothing_is_implied`.
fn has_plain_start(text: &str) -> bool {
    let word = text.split(',').next().unwrap();
    let is_bare = !word.contains('=');
    !(is_bare && (text[word.len()..].starts_with(",,") || word == "id" || word == "noid"))
}

/// A list made of items; `ID` in it is an id of its own.
fn invent(chance: &mut Chance, items: &[&str], number: usize) -> String {
    let count = 1 + chance.below(6);
    let items: Vec<_> = (0..count).map(|_| chance.pick(items)).collect();
    items.join(",").replace("ID", &format!("made{number}"))
}

/// Keeps of those that say the same id only the first, since they share one QEMU.
fn with_ids_apart(texts: Vec<String>, implied: &str) -> Vec<String> {
    let mut ids = BTreeSet::new();
    let id = |text: &str| Reading::of(text, implied).id().unwrap().to_owned();
    texts.into_iter().filter(|text| ids.insert(id(text))).collect()
}

/// `authz-simple` is an object that does nothing and remembers any text.
const TEXTS: [&str; 36] = [
    "authz-simple,id=a,identity=x",
    "authz-simple,id=b,identity=x,,y",
    "authz-simple,id=c,identity=,,",
    "authz-simple,identity=x,,,id=d",
    "authz-simple,id=e,identity=x,",
    "authz-simple,id=f,identity",
    "authz-simple,id=g,noidentity",
    "authz-simple,id=h,identity=",
    "authz-simple,id=i,identity==,,=",
    "authz-simple,id=j,identity=\"x,qom-type=authz-simple",
    "authz-simple,id=k,identity= \t\n\u{e9}'{}[]\\%",
    "authz-simple,identity=x,identity=y,id=l,id=m",
    "authz-simple,id=n,id=1,identity=x",
    "qom-type=authz-simple,id=o,identity=x",
    "id=p,identity=x,qom-type=authz-simple",
    "no-such,qom-type=authz-simple,id=q,identity=x",
    "authz-simple,id,identity=x",
    "authz-simple,noid,identity=x",
    "authz-simple,id=r,identity,identity=x,noidentity",
    // Those are no good.
    "",
    ",",
    "authz-simple",
    "authz-simple,,id=s,identity=x",
    "authz-simple,id=s,identity=x,identity ",
    "authz-simple,id=s,,identity=x",
    "authz-simple,id=s,identity,,identity=x",
    "authz-simple,id=s,identity=x,no",
    "authz-simple,id=s,identity=x,=",
    "authz-simple,id=s,identity=x,nonsense",
    "authz-simple,id=s,identity=\"x,y\"",
    "id=s,identity=x,authz-simple",
    "authz-simple ,id=s,identity=x",
    "authz-simple, id=s,identity=x",
    "authz-simple,id=1,identity=x",
    "authz-simple,id=,identity=x",
    "authz-simple,id=1,id=s,identity=x",
];

#[test]
fn a_list_means_to_qemu_what_it_means_to_us() {
    let items = [
        "authz-simple",
        "qom-type=authz-simple",
        "id=ID",
        "id=ID",
        "id=other",
        "identity=x",
        "identity=y z",
        "identity=,",
        "identity",
        "noidentity",
        "",
        "no",
        "=",
        "'",
    ];
    let chance = &mut Chance::new(1, 0);
    let made = (0..900).map(|number| match chance.below(4) {
        0 => invent(chance, &items, number),
        _ => format!("authz-simple,{},id=last{number}", invent(chance, &items, number)),
    });
    let is_good = |text: &str| {
        let reading = Reading::of(text, "qom-type");
        reading.get("qom-type") == Some("authz-simple")
            && reading.id().is_some()
            && reading.get("identity").is_some()
            && reading.has_only(&["qom-type", "id", "identity"])
    };
    let made = made.filter(|text| has_plain_start(text));
    let (good, bad): (Vec<_>, Vec<_>) = made.partition(|text| is_good(text));
    let table = TEXTS.map(str::to_owned);
    let (table_good, table_bad): (Vec<_>, Vec<_>) =
        table.into_iter().partition(|text| is_good(text));
    assert_eq!((table_good.len(), table_good.last().unwrap()), (19, &TEXTS[18].to_owned()));
    let good = with_ids_apart([table_good, good].concat(), "qom-type");
    assert!(good.len() > 150, "{}", good.len());
    for qemu in rig::QEMUS {
        let mut qmp = start_all(qemu, "-object", &good);
        for text in &good {
            let reading = Reading::of(text, "qom-type");
            let identity = property(&mut qmp, reading.id().unwrap(), "identity");
            assert_eq!(identity.as_str(), reading.get("identity"), "{qemu}: {text:?}");
        }
        for text in table_bad.iter().chain(bad.iter().take(BAD_ONES)) {
            refusal(qemu, "-object", text.as_bytes());
        }
    }
}

/// The id of every network that QEMU tells of, with its hub or its `restrict=`.
fn networks(told: &str) -> BTreeMap<String, String> {
    let mut networks = BTreeMap::new();
    let mut hub = "";
    for line in told.lines() {
        if line.starts_with("hub ") {
            hub = line;
        } else if let Some(id) = line.strip_prefix(" \\ ") {
            networks.insert(id.to_owned(), hub.to_owned());
        } else if let Some((id, rest)) = line.split_once(": index=0,type=user,") {
            networks.insert(id.to_owned(), rest.rsplit(',').next().unwrap().to_owned());
        }
    }
    networks
}

/// What [`networks`] should say of a good list.
fn network(reading: &Reading) -> Option<String> {
    let switch = |value| if value { "on" } else { "off" };
    reading.id()?;
    match reading.get("type")? {
        "hubport" => {
            let hub = number(reading.get("hubid")?.as_bytes())?;
            reading.has_only(&["type", "id", "hubid"]).then(|| format!("hub {hub}"))
        }
        "user" => {
            let restrict = boolean(reading.get("restrict").unwrap_or("off").as_bytes())?;
            let is_known = reading.has_only(&["type", "id", "restrict"]);
            is_known.then(|| format!("restrict={}", switch(restrict)))
        }
        _ => None,
    }
}

#[test]
fn a_network_is_for_qemu_what_it_is_for_us() {
    let items = [
        "user",
        "hubport",
        "type=user",
        "type=hubport",
        "id=ID",
        "id=ID",
        "id=1",
        "hubid=1",
        "hubid=2",
        "restrict=on",
        "restrict=no",
        "restrict",
        "norestrict",
        "",
        "vde",
    ];
    let chance = &mut Chance::new(2, 0);
    let made = (0..3000).map(|number| match chance.below(4) {
        0 => invent(chance, &items, number),
        at => format!(
            "{},{},id=last{number}",
            ["user", "hubport", "id=ID"][at - 1],
            invent(chance, &items, number)
        ),
    });
    let made = made.filter(|text| has_plain_start(text));
    let (good, bad): (Vec<_>, Vec<_>) =
        made.partition(|text| network(&Reading::of(text, "type")).is_some());
    let good = with_ids_apart(good, "type");
    assert!(good.len() > 100, "{}", good.len());
    for qemu in rig::QEMUS {
        let found = networks(&start_all(qemu, "-netdev", &good).monitor("info network"));
        assert_eq!(found.len(), good.len());
        for text in &good {
            let reading = Reading::of(text, "type");
            let id = reading.id().unwrap();
            assert_eq!(found.get(id), network(&reading).as_ref(), "{qemu}: {text:?}");
            agrees(text, &reading);
        }
        for text in bad.iter().take(BAD_ONES) {
            refusal(qemu, "-netdev", text.as_bytes());
        }
    }
}

/// The reading of networks says the same.
fn agrees(text: &str, reading: &Reading) {
    let words = arguments("-netdev", &[text]);
    let line = CommandLine::parse(&words);
    let option: NetOption<'_> = line.networks().next().unwrap();
    assert!(option.is_type(reading.get("type").unwrap().as_bytes()), "{text:?}");
    let id = option.get(b"id").map(|id| String::from_utf8(id.into_owned()).unwrap());
    assert_eq!(id.as_deref(), reading.id(), "{text:?}");
    assert_eq!(
        option.hub().map(|hub| format!("hub {hub}")),
        match reading.get("type") {
            Some("hubport") => network(reading),
            _ => None,
        }
    );
}

/// QEMU reads a list once more for its id, and in that reading a bare first word is a flag. So a
/// doubled comma in it is two commas, and `id` says `id=on`. All QEMUs do; we do not: no option takes
/// a first word like that, if no later item says better.
#[test]
fn the_id_is_looked_for_where_nothing_is_implied() {
    let better = "qom-type=authz-simple,identity=x,id=b";
    for (start, id) in
        [("x", "b"), ("x,,id=a", "a"), ("x,,y,,id=a", "a"), ("id", "on"), ("noid", "off")]
    {
        let text = format!("{start},{better}");
        assert_eq!(Reading::of(&text, "qom-type").id(), Some("b"));
        assert_eq!(has_plain_start(&text), id == "b", "{text}");
        for qemu in rig::QEMUS {
            let mut qmp = start_all(qemu, "-object", &[&text]);
            assert_eq!(property(&mut qmp, id, "identity"), "x", "{qemu}: {text}");
        }
    }
}

#[test]
fn true_and_false_have_four_words_each() {
    let words = [
        "on", "off", "yes", "no", "true", "false", "y", "n", "1", "0", "ON", "On", "Yes", "TRUE",
        "", "t", "f", " on", "on ", "onn", "enable", "2",
    ];
    let (good, bad): (Vec<_>, Vec<_>) =
        words.into_iter().partition(|word| boolean(word.as_bytes()).is_some());
    let restrict = |(at, word): (usize, &&str)| format!("user,id=b{at},restrict={word}");
    let share =
        |(at, word): (usize, &&str)| format!("memory-backend-ram,size=64k,id=b{at},share={word}");
    for qemu in rig::QEMUS {
        let lists: Vec<_> = good.iter().enumerate().map(restrict).collect();
        let found = networks(&start_all(qemu, "-netdev", &lists).monitor("info network"));
        let lists: Vec<_> = good.iter().enumerate().map(share).collect();
        let mut objects = start_all(qemu, "-object", &lists);
        for (at, word) in good.iter().enumerate() {
            let value = boolean(word.as_bytes()).unwrap();
            let id = format!("b{at}");
            let expected = if value { "restrict=on" } else { "restrict=off" };
            assert_eq!(found[&id], expected, "{qemu}: {word:?}");
            assert_eq!(property(&mut objects, &id, "share"), value, "{qemu}: {word:?}");
        }
        for word in &bad {
            refusal(qemu, "-netdev", restrict((0, word)).as_bytes());
            refusal(qemu, "-object", share((0, word)).as_bytes());
        }
    }
}
