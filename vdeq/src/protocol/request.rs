//! Questions: one JSON object, read strictly, so that a slip of the pen is told and not obeyed.

use std::os::unix::ffi::OsStrExt;

use serde_json::{Map, Value};
use vde_args::RelayWish;
use vde_exec::vde_proto::{PortNumber, PortRequest, Vnl};

use crate::Refusal;

/// The commands that there are.
pub const COMMANDS: [&str; 4] = ["status", "replug", "relay", "events"];

/// How much of a wrong value is shown, in characters.
const SHOWN: usize = 60;

/// What a client said.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What it wants to see again beside the answer.
    pub id: Option<Value>,
    /// What it wants, if that can be understood.
    pub request: Result<Request, Refusal>,
}

/// What a client can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// How everything is.
    Status,
    /// To plug a NIC in elsewhere.
    Replug(Replug),
    /// To have the frames of a NIC relayed, or not.
    Relay(Relay),
    /// To be told what happens from now on.
    Events,
}

/// Where a NIC is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replug {
    /// Which NIC.
    pub nic: usize,
    /// The switch, with an absolute path or a name ([`is_name`]) in its place; the same one if `None`.
    pub switch: Option<Vnl>,
    /// The port there, if it was said.
    pub port: Option<PortRequest>,
}

/// What the relay of a NIC is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Which NIC.
    pub nic: usize,
    /// What for, all of it; `None` if it is to go.
    pub features: Option<RelayWish>,
}

impl Question {
    /// Reads a line.
    ///
    /// ```
    /// use vdeq_protocol::{Question, Request};
    /// let question = Question::read(br#"{"command":"status","id":7}"#);
    /// assert_eq!(question.request, Ok(Request::Status));
    /// assert_eq!(question.id, Some(7.into()));
    /// ```
    #[must_use]
    pub fn read(line: &[u8]) -> Self {
        let wanted = || format!("one JSON object a line, such as {}", r#"{"command":"status"}"#);
        let none = |what: String| Self { id: None, request: Err(Refusal::new(what, wanted())) };
        match serde_json::from_slice(line) {
            Ok(Value::Object(mut object)) => {
                let id = object.remove("id");
                Self { id, request: Request::read(&object) }
            }
            Ok(other) => none(format!("{} is no object", shown(&other))),
            Err(error) => none(format!("this is no JSON: {error}")),
        }
    }
}

impl Request {
    fn read(object: &Map<String, Value>) -> Result<Self, Refusal> {
        let commands = || format!("\"command\" to be one of {}", quoted(&COMMANDS));
        let Some(command) = object.get("command") else {
            return Err(Refusal::new("there is no \"command\"", commands()));
        };
        match command.as_str() {
            Some("status") => takes(object, &[]).map(|()| Self::Status),
            Some("events") => takes(object, &[]).map(|()| Self::Events),
            Some("replug") => {
                takes(object, &["nic", "sock", "port"])?;
                Replug::read(object).map(Self::Replug)
            }
            Some("relay") => {
                takes(object, &["nic", "features"])?;
                Relay::read(object).map(Self::Relay)
            }
            _ => Err(Refusal::new(format!("there is no command {}", shown(command)), commands())),
        }
    }
}

impl Replug {
    fn read(object: &Map<String, Value>) -> Result<Self, Refusal> {
        let nic = nic(object.get("nic"))?;
        let switch = object.get("sock").map(switch).transpose()?;
        let port = object.get("port").map(port).transpose()?;
        match (port, switch.as_ref().and_then(|switch| switch.port)) {
            (Some(outer), Some(inner)) if outer != inner => Err(Refusal::new(
                format!("\"port\" asks for {outer}, and \"sock\" for {inner}"),
                "the port once",
            )),
            _ => Ok(Self { nic, switch, port }),
        }
    }
}

impl Relay {
    fn read(object: &Map<String, Value>) -> Result<Self, Refusal> {
        let nic = nic(object.get("nic"))?;
        let features = object.get("features").filter(|features| !features.is_null());
        Ok(Self { nic, features: features.map(features_of).transpose()? })
    }
}

/// The words that stand behind `--relay`, but for what is said elsewhere, or cannot be had any more.
fn features_of(value: &Value) -> Result<RelayWish, Refusal> {
    let wanted = "what a relay is for, such as \"pcap=/tmp/net0.pcapng,loss=1%\", or null for none";
    let wrong = |why: String| Refusal::new(why, wanted);
    let Some(text) = bytes(value) else {
        return Err(wrong(format!("\"features\" is {}", shown(value))));
    };
    let wish = RelayWish::parse(&text).map_err(|error| {
        // It shows what was found, however long that is.
        wrong(format!("\"features\": {error}").chars().take(5 * SHOWN).collect())
    })?;
    if wish.net.is_some() {
        return Err(wrong("\"features\" says net=, and \"nic\" says which NIC".to_owned()));
    }
    match &wish.pcap {
        Some(path) if !path.as_bytes().starts_with(b"/") => Err(wrong(format!(
            "pcap={} is no absolute path",
            shown(&path.to_string_lossy().into())
        ))),
        _ => Ok(wish),
    }
}

/// Nothing may be there but the command and these parameters.
fn takes(object: &Map<String, Value>, parameters: &[&str]) -> Result<(), Refusal> {
    let all = [&["command", "id"], parameters].concat();
    match object.keys().find(|key| !all.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Refusal::new(
            format!("there is no parameter {}", shown(&Value::from(key.as_str()))),
            format!("of {}", quoted(&all)),
        )),
    }
}

