use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use vde_args::{Reconnect, Wait};
use vde_exec::vde_proto::{PortNumber, PortRequest, Vnl};

/// The names of a user's and a system's file.
struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn new(user: &str, system: &str) -> Self {
        let files = Self { dir: tempfile::tempdir().unwrap() };
        for (path, text) in files.names().files.iter().zip([user, system]) {
            fs::write(path, text).unwrap();
        }
        files
    }

    fn names(&self) -> Names {
        let files = ["user.toml", "system.toml"].map(|name| self.dir.path().join(name));
        Names { files: files.to_vec(), home: Some("/home/u".into()) }
    }

    fn find(&self, name: &str) -> Option<Named> {
        self.names().find(name.as_bytes()).unwrap()
    }

    /// What is said of the only mistake, with its line and carets.
    fn mistake(&self) -> String {
        let error = self.names().find(b"lab").unwrap_err();
        let said = error.to_string();
        let said = said.split_once("user.toml, ").expect(&said).1;
        format!("{said}\n{}", error.excerpt().unwrap())
    }
}

fn port(number: u32) -> Option<PortRequest> {
    PortNumber::new(number).map(PortRequest::Number)
}

#[test]
fn all_that_a_switch_can_have_is_read() {
    let text = "# mine\n[lab]\npath = \"/run/lab\"\nport = 3\nmode = \"0660\"\ngroup = \"lab\"\n\
                wait = 2.5\nreconnect = false\n";
    let files = Files::new(text, "");
    let lab = files.find("lab").unwrap();
    assert_eq!((lab.name.as_str(), lab.source.1), ("lab", 2));
    assert_eq!((&*lab.path, lab.port, lab.mode), (&b"/run/lab"[..], port(3), Some(0o660)));
    assert_eq!(lab.group.as_deref(), Some(&b"lab"[..]));
    assert_eq!(lab.wait, Some(Wait::For(Duration::from_millis(2500))));
    assert_eq!(lab.reconnect, Some(Reconnect::Off));
}

#[test]
fn the_same_can_be_written_in_other_ways() {
    let text = "lab = { path = '~/lab', mode = 0o600, group = 12, wait = true, reconnect = 30 }\n\
                \"with blank\" = { path = '/x', wait = false, reconnect = true }\n";
    let files = Files::new(text, "");
    let lab = files.find("lab").unwrap();
    assert_eq!((&*lab.path, lab.mode), (&b"/home/u/lab"[..], Some(0o600)));
    assert_eq!(lab.group.as_deref(), Some(&b"12"[..]));
    assert_eq!(lab.wait, Some(Wait::Forever));
    assert_eq!(lab.reconnect, Some(Reconnect::For(Duration::from_secs(30))));
    let other = files.find("with blank").unwrap();
    assert_eq!((other.wait, other.reconnect), (None, Some(Reconnect::On)));
}

