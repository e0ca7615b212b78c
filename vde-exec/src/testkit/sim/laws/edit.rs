//! Law 1: what nobody asked for stays as it is. The VM's sockets are its own for its whole life, and
//! its cables are pulled only if that is wanted, and exactly as long as there is no plug.

use super::{After, Verdict, so};
use crate::supervisor::{NicState, Output};

#[derive(Debug)]
pub(super) struct Edit {
    link_state: bool,
}

impl Edit {
    pub(super) fn new(link_state: bool) -> Self {
        Self { link_state }
    }

    pub(super) fn output(&self, output: &Output) -> Verdict {
        let sets_link = matches!(output, Output::SetLink(..));
        so(self.link_state || !sets_link, || format!("nobody wants {output:?}"))
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
