//! The console beside that of a real `vde_switch`: one session of it (see `tests/golden`), played
//! to ours.

use std::collections::HashMap;
use std::time::Duration;

use vde_proto::console::{Answer, Console, Facts, Then};
use vde_proto::switch::{ConnId, EndpointId, Personality, SwitchConfig};
use vde_proto::{MacAddr, PortRequest};

use crate::net::{Net, frame, mac};
use crate::world::number;

const TRANSCRIPT: &str = include_str!("../golden/console.transcript");

/// Commands that ours answers in another way, and how.
const DIFFERENT: &[(&str, &str)] = &[
    ("hash/find 02:00:00:00:00:01", "to port: 005  age 0 secs\n.\n1000 Success\n"),
    ("hash/find 2:0:0:0:0:2 0", "to port: 003  age 0 secs\n.\n1000 Success\n"),
    // After a port was emptied: ours knows the addresses of the other ports still [P-7.14].
    ("hash/print", "Addr: 02:00:00:00:00:02 VLAN 0000 to port: 003  age 0 secs\n.\n"),
    ("hash/showinfo", "\nGC interval 0 secs\nGC expire 50 secs\nMin persistence 1 secs\n.\n"),
    ("port/print abc", "0000 DATA END WITH '.'\n.\n1022 Invalid argument\n"),
    ("port/print 4 5", "0000 DATA END WITH '.'\n.\n1022 Invalid argument\n"),
    ("port/create 0", "1022 Invalid argument\n"),
    ("port/create abc", "1022 Invalid argument\n"),
    ("port/sethub abc", "1022 Invalid argument\n"),
    ("hash/setexpire abc", "1022 Invalid argument\n"),
    ("showinfoXYZ", "1038 Function not implemented\n"),
    ("vlan/print", "1038 Function not implemented\n"),
];

/// Each command with what the real switch said to it.
fn session() -> (&'static str, Vec<(&'static str, &'static str)>) {
    let mut parts = TRANSCRIPT.split(Console::PROMPT);
    let greeting = parts.next().unwrap();
    (greeting, parts.map(|part| part.split_once('\n').unwrap()).collect())
}

/// What stands behind a mark, up to the end of the line.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).unwrap().1.lines().next().unwrap()
}

/// The ids of the endpoints in an answer, by their descriptions.
fn ids(answer: &str) -> impl Iterator<Item = (String, String)> {
    let lines = answer.lines().filter_map(|line| line.strip_prefix("  -- endpoint ID "));
    lines.map(|line| {
        let (head, text) = line.split_once(": ").unwrap();
        let id: u64 = head.split_whitespace().next().unwrap().parse().unwrap();
        (text.to_owned(), id.to_string())
    })
}

/// Without what is anybody's own choice: ids, buckets, and the order of buckets.
fn normalised(answer: &str) -> Vec<String> {
    let hidden = |line: &str| {
        for mark in ["  -- endpoint ID ", "Hash: "] {
            if let Some(rest) = line.strip_prefix(mark) {
                return format!("{mark}####{}", &rest[4..]);
            }
        }
        line.to_owned()
    };
    let mut lines: Vec<String> = answer.split('\n').map(hidden).collect();
    if answer.contains("\nHash: ") {
        lines.sort();
    }
    lines
}

struct Player {
    net: Net,
    clients: HashMap<String, (ConnId, EndpointId)>,
    golden_ids: HashMap<String, String>,
    our_ids: HashMap<String, String>,
}

impl Player {
    /// Does what a comment of the transcript says.
    fn order(&mut self, comment: &str) {
        let mut words = comment.split(' ').skip(1);
        match words.next() {
            Some("attach") => {
                let port = match words.next().unwrap() {
                    "0" => PortRequest::Any,
                    "-1" => PortRequest::Zero,
                    port => number(port.parse().unwrap()),
                };
                let text = words.collect::<Vec<_>>().join(" ");
                let (conn, id, _) = self.net.join_as(port, &text);
                self.clients.insert(text, (conn, id));
            }
            Some("leave") => {
                let text = words.collect::<Vec<_>>().join(" ");
                self.net.leave(self.clients[&text].0);
            }
            Some("frame") => {
                let words: Vec<_> = words.collect();
                let [text @ .., dst, src] = words.as_slice() else { panic!("{comment}") };
                let [dst, src] = [dst, src].map(|last| match u8::from_str_radix(last, 16) {
                    Ok(0xff) => MacAddr::BROADCAST,
                    last => mac(last.unwrap()),
                });
                let from = self.clients[&text.join(" ")].1;
                self.net.send(from, &frame(dst, src, None, &[0; 46]));
            }
            _ => {}
        }
    }

    /// The command with our id of the endpoint that it names.
    fn translated(&self, command: &str) -> String {
        let Some((head, id)) = command.split_once("epclose 5 ") else { return command.to_owned() };
        let text = self.golden_ids.iter().find(|(_, golden)| *golden == id).map(|(text, _)| text);
        let ours = text.map_or(id, |text| &self.our_ids[text]);
        format!("{head}epclose 5 {ours}")
    }
}

#[test]
fn a_session_with_vde_switch_goes_the_same_way_with_ours() {
    let (greeting, session) = session();
    let info = session.iter().find(|(command, _)| *command == "showinfo").unwrap().1;
    let ds = session.iter().find(|(command, _)| *command == "ds/showinfo").unwrap().1;
    let (mgmt, _) = after(info, "mgmt ").split_once(" perm 0600").unwrap();
    let config = SwitchConfig { ports: 8, hash_size: 128, ..SwitchConfig::new(Personality::Old) };
    let mut player = Player {
        net: Net::new(config),
        clients: HashMap::new(),
        golden_ids: HashMap::new(),
        our_ids: HashMap::new(),
    };
    let console = Console::new(Facts {
        program: greeting.split_once('\n').unwrap().1.trim_end(),
        pid: after(info, "pid ").split_once(' ').unwrap().0.parse().unwrap(),
        mac: mac(0xfe),
        ctl_dir: after(ds, "ctl dir ").as_bytes(),
        mode: 0o600,
        mgmt: Some((mgmt.as_bytes(), 0o600)),
        started: player.net.now,
        user_name: &|uid| (uid == 0).then(|| "root".to_owned()),
    });
    assert_eq!(console.greeting(), format!("{greeting}{}", Console::PROMPT).as_bytes());

    let mut different = DIFFERENT.to_vec();
    for (command, golden) in session {
        if command.starts_with('#') {
            player.order(command);
        }
        let ours = format!("{}\n", player.translated(command));
        let now = player.net.now;
        let Answer { bytes, then } = console.command(&mut player.net.switch, now, ours.as_bytes());
        while player.net.switch.poll_output().is_some() {}
        let answer = String::from_utf8(bytes).unwrap();
        let answer = if command == "logout" {
            assert_eq!(then, Then::HangUp);
            answer.as_str()
        } else {
            assert_eq!(then, Then::GoOn);
            answer.strip_suffix(Console::PROMPT).unwrap()
        };
        player.golden_ids.extend(ids(golden));
        player.our_ids.extend(ids(answer));
        let is_same = normalised(answer) == normalised(golden);
        match different.iter().position(|(other, _)| *other == command) {
            Some(place) if !is_same => {
                let (_, expected) = different.remove(place);
                assert!(answer.contains(expected), "{command}: {answer}");
            }
            _ => assert_eq!(normalised(answer), normalised(golden), "{command}"),
        }
    }
    assert_eq!(different, [], "these are not different");
    assert_eq!(player.net.now, Duration::from_secs(500));
}
