//! Runs a virtual machine: find the program, plug in, rewrite the command line, start, stay.
//!
//! Nothing is started before every plug is up and the spelling for this QEMU is known, so a failure
//! on the way leaves no VM; and whatever was made by then is dropped, which gives the ports back.

use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use vde_args::{Invocation, QemuVersion, is_uml};
use vde_exec::supervisor::{Policy, Reconnect};
use vde_exec::vde_proto::MacAddr;
use vde_exec::{
    Connection, DialError, DialOptions, End, Environment, Front, Held, Launch, NicSettings,
    Program, Settings, Side, Signals, Vm, adopt_orphans, give_back, hang_up, number, split,
    supervise,
};

use crate::command_line;
use crate::desk::Desk;
use crate::detect::{Detected, Detection, Source};
use crate::failure::Failure;
use crate::monitor::{self, Monitor};
use crate::names::Names;
use crate::plan::{PlannedPlug, plan};
use crate::progress::Progress;
use crate::quote;
use crate::relays;
use crate::serve::PlannedSwitch;
use crate::voice::Voice;
use crate::waiting::Waiting;
use crate::wiring::Wiring;

/// Longest wait for a switch to answer, unless `--timeout` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for a switch to notice that a port is given back; it takes a millisecond.
const PATIENCE: Duration = Duration::from_millis(100);

/// Runs what the command line asks for, and tells how the VM ended.
pub(crate) fn run(invocation: &Invocation<'_>) -> Result<End, Failure> {
    let voice = Voice::new(invocation.options.verbose);
    // What the desk makes would stay if a signal ended us now.
    let held = Held::take().map_err(Failure::Signals)?;
    let mut desk = Desk::open(&invocation.options, voice).map_err(Failure::Desk)?;
    let wiring = Wiring::read(invocation)?;
    let environment = Environment::of_process();
    let names = Names::of(&environment);
    voice.trace(|| {
        let places = quote::paths(&environment.default_switches(), ", ");
        format!("default switches are looked for in {places}")
    });
    voice.trace(|| format!("names are looked for in {}", quote::paths(names.files(), ", ")));
    let switch = PlannedSwitch::of(&invocation.options, &environment)?;
    let own = switch.as_ref().map(PlannedSwitch::dir);
    let plugs = plan(wiring.plugs(), &invocation.options, own, &names)?;
    let relays = relays::assign(&invocation.options.relays, plugs.len())?;
    let program = find(invocation, &environment, voice)?;
    wiring.tell_notes(voice);
    desk.set_relays(relays).map_err(Failure::Desk)?;

    if wiring.daemonizes(invocation) {
        match split().map_err(Failure::Background)? {
            Side::Front(front) => return wait_in_front(front, held, desk),
            Side::Back(back) => desk.set_back(back),
        }
    }
    let signals = held.readable().map_err(Failure::Signals)?;
    // Its thread is this process's: what splits has none yet.
    if let Some(switch) = &switch {
        let served = switch.open(voice)?.spawn().map_err(Failure::Serve)?;
        voice.detail(format_args!("serving a switch at {}", switch.in_words()));
        desk.set_switch(served);
    }
    let detection = match wiring {
        Wiring::Other(_) => Detection::not_needed(),
        Wiring::Qemu(_) => {
            Detection::begin(invocation.options.qemu_version, &program.path, &environment)
        }
    };
    let mut connections = Vec::with_capacity(plugs.len());
    let end = plug_in(&plugs, &mut connections, invocation, &environment, &signals, voice)
        .and_then(|()| version(detection, invocation, &signals, voice))
        .and_then(|version| {
            wiring.tell_addresses(voice);
            if let Some(lost) = wiring.lost(invocation, version) {
                voice.say(lost);
            }
            number(&mut connections);
            let fds: Vec<i32> = connections.iter().map(|plug| plug.data.as_raw_fd()).collect();
            let monitor = monitor(invocation, &wiring, version, voice)?;
            let rewritten = wiring.rewrite(version, &fds)?;
            let settings = settings(invocation, &wiring, &plugs, &environment);
            let mut line = command_line::assemble(rewritten, Some(&program), invocation);
            let mut others = Vec::new();
            if let Some(monitor) = monitor {
                monitor::add_to(&mut line, &monitor.numbers(), invocation.program_index);
                let (link, fds) = monitor.into_parts();
                desk.set_monitor(link);
                others = fds;
            }
            let launch = Launch {
                program: program.path,
                name: program.name,
                args: line.args,
                connections: &connections,
                others: &others,
                mask: signals.mask_before(),
            };
            let vm = start(launch, invocation, &mut desk, &signals, voice)?;
            // What QEMU has now is QEMU's: its end of the monitor shows ours when it ends.
            drop(others);
            supervise(vm, &signals, &mut connections, &settings, &mut desk)
                .map_err(Failure::Supervise)
        });
    match end {
        Ok(End::Killed(_)) => hang_up(&connections),
        // What ended is the machine itself, and not something that started it.
        Ok(End::Exited(_)) if is_uml(&invocation.program) => hang_up(&connections),
        _ => {}
    }
    give_back(connections, PATIENCE);
    desk.end_switch();
    end
}

