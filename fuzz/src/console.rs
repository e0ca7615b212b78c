//! An administrator who types anything, among clients who call themselves anything.
//!
//! The first byte is the personality (modulo 3), and the length of a text modulo 64 in its upper six
//! bits; the text follows. It is the description of both clients, the name of their user, of the
//! program, and of the directory. What is left are the reads of the console, separated by 0xfe; a
//! second goes by between them.

use std::time::Duration;

use vde_proto::console::{Answer, Console, Facts, Then};
use vde_proto::frame::FrameHeader;
use vde_proto::switch::{ConnId, EndpointId, Input, Output, Personality, Switch, SwitchConfig};
use vde_proto::{
    ClientAddress, Description, MacAddr, PortRequest, RawDescription, Request, SocketPath,
};

/// What begins a block of data.
const DATA: &str = "0000 DATA END WITH '.'\n";

/// Does what the reads in `data` say and looks at the answers.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let (text, reads) = rest.split_at(usize::from(first >> 2).min(rest.len()));
    let personality = match first % 3 {
        0 => Personality::Old,
        1 => Personality::New,
        _ => Personality::Strict,
    };
    let config = SwitchConfig { ports: 8, hash_size: 16, ..SwitchConfig::new(personality) };
    let mut switch = Switch::new(config);
    let mut now = Duration::from_secs(10);
    for number in 1..=2 {
        join(&mut switch, now, ConnId(number), text);
    }
    let name = String::from_utf8_lossy(text).into_owned();
    let user_name = |uid| (uid % 2 == 0).then(|| name.clone());
    let console = Console::new(Facts {
        program: &name,
        pid: 1,
        mac: MacAddr::new([2; 6]),
        ctl_dir: text,
        mode: 0o600,
        mgmt: Some((text, 0o600)),
        started: Duration::ZERO,
        user_name: &user_name,
    });
    is_prompt_alone(console.greeting());
    for read in reads.split(|&byte| byte == 0xfe) {
        let before = shown(&console, &mut switch, now);
        let Answer { bytes, then } = console.command(&mut switch, now, read);
        let answer = String::from_utf8(bytes).expect("text");
        is_harmless(&answer);
        is_an_answer(read, &answer, then);
        let outputs: Vec<Output> = std::iter::from_fn(|| switch.poll_output()).collect();
        closes_what_it_must(&outputs);
        if read.trim_ascii_start().starts_with(b"port/print") && !read.contains(&b'\n') {
            assert_eq!(shown(&console, &mut switch, now), before, "looking changes something");
        }
        let last = switch.config().last_port();
        assert!(switch.ports().all(|port| port.number <= last));
        assert!(switch.ports().map(|port| port.number).is_sorted());
        if then != Then::GoOn {
            break;
        }
        now += Duration::from_secs(1);
    }
}

/// A client, who says a word to everybody.
fn join(switch: &mut Switch, now: Duration, conn: ConnId, text: &[u8]) {
    let path = SocketPath::new("/client").expect("a short path");
    let address = ClientAddress::Path(path.clone());
    let mut request = Request::new(PortRequest::Any, address, Description::default());
    request.description = RawDescription::new(text);
    switch.handle(now, Input::Control(conn, &request.emit()));
    let owner = u32::try_from(conn.0).ok();
    let mut endpoint: Option<EndpointId> = None;
    while let Some(output) = switch.poll_output() {
        match output {
            Output::Attach { conn, .. } => switch.handle(now, Input::Attached { conn, owner }),
            Output::Serve { conn, endpoint: id, .. } => {
                endpoint = Some(id);
                switch.handle(now, Input::Served { conn, path: path.clone() });
            }
            _ => {}
        }
    }
    let [.., last] = conn.0.to_be_bytes();
    let src = MacAddr::new([2, 0, 0, 0, 0, last]);
    let header = FrameHeader { dst: MacAddr::BROADCAST, src, vlan: None, ethertype: 0x0800 };
    let from = endpoint.expect("a free port");
    switch.forward(now, from, &header.emit(&[0; 46]), &mut Vec::new());
}

fn shown(console: &Console<'_>, switch: &mut Switch, now: Duration) -> Answer {
    console.command(switch, now, b"port/allprint\nport/showinfo\nhash/print\nhash/showinfo")
}

fn is_prompt_alone(greeting: Vec<u8>) {
    let greeting = String::from_utf8(greeting).expect("text");
    is_harmless(&greeting);
    assert!(greeting.starts_with("VDE switch V.2.3.2\n"));
    assert_eq!(greeting.matches('\n').count(), 3);
    assert!(greeting.ends_with(Console::PROMPT));
}

/// A terminal shows it as it is.
fn is_harmless(answer: &str) {
    assert!(!answer.contains(|c: char| c.is_control() && c != '\n'), "{answer:?}");
}

/// One part for each line of the read, each of them of the right form.
fn is_an_answer(read: &[u8], answer: &str, then: Then) {
    let mut parts: Vec<&str> = answer.split(Console::PROMPT).collect();
    let ended = parts.pop().expect("the rest");
    let read = read.strip_suffix(b"\n").unwrap_or(read);
    let lines: Vec<&[u8]> = read.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).collect();
    if then == Then::GoOn {
        assert_eq!((ended, parts.len()), ("", lines.len()));
    } else {
        assert_eq!(ended, "9999 END OF SESSION");
        assert!(parts.len() < lines.len());
        let word: &[u8] = if then == Then::HangUp { b"logout" } else { b"shutdown" };
        assert_eq!(lines[parts.len()], word);
    }
    for (line, part) in lines.into_iter().zip(parts) {
        if line.is_empty() || line.starts_with(b"#") {
            assert_eq!(part, "");
            continue;
        }
        let status = match part.strip_prefix(DATA) {
            None => part,
            // The first line that is a dot ends the data, and there is no other.
            Some(".\n") => panic!("no status"),
            Some(rest) => match rest.strip_prefix(".\n") {
                Some(status) => status,
                None => rest.split_once("\n.\n").expect("an end").1,
            },
        };
        let code = status.split_once(' ').expect("words").0;
        assert!(code.len() == 4 && code.starts_with('1') && code.parse::<u16>().is_ok());
        assert!(status.ends_with('\n') && status.matches('\n').count() == 1, "{status:?}");
    }
}

/// A console does nothing to clients but close them, endpoint and stream.
fn closes_what_it_must(outputs: &[Output]) {
    for pair in outputs.chunks(2) {
        assert!(matches!(pair, [Output::CloseEndpoint(_), Output::CloseControl(_)]), "{pair:?}");
    }
}
