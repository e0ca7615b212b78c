//! What a relay between a VM and its switch is for: `pcap=net0.pcapng,loss=1%,delay=10ms`.
//!
//! The same words stand behind `--relay` and in an order on the control socket. They are the whole of
//! what is wanted: who says something else later says all of it again.

mod error;
mod units;

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use crate::keyval::{Entry, KeyVal, Rules};
use crate::nearest::nearest;
use crate::values::read_number;
use crate::words::RELAY_WORDS;
pub use error::{RelayError, RelayErrorKind};
use units::{read_rate, read_seed, read_share, read_time};

/// What a relay is for.
///
/// ```
/// use vde_args::RelayWish;
/// let wish = RelayWish::parse(b"stats,loss=1.5%,delay=10ms,to=vm")?;
/// assert!(wish.stats && wish.pcap.is_none());
/// assert_eq!(wish.to_vm.loss, 15_000);
/// assert!(wish.to_switch.is_none());
/// # Ok::<(), vde_args::RelayError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RelayWish {
    /// `net=`: which network, in the order of the command line; all of them if `None`.
    pub net: Option<usize>,
    /// `pcap=`: the file, FIFO or (`-`) standard output that a capture is written to. Never empty.
    pub pcap: Option<OsString>,
    /// `stats`: frames are counted.
    pub stats: bool,
    /// What befalls frames on their way to the VM.
    pub to_vm: Impair,
    /// What befalls frames on their way to the switch.
    pub to_switch: Impair,
    /// `seed=`: the same seed, the same fate of the nth frame.
    pub seed: u64,
}

/// What befalls frames. Shares are in parts of a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Impair {
    /// `loss=`: so many are lost.
    pub loss: u32,
    /// `dup=`: so many come twice.
    pub dup: u32,
    /// `reorder=`: so many are overtaken by the next.
    pub reorder: u32,
    /// `corrupt=`: of so many one bit is flipped.
    pub corrupt: u32,
    /// `delay=`: all come so much later.
    pub delay: Duration,
    /// `jitter=`: and each up to so much later than that.
    pub jitter: Duration,
    /// `rate=`: so many bits pass in a second; `None` is no limit.
    pub rate: Option<u64>,
}

impl Impair {
    /// The whole, in the unit of the shares.
    pub const WHOLE: u32 = 1_000_000;

    /// Nothing befalls them.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// The longest delay, and the largest jitter.
pub const DELAY_MAX: Duration = Duration::from_secs(10);

/// The lowest and the highest rate, in bits a second.
pub const RATES: [u64; 2] = [1_000, 1_000_000_000_000];

impl RelayWish {
    /// Reads the words, separated by commas; a comma in a file name is doubled.
    ///
    /// # Errors
    /// [`RelayError`], about the first wrong word.
    pub fn parse(text: &[u8]) -> Result<Self, RelayError> {
        let list = KeyVal::parse(text, Rules::Qemu);
        let mut reader = Reader {
            list: &list,
            wish: Self::default(),
            impair: Impair::default(),
            to: None,
            seen: Vec::new(),
        };
        for entry in list.entries().iter().filter(|entry| !entry.span.is_empty()) {
            reader.take(entry)?;
        }
        reader.finish()
    }

    /// Whether there is nothing that a relay would be for.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.pcap.is_none() && !self.stats && self.to_vm.is_none() && self.to_switch.is_none()
    }
}

/// What a word can begin with.
fn keys() -> impl Iterator<Item = &'static str> {
    RELAY_WORDS.iter().map(|word| word.name)
}

struct Reader<'a> {
    list: &'a KeyVal<'a>,
    wish: RelayWish,
    impair: Impair,
    /// Whether `to=` says the VM.
    to: Option<bool>,
    seen: Vec<(&'static str, Range<usize>)>,
}

