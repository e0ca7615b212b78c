//! A switch with endpoints on it, for tests that are about frames.

use std::time::Duration;

use vde_proto::frame::{FrameHeader, VlanTag};
use vde_proto::switch::{ConnId, EndpointId, Input, Output, Switch, SwitchConfig, Verdict};
use vde_proto::{Description, MacAddr, PortRequest, RawDescription, Request};

use crate::world::{number, path};

pub(crate) struct Net {
    pub(crate) now: Duration,
    pub(crate) switch: Switch,
    last_conn: u64,
}

/// What became of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) bytes: Vec<u8>,
    pub(crate) to: Vec<EndpointId>,
}

impl Net {
    pub(crate) fn new(config: SwitchConfig) -> Self {
        Self { now: Duration::from_secs(500), switch: Switch::new(config), last_conn: 0 }
    }

    /// Gives one more client a place on this port.
    pub(crate) fn join(&mut self, port: u32) -> (ConnId, EndpointId) {
        let request = if port == 0 { PortRequest::Zero } else { number(port) };
        let (conn, id, got) = self.join_as(request, "");
        assert_eq!(got, port);
        (conn, id)
    }

    /// Gives one more client of user 0 a place on a port, whose number is returned, too.
    pub(crate) fn join_as(&mut self, port: PortRequest, text: &str) -> (ConnId, EndpointId, u32) {
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        let address = path(&format!("/client/{conn:?}")).into();
        let mut request = Request::new(port, address, Description::default());
        request.description = RawDescription::new(text);
        self.switch.handle(self.now, Input::Control(conn, &request.emit()));
        assert!(matches!(self.switch.poll_output(), Some(Output::Attach { .. })));
        self.switch.handle(self.now, Input::Attached { conn, owner: Some(0) });
        let Some(Output::Serve { endpoint, port, .. }) = self.switch.poll_output() else {
            panic!("{port} was refused")
        };
        let path = path(&format!("/switch/{port:03}.{endpoint}"));
        self.switch.handle(self.now, Input::Served { conn, path });
        assert!(matches!(self.switch.poll_output(), Some(Output::Reply { .. })));
        (conn, endpoint, port)
    }

    pub(crate) fn leave(&mut self, conn: ConnId) {
        self.switch.handle(self.now, Input::ControlClosed(conn));
        assert!(matches!(self.switch.poll_output(), Some(Output::CloseEndpoint(_))));
        assert_eq!(self.switch.poll_output(), None);
    }

    pub(crate) fn send(&mut self, from: EndpointId, frame: &[u8]) -> Outcome {
        // What the last frame left there must not matter.
        let mut to = vec![from];
        let forwarded = self.switch.forward(self.now, from, frame, &mut to);
        assert_eq!(forwarded.as_ref(), forwarded.frame);
        Outcome { verdict: forwarded.verdict, bytes: forwarded.to_vec(), to }
    }
}

/// The unicast address that ends in this number.
pub(crate) fn mac(last: u8) -> MacAddr {
    MacAddr::new([2, 0, 0, 0, 0, last])
}

/// A frame of type 0x0806.
pub(crate) fn frame(dst: MacAddr, src: MacAddr, tag: Option<u16>, payload: &[u8]) -> Vec<u8> {
    let vlan = tag.map(VlanTag::from_bits);
    FrameHeader { dst, src, vlan, ethertype: 0x0806 }.emit(payload)
}
