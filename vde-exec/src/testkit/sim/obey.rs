//! Does what a supervisor says, on the sockets of the model, as the real driver does.

use std::rc::Rc;

use vde_proto::{DataFailure, DialFailure, SocketPath, rarp};

use super::cover::Mark;
use super::driver::ROOM;
use super::kernel::Errno;
use super::laws::Law;
use super::subject::Canary;
use super::world::{Client, Happening, World};
use crate::supervisor::{Input, Output, Target};

impl World {
    /// Carries out one output. What comes of it is told later.
    pub(super) fn carry_out(&mut self, index: usize, output: Output) {
        match output {
            Output::Dial(nic, target) => self.carry_out_dial(index, nic, target),
            Output::Send(nic, request) => {
                let Some(stream) = self.vdeqs[index].nics[nic].new else { return };
                self.let_go_to_ask(index, nic);
                self.streams[stream].to_switch.push(request);
                self.poke(self.streams[stream].switch);
            }
            Output::Unplug(nic) => self.unplug(index, nic),
            Output::ConnectData(nic, path) => {
                let result = match self.connect_data(index, nic, &path) {
                    Ok(()) => Input::DataConnected(nic),
                    Err(failure) => Input::DataConnectFailed(nic, failure),
                };
                self.vdeqs[index].results.push_back(result);
            }
            Output::Keep(nic) => {
                self.cover.hit(Mark::PlugsHeld);
                let nic = &mut self.vdeqs[index].nics[nic];
                (nic.held, nic.home) = (nic.new.take(), nic.new_target);
            }
            Output::Abandon(nic) => {
                if !self.vdeqs[index].subject.does(Canary::KeepsTheNewStream) {
                    self.close_new(index, nic);
                }
                self.abandon_splice(index, nic);
                let state = &self.vdeqs[index].nics[nic];
                if state.held.is_none() {
                    self.kernel.dissolve(state.relays.face(state.data));
                }
            }
            Output::Swap(nic) => {
                let result = match self.swap(index, nic) {
                    Ok(()) => Input::Swapped(nic),
                    Err(errno) => Input::SwapFailed(nic, errno),
                };
                self.vdeqs[index].results.push_back(result);
            }
            Output::Announce(nic, mac) => {
                self.cover.hit(Mark::Announced);
                let frame = Rc::from(&rarp::announcement(mac)[..]);
                let state = &self.vdeqs[index].nics[nic];
                let _ = self.kernel.send(state.relays.face(state.data), &frame);
                self.poke(state.home);
            }
            Output::SetLink(nic, up) => {
                self.cover.add(Mark::LinkDown, u64::from(!up));
                self.vdeqs[index].nics[nic].link = up;
            }
            Output::PassOn(number) => self.pass_on(index, number),
            Output::Stop => self.sleep(index, std::time::Duration::from_millis(700)),
            Output::Tell(event) => self.count_event(index, &event),
            Output::Answer(ticket, result) => {
                if self.is_splice_answered(index, ticket) {
                    return self.count_splice(&result);
                }
                self.count_answer(&result);
                let vdeq = &mut self.vdeqs[index];
                let Some(place) = vdeq.moves.iter().position(|(open, ..)| *open == ticket) else {
                    return;
                };
                let (_, nic, port) = vdeq.moves.swap_remove(place);
                if result.is_ok() {
                    vdeq.nics[nic].asked = port;
                }
            }
            Output::Exit(_) => self.exit(index),
        }
    }

    fn carry_out_dial(&mut self, index: usize, nic: usize, target: Target) {
        self.cover.hit(Mark::Dials);
        self.close_new(index, nic);
        let state = &mut self.vdeqs[index].nics[nic];
        state.relays.begin();
        state.new_target = match target {
            Target::Home => state.home,
            Target::Elsewhere => state.elsewhere,
        };
        let switch = state.new_target;
        let called = match self.vdeqs[index].subject.lets_wait(nic) {
            true => Err(DialFailure::Absent),
            false => self.dial(switch, Client::Nic(index, nic)),
        };
        let result = match called {
            Ok(stream) => {
                self.vdeqs[index].nics[nic].new = Some(stream);
                Input::Dialed(nic)
            }
            Err(failure) => Input::DialFailed(nic, failure),
        };
        self.vdeqs[index].results.push_back(result);
    }

