//! Groups by name or number.

use nix::unistd::Group;

/// The id of the group that a name or a number means. `None` if there is no such name.
///
/// ```
/// assert_eq!(vde_exec::find_group("root"), Some(0));
/// assert_eq!(vde_exec::find_group("4711"), Some(4711));
/// assert_eq!(vde_exec::find_group("no such group"), None);
/// ```
#[must_use]
pub fn find_group(name: &str) -> Option<u32> {
    match Group::from_name(name) {
        Ok(Some(group)) => Some(group.gid.as_raw()),
        _ => name.parse().ok(),
    }
}