fn nic(value: Option<&Value>) -> Result<usize, Refusal> {
    let wanted = "the number of a NIC, from 0, in the order of the command line";
    let Some(value) = value else { return Err(Refusal::new("there is no \"nic\"", wanted)) };
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| Refusal::new(format!("\"nic\" is {}", shown(value)), wanted))
}

fn port(value: &Value) -> Result<PortRequest, Refusal> {
    let number = || PortNumber::new(u32::try_from(value.as_u64()?).ok()?);
    match value.as_str() {
        Some("any") => Ok(PortRequest::Any),
        Some("zero") => Ok(PortRequest::Zero),
        _ => number().map(PortRequest::Number).ok_or_else(|| {
            let most = PortNumber::MAX;
            let wanted = format!("a number from 1 to {most}, \"any\", or \"zero\" for port 0");
            Refusal::new(format!("\"port\" is {}", shown(value)), wanted)
        }),
    }
}

/// A locator, as `sock=` takes it. What is about the data socket was settled when that was made.
fn switch(value: &Value) -> Result<Vnl, Refusal> {
    let wanted = "the absolute path of a switch, its name, or with a port \"/run/vde.ctl[3]\"";
    let wrong = |why: String| Refusal::new(why, wanted);
    let Some(locator) = bytes(value) else {
        return Err(wrong(format!("\"sock\" is {}", shown(value))));
    };
    let vnl = Vnl::parse(&locator).map_err(|error| wrong(format!("\"sock\": {error}")))?;
    if !vnl.path.starts_with(b"/") && !is_name(&vnl.path) {
        let what = format!("\"sock\" is {}, which is no absolute path and no name", shown(value));
        return Err(wrong(what));
    }
    if vnl.group.is_some() || vnl.mode.is_some() {
        return Err(wrong(format!("\"sock\" is {}, with a group or a mode", shown(value))));
    }
    Ok(vnl)
}

/// Whether a switch is named so that `switches.toml` has to say where it is: in one word without a
/// slash.
///
/// ```
/// use vdeq_protocol::is_name;
/// assert!(is_name(b"lab"));
/// assert!(!is_name(b"./lab") && !is_name(b"/run/lab") && !is_name(b"..") && !is_name(b""));
/// ```
#[must_use]
pub fn is_name(path: &[u8]) -> bool {
    !path.is_empty() && !path.contains(&b'/') && path != b"." && path != b".."
}

/// The bytes of a string, or of `{"bytes":[...]}`, which is how any path can be written.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Object(object) if object.len() == 1 => {
            let bytes = object.get("bytes")?.as_array()?.iter();
            bytes.map(|byte| u8::try_from(byte.as_u64()?).ok()).collect()
        }
        _ => None,
    }
}

