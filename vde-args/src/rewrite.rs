//! The command line that a QEMU of a given age understands.
//!
//! An argument that does not name VDE stays byte for byte, unless it uses `vlan=` on a QEMU that
//! has lost it. What is added comes last, so that the user's own NICs keep their order.

use std::ffi::{OsStr, OsString};

use crate::network::{Network, Why};
use crate::spell::Speller;
use crate::{ArgError, ArgErrorKind, CommandLine, Dialect, Item};

/// The arguments to start QEMU with, and what became of the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewritten {
    /// The arguments, without argv\[0\].
    pub args: Vec<OsString>,
    /// What was changed or added, in the order of `args`.
    pub changes: Vec<Change>,
}

/// One change of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Which argument of the original argv gave rise to it.
    pub index: usize,
    /// The words that went; empty if something was only added.
    pub before: Vec<OsString>,
    /// The words that came.
    pub after: Vec<OsString>,
    /// The reason.
    pub why: Why,
}

impl Network {
    /// Spells the command line for `dialect`, with `fds[i]` as the data socket of plug `i`.
    ///
    /// # Errors
    ///
    /// There is not one usable descriptor for each plug, or a `vlan=` has to be translated that is
    /// not a number.
    pub fn rewrite(&self, dialect: Dialect, fds: &[i32]) -> Result<Rewritten, ArgError> {
        let plugs = self.plugs().len();
        let given = fds.iter().filter(|fd| **fd >= 0).count();
        if plugs != fds.len() || plugs != given {
            let kind = ArgErrorKind::Descriptors { plugs, given };
            return Err(ArgError::at(kind, 0, OsStr::new(""), 0..0));
        }
        let out = Rewritten { args: Vec::new(), changes: Vec::new() };
        let speller = Speller::new(self, dialect, fds);
        let mut writer = Writer { network: self, speller, out };
        writer.write()?;
        Ok(writer.out)
    }
}

/// The rewrite under way.
struct Writer<'a> {
    network: &'a Network,
    speller: Speller<'a>,
    out: Rewritten,
}

impl Writer<'_> {
    fn write(&mut self) -> Result<(), ArgError> {
        let network = self.network;
        let line = &network.line;
        let mut clients = network.clients.iter().peekable();
        let room = line.items().count() - hungry_tail(line);
        for (at, item) in line.items().enumerate() {
            if at == room {
                self.write_additions();
            }
            let (word, len) = match item {
                Item::Positional { word, .. } => (word, 1),
                Item::Option(option) => (option.word, 1 + usize::from(option.value.is_some())),
            };
            let before = line.words().iter().skip(word).take(len);
            let change = match clients.next_if(|client| client.word == word) {
                Some(client) => self.speller.client(client)?,
                None => None,
            };
            match change {
                None => self.out.args.extend(before.cloned()),
                Some((after, why)) => {
                    let before = before.cloned().collect();
                    self.change(line.origin(word + len - 1), before, after, why);
                }
            }
        }
        if room == line.items().count() {
            self.write_additions();
        }
        Ok(())
    }

    fn change(&mut self, index: usize, before: Vec<OsString>, after: Vec<OsString>, why: Why) {
        self.out.args.extend_from_slice(&after);
        self.out.changes.push(Change { index, before, after, why });
    }

    /// What the line needs besides what it names.
    fn write_additions(&mut self) {
        let network = self.network;
        for addition in &network.additions {
            let after = self.speller.addition(addition.what);
            if !after.is_empty() {
                self.change(addition.index, Vec::new(), after, addition.why);
            }
        }
        if let Some(after) = self.speller.nic_count() {
            let plug = network.plugs().first().and_then(|plug| plug.origin.as_ref());
            self.change(plug.map_or(0, |origin| origin.0), Vec::new(), after, Why::NoNic);
        }
    }
}

/// How many items at the end of the line would swallow a word put after them, or might.
fn hungry_tail(line: &CommandLine) -> usize {
    let is_hungry = |item: &Item<'_>| matches!(item, Item::Option(option) if option.is_hungry());
    line.items().rev().take_while(is_hungry).count()
}
