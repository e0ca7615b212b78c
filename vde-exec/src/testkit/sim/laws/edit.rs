//! Law 1: what nobody asked for stays as it is. The VM's sockets are its own for its whole life, and
//! its cables are pulled only if that is wanted, and exactly as long as there is no plug.

use vde_proto::{ClientAddress, PortNumber, PortRequest, Request, SocketPath};

use super::{After, Known, Verdict, so};
use crate::supervisor::{Input, NicState, Output, Target, Ticket};

#[derive(Debug)]
pub(super) struct Edit {
    link_state: bool,
    nics: Vec<Nic>,
    /// Requests that are not answered, and what they want.
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    ticket: Ticket,
    nic: usize,
    target: Target,
    port: PortRequest,
    /// What is going to face the switch, if that is what is wanted: a relay, or nothing but the VM.
    splice: Option<Option<SocketPath>>,
}

#[derive(Debug)]
struct Nic {
    name: Option<SocketPath>,
    asked: PortRequest,
    /// The relay in its path.
    relay: Option<SocketPath>,
    /// The port that it is on, and the one that was named last.
    port: Option<u32>,
    named: Option<u32>,
}

impl Edit {
    pub(super) fn new(link_state: bool, nics: &[Known]) -> Self {
        let nics = nics.iter().map(|nic| Nic {
            name: nic.name.clone(),
            asked: nic.asked,
            relay: None,
            port: nic.port,
            named: nic.port,
        });
        Self { link_state, nics: nics.collect(), open: Vec::new() }
    }

    pub(super) fn input(&mut self, input: &Input<'_>) {
        match *input {
            Input::Replug { nic, target, port, ticket } => {
                self.open.push(Open { ticket, nic, target, port, splice: None });
            }
            Input::Splice { nic, ref relay, ticket } => {
                let state = self.nics.get(nic);
                let same = state.map_or(PortRequest::Any, Nic::same_port);
                let (target, splice) = (Target::Home, Some(relay.clone()));
                self.open.push(Open { ticket, nic, target, port: same, splice });
            }
            _ => {}
        }
    }

    pub(super) fn output(&mut self, output: &Output) -> Verdict {
        match output {
            Output::SetLink(..) => so(self.link_state, || format!("nobody wants {output:?}")),
            Output::Dial(nic, target) => {
                let moves = self.open.iter().find(|open| open.nic == *nic);
                let wanted = moves.map_or(Target::Home, |open| open.target);
                so(*target == wanted, || format!("calls {target:?}, not {wanted:?}"))
            }
            Output::Send(nic, request) => self.request(*nic, request),
            Output::ConnectData(nic, path) => {
                if let Some(nic) = self.nics.get_mut(*nic) {
                    nic.named = path.switch_port();
                }
                Ok(())
            }
            Output::Keep(nic) => {
                if let Some(nic) = self.nics.get_mut(*nic) {
                    nic.port = nic.named;
                }
                Ok(())
            }
            Output::Answer(ticket, result) => {
                let open = self.open.iter().position(|open| open.ticket == *ticket);
                let Some(open) = open else { return Ok(()) };
                let Open { nic, port, splice, .. } = self.open.swap_remove(open);
                if let (Ok(()), Some(nic)) = (result, self.nics.get_mut(nic)) {
                    match splice {
                        Some(relay) => nic.relay = relay,
                        None => nic.asked = port,
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Who asked for a port gets that one or none, now as later; where only the socket changes, the port
    /// is the same.
    fn request(&self, index: usize, bytes: &[u8]) -> Verdict {
        let Some(nic) = self.nics.get(index) else { return Ok(()) };
        let moves = self.open.iter().find(|open| open.nic == index);
        let asked = moves.map_or(nic.asked, |open| open.port);
        let request = Request::parse(bytes).map_err(|error| error.to_string())?;
        so(request.port == asked, || format!("asks for {:?}, not {asked:?}", request.port))?;
        let relay = moves.and_then(|open| open.splice.as_ref()).unwrap_or(&nic.relay);
        let own = relay.clone().or(nic.name.clone()).map(ClientAddress::Path);
        so(Some(&request.address) == own.as_ref(), || format!("says it is {:?}", request.address))
    }

    pub(super) fn settled(&self, nics: &[After]) -> Verdict {
        for (index, nic) in nics.iter().enumerate() {
            so(nic.is_original, || format!("the data socket of NIC {index} is another one"))?;
            let is_seen_up = !self.link_state || nic.state == NicState::Up;
            so(nic.link == is_seen_up, || {
                format!("NIC {index} is {:?}, but the guest sees link {}", nic.state, nic.link)
            })?;
            let wanted = self.nics.get(index).is_some_and(|nic| nic.relay.is_some());
            let [_, is_relayed] = nic.is_relayed;
            so(nic.is_swapping || is_relayed == wanted, || {
                format!("NIC {index} has a relay: {is_relayed}, and should: {wanted}")
            })?;
        }
        Ok(())
    }
}

impl Nic {
    /// The port that it is on; where that is not known, the one that was asked for.
    fn same_port(&self) -> PortRequest {
        match self.port {
            Some(0) => PortRequest::Zero,
            Some(number) => PortNumber::new(number).map_or(PortRequest::Zero, PortRequest::Number),
            None => self.asked,
        }
    }
}
