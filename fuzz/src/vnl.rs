//! The name of a network, as a user writes it.

use vde_proto::{PortRequest, Vnl, VnlError};

/// Reads `data` as a name.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    match Vnl::parse(data) {
        Ok(vnl) => accepted(data, &vnl),
        Err(error) => refused(data, &error),
    }
    the_scheme_is_optional(data);
}

fn accepted(data: &[u8], vnl: &Vnl) {
    let Vnl { path, port, group, mode } = vnl;
    let group_len = group.as_ref().map_or(0, Vec::len);
    assert!(path.len() + group_len <= data.len(), "something was made up");
    assert!(!path.contains(&0));
    assert!(group.as_ref().is_none_or(|group| !group.is_empty() && !group.contains(&0)));
    assert_ne!(*port, Some(PortRequest::Any), "a port that is not named is none");
    assert!(mode.is_none_or(|mode| mode <= 0o777));

    let rendered = vnl.render();
    assert_eq!(Vnl::parse(&rendered).as_ref(), Ok(vnl), "{}", rendered.escape_ascii());
}

fn refused(data: &[u8], VnlError { kind, range }: &VnlError) {
    assert!(range.start < range.end && range.end <= data.len(), "{kind} at {range:?}");
    assert!(!kind.to_string().is_empty());
}

/// `vde://` before a name without scheme changes nothing but the place of an error. (Where the
/// name could complete a mark, as `//` does, or has one, it is another name.)
fn the_scheme_is_optional(data: &[u8]) {
    const SCHEME: &[u8] = b"vde://";
    if data.windows(3).any(|window| window == b"://") {
        return;
    }
    let moved = |VnlError { kind, range }: VnlError| VnlError {
        kind,
        range: range.start + SCHEME.len()..range.end + SCHEME.len(),
    };
    let long = Vnl::parse(&[SCHEME, data].concat());
    assert_eq!(long, Vnl::parse(data).map_err(moved));
}
