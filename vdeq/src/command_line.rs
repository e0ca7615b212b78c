//! The arguments that the program is started with, and what became of the user's.

use std::ffi::OsString;

use vde_args::{CommandLine, Invocation, Rewritten};
use vde_exec::Program;

/// The arguments, and how they came about.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) args: Vec<OsString>,
    pub(crate) changes: Vec<Change>,
}

/// One change, with a reason in words.
#[derive(Debug)]
pub(crate) struct Change {
    /// The argument that gave rise to it.
    pub(crate) index: usize,
    pub(crate) before: Vec<OsString>,
    pub(crate) after: Vec<OsString>,
    pub(crate) why: String,
}

/// Puts the line together. A QEMU that stands in for `kvm` has to be told to use KVM.
pub(crate) fn assemble(
    rewritten: Rewritten,
    program: Option<&Program>,
    invocation: &Invocation<'_>,
) -> Line {
    let mut args = rewritten.args;
    let changes = rewritten.changes.into_iter().map(|change| Change {
        index: change.index,
        before: change.before,
        after: change.after,
        why: change.why.to_string(),
    });
    let mut changes: Vec<Change> = changes.collect();
    let lacks_kvm = program.is_some_and(|program| program.lacks_kvm);
    // With placeholders for its descriptors it is a QEMU all the same.
    let words = invocation.line.render();
    if lacks_kvm && !CommandLine::parse(&words).names_accelerator() {
        let kvm = OsString::from("-enable-kvm");
        args.insert(0, kvm.clone());
        changes.insert(
            0,
            Change {
                index: invocation.program_index,
                before: Vec::new(),
                after: vec![kvm],
                why: "a program called kvm would use KVM by itself".to_owned(),
            },
        );
    }
    Line { args, changes }
}