/// Waits for the back, whose the desk is as long as it runs: what one that was killed left is removed
/// here.
fn wait_in_front(front: Front, held: Held, desk: Desk) -> Result<End, Failure> {
    let desk = ManuallyDrop::new(desk);
    let signals = held.readable().map_err(Failure::Signals)?;
    let end = front.wait(&signals).map_err(Failure::Background)?;
    if end.is_some() {
        drop(ManuallyDrop::into_inner(desk));
    }
    Ok(end.unwrap_or(End::Exited(0)))
}

fn find(
    invocation: &Invocation<'_>,
    environment: &Environment,
    voice: Voice,
) -> Result<Program, Failure> {
    let failure = match invocation.options.fd_placeholder {
        true => Failure::FindOther,
        false => Failure::Find,
    };
    let program = Program::find(&invocation.program, environment).map_err(failure)?;
    if program.stand_in {
        let (asked, path) = (invocation.program.to_string_lossy(), program.path.display());
        voice.detail(format_args!("there is no program {asked}; {path} takes its place"));
    }
    voice.trace(|| format!("the program is {}", program.path.display()));
    Ok(program)
}

/// Makes every plug, in the order of the command line, so that ports are given out in that order.
fn plug_in(
    plugs: &[PlannedPlug],
    connections: &mut Vec<Connection>,
    invocation: &Invocation<'_>,
    environment: &Environment,
    signals: &Signals,
    voice: Voice,
) -> Result<(), Failure> {
    let timeout = invocation.options.timeout.unwrap_or(TIMEOUT);
    let waiting = Waiting::new(invocation.options.wait, signals, voice);
    for (index, plug) in plugs.iter().enumerate() {
        if let Some(doubt) = &plug.doubt {
            voice.say(doubt);
        }
        if let Some(named) = &plug.named {
            voice.detail(format_args!("network {index}: {}", named.in_words()));
        }
        let options = DialOptions {
            description: description(index, plug),
            timeout,
            environment: environment.clone(),
        };
        let started = Instant::now();
        let connection = match waiting.dial(plug, &options) {
            Ok(connection) => connection,
            Err(DialError::Interrupted) => return Err(interrupted(signals)),
            Err(error) => {
                return Err(Failure::Plug { error, plug: Box::new(plug.clone()) });
            }
        };
        let dir = connection.switch.dir().display();
        match connection.port {
            Some(port) => voice.detail(format_args!("network {index}: port {port} of {dir}")),
            None => voice.detail(format_args!("network {index}: {dir}")),
        }
        voice.trace(|| {
            let (took, user) = (in_ms(started), vde_exec::user_name(connection.switch.owner()));
            let peer = connection.peer.display();
            format!("network {index}: plugged in within {took}; the switch runs as {user}; its socket is {peer}")
        });
        connections.push(connection);
    }
    Ok(())
}

/// How long something took.
fn in_ms(since: Instant) -> String {
    format!("{:.1} ms", since.elapsed().as_secs_f64() * 1000.0)
}

/// What the administrator of the switch sees beside the port \[P-2.16\].
fn description(index: usize, plug: &PlannedPlug) -> String {
    let (uid, pid) = (vde_exec::effective_user(), std::process::id());
    let ssh = std::env::var("SSH_CLIENT").unwrap_or_default();
    let from = ssh.split(' ').next().filter(|ip| !ip.is_empty());
    let from = from.map(|ip| format!(" SSH={ip}")).unwrap_or_default();
    let own = plug.description().map(|text| format!(" {}", text.to_string_lossy()));
    format!("vdeq: user={uid} pid={pid} net={index}{from}{}", own.unwrap_or_default())
}

