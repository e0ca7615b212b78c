//! What there is to tell the user: why an argument changed, and what is odd about the others.

use std::ffi::OsString;
use std::fmt;

use crate::error::Quoted;

/// Why an argument was changed or added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// The argument names a VDE network.
    Vde,
    /// The argument uses `vlan=`, which this QEMU no longer has.
    VlanGone,
    /// The argument is a name of a `-sock` list.
    Sock,
    /// No network is named.
    NothingNamed,
    /// A plug has no NIC.
    NoNic,
    /// A `{vde...}` stands for a descriptor.
    Placeholder,
    /// A User-mode Linux kernel is told to use its own VDE transport, which kernels have lost.
    UmlTransport,
    /// The argument is a `-net dump`, which this QEMU no longer has.
    DumpGone,
    /// `--modernize` was given, and this QEMU no longer has the option.
    OptionGone,
    /// `--modernize` was given, and an option has become a parameter of the `user` network.
    OptionMoved,
    /// `--mac` or `mac=` asks for an address for this NIC, which has none.
    AutoMac,
    /// `--link-state` was given, and a hub would keep the state of the link from this NIC.
    LinkState,
    /// `--modernize` was given, and the option, which this QEMU no longer has, would change nothing.
    NoEffect,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vde => "it names a VDE network",
            Self::VlanGone => {
                "this QEMU has lost vlan=, and joins what shared one by hubs and netdevs"
            }
            Self::Sock => "-sock asks for this switch",
            Self::NothingNamed => "no network is named",
            Self::NoNic => "a VDE network without a NIC is of no use",
            Self::Placeholder => "a descriptor of the plug takes this place",
            Self::UmlTransport => "kernels have lost the transport vde, and have fd",
            Self::DumpGone => "this QEMU has filters in place of -net dump",
            Self::OptionGone => "this QEMU has lost the option, and takes these words for it",
            Self::OptionMoved => {
                "this QEMU has lost an option that is a parameter of the user network now"
            }
            Self::AutoMac => "no address is given, and one of its own is asked for",
            Self::LinkState => "the guest is to see its link, which a hub would keep from it",
            Self::NoEffect => "this QEMU has lost the option, which would change nothing here",
        })
    }
}

/// Something worth telling the user that is not wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// No network is named, so the default switch was taken.
    DefaultSwitch,
    /// No VDE network is named but another backend is, so nothing was added.
    OtherBackend {
        /// The argument that names it.
        index: usize,
        /// Its text.
        text: OsString,
    },
    /// No network is named, but a file that could not be read here may name one, so nothing was
    /// added.
    UnreadFile {
        /// The argument that names it.
        index: usize,
        /// The file.
        text: OsString,
    },
    /// Nothing in the arguments stands for a descriptor.
    NoPlaceholder,
    /// A User-mode Linux kernel gets its network by another transport, and the guest will call the
    /// interface by another name.
    UmlInterface {
        /// The argument that names it.
        index: usize,
        /// Its number.
        unit: String,
    },
    /// A type that no QEMU has and that looks like `vde`.
    NearMiss {
        /// The argument.
        index: usize,
        /// The type.
        found: OsString,
    },
    /// A NIC on a VDE network is given no address: it has that which every QEMU takes.
    NoAddress {
        /// Which network it is on, from 0.
        network: usize,
        /// Whether it would get one if it were not in a file, which is not ours to change.
        in_file: bool,
    },
    /// Addresses were asked for, but a `-set` or a `-global` may give NICs one, so they are left alone.
    AddressesElsewhere,
    /// Two plugs of one vlan are in the same switch. Frames go round between them.
    Loop {
        /// The argument with the second.
        index: usize,
        /// The vlan.
        vlan: u32,
    },
    /// QEMU will only print something and exit, so nothing was added.
    Informational {
        /// The argument that makes it so.
        index: usize,
        /// Its text.
        text: OsString,
    },
    /// An option of vdeq's own, behind options of QEMU, where it is QEMU's to refuse.
    Misplaced {
        /// The word.
        index: usize,
        /// Its text.
        text: OsString,
    },
    /// A NIC was added to a vlan, though there are others on other vlans.
    NicElsewhere {
        /// The vlan that has none of them.
        vlan: u32,
    },
    /// A NIC was added, because a VDE network had none.
    NicAdded {
        /// The vlan (hub) it was added to; `None` if it has a plug to itself.
        vlan: Option<u32>,
    },
    /// A `-netdev vde` that nothing on the line refers to. A device may be plugged in later, so
    /// nothing was added.
    NoDevice {
        /// The argument.
        index: usize,
        /// Its id.
        id: OsString,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultSwitch => f.write_str("no network is named: joining the default switch"),
            Self::OtherBackend { text, .. } => write!(
                f,
                "no VDE network was added, because {} settles what the network is",
                Quoted(text)
            ),
            Self::UnreadFile { text, .. } => write!(
                f,
                "no VDE network was added, because the file {} may name another network",
                Quoted(text)
            ),
            Self::NoAddress { network, in_file } => {
                let remedy = if *in_file { "mac= in its file" } else { "--mac=auto" };
                write!(
                    f,
                    "network {network}: its NIC has no mac=, and every QEMU takes the same address \
                     then: two of them do not hear each other ({remedy})"
                )
            }
            Self::AddressesElsewhere => {
                f.write_str("no address is given to any NIC, because a -set or -global may say one")
            }
            Self::NoPlaceholder => f.write_str(
                "no argument has a {vde:...} (a shell wants quotes around it): \
                 the program gets no network",
            ),
            Self::UmlInterface { unit, .. } => {
                write!(f, "in the guest the interface is called vec{unit}, not eth{unit}")
            }
            Self::NearMiss { found, .. } => {
                write!(
                    f,
                    "QEMU has no network of the type {}: did you mean `vde,...`?",
                    Quoted(found)
                )
            }
            Self::Loop { vlan, .. } => write!(
                f,
                "vlan {vlan} is plugged into the same switch twice: its frames go round for ever"
            ),
            Self::Informational { text, .. } => {
                write!(f, "{} only asks QEMU for information: no network was added", Quoted(text))
            }
            Self::Misplaced { text, .. } => {
                write!(f, "{} is an option of vdeq only before the program", Quoted(text))?;
                match crate::own::Own::read(text).map(|own| own.option.place) {
                    Some(crate::own::Place::Front) => Ok(()),
                    _ => f.write_str(", or directly behind it"),
                }
            }
            Self::NicElsewhere { vlan } => write!(
                f,
                "no NIC of the line is on vlan {vlan}, where a VDE network is: one was added there"
            ),
            Self::NicAdded { vlan: None } => f.write_str("a NIC was added for the VDE network"),
            Self::NicAdded { vlan: Some(vlan) } => {
                write!(f, "a NIC was added on vlan {vlan}, where the VDE network had none")
            }
            Self::NoDevice { id, .. } => write!(
                f,
                "no device refers to the VDE network with the id {}: expected a -device with that netdev=",
                Quoted(id)
            ),
        }
    }
}
