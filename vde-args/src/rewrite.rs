//! The command line that a QEMU of a given age understands.
//!
//! An argument that does not name VDE stays byte for byte, unless it uses `vlan=` on a QEMU that
//! has lost it, or `--modernize` asks for more. What is added comes last, so that the user's own NICs keep their order.

use std::ffi::{OsStr, OsString};

use crate::network::Network;
use crate::note::Why;
use crate::spell::Speller;
use crate::{ArgError, ArgErrorKind, CommandLine, Item, QemuVersion};

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

impl Network<'_> {
    /// Spells the command line for a QEMU of `version`, with `fds[i]` as the data socket of plug
    /// `i`.
    ///
    /// # Errors
    ///
    /// There is not one usable descriptor for each plug, or a `vlan=` has to be translated that is
    /// not a number.
    pub fn rewrite(&self, version: QemuVersion, fds: &[i32]) -> Result<Rewritten, ArgError> {
        check_descriptors(self.plugs().len(), fds)?;
        let speller = Speller::new(self, version, fds);
        let args = Vec::with_capacity(self.line.words().count() + 2);
        let out = Rewritten { args, changes: Vec::new() };
        let mut writer = Writer { network: self, speller, out };
        writer.write()?;
        Ok(writer.out)
    }
}

/// There must be one usable descriptor for each plug.
pub(crate) fn check_descriptors(plugs: usize, fds: &[i32]) -> Result<(), ArgError> {
    let given = fds.iter().filter(|fd| **fd >= 0).count();
    if plugs == fds.len() && plugs == given {
        return Ok(());
    }
    let kind = ArgErrorKind::Descriptors { plugs, given };
    Err(ArgError::at(kind, 0, OsStr::new(""), 0..0))
}

/// The rewrite under way.
struct Writer<'a> {
    network: &'a Network<'a>,
    speller: Speller<'a>,
    out: Rewritten,
}

impl Writer<'_> {
    fn write(&mut self) -> Result<(), ArgError> {
        let network = self.network;
        let line = &network.line;
        let mut options = network.options.iter().peekable();
        let room = line.item_count() - hungry_tail(line);
        for (at, item) in line.items().enumerate() {
            if at == room {
                self.write_additions();
            }
            let change = match options.next_if(|option| option.word() == item.word()) {
                Some(option) => self.speller.option(option)?,
                None => self.speller.obsolete(item.word()),
            };
            let before = line.words_of(&item);
            match change {
                None => self.out.args.extend(before.cloned()),
                Some((after, why)) => {
                    let index = item.word() + item.word_count() - 1;
                    self.change(index, before.cloned().collect(), after, why);
                }
            }
        }
        if room == line.item_count() {
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
        for (index, addition) in network.additions.iter().enumerate() {
            let after = self.speller.addition(index, addition.what);
            if !after.is_empty() {
                self.change(addition.index, Vec::new(), after, addition.why);
            }
        }
        if let Some(after) = self.speller.nic_count() {
            let plug = network.plugs().first().and_then(|plug| plug.spot.as_ref());
            self.change(plug.map_or(0, |spot| spot.index), Vec::new(), after, Why::NoNic);
        }
    }
}

/// How many items at the end of the line would swallow a word put after them, or might.
fn hungry_tail(line: &CommandLine<'_>) -> usize {
    let is_hungry = |item: &Item<'_>| matches!(item, Item::Option(option) if option.is_hungry());
    line.items().rev().take_while(is_hungry).count()
}
