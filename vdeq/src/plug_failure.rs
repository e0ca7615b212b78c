//! Why a network was not plugged in, in words, and what to do.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use vde_args::{PlugSpec, Spot};
use vde_exec::vde_proto::{DataFailure, DialFailure, PlugError, PortRequest};
use vde_exec::{
    BindError, DialError, Environment, Errno, LocateError, MAX_DIR_LEN, effective_user, group_name,
    user_name,
};
use vdeq_protocol::is_name;

use crate::names::{Named, Names};
use crate::plan::PlannedPlug;
use crate::quote;

/// What to do where the permissions of a switch keep this user out.
const ACCESS: &str = "ask the owner of the switch for access (vde_switch -m 660 -g GROUP, \
                      vdeq --switch --mode 0660 --group GROUP)";

/// The part of a network that it failed for.
pub(crate) fn culprit<'a>(error: &DialError, spec: &'a PlugSpec) -> Option<&'a Spot> {
    let parts = &spec.parts;
    let part = match error {
        DialError::NoGroup { .. } | DialError::Bind(BindError::Group { .. }) => &parts.group,
        DialError::Handshake { error: PlugError::Refused | PlugError::NoAnswer { .. }, .. } => {
            &parts.port
        }
        _ => &parts.sock,
    };
    part.as_ref().or(parts.sock.as_ref()).or(spec.spot.as_ref())
}

/// What went wrong between us and a switch.
pub(crate) fn handshake_sentence(control: &Path, port: PortRequest, error: &PlugError) -> String {
    let switch = control.display();
    let wanted = match port {
        PortRequest::Any => "a port".to_owned(),
        other => other.to_string(),
    };
    match error {
        PlugError::Refused => format!("the switch at {switch} refused {wanted}"),
        PlugError::NoAnswer { waited } => format!(
            "the switch at {switch} did not answer within {:.1} s when asked for {wanted}",
            waited.as_secs_f64()
        ),
        PlugError::Dial(DialFailure::Dead) => {
            format!("nobody listens at {switch}: the switch that made it is gone")
        }
        PlugError::Dial(DialFailure::Denied) => {
            format!("this user may not connect to the switch at {switch}")
        }
        PlugError::Dial(DialFailure::Absent) => format!("the switch at {switch} has just gone"),
        PlugError::Dial(DialFailure::Busy) => {
            format!("the switch at {switch} has too many clients waiting")
        }
        PlugError::Data(DataFailure::Denied) => {
            format!("this user may not connect to the port that {switch} gave")
        }
        other => format!("{switch}: {other}"),
    }
}

/// What to do.
pub(crate) fn plug_hints(error: &DialError, plug: &PlannedPlug) -> Vec<String> {
    match (error, &plug.named) {
        (DialError::Locate(LocateError::Absent { path }), None)
            if is_name(path.as_os_str().as_bytes()) =>
        {
            vec![unknown_name(&Names::of(&Environment::of_process()))]
        }
        (error, named) => {
            let source = named.iter().map(Named::in_words).chain(default_in_words(plug));
            hints(error, plug).into_iter().chain(source).collect()
        }
    }
}

/// Which switch it is that nobody named, if a file says that.
fn default_in_words(plug: &PlannedPlug) -> Option<String> {
    let places = Environment::of_process().default_switches();
    let first = places.into_iter().find(|path| path.symlink_metadata().is_ok());
    let first = first.filter(|path| plug.vnl.path.is_empty() && path.is_file())?;
    Some(format!("it is the default switch, as {} says", first.display()))
}

/// What to do about what is neither the name of a switch nor the path of one.
fn unknown_name(names: &Names) -> String {
    const MOST: usize = 10;
    let known: Vec<_> =
        names.all().unwrap_or_default().into_iter().map(|named| named.name).collect();
    let files = |between| quote::paths(names.files(), between);
    match known.get(..known.len().min(MOST)) {
        Some([]) | None => {
            format!("give the directory of the switch, or a name that is in {}", files(" or "))
        }
        Some(known) => format!("the names in {} are: {}", files(" and "), known.join(", ")),
    }
}

fn hints(error: &DialError, plug: &PlannedPlug) -> Vec<String> {
    match error {
        DialError::Locate(error) => locate_hints(error, plug),
        DialError::Bind(BindError::Group { .. }) | DialError::NoGroup { .. } => {
            vec!["name a group that this user is in, or leave group= out".to_owned()]
        }
        DialError::NoProc => vec!["mount the proc file system on /proc".to_owned()],
        error if ran_out_of_descriptors(error) => {
            vec!["too many files are open: ulimit -n N allows more".to_owned()]
        }
        DialError::Bind(_) => {
            vec!["make one of these directories writable, or set XDG_RUNTIME_DIR".to_owned()]
        }
        DialError::Handshake { switch, port, error } => handshake_hints(switch.dir(), *port, error),
        DialError::ForeignSocket { .. } => {
            vec!["no frame was sent there; do not trust this switch".to_owned()]
        }
        _ => Vec::new(),
    }
}

