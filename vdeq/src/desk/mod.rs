//! The desk: who attends to a running VM. It tells what happens, in words, as JSON, to service
//! managers and to the guest, and takes requests.
//!
//! Everything that can be refused is, when it is opened: before a switch is dialed. From then on a
//! part that fails is given up with a word; the VM and its networks are not touched by it.

mod control;
mod error;
pub(crate) mod link;
mod ready;
mod relays;
mod sink;
mod teller;

use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::time::SystemTime;

use serde_json::Value;
use vde_args::{Given, Options, Sink as Place};
use vde_exec::serve::ServedSwitch;
use vde_exec::supervisor::{Event, MoveError, NicState, Ticket};
use vde_exec::{Attendant, Back, End, Order, Outlet, PollFlags, Report};
use vdeq_protocol::{Moment, Nic, nic_status};

use self::control::{Control, Wants};
pub(crate) use self::error::{OpenError, socket_hint};
use self::link::Link;
pub(crate) use self::ready::Ready;
use self::relays::Relays;
use self::sink::Sink;
use crate::quote;
use crate::relays::Wanted;
use crate::voice::Voice;

/// Attends to a VM.
#[derive(Debug)]
pub(crate) struct Desk {
    voice: Voice,
    control: Option<Control>,
    sink: Option<Sink>,
    ready: Ready,
    link: Option<Link>,
    relays: Relays,
    /// The VM has just been started.
    is_new: bool,
    /// The switch that this process serves beside the VM, as long as it does.
    switch: Option<ServedSwitch>,
    /// Whom to let go when the VM has daemonized.
    back: Option<Back>,
    /// How many events there were.
    seq: u64,
}

impl Desk {
    /// Opens what the options name. To be called before anything else is opened: a descriptor that
    /// is named may not be one of ours.
    ///
    /// # Errors
    /// Something cannot be opened. Nothing is left behind then.
    pub(crate) fn open(options: &Options, voice: Voice) -> Result<Self, OpenError> {
        let sink = options.events.as_ref().map(open_sink).transpose()?;
        let ready = open_ready(options)?;
        let control = options.control.as_ref().map(open_control).transpose()?;
        let relays = Relays::default();
        let (link, switch, back, is_new, seq) = (None, None, None, false, 0);
        Ok(Self { voice, control, sink, ready, link, relays, is_new, switch, back, seq })
    }

    /// For each network, what its relay is for from the start: opens what that needs.
    ///
    /// # Errors
    /// Something cannot be opened.
    pub(crate) fn set_relays(&mut self, wanted: Vec<Option<Wanted>>) -> Result<(), OpenError> {
        self.relays = Relays::open(wanted)?;
        Ok(())
    }

    /// From now on this switch is served. It is told when it ends by itself.
    pub(crate) fn set_switch(&mut self, switch: ServedSwitch) {
        self.switch = Some(switch);
    }

    /// Ends the switch, if there is one.
    pub(crate) fn end_switch(&mut self) {
        drop(self.switch.take());
    }

    /// Says that the switch has ended, if it has. The VM's networks are the supervisor's.
    fn look_at_switch(&mut self) {
        let Some(switch) = self.switch.take_if(|switch| switch.has_ended()) else { return };
        let dir = switch.dir().display().to_string();
        let how = match switch.stop() {
            Ok(()) => "was shut down".to_owned(),
            Err(error) => format!("has failed ({error})"),
        };
        self.voice.say(format_args!("the switch at {dir} {how}; the virtual machine runs on"));
    }

    /// From now on QEMU's monitor is there to be told of links.
    pub(crate) fn set_monitor(&mut self, link: Link) {
        self.link = Some(link);
    }

    /// From now on this is the process that goes to the background with the VM.
    pub(crate) fn set_back(&mut self, back: Back) {
        self.back = Some(back);
    }

    /// Whether the VM is going to daemonize.
    pub(crate) fn goes_to_background(&self) -> bool {
        self.back.is_some()
    }

    /// Says that the VM has its network, to whoever waits for that.
    pub(crate) fn ready(&mut self) {
        for failure in self.ready.tell() {
            self.voice.say(failure);
        }
    }

    /// Tells all who want to hear of an event.
    fn tell(&mut self, event: impl FnOnce(Moment) -> Option<Value>) {
        self.seq = self.seq.saturating_add(1);
        let is_heard = self.control.as_ref().is_some_and(Control::is_heard);
        if self.sink.is_none() && !is_heard {
            return;
        }
        let Some(event) = event(Moment { time: SystemTime::now(), seq: self.seq }) else { return };
        if let Some(control) = &mut self.control {
            control.tell(&event);
        }
        self.use_sink(|sink| sink.tell(&event));
    }

    /// Does something with the sink; one that fails is given up.
    fn use_sink<T>(&mut self, act: impl FnOnce(&mut Sink) -> Result<T, vde_exec::Errno>) {
        if let Some(Err(errno)) = self.sink.as_mut().map(act) {
            self.sink = None;
            let why = errno.desc();
            self.voice.say(format_args!("nothing more is told on --events: {why}"));
        }
    }

    fn complain(&self, complaint: Option<String>) {
        if let Some(complaint) = complaint {
            self.voice.say(complaint);
        }
    }
}

impl Attendant for Desk {
    fn began(&mut self, report: &Report<'_>) {
        self.tell(|moment| Some(vdeq_protocol::started(nics_of(report, moment.time), moment)));
        self.ready.describe(&description(report));
        self.is_new = true;
    }

