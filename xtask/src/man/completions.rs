//! Completions for bash, zsh and fish: their sources, with what each option takes put in.

use vde_args::{OWN_OPTIONS, OwnOption, OwnValue, PLUG_WORDS, Place, RELAY_WORDS, Word};

/// What can be offered for the value of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    /// These words.
    Words(&'static str),
    /// The features of a relay.
    Features,
    /// Directories of switches.
    Switches,
    Groups,
    Files,
    Nothing,
}

impl Offer {
    /// What a value is that a manual calls so: in small letters, words to choose from.
    fn of(value: &'static str) -> Self {
        match value {
            "FEATURES" => Self::Features,
            "DIR" | "PATH[,PATH...]" => Self::Switches,
            "NAME|GID" => Self::Groups,
            value if value.split('|').any(|part| part == "PATH") => Self::Files,
            value if value.starts_with(|c: char| c.is_ascii_lowercase()) => Self::Words(value),
            _ => Self::Nothing,
        }
    }
}

/// The words among those that a value can be.
fn words(value: &'static str) -> impl Iterator<Item = &'static str> {
    value.split('|').filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
}

fn value(option: &OwnOption) -> Option<&'static str> {
    match option.value {
        OwnValue::Required(value) | OwnValue::Optional(value) => Some(value),
        _ => None,
    }
}

/// `sock=` and the like, with a blank between.
fn joined(list: &[Word]) -> String {
    let ends = list.iter().map(|word| match word.value {
        "" => word.name.to_owned(),
        _ => format!("{}=", word.name),
    });
    ends.collect::<Vec<_>>().join(" ")
}

