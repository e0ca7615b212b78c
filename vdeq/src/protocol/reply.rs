//! Answers: what was asked for, or why not and what would be.

use serde_json::{Map, Value, json};
use vde_exec::supervisor::MoveError;
use vde_exec::vde_proto::PlugError;

/// Why a question has no better answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub expected: String,
}

impl Refusal {
    /// A refusal in these words.
    #[must_use]
    pub fn new(what: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { what: what.into(), expected: expected.into() }
    }
}

/// The line for a question that was granted.
#[must_use]
pub fn granted(id: Option<&Value>, result: &Value) -> String {
    line(id, "ok", result.clone())
}

/// The line for one that was not.
#[must_use]
pub fn refused(id: Option<&Value>, refusal: &Refusal) -> String {
    line(id, "error", json!({ "what": refusal.what, "expected": refusal.expected }))
}

/// Why a NIC was not plugged in elsewhere. There are `count` NICs.
#[must_use]
pub fn move_refusal(nic: usize, error: &MoveError, count: usize) -> Refusal {
    let expected = match error {
        MoveError::NoSuchNic if count == 0 => "a virtual machine with a VDE network".to_owned(),
        MoveError::NoSuchNic => format!("a NIC from 0 to {}", count - 1),
        MoveError::Busy => "the answer to the request before".to_owned(),
        MoveError::NoAddress => "a switch that reaches the data socket by a name".to_owned(),
        MoveError::Ended => "a virtual machine that runs".to_owned(),
        MoveError::Plug(error) => expected_of_switch(error).to_owned(),
        _ => "a switch".to_owned(),
    };
    let what = match error {
        MoveError::NoSuchNic => format!("there is no NIC {nic}"),
        other => format!("NIC {nic} was not moved: {other}"),
    };
    Refusal { what, expected }
}

/// Why a relay was not put into the path of a NIC, or not taken out. There are `count` NICs.
#[must_use]
pub fn relay_refusal(nic: usize, error: &MoveError, count: usize) -> Refusal {
    let Refusal { what, expected } = move_refusal(nic, error, count);
    let what = match error {
        MoveError::NoSuchNic => what,
        other => format!("the way of NIC {nic} stays as it is: {other}"),
    };
    Refusal { what, expected }
}

/// What would have been right, where a plug failed like this.
fn expected_of_switch(error: &PlugError) -> &'static str {
    match error {
        error if error.is_absence() => {
            "the directory of a switch that runs (vdeq --switch=PATH, vde_switch -d -s PATH)"
        }
        PlugError::Refused | PlugError::NoAnswer { .. } => {
            "a switch that answers, and a port that it has (vde_switch -n N, vdeq --switch --ports N), \
             free or of this user"
        }
        _ => "a switch that lets this user in",
    }
}

fn line(id: Option<&Value>, key: &str, value: Value) -> String {
    let mut object = Map::new();
    if let Some(id) = id {
        object.insert("id".to_owned(), id.clone());
    }
    object.insert(key.to_owned(), value);
    Value::Object(object).to_string()
}
