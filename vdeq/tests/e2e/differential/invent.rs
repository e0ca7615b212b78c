//! Stories made up by chance.

use super::story::{Backend, BackendBy, Dump, Nic, NicBy, Pair, PairBy, Said, Story, Switch, Vlan};
use crate::chance::Chance;

/// QEMU takes 8 NICs that are not devices; vdeq may add one for each vlan and each `-sock`.
const MOST_NICS: usize = 4;

/// Numbers of vlans: the first, usual ones, and the highest.
const NUMBERS: [u32; 7] = [0, 0, 1, 2, 7, 255, 0x7fff_ffff];

const LENGTHS: [(&str, u32); 5] =
    [("64", 64), ("1k", 1024), ("1.5K", 1536), ("0x80", 128), ("2M", 2 << 20)];

/// Makes up a story.
pub fn story(chance: &mut Chance) -> Story {
    let is_bare = chance.percent(10);
    let mut inventor = Inventor { chance, is_bare, nics: 0, backends: 0, dumps: 0 };
    let mut story = Story::default();
    for _ in 0..inventor.few() {
        let number = inventor.chance.pick(&NUMBERS);
        if story.vlans.iter().all(|vlan| vlan.number != number) {
            story.vlans.push(inventor.vlan(number));
        }
    }
    if !is_bare {
        for _ in 0..inventor.chance.pick(&[0, 0, 1, 1, 2]) {
            story.pairs.push(inventor.pair());
        }
        story.nones = usize::from(inventor.chance.percent(8));
        if inventor.chance.percent(20) {
            story.socks = inventor.socks();
        }
    }
    if inventor.chance.percent(12) {
        story.devices.extend(inventor.nic());
    }
    story.is_vdeoq = inventor.chance.percent(if story.socks.is_empty() { 5 } else { 35 });
    story
}

struct Inventor<'a> {
    chance: &'a mut Chance,
    /// Without any backend, so that the line gets the default switch.
    is_bare: bool,
    nics: usize,
    backends: usize,
    dumps: usize,
}

impl Inventor<'_> {
    /// 0 to 3, mostly 1.
    fn few(&mut self) -> usize {
        self.chance.pick(&[0, 1, 1, 1, 1, 2, 2, 3])
    }

    fn vlan(&mut self, number: u32) -> Vlan {
        let (nics, backends) = (self.few(), if self.is_bare { 0 } else { self.few() });
        let usually = self.chance.percent(60);
        let said = |inventor: &mut Self| {
            let is_said = number > 0 || usually != inventor.chance.percent(15);
            if is_said { Said::Yes } else { Said::No }
        };
        let mut vlan = Vlan { number, nics: Vec::new(), backends: Vec::new(), dumps: Vec::new() };
        for _ in 0..nics {
            let by = match self.chance.below(10) {
                0 if !self.is_bare => NicBy::Port,
                1 if !self.is_bare => NicBy::NicPort,
                2 | 3 => NicBy::Device,
                _ => NicBy::Net(said(self)),
            };
            vlan.nics.extend(self.nic().map(|nic| (nic, by)));
        }
        for _ in 0..backends {
            let by = match self.chance.percent(10) {
                true => BackendBy::Port,
                false => BackendBy::Net(said(self)),
            };
            vlan.backends.push((self.backend(), by));
        }
        if self.chance.percent(25) {
            self.dumps += 1;
            let len = self.chance.percent(60).then(|| self.chance.pick(&LENGTHS));
            vlan.dumps.push((Dump { number: self.dumps, len }, said(self)));
        }
        vlan
    }

    fn pair(&mut self) -> Pair {
        let backend = self.backend();
        let nic = if self.chance.percent(85) { self.nic() } else { None };
        let by = self.chance.pick(&[PairBy::Device, PairBy::Set, PairBy::Net, PairBy::Nic]);
        Pair { backend, nic, by: if nic.is_some() { by } else { PairBy::Device } }
    }

    fn nic(&mut self) -> Option<Nic> {
        if self.nics == MOST_NICS {
            return None;
        }
        self.nics += 1;
        Some(Nic(self.chance.percent(90).then(|| u8::try_from(self.nics).unwrap())))
    }

    fn backend(&mut self) -> Backend {
        self.backends += 1;
        match self.chance.below(10) {
            0 | 1 => Backend::User(u8::try_from(self.backends + 10).unwrap()),
            2 => Backend::Udp(u16::try_from(self.backends + 5000).unwrap()),
            _ => Backend::Vde(self.switch()),
        }
    }

    /// A `-sock` list, where no path can have a comma, and the default switch stands first.
    fn socks(&mut self) -> Vec<Switch> {
        let count = self.chance.pick(&[1, 1, 2]);
        let mut socks: Vec<_> =
            (0..count).map(|number| Switch(format!("/list/{number}"))).collect();
        if self.chance.percent(20) {
            socks[0] = Switch(String::new());
        }
        socks
    }

    fn switch(&mut self) -> Switch {
        self.backends += 1;
        Switch(match self.chance.below(20) {
            0 => String::new(),
            1 => format!("/sw,{}", self.backends),
            2 => "/sw/twice".to_owned(),
            _ => format!("/sw/{}", self.backends),
        })
    }
}
