//! The commands of the console: one table that finds them, runs them, and is their help.

use alloc::string::String;
use core::str::{FromStr, SplitAsciiWhitespace, from_utf8};
use core::time::Duration;

use super::status::Status;
use super::{Console, Facts, Then, print};
use crate::switch::{PortError, Switch};
use crate::wire::MacAddr;

/// What runs a command, with its arguments.
type Run = fn(&mut Session<'_, '_>, &mut Arguments<'_>) -> Result<(), Status>;

struct Command {
    path: &'static str,
    syntax: &'static str,
    help: &'static str,
    act: Act,
}

#[derive(Clone, Copy)]
enum Act {
    /// The title of a menu, no command.
    Menu,
    /// Does something.
    Do(Run),
    /// Shows something: its answer has a block of data, also when it fails \[P-14.3\].
    Show(Run),
    /// Ends the session.
    End(Then),
}

/// In the order of `vde_switch`'s help.
const COMMANDS: &[Command] = &[
    menu("ds", "DATA SOCKET MENU"),
    command("ds/showinfo", "", "show ds info", Act::Show(ds_showinfo)),
    command("help", "[arg]", "Help (limited to arg when specified)", Act::Show(help)),
    command("logout", "", "logout from this mgmt terminal", Act::End(Then::HangUp)),
    command("shutdown", "", "shutdown of the switch", Act::End(Then::ShutDown)),
    command("showinfo", "", "show switch version and info", Act::Show(showinfo)),
    menu("hash", "HASH TABLE MENU"),
    command("hash/showinfo", "", "show hash info", Act::Show(hash_showinfo)),
    command("hash/setexpire", "N", "change hash entries expire time", Act::Do(hash_setexpire)),
    command("hash/setminper", "N", "minimum persistence time", Act::Do(hash_setminper)),
    command("hash/print", "", "print the hash table", Act::Show(hash_print)),
    command("hash/find", "MAC [VLAN]", "MAC lookup", Act::Show(hash_find)),
    menu("port", "PORT STATUS MENU"),
    command("port/showinfo", "", "show port info", Act::Show(port_showinfo)),
    command("port/setnumports", "N", "set the number of ports", Act::Do(port_setnumports)),
    command("port/sethub", "0/1", "1=HUB 0=switch", Act::Do(port_sethub)),
    command(
        "port/createauto",
        "",
        "create a port with an automatically allocated id (inactive|notallocatable)",
        Act::Show(port_createauto),
    ),
    command(
        "port/create",
        "N",
        "create the port N (inactive|notallocatable)",
        Act::Do(port_create),
    ),
    command("port/remove", "N", "remove the port N", Act::Do(port_remove)),
    command(
        "port/allocatable",
        "N 0/1",
        "Is the port allocatable as unnamed? 1=Y 0=N",
        Act::Do(port_allocatable),
    ),
    command("port/epclose", "N ID", "remove the endpoint port N/id ID", Act::Do(port_epclose)),
    command("port/resetcounter", "[N]", "reset the port (N) counters", Act::Do(port_resetcounter)),
    command("port/print", "[N]", "print the port/endpoint table", Act::Show(port_print)),
    command(
        "port/allprint",
        "[N]",
        "print the port/endpoint table (including inactive port)",
        Act::Show(port_allprint),
    ),
];

const fn menu(path: &'static str, help: &'static str) -> Command {
    Command { path, syntax: "============", help, act: Act::Menu }
}

const fn command(
    path: &'static str,
    syntax: &'static str,
    help: &'static str,
    act: Act,
) -> Command {
    Command { path, syntax, help, act }
}

/// The answer to one read, while it is made.
pub(super) struct Session<'a, 'f> {
    pub(super) switch: &'a mut Switch,
    pub(super) now: Duration,
    pub(super) facts: &'a Facts<'f>,
    pub(super) out: String,
}

impl Session<'_, '_> {
    /// Does what one line says.
    pub(super) fn line(&mut self, line: &[u8]) -> Then {
        let line = line.trim_ascii();
        if matches!(line.first(), None | Some(b'#')) {
            return Then::GoOn;
        }
        // A line that is no text is no command either.
        let mut words = Arguments(from_utf8(line).unwrap_or("?").split_ascii_whitespace());
        let act = match words.0.next().and_then(find) {
            Some(_) if self.out.len() > Console::ANSWER_MAX => {
                self.status(Err(Status::TooMuch));
                return Then::GoOn;
            }
            Some(act) => act,
            None => Act::Menu,
        };
        let result = match act {
            Act::Menu => Err(Status::NoSuchCommand),
            Act::Do(run) => run(self, &mut words),
            Act::Show(run) => {
                self.out.push_str("0000 DATA END WITH '.'\n");
                let result = run(self, &mut words);
                self.out.push_str(".\n");
                result
            }
            Act::End(then) => match words.end() {
                Ok(()) => {
                    self.out.push_str("9999 END OF SESSION");
                    return then;
                }
                Err(status) => Err(status),
            },
        };
        self.status(result);
        Then::GoOn
    }

    fn status(&mut self, result: Result<(), Status>) {
        let status = result.err().unwrap_or(Status::Success);
        print::put(&mut self.out, format_args!("{} {}\n", status.code(), status.text()));
    }

    /// Prints one port, or all, with or without the idle ones.
    fn print_ports(&mut self, words: &mut Arguments<'_>, idle: bool) -> Result<(), Status> {
        let only = words.maybe::<u32>()?;
        words.end()?;
        let Self { switch, facts, out, .. } = self;
        if let Some(number) = only {
            let port = switch.port(number)?;
            if port.endpoints.is_empty() && !idle {
                return Err(Status::NoSuchPort);
            }
            print::port(out, facts, &port);
        } else {
            for port in switch.ports().filter(|port| idle || !port.endpoints.is_empty()) {
                print::port(out, facts, &port);
            }
        }
        Ok(())
    }
}

fn find(name: &str) -> Option<Act> {
    COMMANDS.iter().find(|command| command.path == name).map(|command| command.act)
}

/// What stands behind the name of a command.
struct Arguments<'a>(SplitAsciiWhitespace<'a>);