    fn unplug(&mut self, index: usize, nic: usize) {
        let state = &self.vdeqs[index].nics[nic];
        let (data, face, held) = (state.data, state.relays.face(state.data), state.held);
        let subject = &self.vdeqs[index].subject;
        let (another, empty, closes) = (
            subject.does(Canary::GivesTheVmAnotherSocket),
            subject.does(Canary::SendsAnEmptyFrame),
            subject.does(Canary::ClosesWithoutHangingUp),
        );
        if empty {
            let _ = self.kernel.send(face, &Rc::from(&[][..]));
        }
        self.kernel.dissolve(face);
        if another {
            self.kernel.close(data);
            let data = self.kernel.socket(ROOM);
            self.kernel.bind(data, &self.vdeqs[index].nics[nic].name, self.vdeqs[index].uid);
            self.vdeqs[index].nics[nic].data = data;
        }
        self.leave(index, nic);
        if let Some(stream) = held.filter(|_| closes) {
            self.streams[stream].client_shut = false;
            // Frames may come twice by that, too; but it is the old plug that is to be found.
            self.ledger.is_lenient = true;
        }
    }

    /// Hangs up on the held stream.
    pub(super) fn leave(&mut self, index: usize, nic: usize) {
        if let Some(stream) = self.vdeqs[index].nics[nic].held.take() {
            self.streams[stream].client_shut = true;
            self.streams[stream].client_open = false;
            self.poke(self.streams[stream].switch);
        }
    }

    fn close_new(&mut self, index: usize, nic: usize) {
        if let Some(stream) = self.vdeqs[index].nics[nic].new.take() {
            self.streams[stream].client_open = false;
            self.poke(self.streams[stream].switch);
        }
    }

    fn connect_data(
        &mut self,
        index: usize,
        nic: usize,
        path: &SocketPath,
    ) -> Result<(), DataFailure> {
        let vdeq = &self.vdeqs[index];
        let host = &mut self.switches[vdeq.nics[nic].new_target];
        if let Some((failure, left)) = host.data_fault.as_mut().filter(|(_, left)| *left > 0) {
            *left -= 1;
            return Err(*failure);
        }
        let (owner, is_socket) = self.kernel.stat(path).ok_or(DataFailure::Gone)?;
        if !is_socket || (owner != host.uid && owner != vdeq.uid) {
            if vdeq.subject.does(Canary::UnlinksWhatItWasShown) {
                self.touch(index, path.clone());
            }
            return Err(DataFailure::Foreign);
        }
        let state = &vdeq.nics[nic];
        self.kernel.connect(state.relays.next_face(state.data), path).map_err(|errno| match errno {
            Errno::Forbidden => DataFailure::Denied,
            _ => DataFailure::Gone,
        })
    }

    /// A vdeq removes a file.
    fn touch(&mut self, index: usize, path: SocketPath) {
        let is_own = self.vdeqs[index].nics.iter().any(|nic| nic.name == path);
        self.expect(Law::LeastTrust, is_own, || format!("vdeq {index} removes {path:?}"));
        self.kernel.unlink(&path);
    }

    fn pass_on(&mut self, index: usize, number: i32) {
        if self.vdeqs[index].is_out_of_reach {
            self.cover.hit(Mark::SignalRefused);
            self.vdeqs[index].results.push_back(Input::SignalRefused(number));
        } else if number == 15 {
            self.soon(Happening::VmDies(index, number));
        }
    }

    /// The vdeq is over: everything is given back.
    fn exit(&mut self, index: usize) {
        self.vdeqs[index].is_over = true;
        for nic in 0..self.vdeqs[index].nics.len() {
            self.close_new(index, nic);
            self.unplug(index, nic);
            self.drop_relays(index, nic);
            let name = self.vdeqs[index].nics[nic].name.clone();
            self.kernel.close(self.vdeqs[index].nics[nic].data);
            if !self.vdeqs[index].subject.does(Canary::LeavesTheName) {
                self.touch(index, name);
            }
        }
    }
}