#[test]
fn the_file_of_the_user_comes_first_and_that_of_the_system_has_the_rest() {
    let files = Files::new("a.path = '/user'", "a.path = '/system'\nb.path = '/system'");
    assert_eq!(files.find("a").unwrap().path, b"/user");
    assert_eq!(files.find("b").unwrap().path, b"/system");
    assert_eq!(files.find("c"), None);
    let all = files.names().all().unwrap();
    assert_eq!(all.iter().map(|named| named.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_path_is_not_looked_up_so_that_a_mistake_is_nobodys_trouble_who_gives_one() {
    let files = Files::new("not toml", "");
    for path in ["/run/lab", "./lab", "a/lab", "..", ".", ""] {
        assert_eq!(files.find(path), None, "{path}");
    }
    assert!(files.names().find(b"lab").is_err());
}

#[test]
fn what_is_given_with_a_name_comes_before_what_the_file_says() {
    let files = Files::new("lab = { path = '/run/lab', port = 3, mode = '0600', group = 'a' }", "");
    let lab = files.find("lab").unwrap();
    let given = Vnl::parse(b"lab[5/group=b]").unwrap();
    let expected = Vnl::parse(b"/run/lab[5/group=b/mode=600]").unwrap();
    assert_eq!(lab.complete(given), expected);
    let given = Vnl::parse(b"lab").unwrap();
    assert_eq!(lab.complete(given), Vnl::parse(b"/run/lab[3/group=a/mode=600]").unwrap());
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Files::new(text, "").mistake(), expected, "{text}");
    };
    check(
        "[lab]\npath = \"/run/lab\"\nport = 0\n",
        "line 3, column 8: 0 is no `port`: expected a number from 1 to 8388607\n    port = 0\n           ^",
    );
    check(
        "[lab]\npath = \"run/lab\"\n",
        "line 2, column 8: \"run/lab\" is no `path`: expected a path in a string that begins with / or ~/\n    \
         path = \"run/lab\"\n           ^^^^^^^^^",
    );
    check(
        "[lab]\npath = '/x'\nmode = 660\n",
        "line 3, column 8: 660 is no `mode`: expected octal digits in a string, such as \"0660\"\n    \
         mode = 660\n           ^^^",
    );
    check(
        "[lab]\npath = '/x'\nprot = 3\n",
        "line 3, column 1: `prot` is nothing that a switch has: expected path, port, mode, group, wait or \
         reconnect\n    prot = 3\n    ^^^^",
    );
    check(
        "[lab]\nport = 3\n",
        "line 1, column 2: `lab` has no path: expected path = \"DIRECTORY\" below it\n    [lab]\n     ^^^",
    );
    check(
        "lab = '/x'",
        "line 1, column 7: `lab` is no table: expected [lab]\n    lab = '/x'\n          ^^^^",
    );
    check(
        "['a/b']\npath = '/x'\n",
        "line 1, column 2: \"a/b\" is no name: expected one without a slash, brackets or quotes\n    ['a/b']\n     ^^^^^",
    );
}

#[test]
fn a_name_that_would_mean_something_else_is_none() {
    for name in ["lab[3]", "'lab'", "a->1", "..", "a/b", ""] {
        let files = Files::new(&format!("[\"{name}\"]\npath = '/x'\n"), "");
        assert!(files.mistake().contains("is no name"), "{name}");
    }
    let files = Files::new("lab.path = '~//etc/x'", "");
    assert_eq!(files.find("lab").unwrap().path, b"/home/u/etc/x");
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for wrong in [
        "port = 8388608",
        "port = -1",
        "port = '3'",
        "port = 1.5",
        "mode = '0'",
        "mode = '8'",
        "mode = '+7'",
        "mode = 0o1000",
        "mode = 0x1ff",
        "group = ''",
        "group = -1",
        "group = true",
        "wait = 0",
        "wait = -1",
        "wait = 'on'",
        "wait = inf",
        "wait = nan",
        "wait = 1e300",
        "reconnect = 0.0",
        "reconnect = []",
        "path = '/y'",
        "path = '/y\\u0000'",
    ] {
        let files = Files::new(&format!("[lab]\npath = '/x'\n{wrong}\n"), "");
        assert!(files.mistake().starts_with("line 3, column "), "{wrong}");
    }
    for wrong in ["3", "''", "'lab'", "\"/a\\u0000\"", "{}"] {
        let files = Files::new(&format!("[lab]\npath = {wrong}\n"), "");
        assert!(files.mistake().starts_with("line 2, column "), "{wrong}");
    }
}

#[test]
fn what_is_no_toml_is_shown_too_wherever_it_is() {
    for text in [
        "[lab\n",
        "lab",
        "\u{feff}x",
        "[lab]\npath = '\n",
        "a = 1\na = 2\n",
        "=",
        "\r",
        "[lab]\nö = \u{7}",
    ] {
        let mistake = Files::new(text, "").mistake();
        assert!(mistake.starts_with("line "), "{mistake}");
        assert!(!mistake.contains('\u{7}'), "{mistake}");
    }
}

#[test]
fn what_is_no_readable_file_is_said_to_be_none() {
    let check = |files: &Files, expected: &str| {
        let error = files.names().find(b"lab").unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.excerpt(), None);
    };
    let files = Files::new("", "");
    let user = &files.names().files[0];
    fs::write(user, "#".repeat(70_000)).unwrap();
    check(&files, "longer than 65536 bytes");
    fs::write(user, b"\xff").unwrap();
    check(&files, "not UTF-8");
    fs::write(user, "").unwrap();
    fs::set_permissions(user, fs::Permissions::from_mode(0o666)).unwrap();
    check(&files, "everybody may write to it");
    if nix::unistd::geteuid().is_root() {
        fs::set_permissions(user, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::chown(user, Some(65_534), None).unwrap();
        check(&files, "belongs to another user");
    }
    fs::remove_file(user).unwrap();
    assert_eq!(files.find("lab"), None);
    nix::unistd::mkfifo(user, nix::sys::stat::Mode::S_IRWXU).unwrap();
    check(&files, "no file");
    fs::remove_file(user).unwrap();
    fs::create_dir(user).unwrap();
    check(&files, "cannot read");
}