impl Arguments<'_> {
    fn maybe<T: FromStr>(&mut self) -> Result<Option<T>, Status> {
        self.0.next().map(str::parse).transpose().map_err(|_| Status::Invalid)
    }

    fn need<T: FromStr>(&mut self) -> Result<T, Status> {
        self.maybe()?.ok_or(Status::Invalid)
    }

    fn flag(&mut self) -> Result<bool, Status> {
        match self.need::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Status::Invalid),
        }
    }

    fn seconds(&mut self) -> Result<Duration, Status> {
        Ok(Duration::from_secs(self.need::<u32>()?.into()))
    }

    fn end(&mut self) -> Result<(), Status> {
        if self.0.next().is_some() { Err(Status::Invalid) } else { Ok(()) }
    }

    /// The only argument.
    fn only<T: FromStr>(&mut self) -> Result<T, Status> {
        let argument = self.need()?;
        self.end()?;
        Ok(argument)
    }
}

fn help(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    let prefix = words.0.next().unwrap_or_default();
    words.end()?;
    let mut row = |path: &str, syntax: &str, help: &str| {
        print::put(&mut session.out, format_args!("{path:18} {syntax:15} {help}\n"));
    };
    row("COMMAND PATH", "SYNTAX", "HELP");
    row("------------", "--------------", "------------");
    for Command { path, syntax, help, .. } in COMMANDS {
        if path.starts_with(prefix) {
            row(path, syntax, help);
        }
    }
    Ok(())
}

fn showinfo(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    words.end()?;
    print::info(&mut session.out, session.now, session.facts);
    Ok(())
}

fn ds_showinfo(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    words.end()?;
    print::data_sockets(&mut session.out, session.facts);
    Ok(())
}

fn hash_showinfo(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    words.end()?;
    print::hash_info(&mut session.out, session.switch);
    Ok(())
}

fn hash_setexpire(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    let ageing = words.seconds()?;
    words.end()?;
    session.switch.set_ageing(ageing);
    Ok(())
}

fn hash_setminper(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    let persistence = words.seconds()?;
    words.end()?;
    session.switch.set_min_persistence(persistence);
    Ok(())
}

fn hash_print(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    words.end()?;
    let Session { switch, now, out, .. } = session;
    switch.addresses(*now).for_each(|known| print::address(out, &known));
    Ok(())
}

fn hash_find(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    let (mac, vlan) = (words.need::<MacAddr>()?, words.maybe::<u16>()?.unwrap_or(0));
    words.end()?;
    let Session { switch, now, out, .. } = session;
    let known = switch.address(*now, mac, vlan).ok_or(Status::NoSuchAddress)?;
    print::address(out, &known);
    Ok(())
}

fn port_showinfo(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    words.end()?;
    print::ports_info(&mut session.out, session.switch);
    Ok(())
}

fn port_setnumports(
    session: &mut Session<'_, '_>,
    words: &mut Arguments<'_>,
) -> Result<(), Status> {
    Ok(session.switch.set_port_count(words.only()?)?)
}

fn port_sethub(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    let hub = words.flag()?;
    words.end()?;
    session.switch.set_hub(hub);
    Ok(())
}

fn port_createauto(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    words.end()?;
    let number = session.switch.create_any_port()?;
    print::put(&mut session.out, format_args!("Port {number:04}\n"));
    Ok(())
}

fn port_create(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    Ok(session.switch.create_port(words.only()?)?)
}

fn port_remove(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    Ok(session.switch.remove_port(words.only()?)?)
}

fn port_allocatable(
    session: &mut Session<'_, '_>,
    words: &mut Arguments<'_>,
) -> Result<(), Status> {
    let (number, allocatable) = (words.need()?, words.flag()?);
    words.end()?;
    Ok(session.switch.set_allocatable(number, allocatable)?)
}

fn port_epclose(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    let (number, id) = (words.need::<u32>()?, words.need::<u64>()?);
    words.end()?;
    let port = session.switch.port(number)?;
    let mut ids = port.endpoints.iter().map(|endpoint| endpoint.id);
    let id = ids.find(|endpoint| endpoint.get() == id).ok_or(PortError::Unknown)?;
    session.switch.close_endpoint(id);
    Ok(())
}

fn port_resetcounter(
    session: &mut Session<'_, '_>,
    words: &mut Arguments<'_>,
) -> Result<(), Status> {
    let only = words.maybe()?;
    words.end()?;
    Ok(session.switch.reset_counters(only)?)
}

fn port_print(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    session.print_ports(words, false)
}

fn port_allprint(session: &mut Session<'_, '_>, words: &mut Arguments<'_>) -> Result<(), Status> {
    session.print_ports(words, true)
}
