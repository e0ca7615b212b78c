//! What a relay counts.

use nix::errno::Errno;

use super::ImpairmentCounts;

/// What a relay has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RelayStats {
    /// Frames from the VM to the switch.
    pub from_vm: DirectionStats,
    /// Frames from the switch to the VM.
    pub to_vm: DirectionStats,
    /// The capture; `None` if there never was one.
    pub capture: Option<CaptureStats>,
}

/// One direction. Every frame is somewhere:
/// `received.frames + impaired.duplicated = sent.frames + drops.total() + impaired.lost +
/// impaired.overflowed + delayed.frames`, give or take those that are in hand at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirectionStats {
    /// What came in.
    pub received: Amount,
    /// What the other side took.
    pub sent: Amount,
    /// What was dropped, by cause.
    pub drops: Drops,
    /// What an impairment has done.
    pub impaired: ImpairmentCounts,
    /// What an impairment keeps back now.
    pub delayed: Amount,
    /// How often receiving failed: the socket's peer is gone, say. No frame is lost by that.
    pub receive_errors: u64,
}

/// So many frames, of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Datagrams.
    pub frames: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// Frames that were dropped, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// There was nothing in the datagram. (An empty one would end QEMU's reading for good.)
    pub empty: u64,
    /// It was longer than any frame, [`MAX_FRAME`](super::MAX_FRAME).
    pub too_long: u64,
    /// The receiver made no room in time.
    pub stalled: u64,
    /// The receiver's socket is closed (`ECONNREFUSED`, `ECONNRESET`).
    pub refused: u64,
    /// The socket is connected to nobody (`ENOTCONN`, `EDESTADDRREQ`).
    pub unconnected: u64,
    /// The receiver is connected to somebody else (`EPERM`).
    pub forbidden: u64,
    /// The kernel said something else.
    pub other: u64,
}

/// What a capture has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureStats {
    /// Frames that were there to be captured since somebody reads.
    pub seen: u64,
    /// How many of them nobody took in time.
    pub dropped: u64,
    /// Where it stands.
    pub state: CaptureState,
}

/// Where a capture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureState {
    /// Nobody has opened the FIFO for reading yet.
    Waiting,
    /// Frames are captured.
    Running,
    /// It is over, as it was told.
    Ended,
    /// It is over by itself: nobody reads any more (`EPIPE`), the disk is full.
    Failed(Errno),
}

impl Amount {
    pub(super) fn add(&mut self, length: usize) {
        self.frames += 1;
        self.bytes += u64::try_from(length).unwrap_or_default();
    }
}

impl Drops {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { empty, too_long, stalled, refused, unconnected, forbidden, other } = self;
        empty + too_long + stalled + refused + unconnected + forbidden + other
    }

    /// Counts a frame that the kernel did not take.
    pub(super) fn count(&mut self, errno: Errno) {
        let counter = match errno {
            Errno::EAGAIN => &mut self.stalled,
            Errno::ECONNREFUSED | Errno::ECONNRESET => &mut self.refused,
            Errno::ENOTCONN | Errno::EDESTADDRREQ => &mut self.unconnected,
            Errno::EPERM | Errno::EACCES => &mut self.forbidden,
            Errno::EMSGSIZE => &mut self.too_long,
            _ => &mut self.other,
        };
        *counter += 1;
    }
}
