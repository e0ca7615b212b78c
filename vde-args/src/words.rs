//! The words of lists that are vdeq's: the parameters of a VDE network, and what a relay is for. The
//! parsers read these tables, and so does whoever writes a manual page or completions.

/// One `name=value` of a list, or one `name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Word {
    /// What stands before the `=`.
    pub name: &'static str,
    /// What a manual calls that which stands behind it; in small letters, what is to be written as it
    /// stands. Empty if nothing does.
    pub value: &'static str,
    /// A paragraph for a manual. What is to be typed as it stands is between backticks.
    pub about: &'static str,
}

/// The parameters of a VDE network, in any of the options that name one.
pub const PLUG_WORDS: &[Word] = &[
    Word {
        name: "sock",
        value: "SWITCH",
        about: "\
            The directory of the switch, or its name, a word without a slash that \
            `~/.config/vdeq/switches.toml` has; by default, the default switch. A comma in it is doubled.",
    },
    Word {
        name: "port",
        value: "N",
        about: "\
            The port of the switch; the first that is free by default, and for 0. Clients of one user can \
            share one.",
    },
    Word {
        name: "group",
        value: "NAME|GID",
        about: "The group of the socket that vdeq makes for the switch to send to.",
    },
    Word { name: "mode", value: "OCTAL", about: "The permissions of that socket, before `--mod`." },
    Word {
        name: "mac",
        value: "auto",
        about: "\
            Each NIC on this network that is given no address gets one of its own, as with `--mac=auto`.",
    },
];

/// What a relay can be for: `--relay`, and an order on the control socket.
pub const RELAY_WORDS: &[Word] = &[
    Word {
        name: "net",
        value: "N",
        about: "\
            Which network, from 0, in the order of the command line; all of them by default.",
    },
    Word {
        name: "pcap",
        value: "FILE",
        about: "\
            Capture frames in this file, FIFO or, if it is `-`, on standard output, as pcapng. Frames \
            never wait for it: what it does not take in time is missing, and counted.",
    },
    Word { name: "stats", value: "", about: "Count frames: `status` on the control socket tells." },
    Word { name: "loss", value: "SHARE", about: "So many frames are lost: 1.5%, or 0.015." },
    Word {
        name: "delay",
        value: "TIME",
        about: "Every frame comes so much later: 200us, 10ms, 1.5s, up to 10s.",
    },
    Word {
        name: "jitter",
        value: "TIME",
        about: "And by so much more or less than that, at random.",
    },
    Word { name: "dup", value: "SHARE", about: "So many frames come twice." },
    Word { name: "reorder", value: "SHARE", about: "So many frames are overtaken by the next." },
    Word { name: "rate", value: "BITS", about: "So many bits pass in a second: 512k, 10M, 1G." },
    Word { name: "corrupt", value: "SHARE", about: "In so many frames one bit is flipped." },
    Word {
        name: "seed",
        value: "N",
        about: "The same seed does the same to the nth frame of a direction each time.",
    },
    Word { name: "to", value: "vm|switch", about: "Which way is impaired; both by default." },
];
