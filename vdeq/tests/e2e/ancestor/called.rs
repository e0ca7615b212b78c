//! How it is called: the name of vdeq, of the program, and the first words.

use super::{Row, case, dies, ends, leaves, row, vm};

/// What the C vdeq adds on its own, in front of what the user gave.
macro_rules! added {
    ($after:literal) => {
        concat!("qemu -net tap,vlan=0,fd=# -net nic", $after)
    };
}

pub const ROWS: &[Row] = &[
    row(
        "`vdeq PROGRAM ARGS` starts PROGRAM",
        "same",
        &[
            case(
                "vdeq qemu -m 64",
                vm(added!(" -m 64"), "D1"),
                vm("qemu -m 64 -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdeq bin/kvm -m 64",
                vm("bin/kvm -net tap,vlan=0,fd=# -net nic -m 64", "D1"),
                vm("bin/kvm -m 64 -net nic -net tap,fd=#", "D1"),
            ),
        ],
    ),
    row(
        "`vde{NAME}`, a link, starts NAME",
        "same",
        &[
            case(
                "vdeqemu -m 1",
                vm(added!(" -m 1"), "D1"),
                vm("qemu -m 1 -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdekvm -m 1",
                vm("kvm -net tap,vlan=0,fd=# -net nic -m 1", "D1"),
                vm("kvm -m 1 -net nic -net tap,fd=#", "D1"),
            ),
        ],
    ),
    row(
        "a link of any other name is `vdeq`",
        "same",
        &[
            case(
                "my-vdeq qemu -m 1",
                vm(added!(" -m 1"), "D1"),
                vm("qemu -m 1 -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "VDEQ qemu -m 1",
                vm(added!(" -m 1"), "D1"),
                vm("qemu -m 1 -net nic -net tap,fd=#", "D1"),
            ),
        ],
    ),
    row(
        "the manual writes `vde qemu`",
        "mended",
        &[
            case("vde qemu -m 1", ends(0, "", ""), vm("qemu -m 1 -net nic -net tap,fd=#", "D1")),
            case("vdeo qemu -m 1", ends(0, "", ""), vm("qemu -m 1 -net nic -net tap,fd=#", "D1")),
        ],
    ),
    row(
        "`vdeo{NAME}` starts NAME with the words of QEMU 0.7",
        "kept",
        &[
            case(
                "vdeoqemu -m 1",
                vm("qemu -tun-fd # -nics 1 -m 1", "D1"),
                vm("qemu -m 1 -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdeoqemu -sock A,B -m 1",
                vm("qemu -tun-fd # -tun-fd # -nics 2 -m 1", "A1 B1"),
                vm(
                    "qemu -m 1 -net nic -net tap,fd=# -net nic,vlan=1 -net tap,fd=#,vlan=1",
                    "A1 B1",
                ),
            ),
            case(
                "vdeoqemu -sock A,B -m 1",
                vm("qemu -tun-fd # -tun-fd # -nics 2 -m 1", "A1 B1"),
                vm("qemu -m 1 -tun-fd # -tun-fd # -nics 2", "A1 B1"),
            )
            .on(super::OLDEST),
        ],
    ),
    row(
        "V24: `vdeoq PROGRAM` crashes",
        "mended",
        &[
            case("vdeoq qemu -m 1", dies(11), vm("qemu -m 1 -net nic -net tap,fd=#", "D1")),
            case("vdeoq", dies(11), ends(125, "", "expected the name of a QEMU")),
        ],
    ),
    row(
        "V27: `vdeq` alone prints a usage text on standard error",
        "mended",
        &[case(
            "vdeq",
            ends(0, "", "Usage: vdeq [-h]"),
            ends(125, "", "expected the name of a QEMU"),
        )],
    ),
    row(
        "V27: `vdeq -h` asks a program called `-h` for its version",
        "mended",
        &[
            case("vdeq -h", ends(0, "", "Usage: vdeq [-h]"), ends(0, "usage:", "")),
            case("vdeq -help", ends(0, "", "Usage: vdeq [-h]"), ends(0, "usage:", "")),
            case("vdeq --help", ends(0, "", "Usage: vdeq [-h]"), ends(0, "usage:", "")),
        ],
    ),
    row(
        "an empty program name starts nothing",
        "mended",
        &[case("vdeq ''", ends(0, "", ""), ends(125, "", "expected the name of a QEMU"))],
    ),
    row(
        "`vdeq qemu -h` (or `-help`, `--help`) prints vdeq's usage text on standard error",
        "mended",
        &[
            case("vdeq qemu -h", ends(0, "", "Usage: vdeq [-h]"), ends(0, "QEMU PC emulator", "")),
            case("vdeq qemu -help", ends(0, "", "Usage: vdeq"), ends(0, "QEMU PC emulator", "")),
            case("vdeq qemu --help", ends(0, "", "Usage: vdeq [-h]"), vm("qemu --help", "")),
            case("vdeq qemu -h -m 1", ends(0, "", "Usage: vdeq [-h]"), vm("qemu -h -m 1", "")),
        ],
    ),
    row(
        "`vdeqemu -h` prints a usage text on standard error, then QEMU's help",
        "not kept",
        &[
            case(
                "vdeqemu -h",
                ends(0, "QEMU PC emulator", "Usage: vdeqemu [-h]"),
                ends(0, "usage:", ""),
            ),
            case(
                "vdeoqemu --help -m 1",
                ends(0, "QEMU PC emulator", "Usage: vdeoqemu [-h]"),
                ends(0, "usage:", ""),
            ),
            case("vdeqemu -- -h", vm(added!(" -- -h"), "D1"), ends(0, "QEMU PC emulator", "")),
        ],
    ),
    row(
        "`-h` behind another option is QEMU's, which gets a network for it",
        "kept",
        &[
            case("vdeq qemu -m 1 -h", vm(added!(" -m 1 -h"), "D1"), vm("qemu -m 1 -h", "")),
            case(
                "vdeqemu -m 1 --help",
                vm(added!(" -m 1 --help"), "D1"),
                vm("qemu -m 1 --help", ""),
            ),
        ],
    ),
    row(
        "`--` is handed on to QEMU, which knows no such option",
        "not kept",
        &[case(
            "vdeq qemu -- -m 1",
            vm(added!(" -- -m 1"), "D1"),
            vm("qemu -m 1 -net nic -net tap,fd=#", "D1"),
        )],
    ),
    row(
        "any word before the program name is the program",
        "not kept",
        &[
            case("vdeq -sock A qemu", ends(0, "", ""), vm("qemu -net nic -net tap,fd=#", "A1")),
            case("vdeq --mod 600 qemu", ends(0, "", ""), vm("qemu -net nic -net tap,fd=#", "D1")),
            case("vdeq -- qemu", ends(0, "", ""), vm("qemu -net nic -net tap,fd=#", "D1")),
            case("vdeq --verbos qemu", ends(0, "", ""), ends(125, "", "did you mean `--verbose`")),
            case("vdeq -net vde qemu", ends(0, "", ""), ends(125, "", "is an option of QEMU")),
            case("vdeq --version", ends(0, "", ""), ends(0, "vdeq ", "")),
        ],
    ),
    row(
        "a note on standard error at every start, that vdeq is deprecated",
        "not kept",
        &[case(
            "vdeq qemu -net nic -net vde,sock=A",
            vm("qemu -net nic -net tap,vlan=0,fd=#", "A1"),
            vm("qemu -net nic -net tap,fd=#", "A1"),
        )],
    ),
    row(
        "a program that is not there, or that is a directory: nothing is said, status 0",
        "mended",
        &[
            case("vdeq nosuch -m 1", ends(0, "", ""), ends(127, "", "no program nosuch")),
            case("vdeq ./bin -m 1", ends(0, "", ""), ends(126, "", "it is a directory")),
            case("vdeqkvm -m 1", ends(0, "", ""), ends(127, "", "no program qkvm")),
        ],
    ),
    row(
        "`-daemonize`, wherever it stands and also as the argument of another option",
        "mended",
        &[
            case(
                "vdeq kvm -m 1 -daemonize",
                leaves("kvm -net tap,vlan=0,fd=# -net nic -m 1 -daemonize", "D1"),
                vm("kvm -m 1 -daemonize -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdekvm -name -daemonize -sock A",
                leaves("kvm -net tap,vlan=0,fd=# -net nic -name -daemonize -sock A", "D1"),
                vm("kvm -name -daemonize -net nic -net tap,fd=#", "A1"),
            ),
        ],
    ),
    row(
        "with a program that is called `qemu`, or written `--daemonize`, it is not seen",
        "mended",
        &[
            case(
                "vdeq qemu -m 1 -daemonize",
                vm(added!(" -m 1 -daemonize"), "D1"),
                vm("qemu -m 1 -daemonize -net nic -net tap,fd=#", "D1"),
            ),
            case(
                "vdeq kvm --daemonize",
                vm("kvm -net tap,vlan=0,fd=# -net nic --daemonize", "D1"),
                vm("kvm --daemonize -net nic -net tap,fd=#", "D1"),
            ),
        ],
    ),
];