    fn told(&mut self, event: &Event, report: &Report<'_>) {
        if let Some(sentence) = teller::sentence(event, report) {
            self.voice.say(sentence);
        }
        let switch = number_of(event).and_then(|nic| report.switch_of(nic));
        self.tell(|moment| vdeq_protocol::event(event, switch, moment));
        self.ready.describe(&description(report));
    }

    fn answered(&mut self, ticket: Ticket, result: &Result<(), MoveError>, report: &Report<'_>) {
        if let (Some(nic), Err(error)) = (Relays::nic_of(ticket), result) {
            return self.voice.say(format_args!("network {nic} has no relay: {error}"));
        }
        let control = self.control.as_mut();
        let answered = control.and_then(|control| control.answered(ticket, result, report));
        let Some((nic, wants)) = answered else { return };
        if let (Err(error), Wants::Move) = (result, wants) {
            self.voice.say(format_args!("network {nic} was not moved: {error}"));
            self.tell(|moment| Some(vdeq_protocol::move_failed(nic, error, moment)));
        }
    }

    fn set_link(&mut self, nic: usize, up: bool) {
        let complaint = self.link.as_mut().and_then(|link| link.set(nic, up));
        self.complain(complaint);
    }

    fn daemonized(&mut self) {
        self.ready();
        if let Some(Err(error)) = self.back.take().map(Back::detach) {
            self.voice.say(format_args!("cannot leave the terminal: {error}"));
        }
    }

    fn ended(&mut self, end: End) {
        self.tell(|moment| Some(vdeq_protocol::ended(end, moment)));
        self.ready.stopping();
    }

    fn watched(&self) -> Vec<(BorrowedFd<'_>, PollFlags)> {
        let clients = self.control.iter().flat_map(Control::watched);
        let sink = self.sink.as_ref().and_then(Sink::watched).map(|fd| (fd, PollFlags::POLLOUT));
        let link = self.link.as_ref().and_then(Link::watched);
        let switch = self.switch.as_ref().map(|switch| (switch.ended(), PollFlags::POLLIN));
        clients.chain(sink).chain(link).chain(switch).collect()
    }

    fn attend(&mut self, report: &Report<'_>) -> Vec<Order> {
        let complaint = self.link.as_mut().and_then(Link::attend);
        self.complain(complaint);
        self.look_at_switch();
        self.use_sink(Sink::catch_up);
        let mut orders = Vec::new();
        if std::mem::take(&mut self.is_new) {
            orders = self.relays.begin(report);
        }
        if let Some(control) = &mut self.control {
            orders.extend(control.attend(report, &mut self.relays));
        }
        orders
    }
}

fn open_sink(given: &Given<Place>) -> Result<Sink, OpenError> {
    Sink::open(&given.value).map_err(|error| OpenError::Events { error, given: given.clone() })
}

/// Opens what is to be told that all is ready. To be called before anything else is opened, but for
/// what `--events` names.
pub(crate) fn open_ready(options: &Options) -> Result<Ready, OpenError> {
    let open = |given: &Given<i32>| {
        let events = options.events.as_ref().map(|events| &events.value);
        // Of standard streams each gets a duplicate.
        if given.value > 2 && events == Some(&Place::Fd(given.value)) {
            return Err(OpenError::SameFd(given.clone()));
        }
        let failed = |error| OpenError::ReadyFd { error, given: given.clone() };
        Outlet::inherited(given.value).map_err(failed)
    };
    options.ready_fd.as_ref().map(open).transpose().map(Ready::new)
}

fn open_control(given: &Given<OsString>) -> Result<Control, OpenError> {
    let failed = |error| OpenError::Control { error, spot: given.spot.clone() };
    Control::open(&given.value).map_err(failed)
}

/// How everything is, as JSON.
fn nics_of(report: &Report<'_>, now: SystemTime) -> Value {
    vdeq_protocol::status(std::process::id(), report.vm(), nics(report), now)
}

/// How one NIC is.
fn nic_of(report: &Report<'_>, number: usize, now: SystemTime) -> Option<Value> {
    nics(report).nth(number).map(|nic| nic_status(nic, now))
}

fn nics<'a>(report: &Report<'a>) -> impl Iterator<Item = Nic<'a>> {
    let nics = report.nics().enumerate();
    nics.map(|(number, (switch, status, time))| {
        let relay = report.relay_of(number);
        Nic { number, switch, status, time, relay }
    })
}

/// The NIC that an event is about.
fn number_of(event: &Event) -> Option<usize> {
    match event {
        Event::Lost { nic, .. }
        | Event::Failing { nic, .. }
        | Event::Plugged { nic, .. }
        | Event::Spliced { nic, .. }
        | Event::GaveUp { nic, .. } => Some(*nic),
        _ => None,
    }
}

/// The networks in one line.
fn description(report: &Report<'_>) -> String {
    let each = nics(report).map(|nic| {
        let switch = nic.switch.display();
        match (nic.status.state, nic.status.port) {
            (NicState::Up, Some(port)) => {
                format!("network {}: port {port} of {switch}", nic.number)
            }
            (NicState::Up, None) => format!("network {}: {switch}", nic.number),
            (NicState::GivenUp, _) => format!("network {}: given up, {switch}", nic.number),
            _ => format!("network {}: waiting for {switch}", nic.number),
        }
    });
    quote::harmless(&each.collect::<Vec<_>>().join("; "))
}
