//! What an administrator sees of a running switch and can change.

use core::fmt;
use core::time::Duration;

use super::engine::Switch;
use super::mac_table::{Known, nanos};
use super::ports::{Port, PortSlot};
use super::status::PortStatus;
use crate::wire::{MacAddr, PortNumber};

/// Why a port cannot be shown or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortError {
    /// The switch has no port of that number, used or not.
    OutOfRange,
    /// It was never used nor created, or was removed.
    Unknown,
    /// It is known already.
    Exists,
    /// It has endpoints, or, for a limit, there is a known port above it.
    InUse,
    /// No port is free.
    NoneFree,
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfRange => "the switch has no port of that number",
            Self::Unknown => "the port is not known",
            Self::Exists => "the port is known already",
            Self::InUse => "a port is in use",
            Self::NoneFree => "no port is free",
        })
    }
}

impl core::error::Error for PortError {}

/// An address that the switch has learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Learned {
    /// The address.
    pub mac: MacAddr,
    /// In which VLAN; 0 is what is not tagged.
    pub vlan: u16,
    /// Where it lives.
    pub port: u32,
    /// How long ago it was last seen.
    pub age: Duration,
    /// In which part of the table it is kept.
    pub bucket: usize,
}

impl Switch {
    /// One port.
    ///
    /// # Errors
    /// [`PortError::OutOfRange`], [`PortError::Unknown`].
    pub fn port(&self, number: u32) -> Result<PortStatus<'_>, PortError> {
        let port = self.ports.get(self.slot(number)?).ok_or(PortError::Unknown)?;
        Ok(PortStatus::new(port, &self.ports))
    }

    /// Makes a port known that only those get who ask for it by its number \[P-14.17\].
    ///
    /// # Errors
    /// [`PortError::OutOfRange`] (0 is), [`PortError::Exists`].
    pub fn create_port(&mut self, number: u32) -> Result<(), PortError> {
        match self.slot(number) {
            _ if number == 0 => Err(PortError::OutOfRange),
            Err(PortError::Unknown) => {
                self.reserve_port(number);
                Ok(())
            }
            Ok(_) => Err(PortError::Exists),
            Err(error) => Err(error),
        }
    }

    /// Does the same for the port that somebody who asks for any would get; returns its number.
    ///
    /// # Errors
    /// [`PortError::NoneFree`].
    pub fn create_any_port(&mut self) -> Result<u32, PortError> {
        let last = self.config.last_port();
        let number = self.ports.first_free(last).ok_or(PortError::NoneFree)?;
        self.reserve_port(number);
        Ok(number)
    }

    /// Makes an idle port unknown, with its counters.
    ///
    /// # Errors
    /// [`PortError::OutOfRange`], [`PortError::Unknown`], [`PortError::InUse`].
    pub fn remove_port(&mut self, number: u32) -> Result<(), PortError> {
        let slot = self.slot(number)?;
        if self.ports.remove(slot) { Ok(()) } else { Err(PortError::InUse) }
    }

    /// Says whether somebody who asks for any port can get this one.
    ///
    /// # Errors
    /// [`PortError::OutOfRange`], [`PortError::Unknown`].
    pub fn set_allocatable(&mut self, number: u32, allocatable: bool) -> Result<(), PortError> {
        self.known(number)?.reserved = !allocatable;
        Ok(())
    }

    /// Sets the counters of one port, or of all, to zero. A port that is not known has none.
    ///
    /// # Errors
    /// [`PortError::OutOfRange`].
    pub fn reset_counters(&mut self, number: Option<u32>) -> Result<(), PortError> {
        let only = match number.map(|number| self.slot(number)).transpose() {
            Ok(only) => only,
            Err(PortError::Unknown) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.ports.reset_counters(only);
        Ok(())
    }

    /// Changes how many ports there are, counted as in [`SwitchConfig::ports`](super::SwitchConfig).
    ///
    /// # Errors
    /// [`PortError::OutOfRange`] for 0 and for more than a request can ask for, and
    /// [`PortError::InUse`].
    pub fn set_port_count(&mut self, count: u32) -> Result<(), PortError> {
        PortNumber::new(count).ok_or(PortError::OutOfRange)?;
        let config = super::SwitchConfig { ports: count, ..self.config };
        if self.ports.iter().any(|port| port.number > config.last_port()) {
            return Err(PortError::InUse);
        }
        self.config = config;
        Ok(())
    }

    /// Makes the switch a hub \[P-8.17\] or a switch. A new switch knows no address.
    pub fn set_hub(&mut self, hub: bool) {
        if self.config.hub != hub {
            self.config.hub = hub;
            self.forwarding.set_hub(hub);
        }
    }

    /// Changes how long an address is known after it was last seen \[P-8.12\].
    pub fn set_ageing(&mut self, ageing: Duration) {
        self.config.ageing = ageing;
        self.forwarding.macs_mut().set_ageing(ageing);
    }

    /// Changes how long an address must not have been seen before it may move \[P-8.13\].
    pub fn set_min_persistence(&mut self, min_persistence: Duration) {
        self.config.min_persistence = min_persistence;
        self.forwarding.macs_mut().set_min_persistence(min_persistence);
    }

    /// What is known at the time `now` of an address in a VLAN; 0 is what is not tagged.
    #[must_use]
    pub fn address(&self, now: Duration, mac: MacAddr, vlan: u16) -> Option<Learned> {
        self.learned(self.forwarding.macs().known(nanos(now), mac, vlan)?)
    }

    /// The addresses that are known at the time `now`, in no particular order.
    pub fn addresses(&self, now: Duration) -> impl Iterator<Item = Learned> {
        self.forwarding.macs().iter(nanos(now)).filter_map(|known| self.learned(known))
    }

    fn learned(&self, Known { bucket, mac, vlan, port, age }: Known) -> Option<Learned> {
        let port = self.ports.get(port)?.number;
        Some(Learned { mac, vlan, port, age, bucket })
    }

    /// A known port.
    fn known(&mut self, number: u32) -> Result<&mut Port, PortError> {
        let slot = self.slot(number)?;
        self.ports.get_mut(slot).ok_or(PortError::Unknown)
    }

    fn slot(&self, number: u32) -> Result<PortSlot, PortError> {
        if number > self.config.last_port() {
            return Err(PortError::OutOfRange);
        }
        self.ports.find(number).ok_or(PortError::Unknown)
    }

    fn reserve_port(&mut self, number: u32) {
        let slot = self.ports.open(number);
        if let Some(port) = self.ports.get_mut(slot) {
            port.reserved = true;
        }
    }
}
