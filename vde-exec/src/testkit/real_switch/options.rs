//! How a real switch is started, and by whom.

use std::path::PathBuf;
use std::process::Command;

/// How a switch is started; the default is a learning switch with 32 ports, readable by its owner
/// only.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `-x`: repeat every frame to every port instead of learning where addresses live.
    pub hub: bool,
    /// `-n`: the number of ports. Debian's switch hands out 1 to `ports - 1`; 32 when not given.
    pub ports: Option<u32>,
    /// `-m`: permission bits of the sockets; the directory's follow from them. 0600 when not given.
    pub mode: Option<u32>,
    /// `-s`: the switch's directory; a fresh one when not given. It is removed at the end either
    /// way, unless it existed before.
    pub dir: Option<PathBuf>,
    /// The user that the switch runs as, with a group of the same number; ours when not given. Only
    /// root can start a switch of somebody else.
    pub user: Option<u32>,
    /// Words in front of the command, of a program that starts it: `unshare -p --fork`, say.
    pub launcher: &'static [&'static str],
}

impl Options {
    /// The beginning of the command line.
    pub(super) fn command(&self) -> Command {
        let mut words: Vec<String> = self.launcher.iter().map(|word| (*word).to_owned()).collect();
        if let Some(user) = self.user {
            let ids = [format!("--reuid={user}"), format!("--regid={user}")];
            words
                .extend(["setpriv".to_owned(), "--clear-groups".to_owned()].into_iter().chain(ids));
        }
        words.push("vde_switch".to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }
}
