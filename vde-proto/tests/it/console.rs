//! The console's own laws: framing, arguments, and what it does to the switch.

use std::time::Duration;

use vde_proto::PortRequest;
use vde_proto::console::{Answer, Console, Facts, Then};
use vde_proto::switch::{Output, Personality, SwitchConfig, Verdict};

use crate::net::{Net, frame, mac};

fn net() -> Net {
    Net::new(SwitchConfig::new(Personality::Strict))
}

fn facts() -> Facts<'static> {
    Facts {
        program: "test",
        pid: 7,
        mac: mac(0xfe),
        ctl_dir: b"/run/sw",
        mode: 0o660,
        mgmt: None,
        started: Duration::from_secs(400),
        user_name: &|_| None,
    }
}

/// The answer to one read, without the last prompt.
fn ask(net: &mut Net, read: impl AsRef<[u8]>) -> String {
    let Answer { bytes, then } =
        Console::new(facts()).command(&mut net.switch, net.now, read.as_ref());
    assert_eq!(then, Then::GoOn);
    let answer = String::from_utf8(bytes).unwrap();
    answer.strip_suffix(Console::PROMPT).expect("a prompt").to_owned()
}

const INVALID: &str = "1022 Invalid argument\n";
const NO_COMMAND: &str = "1038 Function not implemented\n";

#[test]
fn each_line_of_a_read_is_a_command_with_an_answer_and_a_prompt() {
    let mut net = net();
    let all = ask(&mut net, "port/create 3\r\nport/create 3\n\nport/remove 3");
    let prompt = Console::PROMPT;
    let expected =
        format!("1000 Success\n{prompt}1017 File exists\n{prompt}{prompt}1000 Success\n");
    assert_eq!(all, expected);
}

#[test]
fn an_empty_read_is_an_empty_command() {
    for read in ["", "\n", " \t\r\n", "# a comment\n"] {
        assert_eq!(ask(&mut net(), read), "");
    }
}

#[test]
fn the_end_of_a_session_is_the_end_of_its_read() {
    for (read, then) in
        [("logout\nport/create 3\n", Then::HangUp), ("shutdown\nport/create 3", Then::ShutDown)]
    {
        let mut net = net();
        let answer = Console::new(facts()).command(&mut net.switch, net.now, read.as_bytes());
        assert_eq!(answer, Answer { bytes: b"9999 END OF SESSION".to_vec(), then });
        assert_eq!(net.switch.ports().count(), 0);
    }
}

#[test]
fn what_is_missing_too_much_or_no_number_is_invalid() {
    for (command, has_data) in [
        ("help a b", true),
        ("showinfo x", true),
        ("ds/showinfo x", true),
        ("logout x", false),
        ("shutdown 1", false),
        ("hash/showinfo x", true),
        ("hash/print 1", true),
        ("hash/find", true),
        ("hash/find 02:00:00:00:00", true),
        ("hash/find 02:00:00:00:00:01 70000", true),
        ("hash/setexpire", false),
        ("hash/setexpire -1", false),
        ("hash/setminper x", false),
        ("port/showinfo x", true),
        ("port/print x", true),
        ("port/print 1 2", true),
        ("port/print 33", true),
        ("port/print -1", true),
        ("port/print 99999999999999999999", true),
        ("port/allprint x", true),
        ("port/create", false),
        ("port/create 0", false),
        ("port/create 33", false),
        ("port/createauto 1", true),
        ("port/remove", false),
        ("port/remove 33", false),
        ("port/setnumports 0", false),
        ("port/setnumports 8388608", false),
        ("port/sethub", false),
        ("port/sethub 2", false),
        ("port/allocatable 1", false),
        ("port/allocatable 1 2", false),
        ("port/epclose 1", false),
        ("port/epclose 1 x", false),
        ("port/epclose 33 1", false),
        ("port/resetcounter x", false),
        ("port/resetcounter 33", false),
    ] {
        let data = if has_data { "0000 DATA END WITH '.'\n.\n" } else { "" };
        assert_eq!(ask(&mut net(), command), format!("{data}{INVALID}"), "{command}");
    }
}

#[test]
fn what_is_no_command_is_not_implemented() {
    for command in [
        &b"port"[..],
        b"hash",
        b"port/printx",
        b"PORT/PRINT",
        b"vlan/print",
        b"load /etc/passwd",
        b"port/setuser 1 root",
        b"\xff\xfe",
        b"port/print\0",
        b"?",
    ] {
        assert_eq!(ask(&mut net(), command), NO_COMMAND, "{}", command.escape_ascii());
    }
}

#[test]
fn every_command_of_the_help_is_one_and_no_other_is_shown() {
    let help = ask(&mut net(), "help");
    let rows = help.lines().skip(3).take_while(|line| *line != ".");
    let mut commands = 0;
    for row in rows {
        let name = row.split_whitespace().next().unwrap();
        let is_menu = row.contains("============");
        if !matches!(name, "logout" | "shutdown") {
            let answer = ask(&mut net(), name);
            assert_eq!(answer.ends_with(NO_COMMAND), is_menu, "{row}");
        }
        assert!(row.is_char_boundary(35) && row[34..35] == *" ", "{row}");
        commands += usize::from(!is_menu);
    }
    assert_eq!(commands, 21);
    let hash = ask(&mut net(), "help hash/p");
    assert!(hash.contains("\nhash/print ") && !hash.contains("hash/find"), "{hash}");
}