/// A value as JSON, but not more of it than anybody wants to see.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, Refusal> {
        Question::read(line.as_bytes()).request
    }

    #[track_caller]
    fn check_refused(line: &str, what: &str, expected: &str) {
        let refusal = read(line).unwrap_err();
        assert!(refusal.what.contains(what), "{refusal:?}");
        assert!(refusal.expected.contains(expected), "{refusal:?}");
    }

    #[test]
    fn every_command_is_understood() {
        assert_eq!(read(r#"{"command":"status"}"#), Ok(Request::Status));
        assert_eq!(read(r#" { "id" : [ ] , "command" : "events" } "#), Ok(Request::Events));
        let replug = |nic, sock: Option<&str>, port| {
            let switch = sock.map(|sock| Vnl::parse(sock.as_bytes()).unwrap());
            Ok(Request::Replug(Replug { nic, switch, port }))
        };
        let number = |number| Some(PortRequest::Number(PortNumber::new(number).unwrap()));
        assert_eq!(read(r#"{"command":"replug","nic":0}"#), replug(0, None, None));
        assert_eq!(
            read(r#"{"command":"replug","nic":1,"sock":"/run/sw2","port":3}"#),
            replug(1, Some("/run/sw2"), number(3))
        );
        assert_eq!(
            read(r#"{"command":"replug","nic":1,"sock":"/run/sw2[3]","port":3}"#),
            replug(1, Some("/run/sw2[3]"), number(3))
        );
        assert_eq!(
            read(r#"{"command":"replug","nic":1,"sock":"lab[3]"}"#),
            replug(1, Some("lab[3]"), None)
        );
        for (word, port) in [("any", PortRequest::Any), ("zero", PortRequest::Zero)] {
            let line = format!(r#"{{"command":"replug","nic":0,"port":"{word}"}}"#);
            assert_eq!(read(&line), replug(0, None, Some(port)));
        }
    }

    #[test]
    fn a_relay_is_wanted_in_the_words_of_the_command_line_or_not_at_all() {
        let relay = |features: &str| read(&format!(r#"{{"command":"relay","nic":1{features}}}"#));
        for none in ["", ",\"features\":null"] {
            assert_eq!(relay(none), Ok(Request::Relay(Relay { nic: 1, features: None })));
        }
        let wish = RelayWish::parse(b"pcap=/x,stats").unwrap();
        let features = Some(wish);
        assert_eq!(
            relay(r#","features":"pcap=/x,stats""#),
            Ok(Request::Relay(Relay { nic: 1, features }))
        );
        let refused = |features: &str, what: &str| {
            let line = format!(r#"{{"command":"relay","nic":1,"features":{features}}}"#);
            check_refused(&line, what, "pcap=/tmp/net0.pcapng");
        };
        refused("true", "\"features\" is true");
        refused("\"\"", "nothing is said");
        refused("\"los=1%\"", "did you mean loss");
        refused("\"stats,net=0\"", "net=");
        refused("\"pcap=x\"", "absolute path");
        refused("\"pcap=-\"", "absolute path");
    }

    #[test]
    fn any_path_can_be_named_by_its_bytes() {
        let Ok(Request::Replug(Replug { switch: Some(vnl), .. })) =
            read(r#"{"command":"replug","nic":0,"sock":{"bytes":[47,255]}}"#)
        else {
            panic!("it is a path")
        };
        assert_eq!(vnl.path, b"/\xff");
    }

    #[test]
    fn what_is_no_question_is_told_what_a_question_is() {
        for line in ["", "status", "{", "\u{feff}{}", "{}{}", "{\"command\":\"status\"} x"] {
            check_refused(line, "no JSON", "{\"command\":\"status\"}");
        }
        check_refused("[\"status\"]", "no object", "object");
        let all = "\"status\", \"replug\", \"relay\", \"events\"";
        check_refused("{}", "no \"command\"", all);
        check_refused(r#"{"command":"stat"}"#, "command \"stat\"", "\"status\"");
        check_refused(r#"{"command":1}"#, "command 1", "\"status\"");
        check_refused(
            r#"{"command":"status","nic":0}"#,
            "parameter \"nic\"",
            "\"command\", \"id\"",
        );
        check_refused(r#"{"command":"replug","nic":0,"switch":"/x"}"#, "\"switch\"", "\"sock\"");
    }

    #[test]
    fn wrong_values_are_told_what_would_be_right() {
        let replug = |rest: &str| format!(r#"{{"command":"replug",{rest}}}"#);
        check_refused(r#"{"command":"replug"}"#, "no \"nic\"", "from 0");
        for nic in ["-1", "1.5", "\"0\"", "null", "1e30"] {
            check_refused(&replug(&format!(r#""nic":{nic}"#)), "\"nic\" is", "from 0");
        }
        for port in ["0", "-1", "8388608", "\"3\"", "null", "3.5", "\"Any\""] {
            let line = replug(&format!(r#""nic":0,"port":{port}"#));
            check_refused(&line, "\"port\" is", "from 1 to 8388607");
        }
        for sock in ["\"\"", "\"a/sw\"", "\"..\"", "3", "null", "{\"bytes\":[256]}"] {
            let line = replug(&format!(r#""nic":0,"sock":{sock}"#));
            check_refused(&line, "\"sock\" is", "absolute path");
        }
        check_refused(&replug(r#""nic":0,"sock":"/run/sw[x""#), "\"sock\": ", "absolute path");
        check_refused(&replug(r#""nic":0,"sock":"/run/sw[2]","port":3"#), "port 3", "once");
    }

    /// A fuzzer found it: a fast way to read a number is off by the last bit of some.
    #[test]
    fn an_id_that_is_a_long_number_is_given_back_as_it_was_read_by_anybody() {
        for text in
            ["444444444000000000000000000000000125", "4444444440000000000000000000000000125"]
        {
            let line = format!("{{\"id\":{text},\"command\":\"status\"}}");
            let id = Question::read(line.as_bytes()).id.unwrap();
            let expected: f64 = text.parse().unwrap();
            assert_eq!(id.as_f64(), Some(expected), "{text}");
            let answer = crate::granted(Some(&id), &serde_json::json!({}));
            assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["id"], id);
        }
    }

    #[test]
    fn the_id_is_kept_whatever_it_is_and_long_values_are_cut_short() {
        let question = Question::read(br#"{"id":{"a":[1,null]},"command":"nothing"}"#);
        assert_eq!(question.id, Some(serde_json::json!({ "a": [1, null] })));
        let long = format!(r#"{{"command":"{}"}}"#, "x".repeat(10_000));
        assert!(read(&long).unwrap_err().what.len() < 100);
    }
}