fn ran_out_of_descriptors(error: &DialError) -> bool {
    let is_it = |errno: &Errno| matches!(errno, Errno::EMFILE | Errno::ENFILE);
    match error {
        DialError::System { errno, .. } | DialError::Bind(BindError::System(errno)) => is_it(errno),
        DialError::Bind(BindError::NoPlace { tried }) => {
            tried.iter().any(|(_, errno)| is_it(errno))
        }
        _ => false,
    }
}

fn locate_hints(error: &LocateError, plug: &PlannedPlug) -> Vec<String> {
    match error {
        LocateError::NoDefault { tried } => vec![
            format!("looked for: {}", quote::paths(tried, ", ")),
            "name one with sock=, start one (vdeq --switch), or have one beside this machine: vdeq \
             --switch QEMU ..."
                .to_owned(),
        ],
        LocateError::Absent { path } if path.to_string_lossy().contains(['~', '$']) => {
            vec!["a shell expands ~ and $HOME in some places only: write the whole path".to_owned()]
        }
        LocateError::Absent { path } => {
            let or_else = if plug.spec.sock.is_some() { ", or correct sock=" } else { "" };
            vec![format!("start it ({}){or_else}", starts(path))]
        }
        LocateError::TooLong { .. } => vec![format!(
            "a socket address has no room for more than {MAX_DIR_LEN} bytes and /ctl; \
             start the switch in a directory with a shorter path"
        )],
        LocateError::NotASwitch { path, .. } if is_empty(path) => vec![format!(
            "start one there ({}), or name the directory that one was given",
            starts(path)
        )],
        LocateError::NotASwitch { .. } => {
            vec!["name the directory that was given to vdeq --switch= or vde_switch -s".to_owned()]
        }
        LocateError::Io { error, path } if error.kind() == io::ErrorKind::PermissionDenied => {
            vec![access(path.parent().unwrap_or(path))]
        }
        LocateError::BadFile { .. } | LocateError::FileChain { .. } => {
            vec!["its first line has to be the directory of a switch".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// The commands that start a switch there.
fn starts(dir: &Path) -> String {
    let dir = quote::shell(dir.as_os_str());
    format!("vdeq --switch={dir}, or vde_switch -d -s {dir}")
}

/// Whether it is a directory with nothing in it: the only kind in which a switch can be started.
fn is_empty(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// How to be let in: by the group of the socket, or of its directory, if that has access.
fn access(dir: &Path) -> String {
    /// To connect takes the right to write, and to get there that to pass through.
    const NEEDED: [(&str, u32); 2] = [("ctl", 0o020), ("", 0o010)];
    let groups = NEEDED.iter().filter_map(|(file, right)| {
        let meta = std::fs::metadata(dir.join(file)).ok()?;
        (meta.mode() & right != 0).then_some(meta.gid())
    });
    // Nobody is made a member of root's group for that.
    match groups.into_iter().next().filter(|group| *group != 0) {
        Some(group) => join_group(group),
        None => ACCESS.to_owned(),
    }
}

/// How to become a member of a group.
pub(crate) fn join_group(group: u32) -> String {
    let [group, user] = [group_name(group), user_name(effective_user())];
    let [group, user] = [group, user].map(|name| quote::shell(OsStr::new(&name)));
    format!(
        "the group {group} has access; root adds you to it by usermod -aG {group} {user}, then log in anew"
    )
}

fn handshake_hints(at: &Path, port: PortRequest, error: &PlugError) -> Vec<String> {
    let mut hints = match error {
        PlugError::Refused | PlugError::NoAnswer { .. } => refusal_hints(port),
        PlugError::Dial(DialFailure::Dead) => {
            vec![format!("start it again: {}", starts(at))]
        }
        PlugError::Dial(DialFailure::Denied) => vec![access(at)],
        PlugError::BadReply(_) => vec![
            "who answers there is no switch (its management console, perhaps): name the directory of \
             the switch"
                .to_owned(),
        ],
        _ => Vec::new(),
    };
    if let (PlugError::Refused, PortRequest::Any, Some(hint)) = (error, port, hints.first_mut()) {
        hint.push_str("; or it has just ended");
    }
    if matches!(error, PlugError::NoAnswer { .. }) {
        let silent = "it hangs, or needs more time (--timeout SECONDS); or it refuses, which a \
                      vde_switch up to 2.3.2 does in silence:";
        hints.insert(0, silent.to_owned());
    }
    hints
}

/// A switch never says why it refuses \[P-5.5\]; these are the reasons it can have.
fn refusal_hints(port: PortRequest) -> Vec<String> {
    match port {
        PortRequest::Any => vec![
            "all its ports may be in use (more: vde_switch -n N, vdeq --switch --ports N), or it \
             cannot reach our socket (--mod 0666 opens that to a switch of another user)"
                .to_owned(),
        ],
        asked => vec![format!(
            "{asked} may be beyond its last one (more: vde_switch -n N, vdeq --switch --ports N), in \
             use by another user, or reserved; without port= it gives the first free one"
        )],
    }
}
