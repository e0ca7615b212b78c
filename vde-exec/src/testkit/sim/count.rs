//! Counts what supervisors tell.

use vde_proto::{DataFailure, DialFailure, PlugError};

use super::cover::Mark;
use super::world::World;
use crate::supervisor::{Event, MoveError, Trouble};

impl World {
    pub(super) fn count_event(&mut self, index: usize, event: &Event) {
        if let Event::Lost { nic, .. } | Event::Plugged { nic, .. } = event {
            let is_splicing = self.vdeqs[index].splices.iter().any(|(_, open)| open == nic);
            let is_lost = matches!(event, Event::Lost { .. });
            let mark = if is_lost { Mark::LostWhileSplicing } else { Mark::SplicedAnew };
            self.cover.add(mark, is_splicing.into());
        }
        let mark = match event {
            Event::Lost { why, retrying, .. } => {
                self.count_trouble(why);
                if *retrying { Mark::Lost } else { Mark::LostForGood }
            }
            Event::Failing { why, .. } => {
                self.count_error(why);
                Mark::Failing
            }
            Event::Plugged { .. } => Mark::Plugged,
            Event::Spliced { is_relayed: true, .. } => Mark::RelayIn,
            Event::Spliced { is_relayed: false, .. } => Mark::RelayOut,
            // The driver's word, and not the supervisor's.
            Event::RelayFailed { .. } | Event::CaptureFailed { .. } => return,
            Event::GaveUp { why, .. } => {
                self.count_trouble(why);
                Mark::GaveUp
            }
            Event::SignalRefused(_) => Mark::TellsRefused,
        };
        self.cover.hit(mark);
    }

    pub(super) fn count_answer(&mut self, result: &Result<(), MoveError>) {
        let mark = match result {
            Ok(()) => Mark::Moved,
            Err(MoveError::NoSuchNic) => Mark::MoveNoSuchNic,
            Err(MoveError::Busy) => Mark::MoveBusy,
            Err(MoveError::NoAddress) => Mark::MoveNoAddress,
            Err(MoveError::Plug(_)) => Mark::MoveFailed,
            // No move does that.
            Err(MoveError::Splice(_)) => return,
            Err(MoveError::Ended) => Mark::MoveEnded,
        };
        self.cover.hit(mark);
    }

    pub(super) fn count_splice(&mut self, result: &Result<(), MoveError>) {
        let mark = match result {
            Ok(()) => Mark::Spliced,
            Err(MoveError::NoSuchNic) => Mark::SpliceNoSuchNic,
            Err(MoveError::Busy) => Mark::SpliceBusy,
            Err(MoveError::NoAddress) => Mark::SpliceNoAddress,
            Err(MoveError::Plug(_)) => Mark::SpliceFailed,
            Err(MoveError::Splice(_)) => Mark::SwapFailed,
            Err(MoveError::Ended) => Mark::SpliceEnded,
        };
        self.cover.hit(mark);
    }

    fn count_trouble(&mut self, trouble: &Trouble) {
        self.cover.hit(match trouble {
            Trouble::HungUp => Mark::TroubleHungUp,
            Trouble::Chatter => Mark::TroubleChatter,
            Trouble::Plug(_) => Mark::TroublePlug,
        });
    }

    fn count_error(&mut self, error: &PlugError) {
        let mark = match error {
            PlugError::Dial(failure) => match failure {
                DialFailure::Absent => Mark::ErrorAbsent,
                DialFailure::NotASocketDir => Mark::ErrorNoDir,
                DialFailure::Denied => Mark::ErrorDenied,
                DialFailure::Dead => Mark::ErrorDead,
                DialFailure::Busy => Mark::ErrorBusy,
                DialFailure::OutOfReach => Mark::ErrorOutOfReach,
                DialFailure::Stranger => Mark::ErrorStranger,
                DialFailure::Other(_) => Mark::ErrorOther,
            },
            PlugError::Refused => Mark::ErrorRefused,
            PlugError::NoAnswer { .. } => Mark::ErrorNoAnswer,
            PlugError::BadReply(_) => Mark::ErrorBadReply,
            PlugError::Data(failure) => match failure {
                DataFailure::Gone => Mark::ErrorDataGone,
                DataFailure::Denied => Mark::ErrorDataDenied,
                DataFailure::Foreign => Mark::ErrorDataForeign,
                DataFailure::Other(_) => Mark::ErrorDataOther,
            },
            // No driver that connects at once can see the end between the reply and the connection.
            _ => return,
        };
        self.cover.hit(mark);
    }
}
