//! Shows what becomes of a command line: `rewrite QEMU_VERSION vdeq qemu -net vde ...`, one word
//! a line. The descriptors are made up: 10, 11, ...

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it exists to show something")]

use std::ffi::OsString;
use std::process::ExitCode;

use vde_args::{ArgError, Command, Network, QemuVersion, parse};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let version = args.next().and_then(|word| word.into_string().ok()?.parse().ok());
    let argv: Vec<OsString> = args.collect();
    let Some(version) = version else {
        eprintln!("usage: rewrite X.Y[.Z] vdeq PROGRAM ARGUMENTS");
        return ExitCode::FAILURE;
    };
    match show(version, &argv) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("argument {}, bytes {:?}: {error}", error.index, error.span);
            ExitCode::FAILURE
        }
    }
}

fn show(version: QemuVersion, argv: &[OsString]) -> Result<(), ArgError> {
    let Command::Run(run) = parse(argv)? else { return Ok(()) };
    let network = Network::read(&run)?;
    let fds: Vec<i32> = (10..).take(network.plugs().len()).collect();
    let rewritten = network.rewrite(version, &fds)?;
    for note in network.notes() {
        eprintln!("note: {note}");
    }
    for change in &rewritten.changes {
        eprintln!("{:?} -> {:?}, because {}", change.before, change.after, change.why);
    }
    for word in &rewritten.args {
        println!("{}", word.to_string_lossy());
    }
    Ok(())
}
