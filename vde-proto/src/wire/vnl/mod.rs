//! The name of a network, as users write it: a virtual network locator.
//!
//! ```text
//! [vde://] PATH [ '[' item { '/' item } ']' ]        item: NUMBER | port=NUMBER | group=GROUP | mode=OCTAL
//! ```
//!
//! What libvdeplug4 silently ignores, and then connects somewhere else, is an error here
//! \[P-12.11\].

mod error;
mod items;
mod quoting;

use alloc::vec::Vec;

pub use error::{VnlError, VnlErrorKind};
use quoting::Letter;

use super::port::PortRequest;

/// Where a switch is and what to ask it for.
///
/// ```
/// use vde_proto::{PortNumber, PortRequest, Vnl};
///
/// let vnl = Vnl::parse(b"vde:///run/my.ctl[10/mode=0660]")?;
/// assert_eq!(vnl.path, b"/run/my.ctl");
/// assert_eq!(vnl.port, PortNumber::new(10).map(PortRequest::Number));
/// assert_eq!(vnl.mode, Some(0o660));
///
/// // libvdeplug4 would take any port here.
/// let error = Vnl::parse(b"/run/my.ctl[1O]").unwrap_err();
/// assert_eq!(error.range, 12..14);
/// # Ok::<(), vde_proto::VnlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Vnl {
    /// The directory of the switch, as written but without quoting. Empty stands for the default
    /// switch \[P-11.1\]. A path that ends in `/ctl` may mean the directory above \[P-12.13\].
    pub path: Vec<u8>,
    /// The port, if one is named. 0 is [`PortRequest::Zero`].
    pub port: Option<PortRequest>,
    /// The group that the client's own socket is to belong to: a name or a number.
    pub group: Option<Vec<u8>>,
    /// The mode of the client's own socket, at most 0o777. Nobody can use a mode of 0 \[P-9.2\].
    pub mode: Option<u32>,
}

impl Vnl {
    /// Reads a name.
    ///
    /// # Errors
    /// [`VnlError`], with the range of the offending bytes within `name`.
    pub fn parse(name: &[u8]) -> Result<Self, VnlError> {
        let start = after_scheme(name)?;
        let letters = quoting::letters(name, start)?;
        refuse_udp(&letters)?;
        let Some(open) = letters.iter().position(|letter| letter.is(b'[')) else {
            return Ok(Self { path: quoting::bytes(&letters), ..Self::default() });
        };
        let (path, brackets) = letters.split_at(open);
        let mut vnl = Self { path: quoting::bytes(path), ..Self::default() };
        for item in inside(brackets)?.split(|letter| letter.is(b'/')) {
            if !item.is_empty() {
                items::apply(item, &mut vnl)?;
            }
        }
        Ok(vnl)
    }

    /// A name that [`parse`](Self::parse) reads as this locator, if `parse` could have made it:
    /// without a NUL, an empty group, or [`PortRequest::Any`] spelled out.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut name = quoting::quoted(&self.path);
        let items = items::render(self);
        if !items.is_empty() {
            name.push(b'[');
            name.extend(items.join(&b'/'));
            name.push(b']');
        }
        name
    }
}

/// Where the path begins: after `vde://`, if it is there \[P-12.1\] \[P-12.2\].
fn after_scheme(name: &[u8]) -> Result<usize, VnlError> {
    const MARK: &[u8] = b"://";
    let Some(at) = name.windows(MARK.len()).position(|window| window == MARK) else {
        return Ok(0);
    };
    let scheme = name.get(..at).unwrap_or_default();
    let looks_like_one = |&byte: &u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    if !scheme.iter().all(looks_like_one) {
        return Ok(0);
    }
    let end = at + MARK.len();
    match scheme {
        b"vde" => Ok(end),
        other => Err(VnlErrorKind::UnknownScheme(other.to_vec()).at(0..end)),
    }
}

/// Refuses `PORT->HOST:PORT`, which v2 took for UDP \[P-12.12\]. In a path with a directory the
/// arrow is part of a name.
fn refuse_udp(letters: &[Letter]) -> Result<(), VnlError> {
    let head = letters.split(|letter| letter.is(b'/') || letter.is(b'[')).next();
    let is_arrow = |pair: &[Letter]| matches!(pair, [a, b] if a.is(b'-') && b.is(b'>'));
    match head.and_then(|head| head.windows(2).find(|pair| is_arrow(pair))) {
        Some(arrow) => Err(VnlErrorKind::Udp.at(quoting::range(arrow))),
        None => Ok(()),
    }
}

/// What stands between the opening bracket, which is the first of these letters, and the last
/// closing one, which must end the name \[P-12.3\].
fn inside(brackets: &[Letter]) -> Result<&[Letter], VnlError> {
    let Some(close) = brackets.iter().rposition(|letter| letter.is(b']')) else {
        return Err(VnlErrorKind::UnclosedBracket.at(quoting::range(brackets)));
    };
    match brackets.get(close + 1..) {
        None | Some([]) => Ok(brackets.get(1..close).unwrap_or_default()),
        Some(trailing) => Err(VnlErrorKind::TrailingText.at(quoting::range(trailing))),
    }
}

#[cfg(test)]
mod tests;
