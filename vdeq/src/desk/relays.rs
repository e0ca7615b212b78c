//! What is wanted of the relays, from the start and by order.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::path::PathBuf;

use vde_args::{Impair, RelayWish};
use vde_exec::relay::{
    Capture, CaptureWork, Impairment, OpenSink, Probability, RelayWork, Sink, SinkError,
};
use vde_exec::supervisor::Ticket;
use vde_exec::{Order, RelayOrder, Report};

use super::error::OpenError;
use crate::relays::{Wanted, is_stdout};

/// The tickets of what is wanted from the start: those of clients count from 0.
const FIRST_TICKET: u64 = 1 << 62;

/// What is wanted of the relays.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// What each relay is for; a NIC that is not here has none.
    wishes: BTreeMap<usize, RelayWish>,
    /// What is to be ordered as soon as the VM runs.
    at_start: Vec<(usize, RelayWish, Option<OpenSink>)>,
}

impl Relays {
    /// Opens what frames are to be captured in.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub(super) fn open(wanted: Vec<Option<Wanted>>) -> Result<Self, OpenError> {
        let mut at_start = Vec::new();
        for (nic, wanted) in wanted.into_iter().enumerate() {
            let Some(wanted) = wanted else { continue };
            let sink = wanted.value.pcap.as_deref().map(open_sink).transpose();
            let sink = sink.map_err(|error| {
                let path = wanted.value.pcap.clone().unwrap_or_default();
                OpenError::Capture { error, path, spot: wanted.spot.clone() }
            })?;
            at_start.push((nic, wanted.value, sink));
        }
        Ok(Self { wishes: BTreeMap::new(), at_start })
    }

    /// The VM runs: what was wanted from the start is wanted now.
    pub(super) fn begin(&mut self, report: &Report<'_>) -> Vec<Order> {
        let wanted = std::mem::take(&mut self.at_start).into_iter();
        wanted
            .map(|(nic, wish, sink)| {
                let ticket = Ticket(FIRST_TICKET + u64::try_from(nic).unwrap_or_default());
                let work = work(nic, &wish, capture_work(nic, sink, report));
                self.wishes.insert(nic, wish);
                Order::Relay(RelayOrder { nic, work: Some(work), ticket })
            })
            .collect()
    }

    /// The NIC whose relay was wanted from the start by this ticket.
    pub(super) fn nic_of(ticket: Ticket) -> Option<usize> {
        let nic = ticket.0.checked_sub(FIRST_TICKET)?;
        usize::try_from(nic).ok().filter(|_| ticket.0 < 1 << 63)
    }

    /// Somebody wants this of the relay of a NIC, and nothing else any more.
    ///
    /// # Errors
    /// The file for the capture cannot be opened.
    pub(super) fn order(
        &mut self,
        nic: usize,
        wish: Option<RelayWish>,
        ticket: Ticket,
        report: &Report<'_>,
    ) -> Result<Order, SinkError> {
        let Some(wish) = wish else {
            self.wishes.remove(&nic);
            return Ok(Order::Relay(RelayOrder { nic, work: None, ticket }));
        };
        let before = self.wishes.get(&nic).filter(|_| report.relay_of(nic).is_some());
        let goes_on = wish.pcap.is_some() && before.is_some_and(|before| before.pcap == wish.pcap);
        let capture = match (&wish.pcap, goes_on) {
            (_, true) => CaptureWork::GoOn,
            (None, _) => CaptureWork::End,
            (Some(path), _) => capture_work(nic, Some(open_sink(path)?), report),
        };
        let work = Some(work(nic, &wish, capture));
        self.wishes.insert(nic, wish);
        Ok(Order::Relay(RelayOrder { nic, work, ticket }))
    }
}

fn open_sink(path: &OsStr) -> Result<OpenSink, SinkError> {
    match is_stdout(path) {
        true => Sink::Fd(std::io::stdout().as_fd().try_clone_to_owned()?).open(),
        false => Sink::Path(PathBuf::from(path)).open(),
    }
}

fn capture_work(nic: usize, sink: Option<OpenSink>, report: &Report<'_>) -> CaptureWork {
    let Some(sink) = sink else { return CaptureWork::End };
    let switch = report.switch_of(nic).map(|dir| dir.display().to_string()).unwrap_or_default();
    CaptureWork::Begin(Capture {
        sink,
        name: format!("net{nic}"),
        description: switch,
        application: concat!("vdeq ", env!("CARGO_PKG_VERSION")).to_owned(),
    })
}

fn work(nic: usize, wish: &RelayWish, capture: CaptureWork) -> RelayWork {
    // Networks that share a seed do not share their fate.
    let seed = wish.seed.wrapping_add(u64::try_from(nic).unwrap_or_default() << 32);
    let [to_vm, from_vm] = [&wish.to_vm, &wish.to_switch].map(|impair| impairment(impair, seed));
    RelayWork { to_vm, from_vm, capture }
}

fn impairment(impair: &Impair, seed: u64) -> Impairment {
    let share = |parts: u32| {
        let share = f64::from(parts) / f64::from(Impair::WHOLE);
        Probability::new(share).unwrap_or(Probability::NEVER)
    };
    Impairment {
        seed,
        loss: share(impair.loss),
        corrupt: share(impair.corrupt),
        duplicate: share(impair.dup),
        reorder: share(impair.reorder),
        rate: impair.rate.and_then(std::num::NonZeroU64::new),
        delay: impair.delay,
        jitter: impair.jitter,
    }
}
