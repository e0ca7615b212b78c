//! A story as a command line: one of the many that mean it.

use super::lists::{Notation, Words};
use super::story::{Backend, BackendBy, Dump, Nic, NicBy, Pair, PairBy, Said, Story, Switch, Vlan};
use crate::chance::Chance;

/// A command line.
pub struct Line {
    pub argv: Vec<String>,
    /// Where the arguments for QEMU begin, and vdeq's own options may stand.
    pub start: usize,
    /// The vlan of the first `-net nic`, or else of the first `-net dump`.
    pub first: Option<u32>,
}

/// Options whose arguments look like networks or like ids that vdeq makes up.
const OTHERS: [&[&str]; 18] = [
    &["-name", "-net"],
    &["--name", "--netdev"],
    &["-fw_cfg", "name=opt/a/b,string=-net"],
    &["-fw_cfg", "name=opt/c,string=vde,,vlan=1"],
    &["-smbios", "type=1,serial=-nic"],
    &["-kernel", "KERNEL", "-append", "-net vde,vlan=1"],
    &["-chardev", "null,id=vdeq0"],
    &["-object", "memory-backend-ram,id=vdeq1,size=1M"],
    &["-global", "e1000.romfile="],
    &["-L", "-net"],
    &["-boot", "c"],
    &["-rtc", "base=utc"],
    &["-uuid", "00000000-0000-0000-0000-000000000001"],
    &["-no-reboot"],
    &["--snapshot"],
    &["-parallel", "none"],
    &["-vga", "none"],
    &["-usb"],
];

/// Options that stay together, in this order.
#[derive(Default)]
struct Chunk {
    words: Vec<String>,
    /// The vlan of a `-net nic`.
    nic: Option<u32>,
    /// The vlan of a `-net dump`.
    dump: Option<u32>,
}

/// Spells a story. `has_json` if this QEMU reads JSON; `extra` is put somewhere between.
pub fn spell(story: &Story, has_json: bool, extra: &[&str], chance: &mut Chance) -> Line {
    let mut speller = Speller { words: Words::new(chance, has_json), chunks: Vec::new() };
    for vlan in &story.vlans {
        speller.vlan(vlan);
    }
    for pair in &story.pairs {
        speller.pair(pair);
    }
    for nic in &story.devices {
        let words = speller.device(*nic, None, Notation::Any);
        speller.push(words);
    }
    for _ in 0..story.nones {
        let option = speller.words.chance.pick(&["-net", "--net", "-nic"]);
        speller.push(vec![option.to_owned(), "none".to_owned()]);
    }
    speller.socks(&story.socks);
    let mut others = OTHERS;
    speller.words.chance.shuffle(&mut others);
    for other in others.into_iter().take(speller.words.chance.pick(&[0, 1, 1, 2])) {
        speller.push(other.iter().map(|&word| word.to_owned()).collect());
    }
    speller.line(story.is_vdeoq, extra)
}

struct Speller<'a> {
    words: Words<'a>,
    chunks: Vec<Chunk>,
}