#[test]
fn no_text_of_others_can_forge_an_answer() {
    let mut net = net();
    net.join_as(PortRequest::Any, "bad\n.\n1000 Success\n\nvde$ \x1b[2J");
    let console = Console::new(Facts {
        ctl_dir: b"/run/\n.\n1000 Success",
        mgmt: Some((b"/m\xff\n.", 0o600)),
        user_name: &|_| Some("eve\n.".to_owned()),
        program: "two\nlines",
        ..facts()
    });
    for command in ["port/print", "showinfo", "ds/showinfo"] {
        let answer = console.command(&mut net.switch, net.now, command.as_bytes());
        let text = String::from_utf8(answer.bytes).unwrap();
        assert_eq!(text.lines().filter(|line| *line == ".").count(), 1, "{text}");
        assert_eq!(text.matches("\n1000 Success\n").count(), 1, "{text}");
        assert_eq!(text.matches(Console::PROMPT).count(), 1, "{text}");
        assert!(!text.contains('\x1b'));
    }
    let greeting = console.greeting();
    assert_eq!(greeting, b"VDE switch V.2.3.2\ntwo?lines\n\nvde$ ");
    let dot = Console::new(Facts { program: ".", ..facts() });
    let answer = dot.command(&mut net.switch, net.now, b"showinfo");
    assert!(answer.bytes.starts_with(b"0000 DATA END WITH '.'\nVDE switch V.2.3.2\n?\n\npid"));
}

#[test]
fn a_reserved_port_goes_only_to_those_who_ask_for_it() {
    let mut net = net();
    ask(&mut net, "port/create 1");
    assert_eq!(net.join_as(PortRequest::Any, "").2, 2);
    let (conn, _) = net.join(1);
    net.leave(conn);
    assert_eq!(net.join_as(PortRequest::Any, "").2, 3);
    ask(&mut net, "port/allocatable 1 1");
    assert_eq!(net.join_as(PortRequest::Any, "").2, 1);
    assert_eq!(ask(&mut net, "port/remove 1"), "1098 Address already in use\n");
}

#[test]
fn a_closed_endpoint_is_closed_by_its_number_and_by_its_port() {
    let mut net = net();
    let (conn, id) = net.join(4);
    assert_eq!(ask(&mut net, format!("port/epclose 5 {id}")), "1006 No such device or address\n");
    assert_eq!(net.switch.poll_output(), None);
    assert_eq!(ask(&mut net, format!("port/epclose 4 {:04}", id.get())), "1000 Success\n");
    assert_eq!(net.switch.poll_output(), Some(Output::CloseEndpoint(id)));
    assert_eq!(net.switch.poll_output(), Some(Output::CloseControl(conn)));
}

#[test]
fn a_switch_becomes_a_hub_and_then_knows_nobody() {
    let mut net = net();
    let [one, two, _] = [1, 2, 3].map(|port| net.join(port).1);
    net.send(one, &frame(mac(9), mac(1), None, &[]));
    let to_one = frame(mac(1), mac(2), None, &[]);
    assert_eq!(net.send(two, &to_one).verdict, Verdict::Unicast);
    ask(&mut net, "port/sethub 1");
    assert_eq!(net.send(two, &to_one).verdict, Verdict::Flood);
    assert!(net.switch.config().hub);
    ask(&mut net, "port/sethub 0");
    assert_eq!(ask(&mut net, "hash/print"), "0000 DATA END WITH '.'\n.\n1000 Success\n");
    assert_eq!(net.send(two, &to_one).verdict, Verdict::Flood);
    assert_eq!(net.switch.addresses(net.now).count(), 1);
}

#[test]
fn the_times_of_the_table_can_be_changed() {
    let mut net = net();
    let [one, two] = [1, 2].map(|port| net.join(port).1);
    ask(&mut net, "hash/setexpire 10\nhash/setminper 5");
    net.send(one, &frame(mac(9), mac(1), None, &[]));
    net.send(two, &frame(mac(9), mac(1), None, &[]));
    let find = |net: &mut Net| ask(net, "hash/find 02:00:00:00:00:01");
    assert!(find(&mut net).contains("to port: 001  age 0 secs"));
    net.now += Duration::from_secs(6);
    net.send(two, &frame(mac(9), mac(1), None, &[]));
    assert!(find(&mut net).contains("to port: 002  age 0 secs"));
    net.now += Duration::from_secs(10);
    assert!(find(&mut net).ends_with("1019 No such device\n"));
    let info = ask(&mut net, "hash/showinfo");
    assert!(info.contains("\nGC expire 10 secs\nMin persistence 5 secs\n"), "{info}");
}

#[test]
fn a_user_without_a_name_is_a_number_and_the_uptime_counts_from_the_start() {
    let mut net = net();
    net.join(2);
    assert!(ask(&mut net, "port/print 2").contains("\n Current User: 0 Access"));
    assert!(ask(&mut net, "showinfo").contains("\npid 7 MAC 02:00:00:00:00:fe uptime 100\n.\n"));
}

#[test]
fn a_read_full_of_questions_has_an_answer_of_bounded_length() {
    let mut net = Net::new(SwitchConfig { ports: 5000, ..SwitchConfig::new(Personality::Strict) });
    for _ in 0..5000 {
        net.switch.create_any_port().unwrap();
    }
    let read = "port/allprint\n".repeat(Console::READ_MAX / 14);
    let answer = ask(&mut net, &read);
    assert!(answer.len() < 2 * Console::ANSWER_MAX + 5000 * 300, "{}", answer.len());
    assert!(answer.ends_with("1012 Cannot allocate memory\n"));
}
