//! Gives ports back, in such a way that the switch notices and nobody else's plug comes to harm.
//!
//! A `vde_switch` may forget a port for good that is given back while another client is just plugging
//! in \[P-7.8\]. So ports are given back inside the [`Gate`], one switch after another (nobody holds
//! one gate while he waits for the next), and the gate is open again when the switch has noticed.

use std::borrow::Borrow;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::socket::{Shutdown, shutdown};

use crate::connection::Connection;
use crate::gate::Gate;

/// Longest wait for a switch to notice that it was hung up on; it takes some tenths of a millisecond.
const NOTICE: Duration = Duration::from_millis(100);

/// Pause between two looks whether a switch has noticed.
const STEP: Duration = Duration::from_micros(200);

/// Hangs up on the switches, whoever else holds the control streams: the port of a VM that is no more
/// is of no use to the helpers that it did not take along.
pub fn hang_up(connections: &[Connection]) {
    go(connections.iter().collect(), NOTICE, |plug: &Connection| {
        if let Some(control) = &plug.control {
            // The switch may have been quicker.
            let _ = shutdown(control.as_raw_fd(), Shutdown::Both);
        }
        plug.peer.clone()
    });
}

/// Gives ports back: closes our ends of the plugs, and waits until the switches have noticed, or
/// until `patience` is over.
///
/// Whoever starts one VM after another, and waits for each, finds the port free if we do not end
/// before the switch has noticed. Somebody else may hold a control stream as well (a daemonized VM);
/// then the port stays, and nothing is gained by waiting.
pub fn give_back(connections: Vec<Connection>, patience: Duration) {
    // One whose switch is lost has nothing to give back.
    let plugs = connections.into_iter().filter(|plug| plug.control.is_some());
    go(plugs.collect(), patience, |plug| plug.peer);
}

/// Takes the plugs off their switches; `close` does it to one of them, and tells what the switch
/// removes when it notices.
fn go<T: Borrow<Connection>>(plugs: Vec<T>, patience: Duration, close: impl Fn(T) -> PathBuf) {
    let (mut plugs, mut patience, mut gate_patience) = (plugs, patience, Gate::PATIENCE);
    while let Some(switch) = plugs.last().map(|plug| plug.borrow().switch.clone()) {
        let (here, elsewhere): (Vec<T>, Vec<T>) =
            plugs.into_iter().partition(|plug| plug.borrow().switch.dir() == switch.dir());
        plugs = elsewhere;
        let _inside = spend(&mut gate_patience, |left| Gate::of(&switch).enter(left, None));
        let peers = here.into_iter().map(&close).collect();
        spend(&mut patience, |left| wait_until_gone(peers, left));
    }
}

/// Does something that takes time, and subtracts it from what is left.
fn spend<R>(left: &mut Duration, what: impl FnOnce(Duration) -> R) -> R {
    let started = Instant::now();
    let result = what(*left);
    *left = left.saturating_sub(started.elapsed());
    result
}

/// Waits until none of these files is there any more, or until `patience` is over.
pub(crate) fn wait_until_gone(mut peers: Vec<PathBuf>, patience: Duration) {
    let started = Instant::now();
    loop {
        peers.retain(|peer| peer.symlink_metadata().is_ok());
        if peers.is_empty() || started.elapsed() >= patience {
            return;
        }
        std::thread::sleep(STEP);
    }
}