/// The signal that interrupted a wait.
fn interrupted(signals: &Signals) -> Failure {
    Failure::Interrupted(signals.interruption().unwrap_or_default())
}

fn version(
    detection: Detection,
    invocation: &Invocation<'_>,
    signals: &Signals,
    voice: Voice,
) -> Result<QemuVersion, Failure> {
    let progress = Progress::of(voice, "waiting for QEMU to say its version");
    let started = Instant::now();
    let detected = detection.finish(invocation.style, Some(signals.interrupt()));
    drop(progress);
    voice.trace(|| format!("the version took another {}", in_ms(started)));
    match detected {
        Detected::Interrupted => Err(interrupted(signals)),
        Detected::Version(version, source) => {
            match source {
                Source::NotNeeded => {}
                Source::Assumed => voice.say(format_args!(
                    "{} does not tell its version; taking it for QEMU {version} \
                     (--qemu-version X.Y says otherwise)",
                    invocation.program.to_string_lossy()
                )),
                _ => voice.detail(format_args!("QEMU {version}, {}", source.in_words())),
            }
            Ok(version)
        }
    }
}

/// How the VM is kept.
fn settings(
    invocation: &Invocation<'_>,
    wiring: &Wiring<'_>,
    plugs: &[PlannedPlug],
    environment: &Environment,
) -> Settings {
    let options = &invocation.options;
    let in_time = |reconnect| match reconnect {
        vde_args::Reconnect::On => Reconnect::Always,
        vde_args::Reconnect::For(time) => Reconnect::For(time),
        _ => Reconnect::Never,
    };
    let reconnect = options.reconnect.map_or(Reconnect::Always, in_time);
    let policy = Policy {
        reconnect,
        timeout: options.timeout.unwrap_or(TIMEOUT),
        link_state: options.link_state,
        seed: u64::from(std::process::id()),
    };
    let nics = wiring.macs().into_iter().zip(plugs).map(|(mac, plug)| {
        // What the command line says is the policy, and comes before what a file says of a name.
        let named = plug.named.as_ref().filter(|_| options.reconnect.is_none());
        let reconnect = named.and_then(|named| named.reconnect).map(in_time);
        NicSettings { mac: mac.map(MacAddr::new), reconnect }
    });
    Settings { policy, environment: environment.clone(), nics: nics.collect() }
}

/// The monitor for `--link-state`, if there is anything to tell through it.
fn monitor(
    invocation: &Invocation<'_>,
    wiring: &Wiring<'_>,
    version: QemuVersion,
    voice: Voice,
) -> Result<Option<Monitor>, Failure> {
    let Wiring::Qemu(network) = wiring else { return Ok(None) };
    if !monitor::is_needed(invocation, wiring, version)? {
        return Ok(None);
    }
    for unseen in monitor::unseen(network, version) {
        voice.say(unseen);
    }
    Monitor::new(network, version).map(Some).map_err(Failure::Monitor)
}

/// Starts the VM, or becomes it.
fn start(
    launch: Launch<'_>,
    invocation: &Invocation<'_>,
    desk: &mut Desk,
    signals: &Signals,
    voice: Voice,
) -> Result<Vm, Failure> {
    let args = launch.args.iter().map(OsString::as_os_str);
    let words = std::iter::once(launch.program.as_os_str()).chain(args);
    voice.detail(format_args!("running: {}", quote::shell_line(words)));
    if invocation.options.exec {
        desk.ready();
        return Err(Failure::Launch(launch.exec()));
    }
    signals.hold_stops().map_err(Failure::Signals)?;
    if let Some(signal) = signals.interruption() {
        return Err(Failure::Interrupted(signal));
    }
    let vm = match desk.goes_to_background() {
        true => {
            adopt_orphans().map_err(Failure::Signals)?;
            let witness = launch.connections.first().map(|plug| plug.data.as_raw_fd());
            launch.spawn().map_err(Failure::Launch)?.daemonizing(witness)
        }
        false => {
            let vm = launch.spawn().map_err(Failure::Launch)?;
            desk.ready();
            vm
        }
    };
    Ok(vm)
}
