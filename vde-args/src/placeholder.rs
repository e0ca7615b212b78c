//! Programs that are no QEMU: what stands for a descriptor inside any of their arguments.
//!
//! ```text
//! {vde}    {vde:SWITCH}    {vde:sock=SWITCH,port=N,group=G,mode=M}
//! ```
//!
//! becomes the number of an inherited, connected datagram socket. The list is read as after
//! `-net vde,` and ends at the first `}` that is not in the quotes of `sock="..."`. `${vde}` and
//! `${vde:...}` are a shell's, and every other brace is somebody else's: they stay.
//!
//! For a User-mode Linux kernel the argument that its own VDE transport took is understood too:
//! `ethN=vde,SWITCH,MAC,PORT,GROUP,MODE,DESCRIPTION`, all but `vde` optional. Kernels have lost that
//! transport; it becomes `vecN:transport=fd,fd=...`, so the interface is called `vecN` in the guest.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::keyval::{KeyVal, Rules};
use crate::note::{Note, Why};
use crate::plug::{PlugSpec, Spot};
use crate::rewrite::{Change, Rewritten, check_descriptors};
use crate::uml::{UmlNic, is_uml};
use crate::{ArgError, ArgErrorKind, CommandLine, Invocation};

/// The arguments of a program that takes descriptors, and the plugs that they ask for.
///
/// ```
/// use vde_args::{Command, Placeholders, parse};
/// let argv = ["vdeq", "--fd-placeholder", "vfkit", "--device", "virtio-net,fd={vde:/run/sw,port=3}"];
/// let argv = argv.map(Into::into);
/// let Ok(Command::Run(run)) = parse(&argv) else { panic!() };
/// let placeholders = Placeholders::read(&run)?;
/// assert_eq!(placeholders.plugs()[0].port, Some(3));
/// assert_eq!(placeholders.rewrite(&[7])?.args, ["--device", "virtio-net,fd=7"]);
/// # Ok::<(), vde_args::ArgError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholders<'a> {
    line: CommandLine<'a>,
    /// In the order of the line; hole `i` is for plug `i`.
    holes: Vec<Hole>,
    plugs: Vec<PlugSpec>,
    notes: Vec<Note>,
}

/// What gives way to a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hole {
    /// Which argument.
    index: usize,
    /// Which bytes of it go.
    span: Range<usize>,
    /// What comes around the descriptor.
    before: Vec<u8>,
    after: Vec<u8>,
    why: Why,
}

const OPEN: &[u8] = b"{vde";

/// As long as [`OPEN`] and its colon.
const SOCK: &[u8] = b"sock=";

impl<'a> Placeholders<'a> {
    /// Finds what stands for descriptors in the arguments of an invocation.
    ///
    /// # Errors
    ///
    /// A placeholder does not end, has an unknown parameter, or a value that is not what it takes.
    pub fn read(invocation: &Invocation<'a>) -> Result<Self, ArgError> {
        let line = invocation.line.clone();
        let mut found = Self { line, holes: Vec::new(), plugs: Vec::new(), notes: Vec::new() };
        let is_uml = is_uml(&invocation.program);
        for (index, text) in arguments(&invocation.line) {
            if !(is_uml && found.read_uml(index, text)?) {
                found.read_braces(index, text)?;
            }
        }
        if found.plugs.is_empty() {
            found.notes.push(Note::NoPlaceholder);
        }
        Ok(found)
    }

    /// The plugs to make, in the order in which [`Placeholders::rewrite`] wants their descriptors.
    #[must_use]
    pub fn plugs(&self) -> &[PlugSpec] {
        &self.plugs
    }

    /// What there is to tell the user.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The arguments with `fds[i]` in the place of plug `i`.
    ///
    /// # Errors
    ///
    /// There is not one usable descriptor for each plug.
    pub fn rewrite(&self, fds: &[i32]) -> Result<Rewritten, ArgError> {
        check_descriptors(self.plugs.len(), fds)?;
        let mut out = Rewritten { args: Vec::new(), changes: Vec::new() };
        let mut holes = self.holes.iter().zip(fds).peekable();
        for (index, text) in arguments(&self.line) {
            let (mut word, mut from, mut why) = (Vec::new(), 0, None);
            while let Some((hole, fd)) = holes.next_if(|(hole, _)| hole.index == index) {
                word.extend_from_slice(
                    text.as_bytes().get(from..hole.span.start).unwrap_or_default(),
                );
                word.extend_from_slice(&hole.before);
                word.extend_from_slice(fd.to_string().as_bytes());
                word.extend_from_slice(&hole.after);
                (from, why) = (hole.span.end, Some(hole.why));
            }
            word.extend_from_slice(text.as_bytes().get(from..).unwrap_or_default());
            let word = OsString::from_vec(word);
            if let Some(why) = why {
                let (before, after) = (vec![text.to_owned()], vec![word.clone()]);
                out.changes.push(Change { index, before, after, why });
            }
            out.args.push(word);
        }
        Ok(out)
    }

