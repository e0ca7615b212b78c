//! QEMU's grammar as vde-args reads it, held against what real QEMUs make of the same texts.
//!
//! Each test has a table of texts, and made-up ones that are the same in every run. What our reading
//! takes for good is given to one QEMU all at once, which is then asked what it understood; what it
//! takes for bad is given to a QEMU each, which must refuse it.

mod json;
mod lists;
mod numbers;
mod options;
mod readconfig;
mod sizes;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use serde_json::json;

use crate::qmp::Qmp;
use crate::rig;

/// How many made-up texts that are no good each QEMU is given: each one takes a start.
const BAD_ONES: usize = 20;

/// A QEMU that has read `args` and has nothing else: no machine, no network.
fn start(qemu: &str, args: &[OsString]) -> Result<Qmp, String> {
    let mut line = crate::qmp::words(&["-M", "none"]);
    line.extend_from_slice(args);
    Qmp::start(&rig::qemu(qemu), &line, &[])
}

/// A QEMU that has read the texts, each the argument of an `option`. It must take them.
fn start_all(qemu: &str, option: &str, texts: &[impl AsRef<[u8]>]) -> Qmp {
    start(qemu, &arguments(option, texts)).unwrap_or_else(|said| panic!("{qemu}: {said}"))
}

/// What QEMU says against this text as the argument of an `option`. It must refuse it.
fn refusal(qemu: &str, option: &str, text: &[u8]) -> String {
    match start(qemu, &arguments(option, &[text])) {
        Err(said) => said,
        Ok(_) => panic!("{qemu} takes {option} {}", text.escape_ascii()),
    }
}

fn arguments(option: &str, texts: &[impl AsRef<[u8]>]) -> Vec<OsString> {
    let words = |text| [OsString::from(option), OsStr::from_bytes(text).to_owned()];
    texts.iter().flat_map(|text| words(text.as_ref())).collect()
}

/// The property of an object that was made by `-object`.
fn property(qmp: &mut Qmp, id: &str, name: &str) -> serde_json::Value {
    let place = json!({ "path": format!("/objects/{id}"), "property": name });
    qmp.execute("qom-get", place).unwrap()
}
