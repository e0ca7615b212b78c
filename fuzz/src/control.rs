//! The lines of a client of `vdeq --control`: each is answered, whatever it is.

use serde_json::{Map, Value, json};
use vdeq_protocol::{COMMANDS, Question, Relay, Replug, Request, granted, is_name, refused};

/// The most that an answer says of what was wrong, in bytes: a part of it is shown, never all.
const MOST: usize = 1000;

/// Reads `data` as lines, and answers them.
///
/// # Panics
/// If a law is broken.
pub fn check(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        let Question { id, request } = Question::read(line);
        // Read by somebody else, who is not strict.
        let object: Option<Map<String, Value>> = serde_json::from_slice(line).ok();
        let asked = object.as_ref().and_then(|object| object.get("id"));
        assert_eq!(id.as_ref(), asked);
        let answer = match &request {
            Ok(request) => {
                is_what_was_asked(request, object.as_ref().expect("an object"));
                granted(id.as_ref(), &json!({}))
            }
            Err(refusal) => {
                assert!(!refusal.what.is_empty() && !refusal.expected.is_empty());
                assert!(refusal.what.len() + refusal.expected.len() < MOST, "{refusal:?}");
                refused(id.as_ref(), refusal)
            }
        };
        assert!(!answer.contains(['\n', '\r', '\0']), "{answer:?}");
        let answer: Map<String, Value> = serde_json::from_str(&answer).expect("an object");
        assert_eq!(answer.get("id"), asked);
        assert_ne!(answer.contains_key("ok"), answer.contains_key("error"));
        assert_eq!(answer.contains_key("ok"), request.is_ok());
    }
}

/// Nothing is obeyed that does not stand there, and nothing that stands there is left out.
fn is_what_was_asked(request: &Request, object: &Map<String, Value>) {
    let command = object["command"].as_str().expect("a command");
    assert!(COMMANDS.contains(&command));
    let takes = |keys: &[&str]| object.keys().all(|key| keys.contains(&key.as_str()));
    match request {
        Request::Status => assert!(command == "status" && takes(&["command", "id"])),
        Request::Events => assert!(command == "events" && takes(&["command", "id"])),
        Request::Replug(Replug { nic, switch, port }) => {
            assert!(command == "replug" && takes(&["command", "id", "nic", "sock", "port"]));
            assert_eq!(object["nic"], json!(nic));
            assert_eq!(object.contains_key("sock"), switch.is_some());
            assert_eq!(object.contains_key("port"), port.is_some());
            let Some(vnl) = switch else { return };
            assert!(vnl.path.starts_with(b"/") || is_name(&vnl.path));
            assert!(!vnl.path.contains(&0));
            assert!(vnl.group.is_none() && vnl.mode.is_none());
            assert!(port.is_none() || vnl.port.is_none() || *port == vnl.port);
        }
        Request::Relay(Relay { nic, features }) => {
            assert!(command == "relay" && takes(&["command", "id", "nic", "features"]));
            assert_eq!(object["nic"], json!(nic));
            let said = object.get("features").is_some_and(|features| !features.is_null());
            assert_eq!(said, features.is_some());
            let Some(wish) = features else { return };
            assert!(!wish.is_nothing() && wish.net.is_none());
        }
        _ => panic!("{request:?} has no laws"),
    }
}