impl Reader<'_> {
    fn take(&mut self, entry: &Entry) -> Result<(), RelayError> {
        // A bare first word is, for QEMU, a value.
        let word = entry.key.clone().unwrap_or_else(|| entry.span.clone());
        let name = self.list.bytes(&word);
        let Some(key) = keys().find(|key| key.as_bytes() == name) else {
            let nearest = nearest(name, keys());
            return Err(self.error(RelayErrorKind::Unknown { nearest }, word));
        };
        if self.seen.iter().any(|(seen, _)| *seen == key) {
            return Err(self.error(RelayErrorKind::Twice { key }, word));
        }
        self.seen.push((key, word.clone()));
        let value = entry.key.as_ref().and_then(|_| self.list.value(entry));
        let span = entry.value.clone().unwrap_or_else(|| entry.span.clone());
        match (key, value) {
            ("stats", None) => self.wish.stats = true,
            ("stats", Some(_)) => return Err(self.error(RelayErrorKind::Value { key }, span)),
            (_, None) => return Err(self.error(RelayErrorKind::NoValue { key }, word)),
            (_, Some(value)) if value.is_empty() => {
                return Err(self.error(RelayErrorKind::NoValue { key }, word));
            }
            (_, Some(value)) => {
                self.set(key, &value).map_err(|kind| self.error(kind, span))?;
            }
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), RelayErrorKind> {
        let share = || read_share(value).ok_or(RelayErrorKind::Share);
        let time =
            || read_time(value).filter(|time| *time <= DELAY_MAX).ok_or(RelayErrorKind::Time);
        match key {
            "net" => {
                let net = read_number(value, u32::MAX).and_then(|net| usize::try_from(net).ok());
                self.wish.net = Some(net.ok_or(RelayErrorKind::Number)?);
            }
            "pcap" => self.wish.pcap = Some(OsStr::from_bytes(value).to_owned()),
            "loss" => self.impair.loss = share()?,
            "dup" => self.impair.dup = share()?,
            "reorder" => self.impair.reorder = share()?,
            "corrupt" => self.impair.corrupt = share()?,
            "delay" => self.impair.delay = time()?,
            "jitter" => self.impair.jitter = time()?,
            "rate" => {
                let [least, most] = RATES;
                let rate = read_rate(value).filter(|rate| (least..=most).contains(rate));
                self.impair.rate = Some(rate.ok_or(RelayErrorKind::Rate)?);
            }
            "seed" => self.wish.seed = read_seed(value).ok_or(RelayErrorKind::Number)?,
            _ => {
                self.to = Some(match value {
                    b"vm" => true,
                    b"switch" => false,
                    _ => return Err(RelayErrorKind::Direction),
                });
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<RelayWish, RelayError> {
        if self.impair.is_none() {
            if let Some((key, word)) =
                self.seen.iter().find(|(key, _)| ["seed", "to"].contains(key))
            {
                return Err(self.error(RelayErrorKind::Idle { key }, word.clone()));
            }
        }
        if self.to != Some(false) {
            self.wish.to_vm = self.impair;
        }
        if self.to != Some(true) {
            self.wish.to_switch = self.impair;
        }
        if self.wish.is_nothing() {
            let whole = 0..self.list.text().len();
            return Err(self.error(RelayErrorKind::Nothing, whole));
        }
        Ok(self.wish)
    }

    fn error(&self, kind: RelayErrorKind, span: Range<usize>) -> RelayError {
        let found = OsStr::from_bytes(self.list.bytes(&span)).to_owned();
        RelayError { kind, span, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RelayWish, RelayError> {
        RelayWish::parse(text.as_bytes())
    }

    #[track_caller]
    fn check_wrong(text: &str, kind: RelayErrorKind, found: &str) {
        let error = parse(text).unwrap_err();
        assert_eq!((&error.kind, error.found.to_str()), (&kind, Some(found)), "{text}");
        assert_eq!(&text[error.span.clone()], found, "{text}");
    }

    #[test]
    fn every_word_is_understood() {
        let wish = parse(
            "net=2,pcap=a,,b.pcapng,stats,loss=1%,delay=10ms,jitter=200us,dup=0.5,reorder=0.0001%,\
             rate=1.5M,corrupt=100%,seed=18446744073709551615",
        );
        let impair = Impair {
            loss: 10_000,
            dup: 500_000,
            reorder: 1,
            corrupt: 1_000_000,
            delay: Duration::from_millis(10),
            jitter: Duration::from_micros(200),
            rate: Some(1_500_000),
        };
        let pcap = Some("a,b.pcapng".into());
        let (net, stats, seed) = (Some(2), true, u64::MAX);
        assert_eq!(
            wish,
            Ok(RelayWish { net, pcap, stats, to_vm: impair, to_switch: impair, seed })
        );
    }

    #[test]
    fn an_impairment_can_be_of_one_direction_only() {
        let [vm, switch] = ["vm", "switch"].map(|to| parse(&format!("to={to},loss=3%")).unwrap());
        assert_eq!((vm.to_vm.loss, vm.to_switch.loss), (30_000, 0));
        assert_eq!((switch.to_vm.loss, switch.to_switch.loss), (0, 30_000));
    }

    #[test]
    fn a_first_bare_word_is_a_word_and_no_value() {
        assert!(parse("stats").unwrap().stats);
        assert!(parse("stats,").unwrap().stats);
        check_wrong("foo", RelayErrorKind::Unknown { nearest: None }, "foo");
        check_wrong("los=1%", RelayErrorKind::Unknown { nearest: Some("loss") }, "los");
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        check_wrong("", RelayErrorKind::Nothing, "");
        check_wrong("net=1", RelayErrorKind::Nothing, "net=1");
        check_wrong("loss=0%", RelayErrorKind::Nothing, "loss=0%");
        check_wrong("stats=on", RelayErrorKind::Value { key: "stats" }, "on");
        check_wrong("loss", RelayErrorKind::NoValue { key: "loss" }, "loss");
        check_wrong("stats,pcap=", RelayErrorKind::NoValue { key: "pcap" }, "pcap");
        check_wrong("loss=1%,loss=2%", RelayErrorKind::Twice { key: "loss" }, "loss");
        for share in ["101%", "1.1", "-1%", "%", "1%%", "x", "1e-3", ".5", "5.", "99999999999%"] {
            check_wrong(&format!("loss={share}"), RelayErrorKind::Share, share);
        }
        for time in ["10", "ms", "1m", "10.1s", "11s", "-1ms", "1.ms", "4294967296s"] {
            check_wrong(&format!("delay={time}"), RelayErrorKind::Time, time);
        }
        for rate in ["0", "999", "1T", "k", "2000G", "-1k"] {
            check_wrong(&format!("rate={rate}"), RelayErrorKind::Rate, rate);
        }
        for seed in ["18446744073709551616", "-1", "x", "+1"] {
            check_wrong(&format!("loss=1%,seed={seed}"), RelayErrorKind::Number, seed);
        }
        check_wrong("loss=1%,to=both", RelayErrorKind::Direction, "both");
        check_wrong("stats,seed=1", RelayErrorKind::Idle { key: "seed" }, "seed");
        check_wrong("stats,to=vm", RelayErrorKind::Idle { key: "to" }, "to");
        check_wrong("stats,net=x", RelayErrorKind::Number, "x");
    }
}
