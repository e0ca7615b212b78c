//! vdeq: starts any QEMU on a VDE network.
//!
//! `parse -> plan -> run -> report`: the command line is read by `vde-args`, the plugs are made and
//! the VM is kept by `vde-exec`; what is here ties them together and is the only part that prints.
mod command_line;
mod desk;
mod detect;
mod doctor;
mod failure;
mod monitor;
mod names;
mod plan;
mod plug_failure;
mod preview;
mod progress;
mod quote;
mod relays;
mod run;
mod serve;
mod surroundings;
mod usage;
mod voice;
mod waiting;
mod wiring;

use std::ffi::OsString;

use vde_args::{Command, Help};

use crate::failure::Failure;

fn main() {
    let given: Vec<OsString> = std::env::args_os().collect();
    let (argv, result) = match surroundings::with_options(&given) {
        Ok(argv) => {
            let result = command(&argv);
            (argv, result)
        }
        Err(failure) => (given, Err(failure)),
    };
    match result {
        Ok(vde_exec::End::Exited(status)) => std::process::exit(status),
        Ok(vde_exec::End::Killed(signal)) => vde_exec::die_by(signal),
        Err(failure) => {
            voice::write(&failure.report(&argv));
            match failure {
                Failure::Interrupted(signal) => vde_exec::die_by(signal),
                other => std::process::exit(other.exit_status()),
            }
        }
    }
}

fn command(argv: &[OsString]) -> Result<vde_exec::End, Failure> {
    let command = vde_args::parse(argv)?;
    if matches!(command, Command::Run(_) | Command::Serve(_)) {
        voice::set_level(surroundings::level()?);
    }
    match command {
        Command::Doctor(checkup) => return doctor::examine(&checkup),
        Command::Version => print(concat!("vdeq ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::Run(run) if run.options.dry_run || run.options.explain.is_some() => {
            print(&preview::preview(&run)?)
        }
        Command::Run(invocation) => return run::run(&invocation),
        Command::Serve(options) if options.dry_run || options.explain.is_some() => {
            print(&preview::preview_switch(&options)?)
        }
        Command::Serve(options) => return serve::serve(&options),
        Command::Help(Help::All) => print(&usage::all()),
        // Help, and whatever else is not for here.
        _ => print(usage::PAGE),
    }
    .map_err(Failure::Output)?;
    Ok(vde_exec::End::Exited(0))
}

/// Prints to standard output: `println!` would panic where standard output is a closed pipe.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    std::io::stdout().write_all(text.as_bytes())
}
