//! One suite, three switches: what a client sees of the fake switch is what it sees of the real one.
//!
//! Every test takes a [`Subject`] and runs against the fake switch with the manners of either
//! generation and against Debian's `vde_switch`. What the generations mean to do differently is in
//! `vde_proto::switch::Rules`, and a test asks [`Subject::rules`] for nothing else. What the fake
//! leaves out on purpose:
//!
//! | `vde_switch` | fake | why |
//! |---|---|---|
//! | completes a short request from what the last one left in its memory \[P-4.4\] | refuses it | there is nothing to imitate in a leak |
//! | the new generation pads with bytes of older frames \[P-8.6\] | zeros | the same |
//! | loses an endpoint when another client leaves at the wrong moment \[P-7.8\] | does not | a test would never end the same way twice |

mod frames;
mod ports;
mod requests;

use std::path::Path;

use vde_exec::testkit::fake_switch::{self, FakeSwitch};
use vde_exec::testkit::real_switch::{self, RealSwitch};
use vde_exec::testkit::wait;
use vde_exec::vde_proto::switch::{Personality, Rules};

/// A switch under test.
pub enum Subject {
    Fake(FakeSwitch, Personality),
    Real(RealSwitch),
}

/// How many ports every subject is started with (`-n`).
pub const PORTS: u32 = 8;

impl Subject {
    pub fn fake(personality: Personality, hub: bool) -> Self {
        let mut options = fake_switch::Options::new(personality);
        options.switch.hub = hub;
        options.switch.ports = PORTS;
        Self::Fake(FakeSwitch::start(options), personality)
    }

    pub fn real(hub: bool) -> Self {
        let ports = Some(PORTS);
        Self::Real(RealSwitch::start(real_switch::Options { hub, ports, ..Default::default() }))
    }

    pub fn dir(&self) -> &Path {
        match self {
            Self::Fake(switch, _) => switch.dir(),
            Self::Real(switch) => switch.dir(),
        }
    }

    /// How this generation means to behave.
    pub fn rules(&self) -> Rules {
        match self {
            Self::Fake(_, personality) => personality.rules(),
            Self::Real(_) => installed_generation().rules(),
        }
    }

    /// The ports with clients, and the descriptions of those.
    pub fn ports(&self) -> Vec<(u32, Vec<String>)> {
        match self {
            Self::Fake(switch, _) => {
                switch.ports().into_iter().map(|port| (port.number, port.descriptions)).collect()
            }
            Self::Real(switch) => {
                let ports = switch.busy_ports().into_iter();
                let texts = |port: &vde_exec::PortInfo| {
                    // The console lists the newest first.
                    port.endpoints.iter().rev().map(|one| one.description.clone()).collect()
                };
                ports.map(|port| (port.number, texts(&port))).collect()
            }
        }
    }

    pub fn wait_for_ports(&self, numbers: &[u32]) {
        wait::until_true(&format!("the ports {numbers:?}, not {:?}", self.ports()), || {
            self.ports().iter().map(|(number, _)| *number).eq(numbers.iter().copied())
        });
    }
}

/// The generation of the `vde_switch` that is installed.
fn installed_generation() -> Personality {
    let output = std::process::Command::new("vde_switch").arg("--version").output();
    let output = output.expect("vde_switch: `cargo xtask setup` installs it");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("2.3.2") { Personality::Old } else { Personality::New }
}

/// Runs every test against the three switches.
macro_rules! suite {
    ($hub:expr; $($test:ident)*) => {
        mod old_fake { $(#[test] fn $test() {
            let personality = vde_exec::vde_proto::switch::Personality::Old;
            super::$test(&crate::blackbox::Subject::fake(personality, $hub));
        })* }
        mod new_fake { $(#[test] fn $test() {
            let personality = vde_exec::vde_proto::switch::Personality::New;
            super::$test(&crate::blackbox::Subject::fake(personality, $hub));
        })* }
        mod real { $(#[test] fn $test() {
            super::$test(&crate::blackbox::Subject::real($hub));
        })* }
    };
}
pub(crate) use suite;
