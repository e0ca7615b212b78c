//! What the surroundings of the process say: home, runtime directory, search path, cache.
//!
//! Read once, then handed around, so that every decision is a function of its arguments and a test
//! can give a world of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The parts of a process's environment that decide where things are.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `$HOME`.
    pub home: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR`, a directory that only this user may enter.
    pub runtime_dir: Option<PathBuf>,
    /// `$XDG_CACHE_HOME`.
    pub cache_home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `$PATH`, the directories searched for programs.
    pub path: Option<OsString>,
}

impl Environment {
    /// The environment of this process.
    ///
    /// Relative and empty paths are as good as none: what they mean depends on where one stands.
    #[must_use]
    pub fn of_process() -> Self {
        let absolute = |name| {
            let path = PathBuf::from(std::env::var_os(name)?);
            path.is_absolute().then_some(path)
        };
        Self {
            home: absolute("HOME"),
            runtime_dir: absolute("XDG_RUNTIME_DIR"),
            cache_home: absolute("XDG_CACHE_HOME"),
            config_home: absolute("XDG_CONFIG_HOME"),
            path: std::env::var_os("PATH"),
        }
    }

    /// The places of a switch that was not named, in the order in which they are looked at
    /// \[P-11.2\], \[P-11.3\].
    #[must_use]
    pub fn default_switches(&self) -> Vec<PathBuf> {
        let in_home = [".vdeplug/default", ".vde2/default.switch", ".vde2/stdsock"];
        let home = self.home.as_deref();
        home.into_iter()
            .flat_map(|home| in_home.map(|name| home.join(name)))
            .chain(["/var/run/vde.ctl", "/tmp/vde.ctl"].map(PathBuf::from))
            .collect()
    }

    /// Where to make a switch that was not named, for others to find it: both generations of clients
    /// look there \[P-11.2\], \[P-11.3\]. Without a home it is where this user alone can reach it.
    #[must_use]
    pub fn own_switch(&self) -> Option<PathBuf> {
        let in_home = self.home.as_ref().map(|home| home.join(".vde2/default.switch"));
        in_home.or_else(|| Some(self.runtime_dir.as_ref()?.join("vde.ctl")))
    }

    /// Where the version of a program is remembered: `$XDG_CACHE_HOME/vdeq` or `$HOME/.cache/vdeq`.
    #[must_use]
    pub fn cache_dir(&self) -> Option<PathBuf> {
        let base = self.cache_home.clone();
        base.or_else(|| Some(self.home.as_deref()?.join(".cache"))).map(|dir| dir.join("vdeq"))
    }

    /// Where configuration is, the user's before the system's: `$XDG_CONFIG_HOME/vdeq` or
    /// `$HOME/.config/vdeq`, then `/etc/vdeq`.
    #[must_use]
    pub fn config_dirs(&self) -> Vec<PathBuf> {
        let base = self.config_home.clone();
        let base = base.or_else(|| Some(self.home.as_deref()?.join(".config")));
        base.into_iter().chain([PathBuf::from("/etc")]).map(|dir| dir.join("vdeq")).collect()
    }

    /// Directories for a data socket that cannot live beside the switch, best first.
    ///
    /// `private` directories are of use only where the switch can enter them too.
    pub(crate) fn socket_dirs(&self, switch_may_enter_ours: bool) -> Vec<&Path> {
        let private = self.runtime_dir.as_deref().filter(|_| switch_may_enter_ours);
        let public = ["/run", "/tmp", "/var/tmp"].map(Path::new);
        private.into_iter().chain(public).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_of_the_user_is_searched_before_the_system() {
        let environment = Environment { home: Some("/home/u".into()), ..Environment::default() };
        let places = environment.default_switches();
        assert_eq!(places.first(), Some(&PathBuf::from("/home/u/.vdeplug/default")));
        assert_eq!(places.last(), Some(&PathBuf::from("/tmp/vde.ctl")));
        assert_eq!(places.len(), 5);
    }

    #[test]
    fn without_a_home_only_the_system_is_searched() {
        let places = Environment::default().default_switches();
        assert_eq!(places, ["/var/run/vde.ctl", "/tmp/vde.ctl"].map(PathBuf::from));
    }

    #[test]
    fn a_switch_of_our_own_is_made_where_others_look_for_it() {
        let runtime_dir = Some(PathBuf::from("/run/user/7"));
        let homeless = Environment { runtime_dir, ..Environment::default() };
        let environment = Environment { home: Some("/home/u".into()), ..homeless.clone() };
        let own = environment.own_switch().unwrap();
        assert!(environment.default_switches().contains(&own), "{own:?}");
        assert_eq!(homeless.own_switch(), Some("/run/user/7/vde.ctl".into()));
        assert_eq!(Environment::default().own_switch(), None);
    }

    #[test]
    fn the_configuration_of_the_user_comes_before_that_of_the_system() {
        let home = Some(PathBuf::from("/home/u"));
        let environment = Environment { home, ..Environment::default() };
        let config_home = Some(PathBuf::from("/c"));
        let moved = Environment { config_home, ..environment.clone() };
        assert_eq!(
            environment.config_dirs(),
            ["/home/u/.config/vdeq", "/etc/vdeq"].map(PathBuf::from)
        );
        assert_eq!(moved.config_dirs(), ["/c/vdeq", "/etc/vdeq"].map(PathBuf::from));
        assert_eq!(Environment::default().config_dirs(), [PathBuf::from("/etc/vdeq")]);
    }

    #[test]
    fn a_private_directory_is_no_place_to_meet_a_switch_of_another_user() {
        let environment =
            Environment { runtime_dir: Some("/run/user/7".into()), ..Environment::default() };
        assert!(environment.socket_dirs(true).contains(&Path::new("/run/user/7")));
        assert!(!environment.socket_dirs(false).contains(&Path::new("/run/user/7")));
    }
}
