//! The words of one option: its parameters in any order, as a list or as JSON.

use super::story::{Backend, Said, Switch};
use crate::chance::Chance;

/// How the argument may be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    List,
    /// A list, or, if this QEMU reads it, JSON.
    Any,
    /// A list or JSON for any QEMU.
    Vde,
}

/// Writes options, and keeps their ids apart.
pub struct Words<'a> {
    pub chance: &'a mut Chance,
    has_json: bool,
    ids: usize,
}

impl<'a> Words<'a> {
    pub fn new(chance: &'a mut Chance, has_json: bool) -> Self {
        Self { chance, has_json, ids: 0 }
    }

    /// An id that nothing else has; some are like those that vdeq makes up.
    pub fn id(&mut self) -> String {
        self.ids += 1;
        let stem = self.chance.pick(&["n", "vdeq", "net-", "my-id_"]);
        format!("{stem}{}", self.ids - 1)
    }

    /// `id=` or the older `name=` perhaps. QEMU itself has lost `name=`, so it `may_be_name` only
    /// where vdeq writes the option anew.
    pub fn id_of_net(&mut self, may_be_name: bool) -> Option<String> {
        if self.chance.percent(75) {
            return None;
        }
        let key = if may_be_name { self.chance.pick(&["id", "name"]) } else { "id" };
        Some(format!("{key}={}", self.id()))
    }

    pub fn model(&mut self) -> Vec<String> {
        let models = ["e1000", "virtio", "rtl8139", "ne2k_pci", "pcnet", "virtio-net-pci"];
        let is_said = self.chance.percent(40);
        is_said.then(|| format!("model={}", self.chance.pick(&models))).into_iter().collect()
    }

    pub fn vlan(&mut self, number: u32, said: Said) -> Option<String> {
        let text = match self.chance.below(12) {
            0 => format!("vlan=9,vlan={number}"),
            _ => format!("vlan={number}"),
        };
        (said == Said::Yes).then_some(text)
    }

    /// The number of a hub as QEMU reads numbers.
    pub fn number(&mut self, number: u32) -> String {
        match self.chance.below(8) {
            0 => format!("0x{number:x}"),
            1 => format!("0{number:o}"),
            _ => number.to_string(),
        }
    }

    /// The parameters of a backend, without type and id.
    pub fn backend(&mut self, backend: &Backend) -> Vec<String> {
        let chance = &mut *self.chance;
        let mut params = Vec::new();
        match backend {
            Backend::Vde(Switch(path)) => {
                if !path.is_empty() || chance.percent(30) {
                    params.push(format!("sock={path}"));
                }
                params.extend(chance.percent(20).then(|| "port=7".to_owned()));
                params.extend(chance.percent(10).then(|| "mode=600".to_owned()));
                params.extend(chance.percent(10).then(|| "group=0".to_owned()));
            }
            Backend::User(number) => {
                params.push(format!("net=10.0.{number}.0/24"));
                params.extend(chance.percent(20).then(|| "hostname=a,b".to_owned()));
            }
            Backend::Udp(port) => {
                params.push(format!("udp=127.0.0.1:{port}"));
                params.push("localaddr=127.0.0.1:0".to_owned());
            }
        }
        params
    }

    /// A `-net`.
    pub fn net(&mut self, kind: &str, params: Vec<String>) -> Vec<String> {
        self.list("-net", kind, params)
    }

    /// An option with a list.
    pub fn list(&mut self, option: &str, kind: &str, params: Vec<String>) -> Vec<String> {
        let option = if self.chance.percent(25) { format!("-{option}") } else { option.to_owned() };
        vec![option, self.text("type", kind, params)]
    }

    /// A `-netdev` or `-device` in either notation.
    pub fn object(
        &mut self,
        option: &str,
        kind: &str,
        params: Vec<String>,
        notation: Notation,
    ) -> Vec<String> {
        let key = if option == "-device" { "driver" } else { "type" };
        let may_be_json = match notation {
            Notation::List => false,
            Notation::Any => self.has_json,
            Notation::Vde => true,
        };
        let is_json = may_be_json && self.chance.percent(40);
        let text = match is_json {
            true => self.json(key, kind, params),
            false => self.text(key, kind, params),
        };
        let option = if self.chance.percent(25) { format!("-{option}") } else { option.to_owned() };
        vec![option, text]
    }

    fn text(&mut self, key: &str, kind: &str, mut params: Vec<String>) -> String {
        let is_vde = kind == "vde";
        params.iter_mut().for_each(|param| *param = self.escaped(param, is_vde));
        self.chance.shuffle(&mut params);
        let named = self.chance.percent(40);
        let place = if named { self.chance.below(params.len() + 1) } else { 0 };
        params.insert(place, if named { format!("{key}={kind}") } else { kind.to_owned() });
        let last = params.len() - 1;
        let mut text = String::new();
        for (at, param) in params.iter().enumerate() {
            text.push_str(param);
            // No comma can be meant after these, so an empty item may follow, where it is clear
            // already that the list names VDE.
            let ends = ["vde", "vlan=", "port=", "mode="].iter().any(|key| param.starts_with(key));
            let may_be_empty = is_vde && ends && (!named || at > place);
            let commas = match (at == last, self.chance.below(10)) {
                (false, 0) if may_be_empty => ",,",
                (true, 0) => ",",
                (true, _) => "",
                (false, _) => ",",
            };
            text.push_str(commas);
        }
        text
    }

    /// A value with a comma in it is written with two, or, if it is a locator, in quotes.
    fn escaped(&mut self, param: &str, is_vde: bool) -> String {
        let Some((key @ ("sock" | "hostname"), value)) = param.split_once('=') else {
            return param.to_owned();
        };
        match is_vde && !value.is_empty() && self.chance.percent(15) {
            true => format!("{key}=\"{value}\""),
            false => format!("{key}={}", value.replace(',', ",,")),
        }
    }

    fn json(&mut self, key: &str, kind: &str, params: Vec<String>) -> String {
        let mut members: Vec<_> = params
            .iter()
            .map(|param| match param.split_once('=').unwrap() {
                (key @ ("port" | "hubid"), value) => format!("\"{key}\":{value}"),
                (key, value) => format!("\"{key}\":\"{value}\""),
            })
            .collect();
        members.push(format!("\"{key}\":\"{kind}\""));
        self.chance.shuffle(&mut members);
        let text = format!("{{{}}}", members.join(self.chance.pick(&[",", ", ", " ,\n"])));
        if self.chance.percent(20) { text.replace('"', "'") } else { text }
    }

    /// An option with a `-sock` list.
    pub fn sock(&mut self, switches: &[Switch]) -> Vec<String> {
        let paths: Vec<&str> = switches.iter().map(|switch| switch.0.as_str()).collect();
        let list = paths.join(",");
        match self.chance.below(4) {
            0 => vec![format!("--sock={list}")],
            1 => vec!["-vdesock".to_owned(), list],
            2 => vec!["--unix".to_owned(), list],
            _ => vec!["-sock".to_owned(), list],
        }
    }
}
