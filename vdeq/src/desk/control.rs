//! `--control`: who asks is answered, and who wants to hear is told.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};
use vde_exec::supervisor::{MoveError, Ticket};
use vde_exec::vde_proto::Vnl;
use vde_exec::{
    ClientId, Environment, LineLimits, LineServer, ListenError, Move, Order, PollFlags, Report,
    Served,
};
use vdeq_protocol::{
    Question, Refusal, Relay, Replug, Request, granted, is_name, move_refusal, overrun, refused,
    relay_refusal,
};

use super::relays::Relays;
use super::{nic_of, nics_of};
use crate::names::Names;
use crate::quote;

/// Most clients at a time.
const MOST_CLIENTS: usize = 16;

/// The longest question, and what may wait to be read by a client, in bytes.
const LIMITS: LineLimits = LineLimits { line: 64 * 1024, output: 256 * 1024 };

/// Most lines that are answered before the networks are looked after again.
const MOST_LINES: usize = 64;

/// The clients of the control socket.
#[derive(Debug)]
pub(super) struct Control {
    server: LineServer,
    subscribers: BTreeSet<ClientId>,
    /// Who waits for a NIC to be moved, and by which id.
    waiting: BTreeMap<Ticket, Waiting>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Waiting {
    client: ClientId,
    id: Option<Value>,
    nic: usize,
    wants: Wants,
}

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    Move,
    Relay,
}

impl Control {
    pub(super) fn open(path: &OsStr) -> Result<Self, ListenError> {
        let full = Refusal::new(
            format!("{MOST_CLIENTS} clients are being served"),
            "one of them to hang up first",
        );
        let full = refused(None, &full);
        let server = LineServer::bind(Path::new(path), LIMITS, MOST_CLIENTS, full.as_bytes())?;
        let (subscribers, waiting) = (BTreeSet::new(), BTreeMap::new());
        Ok(Self { server, subscribers, waiting, next_ticket: 0 })
    }

    pub(super) fn watched(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        self.server.watched()
    }

    /// Answers what can be answered now; returns what cannot.
    pub(super) fn attend(&mut self, report: &Report<'_>, relays: &mut Relays) -> Vec<Order> {
        self.server.look();
        let mut orders = Vec::new();
        for _ in 0..MOST_LINES {
            match self.server.serve() {
                None => break,
                Some(Served::Line(client, line)) => {
                    orders.extend(self.answer(client, &line, report, relays));
                }
                Some(Served::TooLong(client)) => {
                    let what = format!("the line is longer than {} bytes", LIMITS.line);
                    let refusal = Refusal::new(what, "a line that ends before");
                    self.reply(client, &refused(None, &refusal));
                    self.server.dismiss(client);
                }
                Some(Served::Gone(client)) => {
                    self.subscribers.remove(&client);
                }
            }
        }
        orders
    }

    /// What somebody wanted of a NIC was done, or not; returns which and what.
    pub(super) fn answered(
        &mut self,
        ticket: Ticket,
        result: &Result<(), MoveError>,
        report: &Report<'_>,
    ) -> Option<(usize, Wants)> {
        let Waiting { client, id, nic, wants } = self.waiting.remove(&ticket)?;
        let line = match result {
            Ok(()) => {
                let status = nic_of(report, nic, SystemTime::now()).unwrap_or(Value::Null);
                granted(id.as_ref(), &status)
            }
            Err(error) => {
                let count = report.nics().count();
                let refusal = match wants {
                    Wants::Move => move_refusal(nic, error, count),
                    Wants::Relay => relay_refusal(nic, error, count),
                };
                refused(id.as_ref(), &refusal)
            }
        };
        self.reply(client, &line);
        self.server.release(client);
        Some((nic, wants))
    }

    /// Whether anybody wants to hear of events.
    pub(super) fn is_heard(&self) -> bool {
        !self.subscribers.is_empty()
    }

    /// Tells those who want to hear.
    pub(super) fn tell(&mut self, event: &Value) {
        let line = event.to_string();
        let deaf: Vec<ClientId> = self
            .subscribers
            .iter()
            .copied()
            .filter(|client| !self.server.tell(*client, line.as_bytes()))
            .collect();
        for client in deaf {
            self.subscribers.remove(&client);
            let last = overrun(None, SystemTime::now()).to_string();
            self.server.cut_off(client, last.as_bytes());
        }
    }

    /// Answers a line, or makes an order of it.
    fn answer(
        &mut self,
        client: ClientId,
        line: &[u8],
        report: &Report<'_>,
        relays: &mut Relays,
    ) -> Option<Order> {
        let Question { id, request } = Question::read(line);
        let reply = match request {
            Ok(Request::Replug(Replug { nic, switch, port })) => match by_name(switch) {
                Ok(switch) => {
                    let ticket = self.wait(client, id, nic, Wants::Move);
                    return Some(Order::Move(Move { nic, switch, port, ticket }));
                }
                Err(refusal) => refused(id.as_ref(), &refusal),
            },
            Ok(Request::Relay(Relay { nic, features })) => {
                let ticket = Ticket(self.next_ticket);
                match relays.order(nic, features, ticket, report) {
                    Ok(order) => {
                        self.wait(client, id, nic, Wants::Relay);
                        return Some(order);
                    }
                    Err(error) => {
                        let what = format!("the capture cannot be written: {error}");
                        let wanted = "a file or FIFO of this user, or a path where one can be made";
                        refused(id.as_ref(), &Refusal::new(what, wanted))
                    }
                }
            }
            Ok(Request::Status) => granted(id.as_ref(), &nics_of(report, SystemTime::now())),
            Ok(Request::Events) => {
                self.subscribers.insert(client);
                self.server.keep(client);
                granted(id.as_ref(), &json!({}))
            }
            Ok(_) => refused(id.as_ref(), &Refusal::new("not known here", "another command")),
            Err(refusal) => refused(id.as_ref(), &refusal),
        };
        self.reply(client, &reply);
        None
    }

    /// The client gets its answer, and its next line is read, when the order is carried out.
    fn wait(&mut self, client: ClientId, id: Option<Value>, nic: usize, wants: Wants) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.waiting.insert(ticket, Waiting { client, id, nic, wants });
        self.server.hold(client);
        ticket
    }

    fn reply(&mut self, client: ClientId, line: &str) {
        if !self.server.tell(client, line.as_bytes()) {
            self.subscribers.remove(&client);
            self.server.cut_off(client, overrun(None, SystemTime::now()).to_string().as_bytes());
        }
    }
}

/// The switch, with what its name stands for if it is named by one.
fn by_name(switch: Option<Vnl>) -> Result<Option<Vnl>, Refusal> {
    let Some(given) = switch else { return Ok(None) };
    if !is_name(&given.path) {
        return Ok(Some(given));
    }
    let names = Names::of(&Environment::of_process());
    match names.find(&given.path) {
        // The group and the mode are those of the data socket, which was made long ago.
        Ok(Some(named)) => Ok(Some(Vnl { group: None, mode: None, ..named.complete(given) })),
        Ok(None) => {
            let files = quote::paths(names.files(), " or ");
            let what =
                format!("there is no switch named {:?}", String::from_utf8_lossy(&given.path));
            Err(Refusal::new(what, format!("an absolute path, or a name that is in {files}")))
        }
        Err(error) => Err(Refusal::new(error.to_string(), error.hint())),
    }
}