    /// Reads the `{vde...}` in one argument.
    fn read_braces(&mut self, index: usize, text: &OsStr) -> Result<(), ArgError> {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'$') {
                at += 1;
                continue;
            }
            let list = at + OPEN.len() + 1;
            match rest.strip_prefix(OPEN).and_then(|rest| rest.first()) {
                Some(b'}') => {
                    let spot = Spot::new(index, at..list);
                    self.push(
                        PlugSpec { spot: Some(spot), ..PlugSpec::default() },
                        index,
                        at..list,
                    );
                    at = list;
                }
                Some(b':') => {
                    let tail = bytes.get(list..).unwrap_or_default();
                    let Some(len) = list_len(tail) else {
                        let kind = ArgErrorKind::OpenPlaceholder;
                        return Err(ArgError::at(kind, index, text, at..bytes.len()));
                    };
                    // A bare first item is read as what it is: the value of `sock`, which is as long
                    // as what stands in front of it.
                    let content = tail.get(..len).unwrap_or_default();
                    let (lead, from) = if is_bare(content) { (SOCK, at) } else { (&b""[..], list) };
                    let content = KeyVal::parse([lead, content].concat(), Rules::Vde);
                    let mut plug = PlugSpec::of_list(&content, index, text, from)?;
                    let span = at..list + len + 1;
                    plug.spot = Some(Spot::new(index, span.clone()));
                    at = span.end;
                    self.push(plug, index, span);
                }
                _ => at += 1,
            }
        }
        Ok(())
    }

    fn push(&mut self, plug: PlugSpec, index: usize, span: Range<usize>) {
        let (before, after) = (Vec::new(), Vec::new());
        self.holes.push(Hole { index, span, before, after, why: Why::Placeholder });
        self.plugs.push(plug);
    }

    /// Reads an argument as UML's own `ethN=vde,...`; whether it is one.
    fn read_uml(&mut self, index: usize, text: &'a OsStr) -> Result<bool, ArgError> {
        let Some(nic) = UmlNic::read(index, text)? else { return Ok(false) };
        let (before, after) = nic.around();
        let (span, why) = (0..text.len(), Why::UmlTransport);
        self.holes.push(Hole { index, span, before, after, why });
        self.notes.push(Note::UmlInterface {
            index,
            unit: String::from_utf8_lossy(nic.unit).into_owned(),
        });
        self.plugs.push(nic.plug);
        Ok(true)
    }
}

/// The arguments, with their places in argv. That some would be an option and its value for a QEMU
/// does not matter.
fn arguments<'a>(line: &CommandLine<'a>) -> impl Iterator<Item = (usize, &'a OsStr)> {
    line.items().flat_map(|item| {
        let words = line.words_of(&item).map(OsString::as_os_str);
        (item.word()..).zip(words)
    })
}

/// Whether a list starts with a switch of no key.
fn is_bare(list: &[u8]) -> bool {
    let first = list.iter().find(|byte| matches!(byte, b'=' | b',' | b'}' | b'"' | b'\''));
    first != Some(&b'=')
}

/// How long the list is that ends at the first `}` outside of the quotes of a switch.
fn list_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    if is_bare(text) {
        at = quoted(text).unwrap_or(0);
    }
    loop {
        let rest = text.get(at..)?;
        if let Some(len) = rest.strip_prefix(SOCK).and_then(quoted) {
            at += SOCK.len() + len;
        }
        // To the next item, or the end.
        at += text.get(at..)?.iter().position(|byte| matches!(byte, b',' | b'}'))?;
        match text.get(at)? {
            b'}' => return Some(at),
            _ => at += 1,
        }
    }
}

/// The length of a value in quotes that an item, the end of the list or nothing follows.
fn quoted(value: &[u8]) -> Option<usize> {
    let quote = value.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let close = 1 + value.get(1..)?.iter().position(|byte| byte == quote)?;
    matches!(value.get(close + 1), None | Some(b',' | b'}')).then_some(close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_at_the_first_brace_that_is_not_quoted() {
        assert_eq!(list_len(b"/a,port=3}}"), Some(9));
        assert_eq!(list_len(b"}"), Some(0));
        assert_eq!(list_len(b"port=1,sock=\"/a}b\",mode=600}x"), Some(27));
        assert_eq!(list_len(b"sock=\"/a}b"), Some(8));
        assert_eq!(list_len(b"sock=\"/a}b\""), None);
        assert_eq!(list_len(b"sock=/a,port=3"), None);
        assert_eq!(list_len(b""), None);
    }
}
