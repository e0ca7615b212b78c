//! Which relay is wanted for which network: the `--relay` options, put together.

use std::ffi::OsStr;

use vde_args::{Given, Impair, QemuVersion, RelayWish, Spot};

use crate::quote;

/// What the relay of one network is for, and what asked for it.
pub(crate) type Wanted = Given<RelayWish>;

/// Why the options do not fit the networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RelaysError {
    /// There is no such network.
    NoNetwork { net: usize, count: usize, spot: Spot },
    /// There is no network at all.
    NoNetworks { spot: Spot },
    /// One file cannot have the frames of several networks.
    OneFile { count: usize, spot: Spot },
    /// A network is spoken of twice.
    Twice { net: usize, spot: Spot },
}

impl RelaysError {
    pub(crate) fn spot(&self) -> &Spot {
        match self {
            Self::NoNetwork { spot, .. }
            | Self::NoNetworks { spot }
            | Self::OneFile { spot, .. }
            | Self::Twice { spot, .. } => spot,
        }
    }

    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NoNetwork { .. } => {
                "networks are counted from 0, in the order of the command line"
            }
            Self::NoNetworks { .. } => "name a VDE network, or leave the option out",
            Self::OneFile { .. } => "say net=N, and give each network an option of its own",
            Self::Twice { .. } => "say all that is wanted of a network in one option",
        }
    }
}

impl std::fmt::Display for RelaysError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoNetwork { net, count: 1, .. } => {
                write!(f, "there is no network {net}, only network 0")
            }
            Self::NoNetwork { net, count, .. } => {
                write!(f, "there is no network {net}: expected 0 to {}", count.saturating_sub(1))
            }
            Self::NoNetworks { .. } => f.write_str("there is no network that could be relayed"),
            Self::OneFile { count, .. } => {
                write!(f, "the frames of {count} networks cannot be captured in one file")
            }
            Self::Twice { net, .. } => write!(f, "what is wanted of network {net} is said twice"),
        }
    }
}

/// For each of `count` networks, what its relay is for, if it is to have one.
///
/// # Errors
/// The first [`RelaysError`].
pub(crate) fn assign(given: &[Wanted], count: usize) -> Result<Vec<Option<Wanted>>, RelaysError> {
    let mut all: Vec<Option<Wanted>> = vec![None; count];
    for wanted in given {
        let spot = || wanted.spot.clone();
        if count == 0 {
            return Err(RelaysError::NoNetworks { spot: spot() });
        }
        let nets = match wanted.value.net {
            Some(net) if net >= count => {
                return Err(RelaysError::NoNetwork { net, count, spot: spot() });
            }
            Some(net) => net..net + 1,
            None if wanted.value.pcap.is_some() && count > 1 => {
                return Err(RelaysError::OneFile { count, spot: spot() });
            }
            None => 0..count,
        };
        for net in nets {
            let Some(place) = all.get_mut(net) else { continue };
            if place.replace(wanted.clone()).is_some() {
                return Err(RelaysError::Twice { net, spot: spot() });
            }
        }
    }
    Ok(all)
}

/// What a relay is for, in a few words.
pub(crate) fn in_words(wish: &RelayWish) -> String {
    let mut words = Vec::new();
    if let Some(path) = &wish.pcap {
        words.push(format!("captured in {}", quote::shell(path)));
    }
    if wish.stats {
        words.push("counted".to_owned());
    }
    let [vm, switch] = [&wish.to_vm, &wish.to_switch].map(Impair::is_none);
    match (vm, switch) {
        (true, true) => {}
        (false, false) => words.push("impaired".to_owned()),
        (false, true) => words.push("impaired on the way to the VM".to_owned()),
        (true, false) => words.push("impaired on the way to the switch".to_owned()),
    }
    words.join(", ")
}

/// The first QEMU that has `filter-dump`.
const FILTER_DUMP: QemuVersion = QemuVersion::new(2, 5, 0);