/// Puts rows into a source in place of the lines that name them.
fn filled(source: &str, rows: &[(&str, String)]) -> String {
    let mut text = String::new();
    for line in source.lines() {
        match rows.iter().find(|(name, _)| line.trim() == *name) {
            Some((_, rows)) => text.push_str(rows),
            None => {
                let line = line
                    .replace("@PLUG_WORDS@", &joined(PLUG_WORDS))
                    .replace("@RELAY_WORDS@", &joined(RELAY_WORDS));
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    text
}

/// For bash.
pub(super) fn bash(source: &str) -> String {
    let mut offers = String::new();
    let mut required: Vec<&str> = Vec::new();
    let spellings = OWN_OPTIONS.iter().flat_map(|option| option.spellings).copied();
    for option in OWN_OPTIONS {
        let Some(value) = value(option) else { continue };
        let offer = match Offer::of(value) {
            Offer::Words(value) => {
                format!("words '{}'", words(value).collect::<Vec<_>>().join(" "))
            }
            Offer::Features => "features".to_owned(),
            Offer::Switches => "switches".to_owned(),
            Offer::Groups => "groups".to_owned(),
            Offer::Files => "files".to_owned(),
            Offer::Nothing => "nothing".to_owned(),
        };
        offers.push_str(&format!("        {}) _vdeq_{offer} ;;\n", option.spellings.join("|")));
        if matches!(option.value, OwnValue::Required(_)) {
            required.extend(option.spellings);
        }
    }
    let spellings = spellings.collect::<Vec<_>>().join(" ");
    filled(
        source,
        &[
            ("@OFFERS@", offers),
            ("@OPTIONS@", format!("_vdeq_options='{spellings}'\n")),
            ("@REQUIRED@", format!("_vdeq_required=' {} '\n", required.join(" "))),
        ],
    )
}

/// For zsh.
pub(super) fn zsh(source: &str) -> String {
    let mut rows = String::new();
    for option in OWN_OPTIONS.iter().filter(|option| option.spellings != ["--"]) {
        let others = option.spellings.join(" ");
        let about = format!("[{}]", option.help.replace('[', "\\[").replace(']', "\\]"));
        for spelling in option.spellings {
            let is_long = spelling.starts_with("--");
            let mark = match (option.value, is_long) {
                (OwnValue::Required(_), true) => "=",
                (OwnValue::Optional(_), true) => "=-",
                _ => "",
            };
            let takes = match option.value {
                OwnValue::Required(value) => format!(":{}:{}", name(value), zsh_offer(value)),
                OwnValue::Optional(value) if is_long => {
                    format!("::{}:{}", name(value), zsh_offer(value))
                }
                _ => String::new(),
            };
            let repeats = if option.place == Place::Anywhere { "*" } else { "" };
            let exclusive = if repeats.is_empty() { format!("({others})") } else { String::new() };
            let row = format!("{exclusive}{repeats}{spelling}{mark}{about}{takes}");
            rows.push_str(&format!("        {}\n", quoted(&row)));
        }
    }
    filled(source, &[("@OPTIONS@", rows)])
}

/// What a value is called, without what means something to zsh.
fn name(value: &str) -> String {
    value.replace(['[', ']'], "").replace("...", "")
}

fn zsh_offer(value: &'static str) -> String {
    match Offer::of(value) {
        Offer::Words(value) => format!("({})", words(value).collect::<Vec<_>>().join(" ")),
        Offer::Features => "_vdeq_features".to_owned(),
        Offer::Switches => "_vdeq_switches".to_owned(),
        Offer::Groups => "_groups".to_owned(),
        Offer::Files => "_files".to_owned(),
        Offer::Nothing => String::new(),
    }
}

/// For fish.
pub(super) fn fish(source: &str) -> String {
    let mut rows = String::new();
    for option in OWN_OPTIONS.iter().filter(|option| option.spellings != ["--"]) {
        for spelling in option.spellings {
            let (flag, name) = match (spelling.strip_prefix("--"), spelling.strip_prefix('-')) {
                (Some(name), _) => ("-l", name),
                // Also of one letter: those that fish calls short may be joined.
                (None, name) => ("-o", name.unwrap_or(spelling)),
            };
            let takes = match option.value {
                OwnValue::Required(value) => fish_offer("-x", value),
                // fish offers it behind `=`.
                OwnValue::Optional(value) if flag == "-l" => fish_offer("-f", value),
                _ => " -f".to_owned(),
            };
            let place = match option.place {
                Place::Anywhere => "",
                _ => " -n __vdeq_leads",
            };
            let about = quoted(option.help);
            rows.push_str(&format!(
                "    complete -c $command{place} {flag} {name}{takes} -d {about}\n"
            ));
        }
    }
    filled(source, &[("@OPTIONS@", rows)])
}

fn fish_offer(none_but: &str, value: &'static str) -> String {
    let offer = match Offer::of(value) {
        Offer::Words(value) => words(value).collect::<Vec<_>>().join(" "),
        Offer::Features => "(__vdeq_features)".to_owned(),
        Offer::Switches => "(__vdeq_switches; __fish_complete_directories)".to_owned(),
        Offer::Groups => "(__fish_complete_groups)".to_owned(),
        Offer::Files => return " -r".to_owned(),
        Offer::Nothing => return format!(" {none_but}"),
    };
    format!(" {none_but} -a {}", quoted(&offer))
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_follows_from_what_a_value_is_called() {
        assert_eq!(Offer::of("on|off|SECONDS"), Offer::Words("on|off|SECONDS"));
        assert_eq!(words("on|off|SECONDS").collect::<Vec<_>>(), ["on", "off"]);
        assert_eq!(Offer::of("FD|PATH"), Offer::Files);
        assert_eq!(Offer::of("SECONDS"), Offer::Nothing);
        assert_eq!(Offer::of("X.Y[.Z]"), Offer::Nothing);
    }

    #[test]
    fn every_spelling_is_in_each_of_them() {
        let (bash, zsh, fish) = (bash("@OPTIONS@"), zsh("@OPTIONS@"), fish("@OPTIONS@"));
        for spelling in OWN_OPTIONS.iter().flat_map(|option| option.spellings) {
            assert!(bash.contains(spelling), "{spelling}");
            assert!(*spelling == "--" || zsh.contains(spelling), "{spelling}");
            let bare = spelling.trim_start_matches('-');
            assert!(fish.contains(&format!(" {bare} ")), "{spelling}");
        }
    }
}
