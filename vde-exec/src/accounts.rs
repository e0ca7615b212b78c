//! Users and groups by name and number.

use nix::unistd::{Gid, Group, Uid, User};

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

/// What a user is called: the name, or the number where there is none.
///
/// ```
/// assert_eq!(vde_exec::user_name(0), "root");
/// assert_eq!(vde_exec::user_name(4_242_424_242), "4242424242");
/// ```
#[must_use]
pub fn user_name(user: u32) -> String {
    match User::from_uid(Uid::from_raw(user)) {
        Ok(Some(found)) => found.name,
        _ => user.to_string(),
    }
}

/// What a group is called: the name, or the number where there is none.
///
/// ```
/// assert_eq!(vde_exec::group_name(0), "root");
/// ```
#[must_use]
pub fn group_name(group: u32) -> String {
    match Group::from_gid(Gid::from_raw(group)) {
        Ok(Some(found)) => found.name,
        _ => group.to_string(),
    }
}