/// Where a relay does nothing but capture, and QEMU could do it without one: how.
pub(crate) fn offers(relays: &[Option<Wanted>], version: QemuVersion) -> Vec<String> {
    let captures = relays.iter().enumerate().filter_map(|(net, wanted)| {
        let wish = &wanted.as_ref()?.value;
        let is_more = wish.stats || !wish.to_vm.is_none() || !wish.to_switch.is_none();
        let path = wish.pcap.as_deref().filter(|path| !is_more && !is_stdout(path))?;
        Some(format!(
            "network {net} is captured by a relay of vdeq; a QEMU can do it without one, in the older \
             pcap format, for a network with an id: -object filter-dump,id=dump{net},netdev=ID,file={}",
            quote::shell(path)
        ))
    });
    if version >= FILTER_DUMP { captures.collect() } else { Vec::new() }
}

/// Whether the capture goes to standard output.
pub(crate) fn is_stdout(path: &OsStr) -> bool {
    path == "-"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(options: &[&str]) -> Vec<Wanted> {
        let words: Vec<_> = options.iter().map(|option| format!("--relay={option}")).collect();
        let argv = std::iter::once("vdeq").chain(words.iter().map(String::as_str)).chain(["qemu"]);
        let argv: Vec<_> = argv.map(Into::into).collect();
        let Ok(vde_args::Command::Run(run)) = vde_args::parse(&argv) else { panic!("{argv:?}") };
        run.options.relays
    }

    fn check(options: &[&str], count: usize) -> Result<Vec<bool>, String> {
        let all = assign(&given(options), count).map_err(|error| error.to_string())?;
        Ok(all.iter().map(Option::is_some).collect())
    }

    #[test]
    fn an_option_is_about_one_network_or_all() {
        assert_eq!(check(&[], 2), Ok(vec![false, false]));
        assert_eq!(check(&["stats"], 2), Ok(vec![true, true]));
        assert_eq!(check(&["stats,net=1"], 2), Ok(vec![false, true]));
        assert_eq!(check(&["pcap=a,net=0", "pcap=b,net=1"], 2), Ok(vec![true, true]));
        assert_eq!(check(&["pcap=a"], 1), Ok(vec![true]));
    }

    #[test]
    fn what_does_not_fit_the_networks_is_refused() {
        let refused = |options: &[&str], count| check(options, count).unwrap_err();
        assert_eq!(refused(&["stats,net=1"], 1), "there is no network 1, only network 0");
        assert_eq!(refused(&["stats,net=3"], 3), "there is no network 3: expected 0 to 2");
        assert!(refused(&["stats"], 0).contains("no network that"));
        assert!(refused(&["pcap=a"], 2).contains("2 networks"));
        assert!(refused(&["stats", "loss=1%,net=1"], 2).contains("network 1 is said twice"));
    }

    #[test]
    fn a_capture_alone_is_what_a_qemu_can_do_by_itself() {
        let offers =
            |text: &str, version| offers(&assign(&given(&[text]), 1).unwrap(), version).len();
        let (new, old) = (QemuVersion::new(7, 2, 0), QemuVersion::new(2, 4, 1));
        assert_eq!((offers("pcap=a", new), offers("pcap=a", old)), (1, 0));
        for more in ["pcap=a,stats", "pcap=a,loss=1%", "pcap=-", "stats"] {
            assert_eq!(offers(more, new), 0, "{more}");
        }
    }

    #[test]
    fn what_a_relay_is_for_is_said_in_a_few_words() {
        let words = |text: &str| in_words(&given(&[text])[0].value);
        assert_eq!(words("pcap=a b,stats"), "captured in 'a b', counted");
        assert_eq!(words("loss=1%"), "impaired");
        assert_eq!(words("loss=1%,to=vm"), "impaired on the way to the VM");
        assert_eq!(words("stats,loss=1%,to=switch"), "counted, impaired on the way to the switch");
    }
}
