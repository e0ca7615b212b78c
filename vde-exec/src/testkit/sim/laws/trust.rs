//! Law 7: least trust. The data socket is connected to what the switch of this very call just named, and
//! to nothing else; what turns out to be somebody else's ends the call.

use vde_proto::{DataFailure, Reply, SocketPath};

use super::{Before, Verdict, nic_of, so};
use crate::supervisor::{Input, Output, Stream};

#[derive(Debug)]
pub(super) struct Trust {
    nics: Vec<Nic>,
}

#[derive(Debug, Clone, Default)]
struct Nic {
    /// What came over the new stream.
    reply: Vec<u8>,
    /// The named socket was not the switch's.
    is_foreign: bool,
}

impl Trust {
    pub(super) fn new(nics: usize) -> Self {
        Self { nics: vec![Nic::default(); nics] }
    }

    pub(super) fn input(&mut self, input: &Input<'_>) {
        match *input {
            Input::Received(nic, Stream::New, bytes) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.reply.extend_from_slice(bytes);
                }
            }
            Input::DataConnectFailed(nic, DataFailure::Foreign) => {
                if let Some(nic) = self.nics.get_mut(nic) {
                    nic.is_foreign = true;
                }
            }
            _ => {}
        }
    }

    pub(super) fn output(&mut self, output: &Output, of: impl Fn(usize) -> Before) -> Verdict {
        let Some(nic) = nic_of(output) else { return Ok(()) };
        let before = of(nic);
        let Some(nic) = self.nics.get_mut(nic) else { return Ok(()) };
        if std::mem::take(&mut nic.is_foreign) {
            so(matches!(output, Output::Abandon(_)), || {
                format!("{output:?} after the switch named what is not its own")
            })?;
        }
        match output {
            Output::Dial(..) => nic.reply.clear(),
            Output::Send(..) => {
                // With another socket the old plug can be held on to until the new one is there.
                let is_free = !before.connected || before.goes_direct;
                so(is_free && (before.is_splicing || !before.held), || {
                    "asks for a plug before the old one is left".to_owned()
                })?;
            }
            Output::ConnectData(_, path) => {
                so(nic.named().as_ref() == Some(path), || format!("nobody named {path:?}"))?;
                so(!before.connected, || "connects what is connected".to_owned())?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Nic {
    fn named(&self) -> Option<SocketPath> {
        Reply::parse(&self.reply).ok().map(|reply| reply.path)
    }
}
