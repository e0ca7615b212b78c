//! Replies of a switch that is broken or means harm: an error, no VM, and nothing that the reply
//! names is touched.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};
use vde_exec::testkit::fake_switch::{Faults, ReplyFault};

use crate::world::{QEMU, World};

/// Length of a reply, and of the path in it.
const REPLY: usize = 110;
const PATH: usize = 108;

/// Nobody's user in Debian.
const NOBODY: u32 = 65_534;

/// All that can be changed about the files in a directory, and in those below it.
pub fn snapshot(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        let text = if meta.is_file() { fs::read_to_string(&path).unwrap() } else { String::new() };
        let owner = (meta.uid(), meta.gid());
        let facts = (meta.ino(), meta.mode(), owner, meta.mtime(), meta.mtime_nsec(), text);
        if meta.is_dir() {
            all.extend(snapshot(&path));
        }
        all.insert(path, format!("{facts:?}"));
    }
    all
}

/// What somebody else cares for, and a hostile switch names.
struct Victims {
    dir: PathBuf,
    /// Where a frame that is sent to a stranger arrives.
    stranger: UnixDatagram,
}

impl Victims {
    fn in_home_of(world: &World) -> Self {
        let dir = world.home.path().join("victims");
        fs::create_dir(&dir).unwrap();
        fs::create_dir(dir.join("directory")).unwrap();
        fs::write(dir.join("file"), "of value").unwrap();
        fs::set_permissions(dir.join("file"), Permissions::from_mode(0o600)).unwrap();
        mkfifo(&dir.join("fifo"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        let stranger = UnixDatagram::bind(dir.join("stranger")).unwrap();
        stranger.set_nonblocking(true).unwrap();
        for (link, to) in [("link-to-file", "file"), ("link-to-socket", "stranger")] {
            symlink(dir.join(to), dir.join(link)).unwrap();
        }
        symlink("/nonexistent/at/all", dir.join("link-to-nothing")).unwrap();
        Self { dir, stranger }
    }

    /// Replies that name something that is there, or could be made.
    fn named(&self) -> Vec<(String, ReplyFault)> {
        let names = ["directory", "file", "fifo", "link-to-file", "link-to-socket"];
        let names = names.into_iter().chain(["link-to-nothing", "absent", "file/below", ""]);
        let mut paths: Vec<_> = names.map(|name| self.dir.join(name)).collect();
        paths.extend(["/dev/null", "/dev/zero", "/", "/proc/self/mem"].map(PathBuf::from));
        if geteuid().is_root() {
            let stranger = self.dir.join("stranger");
            chown(&stranger, Some(NOBODY), None).unwrap();
            paths.push(stranger);
        }
        let reply = |path: PathBuf| {
            let bytes = path.as_os_str().as_encoded_bytes();
            (path.display().to_string(), ReplyFault::Instead(unix(bytes)))
        };
        paths.into_iter().map(reply).collect()
    }
}

/// A reply of the right length with this family and path.
fn reply(family: u16, path: &[u8]) -> Vec<u8> {
    [&family.to_ne_bytes()[..], path, &vec![0; PATH - path.len()]].concat()
}

fn unix(path: &[u8]) -> Vec<u8> {
    reply(1, path)
}

/// Replies that are no replies.
fn malformed() -> Vec<(String, ReplyFault)> {
    let mut all: Vec<(String, ReplyFault)> = Vec::new();
    for length in [1, 2, 3, 50, 109] {
        all.push((format!("{length} bytes"), ReplyFault::Cut(length)));
        all.push((format!("{length} bytes and the end"), ReplyFault::CutAndHangUp(length)));
    }
    let socket = unix(b"/nonexistent/x");
    let named = [
        ("all zero", vec![0; REPLY]),
        ("all ones", vec![0xff; REPLY]),
        ("no family", reply(0, b"/nonexistent/x")),
        ("AF_INET", reply(2, b"/nonexistent/x")),
        ("AF_NETLINK", reply(16, b"/nonexistent/x")),
        ("family in the other byte order", reply(0x0100, b"/nonexistent/x")),
        ("relative", unix(b"sw/001.5")),
        ("relative to the parent", unix(b"../001.5")),
        ("unterminated", unix(&[b'/'; PATH])),
        ("unterminated words", unix(&[b'x'; PATH])),
        ("abstract", unix(b"\0vde")),
        ("abstract of full length", unix(&[&b"\0"[..], &[b'x'; PATH - 1]].concat())),
        ("empty", unix(b"")),
        ("two at once", [&socket[..], &socket].concat()),
        ("a request", [&0xfeed_face_u32.to_ne_bytes()[..], &[3; 118]].concat()),
        ("much more", vec![b'x'; 60_000]),
    ];
    all.extend(named.map(|(name, bytes)| (name.to_owned(), ReplyFault::Instead(bytes))));
    all.push(("one byte more".to_owned(), ReplyFault::Longer(b"?".to_vec())));
    all
}

#[test]
fn hostile_replies_never_start_a_vm_or_touch_what_they_name() {
    let world = World::new();
    let victims = Victims::in_home_of(&world);
    let replies: Vec<_> = malformed().into_iter().chain(victims.named()).collect();
    let before = snapshot(&victims.dir);
    let net = format!("vde,{}", world.sock());
    for (name, reply) in replies {
        // Of a reply that does not go on, nothing but the deadline tells.
        let patience = if matches!(reply, ReplyFault::Cut(_)) { "0.1" } else { "60" };
        world.switch.set_faults(Faults { reply, ..Faults::default() });
        let outcome = world.vdeq(&["--timeout", patience, QEMU, "-net", &net]).run();
        assert_eq!(outcome.status.code(), Some(125), "{name}: {outcome:?}");
        assert!(!outcome.report.ready, "{name}: a VM was started: {outcome:?}");
        assert_eq!(snapshot(&victims.dir), before, "{name}");
        assert!(victims.stranger.recv(&mut [0; 64]).is_err(), "{name}: it was sent a frame");
        assert_eq!(world.switch.litter(), [""; 0], "{name}");
    }
    world.assert_nothing_left();
}
