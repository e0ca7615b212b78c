//! Law 1: what nobody asked for stays as it is. The VM's sockets are its own for its whole life, and
//! its cables are pulled only if that is wanted, and exactly as long as there is no plug.

use vde_proto::{ClientAddress, PortRequest, Request, SocketPath};

use super::{After, Known, Verdict, so};
use crate::supervisor::{Input, NicState, Output, Target, Ticket};

#[derive(Debug)]
pub(super) struct Edit {
    link_state: bool,
    nics: Vec<Nic>,
    /// Requests that are not answered, and what they want.
    open: Vec<(Ticket, usize, Target, PortRequest)>,
}

#[derive(Debug)]
struct Nic {
    name: Option<SocketPath>,
    asked: PortRequest,
}

impl Edit {
    pub(super) fn new(link_state: bool, nics: &[Known]) -> Self {
        let nics = nics.iter().map(|nic| Nic { name: nic.name.clone(), asked: nic.asked });
        Self { link_state, nics: nics.collect(), open: Vec::new() }
    }

    pub(super) fn input(&mut self, input: &Input<'_>) {
        if let Input::Replug { nic, target, port, ticket } = *input {
            self.open.push((ticket, nic, target, port));
        }
    }

    pub(super) fn output(&mut self, output: &Output) -> Verdict {
        match output {
            Output::SetLink(..) => so(self.link_state, || format!("nobody wants {output:?}")),
            Output::Dial(nic, target) => {
                let moves = self.open.iter().find(|(_, moving, ..)| moving == nic);
                let wanted = moves.map_or(Target::Home, |(_, _, target, _)| *target);
                so(*target == wanted, || format!("calls {target:?}, not {wanted:?}"))
            }
            Output::Send(nic, request) => self.request(*nic, request),
            Output::Answer(ticket, result) => {
                let open = self.open.iter().position(|(open, ..)| open == ticket);
                let Some(open) = open else { return Ok(()) };
                let (_, nic, _, port) = self.open.swap_remove(open);
                if let (Ok(()), Some(nic)) = (result, self.nics.get_mut(nic)) {
                    nic.asked = port;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Who asked for a port gets that one or none, now as later.
    fn request(&self, index: usize, bytes: &[u8]) -> Verdict {
        let Some(nic) = self.nics.get(index) else { return Ok(()) };
        let moves = self.open.iter().find(|(_, moving, ..)| *moving == index);
        let asked = moves.map_or(nic.asked, |(.., port)| *port);
        let request = Request::parse(bytes).map_err(|error| error.to_string())?;
        so(request.port == asked, || format!("asks for {:?}, not {asked:?}", request.port))?;
        let own = nic.name.clone().map(ClientAddress::Path);
        so(Some(&request.address) == own.as_ref(), || format!("says it is {:?}", request.address))
    }

    pub(super) fn settled(&self, nics: &[After]) -> Verdict {
        for (index, nic) in nics.iter().enumerate() {
            so(nic.is_original, || format!("the data socket of NIC {index} is another one"))?;
            let is_seen_up = !self.link_state || nic.state == NicState::Up;
            so(nic.link == is_seen_up, || {
                format!("NIC {index} is {:?}, but the guest sees link {}", nic.state, nic.link)
            })?;
        }
        Ok(())
    }
}
