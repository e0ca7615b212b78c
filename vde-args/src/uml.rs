//! User-mode Linux: its kernels by their names, and the argument that their own VDE transport took.
//!
//! ```text
//! ethN=vde,SWITCH,MAC,PORT,GROUP,MODE,DESCRIPTION      all but `vde` optional
//! ```

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::plug::{PORT_MAX, PlugSpec, Spot};
use crate::values::{read_mode, read_number};
use crate::{ArgError, ArgErrorKind};

/// Whether a program of this name is a User-mode Linux kernel: `linux`, `vmlinux`, either with a
/// version behind it, or a name with `uml` at its beginning or end.
///
/// Names are all there is to go by, and a script called `linux-desktop` may well start a QEMU.
///
/// ```
/// for name in ["/usr/bin/linux.uml", "linux", "vmlinux-6.6.1", "uml", "kernel.uml"] {
///     assert!(vde_args::is_uml(name.as_ref()), "{name}");
/// }
/// for name in ["qemu-system-x86_64", "linux-desktop", "linux32", "vfkit", "./linux/qemu"] {
///     assert!(!vde_args::is_uml(name.as_ref()), "{name}");
/// }
/// ```
#[must_use]
pub fn is_uml(program: &OsStr) -> bool {
    let path = program.as_bytes();
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    let kernel = name.strip_prefix(b"vm").unwrap_or(name).strip_prefix(b"linux");
    let is_kernel = match kernel {
        Some([]) => true,
        Some([b'-' | b'.' | b'_', digit, ..]) => digit.is_ascii_digit(),
        _ => false,
    };
    is_kernel || name == b"user-mode-linux" || name.starts_with(b"uml") || name.ends_with(b"uml")
}

/// What such an argument asks for.
#[derive(Debug)]
pub(crate) struct UmlNic<'a> {
    /// The digits of its number, as they stand there.
    pub(crate) unit: &'a [u8],
    /// Its hardware address; empty if the kernel is to choose.
    mac: &'a [u8],
    pub(crate) plug: PlugSpec,
}

impl<'a> UmlNic<'a> {
    /// Reads an argument; `None` if it is another one.
    pub(crate) fn read(index: usize, text: &'a OsStr) -> Result<Option<Self>, ArgError> {
        let bytes = text.as_bytes();
        let Some(unit) = unit(bytes) else { return Ok(None) };
        let spot = Some(Spot::new(index, 0..bytes.len()));
        let plug = PlugSpec { spot, ..PlugSpec::default() };
        let mut nic = Self { unit, mac: b"", plug };
        let mut start = b"eth".len() + unit.len() + b"=".len();
        let fields = bytes.get(start..).unwrap_or_default().split(|&b| b == b',');
        for (place, field) in fields.enumerate() {
            let spot = Spot::new(index, start..start + field.len());
            start = spot.span.end + 1;
            if !field.is_empty() {
                nic.take(place, field, spot.clone())
                    .map_err(|kind| ArgError::at(kind, index, text, spot.span))?;
            }
        }
        Ok(Some(nic))
    }

    /// Takes field number `place`, which is not empty.
    fn take(&mut self, place: usize, field: &'a [u8], spot: Spot) -> Result<(), ArgErrorKind> {
        let plug = &mut self.plug;
        let (word, spot) = (Some(OsStr::from_bytes(field).to_owned()), Some(spot));
        match place {
            0 => {}
            1 => (plug.sock, plug.parts.sock) = (word, spot),
            2 => self.mac = field,
            3 => {
                let bad = ArgErrorKind::BadNumber { key: "port", max: PORT_MAX };
                let port = read_number(field, PORT_MAX).ok_or(bad)?;
                (plug.port, plug.parts.port) = ((port > 0).then_some(port), spot);
            }
            4 => (plug.group, plug.parts.group) = (word, spot),
            5 => {
                let mode = read_mode(field).ok_or(ArgErrorKind::BadMode)?;
                (plug.mode, plug.parts.mode) = ((mode > 0).then_some(mode), spot);
            }
            6 => plug.description = word,
            _ => return Err(ArgErrorKind::TooManyFields),
        }
        Ok(())
    }

    /// What is to be written in front of the descriptor, and behind it: the transport `fd` that took
    /// the other's place.
    pub(crate) fn around(&self) -> (Vec<u8>, Vec<u8>) {
        let before = [b"vec", self.unit, b":transport=fd,fd="].concat();
        let after = if self.mac.is_empty() { Vec::new() } else { [b",mac=", self.mac].concat() };
        (before, after)
    }
}

/// The digits of `ethN=vde` or `ethN=vde,...`.
fn unit(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"eth")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (unit, rest) = rest.split_at_checked(digits)?;
    let transport = rest.strip_prefix(b"=vde")?;
    (!unit.is_empty() && matches!(transport.first(), None | Some(b','))).then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_umls_own_form_is_taken_for_it() {
        assert_eq!(unit(b"eth0=vde"), Some(&b"0"[..]));
        assert_eq!(unit(b"eth12=vde,/tmp/sw"), Some(&b"12"[..]));
        for other in ["eth=vde", "eth0=vdex", "eth0=tuntap", "xeth0=vde", "eth0", ""] {
            assert_eq!(unit(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_kernel_is_known_by_the_last_part_of_its_path() {
        for name in ["linux-6.1.176", "linux.6", "vmlinux_5", "/opt/umlinux", "user-mode-linux"] {
            assert!(is_uml(OsStr::new(name)), "{name}");
        }
        for name in ["linux/", "", "vm", "linuxrc", "linux-", "linux64", "/uml/qemu", "vde_plug"] {
            assert!(!is_uml(OsStr::new(name)), "{name}");
        }
    }
}
