//! What else is on a line, as far as it matters to the successor of any option.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::user_net::{self, UserNet};
use crate::CommandLine;

/// It is looked for once for all options of a line.
pub(super) struct Surroundings {
    pub(super) has_nodefaults: bool,
    /// Somebody chose a backend for sound, so that there is no default one any more.
    pub(super) has_audiodev: bool,
    pub(super) has_display: bool,
    /// Something says what runs the guest's code, be it the name of the program.
    pub(super) has_accelerator: bool,
    /// `-accel` does.
    pub(super) has_accel: bool,
    pub(super) has_tb_size: bool,
    /// A `-startdate` that is a date.
    pub(super) has_start_date: bool,
    /// The first word that asks for each sound card: a second one asks for nothing more.
    pub(super) sound_cards: BTreeMap<Vec<u8>, usize>,
    /// The only `user` network, if it can be given a parameter.
    pub(super) user_net: Option<UserNet>,
}

const DISPLAYS: [&str; 6] = ["display", "sdl", "curses", "nographic", "vnc", "spice"];

impl Surroundings {
    pub(super) fn of(line: &CommandLine<'_>, program: &OsStr) -> Self {
        let has = |names: &[&str]| line.options().any(|o| names.iter().any(|name| o.name == *name));
        let values = |name: &'static str| {
            let named = line.options().filter(move |option| option.name == name);
            named.filter_map(|option| Some((option.word, option.value?.as_bytes())))
        };
        let mut sound_cards = BTreeMap::new();
        for (word, cards) in values("soundhw") {
            for card in cards.split(|&byte| byte == b',') {
                sound_cards.entry(card.to_vec()).or_insert(word);
            }
        }
        Self {
            has_nodefaults: has(&["nodefaults"]),
            has_audiodev: has(&["audiodev", "audio"]),
            has_display: has(&DISPLAYS),
            // A program of such a name uses KVM by itself.
            has_accelerator: line.names_accelerator() || program.as_bytes().ends_with(b"kvm"),
            has_accel: has(&["accel"]),
            has_tb_size: has(&["tb-size"]),
            has_start_date: values("startdate").any(|(_, date)| date != b"now"),
            sound_cards,
            user_net: user_net::only(line),
        }
    }
}
