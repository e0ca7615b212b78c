//! Programs that are no QEMU: what stands for a descriptor inside any of their arguments.
//!
//! ```text
//! {vde}    {vde:SWITCH}    {vde:sock=SWITCH,port=N,group=G,mode=M}
//! ```
//!
//! becomes the number of an inherited, connected datagram socket. The list is read as after
//! `-net vde,` and ends at the first `}` that is not in the quotes of `sock="..."`.
//!
//! For a User-mode Linux kernel the argument that its own VDE transport took is understood too:
//! `ethN=vde,SWITCH,MAC,PORT,GROUP,MODE,DESCRIPTION`, all but `vde` optional. Kernels have lost that
//! transport; it becomes `vecN:transport=fd,fd=...`, so the interface is called `vecN` in the guest.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::keyval::{KeyVal, Rules};
use crate::note::{Note, Why};
use crate::plug::{PORT_MAX, PlugSpec, Spot};
use crate::rewrite::{Change, Rewritten, check_descriptors};
use crate::values::{read_mode, read_number};
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

/// Whether a program of this name is a User-mode Linux kernel.
///
/// ```
/// assert!(vde_args::is_uml("/usr/bin/linux.uml".as_ref()));
/// assert!(!vde_args::is_uml("qemu-system-x86_64".as_ref()));
/// ```
#[must_use]
pub fn is_uml(program: &OsStr) -> bool {
    let path = program.as_bytes();
    match path.rsplit(|&b| b == b'/').next().unwrap_or(path) {
        b"linux" | b"vmlinux" | b"user-mode-linux" => true,
        [b'u', b'm', b'l', ..] => true,
        [b'l', b'i', b'n', b'u', b'x', rest @ ..] => rest.windows(3).any(|w| w == b"uml"),
        _ => false,
    }
}

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
        let items: Vec<_> = found.line.items().collect();
        for item in items {
            let Some(text) = found.line.word(item.word()) else { continue };
            if is_uml && found.read_uml(item.word(), text)? {
                continue;
            }
            found.read_braces(item.word(), text)?;
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
        for item in self.line.items() {
            let text = self.line.word(item.word()).unwrap_or_default();
            let (mut word, mut from, mut why) = (Vec::new(), 0, None);
            while let Some((hole, fd)) = holes.next_if(|(hole, _)| hole.index == item.word()) {
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
                out.changes.push(Change { index: item.word(), before, after, why });
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
                    let content = KeyVal::parse(tail.get(..len).unwrap_or_default(), Rules::Vde);
                    let mut plug = PlugSpec::of_list(&content, index, text, list)?;
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
    fn read_uml(&mut self, index: usize, text: &OsStr) -> Result<bool, ArgError> {
        let bytes = text.as_bytes();
        let Some(unit) = uml_unit(bytes) else { return Ok(false) };
        let from = b"eth".len() + unit.len() + b"=".len();
        let mut plug =
            PlugSpec { spot: Some(Spot::new(index, 0..bytes.len())), ..PlugSpec::default() };
        let mut mac: &[u8] = b"";
        let mut start = from;
        for (place, field) in
            bytes.get(from..).unwrap_or_default().split(|&b| b == b',').enumerate()
        {
            let span = start..start + field.len();
            start = span.end + 1;
            let error = |kind| ArgError::at(kind, index, text, span.clone());
            let spot = Some(Spot::new(index, span.clone()));
            let word = (!field.is_empty()).then(|| OsStr::from_bytes(field).to_owned());
            let Some(word) = word else { continue };
            match place {
                0 => {}
                1 => (plug.sock, plug.parts.sock) = (Some(word), spot),
                2 => mac = field,
                3 => {
                    let kind = ArgErrorKind::BadNumber { key: "port", max: PORT_MAX };
                    let port = read_number(field, PORT_MAX).ok_or_else(|| error(kind))?;
                    (plug.port, plug.parts.port) = ((port > 0).then_some(port), spot);
                }
                4 => (plug.group, plug.parts.group) = (Some(word), spot),
                5 => {
                    let mode = read_mode(field).ok_or_else(|| error(ArgErrorKind::BadMode))?;
                    (plug.mode, plug.parts.mode) = ((mode > 0).then_some(mode), spot);
                }
                6 => plug.description = Some(word),
                _ => return Err(error(ArgErrorKind::TooManyFields)),
            }
        }
        let before = [b"vec", unit, b":transport=fd,fd="].concat();
        let after = if mac.is_empty() { Vec::new() } else { [b",mac=", mac].concat() };
        let span = 0..bytes.len();
        self.holes.push(Hole { index, span, before, after, why: Why::UmlTransport });
        self.plugs.push(plug);
        Ok(true)
    }
}

/// The digits of `ethN=vde` or `ethN=vde,...`.
fn uml_unit(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"eth")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (unit, rest) = rest.split_at_checked(digits)?;
    let transport = rest.strip_prefix(b"=vde")?;
    (!unit.is_empty() && matches!(transport.first(), None | Some(b','))).then_some(unit)
}

/// How long the list is that ends at the first `}` outside of a `sock="..."`.
fn list_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        if let Some(len) = quoted_sock(rest) {
            at += len;
        }
        // To the next item, or the end.
        at += text.get(at..)?.iter().position(|byte| matches!(byte, b',' | b'}'))?;
        match text.get(at)? {
            b'}' => return Some(at),
            _ => at += 1,
        }
    }
}

/// The length of a `sock="..."` that an item or the end follows.
fn quoted_sock(text: &[u8]) -> Option<usize> {
    let value = text.strip_prefix(b"sock=")?;
    let quote = value.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let close = 1 + value.get(1..)?.iter().position(|byte| byte == quote)?;
    matches!(value.get(close + 1), Some(b',' | b'}')).then_some(b"sock=".len() + close + 1)
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
        assert_eq!(list_len(b"sock=/a,port=3"), None);
        assert_eq!(list_len(b""), None);
    }

    #[test]
    fn only_umls_own_form_is_taken_for_it() {
        assert_eq!(uml_unit(b"eth0=vde"), Some(&b"0"[..]));
        assert_eq!(uml_unit(b"eth12=vde,/tmp/sw"), Some(&b"12"[..]));
        for other in ["eth=vde", "eth0=vdex", "eth0=tuntap", "xeth0=vde", "eth0", ""] {
            assert_eq!(uml_unit(other.as_bytes()), None, "{other}");
        }
    }
}