impl Speller<'_> {
    fn push(&mut self, words: Vec<String>) {
        self.chunks.push(Chunk { words, ..Chunk::default() });
    }

    fn line(mut self, is_vdeoq: bool, extra: &[&str]) -> Line {
        let chance = &mut *self.words.chance;
        chance.shuffle(&mut self.chunks);
        let first = |of: fn(&Chunk) -> Option<u32>| self.chunks.iter().find_map(of);
        let first = first(|chunk| chunk.nic).or_else(|| first(|chunk| chunk.dump));
        let name = "qemu-system-x86_64";
        let mut argv = match (is_vdeoq, chance.percent(30)) {
            (false, false) => vec!["/usr/bin/vdeq".to_owned(), name.to_owned()],
            (false, true) => vec![format!("vde{name}")],
            (true, false) => vec!["vdeoq".to_owned(), name.to_owned()],
            (true, true) => vec![format!("/usr/bin/vdeo{name}")],
        };
        let start = argv.len();
        // Last of all, so that the rest is as it is without it.
        let place = chance.below(self.chunks.len() + 1);
        let words = extra.iter().map(|&word| word.to_owned()).collect();
        self.chunks.insert(place, Chunk { words, ..Chunk::default() });
        argv.extend(self.chunks.into_iter().flat_map(|chunk| chunk.words));
        Line { argv, start, first }
    }

    fn vlan(&mut self, vlan: &Vlan) {
        for (nic, by) in &vlan.nics {
            match by {
                NicBy::Net(said) => {
                    let mut params = self.words.model();
                    params.extend(nic.mac().map(|mac| format!("macaddr={mac}")));
                    params.extend(self.words.vlan(vlan.number, *said));
                    params.extend(self.words.id_of_net(*said == Said::Yes));
                    let words = self.words.net("nic", params);
                    self.chunks.push(Chunk { words, nic: Some(vlan.number), dump: None });
                }
                NicBy::Device => {
                    let vlan = self.words.vlan(vlan.number, Said::Yes);
                    let words = self.device(*nic, vlan, Notation::List);
                    self.push(words);
                }
                NicBy::Port => {
                    let id = self.words.id();
                    let port = self.port(&id, vlan.number, None, Notation::Any);
                    let device = self.device(*nic, Some(format!("netdev={id}")), Notation::Any);
                    self.push(port);
                    self.push(device);
                }
                NicBy::NicPort => {
                    let hub = self.words.number(vlan.number);
                    let mut params = vec![format!("hubid={hub}")];
                    params.extend(self.words.model());
                    params.extend(nic.mac().map(|mac| format!("mac={mac}")));
                    let words = self.words.list("-nic", "hubport", params);
                    self.push(words);
                }
            }
        }
        for (backend, by) in &vlan.backends {
            match by {
                BackendBy::Net(said) => {
                    let mut params = self.words.backend(backend);
                    params.extend(self.words.vlan(vlan.number, *said));
                    params.extend(self.words.id_of_net(backend.is_vde() || *said == Said::Yes));
                    let words = self.words.net(kind(backend), params);
                    self.push(words);
                }
                BackendBy::Port => {
                    let (id, port) = (self.words.id(), self.words.id());
                    // QEMU wants a port after what it is for, and makes those in JSON first.
                    let mut words = self.netdev(backend, &id);
                    let is_json = words[1].starts_with('{');
                    let notation = if is_json { Notation::Any } else { Notation::List };
                    words.extend(self.port(&port, vlan.number, Some(&id), notation));
                    self.push(words);
                }
            }
        }
        for (dump, said) in &vlan.dumps {
            self.dump(dump, vlan.number, *said);
        }
    }

    fn pair(&mut self, pair: &Pair) {
        let Some(nic) = pair.nic else {
            let id = self.words.id();
            let netdev = self.netdev(&pair.backend, &id);
            return self.push(netdev);
        };
        if pair.by == PairBy::Nic {
            let mut params = self.words.backend(&pair.backend);
            params.extend(self.words.model());
            params.extend(nic.mac().map(|mac| format!("mac={mac}")));
            params.extend(self.words.id_of_net(pair.backend.is_vde()));
            let words = self.words.list("-nic", kind(&pair.backend), params);
            return self.push(words);
        }
        let id = self.words.id();
        let netdev = self.netdev(&pair.backend, &id);
        self.push(netdev);
        let reference = format!("netdev={id}");
        let words = match (pair.by, nic.mac()) {
            (PairBy::Net, mac) => {
                let mut params = self.words.model();
                params.push(reference);
                params.extend(mac.map(|mac| format!("macaddr={mac}")));
                self.words.net("nic", params)
            }
            (PairBy::Set, Some(mac)) => {
                let device = self.words.id();
                let (mut nic, mut params) = (nic, vec![format!("id={device}")]);
                let set = match self.words.chance.percent(50) {
                    true => {
                        nic.0 = None;
                        params.push(reference);
                        format!("device.{device}.mac={mac}")
                    }
                    false => format!("device.{device}.netdev={id}"),
                };
                let mut words = self.device(nic, params, Notation::List);
                words.extend(["-set".to_owned(), set]);
                words
            }
            _ => self.device(nic, Some(reference), Notation::Any),
        };
        self.push(words);
    }

    fn device(
        &mut self,
        nic: Nic,
        params: impl IntoIterator<Item = String>,
        notation: Notation,
    ) -> Vec<String> {
        let driver = self.words.chance.pick(&["e1000", "virtio-net-pci", "rtl8139", "pcnet"]);
        let mac = nic.mac().map(|mac| format!("mac={mac}"));
        let params = params.into_iter().chain(mac).collect();
        self.words.object("-device", driver, params, notation)
    }

    fn netdev(&mut self, backend: &Backend, id: &str) -> Vec<String> {
        // JSON that names VDE is vdeq's to read, also for a QEMU that cannot.
        let notation = if backend.is_vde() { Notation::Vde } else { Notation::Any };
        let mut params = self.words.backend(backend);
        params.push(format!("id={id}"));
        self.words.object("-netdev", kind(backend), params, notation)
    }

    /// A port of a hub, for a NIC or for the netdev `of`.
    fn port(&mut self, id: &str, hub: u32, of: Option<&str>, notation: Notation) -> Vec<String> {
        // A number of JSON is decimal.
        let may_be_json = notation == Notation::Any && self.words.chance.percent(50);
        let (hub, notation) = match may_be_json {
            true => (hub.to_string(), Notation::Any),
            false => (self.words.number(hub), Notation::List),
        };
        let mut params = vec![format!("id={id}"), format!("hubid={hub}")];
        params.extend(of.map(|of| format!("netdev={of}")));
        self.words.object("-netdev", "hubport", params, notation)
    }

    fn dump(&mut self, dump: &Dump, vlan: u32, said: Said) {
        let mut params = vec![format!("file={}", dump.path())];
        params.extend(dump.len.map(|(text, _)| format!("len={text}")));
        params.extend(self.words.vlan(vlan, said));
        params.extend(self.words.id_of_net(true));
        let words = self.words.net("dump", params);
        self.chunks.push(Chunk { words, nic: None, dump: Some(vlan) });
    }

    /// The list as one or two options.
    fn socks(&mut self, socks: &[Switch]) {
        let (left, right) = socks.split_at(self.words.chance.below(socks.len() + 1));
        for part in [left, right].into_iter().filter(|part| !part.is_empty()) {
            let words = self.words.sock(part);
            self.push(words);
        }
    }
}

fn kind(backend: &Backend) -> &'static str {
    match backend {
        Backend::Vde(_) => "vde",
        Backend::User(_) => "user",
        Backend::Udp(_) => "socket",
    }
}
