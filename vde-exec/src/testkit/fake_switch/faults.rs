//! What a fake switch can do wrong.

use std::time::Duration;

/// Deviations from good manners; the default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// What happens to replies.
    pub reply: ReplyFault,
    /// How long a reply takes.
    pub delay: Duration,
    /// Hang up this long after the reply.
    pub hang_up_after: Option<Duration>,
    /// Remove the data socket's name before the reply is sent, for this many replies.
    pub vanish: u32,
    /// Never read a frame.
    pub deaf: bool,
    /// After the reply, say this on the control stream, which should be silent.
    pub chatter: Vec<u8>,
}

/// What happens to a reply on its way out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ReplyFault {
    /// Nothing.
    #[default]
    None,
    /// It is not sent, and the stream stays open.
    Silence,
    /// It is not sent, and the stream is closed.
    HangUp,
    /// Only this many bytes of it are sent, and the stream stays open.
    Cut(usize),
    /// Only this many bytes of it are sent, and the stream is closed.
    CutAndHangUp(usize),
    /// It is sent in pieces of this many bytes, 1 ms apart.
    Pieces(usize),
    /// This is sent instead.
    Instead(Vec<u8>),
    /// It is sent with these bytes behind it.
    Longer(Vec<u8>),
}

impl ReplyFault {
    /// The pieces in which `reply` is sent, and whether the stream is closed after them.
    #[must_use]
    pub fn apply(&self, reply: &[u8]) -> (Vec<Vec<u8>>, bool) {
        let whole = |bytes: &[u8]| vec![bytes.to_vec()];
        match self {
            Self::None => (whole(reply), false),
            Self::Silence => (Vec::new(), false),
            Self::HangUp => (Vec::new(), true),
            Self::Cut(length) => (whole(&reply[..*length]), false),
            Self::CutAndHangUp(length) => (whole(&reply[..*length]), true),
            Self::Pieces(length) => (reply.chunks(*length).map(<[u8]>::to_vec).collect(), false),
            Self::Instead(bytes) => (whole(bytes), false),
            Self::Longer(tail) => (whole(&[reply, tail].concat()), false),
        }
    }
}
