//! What happened in simulated worlds, counted, so that a simulator that tests nothing is noticed.

macro_rules! marks {
    ($($name:ident = $text:literal,)*) => {
        /// Something that can happen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the texts say it")]
        pub enum Mark { $($name,)* }

        impl Mark {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What it is.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

marks! {
    Runs = "runs",
    Steps = "steps",
    Acts = "acts of the script",
    // What was done to the world.
    Crash = "fault: a switch is killed",
    CleanEnd = "fault: a switch ends",
    Restart = "fault: a switch is started again",
    OtherPersonality = "fault: a switch comes back as another program",
    DirectoryGone = "fault: a directory goes",
    NoSocket = "fault: ctl is no socket",
    Freeze = "fault: a switch is stopped",
    Thaw = "fault: a switch goes on",
    Refuse = "fault: a request is refused",
    Silence = "fault: a request is ignored",
    Short = "fault: a reply is short",
    ShortEnd = "fault: a reply is short, then the end",
    Odd = "fault: a reply is none",
    Long = "fault: a reply is too long",
    Late = "fault: a reply is late",
    Split = "fault: a reply comes in pieces",
    Foreign = "fault: a reply names somebody else's socket",
    Gone = "fault: a reply names what is gone",
    EndAfterReply = "fault: the end comes right after the reply",
    Chatter = "fault: a switch talks",
    MuchChatter = "fault: a switch talks a lot",
    ClosePort = "fault: an administrator closes a port",
    DialBusy = "fault: connect says EAGAIN",
    DialDead = "fault: connect says ECONNREFUSED",
    DialAbsent = "fault: connect says ENOENT",
    DialDenied = "fault: connect says EACCES",
    DialOutOfReach = "fault: the switch's user cannot reach us",
    DialStranger = "fault: the switch is somebody else's now",
    DialOther = "fault: connect says something else",
    DataDenied = "fault: the data socket says EACCES",
    DataOther = "fault: the data socket says something else",
    NoBuffers = "fault: a guest's send says ENOBUFS",
    SlowSwitch = "fault: a switch does not read frames",
    SlowGuest = "fault: a guest does not read frames",
    PortTaken = "fault: somebody else takes a port",
    Forgotten = "fault: an old switch forgets a client [P-7.10]",
    VmExit = "the VM exits",
    VmKilled = "the VM is killed",
    SignalPassed = "a signal comes",
    SignalHad = "a signal comes that the VM has had",
    SignalStop = "SIGTSTP comes",
    SignalRefused = "a signal cannot be passed on",
    Sleep = "a vdeq is stopped for a while",
    SwapFault = "fault: sockets cannot be exchanged",
    RelayDies = "fault: a relay ends by itself",
    LateTick = "a tick is late",
    EarlyTick = "a tick is superfluous",
    // What the supervisors did.
    Dials = "calls",
    PlugsHeld = "plugs made again",
    Moves = "requests to plug in elsewhere",
    Moved = "... done",
    MoveNoSuchNic = "... refused: no such NIC",
    MoveBusy = "... refused: busy",
    MoveNoAddress = "... refused: no address",
    MoveFailed = "... failed",
    MoveEnded = "... overtaken by the end",
    WantsRelay = "requests for a relay",
    WantsNoRelay = "requests for no relay",
    SpliceWhileDown = "... while there is no plug",
    RelayShared = "... for one that is there",
    Spliced = "... done",
    SpliceNoSuchNic = "... refused: no such NIC",
    SpliceBusy = "... refused: busy",
    SpliceNoAddress = "... refused: no address",
    SpliceFailed = "... failed: no plug for the other socket",
    SwapFailed = "... failed: sockets were not exchanged",
    SpliceEnded = "... overtaken by the end",
    LostWhileSplicing = "a plug is lost while a relay is put in or taken out",
    SplicedAnew = "... and the splice makes the next one",
    Lost = "event: lost",
    LostForGood = "event: lost for good",
    Failing = "event: failing",
    Plugged = "event: plugged",
    RelayIn = "event: a relay is in the path",
    RelayOut = "event: no relay is in the path any more",
    GaveUp = "event: gave up",
    TellsRefused = "event: signal refused",
    TroubleHungUp = "trouble: hung up",
    TroubleChatter = "trouble: chatter",
    TroublePlug = "trouble: a plug failed",
    ErrorAbsent = "failure: absent",
    ErrorNoDir = "failure: no directory of a switch",
    ErrorDenied = "failure: denied",
    ErrorDead = "failure: dead",
    ErrorBusy = "failure: busy",
    ErrorOutOfReach = "failure: out of reach",
    ErrorStranger = "failure: a stranger's switch",
    ErrorOther = "failure: another errno",
    ErrorRefused = "failure: refused",
    ErrorNoAnswer = "failure: no answer",
    ErrorBadReply = "failure: bad reply",
    ErrorDataGone = "failure: data socket gone",
    ErrorDataDenied = "failure: data socket denied",
    ErrorDataForeign = "failure: data socket foreign",
    ErrorDataOther = "failure: data socket, another errno",
    Announced = "announcements",
    LinkDown = "links shown down",
    // What became of frames.
    Sent = "frames sent by guests",
    Received = "frames received by guests",
    Forwarded = "frames forwarded by switches",
    RelayedIn = "frames relayed to guests",
    RelayedOut = "frames relayed from guests",
    LostNoBuffers = "frames lost: ENOBUFS",
    LostFull = "frames lost: a queue was full",
    LostUnplugged = "frames lost: not plugged in",
    LostDead = "frames lost: the switch was gone",
    LostPurged = "frames lost: discarded unread",
    LostDropped = "frames lost: nobody to carry them to",
    LostForbidden = "frames lost: the receiver was connected elsewhere",
    LostCopies = "frames discarded: a relay's copies",
    LostHeld = "frames discarded: what waited in a relay that was taken out",
    LostOnTheWayBack = "frames lost: a relay was being taken out",
    Cut = "frames cut",
    Padded = "frames padded",
    // What the calm after the faults showed.
    CalmUp = "calm: NICs up",
    CalmGivenUp = "calm: NICs given up",
    CalmNoPort = "calm: NICs without a free port",
    CalmBeside = "calm: NICs up beside a stalled one",
    CalmFrames = "calm: frames that arrived",
}

/// How often each thing happened.
#[derive(Debug, Clone)]
pub struct Cover([u64; Mark::ALL.len()]);

impl Default for Cover {
    fn default() -> Self {
        Self([0; Mark::ALL.len()])
    }
}

impl Cover {
    pub(super) fn add(&mut self, mark: Mark, count: u64) {
        self.0[mark as usize] += count;
    }

    pub(super) fn hit(&mut self, mark: Mark) {
        self.add(mark, 1);
    }

    /// How often it happened.
    #[must_use]
    pub fn of(&self, mark: Mark) -> u64 {
        self.0[mark as usize]
    }

    /// Adds those of other worlds.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine += theirs);
    }
}
