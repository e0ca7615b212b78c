//! Runs that once broke a law. A failing run ends with the line to pin here.

use vde_exec::testkit::sim::{Choices, Failure, from_line, run};

/// What went wrong, and the choices by which it did.
const PINNED: &[(&str, &str)] = &[
    ("a move was said to have taken no call", "1 0x69 3"),
    (
        "a plug that had held was left for a move that failed, and pauses did not begin anew",
        "4 0x3 1 0x65 2 0x4 21 0x3 56 0x5 3 0x2 8",
    ),
    ("a switch that did not answer was told of after every call", "1x3 0 1 0x65 1"),
    (
        "a switch that always answered too late was called again at once each time",
        "4 0x2 2 0x33 1 0x32 3 21 0x3 26 0x2 52 0 19 0x2 48 0 37 0x2 33",
    ),
    ("the call for a relay's socket was counted as one of an outage", "1 0x69 41"),
    (
        "the way back from a relay failed, and what had come both ways was passed on once more",
        "4 8506 0 2 0x66 41 0x3 1 15 0x4 42 0x3 1",
    ),
];

#[test]
fn no_pinned_run_breaks_a_law_again() {
    for (story, line) in PINNED {
        let run = run(Choices::of_record(&from_line(line)), None);
        if let Some(failure) = Failure::of(&run, None) {
            panic!("{story}\n{failure}");
        }
    }
}
