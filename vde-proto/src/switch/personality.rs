//! How switches differ: the behaviour of each generation as data.

use core::time::Duration;

use crate::wire::frame;

/// Whose behaviour a switch shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Personality {
    /// `vde_switch` 2.3.2, as Debian ships it.
    Old,
    /// `vde_switch` of vde-2's master branch since December 2024.
    New,
    /// As a switch ought to be: it never alters a frame, carries long and tagged ones and what bridges
    /// say to each other, finds a guest that has moved with its first frame, and lets no endpoint
    /// outlive its stream.
    #[default]
    Strict,
}

/// What makes up a personality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Whether the highest of N ports is N, or N - 1 \[P-6.9\].
    pub last_port_usable: bool,
    /// What a client sees when it cannot have its port \[P-6.7\].
    pub refusal: Refusal,
    /// What a message does that a stream with an endpoint must not carry \[P-4.8\].
    pub stray: Stray,
    /// Frames shorter than this are padded with zeros to it, in bytes \[P-8.6\]; 0 for none. (The
    /// real switch pads in part with bytes of other frames. That is not imitated.)
    pub pad_to: usize,
    /// The longest frame forwarded whole, in bytes.
    pub frame_max: usize,
    /// What becomes of a longer one \[P-8.3\].
    pub oversize: Oversize,
    /// What becomes of frames with an 802.1Q tag, unless the switch is a hub \[P-8.17\].
    pub tags: Tags,
}

/// What a client sees when it cannot have its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Nothing: no reply, no end of the stream. Another request may follow \[P-6.15\].
    Silence,
    /// The end of the stream.
    Close,
}

/// What happens when a stream that has an endpoint carries another message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stray {
    /// A request is granted \[P-4.7\], anything else closes the stream \[P-4.6\]; in both cases
    /// the previous endpoint stays until the switch ends.
    Orphans,
    /// Whatever it is, it closes the stream and the endpoint.
    Closes,
}

/// What becomes of a frame that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Oversize {
    /// Its beginning is forwarded.
    Cut,
    /// It is dropped.
    Drop,
}

/// What becomes of tagged frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tags {
    /// All ports belong to VLAN 0 alone: its tag is stripped \[P-8.16\], other VLANs are dropped
    /// \[P-8.15\].
    OnlyVlanZero,
    /// All ports belong to all VLANs and tags stay as they are; addresses are learned per VLAN.
    Transparent,
}

impl Personality {
    /// The behaviour, as data.
    #[must_use]
    pub const fn rules(self) -> Rules {
        match self {
            Self::Old => Rules {
                last_port_usable: false,
                refusal: Refusal::Silence,
                stray: Stray::Orphans,
                pad_to: 0,
                frame_max: frame::SWITCH_MAX,
                oversize: Oversize::Cut,
                tags: Tags::OnlyVlanZero,
            },
            Self::New => Rules {
                last_port_usable: true,
                refusal: Refusal::Close,
                pad_to: frame::PADDED_LEN,
                ..Self::Old.rules()
            },
            Self::Strict => Rules {
                last_port_usable: true,
                refusal: Refusal::Close,
                stray: Stray::Closes,
                pad_to: 0,
                frame_max: frame::LIBRARY_MAX,
                oversize: Oversize::Drop,
                tags: Tags::Transparent,
            },
        }
    }
}

/// What a switch is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwitchConfig {
    /// Whose behaviour it shows.
    pub personality: Personality,
    /// How many ports it has, as `-n` of vde_switch counts them \[P-6.9\].
    pub ports: u32,
    /// Whether it is a hub \[P-8.17\].
    pub hub: bool,
    /// How many (MAC, VLAN) pairs it can know at once; rounded up to a power of two, at most 2^20.
    /// Each takes 48 bytes.
    pub hash_size: usize,
    /// How long an address is known after it was last seen \[P-8.12\].
    pub ageing: Duration,
    /// How long an address must not have been seen before it may move to another port
    /// \[P-8.13\]; zero lets it move at once.
    pub min_persistence: Duration,
    /// How many endpoints it can have at once; a request beyond finds no free port.
    pub max_endpoints: usize,
}

impl SwitchConfig {
    /// The defaults of vde_switch, for this personality; but in a [strict](Personality::Strict)
    /// switch an address moves at once. So do those of bridges: a guest that was plugged into
    /// another port is found there with its first frame.
    #[must_use]
    pub const fn new(personality: Personality) -> Self {
        Self {
            personality,
            ports: 32,
            hub: false,
            hash_size: 1024,
            ageing: Duration::from_secs(100),
            min_persistence: match personality {
                Personality::Old | Personality::New => Duration::from_secs(3),
                Personality::Strict => Duration::ZERO,
            },
            max_endpoints: 1024,
        }
    }

    /// The highest port that can be had \[P-6.9\].
    #[must_use]
    pub const fn last_port(&self) -> u32 {
        if self.personality.rules().last_port_usable {
            self.ports
        } else {
            self.ports.saturating_sub(1)
        }
    }
}

impl Default for SwitchConfig {
    fn default() -> Self {
        Self::new(Personality::default())
    }
}
