//! How switches treat requests and replies when they do not do what they should.

use std::time::Duration;

use vde_proto::switch::{EndpointId, Input};
use vde_proto::{Reply, SocketPath};

use super::cover::Mark;
use super::switches::conn;
use super::world::World;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// The stream ends without a byte.
    Refuse,
    /// Nothing at all.
    Silence,
    /// So many bytes of the reply, and no more.
    Short(usize),
    /// The same, and then the end.
    ShortEnd(usize),
    /// 110 bytes that are no reply.
    Odd(usize),
    /// More than a reply.
    Long,
    /// After this time.
    Late(Duration),
    /// In three pieces, with this time between them.
    Split(Duration),
    /// It names a socket or a file that is not the switch's.
    Foreign(usize),
    /// It names a socket that is gone by then.
    Gone,
    /// The end comes with it.
    EndAfter,
}

impl Manner {
    pub(super) fn mark(self) -> Mark {
        match self {
            Self::Refuse => Mark::Refuse,
            Self::Silence => Mark::Silence,
            Self::Short(_) => Mark::Short,
            Self::ShortEnd(_) => Mark::ShortEnd,
            Self::Odd(_) => Mark::Odd,
            Self::Long => Mark::Long,
            Self::Late(_) => Mark::Late,
            Self::Split(_) => Mark::Split,
            Self::Foreign(_) => Mark::Foreign,
            Self::Gone => Mark::Gone,
            Self::EndAfter => Mark::EndAfterReply,
        }
    }
}

impl World {
    /// One message came over a stream of a switch.
    pub(super) fn serve_request(&mut self, index: usize, stream: usize, request: &[u8]) {
        let host = &mut self.switches[index];
        // What is said about requests counts for calls of vdeqs, and their start is left alone.
        let manner = host.manner.filter(|(manner, left)| {
            *left > 0 && matches!(manner, Manner::Refuse | Manner::Silence)
        });
        if let (Some((manner, _)), Some((_, left))) = (manner, host.manner.as_mut()) {
            *left -= 1;
            self.cover.hit(manner.mark());
            if manner == Manner::Refuse {
                self.hang_up(stream);
            }
            return;
        }
        self.tell_engine(index, Input::Control(conn(stream), request));
    }

    /// The switch says this, in its manner.
    pub(super) fn reply(&mut self, index: usize, stream: usize, bytes: [u8; Reply::LEN]) {
        let manner = self.switches[index].manner.as_mut().filter(|(_, left)| *left > 0);
        let Some((manner, left)) = manner else { return self.say(stream, &bytes) };
        *left -= 1;
        let manner = *manner;
        self.cover.hit(manner.mark());
        match manner {
            Manner::Short(length) => self.say(stream, &bytes[..length.clamp(1, 109)]),
            Manner::ShortEnd(length) => {
                self.say(stream, &bytes[..length.clamp(1, 109)]);
                self.close_port(index, stream);
            }
            Manner::Odd(which) => self.say(stream, &odd(which, bytes)),
            Manner::Long => self.say(stream, &[&bytes[..], b"and more"].concat()),
            Manner::Late(wait) => self.say_later(index, stream, wait, &bytes),
            Manner::Split(wait) => {
                self.say(stream, &bytes[..1]);
                self.say_later(index, stream, wait, &bytes[1..60]);
                self.say_later(index, stream, wait * 2, &bytes[60..]);
            }
            Manner::Foreign(which) => {
                let path = ["/foreign", "/file"][which % 2];
                let path = SocketPath::new(path).expect("a short path");
                self.say(stream, &Reply { path }.emit());
            }
            Manner::Gone => {
                if let Ok(Reply { path }) = Reply::parse(&bytes) {
                    self.kernel.unlink(&path);
                }
                self.say(stream, &bytes);
            }
            Manner::EndAfter => {
                self.say(stream, &bytes);
                self.close_port(index, stream);
            }
            Manner::Refuse | Manner::Silence => {}
        }
    }

    pub(super) fn say(&mut self, stream: usize, bytes: &[u8]) {
        self.streams[stream].to_client.extend_from_slice(bytes);
        self.wake_client(stream);
    }

    fn say_later(&mut self, index: usize, stream: usize, wait: Duration, bytes: &[u8]) {
        let due = self.now + u64::try_from(wait.as_nanos()).unwrap_or_default();
        self.streams[stream].later.push((due, bytes.to_vec()));
        self.poke_at(index, wait);
    }

    pub(super) fn say_what_is_due(&mut self, stream: usize) {
        let now = self.now;
        while self.streams[stream].later.first().is_some_and(|(due, _)| *due <= now) {
            let (_, bytes) = self.streams[stream].later.remove(0);
            self.say(stream, &bytes);
        }
    }

    /// Ends the endpoint of a stream, and the stream, as an administrator does.
    pub(super) fn close_port(&mut self, index: usize, stream: usize) {
        let endpoints = &self.switches[index].endpoints;
        let id = endpoints.iter().find(|endpoint| endpoint.conn == stream).map(|found| found.id);
        if let Some(id) = id {
            self.close_endpoint(index, id);
        }
    }

    pub(super) fn close_endpoint(&mut self, index: usize, id: EndpointId) {
        if let Some(engine) = &mut self.switches[index].engine {
            engine.close_endpoint(id);
        }
        self.obey_engine(index);
    }
}

fn odd(which: usize, mut bytes: [u8; Reply::LEN]) -> [u8; Reply::LEN] {
    match which % 4 {
        0 => bytes[0] = 9,
        1 => bytes[2] = b'r',
        2 => bytes[2..].fill(b'/'),
        _ => bytes.fill(0),
    }
    bytes
}
