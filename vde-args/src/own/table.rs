//! The table of vdeq's own options. The parser reads it, and so does whoever writes a help text, a manual
//! page or completions.

use super::{OwnId, OwnOption, OwnValue, Place};

/// Every option of vdeq's own, in the order in which a manual names them.
pub const OWN_OPTIONS: &[OwnOption] = &[
    OwnOption {
        id: OwnId::Help,
        spellings: &["--help", "-h", "-help"],
        value: OwnValue::Optional("all"),
        place: Place::Front,
        help: "say how vdeq is used",
        about: "Say on a page how vdeq is used, and with `all` what every option does.",
    },
    OwnOption {
        id: OwnId::Version,
        spellings: &["--version", "-version"],
        value: OwnValue::None,
        place: Place::Front,
        help: "say which vdeq this is",
        about: "\
              Say which vdeq this is. Behind the name of a QEMU, and on a link such as vdekvm, \
              `-version` is QEMU's.",
    },
    OwnOption {
        id: OwnId::Doctor,
        spellings: &["--doctor"],
        value: OwnValue::Optional("json"),
        place: Place::Front,
        help: "look at this machine, and say what is wrong",
        about: "\
              Look at this machine, and say on a page which QEMUs are here, which switches answer and \
              what is wrong, each with the command that mends it: the default switches, those that \
              have names, and those that are named behind it. The status is 1 if something is wrong.",
    },
    OwnOption {
        id: OwnId::Verbose,
        spellings: &["-v", "--verbose"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "say what is done",
        about: "\
              Say on standard error what is done: which port of which switch each network got, \
              which version QEMU has, and which command is run. Twice (`-vv`): also how long each \
              step took, as whom the switch runs, and what was looked at.",
    },
    OwnOption {
        id: OwnId::Exec,
        spellings: &["--exec"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "become QEMU instead of watching over it",
        about: "\
              Become QEMU instead of staying beside it. Then nobody plugs in again when a switch \
              goes away, and options that need a vdeq beside the machine are refused.",
    },
    OwnOption {
        id: OwnId::DryRun,
        spellings: &["--dry-run"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "print the command that would run",
        about: "\
              Print the command that would be run, and do nothing: no switch is asked, and of QEMU \
              only the version, if that is not known yet. The descriptors that it would have begin \
              at 100.",
    },
    OwnOption {
        id: OwnId::Explain,
        spellings: &["--explain"],
        value: OwnValue::Optional("text|json"),
        place: Place::Lead,
        help: "print what becomes of each argument, and why",
        about: "\
              Print what becomes of each argument, and why; as one object of JSON for programs. As \
              `--dry-run`, it does nothing.",
    },
    OwnOption {
        id: OwnId::Modernize,
        spellings: &["--modernize"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "replace options that this QEMU has lost, too",
        about: "\
              Also replace options that this QEMU has lost and that have an exact successor, such \
              as `-localtime`, `-soundhw` or `-redir`. Without it they reach QEMU as they are, and \
              QEMU refuses them.",
    },
    OwnOption {
        id: OwnId::FdPlaceholder,
        spellings: &["--fd-placeholder"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "start any program: {vde:SWITCH} becomes a descriptor",
        about: "\
              QEMU is any program that takes the number of a connected datagram socket: \
              `{vde:SWITCH,port=N}` inside any of its arguments becomes one. A User-mode Linux \
              kernel needs no such option: `eth0=vde,SWITCH,...` becomes `vec0:transport=fd,...`.",
    },
    OwnOption {
        id: OwnId::QemuVersion,
        spellings: &["--qemu-version"],
        value: OwnValue::Required("X.Y[.Z]"),
        place: Place::Lead,
        help: "do not ask QEMU for its version",
        about: "The version of QEMU, instead of asking it. It decides how its arguments are spelled.",
    },
    OwnOption {
        id: OwnId::Timeout,
        spellings: &["--timeout"],
        value: OwnValue::Required("SECONDS"),
        place: Place::Lead,
        help: "give a switch this long to answer",
        about: "The longest time that a switch may take to answer; 5 by default.",
    },
    OwnOption {
        id: OwnId::Reconnect,
        spellings: &["--reconnect"],
        value: OwnValue::Required("on|off|SECONDS"),
        place: Place::Lead,
        help: "whether, or how long, to try to plug in again",
        about: "\
              Whether a network is plugged in again when its switch closes it or ends: `on`, as \
              long as the machine runs (the default); `off`; or for so many seconds at most.",
    },
    OwnOption {
        id: OwnId::Wait,
        spellings: &["--wait"],
        value: OwnValue::Optional("SECONDS"),
        place: Place::Lead,
        help: "wait for a switch that is not there yet",
        about: "\
              Wait for a switch that is not there yet; for at most so many seconds, if they are \
              given.",
    },
    OwnOption {
        id: OwnId::Control,
        spellings: &["--control"],
        value: OwnValue::Required("PATH"),
        place: Place::Lead,
        help: "answer questions and orders on this socket",
        about: "\
              Make a socket, mode 0600, on which questions and orders are answered, one object of \
              JSON a line: how the networks are (`{\"command\":\"status\"}`), moving one to \
              another switch or port while the machine runs (`replug`), putting a relay into its \
              path (`relay`), what happens (`events`). docs/control.md has all of it.",
    },
    OwnOption {
        id: OwnId::Events,
        spellings: &["--events"],
        value: OwnValue::Required("FD|PATH"),
        place: Place::Lead,
        help: "tell what happens, as lines of JSON",
        about: "\
              Tell what happens to the networks, one object of JSON a line, on a descriptor that \
              vdeq was started with or in a file.",
    },
    OwnOption {
        id: OwnId::ReadyFd,
        spellings: &["--ready-fd"],
        value: OwnValue::Required("FD"),
        place: Place::Lead,
        help: "say on this descriptor that the VM has its network",
        about: "\
              Write the line `ready` to this descriptor and close it, when QEMU has been started \
              on its network.",
    },
    OwnOption {
        id: OwnId::LinkState,
        spellings: &["--link-state"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "tell the guest when its network goes and comes",
        about: "\
              Let the guest see its cable pulled while its switch is away. That takes a monitor of \
              QEMU's (QMP), which is added to its arguments.",
    },
    OwnOption {
        id: OwnId::Relay,
        spellings: &["--relay"],
        value: OwnValue::Required("FEATURES"),
        place: Place::Lead,
        help: "capture, count or impair frames, such as pcap=FILE or loss=1%",
        about: "\
              Have frames pass through vdeq from the start, which can capture, count and impair \
              them. Without it they do not. FEATURES are listed below, with \
              commas between them.",
    },
    OwnOption {
        id: OwnId::Mac,
        spellings: &["--mac"],
        value: OwnValue::Required("auto"),
        place: Place::Lead,
        help: "give NICs without an address one of their own",
        about: "\
              Give each NIC on a VDE network that is given no address one of its own, which stays the \
              same: it follows from the name of the machine (QEMU's `-name`, which has to be there), \
              the number of the NIC among those on VDE networks, and the switch, as it is named. \
              Without it every QEMU takes the same.",
    },
    OwnOption {
        id: OwnId::Switch,
        spellings: &["--switch"],
        value: OwnValue::Optional("DIR"),
        place: Place::Lead,
        help: "serve a switch there; without a program, nothing else",
        about: "\
              Serve a switch in DIR, by default in ~/.vde2/default.switch: as long as the machine \
              runs, for it and for anybody else who may enter DIR; or, without a QEMU, until \
              `SIGTERM`, `SIGINT` or `SIGHUP`. It is the default switch of this command. DIR \
              stands behind `=`, since the next word is the program.",
    },
    OwnOption {
        id: OwnId::Ports,
        spellings: &["--ports"],
        value: OwnValue::Required("N"),
        place: Place::Lead,
        help: "how many ports that switch has",
        about: "How many ports the switch of `--switch` has, 1 to 1024; 32 by default.",
    },
    OwnOption {
        id: OwnId::Hub,
        spellings: &["--hub"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "it is a hub: every frame goes to every port",
        about: "The switch of `--switch` is a hub: every frame goes to every port.",
    },
    OwnOption {
        id: OwnId::Group,
        spellings: &["--group"],
        value: OwnValue::Required("NAME|GID"),
        place: Place::Lead,
        help: "the group that its sockets belong to",
        about: "\
              The group that the sockets of `--switch` belong to. Their mode is 0660 then, if \
              `--mod` says nothing else.",
    },
    OwnOption {
        id: OwnId::Management,
        spellings: &["--mgmt"],
        value: OwnValue::Required("PATH"),
        place: Place::Lead,
        help: "answer its management console on this socket",
        about: "\
              Answer the management console of `--switch` on this socket, mode 0600, as a \
              vde_switch does.",
    },
    // As vde_switch has it. Behind a program's name, and on a link, it is QEMU's machine.
    OwnOption {
        id: OwnId::Management,
        spellings: &["-M"],
        value: OwnValue::Required("PATH"),
        place: Place::Front,
        help: "the same as --mgmt",
        about: "\
              The same as `--mgmt`, as vde_switch has it. Behind the name of a QEMU, and on a \
              link, it is QEMU's machine.",
    },
    OwnOption {
        id: OwnId::Mode,
        spellings: &["--mod", "-mod", "--mode", "-mode"],
        value: OwnValue::Required("OCTAL"),
        place: Place::Anywhere,
        help: "file mode of the data sockets, and of the sockets of --switch",
        about: "\
              Permissions, in octal, of the sockets that vdeq makes for switches to send to, while \
              they are being plugged in, and of the sockets of `--switch` (0600 by default). It is \
              taken anywhere among QEMU's arguments.",
    },
    OwnOption {
        id: OwnId::Sock,
        spellings: &["-sock", "--sock", "-vdesock", "--vdesock", "-unix", "--unix"],
        value: OwnValue::Required("PATH[,PATH...]"),
        place: Place::Anywhere,
        help: "join these switches (old syntax)",
        about: "\
              Join these switches: the old syntax, taken anywhere among QEMU's arguments. One NIC \
              is joined to all of them; called as vdeoq, there is one NIC for each. An empty PATH \
              is the default switch.",
    },
    OwnOption {
        id: OwnId::End,
        spellings: &["--"],
        value: OwnValue::None,
        place: Place::Lead,
        help: "what follows is not for vdeq",
        about: "What follows is not for vdeq.",
    },
];
